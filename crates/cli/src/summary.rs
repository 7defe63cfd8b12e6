//! What happened, on standard error: every counter by its name, for people or as one JSON object.

use std::io::{self, Write};
use std::time::Duration;

use flowlogs_core::{BatchReport, Counters, UnparsedLine};
use serde_json::{Map, Value, json};

use crate::terminal::wrap;

/// Samples of unparsed lines that are shown.
const SAMPLES: usize = 5;

/// Characters of an unparsed line that are shown to people.
const SAMPLE: usize = WIDTH - 3;

/// Columns of the text.
const WIDTH: usize = 80;

/// What a counter counts, in the words of the person who reads it.
const MEANINGS: [(&str, &str); 18] = [
    ("RecordsReceived", ""),
    ("FlowsExported", ""),
    ("NoData", "intervals without traffic"),
    ("SkippedWindows", "intervals whose records AWS lost"),
    ("UnparsedRecords", "lines that fit no format"),
    ("DuplicateDeliveries", "rule 1: delivered before"),
    ("DuplicateRecords", "rule 2: in another flow log too"),
    (
        "DuplicateTransitGateway",
        "rule 3: seen entering the gateway",
    ),
    ("DuplicateBothEnds", "rule 4: seen at the other end too"),
    ("FilteredByDirection", "left out by --direction"),
    ("ExcludedCollectorTraffic", "to or from a collector of ours"),
    ("MessagesSent", "IPFIX messages"),
    ("BytesSent", "octets of these"),
    ("OptionsRecords", "names, domains, statistics"),
    ("IdentityCollisions", "identifiers that share a number"),
    (
        "TemplateIdCollisions",
        "layouts whose template ID was taken",
    ),
    ("PayloadErrors", "inputs that could not be unpacked"),
    ("SendErrors", "failed connections and messages"),
];

/// What a counter counts.
pub(crate) fn meaning(name: &str) -> &'static str {
    let known = MEANINGS.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, meaning)| meaning)
}

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
    /// What else there is to say, each once.
    pub(crate) notes: Vec<String>,
    tried: String,
    samples: Vec<Sample>,
}

/// A line that fitted no format, and where it is.
#[derive(Debug)]
struct Sample {
    input: String,
    unparsed: UnparsedLine,
}

impl Summary {
    /// Nothing yet; `tried` says which formats are tried on lines.
    pub(crate) fn new(tried: String) -> Self {
        Self {
            tried,
            ..Self::default()
        }
    }

    /// Adds what happened with one input.
    pub(crate) fn add(&mut self, input: &str, report: BatchReport) {
        self.counters.add(&report.counters);
        self.packets = self.packets.saturating_add(report.packets);
        self.octets = self.octets.saturating_add(report.octets);
        self.unknown_direction += report.unknown_direction;
        for collision in report.collisions {
            self.note(format!(
                "{} and {} share the number {}",
                collision.first, collision.second, collision.number
            ));
        }
        if let Some(unparsed) = report.unparsed
            && self.samples.len() < SAMPLES
        {
            let input = input.to_owned();
            self.samples.push(Sample { input, unparsed });
        }
    }

    /// Adds a note, unless it was made before.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Every counter by its name.
    fn values(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let others = [
            ("PayloadErrors", self.payload_errors),
            ("SendErrors", self.send_errors),
        ];
        self.counters.iter().chain(others)
    }

    fn records_per_second(&self) -> u64 {
        let microseconds = self.elapsed.as_micros().max(1);
        let records = u128::from(self.counters.records_received) * 1_000_000 / microseconds;
        u64::try_from(records).unwrap_or(u64::MAX)
    }

    /// One object on one line.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let others = [
            ("packets", self.packets),
            ("octets", self.octets),
            ("inputs", self.inputs),
            ("bytesRead", self.bytes_read),
            ("recordsPerSecond", self.records_per_second()),
        ];
        let mut object: Map<_, _> = self
            .values()
            .chain(others)
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let samples = self.samples.iter().map(|sample| {
            json!({
                "input": sample.input,
                "record": sample.unparsed.record,
                "reason": sample.unparsed.error.to_string(),
                "line": sample.unparsed.line,
            })
        });
        object.insert("seconds".to_owned(), json!(self.elapsed.as_secs_f64()));
        object.insert("notes".to_owned(), json!(self.notes));
        object.insert("unparsed".to_owned(), samples.collect());
        writeln!(out, "{}", Value::Object(object))
    }

    /// Lines of at most 80 columns, as far as names allow it.
    pub(crate) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{} of {} read in {:.2} s, {} records a second",
            plural(self.inputs, "input"),
            octets(self.bytes_read),
            self.elapsed.as_secs_f64(),
            grouped(self.records_per_second()),
        )?;
        let (mut rows, mut zeros) = (Vec::new(), Vec::new());
        for (name, value) in self.values() {
            if value == 0 && name != "RecordsReceived" && name != "FlowsExported" {
                zeros.push(name);
                continue;
            }
            rows.push((name, grouped(value), meaning(name)));
            if name == "FlowsExported" {
                rows.push(("", grouped(self.packets), "packets"));
                rows.push(("", grouped(self.octets), "octets"));
            }
        }
        let room = rows.iter().map(|(_, value, _)| value.len()).max();
        let room = room.unwrap_or_default();
        for (name, value, meaning) in rows {
            let line = format!("{name:<24} {value:>room$}  {meaning}");
            writeln!(out, "{}", line.trim_end())?;
        }
        if !zeros.is_empty() {
            paragraph(out, "zero: ", &zeros.join(", "))?;
        }
        for sample in &self.samples {
            let unparsed = &sample.unparsed;
            let reason = format!(
                "{}, record {}: {}",
                sample.input, unparsed.record, unparsed.error
            );
            paragraph(out, "not parsed: ", &reason)?;
            writeln!(out, "  {}", cut(&unparsed.line))?;
        }
        if !self.samples.is_empty() {
            let remedy = format!(
                "{}; give the record format with --log-format or in a header line",
                self.tried
            );
            paragraph(out, "tried: ", &remedy)?;
        }
        for note in &self.notes {
            paragraph(out, "note: ", note)?;
        }
        Ok(())
    }
}

/// A text over several lines, those after the first indented.
fn paragraph(out: &mut impl Write, label: &str, text: &str) -> io::Result<()> {
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for (number, line) in wrap(&words, " ", WIDTH - label.len()).iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        let indent = if number == 0 { 0 } else { 6 };
        writeln!(out, "{:indent$}{label}{line}", "")?;
    }
    Ok(())
}

/// The beginning of a line, without what would disturb a terminal.
fn cut(line: &str) -> String {
    let shown: String = line
        .chars()
        .take(SAMPLE)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if line.chars().nth(SAMPLE).is_some() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// `1 input`, `2 inputs`.
fn plural(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

/// A size in the unit that has one to three digits before the point.
pub(crate) fn octets(number: u64) -> String {
    let power = number.max(1).ilog10() / 3;
    let unit = ["octets", "kB", "MB", "GB", "TB", "PB", "EB"][usize::try_from(power).unwrap_or(0)];
    if power == 0 {
        return format!("{number} {unit}");
    }
    let tenths = number / 10_u64.pow(3 * power - 1);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(summary: &Summary) -> String {
        let mut out = Vec::new();
        summary.write_text(&mut out).expect("into memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_counter_has_a_meaning_and_is_shown() {
        let summary = Summary::default();
        let shown = text(&summary);
        for (name, _) in summary.values() {
            assert!(MEANINGS.iter().any(|(known, _)| *known == name), "{name}");
            assert!(shown.contains(name), "{name} is missing in\n{shown}");
        }
        assert_eq!(MEANINGS.len(), summary.values().count());
        assert!(
            shown
                .lines()
                .all(|line| crate::terminal::columns(line) <= 80),
            "{shown}"
        );
    }

    #[test]
    fn the_json_form_has_every_counter() {
        let mut summary = Summary::default();
        summary.counters.records_received = 3;
        let mut out = Vec::new();
        summary.write_json(&mut out).expect("into memory");
        let object: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(object["RecordsReceived"], 3);
        assert_eq!(object["PayloadErrors"], 0);
        assert_eq!(object["unparsed"], json!([]));
    }

    #[test]
    fn numbers_are_grouped_and_sizes_have_units() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(octets(999), "999 octets");
        assert_eq!(octets(1_999), "1.9 kB");
        assert_eq!(octets(u64::MAX), "18.4 EB");
    }

    #[test]
    fn what_would_disturb_a_terminal_is_not_shown() {
        assert_eq!(cut("a\x1b[31mb"), "a\u{fffd}[31mb");
        assert_eq!(cut(&"x".repeat(SAMPLE)).chars().count(), SAMPLE);
        assert!(cut(&"x".repeat(SAMPLE + 1)).ends_with('…'));
    }
}
