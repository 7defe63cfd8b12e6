//! `flowlogs-inventory`: the Lambda function that keeps the inventory of an organization in S3, on a schedule.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use flowlogs_lambda::inventory::{InventoryEnvironment, InventoryFunction};
use flowlogs_lambda::start::{LazyFunction, deadline, until_the_end};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Boxed: the future is large, and would be moved.
    until_the_end(Box::pin(serve())).await
}

async fn serve() -> Result<(), Error> {
    let environment = InventoryEnvironment::from_process(env!("CARGO_BIN_NAME"))?;
    // Invocations come in turn; the lock lets the runtime's futures share the function.
    let function = Arc::new(Mutex::new(LazyFunction::new(
        InventoryFunction::new,
        environment,
    )));
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        // Boxed: the runtime's future holds this future, and is moved before the start.
        Box::pin(async move {
            let deadline = deadline(&event.context);
            let mut function = function.lock().await;
            let function = function.made().await;
            function
                .invoke(
                    &event.payload,
                    &event.context.request_id,
                    deadline,
                    io::stdout(),
                )
                .await
        })
    }))
    .await
}
