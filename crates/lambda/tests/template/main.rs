//! The templates agree with the code.

mod inventory;
mod transcoding;

use std::collections::BTreeSet;

use flowlogs_core::settings::table::Setting;
use serde_yaml_ng::{Mapping, Value};

/// Actions of the roles of every template that our code does not use: Lambda uses them with the function's role, or keys of
/// KMS need them.
const ACTIONS_OF_LAMBDA: [&str; 12] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
];

/// Variables that are no settings: the AWS SDK and `rustls` read these.
const VARIABLES_OF_LIBRARIES: [&str; 3] = [
    "SSL_CERT_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

/// Text of a file of the repository.
fn read(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Variables of the environment of a template's function.
fn variables(template: &Value) -> &Mapping {
    let properties = &template["Resources"]["Function"]["Properties"];
    let variables = properties["Environment"]["Variables"].as_mapping();
    variables.expect("variables")
}

/// Asserts that the code reads each of the variables.
fn each_is_read(variables: &Mapping, settings: &[&Setting]) {
    let settings: BTreeSet<&str> = settings.iter().map(|setting| setting.variable).collect();
    let unread = variables.keys().filter_map(Value::as_str);
    let unread: Vec<_> = unread
        .filter(|name| !settings.contains(name) && !VARIABLES_OF_LIBRARIES.contains(name))
        .collect();
    assert!(unread.is_empty(), "nobody reads {unread:?}");
}
