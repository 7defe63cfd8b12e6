//! Metrics of an invocation, as a line in CloudWatch's embedded metric format.
//!
//! Most are the transcoder's [`Counters`]; this file adds the counters around the transcoder, and the units. CloudWatch
//! takes metrics only from a line that is one JSON object with nothing around, so the line goes straight to standard
//! output and never through `tracing`.
//!
//! awslabs' `metrique` would bring some 50 further crates for a list of names that never changes while the function runs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use flowlogs_core::Counters;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "FlowLogsTranscoder";

/// The only dimension. The log group is a property of the line instead: every value of a dimension is billed.
pub const DIMENSION: &str = "FunctionName";

/// Metric that is there in every line: the sum of the records.
const TOTAL: &str = "RecordsReceived";

/// Version of the function.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Most octets of the property `Accounts`.
const ACCOUNTS_OCTETS: usize = 4_096;

/// Metrics of an invocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Counters of the records.
    pub counters: Counters,
    /// Payloads and objects that could not be unpacked or are no flow log, events of an unknown kind, and payloads of the
    /// function's own log group.
    pub payload_errors: u64,
    /// Failed connections and sends, without failures mended by a reconnect.
    pub send_errors: u64,
    /// Successful reconnects: the collector had everything after.
    pub reconnects: u64,
    /// Questions for record formats that EC2 did not answer.
    pub format_lookup_errors: u64,
    /// Questions for names that EC2 did not answer, or failed reads of the inventory in S3.
    pub name_lookup_errors: u64,
    /// Time since EC2 was asked for everything, or age of the manifest in S3; `None` without either.
    pub inventory_age_seconds: Option<u64>,
    /// Age of the newest flow; `None` without a flow.
    pub delivery_lag_seconds: Option<u64>,
    /// Age of the oldest queue message that failed again; `None` without a failed message.
    pub oldest_undelivered_seconds: Option<u64>,
    /// Time from the beginning of the invocation to the metrics line, look-ups included.
    pub transcode_milliseconds: u64,
    /// Counters of the objects, in the function behind a bucket.
    pub objects: Option<ObjectCounters>,
}

/// Counters of an invocation's objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounters {
    /// Objects that notices named; the sum of the next five.
    pub received: u64,
    /// Objects of which every record was exported or counted.
    pub exported: u64,
    /// Objects that are empty, or no flow logs by their keys.
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
    /// Names and values; `None` is no metric of this invocation.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, Option<u64>)> {
        let own = [
            ("PayloadErrors", Some(self.payload_errors)),
            ("SendErrors", Some(self.send_errors)),
            ("Reconnects", Some(self.reconnects)),
            ("FormatLookupErrors", Some(self.format_lookup_errors)),
            ("NameLookupErrors", Some(self.name_lookup_errors)),
            ("InventoryAgeSeconds", self.inventory_age_seconds),
            ("DeliveryLagSeconds", self.delivery_lag_seconds),
            ("OldestUndeliveredSeconds", self.oldest_undelivered_seconds),
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

/// Unit of a metric, in CloudWatch's words.
fn unit(name: &str) -> &'static str {
    match name {
        "BytesSent" => "Bytes",
        "DeliveryLagSeconds" | "InventoryAgeSeconds" | "OldestUndeliveredSeconds" => "Seconds",
        "TranscodeMilliseconds" | "RoundMilliseconds" => "Milliseconds",
        _ => "Count",
    }
}

/// Line of an invocation: metrics, and properties to search the log by.
#[derive(Debug)]
pub struct MetricsLine<'a> {
    /// Time of the invocation, in milliseconds since 1970.
    pub timestamp: u64,
    /// Value of the dimension.
    pub function_name: &'a str,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// Log group or bucket, if the payload could be read that far.
    pub source: Option<&'a str>,
    /// Accounts of the payloads or objects, cut at `ACCOUNTS_OCTETS`.
    pub accounts: &'a BTreeSet<String>,
    /// Metrics of the invocation.
    pub metrics: &'a Metrics,
}

impl MetricsLine<'_> {
    /// Writes the line, with the line end, in a single call.
    ///
    /// # Errors
    ///
    /// The error of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        // The octets of this line are most of the cost of an invocation: zeros are left out.
        let known = self.metrics.entries();
        let known = known.filter_map(|(name, value)| Some((name, value?)));
        EmbeddedMetrics {
            timestamp: self.timestamp,
            function_name: self.function_name,
            request_id: self.request_id,
            source: self.source,
            accounts: ("Accounts", self.accounts),
            values: known
                .filter(|(name, value)| *value > 0 || *name == TOTAL)
                .collect(),
        }
        .write(out)
    }
}

/// Line in the embedded metric format, of any function.
pub(crate) struct EmbeddedMetrics<'a> {
    /// Time of the invocation, in milliseconds since 1970.
    pub(crate) timestamp: u64,
    /// Value of the dimension.
    pub(crate) function_name: &'a str,
    /// Lambda's id of the invocation.
    pub(crate) request_id: &'a str,
    /// Property `Source`.
    pub(crate) source: Option<&'a str>,
    /// Name of a property, and the listed accounts, cut at `ACCOUNTS_OCTETS`.
    pub(crate) accounts: (&'static str, &'a BTreeSet<String>),
    /// Names and values of the metrics.
    pub(crate) values: Vec<(&'static str, u64)>,
}

impl EmbeddedMetrics<'_> {
    /// Writes the line, with the line end, in a single call.
    pub(crate) fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        out.write_all(&line)?;
        out.flush()
    }

    /// Accounts, cut at the size of the property.
    fn listed_accounts(&self) -> Vec<&str> {
        let mut octets = 0;
        let accounts = self.accounts.1.iter().map(String::as_str);
        accounts
            .take_while(|account| {
                // Quotes and comma.
                octets += account.len() + 3;
                octets <= ACCOUNTS_OCTETS
            })
            .collect()
    }
}

impl Serialize for EmbeddedMetrics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let definitions: Vec<_> = (self.values.iter())
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
        line.serialize_entry("Version", VERSION)?;
        if let Some(source) = self.source {
            line.serialize_entry("Source", source)?;
        }
        if !self.accounts.1.is_empty() {
            line.serialize_entry(self.accounts.0, &self.listed_accounts())?;
        }
        for (name, value) in &self.values {
            line.serialize_entry(name, value)?;
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
            accounts: &(0..1_000).map(|number| format!("{number:012}")).collect(),
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
        let names: Vec<_> = definitions.iter().map(|one| &one["Name"]).collect();
        assert_eq!(names, ["RecordsReceived", "DeliveryLagSeconds"], "no zeros");
        assert_eq!(line["Version"], VERSION);
        let accounts = line["Accounts"].to_string().len();
        assert!((4_000..4_100).contains(&accounts), "{accounts}");
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
