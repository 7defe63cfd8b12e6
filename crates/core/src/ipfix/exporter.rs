//! Exporting process: records go in, finished messages come out in the right order.
//!
//! Each observation domain has two messages under construction, for options data and for flows. The messages of a domain
//! leave in this order: templates missing in a session, options data, flows. A collector therefore never meets a record
//! before the template or the names; and a collector that drops a message for an unknown element loses templates only. Two
//! exceptions: the sampling record follows its template within the message, because some collectors drop flows of an unknown
//! rate or show a rate of 0; and the templates of the statistics are the last message of a group, the data the last message
//! of a batch, so that a collector that refuses statistics loses nothing else.
//!
//! `mapping/announce` decides when a name is due, `session.rs` when a template is; this file asks before every message.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::domain::{ClosedDomain, FlowTotals, ListedTemplate, ObservationDomain};
use super::element as e;
use super::message::{MessageBuffer, SET_HEADER};
use super::options::{OptionsRecord, OptionsTable, STATISTICS};
use super::record::{FlowLayout, FlowValues};
use super::session::{ALL_TEMPLATES, ExportSession, TemplateRefresh, Transport};
use super::sink::{MessageKind, MessageSink, SendOutcome};
use super::template::Template;

/// Smallest message size of the setting: every record of every layout fits.
pub const MIN_MESSAGE_SIZE: usize = 512;

/// Milliseconds between two statistics of a domain.
const STATISTICS_INTERVAL: u64 = 60_000;

/// exportingProcessId and the identifier of the mediating process (RFC 7011): always 1, a process for each session.
const PROCESS_ID: u32 = 1;

/// Most closed domains with kept sequence numbers, about 100 octets each. Beyond, all sequence numbers of closed domains
/// start again at 0.
const MAX_CLOSED: usize = 65_536;

/// Number of domains with buffers kept between batches; domains in later slots release buffers.
const KEPT_BUFFERS: usize = 64;

/// Totals of the exporting process since the last report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SentTotals {
    pub(crate) messages: u64,
    pub(crate) octets: u64,
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

    /// Begins an invocation: over UDP templates are due again.
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
        for domain in &mut self.domains {
            let lost = std::mem::take(&mut domain.not_sent_in_batch);
            domain.not_sent.add(lost);
        }
    }

    /// Drops every message under construction: the batch failed and comes again.
    pub(crate) fn discard(&mut self) {
        for domain in &mut self.domains {
            domain.options.clear();
            domain.flows.clear();
            domain.pending = FlowTotals::default();
            domain.not_sent_in_batch = FlowTotals::default();
            domain.statistics_at = None;
        }
    }

    /// Takes the totals since the last call.
    pub(crate) fn take_sent(&mut self) -> SentTotals {
        std::mem::take(&mut self.sent)
    }

    /// Opens a domain in `slot`, a free slot or the slot behind the last. Sequence numbers and statistics of a domain opened
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
            not_sent: FlowTotals::default(),
            not_sent_in_batch: FlowTotals::default(),
            ignored: 0,
        };
        if let Some(closed) = self.closed.remove(&id) {
            domain.not_sent = closed.not_sent;
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
        if self.closed.len() >= MAX_CLOSED {
            self.closed.clear();
        }
        self.closed.insert(
            domain.id,
            ClosedDomain {
                sequences,
                not_sent: domain.not_sent,
                ignored: domain.ignored,
            },
        );
    }

    /// Name of a domain.
    pub(crate) fn domain_name(&self, domain: usize) -> &str {
        &self.domains[domain].name
    }

    /// Counts a received record that is deliberately not exported.
    pub(crate) fn ignore(&mut self, domain: usize) {
        self.domains[domain].ignored += 1;
    }

    /// Adds a template to the domain.
    pub(crate) fn add_template(&mut self, domain: usize, template: &Template) {
        self.domains[domain].templates.push(ListedTemplate {
            set_id: template.set_id(),
            record: template.record().into(),
            data: None,
        });
    }

    /// Writes the name of a domain; the first time, also the sampling record.
    pub(crate) fn describe_domain<S: MessageSink>(
        &mut self,
        index: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let domain = &mut self.domains[index];
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
        self.options(index, OptionsTable::Domain, write, sink)
    }

    /// Sends the statistics of a domain if due: records were sent since the last statistics, a minute ago.
    fn send_statistics<S: MessageSink>(
        &mut self,
        index: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let now = self.now;
        let domain = &mut self.domains[index];
        let is_recent = |at: u64| now < at + STATISTICS_INTERVAL;
        if !domain.has_sent || domain.statistics_at.is_some_and(is_recent) {
            return Ok(());
        }
        let (id, not_sent, ignored) = (domain.id, domain.not_sent, domain.ignored);
        let from = self.started.unwrap_or(now);
        let from_seconds = u32::try_from(from / 1_000).unwrap_or(u32::MAX);
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(PROCESS_ID)
                .u64(not_sent.flows)
                .u64(not_sent.packets)
                .u64(not_sent.octets)
                .u32(from_seconds)
                .u64(now);
        };
        self.options(index, OptionsTable::ExporterReliability, write, sink)?;
        let write = |r: &mut OptionsRecord| {
            _ = r
                .u32(id)
                .u32(PROCESS_ID)
                .u64(ignored)
                .u32(from_seconds)
                .u64(now);
        };
        self.options(index, OptionsTable::IntermediateReliability, write, sink)?;
        self.send_pending(index, true, sink)?;
        let domain = &mut self.domains[index];
        domain.has_sent = false;
        domain.statistics_at = Some(now);
        Ok(())
    }

    /// Writes an options record.
    pub(crate) fn options<S: MessageSink>(
        &mut self,
        index: usize,
        table: OptionsTable,
        write: impl FnOnce(&mut OptionsRecord),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        write(self.record.clear());
        let octets = self.record.octets().len();
        let domain = &mut self.domains[index];
        if !STATISTICS.contains(&table) && !domain.tables.contains(&table) {
            domain.tables.push(table);
            self.add_template(index, &table.template());
        }
        if !self.domains[index]
            .options
            .has_room(table.template_id(), octets)
        {
            self.send_pending(index, false, sink)?;
        }
        self.domains[index]
            .options
            .data_record(table.template_id(), self.record.octets());
        self.sent.options_records += 1;
        Ok(())
    }

    /// Returns the observation domain ID of an open domain.
    pub(crate) fn domain_id(&self, index: usize) -> u32 {
        self.domains[index].id
    }

    /// Writes a flow of a layout whose template was added to the domain.
    #[inline(always)] // single caller, for every record
    pub(crate) fn flow<S: MessageSink>(
        &mut self,
        index: usize,
        layout: &FlowLayout,
        flow: &FlowValues,
        (packets, octets): (u64, u64),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let id = layout.template.id;
        let length = layout.octets() + flow.tail().len();
        if !self.domains[index].flows.has_room(id, length) {
            self.send_pending(index, true, sink)?;
        }
        let domain = &mut self.domains[index];
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

    /// Sends every message under construction. The templates of all domains leave first, so that a sender pauses once for
    /// all domains; the statistics leave last.
    pub(crate) fn flush<S: MessageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let all = 0..self.domains.len();
        for domain in all.clone() {
            let sessions = if self.has_pending(domain) {
                self.sessions.len()
            } else {
                0
            };
            for session in 0..sessions {
                self.send_templates(domain, session, sink)?;
            }
        }
        all.clone()
            .try_for_each(|domain| self.send_pending(domain, true, sink))?;
        all.clone()
            .try_for_each(|domain| self.send_statistics(domain, sink))?;
        for domain in self.domains.iter_mut().skip(KEPT_BUFFERS) {
            domain.options.release();
            domain.flows.release();
        }
        Ok(())
    }

    fn has_pending(&self, domain: usize) -> bool {
        let domain = &self.domains[domain];
        !domain.options.is_empty() || !domain.flows.is_empty()
    }

    /// Sends everything under construction in a domain, and the statistics if due.
    pub(crate) fn finish_domain<S: MessageSink>(
        &mut self,
        domain: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.send_pending(domain, true, sink)?;
        self.send_statistics(domain, sink)
    }

    /// Sends a domain's templates missing in a session, the options data and, if asked, the flows.
    #[inline(never)]
    fn send_pending<S: MessageSink>(
        &mut self,
        index: usize,
        with_flows: bool,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let export_time = self.export_time();
        let domain = &mut self.domains[index];
        let send_options = !domain.options.is_empty();
        let send_flows = with_flows && !domain.flows.is_empty();
        if !send_options && !send_flows {
            return Ok(());
        }
        if send_options {
            domain.options.finish(export_time, domain.id);
        }
        if send_flows {
            domain.flows.finish(export_time, domain.id);
        }
        let mut all_sent = true;
        for session in 0..self.sessions.len() {
            self.send_templates(index, session, sink)?;
            if send_options {
                self.send_data(index, session, MessageKind::Options, sink)?;
            }
            if send_flows {
                let outcome = self.send_data(index, session, MessageKind::Flows, sink)?;
                all_sent &= outcome != SendOutcome::NotSent;
            }
        }
        let domain = &mut self.domains[index];
        domain.options.clear();
        domain.has_sent = true;
        if send_flows {
            domain.flows.clear();
            let pending = std::mem::take(&mut domain.pending);
            if !all_sent {
                domain.not_sent_in_batch.add(pending);
            }
        }
        Ok(())
    }

    /// Sends a domain's templates missing in a session, in as many messages as needed, and last the templates of the
    /// statistics.
    fn send_templates<S: MessageSink>(
        &mut self,
        index: usize,
        session: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.sessions[session].repeat_if_due(index, self.now, self.refresh);
        loop {
            let state = self.sessions[session].domain(index);
            let next = match state.templates < self.domains[index].templates.len() {
                true => self.list_templates(index, session),
                false if state.statistics => return Ok(()),
                false => {
                    self.list_statistics();
                    ALL_TEMPLATES
                }
            };
            let export_time = self.export_time();
            let state = self.sessions[session].domain(index);
            let kind = match state.has_new_template(next) {
                true => MessageKind::NewTemplates,
                false => MessageKind::TemplatesAgain,
            };
            let records = self.templates.records();
            self.templates.finish(export_time, self.domains[index].id);
            let message = self.templates.with_sequence(state.sequence);
            let outcome = sink.send(session, kind, message)?;
            self.sent.count(outcome, message);
            if outcome != SendOutcome::Sent {
                return Ok(()); // due again before the next message
            }
            self.sent.options_records += u64::from(records);
            state.sent_templates(next, records, self.now);
        }
    }

    /// Fills a message with templates missing in a session. Returns the number of templates in the session after the
    /// message.
    fn list_templates(&mut self, index: usize, session: usize) -> usize {
        let mut next = self.sessions[session].domain(index).templates;
        self.templates.clear();
        for template in &self.domains[index].templates[next..] {
            let data = template.data.as_deref().unwrap_or_default();
            let octets = template.record.len() + data.len() + SET_HEADER;
            if !self.templates.is_empty() && !self.templates.has_room(template.set_id, octets) {
                break;
            }
            self.templates
                .template_record(template.set_id, &template.record);
            if !data.is_empty() {
                let id = OptionsTable::Sampling.template_id();
                self.templates.data_record(id, data);
            }
            next += 1;
        }
        next
    }

    /// Fills a message with the templates of the statistics.
    fn list_statistics(&mut self) {
        self.templates.clear();
        for table in STATISTICS {
            let template = table.template();
            self.templates
                .template_record(template.set_id(), &template.record());
        }
    }

    /// Sends the finished options data or flows of a domain to a session.
    fn send_data<S: MessageSink>(
        &mut self,
        index: usize,
        session: usize,
        kind: MessageKind,
        sink: &mut S,
    ) -> Result<SendOutcome, S::Error> {
        let domain = &mut self.domains[index];
        let data = match kind {
            MessageKind::Flows => &mut domain.flows,
            _ => &mut domain.options,
        };
        let state = self.sessions[session].domain(index);
        let records = data.records();
        let message = data.with_sequence(state.sequence);
        let outcome = sink.send(session, kind, message)?;
        self.sent.count(outcome, message);
        if outcome == SendOutcome::Sent {
            state.sent_records(records);
        }
        Ok(outcome)
    }

    /// Export time of a message, seconds since 1970.
    fn export_time(&self) -> u32 {
        u32::try_from(self.now / 1_000).unwrap_or(u32::MAX)
    }
}

impl SentTotals {
    fn count(&mut self, outcome: SendOutcome, message: &[u8]) {
        if outcome == SendOutcome::Sent {
            self.messages += 1;
            self.octets += message.len() as u64;
        }
    }
}
