//! A transport session as the exporting process sees it: sequence numbers and sent templates, per observation domain
//! (RFC 7011 §3.1, §8).
//!
//! Every target has a session of its own, because a reconnect starts one session again and leaves the others alone.

/// How a transport session behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP: messages may vanish, so templates are sent again and again (RFC 7011 §8.4).
    Datagram,
    /// TCP, TLS or a file: a template is sent once (RFC 7011 §8.1).
    Stream,
}

/// When templates are sent again over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateRefresh {
    /// After this many seconds (RFC 6728 templateRefreshTimeout).
    pub seconds: u32,
    /// After this many messages of a domain.
    pub messages: u32,
}

/// One transport session.
#[derive(Debug)]
pub(crate) struct Session {
    transport: Transport,
    domains: Vec<DomainState>,
}

/// What a session has sent of one domain.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DomainState {
    /// Data records sent so far, modulo 2^32.
    pub(crate) sequence: u32,
    /// How many of the domain's templates, in order, were sent.
    pub(crate) templates: usize,
    /// When the first of them was last sent, milliseconds since 1970.
    templates_at: u64,
    /// Messages with data since.
    messages: u32,
}

impl Session {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            domains: Vec::new(),
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    /// A new connection or socket: counting and templates start again.
    pub(crate) fn restart(&mut self) {
        self.domains.clear();
    }

    /// An invocation begins: over UDP templates are due again.
    pub(crate) fn begin(&mut self) {
        if self.transport == Transport::Datagram {
            self.domains
                .iter_mut()
                .for_each(|domain| domain.templates = 0);
        }
    }

    /// The state of a domain, with its templates marked as unsent when they are due again.
    pub(crate) fn domain(
        &mut self,
        index: usize,
        now: u64,
        refresh: TemplateRefresh,
    ) -> &mut DomainState {
        if self.domains.len() <= index {
            self.domains.resize(index + 1, DomainState::default());
        }
        let datagram = self.transport == Transport::Datagram;
        let state = &mut self.domains[index];
        let age = now.saturating_sub(state.templates_at) / 1_000;
        if datagram && (state.messages >= refresh.messages || age >= u64::from(refresh.seconds)) {
            state.templates = 0;
        }
        state
    }
}

impl DomainState {
    /// Templates up to this one were sent.
    pub(crate) fn sent_templates(&mut self, count: usize, now: u64) {
        if self.templates == 0 {
            self.templates_at = now;
            self.messages = 0;
        }
        self.templates = count;
    }

    /// A message with this many data records was sent.
    pub(crate) fn sent_records(&mut self, records: u32) {
        self.sequence = self.sequence.wrapping_add(records);
        self.messages = self.messages.saturating_add(1);
    }
}
