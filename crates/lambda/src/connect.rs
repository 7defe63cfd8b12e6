//! From settings to a [`Forwarder`], with the certificates of TLS from wherever they are.

use aws_config::SdkConfig;
use flowlogs_export::{ConfigError, TlsOptions};

use crate::config::{Config, SettingError, TlsSource};
use crate::diagnostics::Failure;
use crate::forward::Forwarder;
use crate::secret;

/// The forwarder of a function, made when everything that it needs is there.
#[derive(Debug)]
pub(crate) struct Connection {
    /// None while the certificates of TLS have to be fetched. In a box: it is moved with everything that has it.
    forwarder: Option<Box<Forwarder>>,
    /// A collector failed since the certificates were fetched, and the secret may have been rotated.
    certificates_in_doubt: bool,
}

impl Connection {
    /// Touches no network.
    ///
    /// # Errors
    ///
    /// Certificates in the settings that cannot be used, as the wrong setting that they are.
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

    /// The forwarder, with certificates that are as good as can be had.
    ///
    /// # Errors
    ///
    /// There are none, or they cannot be used.
    pub(crate) async fn ready(
        &mut self,
        config: &Config,
        aws: &SdkConfig,
    ) -> Result<&mut Forwarder, Failure> {
        // Boxed, because the SDK's futures are deep, and seldom needed.
        match &mut self.forwarder {
            Some(forwarder) => {
                if self.certificates_in_doubt {
                    Box::pin(renew(forwarder, config, aws)).await?;
                    self.certificates_in_doubt = false;
                }
                Ok(forwarder)
            }
            none => Ok(none.insert(Box::pin(connect(config, aws)).await?.into())),
        }
    }

    /// A collector failed: a secret may hold newer certificates.
    pub(crate) fn distrust_certificates(&mut self, config: &Config) {
        self.certificates_in_doubt = matches!(config.tls, TlsSource::Secret(_));
    }
}

async fn connect(config: &Config, aws: &SdkConfig) -> Result<Forwarder, Failure> {
    let tls = match &config.tls {
        TlsSource::Settings(tls) => tls.clone(),
        TlsSource::Secret(id) => secret::read(aws, id).await?,
    };
    Ok(forwarder(config, tls)?)
}

/// With the certificates that the secret has now; everything else that the forwarder knows stays. Where the secret
/// cannot be read, those of before are the best that there is.
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
