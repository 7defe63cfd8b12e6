//! The check event `{"flowlogs":"check"}`: tries everything needed by the function, sends nothing, and answers what is
//! missing.

use flowlogs_core::Formats;
use flowlogs_core::settings::table;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::config::{Config, RawConfig, SettingValue};
use crate::function::Function;
use crate::log::one_line;
use crate::metrics::VERSION;
use crate::stored::destinations;

/// Most destinations of an organization's inventory whose formats the answer shows.
const SHOWN_DESTINATIONS: usize = 50;

/// Keys of the event; further keys are ignored.
#[derive(Deserialize)]
struct CheckEvent {
    flowlogs: String,
}

/// Recognises the check event.
pub(crate) fn is_check(event: &str) -> bool {
    // Payloads are large: only a short event is read.
    event.len() < 1_000
        && serde_json::from_str::<CheckEvent>(event).is_ok_and(|event| event.flowlogs == "check")
}

/// Answers the check event: `{"version", "settings", "formats", "inventory", "collectors", "missing"}`.
pub(crate) async fn answer(function: &mut Function, deadline: Instant) -> Value {
    let mut missing = Vec::new();
    let look_ups = look_ups(function, deadline, &mut missing).await;
    let collectors = collectors(function, deadline, &mut missing).await;
    json!({
        "version": VERSION,
        "settings": settings(),
        "formats": look_ups.0,
        "inventory": look_ups.1,
        "collectors": collectors,
        "missing": missing,
    })
}

/// Every setting as understood by the function; private keys are not shown.
fn settings() -> Value {
    let raw = RawConfig::from_environment();
    shown_settings(&raw, |value| {
        let is_collector = value.setting().variable == table::COLLECTOR.variable;
        is_collector.then(|| collector_urls(&raw))
    })
}

/// Every setting of a table as given; `shown` may show a value in another form.
pub(crate) fn shown_settings(
    raw: &RawConfig,
    shown: impl Fn(&SettingValue) -> Option<Value>,
) -> Value {
    let entries = raw.values().iter().map(|value| {
        let entry = match value.text() {
            "" => Value::Null,
            _ => shown(value).unwrap_or_else(|| json!(value.shown().trim_matches('"'))),
        };
        (value.setting().variable.to_owned(), entry)
    });
    Value::Object(entries.collect())
}

/// URLs of the collectors as understood, without passwords.
fn collector_urls(raw: &RawConfig) -> Value {
    let urls = Config::new(raw).map(|config| config.collectors);
    json!(urls.map_or_else(
        |_| Vec::new(),
        |urls| urls.iter().map(ToString::to_string).collect()
    ))
}

/// Formats of each destination, and size of the inventory.
async fn look_ups(
    function: &mut Function,
    deadline: Instant,
    missing: &mut Vec<String>,
) -> (Value, Value) {
    let log_format = function.config.log_format.clone();
    if function.stored.is_some() {
        return stored_inventory(function, deadline, missing).await;
    }
    let Some(ec2) = &mut function.ec2 else {
        return (json!(log_format), Value::Null);
    };
    ec2.set_deadline(deadline);
    ec2.refresh_flow_logs(Instant::now()).await;
    if let Some(failed) = ec2.failed_flow_logs() {
        missing.push(format!("Record formats are not known: {failed}."));
    }
    let known = ec2.inventory();
    let destinations = destinations(&known);
    for destination in &destinations {
        ec2.refresh_names(&destination.name, Instant::now()).await;
    }
    if ec2.take_errors().names > 0 {
        missing.push("Names are not known: EC2 did not answer; the log has the reason.".to_owned());
    }
    let inventory = ec2.inventory();
    let formats = destinations.into_iter().map(|destination| {
        let texts: Vec<String> = inventory
            .formats_for(Some(destination))
            .map(|text| one_line(&text))
            .collect();
        let name = one_line(&destination.name);
        let formats = Formats::of_format_strings(texts.iter().map(String::as_str));
        let unusable = formats.unusable().iter();
        missing
            .extend(unusable.map(|error| format!("A format of {name} cannot be used: {error}.")));
        (name, json!(texts))
    });
    let formats = Value::Object(formats.collect());
    let size = json!({
        "interfaces": inventory.interfaces().count(),
        "flowLogs": inventory.flow_logs().len(),
        "ageSeconds": ec2.age(Instant::now()).map(|age| age.as_secs()),
    });
    (log_format.map_or(formats, |given| json!(given)), size)
}

/// Formats of the first destinations, and size of the inventory in S3.
async fn stored_inventory(
    function: &mut Function,
    deadline: Instant,
    missing: &mut Vec<String>,
) -> (Value, Value) {
    let Function {
        stored,
        forwarder_slot,
        config,
        aws,
        ..
    } = function;
    let (Some(stored), Ok(forwarder)) = (stored, forwarder_slot.ready(config, aws).await) else {
        return (Value::Null, Value::Null);
    };
    stored.set_deadline(deadline);
    let transcoder = forwarder.transcoder();
    if let Err(error) = stored.prepare([], true, transcoder).await {
        missing.push(format!("The inventory cannot be read: {error}."));
        return (json!(config.log_format), Value::Null);
    }
    let inventory = transcoder.inventory();
    let destinations = destinations(inventory);
    let formats = destinations
        .iter()
        .take(SHOWN_DESTINATIONS)
        .map(|destination| {
            let texts = inventory.formats_for(Some(destination));
            let texts: Vec<String> = texts.map(|text| one_line(&text)).collect();
            (one_line(destination), json!(texts))
        });
    let size = json!({
        "parts": stored.scopes(),
        "destinations": destinations.len(),
        "flowLogs": inventory.flow_logs().len(),
        "ageSeconds": stored.age().map(|age| age.as_secs()),
    });
    match &config.log_format {
        Some(given) => (json!(given), size),
        None => (Value::Object(formats.collect()), size),
    }
}

/// State of every collector: connected, with the names in the certificate; or the reason why not.
async fn collectors(
    function: &mut Function,
    deadline: Instant,
    missing: &mut Vec<String>,
) -> Value {
    let Function {
        forwarder_slot,
        config,
        aws,
        ..
    } = function;
    let states = match forwarder_slot.ready(config, aws).await {
        Ok(forwarder) => forwarder.probe(deadline.into_std()),
        Err(failure) => {
            missing.push(format!("No collector can be reached: {failure}."));
            return Value::Null;
        }
    };
    let states = states.into_iter().map(|state| {
        if let Some(problem) = &state.problem {
            missing.push(format!(
                "The collector {} is not reached: {problem}.",
                state.url
            ));
        }
        json!({
            "url": state.url,
            "connected": state.problem.is_none(),
            "address": state.address.map(|address| address.to_string()),
            "certificate": state.certificate_names,
        })
    });
    states.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_event_is_recognised_and_no_other() {
        assert!(is_check(r#"{"flowlogs": "check", "more": 1}"#));
        for event in [
            r#"{"flowlogs": "other"}"#,
            "{}",
            "[]",
            "check",
            r#"{"awslogs":{}}"#,
        ] {
            assert!(!is_check(event), "{event}");
        }
    }
}
