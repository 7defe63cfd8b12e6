//! Metrics: what an invocation did, as one line in CloudWatch's embedded metric format.
//!
//! Most of it is the transcoder's [`Counters`], which know their names; this file adds what happens around the
//! transcoder, and the units. CloudWatch turns the line into metrics only where it is one JSON object with nothing
//! around it, so it goes straight to stdout and never through `tracing`.
//!
//! The line is written here and not by awslabs' `metrique`, which would bring some 50 further crates for a list of
//! names that never changes while the function runs.

use std::io::{self, Write};

use flowlogs_core::Counters;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "FlowLogsTranscoder";

/// The only dimension. The log group is a property of the line instead: every value of a dimension is billed.
pub const DIMENSION: &str = "FunctionName";

/// The values of one invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// What became of the records.
    pub counters: Counters,
    /// Payloads that could not be unpacked.
    pub payload_errors: u64,
    /// Failed connections and sends.
    pub send_errors: u64,
    /// Questions for record formats that EC2 did not answer.
    pub format_lookup_errors: u64,
    /// Questions for names that EC2 did not answer.
    pub name_lookup_errors: u64,
    /// The age of the newest flow; unknown without a flow.
    pub delivery_lag_seconds: Option<u64>,
    /// The time from payload to last message.
    pub transcode_milliseconds: u64,
    /// What became of the objects; only the function behind a bucket has any.
    pub objects: Option<ObjectCounters>,
}

/// What became of the objects of an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounters {
    /// Objects that were announced; the sum of the five that follow.
    pub received: u64,
    /// Objects whose records were all exported or counted.
    pub exported: u64,
    /// Objects that are no flow logs by their keys, or empty.
    pub skipped: u64,
    /// Objects that this process had exported before.
    pub duplicate: u64,
    /// Objects that could not be read, unpacked or sent.
    pub errors: u64,
    /// Objects that were left for the next invocation, for lack of time or of a collector.
    pub returned: u64,
}

impl ObjectCounters {
    /// Names and values.
    pub fn entries(self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("ObjectsReceived", self.received),
            ("ObjectsExported", self.exported),
            ("ObjectsSkipped", self.skipped),
            ("DuplicateObjects", self.duplicate),
            ("ObjectErrors", self.errors),
            ("ObjectsReturned", self.returned),
        ]
        .into_iter()
    }
}

impl Metrics {
    /// Names and values. What is `None` is not known, and is no metric of this invocation.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        let own = [
            ("PayloadErrors", Some(self.payload_errors)),
            ("SendErrors", Some(self.send_errors)),
            ("FormatLookupErrors", Some(self.format_lookup_errors)),
            ("NameLookupErrors", Some(self.name_lookup_errors)),
            ("DeliveryLagSeconds", self.delivery_lag_seconds),
            ("TranscodeMilliseconds", Some(self.transcode_milliseconds)),
        ];
        let objects = self.objects;
        let objects = objects.into_iter().flat_map(ObjectCounters::entries);
        self.counters
            .iter()
            .chain(objects)
            .map(|(name, value)| (name, Some(value)))
            .chain(own)
    }
}

/// The unit of a metric, one of those that CloudWatch knows.
fn unit(name: &str) -> &'static str {
    match name {
        "BytesSent" => "Bytes",
        "DeliveryLagSeconds" => "Seconds",
        "TranscodeMilliseconds" => "Milliseconds",
        _ => "Count",
    }
}

/// The line of one invocation: its metrics, and properties by which it is found in the log.
#[derive(Debug)]
pub struct MetricsLine<'a> {
    /// When the invocation happened, in milliseconds since 1970.
    pub timestamp: u64,
    /// The value of the dimension.
    pub function_name: &'a str,
    /// Which invocation it is.
    pub request_id: &'a str,
    /// The log group or bucket, if the payload could be read that far.
    pub source: Option<&'a str>,
    /// What happened.
    pub metrics: &'a Metrics,
}

impl MetricsLine<'_> {
    /// Writes the line, with its end, in one piece.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        out.write_all(&line)?;
        out.flush()
    }
}

impl Serialize for MetricsLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = || {
            let entries = self.metrics.entries();
            entries.filter_map(|(name, value)| Some((name, value?)))
        };
        let definitions: Vec<_> = known()
            .map(|(name, _)| serde_json::json!({"Name": name, "Unit": unit(name)}))
            .collect();
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry(
            "_aws",
            &serde_json::json!({
                "Timestamp": self.timestamp,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [[DIMENSION]],
                    "Metrics": definitions,
                }],
            }),
        )?;
        line.serialize_entry(DIMENSION, self.function_name)?;
        line.serialize_entry("RequestId", self.request_id)?;
        if let Some(source) = self.source {
            line.serialize_entry("Source", source)?;
        }
        for (name, value) in known() {
            line.serialize_entry(name, &value)?;
        }
        line.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    fn line(metrics: &Metrics) -> Value {
        let mut out = Vec::new();
        let line = MetricsLine {
            timestamp: 1_700_000_000_000,
            function_name: "flows",
            request_id: "7",
            source: Some("/flow/\"vpc\"\n"),
            metrics,
        };
        line.write(&mut out).expect("memory takes everything");
        assert_eq!(
            out.iter().filter(|octet| **octet == b'\n').count(),
            1,
            "one line"
        );
        serde_json::from_slice(&out).expect("one JSON object")
    }

    #[test]
    fn the_line_satisfies_the_rules_of_the_embedded_metric_format() {
        let counters = Counters {
            records_received: 3,
            ..Counters::default()
        };
        let line = line(&Metrics {
            counters,
            delivery_lag_seconds: Some(60),
            ..Metrics::default()
        });
        assert!(line["_aws"]["Timestamp"].is_u64());
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], NAMESPACE);
        let dimensions = directive["Dimensions"][0].as_array().expect("a set");
        assert_eq!(dimensions.len(), 1);
        assert!(line[dimensions[0].as_str().expect("a name")].is_string());
        let definitions = directive["Metrics"].as_array().expect("definitions");
        assert_eq!(definitions.len(), Metrics::default().entries().count());
        assert!(definitions.len() <= 100, "more than a directive may have");
        for definition in definitions {
            let name = definition["Name"].as_str().expect("a name");
            assert!(line[name].is_u64(), "{definition}");
        }
        assert_eq!(line["RecordsReceived"], 3);
        assert_eq!(line["DeliveryLagSeconds"], 60);
    }

    #[test]
    fn an_unknown_value_is_no_metric_of_the_invocation() {
        let line = line(&Metrics::default());
        let definitions = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].to_string();
        assert!(!definitions.contains("DeliveryLagSeconds"), "{definitions}");
        assert_eq!(line.get("DeliveryLagSeconds"), None);
    }

    #[test]
    fn every_metric_has_one_name() {
        let metrics = Metrics::default();
        let names: HashSet<_> = metrics.entries().map(|(name, _)| name).collect();
        assert_eq!(names.len(), metrics.entries().count());
    }
}
