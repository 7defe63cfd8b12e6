//! Templates of the transcoding functions: variables, defaults, metrics, actions; and the tables of the README.

use std::collections::{BTreeMap, BTreeSet};

use flowlogs_core::settings::table::{Accepted, SETTINGS, Setting};
use flowlogs_lambda::config::{Config, RawConfig};
use flowlogs_lambda::metrics::{DIMENSION, Metrics, NAMESPACE, ObjectCounters};
use flowlogs_lambda::s3::object;
use flowlogs_lambda::{ec2, secret, stored};
use serde_yaml_ng::Value;

use super::{ACTIONS_OF_LAMBDA, each_is_read, read, variables};

/// A template, with the differences between templates.
struct Template {
    file: &'static str,
    /// Actions used by the code of this function only.
    actions: &'static [&'static str],
    /// Actions that the code does not use, but Lambda with the function's role, or a service on the code's behalf.
    actions_of_others: &'static [&'static str],
    /// Metrics of AWS on the dashboard and in alarms.
    metrics_of_aws: &'static [(&'static str, &'static str)],
    /// Metrics of the function.
    metrics: fn() -> Metrics,
}

const TEMPLATES: [Template; 2] = [
    Template {
        file: "template.yaml",
        actions: &[],
        actions_of_others: &[
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:ListShards",
            "s3:PutObject",
            "s3:ListBucket",
        ],
        metrics_of_aws: &[
            ("AWS/Lambda", "DestinationDeliveryFailures"),
            ("AWS/Lambda", "AsyncEventAge"),
            ("AWS/Logs", "DeliveryErrors"),
        ],
        metrics: Metrics::default,
    },
    Template {
        file: "template-s3.yaml",
        actions: &object::ACTIONS,
        actions_of_others: &[
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "s3:ListBucket",
        ],
        metrics_of_aws: &[],
        metrics: || Metrics {
            objects: Some(ObjectCounters::default()),
            ..Metrics::default()
        },
    },
];

/// Metrics of AWS in both templates.
const METRICS_OF_AWS: [(&str, &str); 6] = [
    ("AWS/Lambda", "Invocations"),
    ("AWS/Lambda", "Duration"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
];

impl Template {
    /// Template as values; tags such as `!Ref X` are kept as [`Value::Tagged`].
    fn read(&self) -> Value {
        serde_yaml_ng::from_str(&read(self.file)).expect("YAML")
    }
}

/// `!Ref Name`, or the `Name` of `!If [Condition, "on", !Ref Name]`.
fn reference(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else {
        return None;
    };
    if tagged.tag == "If" {
        return tagged.value.as_sequence()?.last().and_then(reference);
    }
    (tagged.tag == "Ref").then(|| tagged.value.as_str())?
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("not a scalar: {other:?}"),
    }
}

/// Every mapping within, at any depth.
pub(super) fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a serde_yaml_ng::Mapping)) {
    match value {
        Value::Mapping(mapping) => {
            see(mapping);
            mapping.values().for_each(|value| visit(value, see));
        }
        Value::Sequence(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Tagged(tagged) => visit(&tagged.value, see),
        _ => {}
    }
}

fn accepts(setting: &Setting, value: &str) -> bool {
    let raw = RawConfig::read(|name| match name {
        _ if name == setting.variable => Some(value.to_owned()),
        "COLLECTOR" => Some("tcp://10.0.0.1".to_owned()),
        _ => None,
    });
    Config::new(&raw).is_ok()
}

#[test]
fn every_variable_that_the_code_reads_is_a_parameter_with_the_same_default() {
    for template in TEMPLATES {
        parameters_are_settings(&template.read());
    }
}

fn parameters_are_settings(template: &Value) {
    let variables = variables(template);
    for setting in SETTINGS {
        let name = setting.parameter();
        assert_eq!(
            variables.get(setting.variable).and_then(reference),
            Some(name.as_str()),
            "{}",
            setting.variable
        );
        let parameter = &template["Parameters"][name.as_str()];
        assert_eq!(
            text(&parameter["Default"]),
            setting.default,
            "the default of {name}"
        );
        let required = parameter.get("Default").is_none();
        assert_eq!(required, setting.required, "{name}");
        let no_echo = parameter["NoEcho"].as_bool().unwrap_or_default();
        assert_eq!(no_echo, setting.secret, "whether {name} is shown");
    }
    each_is_read(variables, SETTINGS);
}

#[test]
fn the_code_accepts_what_a_parameter_allows_and_nothing_beside_it() {
    let templates = TEMPLATES.map(|template| template.read());
    for (template, setting) in templates
        .iter()
        .flat_map(|template| SETTINGS.iter().map(move |setting| (template, setting)))
    {
        let name = setting.parameter();
        let parameter = &template["Parameters"][name.as_str()];
        let allowed = parameter["AllowedValues"].as_sequence();
        let (minimum, maximum) = (
            parameter["MinValue"].as_i64(),
            parameter["MaxValue"].as_i64(),
        );
        match &setting.accepted {
            Accepted::Words(words) => {
                let allowed = allowed.unwrap_or_else(|| panic!("{name} has no AllowedValues"));
                assert_eq!(allowed.iter().map(text).collect::<Vec<_>>(), *words);
                assert!(words.iter().all(|word| accepts(setting, word)), "{name}");
                assert!(!accepts(setting, "beside"), "{name}");
            }
            Accepted::Number { least, most, .. } => {
                let bounds = [least, most].map(|bound| Some(i64::from(*bound)));
                assert_eq!([minimum, maximum], bounds, "{name}");
                for (bound, beyond) in [(minimum, -1), (maximum, 1)] {
                    let limit = bound.expect("a bound");
                    assert!(accepts(setting, &limit.to_string()), "{name} {limit}");
                    let beyond = (limit + beyond).to_string();
                    assert!(!accepts(setting, &beyond), "{name} {beyond}");
                }
            }
            // Of PEM texts the templates say nothing, and of several TCP or TLS targets the function for S3 takes one.
            Accepted::Text { pattern, .. } => {
                let written = parameter["AllowedPattern"].as_str();
                let narrower =
                    name == "Collector" && !template["Parameters"]["BucketName"].is_null();
                let agrees = |written| narrower || written == *pattern;
                assert!(written.is_none_or(agrees), "{name}");
            }
        }
    }
}

#[test]
fn every_parameter_is_in_a_group_and_has_a_description() {
    for template in TEMPLATES {
        parameters_are_grouped(&template.read());
    }
}

fn parameters_are_grouped(template: &Value) {
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let groups = interface.as_sequence().expect("groups").iter();
    let grouped = groups.flat_map(|group| group["Parameters"].as_sequence().expect("names"));
    let grouped: Vec<String> = grouped.map(text).collect();
    let parameters = template["Parameters"].as_mapping().expect("parameters");
    let names: BTreeSet<String> = parameters.keys().map(text).collect();
    assert_eq!(grouped.iter().cloned().collect::<BTreeSet<_>>(), names);
    assert_eq!(grouped.len(), names.len(), "each in one group");
    for (name, parameter) in parameters {
        assert!(!text(&parameter["Description"]).is_empty(), "{name:?}");
    }
}

/// Namespace and name of every metric in the alarms and on the dashboard.
fn shown_metrics(template: &Value) -> BTreeSet<(String, String)> {
    let mut shown = BTreeSet::new();
    visit(&template["Resources"], &mut |mapping| {
        if let (Some(namespace), Some(name)) = (mapping.get("Namespace"), mapping.get("MetricName"))
        {
            shown.insert((text(namespace), text(name)));
        }
    });
    assert!(shown.len() > 6, "alarms: {shown:?}");
    let Value::Tagged(body) = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    else {
        panic!("the dashboard is a !Sub");
    };
    let body: serde_json::Value =
        serde_json::from_str(&text(&body.value)).expect("the dashboard is JSON");
    for widget in body["widgets"].as_array().expect("widgets") {
        let metrics = widget["properties"]["metrics"].as_array();
        assert!(metrics.is_some() || widget["type"] == "log", "{widget}");
        for metric in metrics.into_iter().flatten() {
            let part = |number: usize| metric[number].as_str().expect("text").to_owned();
            shown.insert((part(0), part(1)));
            if part(0) == NAMESPACE {
                assert_eq!(part(2), DIMENSION, "{metric}");
            }
        }
    }
    shown
}

#[test]
fn dashboard_and_alarms_show_metrics_that_exist_and_the_dashboard_shows_all_of_ours() {
    for template in TEMPLATES {
        let mut shown = shown_metrics(&template.read());
        for (name, _) in (template.metrics)().entries() {
            assert!(
                shown.remove(&(NAMESPACE.to_owned(), name.to_owned())),
                "{name} is not on the dashboard of {}",
                template.file
            );
        }
        for (namespace, name) in METRICS_OF_AWS.iter().chain(template.metrics_of_aws) {
            assert!(
                shown.remove(&((*namespace).to_owned(), (*name).to_owned())),
                "{name} in {}",
                template.file
            );
        }
        assert!(shown.is_empty(), "nobody emits {shown:?}");
    }
}

/// CloudFormation keeps a queue, with all messages, as long as the logical id is unchanged and no property changes that
/// makes a new queue. The ids are unchanged since the first templates.
#[test]
fn an_update_keeps_the_queues_of_a_running_stack() {
    for (file, ids) in [
        ("template.yaml", &["FailureQueue"][..]),
        ("template-s3.yaml", &["Queue", "FailureQueue"]),
    ] {
        let template = TEMPLATES.iter().find(|template| template.file == file);
        let template = template.expect("a template").read();
        for id in ids {
            let queue = &template["Resources"][*id];
            assert_eq!(
                queue["Type"],
                Value::from("AWS::SQS::Queue"),
                "{file}: {id}"
            );
            assert!(queue["Condition"].is_null(), "{file}: {id} is always there");
            for replaced_by in ["QueueName", "FifoQueue"] {
                assert!(queue["Properties"][replaced_by].is_null(), "{file}: {id}");
            }
        }
    }
}

#[test]
fn the_role_allows_what_the_code_asks_and_nothing_that_nobody_uses() {
    TEMPLATES.iter().for_each(role_is_right);
}

fn role_is_right(template: &Template) {
    let value = template.read();
    let mut allowed: BTreeMap<String, bool> = BTreeMap::new();
    visit(
        &value["Resources"]["FunctionRole"]["Properties"]["Policies"],
        &mut |mapping| {
            if mapping.get("Effect").and_then(Value::as_str) != Some("Allow") {
                return;
            }
            match &mapping["Action"] {
                Value::Sequence(actions) => {
                    allowed.extend(actions.iter().map(|action| (text(action), false)))
                }
                action => allowed.extend([(text(action), false)]),
            }
        },
    );
    let used = ec2::ACTIONS
        .into_iter()
        .chain([secret::ACTION])
        .chain(stored::ACTIONS)
        .chain(ACTIONS_OF_LAMBDA)
        .chain(template.actions.iter().copied())
        .chain(template.actions_of_others.iter().copied());
    for action in used {
        let allowed = allowed.get_mut(action);
        *allowed.unwrap_or_else(|| panic!("the role lacks {action}")) = true;
    }
    let unused: Vec<_> = allowed.iter().filter(|(_, used)| !**used).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// The cells of a table row.
fn cells(row: &str) -> Vec<&str> {
    row.trim()
        .trim_matches('|')
        .split(" | ")
        .map(str::trim)
        .collect()
}

#[test]
fn the_readme_has_every_variable_with_its_default() {
    let readme = read("README.md");
    let mut documented = BTreeMap::new();
    for row in readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(cells)
    {
        let [names, defaults, ..] = row.as_slice() else {
            continue;
        };
        let names: Vec<_> = names
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        let defaults: Vec<_> = defaults
            .split(", ")
            .map(|text| text.trim_matches('`'))
            .collect();
        for (number, name) in names.iter().enumerate() {
            documented.insert(*name, *defaults.get(number).unwrap_or(&defaults[0]));
        }
    }
    for setting in SETTINGS {
        let wanted = match setting.default {
            _ if setting.required => "required",
            "" => "none",
            default => default,
        };
        let variable = setting.variable;
        assert_eq!(
            documented.get(variable),
            Some(&wanted),
            "{variable} in README.md"
        );
    }
    let metrics = TEMPLATES.map(|template| (template.metrics)());
    for (name, _) in metrics.iter().flat_map(Metrics::entries) {
        assert!(documented.contains_key(name), "metric {name} in README.md");
    }
}
