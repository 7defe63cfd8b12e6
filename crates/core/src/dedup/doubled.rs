//! Rule 2: several flow logs of a destination observe an interface, so AWS writes each record of the interface several
//! times.
//!
//! The records of the preferred flow log count. A record of another flow log is left out where the source names the flow log
//! (the key of an object), or where the line does not fit the preferred format. A line that fits the preferred format and
//! another format cannot be attributed: the record counts, and is reported as doubled.

use std::cmp::Reverse;

use crate::flowlog::field::FieldMapping;
use crate::flowlog::{Field, FieldSet, FlowAction, FlowRecord, LogFormat, RecordValues};
use crate::network::{FlowLog, Lifetime};

use super::observed::{ACCEPTED, BOTH, DedupVerdict, REJECTED, RecordTimes};

/// Fields that name an interface; a regular layout has one of these fields.
const INTERFACE: FieldSet = FieldSet::of(&[
    Field::InterfaceId,
    Field::ResourceId,
    Field::TgwAttachmentId,
]);

/// Facts known from the source about the flow log that wrote the record.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriterHints<'a> {
    /// Id in the key of the object.
    pub(super) flow_log: Option<&'a str>,
    /// True if the record's format comes from a header line, or from the schema of a file.
    pub(super) has_header: bool,
}

#[derive(Debug)]
struct GroupMember {
    id: Box<str>,
    traffic: u8,
    lifetime: Lifetime,
    /// `None` for a format unreadable for this version: no line fits.
    format: Option<LogFormat>,
}

/// Flow logs of a destination that all observe the same interface, the preferred flow log first.
#[derive(Debug)]
pub(crate) struct FlowLogGroup {
    members: Vec<GroupMember>,
}

impl FlowLogGroup {
    /// Makes a group of these flow logs.
    pub(super) fn of<'a>(flow_logs: impl Iterator<Item = (&'a FlowLog, u8, Lifetime)>) -> Self {
        let mut members: Vec<_> = flow_logs
            .map(|(flow_log, traffic, lifetime)| GroupMember {
                id: flow_log.id.as_str().into(),
                traffic,
                lifetime,
                format: LogFormat::parse(format_of(flow_log)).ok(),
            })
            .collect();
        members.sort_by_cached_key(|member| {
            let fields = member.format.as_ref().map(LogFormat::fields);
            let fields = fields.unwrap_or_default();
            let is_regular = fields.has_all(FieldSet::REGULAR) && fields.has_any(INTERFACE);
            let exported = fields
                .iter()
                .filter(|field| field.row().mapping != FieldMapping::NotExported)
                .count();
            (Reverse(is_regular), Reverse(exported), member.id.clone())
        });
        Self { members }
    }

    /// Ids of the flow logs that write records of this action and these times.
    pub(super) fn ids<'a>(
        &'a self,
        record: &FlowRecord<'_>,
        times: RecordTimes,
    ) -> impl Iterator<Item = &'a str> {
        self.writers(record, times).map(|member| &*member.id)
    }

    /// Verdict of rule 2 on a record; `group` is the number of this group.
    pub(super) fn attribute(
        &self,
        record: &FlowRecord<'_>,
        group: u32,
        times: RecordTimes,
        hints: WriterHints<'_>,
        scratch: &mut RecordValues,
    ) -> DedupVerdict {
        let mut writers = self.writers(record, times);
        let Some(preferred) = writers.next() else {
            return DedupVerdict::Keep;
        };
        if let Some(flow_log) = hints.flow_log {
            // A flow log outside the group is unknown, too young, or gone: the records count.
            return match writers.any(|other| *other.id == *flow_log) {
                true => DedupVerdict::DuplicateRecord,
                false => DedupVerdict::Keep,
            };
        }
        let mut fits = |member: &GroupMember| {
            member
                .format
                .as_ref()
                .is_some_and(|format| match hints.has_header {
                    true => format.has_columns_of(record.format()),
                    false => format.resembles_line(record.line(), scratch),
                })
        };
        let fits_preferred = fits(preferred);
        match (fits_preferred, writers.any(&mut fits)) {
            (true, true) => DedupVerdict::Doubled(group),
            (false, true) => DedupVerdict::DuplicateRecord,
            (_, false) => DedupVerdict::Keep,
        }
    }

    /// Flow logs that write records of this action and these times, the preferred flow log first.
    fn writers<'a>(
        &'a self,
        record: &FlowRecord<'_>,
        times: RecordTimes,
    ) -> impl Iterator<Item = &'a GroupMember> {
        let traffic = match record.action() {
            Some(FlowAction::Accept) => ACCEPTED,
            Some(FlowAction::Reject) => REJECTED,
            // A reason means rejected traffic, even beside an unknown action; in a flow (`vpc_sides`) only if the
            // format has no action.
            None if record.reject_reason().is_some() => REJECTED,
            None => BOTH,
        };
        self.members.iter().filter(move |member| {
            member.traffic & traffic == traffic && member.lifetime.contains(times.start, times.end)
        })
    }
}

/// Format of a flow log; AWS's default where none is set.
fn format_of(flow_log: &FlowLog) -> &str {
    let default = if flow_log.resource.starts_with("tgw-") {
        LogFormat::TRANSIT_GATEWAY_DEFAULT
    } else {
        LogFormat::VPC_DEFAULT
    };
    flow_log.format.as_deref().unwrap_or(default)
}
