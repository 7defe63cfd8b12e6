//! `flowlogs-s3`: the Lambda function behind the notifications of a bucket.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use flowlogs_lambda::s3::S3;
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
    // Invocations come in turn; the lock lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(LazyFunction::new(S3::new, environment)));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move {
            let deadline = deadline(&event.context);
            let request_id = event.context.request_id;
            run_blocking(move || async move {
                let mut function = function.lock().await;
                let function = function.made().await;
                function
                    .invoke(&event.payload, &request_id, deadline, io::stdout())
                    .await
            })
            .await
        }
    }))
    .await
}
