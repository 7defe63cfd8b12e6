//! `flowlogs-cloudwatch`: the Lambda function behind a CloudWatch Logs subscription filter.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use flowlogs_lambda::cloudwatch::CloudWatch;
use flowlogs_lambda::start::{Starting, Surroundings, until_the_end};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // In a box: it is large, and would be moved on its way.
    until_the_end(Box::pin(serve())).await
}

async fn serve() -> Result<(), Error> {
    let surroundings = Surroundings::of_environment(env!("CARGO_BIN_NAME"))?;
    // Invocations come one after the other; the lock is what lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(Starting::new(CloudWatch::new, surroundings)));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        // In a box: the runtime's own future is moved before it starts, and would be as large.
        Box::pin(async move {
            let request_id = event.context.request_id;
            let mut function = function.lock().await;
            let function = function.made().await;
            function
                .invoke(&event.payload, &request_id, io::stdout())
                .await
        })
    }))
    .await
}
