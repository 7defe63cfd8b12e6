//! Errors of sending, in the words of the person who operates a collector.
//!
//! Errors of the configuration are in `options.rs`, errors of URLs in `url.rs`.

use std::{io, net::SocketAddr, time::Duration};

use thiserror::Error;

/// Failure to reach a target, or to hand messages to a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{target}: {problem}")]
pub struct SendError {
    /// Canonical form of the target's URL.
    pub target: String,
    /// Reason.
    pub problem: SendProblem,
}

/// Reason of a failure on the way to a collector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendProblem {
    /// Host name has no address, or no name server answered.
    #[error("host name {host:?} was not resolved: {reason}; check the name, or write an address")]
    NotResolved {
        /// Host of the URL.
        host: String,
        /// Resolver's words.
        reason: String,
    },
    /// Nothing listens on the port.
    #[error("connection to {address} refused: nothing listens there")]
    Refused {
        /// Address tried last.
        address: SocketAddr,
    },
    /// No answer to the connection attempt: wrong address, a security group, or a missing route.
    #[error(
        "no answer from {address} within {after:?}: check its address, security group and route"
    )]
    ConnectTimeout {
        /// Address tried last.
        address: SocketAddr,
        /// Duration of the attempt.
        after: Duration,
    },
    /// Another reason why there is no connection, for example no route.
    #[error("no connection to {address}: {reason}")]
    Connect {
        /// Address tried last.
        address: SocketAddr,
        /// Reason.
        reason: String,
    },
    /// The TLS handshake began and was not completed in time: often a collector that does not speak TLS on this port.
    #[error("TLS handshake not completed within {after:?}: is this the collector's TLS port?")]
    HandshakeTimeout {
        /// Duration of the handshake.
        after: Duration,
    },
    /// TLS was refused by a side.
    #[error(transparent)]
    Tls(#[from] TlsProblem),
    /// `send` before the first `begin`.
    #[error("not connected: no transmission has begun")]
    NotConnected,
    /// The message is larger than the transport can carry.
    #[error("message of {octets} octets, above the limit of {limit} of its transport")]
    MessageTooLarge {
        /// Length of the message.
        octets: usize,
        /// Largest length that can be sent.
        limit: usize,
    },
    /// Open connection; the collector took nothing during the write timeout.
    #[error("collector stopped reading: nothing taken for {after:?}")]
    StoppedReading {
        /// Write timeout.
        after: Duration,
    },
    /// The collector closed the connection, or the sending half.
    #[error("collector closed the connection")]
    Closed,
    /// Reset of the connection: the octets under way are lost.
    #[error("connection reset")]
    Reset,
    /// Another failure of an open connection.
    #[error("connection failed: {reason}")]
    Broken {
        /// Operating system's words.
        reason: String,
    },
    /// Over UDP, every message of this transmission met a local error or a closed port.
    #[error("none of {attempts} messages got out: {reason}")]
    NothingSent {
        /// Messages that were to be sent.
        attempts: u64,
        /// Last error.
        reason: String,
    },
    /// A file could not be created or written.
    #[error("cannot write {path:?}: {reason}")]
    File {
        /// Path of the URL.
        path: String,
        /// Reason.
        reason: String,
    },
    /// A file is a single transport session from the first message to the last (RFC 5655): opening the file again would
    /// erase the messages.
    #[error("a file is one transport session and is not opened again")]
    FileNotReopened,
    /// The deadline, in a function the end of the invocation, passed before the collector had everything.
    #[error("the time of the invocation was over before the collector had everything")]
    OutOfTime,
    /// No connection was attempted, because the last attempt failed a short time ago.
    #[error("not tried again so soon: {reason}")]
    NotTried {
        /// Problem of the last attempt.
        reason: String,
    },
    /// A second reconnect in a transmission (RFC 7011 §10.4 wants a minute between reconnects).
    #[error("reconnected once already; the next attempt to connect comes with the next batch")]
    ReconnectedAlready,
    /// There is no target of this number.
    #[error("no such target")]
    UnknownTarget,
}

/// Reason why a side refused TLS.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The collector's certificate is past the end date.
    #[error("the collector's certificate has expired")]
    Expired,
    /// The collector's certificate is before the start date.
    #[error("the collector's certificate is not valid yet")]
    NotYetValid,
    /// The collector's certificate does not name the host of the URL.
    #[error("the collector's certificate is not for {host:?}, the host of the URL")]
    WrongName {
        /// Host of the URL.
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
        /// Verifier's words.
        reason: String,
    },
    /// The collector requires a client certificate, and none is configured or was sent.
    #[error("the collector requires a client certificate; configure a certificate and its key")]
    ClientCertificateRequired,
    /// The collector does not accept the configured certificate.
    #[error("the collector refused the client certificate: {alert}")]
    ClientCertificateRefused {
        /// Name of the alert (RFC 8446 §6.2).
        alert: String,
    },
    /// The collector ended the handshake or the connection with another alert.
    #[error("the collector ended TLS with the alert {alert}")]
    Alert {
        /// Name of the alert (RFC 8446 §6.2).
        alert: String,
    },
    /// Answer that is not TLS.
    #[error("the collector does not speak TLS on this port")]
    NotTls,
    /// Another violation of the protocol.
    #[error("TLS failed: {reason}")]
    Protocol {
        /// TLS library's words.
        reason: String,
    },
}

impl SendProblem {
    /// Returns true for a problem that the deadline may have caused, by a shorter time limit.
    pub(crate) fn is_time_out(&self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout { .. } | Self::HandshakeTimeout { .. } | Self::NotResolved { .. }
        )
    }

    /// Names the failure of a read or write on an open connection; `patience` is the timeout of the call.
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
