//! Transport sessions: repetition of templates, start of sequence numbers, export times of messages.

use std::collections::HashSet;

use flowlogs_core::{MessageKind, TranscoderSettings, Transport};
use flowlogs_testing::wire::{Content, Message};

use crate::harness::{Harness, NOW, read};

const UDP: usize = 0;
const TCP: usize = 1;

/// Messages of a session's first invocation: templates, templates of the statistics, names, flows, statistics.
const FIRST: [Content; 5] = [
    Content::Templates,
    Content::Templates,
    Content::Options,
    Content::Flows,
    Content::Options,
];

/// Templates again, and templates of the statistics.
const TEMPLATES: [Content; 2] = [Content::Templates; 2];

/// Harness with a datagram and a stream session.
fn harness_of_both() -> Harness {
    let transports = [Transport::Datagram, Transport::Stream];
    Harness::new(TranscoderSettings::default(), &transports)
}

fn contents(messages: &[Message]) -> Vec<Content> {
    messages.iter().map(Message::content).collect()
}

#[test]
fn templates_names_and_flows_leave_in_this_order_in_messages_of_their_own() {
    let mut harness = harness_of_both();
    harness.send_one();
    for session in [UDP, TCP] {
        assert_eq!(contents(&harness.sent(session, 0)), FIRST);
    }
}

#[test]
fn over_udp_templates_come_again_after_20_messages_and_over_a_stream_never() {
    let mut harness = harness_of_both();
    (0..100).for_each(|_| harness.send_one());
    let mut since = 0;
    let mut templates = 0;
    for message in harness.sent(UDP, 0) {
        if message.content() == Content::Templates {
            since = 0;
            templates += 1;
        } else {
            since += 1;
        }
        assert!(since <= 20, "{since} messages without templates");
    }
    assert_eq!(templates, 12, "102 messages of data");
    let tcp = harness.sent(TCP, 0);
    assert_eq!(
        tcp.iter()
            .filter(|m| m.content() == Content::Templates)
            .count(),
        2
    );
}

#[test]
fn over_udp_names_come_again_after_60_seconds_and_templates_after_600() {
    let mut harness = harness_of_both();
    harness.send_one();
    harness.transcoder.set_now(NOW + 59_999);
    harness.send_one();
    assert_eq!(contents(&harness.sent(UDP, 0))[5..], [Content::Flows]);
    let names = [Content::Options, Content::Flows, Content::Options];
    for (seconds, again) in [(60, names.to_vec()), (600, FIRST.to_vec())] {
        let before = harness.messages.len();
        harness.transcoder.set_now(NOW + seconds * 1_000);
        harness.send_one();
        assert_eq!(contents(&harness.sent(UDP, before)), again, "{seconds} s");
    }
    let over_tcp = harness
        .sent(TCP, 0)
        .iter()
        .flat_map(Message::templates)
        .count();
    let distinct: HashSet<_> = harness
        .sent(TCP, 0)
        .iter()
        .flat_map(Message::templates)
        .cloned()
        .collect();
    assert_eq!(over_tcp, distinct.len(), "a template twice in a stream");
}

#[test]
fn every_invocation_starts_with_templates_over_udp() {
    let mut harness = harness_of_both();
    harness.send_one();
    harness.transcoder.begin(NOW + 1_000);
    harness.send_one();
    let second = [&TEMPLATES[..], &[Content::Flows]].concat();
    assert_eq!(
        contents(&harness.sent(UDP, 0)),
        [&FIRST[..], &second].concat()
    );
}

/// Kinds of the messages of a session, in order, with the kind of content.
#[test]
fn a_message_of_templates_says_whether_the_session_has_had_them() {
    use MessageKind::{Flows, NewTemplates, Options, TemplatesAgain};
    let mut harness = harness_of_both();
    let mut kinds = Vec::new();
    for begin in [false, true] {
        if begin {
            harness.transcoder.begin(NOW + 1_000);
        }
        harness.send_one();
        let of_session = harness.kinds.drain(..).filter(|(to, _)| *to == UDP);
        kinds.push(of_session.map(|(_, kind)| kind).collect::<Vec<_>>());
    }
    harness.line("2 123456789012 eni-1 ::1 ::2 443 50000 6 2 80 1763715600 1763715660 ACCEPT OK");
    harness.flush();
    kinds.push(
        harness
            .kinds
            .drain(..)
            .filter(|(to, _)| *to == UDP)
            .map(|(_, kind)| kind)
            .collect(),
    );
    harness.transcoder.restart_session(UDP);
    harness.send_one();
    kinds.push(
        harness
            .kinds
            .drain(..)
            .filter(|(to, _)| *to == UDP)
            .map(|(_, kind)| kind)
            .collect(),
    );
    let first = vec![NewTemplates, NewTemplates, Options, Flows, Options];
    assert_eq!(
        kinds,
        [
            first.clone(),
            vec![TemplatesAgain, TemplatesAgain, Flows],
            vec![NewTemplates, Options, Flows],
            first,
        ]
    );
}

/// A flow waits for its template once, however many domains are new.
#[test]
fn the_templates_of_all_domains_leave_before_their_data() {
    let mut harness = harness_of_both();
    (0..50).for_each(|account| harness.feed(&format!("{account:012}")));
    harness.flush();
    let contents = contents(&harness.sent(UDP, 0));
    let data = contents
        .iter()
        .position(|content| *content != Content::Templates);
    assert_eq!(data, Some(100));
    assert!(!contents[100..].contains(&Content::Templates));
}

#[test]
fn a_new_connection_starts_at_0_with_templates_and_leaves_the_other_session_alone() {
    let mut harness = harness_of_both();
    harness.send_one();
    let udp = harness.sent(UDP, 0).len();
    let before = harness.messages.len();
    harness.transcoder.restart_session(TCP);
    harness.send_one();

    // A new reader: sequence numbers are checked from 0.
    let tcp = read(&harness.messages[before..], TCP).into_iter();
    let tcp: Vec<Message> = tcp.map(|(_, message)| message).collect();
    assert_eq!(contents(&tcp), FIRST);
    assert_eq!(tcp[0].sequence, 0);
    let udp = harness.sent(UDP, 0).split_off(udp);
    assert!(
        udp[0].sequence > 0
            && udp
                .iter()
                .all(|message| message.content() != Content::Templates)
    );
}

#[test]
fn export_times_never_go_back() {
    let mut harness = harness_of_both();
    for now in [NOW + 5_000, NOW + 1_000, NOW + 7_999, NOW] {
        harness.transcoder.set_now(now);
        harness.send_one();
        harness.transcoder.begin(now);
        harness.send_one();
    }
    for session in [UDP, TCP] {
        let times: Vec<u32> = harness
            .sent(session, 0)
            .iter()
            .map(|message| message.export_time)
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(times.last().copied().map(u64::from), Some(NOW / 1_000 + 7));
    }
}

#[test]
fn each_observation_domain_counts_and_announces_for_itself() {
    let mut harness = harness_of_both();
    for account in ["111111111111", "222222222222", "111111111111"] {
        (0..40).for_each(|_| harness.feed(account));
    }
    harness.flush();
    for session in [UDP, TCP] {
        let messages = harness.sent(session, 0); // checks sequence numbers and templates by domain
        let domains: HashSet<u32> = messages.iter().map(|message| message.domain).collect();
        assert_eq!(domains.len(), 2);
        for domain in domains {
            let own = messages.iter().filter(|message| message.domain == domain);
            let first: Vec<Content> = own.map(Message::content).take(4).collect();
            assert_eq!(first, FIRST[..4]);
        }
    }
}

#[test]
fn sequence_numbers_count_data_records_but_not_templates() {
    let mut harness = harness_of_both();
    (0..50).for_each(|_| harness.send_one());
    harness.transcoder.begin(NOW + 1_000);
    (0..50).for_each(|_| harness.send_one());
    for session in [UDP, TCP] {
        let messages = harness.sent(session, 0);
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
    let mut harness = harness_of_both();
    (0..500).for_each(|_| harness.feed("123456789012"));
    harness.flush();
    let sizes: Vec<usize> = harness
        .sent(TCP, 0)
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
