//! What can go wrong on the way to a collector, in the words of the person who operates one.
//!
//! Responsible for the error types of sending; configuration errors are in `options.rs`, those of URLs in `url.rs`.

use std::{io, net::SocketAddr, time::Duration};

use thiserror::Error;

/// A failure to reach a collector or to hand it messages: which collector, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{collector}: {problem}")]
pub struct SendError {
    /// The canonical form of the collector's URL.
    pub collector: String,
    /// What happened.
    pub problem: SendProblem,
}

/// What happened on the way to a collector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendProblem {
    /// The host name has no address, or no name server answered.
    #[error("host name {host:?} was not resolved: {reason}")]
    NotResolved {
        /// The host of the URL.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// Nothing listens on the port.
    #[error("connection to {address} refused: nothing listens there")]
    Refused {
        /// The address tried last.
        address: SocketAddr,
    },
    /// No answer to the connection attempt: wrong address, a security group, or a missing route.
    #[error(
        "no answer from {address} within {after:?}: check its address, security group and route"
    )]
    ConnectTimeout {
        /// The address tried last.
        address: SocketAddr,
        /// How long the attempt waited.
        after: Duration,
    },
    /// Another reason why there is no connection, such as no route.
    #[error("no connection to {address}: {reason}")]
    Connect {
        /// The address tried last.
        address: SocketAddr,
        /// The operating system's words.
        reason: String,
    },
    /// The TLS handshake began and was not completed in time: often a collector that does not speak TLS on this port.
    #[error("TLS handshake not completed within {after:?}: is this the collector's TLS port?")]
    HandshakeTimeout {
        /// How long the handshake waited.
        after: Duration,
    },
    /// TLS was refused by one of the two sides.
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    /// `send` before the first `begin`.
    #[error("not connected: no invocation has begun")]
    NotConnected,
    /// The message is larger than its transport can carry.
    #[error("message of {octets} octets, above the limit of {limit} of its transport")]
    MessageTooLarge {
        /// Length of the message.
        octets: usize,
        /// Largest length that can be sent.
        limit: usize,
    },
    /// The connection is open, but nothing that was sent was taken for as long as the write timeout.
    #[error("collector stopped reading: nothing taken for {after:?}")]
    StoppedReading {
        /// The write timeout.
        after: Duration,
    },
    /// The collector closed the connection, or its sending half.
    #[error("collector closed the connection")]
    Closed,
    /// The connection was reset: what was under way is lost.
    #[error("connection reset")]
    Reset,
    /// Another failure of an open connection.
    #[error("connection failed: {reason}")]
    Broken {
        /// The operating system's words.
        reason: String,
    },
    /// Over UDP, every message of this invocation met a local error or a closed port.
    #[error("none of {attempts} messages got out: {reason}")]
    NothingSent {
        /// Messages that were to be sent.
        attempts: u64,
        /// The last error, in the operating system's words.
        reason: String,
    },
    /// A file could not be created or written.
    #[error("cannot write {path:?}: {reason}")]
    File {
        /// The path of the URL.
        path: String,
        /// The operating system's words.
        reason: String,
    },
    /// A file is one transport session from its first message to its last (RFC 5655): opening it again would erase it.
    #[error("a file is one transport session and is not opened again")]
    FileNotReopened,
    /// A second reconnect in one invocation (RFC 7011 §10.4 would have a minute between them).
    #[error(
        "reconnected once in this invocation already; the next attempt is the next invocation's"
    )]
    ReconnectedAlready,
    /// There is no target of this number.
    #[error("no such target")]
    UnknownTarget,
}

/// Why TLS was refused, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsProblem {
    /// The collector's certificate is past its end date.
    #[error("the collector's certificate has expired")]
    Expired,
    /// The collector's certificate is before its start date.
    #[error("the collector's certificate is not valid yet")]
    NotYetValid,
    /// The collector's certificate names other hosts than the URL.
    #[error("the collector's certificate is not for {host:?}, the host of the URL")]
    WrongName {
        /// The host of the URL.
        host: String,
    },
    /// No trusted authority issued the collector's certificate.
    #[error(
        "the collector's certificate was issued by no trusted authority; is its CA configured?"
    )]
    UntrustedIssuer,
    /// Another fault of the collector's certificate.
    #[error("the collector's certificate was not accepted: {reason}")]
    ServerCertificate {
        /// The verifier's words.
        reason: String,
    },
    /// The collector wants a certificate and none is configured, or it was not sent.
    #[error("the collector requires a client certificate; configure a certificate and its key")]
    ClientCertificateRequired,
    /// The collector does not accept the configured certificate.
    #[error("the collector refused the client certificate: {alert}")]
    ClientCertificateRefused {
        /// The name of the alert (RFC 8446 §6.2).
        alert: String,
    },
    /// The collector ended the handshake or the connection with another alert.
    #[error("the collector ended TLS with the alert {alert}")]
    Alert {
        /// The name of the alert (RFC 8446 §6.2).
        alert: String,
    },
    /// What came back is not TLS.
    #[error("the collector does not speak TLS on this port")]
    NotTls,
    /// Another violation of the protocol.
    #[error("TLS failed: {reason}")]
    Protocol {
        /// The TLS library's words.
        reason: String,
    },
}

impl SendProblem {
    /// Names the failure of a read or write on an open connection; `patience` is the timeout it ran with.
    pub(crate) fn of_connection(error: &io::Error, patience: Duration) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                Self::StoppedReading { after: patience }
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Reset,
            // Written to after the peer was gone.
            io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => Self::Closed,
            _ => Self::Broken {
                reason: error.to_string(),
            },
        }
    }
}
