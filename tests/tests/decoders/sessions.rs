//! Transport sessions: when templates come again, where sequence numbers start, what time messages bear.

use std::collections::HashSet;

use flowlogs_core::{Formats, Line, Settings, Source, Transcoder, Transport};
use flowlogs_tests::wire::{Content, Message, Reader};

use crate::{Messages, feed, flush};

const NOW: u64 = 1_763_715_600_000;
const UDP: usize = 0;
const TCP: usize = 1;

/// A transcoder with a datagram and a stream session, fed with lines that are all different.
struct Bench {
    transcoder: Transcoder,
    source: Source,
    messages: Messages,
    lines: u32,
}

impl Bench {
    fn new() -> Self {
        let transports = [Transport::Datagram, Transport::Stream];
        let mut transcoder = Transcoder::new(Settings::default(), &transports);
        transcoder.begin(NOW);
        Self {
            transcoder,
            source: Source::new(None, Formats::defaults()),
            messages: Vec::new(),
            lines: 0,
        }
    }

    fn feed(&mut self, account: &str, lines: u32) {
        for _ in 0..lines {
            self.lines += 1;
            let text = format!(
                "2 {account} eni-1 10.0.0.1 10.0.0.2 443 50000 6 {} 4249 1763715600 1763715660 ACCEPT OK",
                self.lines
            );
            let line = Line {
                id: None,
                timestamp: None,
                text: text.as_bytes(),
            };
            feed(
                &mut self.transcoder,
                &mut self.source,
                [line],
                &mut self.messages,
            );
        }
    }

    /// A full message of flows and a flush: one message.
    fn send_one(&mut self) {
        self.feed("123456789012", 1);
        flush(&mut self.transcoder, &mut self.messages);
    }

    /// The messages of a session, checked by a reader that knows only this session.
    fn read(&self, session: usize) -> Vec<Message> {
        read(&self.messages, session)
    }
}

fn read(messages: &Messages, session: usize) -> Vec<Message> {
    let mut reader = Reader::default();
    let of_session = messages.iter().filter(|(to, _)| *to == session);
    of_session
        .map(|(_, message)| reader.read(message).expect("a right message"))
        .collect()
}

fn contents(messages: &[Message]) -> Vec<Content> {
    messages.iter().map(Message::content).collect()
}

#[test]
fn templates_names_and_flows_leave_in_this_order_in_messages_of_their_own() {
    let mut bench = Bench::new();
    bench.send_one();
    for session in [UDP, TCP] {
        assert_eq!(
            contents(&bench.read(session)),
            [Content::Templates, Content::Options, Content::Flows]
        );
    }
}

#[test]
fn over_udp_templates_come_again_after_20_messages_and_over_a_stream_never() {
    let mut bench = Bench::new();
    (0..100).for_each(|_| bench.send_one());
    let mut since = 0;
    let mut templates = 0;
    for message in bench.read(UDP) {
        if message.content() == Content::Templates {
            since = 0;
            templates += 1;
        } else {
            since += 1;
        }
        assert!(since <= 20, "{since} messages without templates");
    }
    assert_eq!(templates, 6, "101 messages of data");
    let tcp = bench.read(TCP);
    assert_eq!(
        tcp.iter()
            .filter(|m| m.content() == Content::Templates)
            .count(),
        1
    );
}

#[test]
fn over_udp_templates_and_names_come_again_after_600_seconds() {
    let mut bench = Bench::new();
    bench.send_one();
    bench.transcoder.set_now(NOW + 599_999);
    bench.send_one();
    assert_eq!(contents(&bench.read(UDP))[3..], [Content::Flows]);
    bench.transcoder.set_now(NOW + 600_000);
    bench.send_one();
    let again = [Content::Templates, Content::Options, Content::Flows];
    assert_eq!(contents(&bench.read(UDP))[4..], again);
    let over_tcp = bench.read(TCP).iter().flat_map(Message::templates).count();
    let distinct: HashSet<_> = bench
        .read(TCP)
        .iter()
        .flat_map(Message::templates)
        .cloned()
        .collect();
    assert_eq!(over_tcp, distinct.len(), "a template twice in a stream");
}

#[test]
fn every_invocation_starts_with_templates_and_names_over_udp() {
    let mut bench = Bench::new();
    bench.send_one();
    bench.transcoder.begin(NOW + 1_000);
    bench.send_one();
    let invocation = [Content::Templates, Content::Options, Content::Flows];
    assert_eq!(
        contents(&bench.read(UDP)),
        [invocation, invocation].concat()
    );
}

#[test]
fn a_new_connection_starts_at_0_with_templates_and_leaves_the_other_session_alone() {
    let mut bench = Bench::new();
    bench.send_one();
    let udp = bench.read(UDP).len();
    let tcp_messages = bench.messages.iter().filter(|(to, _)| *to == TCP).count();
    bench.transcoder.restart_session(TCP);
    bench.send_one();

    let tcp: Messages = bench
        .messages
        .iter()
        .filter(|(to, _)| *to == TCP)
        .skip(tcp_messages)
        .cloned()
        .collect();
    let tcp = read(&tcp, TCP); // a new reader: sequence numbers are checked from 0
    assert_eq!(
        contents(&tcp),
        [Content::Templates, Content::Options, Content::Flows]
    );
    assert_eq!(tcp[0].sequence, 0);
    let udp = bench.read(UDP).split_off(udp);
    assert!(
        udp[0].sequence > 0
            && udp
                .iter()
                .all(|message| message.content() != Content::Templates)
    );
}

#[test]
fn export_times_never_go_back() {
    let mut bench = Bench::new();
    for now in [NOW + 5_000, NOW + 1_000, NOW + 7_999, NOW] {
        bench.transcoder.set_now(now);
        bench.send_one();
        bench.transcoder.begin(now);
        bench.send_one();
    }
    for session in [UDP, TCP] {
        let times: Vec<u32> = bench
            .read(session)
            .iter()
            .map(|message| message.export_time)
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(times.last().copied().map(u64::from), Some(NOW / 1_000 + 7));
    }
}

#[test]
fn each_observation_domain_counts_and_announces_for_itself() {
    let mut bench = Bench::new();
    for account in ["111111111111", "222222222222", "111111111111"] {
        bench.feed(account, 40);
    }
    flush(&mut bench.transcoder, &mut bench.messages);
    for session in [UDP, TCP] {
        let messages = bench.read(session); // checks sequence numbers and templates by domain
        let domains: HashSet<u32> = messages.iter().map(|message| message.domain).collect();
        assert_eq!(domains.len(), 2);
        for domain in domains {
            let own = messages.iter().filter(|message| message.domain == domain);
            let first: Vec<Content> = own.map(Message::content).take(3).collect();
            assert_eq!(
                first,
                [Content::Templates, Content::Options, Content::Flows]
            );
        }
    }
}

#[test]
fn sequence_numbers_count_options_data_and_flows_but_not_templates() {
    let mut bench = Bench::new();
    (0..50).for_each(|_| bench.send_one());
    bench.transcoder.begin(NOW + 1_000);
    (0..50).for_each(|_| bench.send_one());
    for session in [UDP, TCP] {
        let messages = bench.read(session);
        let mut records = 0;
        for message in &messages {
            assert_eq!(message.sequence, records);
            records += u32::try_from(message.records().count()).expect("few");
        }
        assert!(records > 100);
    }
}

#[test]
fn full_messages_are_as_large_as_allowed_and_never_larger() {
    let mut bench = Bench::new();
    bench.feed("123456789012", 500);
    flush(&mut bench.transcoder, &mut bench.messages);
    let sizes: Vec<usize> = bench
        .read(TCP)
        .iter()
        .map(|message| message.octets)
        .collect();
    let record = 46; // a flow of the default format
    assert!(sizes.iter().all(|&octets| octets <= 1_400));
    assert!(
        sizes
            .iter()
            .filter(|&&octets| octets > 1_400 - record)
            .count()
            >= 15,
        "{sizes:?}"
    );
}
