//! A transcoder with a network beside it, fed with lines that are all different.

use std::convert::Infallible;

use flowlogs_core::{
    Counters, Formats, LogLine, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
    Transport,
};
use flowlogs_testing::wire::{Message, Reader};

pub(crate) const NOW: u64 = 1_763_715_600_000;

/// A message for a session, and what became of it.
pub(crate) type Handed = (usize, Vec<u8>, SendOutcome);

/// A transcoder, and a network that takes messages or does not.
pub(crate) struct Bench {
    pub(crate) transcoder: Transcoder,
    source: RecordSource,
    /// What became of messages of flows.
    pub(crate) flows: SendOutcome,
    /// Everything that was taken or not.
    pub(crate) messages: Vec<Handed>,
    lines: u64,
}

impl Bench {
    pub(crate) fn new(settings: TranscoderSettings, transports: &[Transport]) -> Self {
        let mut transcoder = Transcoder::new(settings, transports);
        transcoder.begin(NOW);
        Self {
            transcoder,
            source: RecordSource::new(None, Formats::defaults()),
            flows: SendOutcome::Sent,
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
        let mut sink = network(self.flows, &mut self.messages);
        let Ok(()) = self.transcoder.line(&mut self.source, line, &mut sink);
    }

    pub(crate) fn flush(&mut self) {
        let Ok(()) = self
            .transcoder
            .flush(&mut network(self.flows, &mut self.messages));
    }

    pub(crate) fn counters(&mut self) -> Counters {
        self.transcoder.take_report().counters
    }

    /// A message of flows, with whatever has to go before it.
    pub(crate) fn send_one(&mut self) {
        self.feed("123456789012");
        self.flush();
    }

    /// What of a session was sent since the first so many messages, read from the beginning.
    pub(crate) fn sent(&self, session: usize, skip: usize) -> Vec<Message> {
        let sent = read(&self.messages, session).into_iter();
        sent.filter(|(place, _)| *place >= skip)
            .map(|(_, message)| message)
            .collect()
    }
}

/// Takes everything but flows, of which it does what it was told.
fn network(
    flows: SendOutcome,
    messages: &mut Vec<Handed>,
) -> impl FnMut(usize, &[u8]) -> Result<SendOutcome, Infallible> {
    move |session, message| {
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

/// What of a session was sent, with its place among these messages, checked by a reader that knows only this session.
pub(crate) fn read(messages: &[Handed], session: usize) -> Vec<(usize, Message)> {
    let mut reader = Reader::default();
    let sent = messages.iter().enumerate();
    let sent =
        sent.filter(|(_, (to, _, delivery))| *to == session && *delivery == SendOutcome::Sent);
    sent.map(|(place, (_, octets, _))| (place, reader.read(octets).expect("a right message")))
        .collect()
}
