//! Templates of the inventory function and of the role in member accounts: settings, actions, metrics.

use std::collections::BTreeSet;

use flowlogs_core::settings::inventory::INVENTORY_SETTINGS;
use flowlogs_core::settings::table::Accepted;
use flowlogs_lambda::ec2;
use flowlogs_lambda::inventory::{ACTIONS, metric_names};
use serde_yaml_ng::Value;

use super::transcoding::visit;
use super::{ACTIONS_OF_LAMBDA, each_is_read, read, variables};

/// Action without a request of its own: S3 answers 404, instead of 403, to a role that may list.
const LIST: &str = "s3:ListBucket";

fn values(file: &str) -> Value {
    serde_yaml_ng::from_str(&read(file)).expect("YAML")
}

/// Texts under a key, wherever the key is.
fn texts<'a>(value: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    visit(value, &mut |mapping| match mapping.get(key) {
        Some(Value::String(text)) => _ = found.insert(text.as_str()),
        Some(Value::Sequence(list)) => found.extend(list.iter().filter_map(Value::as_str)),
        _ => {}
    });
    found
}

#[test]
fn every_variable_that_the_code_reads_is_set_with_the_same_default_and_pattern() {
    let template = values("template-inventory.yaml");
    let variables = variables(&template);
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
        let wanted = (!setting.required).then_some(setting.default);
        assert_eq!(default, wanted, "{}", setting.variable);
        let Accepted::Text { pattern, .. } = setting.accepted else {
            panic!("{setting:?}");
        };
        assert_eq!(parameter["AllowedPattern"].as_str(), Some(pattern));
    }
    each_is_read(variables, INVENTORY_SETTINGS);
}

#[test]
fn the_roles_allow_what_the_code_asks_and_nothing_that_nobody_uses() {
    let template = values("template-inventory.yaml");
    let role = &template["Resources"]["FunctionRole"]["Properties"]["Policies"];
    let used = ACTIONS.into_iter().chain(ACTIONS_OF_LAMBDA).chain([LIST]);
    assert_eq!(texts(role, "Action"), used.collect());
    let member = values("template-member.yaml");
    let role = &member["Resources"]["MemberRole"]["Properties"]["Policies"];
    assert_eq!(texts(role, "Action"), ec2::ACTIONS.into_iter().collect());
}

#[test]
fn alarms_watch_metrics_that_exist() {
    let template = values("template-inventory.yaml");
    let watched = texts(&template["Resources"], "MetricName");
    assert!(watched.len() >= 4, "{watched:?}");
    assert!(
        watched.iter().all(|name| metric_names().contains(name)),
        "{watched:?}"
    );
}
