//! `flowlogs backfill`: the printed commands, run by a shell and the AWS CLI against moto.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use flowlogs_tests::replay::program;
use flowlogs_tests::tool;
use serde_json::{Value, json};

use crate::aws::Moto;
use crate::bucket::{BUCKET, Bucket, Way};
use crate::collector::Collector;
use crate::objects::text;
use crate::runtime::{Function, counter};

/// Key of an object of an hour of 2026-11-18.
fn key(hour: u8) -> String {
    format!(
        "my flows/AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/18/123456789012_vpcflowlogs_eu-central-1_fl-1_\
         20261118T{hour:02}05Z_a.log.gz"
    )
}

/// Commands that `flowlogs backfill` prints.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(program())
        .arg("backfill")
        .args(arguments)
        .output()
        .expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs commands with a shell that finds `aws` and `flowlogs`, and returns the output.
fn run(commands: &str, endpoint: &str, directory: &Path) -> Option<String> {
    let aws = tool::find("aws")?;
    std::os::unix::fs::symlink(program(), directory.join("flowlogs")).expect("a link");
    // The variable of the endpoint does not hold for the queues of version 1 of the AWS CLI.
    let script = directory.join("aws");
    let wrapper = format!(
        "#!/bin/sh\nexec {} --endpoint-url {endpoint} \"$@\"\n",
        aws.display()
    );
    std::fs::write(&script, wrapper).expect("a file");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("executable");
    let mut path = vec![directory.to_owned()];
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let output = Command::new("sh")
        .args(["-eu", "-c", commands])
        .env("PATH", std::env::join_paths(path).expect("a path"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "eu-central-1")
        .env("AWS_PAGER", "")
        .current_dir(directory)
        .output()
        .expect("a shell");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Counters of the last invocation.
fn last(function: &Function) -> [u64; 3] {
    let metrics: Value = function.last_metrics();
    ["ObjectsExported", "DuplicateObjects", "FlowsExported"].map(|name| counter(&metrics, name))
}

#[test]
fn the_objects_of_an_hour_are_exported_again_by_the_printed_commands() {
    let Some(bucket) = Bucket::make(Way::Queue) else {
        return;
    };
    let collector = Collector::start();
    let Some(function) = Function::start_s3(&[
        ("COLLECTOR", &*collector.url()),
        ("AWS_ENDPOINT_URL", &bucket.moto.endpoint),
        ("INVENTORY", "off"),
    ]) else {
        return;
    };
    let octets = text(0..20);
    let keys = [9, 10, 11].map(key);
    bucket.put(&keys.each_ref().map(|key| (key.as_str(), &octets[..])));
    let event = bucket.receive("notices").expect("notices");
    let answer = function.invoke(event.to_string().as_bytes());
    let answer = answer.unwrap_or_else(|failure| panic!("{failure:?}"));
    bucket.settle(&event, &answer);
    bucket.poll(&function);
    // Repeated notices do nothing: rule 1.
    let repeated = function.invoke(event.to_string().as_bytes());
    assert_eq!(repeated.ok(), Some(json!({"batchItemFailures": []})));
    assert_eq!(last(&function)[2], 0);

    let queue = bucket.queue_url("notices");
    let commands = printed(&[
        "--from=2026-11-18T10:00",
        "--bucket",
        BUCKET,
        "--prefix=my flows",
        "--owner=123456789012",
        "--region=eu-central-1",
        "--pace=0",
        "--queue",
        &queue,
    ]);
    let directory = tempfile::tempdir().expect("a directory");
    let Some(shown) = run(&commands, &bucket.moto.endpoint, directory.path()) else {
        return;
    };
    let encoded = keys[1].replace(' ', "%20");
    assert_eq!(shown.lines().collect::<Vec<_>>(), [encoded], "{commands}");
    assert_eq!(bucket.poll(&function), 1);
    assert_eq!(last(&function), [1, 0, 20], "{}", function.output());
}

#[test]
fn the_events_of_an_hour_reach_a_file_by_the_printed_commands() {
    let Some(moto) = Moto::start() else { return };
    let lines = moto.run(
        r#"
import time
hour = int(time.time()) // 3600 * 3600 - 3600
logs.create_log_group(logGroupName="/vpc/it's flows")
logs.create_log_stream(logGroupName="/vpc/it's flows", logStreamName="eni-1-all")
line = "2 123456789010 eni-1 10.0.0.%d 10.0.0.2 20641 22 6 20 4249 %d %d ACCEPT OK"
logs.put_log_events(logGroupName="/vpc/it's flows", logStreamName="eni-1-all", logEvents=[
    {"timestamp": (hour + at) * 1000, "message": line % (number, hour + at, hour + at + 60)}
    for number, at in enumerate([-60, 0, 1800, 3599])])
print(json.dumps(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(hour))))"#,
        &[],
    );
    let hour = lines.as_str().expect("a time");
    let commands = printed(&[
        "--from",
        hour,
        "--log-group=/vpc/it's flows",
        "--to=file:flows.ipfix",
        "--region=eu-central-1",
    ]);
    let directory = tempfile::tempdir().expect("a directory");
    if run(&commands, &moto.endpoint, directory.path()).is_none() {
        return;
    }
    let read = Command::new(program())
        .args(["collect", "--output=json", "--read"])
        .arg(directory.path().join("flows.ipfix"))
        .output()
        .expect("runs");
    let text = String::from_utf8(read.stdout).expect("UTF-8");
    let sources: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|flow| flow["sourceIPv4Address"].clone())
        .collect();
    assert_eq!(sources, ["10.0.0.1", "10.0.0.2", "10.0.0.3"], "{commands}");
}
