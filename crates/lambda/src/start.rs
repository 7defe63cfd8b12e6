//! How a process begins: what a function finds around it, when it is made, and what is said when it cannot begin.

use std::env;
use std::panic::resume_unwind;
use std::process::ExitCode;

use aws_config::SdkConfig;
use lambda_runtime::Error;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::aws::sdk_config;
use crate::config::{Config, RawConfig, SettingError};
use crate::connect::Connection;
use crate::log;

/// What a function finds around it.
#[derive(Debug)]
pub struct Surroundings {
    pub(crate) config: Config,
    pub(crate) connection: Connection,
    pub(crate) function_name: String,
    pub(crate) region: Option<String>,
}

impl Surroundings {
    /// From the environment; outside of Lambda a function has the name of its program.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub fn of_environment(program: &str) -> Result<Self, SettingError> {
        let variable = |name: &str| env::var(name).ok();
        Self::new(
            Config::new(&RawConfig::from_environment())?,
            variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| program.to_owned()),
            variable("AWS_REGION"),
        )
    }

    /// These settings, the name by which Lambda calls the function, and the region where it runs. Touches no network.
    ///
    /// # Errors
    ///
    /// Certificates in the settings that cannot be used, as the wrong setting that they are.
    pub fn new(
        config: Config,
        function_name: String,
        region: Option<String>,
    ) -> Result<Self, SettingError> {
        Ok(Self {
            connection: Connection::new(&config)?,
            config,
            function_name,
            region,
        })
    }
}

/// A function that is made when the first event comes: the SDK with its certificates takes longer than the rest of a
/// start, and nothing of it is needed before.
#[derive(Debug)]
pub struct Starting<F> {
    make: fn(Surroundings, SdkConfig) -> F,
    /// Until it is made of them.
    surroundings: Option<Surroundings>,
    made: Option<F>,
}

impl<F> Starting<F> {
    /// To be made of its surroundings in this way.
    #[must_use]
    pub fn new(make: fn(Surroundings, SdkConfig) -> F, surroundings: Surroundings) -> Self {
        Self {
            make,
            surroundings: Some(surroundings),
            made: None,
        }
    }

    /// The function.
    pub async fn made(&mut self) -> &mut F {
        if self.surroundings.is_some() {
            let aws = Box::pin(sdk_config()).await;
            let surroundings = self.surroundings.take();
            self.made = surroundings.map(|surroundings| (self.make)(surroundings, aws));
        }
        self.made.as_mut().expect("made of its surroundings")
    }
}

/// Does work on another thread, which may wait in the middle of it while this one goes on.
pub async fn beside<F, T>(work: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work()))
        .await
        .unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Runs a function until its environment ends.
pub async fn until_the_end(serve: impl Future<Output = Result<(), Error>>) -> ExitCode {
    log::begin();
    match serve.await {
        Ok(()) => ExitCode::SUCCESS,
        // One line in the format of the log, rather than the `Debug` form that a returned error would get.
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
