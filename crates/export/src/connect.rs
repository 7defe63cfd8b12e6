//! From a URL's host to an open socket: every address of a name is tried, within a single time limit.
//!
//! Hands sockets to `udp.rs` and `stream.rs`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{CollectorUrl, connect_settings::ConnectSettings, error::SendProblem};

/// Addresses of a collector, in the resolver's order of preference; never empty.
pub(crate) fn resolve(
    url: &CollectorUrl,
    timeout: Duration,
) -> Result<Vec<SocketAddr>, SendProblem> {
    let host = url.host().expect("a file is never resolved");
    let port = url.port().expect("a URL with a host has a port");
    if let Some(address) = url.address() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failure = |reason: String| SendProblem::NotResolved {
        host: host.to_owned(),
        reason,
    };
    let mut addresses =
        look_up(host.to_owned(), port, timeout).map_err(|error| failure(error.to_string()))?;
    addresses.dedup();
    if addresses.is_empty() {
        return Err(failure("the name has no address".to_owned()));
    }
    Ok(addresses)
}

/// Address to which the name of a collector led, and the time of that answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResolvedPeer {
    pub(crate) address: SocketAddr,
    at: Instant,
}

impl ResolvedPeer {
    /// Address that the resolver has answered just now.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let at = Instant::now();
        Self { address, at }
    }

    /// Returns whether the name still leads to the address. The resolver is asked again after `resolve_after`; a name that
    /// cannot be resolved now changes nothing.
    pub(crate) fn holds(&mut self, url: &CollectorUrl, settings: &ConnectSettings) -> bool {
        if self.at.elapsed() < settings.options.resolve_after {
            return true;
        }
        self.at = Instant::now();
        resolve(url, settings.connect_timeout())
            .map_or(true, |addresses| addresses.contains(&self.address))
    }
}

/// Asks the system's resolver, which has no time limit of its own that could be set, on a thread that may be left behind.
fn look_up(host: String, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    let (to, from) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        // The receiver is gone after the time limit.
        let _ = to.send(found.map(Iterator::collect));
    })?;
    from.recv_timeout(timeout)
        .unwrap_or_else(|_| Err(io::Error::other(format!("no answer within {timeout:?}"))))
}

/// Connects to the first address that accepts. Each address gets an equal share of the time left, so that an address behind
/// a silent firewall does not use up all of the time.
pub(crate) fn connect_tcp(
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Result<TcpStream, SendProblem> {
    let deadline = Instant::now() + timeout;
    let mut failure = SendProblem::NotConnected;
    for (left, &address) in (1..=u32::try_from(addresses.len()).unwrap_or(u32::MAX))
        .rev()
        .zip(addresses)
    {
        let share = (deadline.saturating_duration_since(Instant::now()) / left)
            .max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, share) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = connect_problem(address, &error, share),
        }
    }
    Err(failure)
}

/// Connects a UDP socket to the first address with a route. A connected socket learns of a closed port.
pub(crate) fn connect_udp(addresses: &[SocketAddr]) -> Result<UdpSocket, SendProblem> {
    let mut failure = SendProblem::NotConnected;
    for &address in addresses {
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        match UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address).map(|()| socket))
        {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = connect_problem(address, &error, Duration::ZERO),
        }
    }
    Err(failure)
}

fn connect_problem(address: SocketAddr, error: &io::Error, after: Duration) -> SendProblem {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SendProblem::Refused { address },
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            SendProblem::ConnectTimeout { address, after }
        }
        _ => SendProblem::Connect {
            address,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn loopback_listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    #[test]
    fn an_address_in_the_url_is_not_resolved() {
        let url = "udp://[::1]:9".parse().expect("a URL");
        assert_eq!(
            resolve(&url, Duration::from_secs(5)),
            Ok(vec!["[::1]:9".parse().expect("an address")])
        );
    }

    #[test]
    fn a_name_without_address_is_an_error_that_names_it() {
        let url = "udp://nonexistent.invalid".parse().expect("a URL");
        let problem =
            resolve(&url, Duration::from_secs(20)).expect_err("RFC 6761 reserves .invalid");
        assert!(
            matches!(&problem, SendProblem::NotResolved { host, .. } if host == "nonexistent.invalid"),
            "{problem}"
        );
    }

    #[test]
    fn the_next_address_is_tried_when_one_refuses() {
        let (listener, closed) = loopback_listener();
        drop(listener);
        let (_listener, open) = loopback_listener();
        let socket = connect_tcp(&[closed, open], Duration::from_secs(5))
            .expect("the second address listens");
        assert_eq!(socket.peer_addr().expect("connected"), open);
    }

    #[test]
    fn when_no_address_accepts_the_last_refusal_is_told() {
        let (listener, closed) = loopback_listener();
        drop(listener);
        let failure = connect_tcp(&[closed], Duration::from_secs(5)).expect_err("nothing listens");
        assert_eq!(failure, SendProblem::Refused { address: closed });
    }
}
