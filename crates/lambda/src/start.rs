//! How a process begins: what a function finds around it, how it is made beside the question for the first event, and what
//! is said when it cannot begin.

use std::env;
use std::panic::resume_unwind;
use std::process::{self, ExitCode};

use aws_config::SdkConfig;
use lambda_runtime::{Error, tracing};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::aws::sdk_config;
use crate::config::{Config, RawConfig, SettingError};
use crate::connect::Connection;

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

/// A function that is made beside the question for the first event: the SDK takes longer than everything else, and
/// nothing of it is needed before there is one.
#[derive(Debug)]
pub enum Starting<F> {
    /// Another thread is at it.
    Beside(JoinHandle<F>),
    /// It is there.
    Made(F),
}

impl<F: Send + 'static> Starting<F> {
    /// Begins to make a function of its surroundings. To be called within a runtime.
    #[must_use]
    pub fn new(make: fn(Surroundings, SdkConfig) -> F, surroundings: Surroundings) -> Self {
        Self::Beside(spawn(async move || make(surroundings, sdk_config().await)))
    }

    /// The function, as soon as it is there. Ends the process when there will be none, so that Lambda begins another one.
    pub async fn made(&mut self) -> &mut F {
        loop {
            match self {
                Self::Made(function) => return function,
                // What the other thread panicked about was written to the log.
                Self::Beside(beside) => match beside.await {
                    Ok(function) => *self = Self::Made(function),
                    Err(_) => process::exit(1),
                },
            }
        }
    }
}

/// Does work on another thread, which may wait in the middle of it while this one goes on.
pub async fn beside<F, T>(work: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    spawn(work)
        .await
        .unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Begins work on another thread.
fn spawn<F, T>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<T>
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work()))
}

/// Runs a function until its environment ends.
pub async fn until_the_end(serve: impl Future<Output = Result<(), Error>>) -> ExitCode {
    tracing::init_default_subscriber();
    match serve.await {
        Ok(()) => ExitCode::SUCCESS,
        // One line in the format of the log, rather than the `Debug` form that a returned error would get.
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
