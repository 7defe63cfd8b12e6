//! Flow logs: the observed resource, the destination, and the time within which to rely on a flow log.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Destination;

/// Longest time until a new flow log writes, in milliseconds.
pub const SETTLING: u64 = 15 * 60_000;

/// Longest time to rely on an answer of EC2, in milliseconds.
const ANSWER_HOLDS: u64 = SETTLING;

/// Longest time to keep a vanished flow log, in milliseconds, because its records may wait as long in a queue.
pub const KEEP_VANISHED: u64 = 15 * 24 * 3_600_000;

/// Kind of traffic recorded by a flow log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TrafficType {
    /// `ALL`, or no word, as of transit gateways.
    #[default]
    All,
    /// `ACCEPT`
    Accept,
    /// `REJECT`
    Reject,
    /// A word unknown to this version; no rule relies on the flow log.
    Other,
}

impl TrafficType {
    /// Kind for a word of `TrafficType`.
    pub fn of_word(word: &str) -> Self {
        match word {
            "ALL" => Self::All,
            "ACCEPT" => Self::Accept,
            "REJECT" => Self::Reject,
            _ => Self::Other,
        }
    }
}

/// A flow log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowLog {
    /// `fl-…`
    pub id: String,
    /// Observed resource: `vpc-…`, `subnet-…`, `eni-…`, `tgw-…`, `tgw-attach-…`, `nat-…`.
    pub resource: String,
    /// Account of the flow log, if known.
    pub account: Option<String>,
    /// Region, if known.
    pub region: Option<String>,
    /// Recorded kind of traffic.
    pub traffic: TrafficType,
    /// Destination, if understood.
    pub destination: Option<Destination>,
    /// Record format, `${…} ${…}`; `None` for AWS's default.
    pub format: Option<String>,
    /// `DeliverLogsStatus` is `FAILED`: nothing is delivered, so nothing may be left out because of this flow log.
    pub failing: bool,
    /// Creation, in milliseconds since 1970.
    pub created: Option<u64>,
    /// Time of the answer with this flow log, in milliseconds since 1970; unknown for a file of the AWS CLI.
    pub as_of: Option<u64>,
    /// Time of the last answer with this flow log, if vanished since.
    pub last_seen: Option<u64>,
}

impl FlowLog {
    /// Returns whether the flow log delivers to this destination; true where the source has no destination.
    pub(crate) fn delivers_to(&self, destination: Option<&Destination>) -> bool {
        let own = self.destination.as_ref();
        destination.is_none_or(|wanted| own.is_some_and(|own| own.agrees_with(wanted)))
    }

    /// Times between which to rely on the flow log.
    ///
    /// A new flow log writes nothing for up to 15 minutes. An answer of EC2 holds for 15 minutes. A vanished flow log writes
    /// until the last answer with the flow log.
    pub(crate) fn lifetime(&self) -> Lifetime {
        let as_of = self.as_of.map(|as_of| as_of.saturating_add(ANSWER_HOLDS));
        Lifetime {
            begins: self.created.map(|created| created.saturating_add(SETTLING)),
            ends: self.last_seen.or(as_of),
        }
    }
}

/// Times between which to rely on a flow log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    begins: Option<u64>,
    ends: Option<u64>,
}

impl Lifetime {
    /// Returns whether a record of these times is within the bounds; an unknown time is within only where its bound is
    /// missing.
    #[inline]
    pub(crate) fn contains(self, start: Option<u64>, end: Option<u64>) -> bool {
        self.begins
            .is_none_or(|begins| start.is_some_and(|start| start >= begins))
            && self
                .ends
                .is_none_or(|ends| end.is_some_and(|end| end < ends))
    }
}

/// Returns the flow logs of an earlier answer that the present answer lacks, as vanished. A flow log last seen 15 days
/// before `now`, or earlier, is dropped.
///
/// The formats stay candidates, and records are judged as before up to the time when the flow log was last seen.
pub fn vanished(previous: &[FlowLog], present: &[FlowLog], now: u64) -> Vec<FlowLog> {
    let is_gone = |flow_log: &&FlowLog| !present.iter().any(|other| other.id == flow_log.id);
    let gone = previous.iter().filter(is_gone).cloned();
    gone.filter_map(|mut flow_log| {
        let last_seen = flow_log.last_seen.or(flow_log.as_of)?;
        flow_log.last_seen = Some(last_seen);
        (last_seen.saturating_add(KEEP_VANISHED) > now).then_some(flow_log)
    })
    .collect()
}

/// Flow logs in insertion order, looked up by id; inserting a known id replaces the flow log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FlowLogs {
    flow_logs: Vec<FlowLog>,
    indices: HashMap<Box<[u8]>, usize, FixedState>,
}

impl FlowLogs {
    pub(super) fn insert(&mut self, flow_log: FlowLog) {
        match self.indices.get(flow_log.id.as_bytes()) {
            Some(&index) => self.flow_logs[index] = flow_log,
            None => {
                let id = flow_log.id.as_bytes().into();
                self.indices.insert(id, self.flow_logs.len());
                self.flow_logs.push(flow_log);
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&FlowLog> {
        self.flow_logs.get(*self.indices.get(id.as_bytes())?)
    }

    pub(super) fn as_slice(&self) -> &[FlowLog] {
        &self.flow_logs
    }

    /// Inserts the flow logs of `other`.
    pub(super) fn merge(&mut self, other: Self) {
        let others = other.flow_logs.into_iter();
        others.for_each(|flow_log| self.insert(flow_log));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow_log(id: &str, as_of: Option<u64>) -> FlowLog {
        FlowLog {
            id: id.to_owned(),
            as_of,
            ..FlowLog::default()
        }
    }

    #[test]
    fn kinds_of_traffic_are_the_words_of_ec2() {
        assert_eq!(
            ["ALL", "ACCEPT", "REJECT", "all"].map(TrafficType::of_word),
            [
                TrafficType::All,
                TrafficType::Accept,
                TrafficType::Reject,
                TrafficType::Other
            ]
        );
    }

    #[test]
    fn a_flow_log_is_relied_upon_from_a_quarter_of_an_hour_after_its_creation_until_the_answer_is_that_old()
     {
        let born = FlowLog {
            created: Some(1_000),
            ..flow_log("fl-1", Some(SETTLING))
        };
        let is_alive = |flow_log: &FlowLog, start, end| flow_log.lifetime().contains(start, end);
        for (start, end, expected) in [
            (Some(SETTLING + 999), Some(SETTLING + 1_000), false),
            (Some(SETTLING + 1_000), Some(SETTLING + 1_000), true),
            (Some(SETTLING + 1_000), Some(2 * SETTLING - 1), true),
            (Some(SETTLING + 1_000), Some(2 * SETTLING), false),
            (None, Some(SETTLING + 1_000), false),
            (Some(SETTLING + 1_000), None, false),
        ] {
            assert_eq!(is_alive(&born, start, end), expected, "{start:?} {end:?}");
        }
        let vanished = FlowLog {
            last_seen: Some(2_000_000),
            ..born
        };
        assert!(is_alive(&vanished, Some(1_000_000), Some(1_999_999)));
        assert!(!is_alive(&vanished, Some(1_000_000), Some(2_000_000)));
        assert!(is_alive(&flow_log("fl-2", None), None, None), "of a file");
    }

    #[test]
    fn a_flow_log_that_is_no_longer_listed_is_kept_for_15_days() {
        let (day, now) = (24 * 3_600_000, 100 * 24 * 3_600_000);
        let first = [
            flow_log("fl-1", Some(now - 16 * day)),
            flow_log("fl-2", Some(now - 14 * day)),
            flow_log("fl-3", None),
        ];
        let kept = vanished(&first, &[], now);
        assert_eq!(kept.len(), 1, "too old, kept, and never said when");
        assert_eq!(
            (kept[0].id.as_str(), kept[0].last_seen),
            ("fl-2", Some(now - 14 * day))
        );
        let again = vanished(&kept, &[], now + day / 2);
        assert_eq!(again, kept, "last seen when it was");
        assert_eq!(vanished(&kept, &kept, now), []);
    }

    #[test]
    fn the_last_millisecond_of_the_15_days_still_counts() {
        let known = [flow_log("fl-1", Some(5))];
        for (now, kept) in [(4 + KEEP_VANISHED, 1), (5 + KEEP_VANISHED, 0)] {
            assert_eq!(vanished(&known, &[], now).len(), kept, "{now}");
        }
    }
}
