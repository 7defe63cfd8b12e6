//! TLS of an exporting process (RFC 7011 §11): the client's side, the collector verified, mutual where a certificate is
//! configured.
//!
//! Responsible for turning PEM text into a configuration once, for the handshake within a time limit, and for naming the
//! side that refused a certificate. `stream.rs` owns the socket and decides when to write and to listen.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, InvalidMessage,
    ProtocolVersion, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject},
};
use webpki::EndEntityCert;

use crate::{
    CollectorUrl,
    error::{SendProblem, TlsProblem},
    options::{ConfigError, TlsOptions},
};

/// Least time for a TLS 1.3 collector to object to the client certificate, from the end of the handshake.
const VERDICT_FLOOR: Duration = Duration::from_millis(250);

/// Configuration shared by all TLS sessions of the process: trusted authorities, own certificate and key.
pub(crate) fn client_config(options: &TlsOptions) -> Result<Arc<ClientConfig>, ConfigError> {
    let roots = match &options.ca_pem {
        Some(pem) => given_roots(pem)?,
        None => system_roots()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::Ca {
            reason: error.to_string(),
        })?
        .with_root_certificates(roots);
    let mut config = match (&options.certificate_pem, &options.key_pem) {
        (None, None) => builder.with_no_client_auth(),
        (Some(_), None) => return Err(ConfigError::CertificateWithoutKey),
        (None, Some(_)) => return Err(ConfigError::KeyWithoutCertificate),
        (Some(certificate), Some(key)) => {
            let chain =
                certificates(certificate).map_err(|reason| ConfigError::Certificate { reason })?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| {
                ConfigError::Key {
                    reason: pem_problem(&error).to_owned(),
                }
            })?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| match error {
                    Error::InconsistentKeys(_) => ConfigError::KeyMismatch,
                    Error::InvalidCertificate(_) => ConfigError::Certificate {
                        reason: error.to_string(),
                    },
                    _ => ConfigError::Key {
                        reason: error.to_string(),
                    },
                })?
        }
    };
    // Connections are few and long: every connection is authenticated in full.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Name or address that the collector's certificate has to hold.
pub(crate) fn server_name(url: &CollectorUrl) -> Result<ServerName<'static>, ConfigError> {
    // The final dot that makes a DNS name absolute is not part of the name in a certificate (RFC 6066 §3).
    let host = url.host().expect("a tls:// URL has a host");
    let host = host.strip_suffix('.').unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| ConfigError::ServerName {
        target: url.to_string(),
    })
}

fn given_roots(pem: &str) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|reason| ConfigError::Ca { reason })? {
        roots.add(certificate).map_err(|error| ConfigError::Ca {
            reason: error.to_string(),
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, ConfigError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Trust stores hold a few unparsable certificates; the rest is good.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reason = found
            .errors
            .first()
            .map_or_else(|| "no trust store".to_owned(), ToString::to_string);
        return Err(ConfigError::NoSystemRoots { reason });
    }
    Ok(roots)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| pem_problem(&error))?;
    if chain.is_empty() {
        return Err("no certificate in the text".to_owned());
    }
    Ok(chain)
}

/// Fault of a PEM text. The library's words may quote a part of a key, and are dropped.
fn pem_problem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::NoItemsFound => "no such block in the text",
        pem::Error::MissingSectionEnd { .. } => "a BEGIN line without its END line",
        pem::Error::Base64Decode(_) => "the text between BEGIN and END is not base64",
        _ => "not PEM",
    }
}

/// TLS layer of a connection after the handshake.
pub(crate) struct TlsLayer {
    connection: ClientConnection,
    host: String,
    verdict_by: Option<Instant>,
}

impl TlsLayer {
    /// Shakes hands over a connected socket within `timeout`, whatever the collector sends.
    pub(crate) fn handshake(
        socket: &mut TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<Self, SendProblem> {
        let host = name.to_str().into_owned();
        let mut connection =
            ClientConnection::new(config, name).map_err(|error| tls_problem(&error, &host))?;
        let start = Instant::now();
        let handshake = shake_hands(socket, &mut connection, start + timeout);
        handshake.map_err(|trouble| match trouble {
            Trouble::Tls(error) => {
                // Tells the collector why: the operator wants to know, too.
                let _ = connection.write_tls(socket);
                tls_problem(&error, &host).into()
            }
            Trouble::Io(error) => match SendProblem::of_connection(&error, timeout) {
                SendProblem::StoppedReading { after } => SendProblem::HandshakeTimeout { after },
                problem => problem,
            },
            Trouble::Closed => SendProblem::Closed,
        })?;
        // In TLS 1.3 the client is done before the server has seen the certificate. A server that accepts the certificate
        // usually says so with a session ticket; a server that refuses sends an alert. Either takes a round trip; the
        // handshake has shown the duration.
        let verdict_by =
            (connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)).then(|| {
                Instant::now()
                    + (start.elapsed() * 3).clamp(VERDICT_FLOOR, timeout.max(VERDICT_FLOOR))
            });
        Ok(Self {
            connection,
            host,
            verdict_by,
        })
    }

    /// Deadline of the collector's objection to the client certificate; `None` after an answer.
    pub(crate) fn verdict_by(&self) -> Option<Instant> {
        self.verdict_by
    }

    /// Takes the client certificate as accepted: no objection came in time from a collector without session tickets.
    pub(crate) fn assume_accepted(&mut self) {
        self.verdict_by = None;
    }

    /// Every octet that was encrypted has been written.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.connection.wants_write()
    }

    /// Encrypts as many octets as there is room for, writes as much as the socket takes, and returns the number of octets
    /// that were encrypted. [`io::ErrorKind::WouldBlock`] if nothing moved. After another error the connection is unusable.
    pub(crate) fn write(&mut self, socket: &mut TcpStream, octets: &[u8]) -> io::Result<usize> {
        let taken = self.connection.writer().write(octets)?;
        let mut moved = taken > 0;
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => moved = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && moved => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// DNS names in the collector's certificate.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        let certificates = self.connection.peer_certificates().unwrap_or_default();
        let parsed = certificates
            .first()
            .and_then(|certificate| EndEntityCert::try_from(certificate).ok());
        let names = parsed
            .iter()
            .flat_map(|certificate| certificate.valid_dns_names());
        names.map(str::to_owned).collect()
    }

    /// Reads from the socket once, and returns the octets read, 0 at the end of the connection. Only session tickets, key
    /// updates, alerts and the end matter; data is dropped.
    pub(crate) fn read(&mut self, socket: &mut TcpStream) -> Result<usize, Trouble> {
        let octets = self.connection.read_tls(socket).map_err(Trouble::Io)?;
        let state = self
            .connection
            .process_new_packets()
            .map_err(Trouble::Tls)?;
        if octets > 0 {
            self.verdict_by = None;
        }
        if state.peer_has_closed() {
            return Ok(0);
        }
        let mut rest = state.plaintext_bytes_to_read();
        let mut sink = [0; 1024];
        while rest > 0 {
            rest -= self
                .connection
                .reader()
                .read(&mut sink)
                .map_err(Trouble::Io)?
                .clamp(1, rest);
        }
        Ok(octets)
    }

    /// Names a failure of [`Self::read`].
    pub(crate) fn problem(&self, error: &Error) -> SendProblem {
        tls_problem(error, &self.host).into()
    }

    /// Announces the end of the connection (RFC 8446 §6.1), so that the collector knows the data to be complete.
    pub(crate) fn close(&mut self, socket: &mut TcpStream) {
        self.connection.send_close_notify();
        let _ = write_pending(&mut self.connection, socket);
    }
}

/// Reason why a read or a handshake ended.
pub(crate) enum Trouble {
    Io(io::Error),
    Tls(Error),
    Closed,
}

fn shake_hands(
    socket: &mut TcpStream,
    connection: &mut ClientConnection,
    deadline: Instant,
) -> Result<(), Trouble> {
    while connection.is_handshaking() || connection.wants_write() {
        // A timeout of a single read would begin anew with every octet of a trickle.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Io(io::ErrorKind::TimedOut.into()));
        }
        socket.set_write_timeout(Some(left)).map_err(Trouble::Io)?;
        socket.set_read_timeout(Some(left)).map_err(Trouble::Io)?;
        if connection.wants_write() {
            write_pending(connection, socket).map_err(Trouble::Io)?;
            continue;
        }
        match connection.read_tls(socket) {
            Ok(0) => return Err(Trouble::Closed),
            Ok(_) => connection
                .process_new_packets()
                .map(drop)
                .map_err(Trouble::Tls)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Trouble::Io(error)),
        }
    }
    Ok(())
}

fn write_pending(connection: &mut ClientConnection, socket: &mut TcpStream) -> io::Result<()> {
    while connection.wants_write() {
        match connection.write_tls(socket) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn tls_problem(error: &Error, host: &str) -> TlsProblem {
    match error {
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => TlsProblem::Expired,
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => TlsProblem::NotYetValid,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => TlsProblem::WrongName {
            host: host.to_owned(),
        },
        // A bad signature is by an authority with a trusted name and another key: renewed, or a forgery.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => TlsProblem::UntrustedIssuer,
        Error::InvalidCertificate(other) => TlsProblem::ServerCertificate {
            reason: other.to_string(),
        },
        Error::AlertReceived(alert) => alert_problem(*alert),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => TlsProblem::NotTls,
        other => TlsProblem::Protocol {
            reason: other.to_string(),
        },
    }
}

/// Certificate alerts from a collector are about the client's certificate (RFC 8446 §6.2, RFC 5246 §7.2.2).
fn alert_problem(alert: AlertDescription) -> TlsProblem {
    let name = format!("{alert:?}");
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            TlsProblem::ClientCertificateRequired
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => TlsProblem::ClientCertificateRefused { alert: name },
        _ => TlsProblem::Alert { alert: name },
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_testing::certificates::Authority;

    use super::*;

    fn config_error(options: &TlsOptions) -> ConfigError {
        client_config(options).expect_err("these options are wrong")
    }

    fn identity() -> (String, String) {
        let identity = Authority::new().issue("exporter.example.com");
        (identity.certificate, identity.key)
    }

    #[test]
    fn certificate_and_key_come_together_or_not_at_all() {
        let (certificate, key) = identity();
        let ca_pem = Some(certificate.clone());
        let options = |certificate_pem, key_pem| TlsOptions {
            ca_pem: ca_pem.clone(),
            certificate_pem,
            key_pem,
        };
        assert!(client_config(&options(None, None)).is_ok());
        assert!(client_config(&options(Some(certificate.clone()), Some(key.clone()))).is_ok());
        assert_eq!(
            config_error(&options(Some(certificate), None)),
            ConfigError::CertificateWithoutKey
        );
        assert_eq!(
            config_error(&options(None, Some(key))),
            ConfigError::KeyWithoutCertificate
        );
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (certificate, _) = identity();
        let (_, key) = identity();
        let options = TlsOptions {
            ca_pem: Some(certificate.clone()),
            certificate_pem: Some(certificate),
            key_pem: Some(key),
        };
        assert_eq!(config_error(&options), ConfigError::KeyMismatch);
    }

    #[test]
    fn text_that_is_no_pem_is_named_by_what_it_was_to_be_and_not_quoted() {
        let (certificate, key) = identity();
        let ca = TlsOptions {
            ca_pem: Some("/etc/ca.pem".to_owned()),
            ..TlsOptions::default()
        };
        assert!(matches!(config_error(&ca), ConfigError::Ca { .. }));
        let ca_pem = Some(certificate.clone());
        let no_certificate = TlsOptions {
            ca_pem: ca_pem.clone(),
            certificate_pem: Some("hidden".to_owned()),
            key_pem: Some(key.clone()),
        };
        assert!(matches!(
            config_error(&no_certificate),
            ConfigError::Certificate { .. }
        ));
        for broken in [
            "hidden".to_owned(),
            key.replace("-----END", "hidden"),
            key.replace('A', "?hidden"),
        ] {
            let error = config_error(&TlsOptions {
                ca_pem: ca_pem.clone(),
                certificate_pem: Some(certificate.clone()),
                key_pem: Some(broken),
            });
            assert!(matches!(error, ConfigError::Key { .. }));
            assert!(
                !format!("{error} {error:?}").contains("hidden"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn alerts_say_whose_certificate_is_meant() {
        assert_eq!(
            alert_problem(AlertDescription::CertificateRequired),
            TlsProblem::ClientCertificateRequired
        );
        assert_eq!(
            alert_problem(AlertDescription::UnknownCA),
            TlsProblem::ClientCertificateRefused {
                alert: "UnknownCA".to_owned()
            }
        );
        assert_eq!(
            alert_problem(AlertDescription::HandshakeFailure),
            TlsProblem::Alert {
                alert: "HandshakeFailure".to_owned()
            }
        );
    }
}
