//! Summary of a run: every counter by name, as text or as a JSON object.

use std::io::{self, Write};
use std::time::Duration;

use flowlogs_core::flowlog::LineMismatch;
use flowlogs_core::{BatchReport, Counters, UnparsedLine};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::outlet::TargetReport;
use crate::text::{columns, cut, grouped, octets, plural, visible, visible_json, words, wrap};

/// Most samples of unparsed lines, one for each input.
const SAMPLES: usize = 5;

/// Most windows without records that are noted.
const MAX_SKIPPED: usize = 10;

/// Columns of a counter's name in the text form.
const NAME: usize = 24;

/// Meaning of each counter, for the person who reads the summary.
const MEANINGS: [(&str, &str); 22] = [
    ("RecordsReceived", ""),
    ("FlowsExported", ""),
    ("NoData", "intervals without traffic"),
    ("SkippedWindows", "intervals whose records AWS lost"),
    ("UnparsedRecords", "lines that fit no format"),
    ("DuplicateDeliveries", "rule 1: delivered before"),
    ("DuplicateRecords", "rule 2: of another flow log"),
    (
        "DuplicateTransitGateway",
        "rule 3: seen entering the gateway",
    ),
    ("DuplicateBothEnds", "rule 4: seen at the other end too"),
    ("FilteredByDirection", "left out by --direction"),
    ("ExcludedCollectorTraffic", "to or from a collector of ours"),
    ("DoubledRecords", "exported as often as AWS writes them"),
    ("WithoutInventory", "of accounts that the inventory lacks"),
    ("MessagesSent", "IPFIX messages"),
    ("BytesSent", "octets of the messages"),
    ("OptionsRecords", "names, domains, statistics"),
    ("IdentityCollisions", "identifiers that share a number"),
    (
        "TemplateIdCollisions",
        "layouts whose template ID was taken",
    ),
    ("UnknownDirection", "flows of unknown direction"),
    ("SwappedTimes", "flows whose end was before their start"),
    ("PayloadErrors", "inputs that could not be unpacked"),
    ("SendErrors", "failed connections and messages"),
];

/// Returns the meaning of a counter.
pub(crate) fn meaning(name: &str) -> &'static str {
    let known = MEANINGS.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, meaning)| meaning)
}

/// Summary of a run.
#[derive(Debug, Default)]
pub(crate) struct RunSummary {
    pub(crate) counters: Counters,
    pub(crate) payload_errors: u64,
    pub(crate) send_errors: u64,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) inputs: u64,
    pub(crate) bytes_read: u64,
    pub(crate) elapsed: Duration,
    /// State of each collector.
    pub(crate) targets: Vec<TargetReport>,
    /// Messages about everything that could not be done, as printed before.
    pub(crate) failures: Vec<String>,
    /// Notes, each once.
    pub(crate) notes: Vec<String>,
    /// Names of the formats that are tried on lines.
    tried: String,
    /// True if the formats were given with `--log-format`.
    format_given: bool,
    samples: Vec<UnparsedSample>,
    /// Windows lost by AWS and named in the notes.
    noted_windows: usize,
}

/// Line without a fitting format, with the input.
#[derive(Debug)]
struct UnparsedSample {
    input: String,
    unparsed: UnparsedLine,
}

impl RunSummary {
    /// Creates an empty summary; `tried` names the formats that are tried on lines, which were given with `--log-format`
    /// or are found.
    pub(crate) fn new(tried: String, format_given: bool) -> Self {
        Self {
            tried,
            format_given,
            ..Self::default()
        }
    }

    /// Adds the report of an input.
    pub(crate) fn add(&mut self, input: &str, report: BatchReport) {
        self.counters.add(&report.counters);
        self.packets = self.packets.saturating_add(report.packets);
        self.octets = self.octets.saturating_add(report.octets);
        for collision in report.collisions {
            self.note(format!(
                "{} and {} share the number {}",
                collision.first, collision.second, collision.number
            ));
        }
        let left = MAX_SKIPPED.saturating_sub(self.noted_windows);
        for window in report.skipped.into_iter().take(left) {
            self.noted_windows += 1;
            let time =
                |time: Option<u64>| time.map_or("-".to_owned(), |time| Time(time).to_string());
            self.note(format!(
                "AWS lost the records of {} from {} to {} (SKIPDATA)",
                window.interface,
                time(window.start),
                time(window.end)
            ));
        }
        if let Some(unparsed) = report.unparsed
            && self.samples.len() < SAMPLES
        {
            let input = input.to_owned();
            self.samples.push(UnparsedSample { input, unparsed });
        }
    }

    /// Adds a note, unless already there.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns the reason why a line fits no format; with `--log-format`, the numbers of columns of line and format.
    pub(crate) fn reason(&self, mismatch: &LineMismatch) -> String {
        match mismatch.format_columns {
            Some(columns) if self.format_given => {
                let found = u64::try_from(mismatch.line_columns).unwrap_or(u64::MAX);
                let found = plural(found, "column");
                format!("the line has {found}, the format {columns}")
            }
            _ => mismatch.to_string(),
        }
    }

    /// Returns what can be done about lines that fit no format.
    pub(crate) fn remedy(&self) -> &'static str {
        match self.format_given {
            true => "correct --log-format, or leave it out",
            false => "give the format with --log-format, a header line, or --inventory",
        }
    }

    /// Returns the input, record and reason of the samples of unparsed lines.
    pub(crate) fn not_parsed(&self) -> impl Iterator<Item = String> {
        self.samples.iter().map(|sample| {
            let unparsed = &sample.unparsed;
            let reason = self.reason(&unparsed.mismatch);
            format!("{}, record {}: {reason}", sample.input, unparsed.record)
        })
    }

    /// Returns every counter by name.
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

    /// Writes a JSON object on a line.
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
                "reason": self.reason(&sample.unparsed.mismatch),
                "line": sample.unparsed.line,
                "hint": sample.unparsed.hint.as_ref().map(ToString::to_string),
            })
        });
        let targets = self.targets.iter().map(|target| {
            json!({
                "url": target.url,
                "messages": target.statistics.messages,
                "octets": target.statistics.octets,
                "errors": target.statistics.errors,
            })
        });
        object.insert("targets".to_owned(), targets.collect());
        object.insert("failures".to_owned(), json!(self.failures));
        object.insert("seconds".to_owned(), json!(self.elapsed.as_secs_f64()));
        object.insert("notes".to_owned(), json!(self.notes));
        object.insert("unparsed".to_owned(), samples.collect());
        let json = Value::Object(object).to_string();
        writeln!(out, "{}", visible_json(&json))
    }

    /// Writes lines of at most `width` columns; longer names make longer lines.
    pub(crate) fn write_text(&self, out: &mut impl Write, width: usize) -> io::Result<()> {
        let mut out = WrappedText { out, width };
        self.write_lines(&mut out)
    }

    fn write_lines<W: Write>(&self, out: &mut WrappedText<'_, W>) -> io::Result<()> {
        writeln!(out.out)?;
        let read = format!(
            "{} of {} read in {:.2} s, {} records a second",
            plural(self.inputs, "input"),
            octets(self.bytes_read),
            self.elapsed.as_secs_f64(),
            grouped(self.records_per_second()),
        );
        out.paragraph("", &read)?;
        self.write_counters(out)?;
        for target in &self.targets {
            let url = visible(&target.url);
            if target.nothing_arrived() {
                out.paragraph("not sent to ", &format!("{url}: no message got there"))?;
                continue;
            }
            let sent = format!(
                "{url}: {}, {}",
                plural(target.statistics.messages, "message"),
                octets(target.statistics.octets)
            );
            out.paragraph("sent to ", &sent)?;
        }
        self.write_samples(out)?;
        for note in &self.notes {
            out.paragraph("note: ", note)?;
        }
        for failure in &self.failures {
            out.paragraph("failed: ", failure)?;
        }
        Ok(())
    }

    /// Writes the counters above zero, and the names of the zero counters.
    fn write_counters<W: Write>(&self, out: &mut WrappedText<'_, W>) -> io::Result<()> {
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
            let line = format!("{name:<NAME$} {value:>room$}  {meaning}");
            if columns(line.trim_end()) <= out.width {
                writeln!(out.out, "{}", line.trim_end())?;
            } else {
                writeln!(out.out, "{name:<NAME$} {value:>room$}")?;
                writeln!(out.out, "  {meaning}")?;
            }
        }
        if !zeros.is_empty() {
            out.paragraph("zero: ", &zeros.join(", "))?;
        }
        Ok(())
    }

    /// Writes the samples of unparsed lines, and the formats that were tried.
    fn write_samples<W: Write>(&self, out: &mut WrappedText<'_, W>) -> io::Result<()> {
        for (sample, reason) in self.samples.iter().zip(self.not_parsed()) {
            let unparsed = &sample.unparsed;
            out.paragraph("not parsed: ", &reason)?;
            let line = visible(&unparsed.line);
            writeln!(out.out, "  {}", cut(&line, out.width - 2))?;
            if let Some(format) = &unparsed.hint {
                out.paragraph("hint: ", &format!("--log-format '{format}'"))?;
            }
        }
        if !self.samples.is_empty() {
            out.paragraph("tried: ", &format!("{}; {}", self.tried, self.remedy()))?;
        }
        Ok(())
    }
}

/// Output of lines of a limited width.
struct WrappedText<'a, W> {
    out: &'a mut W,
    width: usize,
}

impl<W: Write> WrappedText<'_, W> {
    /// Writes a text wrapped to the width, with indented lines after the first.
    fn paragraph(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = visible(text);
        let room = self.width - label.len().max(6);
        let lines = wrap(&words(&text), " ", room);
        for (number, line) in lines.iter().enumerate() {
            let (indent, label) = if number == 0 { (0, label) } else { (6, "") };
            writeln!(self.out, "{:indent$}{label}{line}", "")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(summary: &RunSummary) -> String {
        let mut out = Vec::new();
        summary.write_text(&mut out, 80).expect("into memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_counter_is_in_the_table_of_meanings_and_is_shown() {
        let summary = RunSummary::default();
        let shown = text(&summary);
        for (name, _) in summary.values() {
            assert!(MEANINGS.iter().any(|(known, _)| *known == name), "{name}");
            assert!(shown.contains(name), "{name} is missing in\n{shown}");
        }
        assert_eq!(MEANINGS.len(), summary.values().count());
        assert!(shown.lines().all(|line| columns(line) <= 80), "{shown}");
    }

    #[test]
    fn the_json_form_has_every_counter() {
        let mut summary = RunSummary::default();
        summary.counters.records_received = 3;
        let mut out = Vec::new();
        summary.write_json(&mut out).expect("into memory");
        let object: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(object["RecordsReceived"], 3);
        for (name, value) in summary.values() {
            assert_eq!(object[name], value, "{name}");
        }
        assert_eq!(object["unparsed"], json!([]));
    }
}
