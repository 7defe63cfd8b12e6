//! How a process begins: what a function finds around it, and what is said when it cannot begin.

use std::env;
use std::process::ExitCode;

use aws_config::SdkConfig;
use lambda_runtime::{Error, tracing};

use crate::config::{Config, RawConfig};
use crate::ec2::sdk_config;

/// What a function finds around it.
#[derive(Debug)]
pub struct Surroundings {
    /// The settings, checked.
    pub config: Config,
    /// Of every AWS client.
    pub aws: SdkConfig,
    /// The name by which Lambda calls the function.
    pub function_name: String,
    /// Where it runs.
    pub region: Option<String>,
}

impl Surroundings {
    /// From the environment; outside of Lambda a function has the name of its program.
    ///
    /// # Errors
    ///
    /// The first setting that is wrong.
    pub async fn of_environment(program: &str) -> Result<Self, Error> {
        let variable = |name: &str| env::var(name).ok();
        Ok(Self {
            config: Config::new(&RawConfig::from_environment())?,
            aws: sdk_config().await,
            function_name: variable("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or_else(|| program.to_owned()),
            region: variable("AWS_REGION"),
        })
    }
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
