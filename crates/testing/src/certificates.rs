//! Certificates that exist for one test, and the configuration of TLS servers that show them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertifiedIssuer, DnType, IsCa, KeyPair};
pub use rcgen::{CertificateParams, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    /// PEM text of the certificate.
    pub certificate: String,
    /// PEM text of the private key.
    pub key: String,
}

impl Authority {
    /// An authority with the common name `authority`.
    ///
    /// # Panics
    ///
    /// If no key can be made.
    #[expect(clippy::new_without_default, reason = "each is another authority")]
    pub fn new() -> Self {
        Self::named("authority")
    }

    /// An authority with this common name.
    ///
    /// # Panics
    ///
    /// If no key can be made.
    pub fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
        }
    }

    /// PEM text of the authority's own certificate.
    pub fn pem(&self) -> String {
        self.issuer.as_ref().pem()
    }

    /// Issues a certificate for a host.
    ///
    /// # Panics
    ///
    /// If the name is not one of a host.
    pub fn issue(&self, name: &str) -> Identity {
        self.issue_with(CertificateParams::new([name.to_owned()]).expect("a name"))
    }

    /// Issues a certificate with all parameters stated.
    ///
    /// # Panics
    ///
    /// If the parameters contradict each other.
    pub fn issue_with(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate")
            .pem();
        Identity {
            certificate,
            key: key.serialize_pem(),
        }
    }
}

/// Configuration of a server; with `clients`, it requires a certificate that this authority issued.
///
/// # Panics
///
/// If the identity is not valid PEM, or a protocol version is not supported.
pub fn server(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(authority.issuer.der().clone())
                .expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    Arc::new(
        builder
            .with_single_cert(vec![chain], key)
            .expect("an identity"),
    )
}
