//! Where lines come from: one log group, bucket or file, with its formats and what its flow logs cover.

use std::sync::Arc;

use crate::dedup::Coverage;
use crate::flowlog::Formats;
use crate::network::Inventory;

/// Where lines come from.
///
/// ```
/// use flowlogs_core::{Formats, RecordSource};
///
/// let mut source = RecordSource::new(Some("/vpc/flow-logs"), Formats::defaults());
/// source.set_owner(Some("123456789010"), Some("eu-central-1"));
/// assert_eq!(source.destination(), Some("/vpc/flow-logs"));
/// ```
#[derive(Debug)]
pub struct RecordSource {
    /// The account that owns the lines, for records that do not say theirs; shared, so that it is compared at once.
    pub(crate) owner: Option<Arc<str>>,
    /// The region, likewise.
    pub(crate) region: Option<Arc<str>>,
    /// The candidate formats.
    pub formats: Formats,
    /// The log group or bucket; decides which flow logs of the inventory count.
    destination: Option<String>,
    /// Coverage by the flow logs of this destination.
    pub(crate) coverage: Coverage,
    /// Version of the inventory that the coverage follows from.
    coverage_version: Option<u64>,
}

impl RecordSource {
    /// A source with these candidate formats.
    pub fn new(destination: Option<&str>, formats: Formats) -> Self {
        Self {
            owner: None,
            region: None,
            formats,
            destination: destination.map(str::to_owned),
            coverage: Coverage::default(),
            coverage_version: None,
        }
    }

    /// From now on its lines are of this account and region, where they do not say theirs.
    pub fn set_owner(&mut self, account: Option<&str>, region: Option<&str>) {
        for (known, name) in [(&mut self.owner, account), (&mut self.region, region)] {
            if known.as_deref() != name {
                *known = name.map(Arc::from);
            }
        }
    }

    /// Computes the coverage anew if the inventory has another version.
    #[inline]
    pub(crate) fn update_coverage(&mut self, version: u64, inventory: &Inventory) {
        if self.coverage_version != Some(version) {
            self.coverage = Coverage::of(inventory, self.destination());
            self.coverage_version = Some(version);
        }
    }

    /// The log group or bucket.
    pub fn destination(&self) -> Option<&str> {
        self.destination.as_deref()
    }
}

/// A line as it was delivered.
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
    /// The delivery's id, if it has one: CloudWatch's event id.
    pub id: Option<&'a [u8]>,
    /// The event's timestamp, milliseconds since 1970.
    pub timestamp: Option<u64>,
    /// The octets of the line.
    pub text: &'a [u8],
}
