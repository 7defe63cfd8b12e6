//! `flowlogs-cloudwatch`: the Lambda function behind a CloudWatch Logs subscription filter.

use std::process::ExitCode;
use std::sync::Arc;
use std::{env, io};

use flowlogs_lambda::cloudwatch::CloudWatch;
use flowlogs_lambda::config::{Config, RawConfig};
use flowlogs_lambda::ec2::sdk_config;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
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
    let function = CloudWatch::new(config, sdk_config().await, name, variable("AWS_REGION"))?;
    // Invocations come one after the other; the lock is what lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(function));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let request_id = event.context.request_id;
            let mut function = function.lock().await;
            function
                .invoke(&event.payload, &request_id, io::stdout())
                .await
        }
    }))
    .await
}
