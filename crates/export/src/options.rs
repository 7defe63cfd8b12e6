//! How to send: timeouts, pacing, and the certificates of TLS.
//!
//! Responsible for the settings and their defaults. Whether PEM text is any good is found out in `tls.rs`, once, when
//! [`crate::Collectors`] is made.

use std::{fmt, time::Duration};

use thiserror::Error;

/// Messages a second to one collector over UDP, unless configured otherwise.
///
/// nfcapd with the usual 208 KiB socket buffer holds some 90 messages of 1,400 octets (the kernel counts about 2,300
/// octets for each); this rate, in bursts of at most 16, leaves it 15 ms to be scheduled in. It is 56 Mbit/s, or about
/// 100,000 flows a second.
pub const DEFAULT_UDP_RATE: u32 = 5_000;

/// How [`crate::Collectors`] connects and sends. [`Default`] is right for a collector in the same region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderOptions {
    /// Limit of a connection attempt over all addresses of the host, and again of the TLS handshake. Resolving the name
    /// before it is subject to the system resolver's own limits. 5 s by default.
    pub connect_timeout: Duration,
    /// How long a TCP or TLS collector may take nothing before it counts as one that stopped reading. 10 s by default.
    /// A slow collector is not cut off: every octet it takes starts this time again.
    pub write_timeout: Duration,
    /// Messages a second to each UDP collector, at least 1. [`DEFAULT_UDP_RATE`] by default.
    pub udp_rate: u32,
    /// How old a UDP session becomes before its host name is resolved again: a collector that moved would not be
    /// noticed otherwise, because UDP reports nothing. 5 minutes by default.
    pub udp_resolve_after: Duration,
    /// Certificates and key for `tls://` collectors.
    pub tls: TlsOptions,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            udp_rate: DEFAULT_UDP_RATE,
            udp_resolve_after: Duration::from_secs(300),
            tls: TlsOptions::default(),
        }
    }
}

/// The PEM texts of TLS. Certificate and key together give mutual authentication, which RFC 7011 §11.3 requires.
///
/// [`Debug`] says which of them are there, never what they hold.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates of the authorities that may issue a collector's certificate; without it, the system's trust store
    /// (or the file that `SSL_CERT_FILE` names).
    pub ca_pem: Option<String>,
    /// The transcoder's certificate, followed by those between it and its authority.
    pub certificate_pem: Option<String>,
    /// The private key of that certificate: PKCS #8, PKCS #1 or SEC 1.
    pub key_pem: Option<String>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let presence = |pem: &Option<String>| if pem.is_some() { "given" } else { "absent" };
        f.debug_struct("TlsOptions")
            .field("ca_pem", &format_args!("{}", presence(&self.ca_pem)))
            .field(
                "certificate_pem",
                &format_args!("{}", presence(&self.certificate_pem)),
            )
            .field("key_pem", &format_args!("{}", presence(&self.key_pem)))
            .finish()
    }
}

/// Settings with which nothing can be sent, found before any network is touched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The list of collectors is empty.
    #[error("no collector given")]
    NoCollectors,
    /// A collector at `0.0.0.0` or `[::]`.
    #[error("{collector}: no machine has this address; give the collector's own")]
    NoAddress {
        /// The canonical form of the URL.
        collector: String,
    },
    /// A pace of no messages at all.
    #[error("UDP rate 0 would send nothing; give messages a second, such as {DEFAULT_UDP_RATE}")]
    UdpRate,
    /// A timeout of zero, which the operating system takes for none.
    #[error("{setting} is zero; give a time above it")]
    Timeout {
        /// `connect timeout` or `write timeout`.
        setting: &'static str,
    },
    /// The text given as CA holds no certificate, or a broken one.
    #[error("TLS CA: {reason}; expected PEM text with BEGIN CERTIFICATE")]
    Ca {
        /// What is wrong with it.
        reason: String,
    },
    /// No CA is given and the system has no trust store.
    #[error("no TLS CA given and none found on the system: {reason}")]
    NoSystemRoots {
        /// Where it failed, if anything was there to fail.
        reason: String,
    },
    /// The text given as certificate holds none, or a broken one.
    #[error("TLS certificate: {reason}; expected PEM text with BEGIN CERTIFICATE")]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The text given as key holds none, or a broken one. Never quotes it.
    #[error("TLS key: {reason}; expected PEM text with BEGIN PRIVATE KEY")]
    Key {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate without its key.
    #[error("TLS certificate given without its key; give both, or neither")]
    CertificateWithoutKey,
    /// A key without its certificate.
    #[error("TLS key given without its certificate; give both, or neither")]
    KeyWithoutCertificate,
    /// The key belongs to another certificate.
    #[error("TLS key does not belong to the TLS certificate")]
    KeyMismatch,
    /// The host of a `tls://` URL can stand in no certificate.
    #[error("{collector}: the host cannot be verified by a certificate")]
    ServerName {
        /// The canonical form of the URL.
        collector: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_of_the_options_holds_no_secret() {
        let tls = TlsOptions {
            ca_pem: None,
            certificate_pem: Some("certificate text".to_owned()),
            key_pem: Some("key text".to_owned()),
        };
        let shown = format!(
            "{:?}",
            SenderOptions {
                tls,
                ..SenderOptions::default()
            }
        );
        assert!(!shown.contains("text"), "{shown}");
        assert!(
            shown.contains("ca_pem: absent, certificate_pem: given, key_pem: given"),
            "{shown}"
        );
    }
}
