//! Start of a process: the environment of a function, the making of the function with the first event, and the error of a
//! failed start.

use std::env;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use lambda_runtime::{Context, Error};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::aws::sdk_config;
use crate::config::{Config, InventorySetting, RawConfig, SettingError};
use crate::connect::ForwarderSlot;
use crate::log;

/// Longest time of an invocation.
const LONGEST: Duration = Duration::from_secs(900);

/// Environment of a function: settings, the forwarder slot that follows from the settings, name, region, own log group.
#[derive(Debug)]
pub struct Environment {
    pub(crate) config: Config,
    pub(crate) forwarder_slot: ForwarderSlot,
    pub(crate) function_name: String,
    pub(crate) region: Option<String>,
    pub(crate) own_log_group: Option<String>,
}

impl Environment {
    /// Reads the environment of the process; outside of Lambda a function has the name of the program.
    ///
    /// # Errors
    ///
    /// The first wrong setting.
    pub fn from_process(program: &str) -> Result<Self, SettingError> {
        let variable = |name: &str| env::var(name).ok();
        let environment = Self::new(
            Config::new(&RawConfig::from_environment())?,
            variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| program.to_owned()),
            variable("AWS_REGION"),
        )?;
        Ok(Self {
            own_log_group: variable("AWS_LAMBDA_LOG_GROUP_NAME"),
            ..environment
        })
    }

    /// Returns true if an invocation may wait in the middle of a payload, and must therefore use [`run_blocking`].
    pub fn blocks(&self) -> bool {
        matches!(self.config.inventory, InventorySetting::Stored(_))
    }

    /// Checks the settings' certificates; `function_name` is Lambda's name of the function. Touches no network.
    ///
    /// # Errors
    ///
    /// A setting with an unusable certificate.
    pub fn new(
        config: Config,
        function_name: String,
        region: Option<String>,
    ) -> Result<Self, SettingError> {
        Ok(Self {
            forwarder_slot: ForwarderSlot::new(&config)?,
            config,
            function_name,
            region,
            own_log_group: None,
        })
    }
}

/// Function made with the first event: loading the SDK with the root certificates takes longer than the rest of a start, and
/// the SDK is not needed before.
#[derive(Debug)]
pub struct LazyFunction<F, E = Environment> {
    make: fn(E, SdkConfig) -> F,
    /// `None` once the function is made.
    environment: Option<E>,
    made: Option<F>,
}

impl<F, E> LazyFunction<F, E> {
    /// Remembers how to make the function.
    #[must_use]
    pub fn new(make: fn(E, SdkConfig) -> F, environment: E) -> Self {
        Self {
            make,
            environment: Some(environment),
            made: None,
        }
    }

    /// Returns the function, made at the first call.
    pub async fn made(&mut self) -> &mut F {
        if self.environment.is_some() {
            let aws = Box::pin(sdk_config()).await;
            let environment = self.environment.take();
            self.made = environment.map(|environment| (self.make)(environment, aws));
        }
        self.made.as_mut().expect("made of its environment")
    }
}

/// Runs work on a blocking thread. The work may wait in the middle while the calling thread drives the runtime's I/O.
pub async fn run_blocking<F, T>(work: impl FnOnce() -> F + Send + 'static) -> T
where
    F: Future<Output = T>,
    T: Send + 'static,
{
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(work()))
        .await
        .unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

/// Deadline of an invocation, at most 15 minutes away, also where a clock was set back. A deadline that passed less than 15
/// minutes ago is now; one that passed earlier says nothing (emulators name a time long ago) and becomes 15 minutes away.
pub fn deadline(context: &Context) -> Instant {
    let (deadline, now) = (context.deadline(), SystemTime::now());
    match (deadline.duration_since(now), now.duration_since(deadline)) {
        (Ok(left), _) => Instant::now() + left.min(LONGEST),
        (Err(_), Ok(past)) if past < LONGEST => Instant::now(),
        _ => Instant::now() + LONGEST,
    }
}

/// Runs a function until the environment ends.
pub async fn until_the_end(serve: impl Future<Output = Result<(), Error>>) -> ExitCode {
    log::begin();
    match serve.await {
        Ok(()) => ExitCode::SUCCESS,
        // A returned error would be printed in `Debug` form, outside of the log.
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_at_most_the_longest_invocation_away_whatever_the_clock_says() {
        let now = Duration::from_millis(flowlogs_export::now());
        let hours = Duration::from_secs(7_200);
        for (deadline, at_most) in [
            (now + Duration::from_secs(60), Duration::from_secs(60)),
            (now + hours, LONGEST),
            (now - hours, LONGEST),
            (now - Duration::from_secs(1), Duration::ZERO),
        ] {
            let mut context = Context::default();
            context.deadline = u64::try_from(deadline.as_millis()).expect("64 bits");
            let started = Instant::now();
            let left = super::deadline(&context) - started;
            let passed = started.elapsed() + Duration::from_secs(1);
            assert!(left <= at_most + passed, "{left:?}");
            assert!(left + passed >= at_most, "{left:?}");
        }
    }
}
