//! Makes the [`Forwarder`] of a function from the settings, with the TLS certificates of a setting or a secret.

use aws_config::SdkConfig;
use flowlogs_export::{ConfigError, TlsOptions};

use crate::config::{Config, SettingError, TlsSource};
use crate::diagnostics::Failure;
use crate::forward::Forwarder;
use crate::secret;

/// Slot of a function's forwarder, filled once the certificates are there.
#[derive(Debug)]
pub(crate) struct ForwarderSlot {
    /// `None` while the certificates have to be fetched. Boxed, because the forwarder is large and is moved.
    forwarder: Option<Box<Forwarder>>,
    /// A collector failed since the certificates were fetched: the secret may have been rotated.
    certificates_in_doubt: bool,
}

impl ForwarderSlot {
    /// Touches no network.
    ///
    /// # Errors
    ///
    /// A setting with an unusable certificate.
    pub(crate) fn new(config: &Config) -> Result<Self, SettingError> {
        let forwarder = match &config.tls {
            TlsSource::Settings(tls) => Some(forwarder(config, tls.clone())?.into()),
            TlsSource::Secret(_) => None,
        };
        Ok(Self {
            forwarder,
            certificates_in_doubt: false,
        })
    }

    /// Returns the forwarder; after [`invalidate_certificates`](Self::invalidate_certificates) with the certificates that
    /// the secret holds now.
    ///
    /// # Errors
    ///
    /// The secret cannot be read, or the certificates cannot be used.
    pub(crate) async fn ready(
        &mut self,
        config: &Config,
        aws: &SdkConfig,
    ) -> Result<&mut Forwarder, Failure> {
        // Boxed: the SDK's futures are large, and seldom needed.
        match &mut self.forwarder {
            Some(forwarder) => {
                if self.certificates_in_doubt {
                    Box::pin(renew(forwarder, config, aws)).await?;
                    self.certificates_in_doubt = false;
                }
                Ok(forwarder)
            }
            none => Ok(none.insert(Box::pin(make_forwarder(config, aws)).await?.into())),
        }
    }

    /// Has the secret read again before the next payload, because a collector failed.
    pub(crate) fn invalidate_certificates(&mut self, config: &Config) {
        self.certificates_in_doubt = matches!(config.tls, TlsSource::Secret(_));
    }
}

async fn make_forwarder(config: &Config, aws: &SdkConfig) -> Result<Forwarder, Failure> {
    let tls = match &config.tls {
        TlsSource::Settings(tls) => tls.clone(),
        TlsSource::Secret(id) => secret::read(aws, id).await?,
    };
    Ok(forwarder(config, tls)?)
}

/// Replaces the collectors by collectors with the present certificates of the secret; the transcoder keeps the state. The
/// old certificates stay where the secret cannot be read.
async fn renew(forwarder: &mut Forwarder, config: &Config, aws: &SdkConfig) -> Result<(), Failure> {
    let TlsSource::Secret(id) = &config.tls else {
        return Ok(());
    };
    match secret::read(aws, id).await {
        Ok(tls) => forwarder.set_collectors(&config.collectors, config.sender_options(tls))?,
        Err(error) => tracing::warn!("TLS_SECRET_ID: {error}; the certificates of before are used"),
    }
    Ok(())
}

fn forwarder(config: &Config, tls: TlsOptions) -> Result<Forwarder, ConfigError> {
    let (settings, options) = (config.transcoder.clone(), config.sender_options(tls));
    Forwarder::new(
        settings,
        &config.collectors,
        options,
        config.exclude_collector_traffic,
    )
}
