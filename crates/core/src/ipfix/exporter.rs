//! The exporting process: records go in, finished messages come out in the right order.
//!
//! Per observation domain two messages are under construction, one with options data and one with flows. They leave in
//! messages of their own and always in this order: the templates that a session has not seen, options data, flows, so
//! that a collector never meets a record whose template or names come later, and loses nothing but templates when it
//! drops a message for an unknown one.

use super::element as e;
use super::flow::{Flow, Layout};
use super::message::Message;
use super::options::{OptionsRecord, OptionsTable};
use super::session::{Session, TemplateRefresh, Transport};

/// Most observation domains of one process; further ones are exported under the domain `unknown`.
pub const MAX_DOMAINS: usize = 1_024;

/// Smallest message size that can be set: every record of every layout fits.
pub const MIN_MESSAGE_SIZE: usize = 512;

/// This software as a process that exports and mediates; one number, because a collector sees one such process.
const PROCESS_ID: u32 = 1;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is on its way.
    Sent,
    /// It could not be sent and this does not end the work (UDP): its records are counted as not sent.
    NotSent,
    /// The session takes no part in this batch: for it, nothing has happened.
    Skipped,
}

/// Receives finished messages.
///
/// A closure is one. This one collects what a file would hold:
///
/// ```
/// use flowlogs_core::{SendOutcome, MessageSink};
///
/// let mut file = Vec::new();
/// let mut sink = |_session: usize, message: &[u8]| {
///     file.extend_from_slice(message);
///     Ok::<_, std::io::Error>(SendOutcome::Sent)
/// };
/// sink.send(0, b"a message")?;
/// assert_eq!(file, b"a message");
/// # Ok::<_, std::io::Error>(())
/// ```
pub trait MessageSink {
    /// Why the work cannot go on.
    type Error;

    /// Takes one complete IPFIX message for one transport session, in order.
    ///
    /// # Errors
    ///
    /// An error ends the batch; the caller rolls back and decides whether to try again.
    fn send(&mut self, session: usize, message: &[u8]) -> Result<SendOutcome, Self::Error>;
}

impl<E, F: FnMut(usize, &[u8]) -> Result<SendOutcome, E>> MessageSink for F {
    type Error = E;

    fn send(&mut self, session: usize, message: &[u8]) -> Result<SendOutcome, E> {
        self(session, message)
    }
}

/// What the exporting process has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    pub(crate) options_records: u64,
}

/// An observation domain with its messages under construction.
#[derive(Debug)]
pub(crate) struct Domain {
    id: u32,
    name: Box<str>,
    /// Templates in the order of their first use: set ID and template record.
    templates: Vec<(u16, Box<[u8]>)>,
    /// Which options templates are among them, a bit a table.
    tables: u32,
    /// Until which epoch the standing options records were sent.
    epoch: u32,
    /// For each layout until which epoch its template was announced with flow keys.
    layouts: Vec<u32>,
    options: Message,
    flows: Message,
    /// Packets and octets of the flows in the message under construction.
    pending: Totals,
    not_sent: Totals,
    /// What was not sent since the last commit: what is rolled back will come again, so it is not lost.
    not_sent_in_batch: Totals,
    ignored: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    flows: u64,
    packets: u64,
    octets: u64,
}

/// The exporting process.
#[derive(Debug)]
pub(crate) struct Exporter {
    domains: Vec<Domain>,
    sessions: Vec<Session>,
    templates: Message,
    record: OptionsRecord,
    limit: usize,
    refresh: TemplateRefresh,
    /// Milliseconds since 1970; never goes back.
    now: u64,
    started: Option<u64>,
    /// Raised when options data is due again.
    epoch: u32,
    epoch_at: u64,
    sent: Sent,
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
            sessions: transports.iter().copied().map(Session::new).collect(),
            templates: Message::new(limit),
            record: OptionsRecord::default(),
            limit,
            refresh,
            now: 0,
            started: None,
            epoch: 1,
            epoch_at: 0,
            sent: Sent::default(),
        }
    }

    /// An invocation begins.
    pub(crate) fn begin(&mut self, now: u64) {
        self.set_now(now);
        self.sessions.iter_mut().for_each(Session::begin);
        if self
            .sessions
            .iter()
            .any(|session| session.transport() == Transport::Datagram)
        {
            self.announce_again();
        }
    }

    /// Time goes on. FlowEncoder times never go back within a session: collectors reject that (RFC 7011 §8.2).
    pub(crate) fn set_now(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.started.get_or_insert(self.now);
        let age = self.now.saturating_sub(self.epoch_at) / 1_000;
        let datagram = self
            .sessions
            .iter()
            .any(|session| session.transport() == Transport::Datagram);
        if datagram && age >= u64::from(self.refresh.seconds) {
            self.announce_again();
        }
    }

    /// A target has a new connection or socket.
    pub(crate) fn restart_session(&mut self, session: usize) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.restart();
        }
        self.announce_again();
    }

    /// Options data is due again.
    pub(crate) fn announce_again(&mut self) {
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.epoch_at = self.now;
    }

    /// Until when what was announced holds.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The batch is through: what was not sent will not come again.
    pub(crate) fn commit(&mut self) {
        for domain in &mut self.domains {
            domain
                .not_sent
                .add(std::mem::take(&mut domain.not_sent_in_batch));
        }
    }

    /// Drops what is not sent: the batch has failed and will come again.
    pub(crate) fn discard(&mut self) {
        for domain in &mut self.domains {
            domain.options.clear();
            domain.flows.clear();
            domain.pending = Totals::default();
            domain.not_sent_in_batch = Totals::default();
        }
        // Names that were in the discarded messages were never announced.
        self.announce_again();
    }

    /// Options records written since the last [`Self::take_sent`].
    pub(crate) fn options_records(&self) -> u64 {
        self.sent.options_records
    }

    /// What was sent since the last call.
    pub(crate) fn take_sent(&mut self) -> Sent {
        std::mem::take(&mut self.sent)
    }

    /// Whether another domain may be opened.
    pub(crate) fn has_room_for_domain(&self) -> bool {
        self.domains.len() < MAX_DOMAINS
    }

    /// The place of a domain, opened if it is new. Not called per record.
    pub(crate) fn open_domain(&mut self, id: u32, name: &str) -> usize {
        if let Some(index) = self.domains.iter().position(|domain| domain.id == id) {
            return index;
        }
        self.domains.push(Domain {
            id,
            name: name.into(),
            templates: Vec::new(),
            tables: 0,
            epoch: 0,
            layouts: Vec::new(),
            options: Message::new(self.limit),
            flows: Message::new(self.limit),
            pending: Totals::default(),
            not_sent: Totals::default(),
            not_sent_in_batch: Totals::default(),
            ignored: 0,
        });
        self.domains.len() - 1
    }

    /// A record of this domain was received and is deliberately not exported.
    pub(crate) fn ignore(&mut self, domain: usize) {
        self.domains[domain].ignored += 1;
    }

    /// Writes an options record.
    pub(crate) fn options<S: MessageSink>(
        &mut self,
        domain: usize,
        table: OptionsTable,
        write: impl FnOnce(&mut OptionsRecord),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.announce_domain(domain, sink)?;
        self.options_record(domain, table, write, sink)
    }

    /// Writes a flow by a layout, which has the given number in this process.
    #[inline(always)] // called in one place, for every record
    pub(crate) fn flow<S: MessageSink>(
        &mut self,
        domain: usize,
        (number, layout): (usize, &Layout),
        flow: &Flow,
        (packets, octets): (u64, u64),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let id = layout.template.id;
        let is_ready = |domain: &Domain, epoch| {
            domain.layouts.get(number) == Some(&epoch) && domain.flows.has_room(id, layout.octets())
        };
        if !is_ready(&self.domains[domain], self.epoch) {
            self.make_ready(domain, (number, layout), sink)?;
        }
        let domain = &mut self.domains[domain];
        domain
            .flows
            .flow(id, layout.octets(), |room| layout.write(flow, room));
        domain.pending.flows += 1;
        domain.pending.packets = domain.pending.packets.saturating_add(packets);
        domain.pending.octets = domain.pending.octets.saturating_add(octets);
        Ok(())
    }

    /// Sees to it that a flow of this layout can be written: it is announced and has room.
    #[inline(never)]
    fn make_ready<S: MessageSink>(
        &mut self,
        domain: usize,
        (number, layout): (usize, &Layout),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        if self.domains[domain].layouts.get(number) != Some(&self.epoch) {
            self.announce_layout(domain, number, layout, sink)?;
        }
        let flows = &self.domains[domain].flows;
        if !flows.has_room(layout.template.id, layout.octets()) {
            self.send_pending(domain, true, sink)?;
        }
        Ok(())
    }

    /// Sends everything that is under construction.
    pub(crate) fn flush<S: MessageSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        (0..self.domains.len()).try_for_each(|domain| self.send_pending(domain, true, sink))
    }

    /// Once in an epoch: who the domain is, how it samples, what was lost and left out.
    fn announce_domain<S: MessageSink>(
        &mut self,
        index: usize,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let domain = &mut self.domains[index];
        if domain.epoch == self.epoch {
            return Ok(());
        }
        domain.epoch = self.epoch;
        let (id, name, not_sent, ignored) = (
            domain.id,
            domain.name.clone(),
            domain.not_sent,
            domain.ignored,
        );
        let (from, to) = (self.started.unwrap_or(self.now), self.now);
        self.options_record(
            index,
            OptionsTable::Domain,
            |r| _ = r.u32(id).string(&e::OBSERVATION_DOMAIN_NAME, &name),
            sink,
        )?;
        self.options_record(
            index,
            OptionsTable::Sampling,
            |r| _ = r.u32(id).u32(1).u32(0),
            sink,
        )?;
        let lost = |r: &mut OptionsRecord| {
            _ = r
                .u32(PROCESS_ID)
                .u64(not_sent.flows)
                .u64(not_sent.packets)
                .u64(not_sent.octets)
                .u64(from)
                .u64(to);
        };
        self.options_record(index, OptionsTable::ExporterReliability, lost, sink)?;
        let left_out =
            |r: &mut OptionsRecord| _ = r.u32(id).u32(PROCESS_ID).u64(ignored).u64(from).u64(to);
        self.options_record(index, OptionsTable::IntermediateReliability, left_out, sink)
    }

    /// Once in an epoch and domain: the layout's template, if it is new, and which of its fields are flow keys.
    fn announce_layout<S: MessageSink>(
        &mut self,
        index: usize,
        number: usize,
        layout: &Layout,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        self.announce_domain(index, sink)?;
        let domain = &mut self.domains[index];
        if domain.layouts.len() <= number {
            domain.layouts.resize(number + 1, 0);
        }
        if domain.layouts[number] == 0 {
            domain
                .templates
                .push((layout.template.set_id(), layout.template.record().into()));
        }
        domain.layouts[number] = self.epoch;
        let (id, keys) = (layout.template.id, layout.flow_keys());
        self.options_record(
            index,
            OptionsTable::FlowKeys,
            |r| _ = r.u16(id).u64(keys),
            sink,
        )
    }

    fn options_record<S: MessageSink>(
        &mut self,
        index: usize,
        table: OptionsTable,
        write: impl FnOnce(&mut OptionsRecord),
        sink: &mut S,
    ) -> Result<(), S::Error> {
        write(self.record.clear());
        let octets = self.record.octets().len();
        let domain = &mut self.domains[index];
        if domain.tables & 1 << table as u32 == 0 {
            domain.tables |= 1 << table as u32;
            let template = table.template();
            domain
                .templates
                .push((template.set_id(), template.record().into()));
        }
        if !domain.options.has_room(table.template_id(), octets) {
            self.send_pending(index, false, sink)?;
        }
        self.domains[index]
            .options
            .data_record(table.template_id(), self.record.octets());
        self.sent.options_records += 1;
        Ok(())
    }

    /// Sends a domain's templates that a session lacks, its options data and, if asked, its flows.
    fn send_pending<S: MessageSink>(
        &mut self,
        index: usize,
        with_flows: bool,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let export_time = u32::try_from(self.now / 1_000).unwrap_or(u32::MAX);
        let Self {
            domains,
            sessions,
            templates,
            refresh,
            now,
            sent,
            ..
        } = self;
        let domain = &mut domains[index];
        let send_options = !domain.options.is_empty();
        let send_flows = with_flows && !domain.flows.is_empty();
        if !send_options && !send_flows {
            return Ok(());
        }
        let mut count = |delivery: SendOutcome, message: &[u8]| {
            if delivery == SendOutcome::Sent {
                sent.messages += 1;
                sent.octets += message.len() as u64;
            }
            delivery
        };
        if send_options {
            domain.options.finish(export_time, domain.id);
        }
        if send_flows {
            domain.flows.finish(export_time, domain.id);
        }
        let mut all_sent = true;
        for (number, session) in sessions.iter_mut().enumerate() {
            let state = session.domain(index, *now, *refresh);
            while state.templates < domain.templates.len() {
                let mut next = state.templates;
                templates.clear();
                for (set, record) in domain.templates.iter().skip(next) {
                    if !templates.is_empty() && !templates.has_room(*set, record.len()) {
                        break;
                    }
                    templates.template_record(*set, record);
                    next += 1;
                }
                templates.finish(export_time, domain.id);
                let message = templates.with_sequence(state.sequence);
                if count(sink.send(number, message)?, message) != SendOutcome::Sent {
                    break; // due again before the next message
                }
                state.sent_templates(next, *now);
            }
            if send_options {
                let message = domain.options.with_sequence(state.sequence);
                if count(sink.send(number, message)?, message) == SendOutcome::Sent {
                    state.sent_records(domain.options.records());
                }
            }
            if send_flows {
                let message = domain.flows.with_sequence(state.sequence);
                match count(sink.send(number, message)?, message) {
                    SendOutcome::Sent => state.sent_records(domain.flows.records()),
                    SendOutcome::NotSent => all_sent = false,
                    SendOutcome::Skipped => {}
                }
            }
        }
        domain.options.clear();
        if send_flows {
            domain.flows.clear();
            let pending = std::mem::take(&mut domain.pending);
            if !all_sent {
                domain.not_sent_in_batch.add(pending);
            }
        }
        Ok(())
    }
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }
}
