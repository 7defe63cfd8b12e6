//! Settings of sending: timeouts, pacing, and the certificates of TLS.
//!
//! Responsible for the settings and the defaults. `tls.rs` checks PEM text, once, for [`crate::Collectors::new`].

use std::{fmt, time::Duration};

use thiserror::Error;

/// Most messages a second to a collector over UDP, unless configured otherwise.
///
/// nfcapd with the usual 208 KiB socket buffer holds some 90 messages of 1,400 octets (the kernel counts about 2,300
/// octets for each); this rate, in bursts of at most 16, leaves nfcapd 15 ms to be scheduled in. The rate is 56 Mbit/s, or
/// about 100,000 flows a second.
pub const DEFAULT_UDP_RATE: u32 = 5_000;

/// Settings of [`crate::Collectors`]. [`Default`] is right for a collector in the function's region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderOptions {
    /// Limit of each of three steps: resolving the host's name, connecting (all addresses together), and the TLS handshake.
    /// 5 s by default.
    pub connect_timeout: Duration,
    /// Most time without progress; beyond, a TCP or TLS collector counts as not reading. 10 s by default. A slow collector
    /// is not cut off: every octet taken starts the time again.
    pub write_timeout: Duration,
    /// Messages a second to each UDP collector, at least 1. [`DEFAULT_UDP_RATE`] by default.
    pub udp_rate: u32,
    /// Age of a session after which the host name is resolved again when a transmission begins: UDP does not report a
    /// collector that moved, and a connection to an address that left the name may stand for hours. 5 minutes by default.
    pub resolve_after: Duration,
    /// Time after a failed connection attempt in which further attempts fail at once; a fifth more or less at random. Zero,
    /// the default, tries at every transmission.
    pub retry_pause: Duration,
    /// Certificates and key for `tls://` collectors.
    pub tls: TlsOptions,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            udp_rate: DEFAULT_UDP_RATE,
            resolve_after: Duration::from_secs(300),
            retry_pause: Duration::ZERO,
            tls: TlsOptions::default(),
        }
    }
}

/// PEM texts of TLS. Certificate and key together give mutual authentication, required by RFC 7011 §11.3.
///
/// [`Debug`] shows which texts are set, never the content.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates of the authorities that may issue a collector's certificate; otherwise the system's trust store (or the
    /// file that `SSL_CERT_FILE` names).
    pub ca_pem: Option<String>,
    /// Certificate of the transcoder, followed by the certificates up to the authority.
    pub certificate_pem: Option<String>,
    /// Private key of the certificate: PKCS #8, PKCS #1 or SEC 1.
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

/// Unusable settings, found before the first packet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The list of collectors is empty.
    #[error("no collector given")]
    NoCollectors,
    /// A collector at `0.0.0.0` or `[::]`.
    #[error("{target}: no machine has this address; give the collector's own")]
    NoAddress {
        /// Canonical form of the URL.
        target: String,
    },
    /// Rate of 0 messages.
    #[error("UDP rate 0 would send nothing; give messages a second, such as {DEFAULT_UDP_RATE}")]
    UdpRate,
    /// A timeout of zero, taken for none by the operating system.
    #[error("{setting} is zero; give a time above it")]
    Timeout {
        /// `connect timeout` or `write timeout`.
        setting: &'static str,
    },
    /// CA text without a certificate, or with a broken certificate.
    #[error("TLS CA: {reason}; expected PEM text with BEGIN CERTIFICATE")]
    Ca {
        /// Fault of the text.
        reason: String,
    },
    /// No CA is given and the system has no trust store.
    #[error("no TLS CA given and none found on the system: {reason}")]
    NoSystemRoots {
        /// Error of the trust store, if any.
        reason: String,
    },
    /// Certificate text without a certificate, or with a broken certificate.
    #[error("TLS certificate: {reason}; expected PEM text with BEGIN CERTIFICATE")]
    Certificate {
        /// Fault of the text.
        reason: String,
    },
    /// Key text without a key, or with a broken key. Never quoted.
    #[error("TLS key: {reason}; expected PEM text with BEGIN PRIVATE KEY")]
    Key {
        /// Fault of the text.
        reason: String,
    },
    /// A certificate without the key.
    #[error("TLS certificate given without its key; give both, or neither")]
    CertificateWithoutKey,
    /// A key without the certificate.
    #[error("TLS key given without its certificate; give both, or neither")]
    KeyWithoutCertificate,
    /// The key belongs to another certificate.
    #[error("TLS key does not belong to the TLS certificate")]
    KeyMismatch,
    /// Host of a `tls://` URL can stand in no certificate.
    #[error("{target}: the host cannot be verified by a certificate")]
    ServerName {
        /// Canonical form of the URL.
        target: String,
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
