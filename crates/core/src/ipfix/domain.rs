//! State of an observation domain: templates, messages under construction, and totals.

use super::message::MessageBuffer;
use super::options::OptionsTable;

/// Observation domain with the messages under construction.
#[derive(Debug)]
pub(super) struct ObservationDomain {
    pub(super) id: u32,
    pub(super) name: Box<str>,
    /// Templates in the order of first use, without the templates of the statistics.
    pub(super) templates: Vec<ListedTemplate>,
    /// Options tables whose templates are listed.
    pub(super) tables: Vec<OptionsTable>,
    /// True if records were sent since the last statistics.
    pub(super) has_sent: bool,
    /// Time of the last statistics, milliseconds since 1970.
    pub(super) statistics_at: Option<u64>,
    pub(super) options: MessageBuffer,
    pub(super) flows: MessageBuffer,
    /// Totals of the flows in the message under construction.
    pub(super) pending: FlowTotals,
    pub(super) unsent: UnsentFlows,
    pub(super) ignored: u64,
}

/// Template of a domain.
#[derive(Debug)]
pub(super) struct ListedTemplate {
    pub(super) set_id: u16,
    pub(super) record: Box<[u8]>,
    /// Data record that follows the template in the same message: the sampling record.
    pub(super) data: Option<Box<[u8]>>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FlowTotals {
    pub(super) flows: u64,
    pub(super) packets: u64,
    pub(super) octets: u64,
}

/// Totals of flows that were not sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnsentFlows {
    /// Lost flows: not sent in batches that were committed.
    pub(super) lost: FlowTotals,
    /// Flows not sent since the last commit: not lost, because the flows come again after a rollback.
    pub(super) in_batch: FlowTotals,
}

impl UnsentFlows {
    /// Ends a batch that arrived: its unsent flows are lost.
    pub(super) fn commit(&mut self) {
        let lost = std::mem::take(&mut self.in_batch);
        self.lost.add(lost);
    }

    /// Forgets a batch that failed.
    pub(super) fn discard(&mut self) {
        self.in_batch = FlowTotals::default();
    }
}

/// Facts about a closed domain, for the next opening.
#[derive(Debug)]
pub(super) struct ClosedDomain {
    /// Sequence number in each session.
    pub(super) sequences: Box<[u32]>,
    pub(super) unsent: UnsentFlows,
    pub(super) ignored: u64,
}

impl FlowTotals {
    #[inline]
    pub(super) fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }
}
