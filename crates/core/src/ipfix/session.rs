//! Transport sessions from the side of the exporting process: sequence numbers and sent templates, for each observation
//! domain (RFC 7011 §3.1, §8).
//!
//! Every target has a session: a reconnect restarts the session of the target alone.

/// Behaviour of a transport session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP: messages may vanish, so templates are sent again and again (RFC 7011 §8.4).
    Datagram,
    /// TCP, TLS or a file: a template is sent once (RFC 7011 §8.1).
    Stream,
}

/// Repetition of templates over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateRefresh {
    /// Seconds between repetitions (RFC 6728 templateRefreshTimeout).
    pub seconds: u32,
    /// Messages of a domain between repetitions.
    pub messages: u32,
}

/// Templates of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MessageTemplates {
    /// Templates of the domain, in order; the first `until` are in the session after the message.
    Domain {
        until: usize,
    },
    Statistics,
}

/// Transport session of a target.
#[derive(Debug)]
pub(crate) struct ExportSession {
    transport: Transport,
    domains: Vec<DomainState>,
}

/// Progress of a domain in a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DomainState {
    /// Data records sent so far, modulo 2^32.
    pub(crate) sequence: u32,
    /// Number of the domain's templates, in order, sent and not due again.
    pub(crate) templates: usize,
    /// True if the templates of the statistics are sent and not due again.
    pub(crate) statistics: bool,
    /// Number of the domain's templates, in order, ever sent in this session.
    known_templates: usize,
    /// True if this session ever had the templates of the statistics.
    knows_statistics: bool,
    /// Time of the last sending of the first template, milliseconds since 1970.
    templates_at: u64,
    /// Messages with data since then.
    messages: u32,
}

impl ExportSession {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            domains: Vec::new(),
        }
    }

    pub(crate) fn is_datagram(&self) -> bool {
        self.transport == Transport::Datagram
    }

    /// Restarts counting and templates: the connection or socket is new.
    pub(crate) fn restart(&mut self) {
        self.domains.clear();
    }

    /// Opens a domain whose sequence numbers go on.
    pub(crate) fn open(&mut self, slot: usize, sequence: u32) {
        self.domain(slot).sequence = sequence;
    }

    /// Closes a domain and returns the sequence number.
    pub(crate) fn close(&mut self, slot: usize) -> u32 {
        std::mem::take(self.domain(slot)).sequence
    }

    /// State of a domain.
    pub(crate) fn domain(&mut self, slot: usize) -> &mut DomainState {
        if self.domains.len() <= slot {
            self.domains.resize(slot + 1, DomainState::default());
        }
        &mut self.domains[slot]
    }

    /// Begins a batch: over UDP templates are due again.
    pub(crate) fn begin(&mut self) {
        if self.is_datagram() {
            self.domains
                .iter_mut()
                .for_each(DomainState::repeat_templates);
        }
    }

    /// Marks the templates of a domain as unsent if due again.
    pub(crate) fn repeat_if_due(&mut self, slot: usize, now: u64, refresh: TemplateRefresh) {
        let is_datagram = self.is_datagram();
        let state = self.domain(slot);
        let age = now.saturating_sub(state.templates_at) / 1_000;
        let is_old = age >= u64::from(refresh.seconds) || state.messages >= refresh.messages;
        if is_datagram && is_old {
            state.repeat_templates();
        }
    }
}

impl DomainState {
    /// Marks every template as unsent.
    fn repeat_templates(&mut self) {
        self.templates = 0;
        self.statistics = false;
    }

    /// Returns whether one of these templates was never sent in this session.
    pub(crate) fn has_new_template(&self, templates: MessageTemplates) -> bool {
        match templates {
            MessageTemplates::Domain { until } => until > self.known_templates,
            MessageTemplates::Statistics => !self.knows_statistics,
        }
    }

    /// Notes that these templates are sent, in a message with this number of data records.
    pub(crate) fn sent_templates(&mut self, templates: MessageTemplates, records: u32, now: u64) {
        self.sequence = self.sequence.wrapping_add(records);
        match templates {
            MessageTemplates::Domain { until } => {
                if self.templates == 0 {
                    self.templates_at = now;
                    self.messages = 0;
                }
                self.templates = until;
                self.known_templates = self.known_templates.max(until);
            }
            MessageTemplates::Statistics => {
                self.statistics = true;
                self.knows_statistics = true;
            }
        }
    }

    /// Notes the sending of a message with this many data records.
    pub(crate) fn sent_records(&mut self, records: u32) {
        self.sequence = self.sequence.wrapping_add(records);
        self.messages = self.messages.saturating_add(1);
    }
}
