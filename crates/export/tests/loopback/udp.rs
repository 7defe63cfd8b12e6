//! UDP: datagrams, the pace, and the look of a closed port.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use crate::collector::{self, LIMIT, begin, collectors, messages, send_all};
use flowlogs_export::{Collectors, ConfigError, SendProblem, SenderOptions, SessionState};

/// Messages of equal length that leave together at the usual rate.
const BURST: u32 = 16;

fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(LIMIT)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut datagram = vec![0; 65_535];
    let (octets, from) = socket.recv_from(&mut datagram).expect("a datagram comes");
    datagram.truncate(octets);
    (datagram, from)
}

#[test]
fn each_message_is_one_datagram_of_one_source_port() {
    let (socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    let sent = messages(40, 1_400);
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent[..20]);
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(begin(&mut collectors), SessionState::Kept);
    send_all(&mut collectors, &sent[20..]);
    assert_eq!(collectors.finish(), [Ok(())]);
    let statistics = collectors.statistics();
    assert_eq!(
        (
            statistics[0].messages,
            statistics[0].octets,
            statistics[0].errors
        ),
        (20, 20 * 1_400, 0)
    );
    let peer = collectors.peers()[0];
    assert_eq!(peer.collector, address);
    for message in sent {
        assert_eq!(receive(&socket), (message, peer.local));
    }
}

/// Messages that leave together, messages that do not, and a message longer than the message before.
#[test]
fn messages_of_all_lengths_arrive_as_they_were_and_in_order() {
    let (socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    let lengths = [
        (40, 1_400),
        (3, 100),
        (1, 20),
        (2, 20_000),
        (1, 1_400),
        (20, 60),
        (5, 61),
    ];
    let sent = lengths
        .iter()
        .flat_map(|&(count, octets)| messages(count, octets));
    let sent: Vec<_> = sent.collect();
    for sent in sent.chunks(30) {
        begin(&mut collectors);
        send_all(&mut collectors, sent);
        assert_eq!(collectors.finish(), [Ok(())]);
        for message in sent {
            assert!(receive(&socket).0 == *message);
        }
        let (count, octets) = (sent.len() as u64, sent.concat().len() as u64);
        let statistics = collectors.statistics()[0];
        assert_eq!(
            (statistics.messages, statistics.octets, statistics.errors),
            (count, octets, 0)
        );
    }
}

#[test]
fn a_new_session_has_a_new_source_port() {
    let (_socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let before = collectors.peers()[0].local;
    collectors.reconnect(0).expect("reconnected");
    let after = collectors.peers()[0].local;
    assert_eq!(before.ip(), after.ip());
    assert_ne!(before.port(), after.port());
    assert_eq!(
        collectors.reconnect(0).expect_err("twice").problem,
        SendProblem::ReconnectedAlready
    );
}

#[test]
fn an_ipv6_collector_is_reached() {
    let socket = UdpSocket::bind("[::1]:0").expect("a free port");
    socket.set_read_timeout(Some(LIMIT)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    collectors.send(0, b"message").expect("sent");
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(receive(&socket).0, b"message");
}

#[test]
fn a_closed_port_fails_the_transmission_because_nothing_got_out() {
    let (socket, address) = bind();
    drop(socket);
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    for count in [1, 50] {
        assert_eq!(
            begin(&mut collectors),
            SessionState::New,
            "after a refusal the session starts again"
        );
        send_all(&mut collectors, &messages(count, 500));
        let error = collectors.finish().remove(0).expect_err("nobody was there");
        assert!(
            matches!(error.problem, SendProblem::NothingSent { attempts, .. } if attempts == u64::from(count)),
            "{error}"
        );
        let statistics = collectors.statistics()[0];
        assert_eq!(
            statistics.errors,
            u64::from(count),
            "each refusal is counted"
        );
        assert_eq!(statistics.messages - statistics.unreachable, 0);
    }
}

#[test]
fn a_collector_that_goes_away_costs_what_it_missed_and_not_the_transmission() {
    let (socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    send_all(&mut collectors, &messages(BURST, 500));
    for _ in 0..BURST {
        receive(&socket);
    }
    drop(socket);
    send_all(&mut collectors, &messages(5, 500));
    assert_eq!(collectors.finish(), [Ok(())]);
    let statistics = collectors.statistics()[0];
    assert_eq!(
        (
            statistics.messages,
            statistics.unreachable,
            statistics.errors
        ),
        (u64::from(BURST) + 5, 5, 5)
    );
    assert_eq!(begin(&mut collectors), SessionState::New);
}

#[test]
fn a_refusal_that_came_after_the_transmission_is_counted_by_the_next_one() {
    let (socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    assert_eq!(
        collectors.finish(),
        [Ok(())],
        "a transmission without messages has not failed to send any"
    );
    drop(socket);
    let before = collectors.peers()[0].local;
    send_all(&mut collectors, &messages(BURST, 500));
    assert_eq!(begin(&mut collectors), SessionState::New);
    assert!(collectors.statistics()[0].errors > 0, "it is counted");
    assert_ne!(before.port(), collectors.peers()[0].local.port());
}

#[test]
fn a_message_larger_than_a_datagram_is_refused_and_the_largest_one_is_not() {
    let (socket, address) = bind();
    let mut collectors = collectors(&format!("udp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let error = collectors.send(0, &[0; 65_508]).expect_err("too large");
    assert_eq!(
        error.problem,
        SendProblem::MessageTooLarge {
            octets: 65_508,
            limit: 65_507
        }
    );
    collectors.send(0, &[1; 65_507]).expect("sent");
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(receive(&socket).0, vec![1; 65_507]);
}

#[test]
fn messages_leave_at_the_configured_pace() {
    let (_socket, address) = bind();
    let duration = |udp_rate, count| {
        let mut collectors = collectors(
            &format!("udp://{address}"),
            SenderOptions {
                udp_rate,
                ..SenderOptions::default()
            },
        );
        begin(&mut collectors);
        let messages = messages(count, 100);
        let start = Instant::now();
        send_all(&mut collectors, &messages);
        start.elapsed()
    };
    let slow = duration(500, 200);
    let fast = duration(4_000, 200);
    assert!(
        slow > fast * 3,
        "an eighth of the rate takes about eight times as long: {slow:?} against {fast:?}"
    );
    // A sleep never ends early, not even on a busy machine.
    assert!(slow >= Duration::from_millis(350), "{slow:?}");
}

#[test]
fn a_name_that_still_leads_to_the_collector_keeps_its_session() {
    let (_socket, datagrams) = bind();
    let (_listener, stream) = collector::listen();
    for (scheme, port) in [("udp", datagrams.port()), ("tcp", stream.port())] {
        let options = SenderOptions {
            resolve_after: Duration::ZERO,
            ..SenderOptions::default()
        };
        let mut collectors = collectors(&format!("{scheme}://localhost:{port}"), options);
        begin(&mut collectors);
        assert_eq!(begin(&mut collectors), SessionState::Kept, "{scheme}");
    }
}

#[test]
fn settings_with_which_nothing_could_be_sent_are_refused_at_once() {
    let urls = [collector::url("udp://127.0.0.1")];
    let refused = |options| Collectors::new(&urls, options).expect_err("refused");
    assert_eq!(
        refused(SenderOptions {
            udp_rate: 0,
            ..SenderOptions::default()
        }),
        ConfigError::UdpRate
    );
    let timeout = SenderOptions {
        write_timeout: Duration::ZERO,
        ..SenderOptions::default()
    };
    assert_eq!(
        refused(timeout),
        ConfigError::Timeout {
            setting: "write timeout"
        }
    );
    assert_eq!(
        Collectors::new(&[], SenderOptions::default()).expect_err("refused"),
        ConfigError::NoCollectors
    );
    for nowhere in ["udp://0.0.0.0:4739", "tcp://[::]:4739"] {
        let urls = [collector::url("udp://127.0.0.1"), collector::url(nowhere)];
        assert_eq!(
            Collectors::new(&urls, SenderOptions::default()).expect_err("refused"),
            ConfigError::NoAddress {
                target: nowhere.to_owned()
            }
        );
    }
}
