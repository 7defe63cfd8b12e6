//! `flowlogs-cloudwatch`: the Lambda function behind CloudWatch Logs.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use flowlogs_lambda::cloudwatch::CloudWatch;
use flowlogs_lambda::start::{Environment, LazyFunction, deadline, run_blocking, until_the_end};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Boxed: the future is large, and would be moved.
    until_the_end(Box::pin(serve())).await
}

async fn serve() -> Result<(), Error> {
    let environment = Environment::from_process(env!("CARGO_BIN_NAME"))?;
    let blocks = environment.blocks();
    // Invocations come in turn; the lock lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(LazyFunction::new(CloudWatch::new, environment)));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        // Boxed: the runtime's future holds this future, and is moved before the start.
        Box::pin(async move {
            let deadline = deadline(&event.context);
            let request_id = event.context.request_id;
            let work = move || async move {
                let mut function = function.lock().await;
                let function = function.made().await;
                function
                    .invoke(&event.payload, &request_id, deadline, io::stdout())
                    .await
            };
            match blocks {
                true => run_blocking(work).await,
                false => work().await,
            }
        })
    }))
    .await
}
