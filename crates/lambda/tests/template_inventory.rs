//! The templates of the inventory agree with the code: settings, actions, metrics.

use std::collections::BTreeSet;
use std::fs;

use flowlogs_core::settings::inventory::INVENTORY_SETTINGS;
use flowlogs_core::settings::table::Accepted;
use flowlogs_lambda::ec2;
use flowlogs_lambda::inventory::{ACTIONS, METRICS};
use serde_yaml_ng::Value;

/// Variables that are no settings: the AWS SDK and `rustls` read them.
const VARIABLES_OF_LIBRARIES: [&str; 3] = [
    "SSL_CERT_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
];

/// Actions of Lambda with the function's role, and of S3 with the function's key.
const ACTIONS_OF_OTHERS: [&str; 13] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:ListBucket",
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

fn read(name: &str) -> Value {
    let path = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_yaml_ng::from_str(&text).expect("YAML")
}

/// Texts under a key, wherever the key is.
fn under<'a>(value: &'a Value, key: &str, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Mapping(mapping) => {
            for (name, value) in mapping {
                match value {
                    Value::String(text) if name == key => _ = found.insert(text),
                    Value::Sequence(list) if name == key => {
                        found.extend(list.iter().filter_map(Value::as_str));
                    }
                    _ => under(value, key, found),
                }
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| under(item, key, found)),
        Value::Tagged(tagged) => under(&tagged.value, key, found),
        _ => {}
    }
}

fn texts<'a>(value: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    under(value, key, &mut found);
    found
}

#[test]
fn every_variable_that_the_code_reads_is_set_with_the_same_default_and_pattern() {
    let template = read("template-inventory.yaml");
    let variables = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    let variables = variables.as_mapping().expect("variables");
    for setting in INVENTORY_SETTINGS {
        assert!(
            variables.contains_key(setting.variable),
            "{}",
            setting.variable
        );
        if setting.variable == "INVENTORY" {
            continue; // the bucket of the stack
        }
        let parameter = &template["Parameters"][setting.parameter().as_str()];
        let default = parameter
            .get("Default")
            .map(|default| default.as_str().expect("text"));
        let wanted = (!setting.is_required()).then_some(setting.default);
        assert_eq!(default, wanted, "{}", setting.variable);
        let Accepted::Text { pattern, .. } = setting.accepted else {
            panic!("{setting:?}");
        };
        assert_eq!(parameter["AllowedPattern"].as_str(), Some(pattern));
    }
    let settings: BTreeSet<&str> = INVENTORY_SETTINGS.iter().map(|one| one.variable).collect();
    let unread = variables.keys().filter_map(Value::as_str);
    let unread: Vec<_> = unread
        .filter(|name| !settings.contains(name) && !VARIABLES_OF_LIBRARIES.contains(name))
        .collect();
    assert!(unread.is_empty(), "nobody reads {unread:?}");
}

#[test]
fn the_roles_allow_what_the_code_asks_and_nothing_that_nobody_uses() {
    let template = read("template-inventory.yaml");
    let role = &template["Resources"]["FunctionRole"]["Properties"]["Policies"];
    let used = ACTIONS.into_iter().chain(ACTIONS_OF_OTHERS);
    assert_eq!(texts(role, "Action"), used.collect());
    let member = read("template-member.yaml");
    let role = &member["Resources"]["MemberRole"]["Properties"]["Policies"];
    assert_eq!(texts(role, "Action"), ec2::ACTIONS.into_iter().collect());
}

#[test]
fn alarms_watch_metrics_that_exist() {
    let template = read("template-inventory.yaml");
    let watched = texts(&template["Resources"], "MetricName");
    assert!(watched.len() >= 4, "{watched:?}");
    assert!(
        watched.iter().all(|name| METRICS.contains(name)),
        "{watched:?}"
    );
}
