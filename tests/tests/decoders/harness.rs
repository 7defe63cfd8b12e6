//! A transcoder with a simulated network, fed with distinct lines.

use std::convert::Infallible;

use flowlogs_core::{
    Counters, Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_testing::wire::{Message, Reader};

pub(crate) const NOW: u64 = 1_763_715_600_000;

/// A message for a session, and its outcome.
pub(crate) type Handed = (usize, Vec<u8>, SendOutcome);

/// A transcoder and a network that delivers messages or fails.
pub(crate) struct Harness {
    pub(crate) transcoder: Transcoder,
    source: RecordSource,
    /// Outcome of messages of flows.
    pub(crate) flows: SendOutcome,
    /// Session and kind of every message.
    pub(crate) kinds: Vec<(usize, MessageKind)>,
    /// All messages, delivered or not.
    pub(crate) messages: Vec<Handed>,
    lines: u64,
}

impl Harness {
    pub(crate) fn new(settings: TranscoderSettings, transports: &[Transport]) -> Self {
        let mut transcoder = Transcoder::new(settings, transports);
        transcoder.begin(NOW);
        Self {
            transcoder,
            source: RecordSource::new(None, Formats::defaults()),
            flows: SendOutcome::Sent,
            kinds: Vec::new(),
            messages: Vec::new(),
            lines: 0,
        }
    }

    /// A new flow of 2 packets and 80 octets.
    pub(crate) fn feed(&mut self, account: &str) {
        self.lines += 1;
        let [.., a, b, c] = self.lines.to_be_bytes();
        self.line(&format!(
            "2 {account} eni-1 10.{a}.{b}.{c} 10.0.0.2 443 50000 6 2 80 1763715600 1763715660 ACCEPT OK"
        ));
    }

    pub(crate) fn line(&mut self, text: &str) {
        let line = LogLine {
            id: None,
            timestamp: None,
            text: text.as_bytes(),
        };
        let mut sink = network(self.flows, &mut self.messages, &mut self.kinds);
        let Ok(()) = self.transcoder.line(&mut self.source, line, &mut sink);
    }

    pub(crate) fn flush(&mut self) {
        let Ok(()) = self.transcoder.flush(&mut network(
            self.flows,
            &mut self.messages,
            &mut self.kinds,
        ));
    }

    pub(crate) fn counters(&mut self) -> Counters {
        self.transcoder.take_report().counters
    }

    /// Sends a message of flows, with the templates and options data before.
    pub(crate) fn send_one(&mut self) {
        self.feed("123456789012");
        self.flush();
    }

    /// Messages of a session, without the first few, decoded from the beginning of the session.
    pub(crate) fn sent(&self, session: usize, skip: usize) -> Vec<Message> {
        let sent = read(&self.messages, session).into_iter();
        sent.filter(|(place, _)| *place >= skip)
            .map(|(_, message)| message)
            .collect()
    }
}

/// Delivers all messages but flows, whose outcome is given.
fn network(
    flows: SendOutcome,
    messages: &mut Vec<Handed>,
    kinds: &mut Vec<(usize, MessageKind)>,
) -> impl FnMut(usize, MessageKind, &[u8]) -> Result<SendOutcome, Infallible> {
    move |session, kind, message| {
        kinds.push((session, kind));
        let set = u16::from_be_bytes([message[16], message[17]]);
        let delivery = if set >= 0x4000 {
            flows
        } else {
            SendOutcome::Sent
        };
        messages.push((session, message.to_vec(), delivery));
        Ok(delivery)
    }
}

/// Delivered messages of a session with positions, decoded by a reader of this session alone.
pub(crate) fn read(messages: &[Handed], session: usize) -> Vec<(usize, Message)> {
    let mut reader = Reader::default();
    let sent = messages.iter().enumerate();
    let sent =
        sent.filter(|(_, (to, _, delivery))| *to == session && *delivery == SendOutcome::Sent);
    sent.map(|(place, (_, octets, _))| (place, reader.read(octets).expect("a right message")))
        .collect()
}
