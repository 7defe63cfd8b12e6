//! Flow logs: the observed resource, the destination, and the time within which to rely on a flow log.

use super::{Destination, Identified};

/// Longest time until a new flow log has its first record, and longest time to rely on an answer of EC2, in milliseconds.
pub const SETTLING: u64 = 15 * 60_000;

/// Longest time to keep a vanished flow log, in milliseconds: the records may wait as long in a queue.
pub const VANISHED: u64 = 15 * 24 * 3_600_000;

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
    /// Record format, `${…} ${…}`; AWS's default without.
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
    /// Tells whether records with these start and end times (milliseconds since 1970) are written, as far as is known.
    ///
    /// A new flow log writes nothing for up to 15 minutes. An answer of EC2 holds for 15 minutes. A vanished flow log writes
    /// until the last answer with the flow log.
    pub fn is_alive(&self, start: Option<u64>, end: Option<u64>) -> bool {
        let lifetime = self.lifetime();
        lifetime.contains(start, end)
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        let as_of = self.as_of.map(|as_of| as_of.saturating_add(SETTLING));
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
    /// Tells whether a record of these times is within; of unknown times, only if there is no bound.
    #[inline]
    pub(crate) fn contains(self, start: Option<u64>, end: Option<u64>) -> bool {
        self.begins
            .is_none_or(|begins| start.is_some_and(|start| start >= begins))
            && self
                .ends
                .is_none_or(|ends| end.is_some_and(|end| end < ends))
    }
}

/// Returns the flow logs of an earlier answer missing in the present answer, as vanished. A flow log last seen 15 days before
/// `now`, or earlier, is dropped.
///
/// The formats stay candidates, and records are judged as before up to the time when the flow log was last seen.
pub fn vanished(previous: &[FlowLog], present: &[FlowLog], now: u64) -> Vec<FlowLog> {
    let is_listed = |flow_log: &&FlowLog| !present.iter().any(|other| other.id == flow_log.id);
    let gone = previous.iter().filter(is_listed).cloned();
    gone.filter_map(|mut flow_log| {
        let last_seen = flow_log.last_seen.or(flow_log.as_of)?;
        flow_log.last_seen = Some(last_seen);
        (last_seen.saturating_add(VANISHED) > now).then_some(flow_log)
    })
    .collect()
}

impl Identified for FlowLog {
    fn id(&self) -> &[u8] {
        self.id.as_bytes()
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
        for (start, end, is_alive) in [
            (Some(SETTLING + 999), Some(SETTLING + 1_000), false),
            (Some(SETTLING + 1_000), Some(SETTLING + 1_000), true),
            (Some(SETTLING + 1_000), Some(2 * SETTLING - 1), true),
            (Some(SETTLING + 1_000), Some(2 * SETTLING), false),
            (None, Some(SETTLING + 1_000), false),
            (Some(SETTLING + 1_000), None, false),
        ] {
            assert_eq!(born.is_alive(start, end), is_alive, "{start:?} {end:?}");
        }
        let vanished = FlowLog {
            last_seen: Some(2_000_000),
            ..born
        };
        assert!(vanished.is_alive(Some(1_000_000), Some(1_999_999)));
        assert!(!vanished.is_alive(Some(1_000_000), Some(2_000_000)));
        assert!(flow_log("fl-2", None).is_alive(None, None), "of a file");
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
        for (now, kept) in [(4 + VANISHED, 1), (5 + VANISHED, 0)] {
            assert_eq!(vanished(&known, &[], now).len(), kept, "{now}");
        }
    }
}
