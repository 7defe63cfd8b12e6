//! What happened, on standard error: every counter by its name, for people or as one JSON object.

use std::io::{self, Write};
use std::time::Duration;

use flowlogs_core::{Counters, Report};
use serde_json::{Map, Value, json};

/// Samples of unparsed lines that are shown.
const SAMPLES: usize = 5;

/// What happened in a run.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) counters: Counters,
    pub(crate) payload_errors: u64,
    pub(crate) send_errors: u64,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) inputs: u64,
    pub(crate) bytes_read: u64,
    pub(crate) elapsed: Duration,
    pub(crate) unknown_direction: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) unparsed: Vec<String>,
}

impl Summary {
    /// Adds what happened with one input.
    pub(crate) fn add(&mut self, input: &str, report: Report) {
        self.counters.add(&report.counters);
        self.packets = self.packets.saturating_add(report.packets);
        self.octets = self.octets.saturating_add(report.octets);
        self.unknown_direction += report.unknown_direction;
        for collision in report.collisions {
            self.notes.push(format!(
                "{} and {} share the number {}",
                collision.first, collision.second, collision.number
            ));
        }
        if let Some(sample) = report.unparsed
            && self.unparsed.len() < SAMPLES
        {
            self.unparsed.push(format!(
                "{input}, record {}: {}: {}",
                sample.record, sample.error, sample.line
            ));
        }
    }

    fn records_per_second(&self) -> u64 {
        let milliseconds = self.elapsed.as_millis().max(1);
        let records = u128::from(self.counters.records_received) * 1_000 / milliseconds;
        u64::try_from(records).unwrap_or(u64::MAX)
    }

    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let mut object = Map::new();
        for (name, value) in self.counters.iter() {
            object.insert(name.to_owned(), value.into());
        }
        for (name, value) in [
            ("PayloadErrors", self.payload_errors),
            ("SendErrors", self.send_errors),
            ("packets", self.packets),
            ("octets", self.octets),
            ("inputs", self.inputs),
            ("bytesRead", self.bytes_read),
            ("recordsPerSecond", self.records_per_second()),
        ] {
            object.insert(name.to_owned(), value.into());
        }
        object.insert("seconds".to_owned(), json!(self.elapsed.as_secs_f64()));
        object.insert("notes".to_owned(), json!(self.notes));
        object.insert("unparsed".to_owned(), json!(self.unparsed));
        writeln!(out, "{}", Value::Object(object))
    }

    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, value) in self.counters.iter() {
            writeln!(out, "{name:<26}{value:>15}")?;
        }
        for line in self.notes.iter().chain(&self.unparsed) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}
