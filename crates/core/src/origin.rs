//! Source of lines: a log group, object or file, with account, region, formats and destination.

use std::sync::Arc;

use crate::dedup::Coverage;
use crate::flowlog::{Formats, HeaderLine};
use crate::network::{Destination, Inventory};

/// Source of lines.
///
/// ```
/// use flowlogs_core::network::Destination;
/// use flowlogs_core::{Formats, RecordSource};
///
/// let group = Destination::log_group("/vpc/flow-logs");
/// let mut source = RecordSource::new(Some(group.clone()), Formats::defaults());
/// source.set_account_and_region(Some("123456789010"), Some("eu-central-1"));
/// assert_eq!(source.destinations(), [group]);
/// ```
#[derive(Debug)]
pub struct RecordSource {
    /// Account of records without the column; shared, so that equal pointers need no comparison of the text.
    pub(crate) account: Option<Arc<str>>,
    /// Region of records without the column; shared.
    pub(crate) region: Option<Arc<str>>,
    /// Candidate formats.
    pub formats: Formats,
    /// Possible destinations of the lines' flow logs, in order of preference; the last needs no flow log in the inventory.
    /// None for a plain file.
    destinations: Vec<Destination>,
    /// Flow log of the lines, if the key of the object says so.
    flow_log: Option<Box<str>>,
    /// Name of the log stream.
    stream: Option<Box<str>>,
    /// Number of the stream for rule 1; computed again after a change.
    pub(crate) event_stream: Option<u64>,
    /// Coverage by the flow logs of the destination, with the version of the inventory.
    coverage: Option<(u64, Coverage)>,
    /// Destinations or flow log have changed since the coverage was computed.
    has_moved: bool,
}

impl RecordSource {
    /// A source with these candidate formats, of a log group or bucket, or of a plain file.
    pub fn new(destination: Option<Destination>, formats: Formats) -> Self {
        Self {
            account: None,
            region: None,
            formats,
            destinations: destination.into_iter().collect(),
            flow_log: None,
            stream: None,
            event_stream: None,
            coverage: None,
            has_moved: false,
        }
    }

    /// Sets account and region of the next lines, where a line has no such columns.
    pub fn set_account_and_region(&mut self, account: Option<&str>, region: Option<&str>) {
        for (known, name) in [(&mut self.account, account), (&mut self.region, region)] {
            if known.as_deref() != name {
                *known = name.map(Arc::from);
                self.event_stream = None;
            }
        }
    }

    /// Looks for a header in a line. An event of CloudWatch Logs (a line with a timestamp) is no header: other programs
    /// write to log groups, too.
    #[inline]
    pub(crate) fn read_header(&mut self, line: &LogLine<'_>) -> HeaderLine {
        match line.timestamp {
            None => self.formats.read_header(line.text),
            Some(_) => HeaderLine::NoHeader,
        }
    }

    /// Sets the destination of the next lines: the first of these with a flow log in the inventory, else the last.
    /// `flow_log` is the id in the key of an object: if the inventory has this flow log, its destination goes first.
    pub fn set_destinations(&mut self, destinations: &[Destination], flow_log: Option<&str>) {
        if self.destinations != destinations {
            self.destinations = destinations.to_vec();
            self.event_stream = None;
            self.has_moved = true;
        }
        if self.flow_log.as_deref() != flow_log {
            self.flow_log = flow_log.map(Box::from);
            self.has_moved = true;
        }
    }

    /// Sets the log stream of the next lines: event ids of different streams are different events.
    pub fn set_stream(&mut self, stream: Option<&str>) {
        if self.stream.as_deref() != stream {
            self.stream = stream.map(Box::from);
            self.event_stream = None;
        }
    }

    /// Possible destinations of the lines' flow logs.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// Scope of an event id: account, log group and stream.
    pub(crate) fn event_scope(&self) -> [Option<&str>; 3] {
        let group = self.destinations.first().map(|first| &*first.name);
        [self.account.as_deref(), group, self.stream.as_deref()]
    }

    /// Computes the coverage where missing: the inventory has another version, or the destination has changed. `last` is the
    /// number of the coverage computed last.
    #[inline]
    pub(crate) fn update_coverage(&mut self, inventory: &Inventory, version: u64, last: &mut u64) {
        let is_current = !self.has_moved
            && self
                .coverage
                .as_ref()
                .is_some_and(|(known, _)| *known == version);
        if !is_current {
            self.compute_coverage(inventory, version, last);
        }
    }

    #[inline(never)]
    fn compute_coverage(&mut self, inventory: &Inventory, version: u64, last: &mut u64) {
        let destination = inventory.resolve(self.flow_log.as_deref(), &self.destinations);
        let holds = self.coverage.as_ref().is_some_and(|(known, coverage)| {
            *known == version && coverage.destination() == destination
        });
        if !holds {
            *last += 1;
            let coverage = Coverage::of(*last, inventory, destination.cloned());
            self.coverage = Some((version, coverage));
        }
        self.has_moved = false;
    }

    /// Parts needed to judge a record, borrowed side by side. [`Self::update_coverage`] comes first.
    #[inline]
    pub(crate) fn parts(&mut self) -> SourceParts<'_> {
        let (_, coverage) = self
            .coverage
            .get_or_insert_with(|| (0, Coverage::default()));
        SourceParts {
            formats: &mut self.formats,
            facts: SourceFacts {
                account: &self.account,
                region: &self.region,
                flow_log: self.flow_log.as_deref(),
                has_header: true,
                event_time: None,
            },
            coverage,
        }
    }
}

/// Parts of a [`RecordSource`].
pub(crate) struct SourceParts<'a> {
    pub(crate) formats: &'a mut Formats,
    /// Facts for a record of a row; for a line the caller sets `has_header` and `event_time`.
    pub(crate) facts: SourceFacts<'a>,
    pub(crate) coverage: &'a mut Coverage,
}

/// Facts of a record that its source knows.
#[derive(Clone, Copy)]
pub(crate) struct SourceFacts<'a> {
    pub(crate) account: &'a Option<Arc<str>>,
    pub(crate) region: &'a Option<Arc<str>>,
    pub(crate) flow_log: Option<&'a str>,
    /// True if the record's format comes from a header line, or from the schema of a file.
    pub(crate) has_header: bool,
    /// Event time, milliseconds since 1970.
    pub(crate) event_time: Option<u64>,
}

/// Line of a delivery.
///
/// ```
/// let line = flowlogs_core::LogLine {
///     id: Some(b"36913489327658012345678901234567890123456789012345678901"),
///     timestamp: Some(1_418_530_070_000),
///     text: b"2 123456789010 eni-1235b8ca123456789 - - - - - - - 1418530010 1418530070 - NODATA",
/// };
/// # let _ = line;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// Id of the delivery, if any: CloudWatch's event id.
    pub id: Option<&'a [u8]>,
    /// Event time: the event's timestamp, milliseconds since 1970.
    pub timestamp: Option<u64>,
    /// The octets of the line.
    pub text: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::FlowLog;

    #[test]
    fn the_coverage_is_computed_for_another_inventory_or_destination_alone() {
        let group = |name: &str| Destination::log_group(name);
        let mut inventory = Inventory::new();
        for (id, name) in [("fl-1", "one"), ("fl-2", "two")] {
            inventory.insert_flow_log(FlowLog {
                id: id.to_owned(),
                destination: Some(group(name)),
                ..FlowLog::default()
            });
        }
        let mut source = RecordSource::new(Some(group("one")), Formats::defaults());
        let mut computed = 0;
        let steps: [(&[Destination], _, _, _); 9] = [
            (&[group("one")], None, 1, 1),
            (&[group("one")], None, 1, 1),
            (&[group("one")], None, 2, 2),
            (&[group("two")], None, 2, 3),
            (&[group("two")], Some("fl-1"), 2, 4),
            (&[group("two")], Some("fl-1"), 2, 4),
            (&[group("two")], Some("fl-2"), 2, 5),
            (&[group("two"), group("one")], Some("fl-2"), 2, 5),
            (&[], None, 2, 6),
        ];
        for (destinations, flow_log, version, expected) in steps {
            source.set_destinations(destinations, flow_log);
            assert_eq!(source.destinations(), destinations);
            source.update_coverage(&inventory, version, &mut computed);
            let coverage = (computed, source.parts().coverage.number());
            assert_eq!(
                coverage,
                (expected, expected),
                "{destinations:?} {flow_log:?}"
            );
        }
    }

    #[test]
    fn events_have_the_scope_of_account_log_group_and_stream() {
        let group = Destination::log_group("flows");
        let mut source = RecordSource::new(Some(group), Formats::defaults());
        assert_eq!(source.event_scope(), [None, Some("flows"), None]);
        source.set_account_and_region(Some("1"), Some("eu-central-1"));
        for (stream, is_new) in [("a", true), ("a", false), ("b", true)] {
            source.set_stream(Some(stream));
            assert_eq!(source.event_stream.is_none(), is_new, "{stream}");
            source.event_stream = Some(7);
            let scope = [Some("1"), Some("flows"), Some(stream)];
            assert_eq!(source.event_scope(), scope);
        }
        source.set_stream(None);
        assert_eq!(source.event_stream, None);
    }
}
