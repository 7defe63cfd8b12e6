//! Log of what the records of a process show and a person has to know: unparsed lines, unknown directions, doubled flow logs,
//! identifiers that share a number.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use flowlogs_core::{BatchReport, LogFormat};

use crate::log::one_line;

/// Most remembered collisions, and most remembered groups of doubled flow logs. Further collisions are not logged; one group
/// more clears the memory of groups.
const MAX_NOTES: usize = 10_000;

/// Time between two notes about the same flow logs.
const DOUBLED_INTERVAL: Duration = Duration::from_secs(3_600);

/// Log of the reports of a process; remembers what is logged once a process or once an hour.
#[derive(Debug, Default)]
pub(crate) struct RecordLog {
    /// Hashes of groups of flow logs that write the same records, and the time at which they were logged.
    doubled: HashMap<u64, Instant>,
    hasher: RandomState,
    collisions: HashSet<u32>,
}

impl RecordLog {
    /// Logs the report of a batch: a line for unparsed lines, one for unknown directions, and one for each new group of
    /// doubled flow logs and each new collision; never a line for each record.
    pub(crate) fn log(&mut self, destination: &str, report: &BatchReport) {
        let destination = one_line(&destination);
        if let Some(sample) = &report.unparsed {
            let count = report.counters.unparsed_records;
            let (record, line) = (sample.record, one_line(&sample.line));
            let reason = one_line(&sample.mismatch);
            let hint = sample.hint.as_ref().map(LogFormat::to_string); // of documented names
            tracing::warn!(
                destination,
                count,
                record,
                line,
                reason,
                hint,
                "lines fit no known record format; set LOG_FORMAT"
            );
        }
        if report.counters.unknown_direction > 0 {
            let count = report.counters.unknown_direction;
            tracing::warn!(
                destination,
                count,
                "flows of unknown direction were exported"
            );
        }
        for flow_logs in &report.doubled {
            self.log_doubled(flow_logs);
        }
        for collision in &report.collisions {
            if self.collisions.len() < MAX_NOTES && self.collisions.insert(collision.number) {
                let number = collision.number;
                let [first, second] = [&collision.first, &collision.second].map(one_line);
                tracing::warn!(number, first, second, "two identifiers share a number");
            }
        }
    }

    /// Logs flow logs that write the same records, once an hour.
    fn log_doubled(&mut self, flow_logs: &[String]) {
        let now = Instant::now();
        let group = self.hasher.hash_one(flow_logs);
        let logged = self.doubled.get(&group);
        if logged.is_some_and(|logged| now.duration_since(*logged) < DOUBLED_INTERVAL) {
            return;
        }
        if self.doubled.len() >= MAX_NOTES {
            self.doubled.clear();
        }
        self.doubled.insert(group, now);
        let flow_logs = one_line(&flow_logs.join(", "));
        tracing::warn!(
            flow_logs,
            "these flow logs write the same records into one place, so that flows are counted more than once; delete all but one"
        );
    }
}
