//! `flowlogs-s3`: the Lambda function behind the notifications of a bucket.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{env, io};

use flowlogs_lambda::config::{Config, RawConfig};
use flowlogs_lambda::ec2::sdk_config;
use flowlogs_lambda::s3::S3;
use lambda_runtime::{Context, Error, LambdaEvent, run, service_fn, tracing};
use serde_json::value::RawValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The longest that an invocation may take.
const LONGEST: Duration = Duration::from_secs(900);

/// One thread works, the other fetches ahead.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> ExitCode {
    tracing::init_default_subscriber();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        // One line in the format of the log, rather than the `Debug` form that a returned error would get.
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let config = Config::new(&RawConfig::from_environment())?;
    let variable = |name: &str| env::var(name).ok();
    let name =
        variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| env!("CARGO_BIN_NAME").to_owned());
    let function = S3::new(config, sdk_config().await, name, variable("AWS_REGION"))?;
    // Invocations come one after the other; the lock is what lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(function));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let deadline = deadline(&event.context);
            let request_id = event.context.request_id;
            let mut function = function.lock().await;
            function
                .invoke(&event.payload, &request_id, deadline, io::stdout())
                .await
        }
    }))
    .await
}

/// When Lambda ends the invocation. Emulators name a time long ago; there the longest that Lambda knows holds.
fn deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now());
    Instant::now() + left.unwrap_or(LONGEST)
}
