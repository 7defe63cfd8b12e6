//! Metrics of a run as CloudWatch has them, and the alarms of the templates over these series.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use flowlogs_tests::tool;
use serde_json::{Value, json};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while locked")
}

/// Metrics of one function as CloudWatch has them: minute and value of each sample.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<String, Vec<(f64, f64)>>>);

impl Metrics {
    pub(crate) fn add(&self, name: &str, second: f64, value: f64) {
        let mut samples = lock(&self.0);
        let samples = samples.entry(name.to_owned()).or_default();
        samples.push((second / 60.0, value));
    }

    /// Adds what the metrics lines of a function declare; `second` is that of a time in milliseconds since 1970.
    pub(crate) fn add_lines(&self, lines: &[Value], second: impl Fn(u64) -> f64) {
        for line in lines {
            let time = line["_aws"]["Timestamp"].as_u64().expect("a time");
            let second = second(time);
            let declared = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
            for metric in declared.expect("definitions") {
                let name = metric["Name"].as_str().expect("a name");
                self.add(name, second, line[name].as_f64().expect("a number"));
            }
        }
    }

    /// Sum of a metric.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let samples = lock(&self.0);
        let values = samples.get(name).into_iter().flatten();
        values.map(|(_, value)| value).sum()
    }

    /// Largest value of a metric.
    pub(crate) fn most(&self, name: &str) -> f64 {
        let samples = lock(&self.0);
        let values = samples.get(name).into_iter().flatten();
        values.map(|(_, value)| *value).fold(0.0, f64::max)
    }
}

/// States of the alarms of each template in the course of a run: `{"template.yaml": {"UndeliveredAlarm": [[33.0, "ALARM"],
/// …`, with minutes since the minute `begin`.
pub(crate) fn alarms(functions: &[(&str, &Metrics)], begin: f64) -> Value {
    let series: BTreeMap<_, _> = functions
        .iter()
        .map(|(template, metrics)| (*template, json!(*lock(&metrics.0))))
        .collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outage.json");
    std::fs::write(&path, json!(series).to_string()).expect("a file");
    let python = tool::find("moto_server").expect("scripts/setup installs the Python tools");
    let output = Command::new(python.with_file_name("python3"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts"))
        .args(["-m", "templates.tests.recorded"])
        .arg(path)
        .arg(begin.to_string())
        .output()
        .expect("an interpreter");
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}
