//! Puts finished IPFIX messages on a wire or in a file.
//!
//! Messages come in whole, in order, from `flowlogs-core`; and leave over UDP, TCP or TLS (RFC 7011 §10, §11) or into an
//! IPFIX File (RFC 5655). This crate never looks inside a message; only the length is known.
//!
//! Every call blocks, with a time limit, because callers work through a single transmission at a time. Lambda freezes a
//! function between two invocations: [`Collectors::begin`] probes kept sessions, [`Collectors::finish`] leaves nothing
//! unsent behind.
//!
//! | file | content |
//! |---|---|
//! | `url.rs` | [`CollectorUrl`]: address and kind of a target |
//! | `options.rs` | timeouts, pacing, certificates |
//! | `collectors.rs` | [`Collectors`], the targets and the life of the transport sessions |
//! | `udp.rs`, `pace.rs` | datagrams at a rate that collectors survive |
//! | `batch.rs`, `gso.rs` | several datagrams in a system call |
//! | `stream.rs`, `send_queue.rs`, `tls.rs` | connections, and the proof that messages arrived |
//! | `file.rs` | IPFIX Files |
//! | `connect.rs`, `connect_settings.rs`, `error.rs` | from a name to a socket; errors |
//!
//! ```
//! use std::net::UdpSocket;
//!
//! use flowlogs_export::{CollectorUrl, Collectors, SenderOptions, SessionState};
//!
//! let collector = UdpSocket::bind("127.0.0.1:0")?;
//! let urls = CollectorUrl::parse_list(&format!("udp://{}", collector.local_addr()?))?;
//! let mut collectors = Collectors::new(&urls, SenderOptions::default())?;
//!
//! assert_eq!(collectors.begin(), [Ok(SessionState::New)]);
//! collectors.send(0, b"a finished IPFIX message")?;
//! assert_eq!(collectors.finish(), [Ok(())]);
//!
//! let mut received = [0; 64];
//! let octets = collector.recv(&mut received)?;
//! assert_eq!(&received[..octets], b"a finished IPFIX message");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod batch;
mod breaker;
mod clock;
mod collectors;
mod connect;
mod connect_settings;
mod error;
mod file;
mod gso;
mod options;
mod pace;
mod pem;
mod send_queue;
mod stream;
mod target;
mod target_facts;
mod tls;
mod udp;
mod url;

pub use crate::{
    clock::{now, random_part},
    collectors::Collectors,
    error::{SendError, SendProblem, TlsProblem},
    options::{ConfigError, DEFAULT_UDP_RATE, SenderOptions, TlsOptions},
    pem::{is_pem, may_be_pem, pem_text},
    target_facts::{CollectorPeer, SendStatistics, SessionState},
    udp::LARGEST_DATAGRAM,
    url::{CollectorUrl, PORT, TLS_PORT, TargetKind, UrlError, UrlProblem},
};
