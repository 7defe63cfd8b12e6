//! Exporting process: records go in, finished messages come out in the right order.
//!
//! Each observation domain has two messages under construction, for options data and for flows. The messages of a domain
//! leave in this order: templates missing in a session, options data, flows. A collector therefore never meets a record
//! before the template or the names; and a collector that drops a message for an unknown element loses templates only. Two
//! exceptions: the sampling record follows its template within the message, because some collectors drop flows of an unknown
//! rate or show a rate of 0; and the templates of the statistics are the last message of a domain's templates, and the
//! statistics the last message of a batch or of a closed domain, so that a collector that refuses statistics loses nothing
//! else.
//!
//! `mapping/announce` decides when a name is due, `session.rs` when a template is. `exporter/send.rs` sends.
//!
//! A *slot* is the index of a domain, the same in the exporter, in every session and in `mapping/announce`.

mod send;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::domain::{ClosedDomain, FlowTotals, ListedTemplate, ObservationDomain, UnsentFlows};
use super::element as e;
use super::message::MessageBuffer;
use super::options::{OptionsRecord, OptionsTable, STATISTICS};
use super::record::{FlowLayout, FlowValues};
use super::session::{ExportSession, TemplateRefresh, Transport};
use super::sink::MessageSink;
use super::template::Template;

/// Smallest message size of the setting: every record of every layout fits.
pub const MIN_MESSAGE_SIZE: usize = 512;

/// Most closed domains with kept sequence numbers and totals, about 130 octets each. Beyond, both start again at 0 in
/// all of these domains.
const MAX_CLOSED: usize = 65_536;

/// Totals of the exporting process since the last report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SentTotals {
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    /// Options records written, sent or not, and sampling records sent with their templates.
    pub(crate) options_records: u64,
}

/// Exporting process with a transport session for each target.
#[derive(Debug)]
pub(crate) struct Exporter {
    domains: Vec<ObservationDomain>,
    /// Closed domains by number.
    closed: HashMap<u32, ClosedDomain, FixedState>,
    sessions: Vec<ExportSession>,
    templates: MessageBuffer,
    record: OptionsRecord,
    limit: usize,
    refresh: TemplateRefresh,
    /// Milliseconds since 1970; never goes back.
    now: u64,
    started: Option<u64>,
    sent: SentTotals,
}

impl Exporter {
    pub(crate) fn new(
        transports: &[Transport],
        max_message_size: usize,
        refresh: TemplateRefresh,
    ) -> Self {
        let limit = max_message_size.clamp(MIN_MESSAGE_SIZE, usize::from(u16::MAX));
        Self {
            domains: Vec::new(),
            closed: HashMap::default(),
            sessions: transports.iter().copied().map(ExportSession::new).collect(),
            templates: MessageBuffer::new(limit),
            record: OptionsRecord::default(),
            limit,
            refresh,
            now: 0,
            started: None,
            sent: SentTotals::default(),
        }
    }

    /// Begins a batch: over UDP templates are due again.
    pub(crate) fn begin(&mut self) {
        self.sessions.iter_mut().for_each(ExportSession::begin);
    }

    /// Moves the time on. Export times never go back within a session: collectors reject a step back (RFC 7011 §8.2).
    pub(crate) fn set_now(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.started.get_or_insert(self.now);
    }

    /// Latest time of [`Self::set_now`], milliseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Returns whether a session is UDP, where messages may vanish.
    pub(crate) fn has_datagram_session(&self) -> bool {
        self.sessions.iter().any(ExportSession::is_datagram)
    }

    /// Restarts a session: the connection or socket is new.
    pub(crate) fn restart_session(&mut self, session: usize) {
        if let Some(restarted) = self.sessions.get_mut(session) {
            restarted.restart();
            for domain in &mut self.domains {
                domain.statistics_at = None;
            }
            for closed in self.closed.values_mut() {
                closed.sequences[session] = 0;
            }
        }
    }

    /// Ends a batch that arrived: flows not sent are lost.
    pub(crate) fn commit(&mut self) {
        let open = self.domains.iter_mut().map(|domain| &mut domain.unsent);
        let closed = self.closed.values_mut().map(|closed| &mut closed.unsent);
        open.chain(closed).for_each(UnsentFlows::commit);
    }

    /// Drops every message under construction: the batch failed and comes again.
    pub(crate) fn discard(&mut self) {
        for domain in &mut self.domains {
            domain.options.clear();
            domain.flows.clear();
            domain.pending = FlowTotals::default();
            domain.unsent.discard();
            domain.statistics_at = None;
        }
        for closed in self.closed.values_mut() {
            closed.unsent.discard();
        }
    }

    /// Takes the totals since the last call.
    pub(crate) fn take_sent(&mut self) -> SentTotals {
        std::mem::take(&mut self.sent)
    }

    /// Opens a domain in `slot`, a free slot or the slot after the last. Sequence numbers and statistics of a domain opened
    /// again go on (RFC 7011 §3.1).
    pub(crate) fn open_domain(&mut self, slot: usize, id: u32, name: &str) {
        let mut domain = ObservationDomain {
            id,
            name: name.into(),
            templates: Vec::new(),
            tables: Vec::new(),
            has_sent: false,
            statistics_at: None,
            options: MessageBuffer::new(self.limit),
            flows: MessageBuffer::new(self.limit),
            pending: FlowTotals::default(),
            unsent: UnsentFlows::default(),
            ignored: 0,
        };
        if let Some(closed) = self.closed.remove(&id) {
            domain.unsent = closed.unsent;
            domain.ignored = closed.ignored;
            for (session, sequence) in self.sessions.iter_mut().zip(closed.sequences) {
                session.open(slot, sequence);
            }
        }
        match self.domains.get_mut(slot) {
            Some(before) => *before = domain,
            None => self.domains.push(domain),
        }
    }

    /// Closes a domain without messages under construction: the slot is free. Sequence numbers and statistics are kept.
    pub(crate) fn close_domain(&mut self, slot: usize) {
        let sequences = self.sessions.iter_mut().map(|session| session.close(slot));
        let sequences = sequences.collect();
        let domain = &mut self.domains[slot];
        domain.has_sent = false;
        let unsent = std::mem::take(&mut domain.unsent);
        if self.closed.len() >= MAX_CLOSED {
            self.closed.clear();
        }
        self.closed.insert(
            domain.id,
            ClosedDomain {
                sequences,
                unsent,
                ignored: domain.ignored,
            },
        );
    }

    /// Name of a domain.
    pub(crate) fn domain_name(&self, slot: usize) -> &str {
        &self.domains[slot].name
    }

    /// Counts a received record that is deliberately not exported.
    pub(crate) fn ignore(&mut self, slot: usize) {
        self.domains[slot].ignored += 1;
    }

    /// Adds a template to the domain.
    pub(crate) fn add_template(&mut self, slot: usize, template: &Template) {
        self.domains[slot].templates.push(ListedTemplate {
            set_id: template.set_id(),
            record: template.record().into(),
            data: None,
        });
    }

    /// Writes the name of a domain; the first time, also lists the sampling template with its data record.
    pub(crate) fn announce_domain<S: MessageSink>(
        &mut self,
        slot: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let domain = &mut self.domains[slot];
        let (id, name) = (domain.id, domain.name.clone());
        if domain.templates.is_empty() {
            let template = OptionsTable::Sampling.template();
            let record = self.record.clear().u32(id).u32(1).u32(0).octets();
            domain.templates.push(ListedTemplate {
                set_id: template.set_id(),
                record: template.record().into(),
                data: Some(record.into()),
            });
        }
        let write =
            |r: &mut OptionsRecord| _ = r.u32(id).string(&e::OBSERVATION_DOMAIN_NAME, &name);
        self.write_options(slot, OptionsTable::Domain, write, sink)
    }

    /// Writes an options record.
    pub(crate) fn write_options<S: MessageSink>(
        &mut self,
        slot: usize,
        table: OptionsTable,
        write: impl FnOnce(&mut OptionsRecord),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        write(self.record.clear());
        let octets = self.record.octets().len();
        let domain = &mut self.domains[slot];
        if !STATISTICS.contains(&table) && !domain.tables.contains(&table) {
            domain.tables.push(table);
            self.add_template(slot, &table.template());
        }
        if !self.domains[slot]
            .options
            .has_room(table.template_id(), octets)
        {
            self.send_pending(slot, false, sink)?;
        }
        self.domains[slot]
            .options
            .data_record(table.template_id(), self.record.octets());
        self.sent.options_records += 1;
        Ok(())
    }

    /// Returns the observation domain ID of an open domain.
    pub(crate) fn domain_id(&self, slot: usize) -> u32 {
        self.domains[slot].id
    }

    /// Writes a flow of a layout whose template was added to the domain.
    #[inline(always)] // single caller, for every record
    pub(crate) fn write_flow<S: MessageSink>(
        &mut self,
        slot: usize,
        layout: &FlowLayout,
        flow: &FlowValues,
        (packets, octets): (u64, u64),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let id = layout.template.id;
        let length = layout.octets() + flow.tail().len();
        if !self.domains[slot].flows.has_room(id, length) {
            self.send_pending(slot, true, sink)?;
        }
        let domain = &mut self.domains[slot];
        domain
            .flows
            .flow(id, layout.octets(), flow.tail(), |window| {
                layout.write(flow, window);
            });
        domain.pending.add(FlowTotals {
            flows: 1,
            packets,
            octets,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_the_number_and_the_name_with_which_the_slot_was_opened_last() {
        let refresh = TemplateRefresh {
            seconds: 600,
            messages: 20,
        };
        let mut exporter = Exporter::new(&[Transport::Stream], 1_400, refresh);
        for (slot, id, name) in [(0, 7, "7"), (1, 8, "8"), (0, 9, "9")] {
            exporter.open_domain(slot, id, name);
            let domain = (exporter.domain_id(slot), exporter.domain_name(slot));
            assert_eq!(domain, (id, name));
        }
        assert_eq!((exporter.domain_id(1), exporter.domain_name(1)), (8, "8"));
    }
}
