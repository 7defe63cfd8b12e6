//! Statistics of the exporting process: sent, lost and omitted flows; and the repetitions at the start of an invocation.

use std::collections::HashSet;

use flowlogs_core::dedup::CollectorAddress;
use flowlogs_core::{SendOutcome, Transcoder, TranscoderSettings, Transport};
use flowlogs_testing::wire::{Content, Message, number};

use crate::harness::{Harness, NOW};

/// Information elements (IANA).
const NOT_SENT: [u16; 3] = [166, 167, 168];
const IGNORED: u16 = 407;
const INTERFACE_NAME: u16 = 82;

/// Value of an element in the last options record with that element.
fn told(harness: &Harness, element: u16) -> u64 {
    let messages = harness.sent(0, 0);
    let records = messages.iter().flat_map(Message::records);
    let fields = records
        .filter(|(template, _)| template.scopes > 0)
        .flat_map(|(_, record)| record)
        .filter(|field| field.element == element);
    number(&fields.last().expect("it is told").octets)
}

const UDP: &[Transport] = &[Transport::Datagram];

#[test]
fn what_was_sent_is_counted_by_messages_octets_and_options_records() {
    for flows in [SendOutcome::Sent, SendOutcome::NotSent] {
        let mut harness = Harness::new(TranscoderSettings::default(), UDP);
        harness.flows = flows;
        (0..100).for_each(|_| harness.feed("123456789012"));
        harness.flush();
        harness.transcoder.commit();
        let counters = harness.counters();
        let taken = || {
            let messages = harness.messages.iter();
            messages.filter(|(_, _, delivery)| *delivery == SendOutcome::Sent)
        };
        let octets: usize = taken().map(|(_, message, _)| message.len()).sum();
        assert_eq!(counters.messages_sent, taken().count() as u64);
        assert_eq!(counters.bytes_sent, octets as u64);
        let sent = harness.sent(0, 0);
        let records = sent.iter().flat_map(Message::records);
        let options = records.filter(|(template, _)| template.scopes > 0).count();
        assert!(options >= 6, "{options}");
        assert_eq!(counters.options_records, options as u64);
        let counters = harness.counters();
        assert_eq!(counters.messages_sent, 0, "each is counted once");
    }
}

#[test]
fn flows_that_were_not_sent_are_told_once_the_batch_is_through() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    for invocations in 1..=2 {
        harness.flows = SendOutcome::NotSent;
        (0..100).for_each(|_| harness.feed("123456789012"));
        harness.flush();
        harness.transcoder.commit();
        harness.flows = SendOutcome::Sent;
        harness.transcoder.begin(NOW + 60_000 * invocations);
        harness.send_one();
        harness.transcoder.commit();
        let lost = 100 * invocations;
        assert_eq!(
            NOT_SENT.map(|element| told(&harness, element)),
            [lost, 2 * lost, 80 * lost]
        );
    }
}

#[test]
fn flows_of_a_batch_that_failed_are_not_lost_because_they_come_again() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    harness.flows = SendOutcome::NotSent;
    (0..100).for_each(|_| harness.feed("123456789012"));
    harness.transcoder.rollback();
    harness.flows = SendOutcome::Sent;
    let before = harness.messages.len();
    harness.transcoder.begin(NOW);
    harness.send_one();
    harness.transcoder.commit();
    assert_eq!(NOT_SENT.map(|element| told(&harness, element)), [0; 3]);
    let sent = harness.sent(0, before);
    let flows = sent.iter().filter(|m| m.content() == Content::Flows);
    let flows = flows.flat_map(Message::records).count();
    assert_eq!(flows, 1, "what was under construction is dropped");
}

#[test]
fn flows_of_a_domain_that_is_closed_in_the_batch_are_lost_with_the_batch_alone() {
    let account = |number: u32| format!("{number:012}");
    for (is_lost, told_as_lost) in [(true, 10), (false, 0)] {
        let mut harness = Harness::new(TranscoderSettings::default(), UDP);
        harness.flows = SendOutcome::NotSent;
        (0..10).for_each(|_| harness.feed(&account(0)));
        (1..4_200).for_each(|number| harness.feed(&account(number)));
        harness.flush();
        match is_lost {
            true => harness.transcoder.commit(),
            false => harness.transcoder.rollback(),
        }
        harness.flows = SendOutcome::Sent;
        harness.transcoder.begin(NOW + 60_000);
        harness.feed(&account(0));
        harness.flush();
        assert_eq!(told(&harness, NOT_SENT[0]), told_as_lost);
    }
}

#[test]
fn records_that_were_left_out_are_told() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    harness.transcoder.set_collectors(vec![CollectorAddress {
        address: [192, 0, 2, 1].into(),
        port: 4739,
        protocol: 17,
    }]);
    harness.feed("123456789012");
    let to_the_collector = "2 123456789012 eni-1 10.0.0.1 192.0.2.1 50000 4739 17 2 80 1763715600 1763715660 ACCEPT OK";
    (0..3).for_each(|_| harness.line(to_the_collector));
    harness.flush();
    harness.transcoder.commit();
    assert_eq!(harness.counters().excluded_collector_traffic, 3);
    harness.transcoder.begin(NOW + 60_000);
    harness.send_one();
    assert_eq!(told(&harness, IGNORED), 3);
}

#[test]
fn an_interface_that_nobody_knows_is_noted_when_its_name_is_told() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    for is_noted in [true, false] {
        harness.feed("123456789012");
        let unknown = harness.transcoder.take_unknown();
        assert_eq!(unknown.contains("eni-1"), is_noted, "{unknown:?}");
    }
}

/// Repetitions of a second invocation, and of a refresh by time.
#[test]
fn templates_and_names_are_told_again_over_udp_alone_and_statistics_over_a_stream_too() {
    const T: Content = Content::Templates;
    const O: Content = Content::Options;
    const F: Content = Content::Flows;
    type Step = (
        fn(&mut Transcoder),
        bool,
        &'static [Content],
        &'static [Content],
    );
    // Step, whether names come again over UDP, and the messages over UDP and over a stream.
    let steps: [Step; 3] = [
        (
            |transcoder| transcoder.begin(NOW + 1_000),
            false,
            &[T, T, F],
            &[F],
        ),
        (
            |transcoder| transcoder.set_now(NOW + 61_000),
            true,
            &[O, F, O],
            &[F, O],
        ),
        (
            |transcoder| transcoder.set_now(NOW + 661_000),
            true,
            &[T, T, O, F, O],
            &[F, O],
        ),
    ];
    for transport in [Transport::Datagram, Transport::Stream] {
        let is_udp = transport == Transport::Datagram;
        let mut harness = Harness::new(TranscoderSettings::default(), &[transport]);
        harness.send_one();
        for (time_goes_on, names_again, over_udp, over_a_stream) in steps {
            let before = harness.messages.len();
            time_goes_on(&mut harness.transcoder);
            harness.send_one();
            let sent = harness.sent(0, before);
            let contents: Vec<Content> = sent.iter().map(Message::content).collect();
            assert_eq!(contents, if is_udp { over_udp } else { over_a_stream });
            let fields = sent.iter().flat_map(Message::records).flat_map(|(_, r)| r);
            let names = fields.filter(|field| field.element == INTERFACE_NAME);
            assert_eq!(names.count() > 0, is_udp && names_again);
        }
    }
}

/// Collectors without the rate of a session drop flows (Akvorado) or show 0 (goflow2).
#[test]
fn every_message_with_the_sampling_template_has_the_sampling_record() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    (0..100).for_each(|_| harness.send_one());
    let mut repetitions = 0;
    for message in harness.sent(0, 0) {
        let has_template = message.templates().any(|template| template.id == 259);
        let has_record = message.records().any(|(template, _)| template.id == 259);
        assert_eq!(has_template, has_record);
        repetitions += usize::from(has_record);
    }
    assert!(repetitions >= 5, "{repetitions}");
}

#[test]
fn the_templates_of_the_statistics_end_their_group_and_their_data_a_batch() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    (0..30).for_each(|account| harness.feed(&format!("{:012}", account % 3)));
    harness.flush();
    let sent = harness.sent(0, 0);
    for domain in 0..3 {
        let templates = sent[2 * domain + 1].templates();
        let ids: Vec<u16> = templates.map(|template| template.id).collect();
        assert_eq!(ids, [266, 267]);
    }
    let last = sent[sent.len() - 3..].iter().flat_map(Message::records);
    let ids: Vec<u16> = last.map(|(template, _)| template.id).collect();
    assert_eq!(ids, [266, 267].repeat(3));
}

#[test]
fn templates_that_do_not_fit_into_one_message_leave_in_several() {
    let settings = TranscoderSettings {
        max_message_size: 512,
        ..TranscoderSettings::default()
    };
    let mut harness = Harness::new(settings, UDP);
    harness.feed("123456789012");
    // Each missing value makes another layout.
    let whole = "2 123456789012 eni-1 ::1 ::2 443 50000 6 2 80 1763715600 1763715660 ACCEPT OK";
    let columns: Vec<&str> = whole.split(' ').collect();
    for lacking in 5..12 {
        let mut columns = columns.clone();
        columns[lacking] = "-";
        harness.line(&columns.join(" "));
    }
    harness.flush();
    harness.transcoder.begin(NOW + 1_000);
    let before = harness.messages.len();
    harness.send_one();
    let sent = harness.sent(0, before);
    assert!(sent.iter().all(|message| message.octets <= 512));
    let templates = sent.iter().filter(|m| m.content() == Content::Templates);
    assert!(templates.count() >= 2);
    let known: HashSet<u16> = sent
        .iter()
        .flat_map(Message::templates)
        .map(|template| template.id)
        .collect();
    assert!(known.len() >= 8, "each of them: {known:?}");
}

/// The reader of [`Harness::sent`] checks that the sequence numbers of each domain go on.
#[test]
fn every_account_of_5000_has_a_domain_and_one_that_comes_back_goes_on() {
    let mut harness = Harness::new(TranscoderSettings::default(), UDP);
    for _ in 0..2 {
        (0..5_000).for_each(|account| harness.feed(&format!("{account:012}")));
        harness.flush();
    }
    let sent = harness.sent(0, 0);
    let domains: HashSet<u32> = sent.iter().map(|message| message.domain).collect();
    assert_eq!(domains.len(), 5_000);
    let flows = sent.iter().filter(|m| m.content() == Content::Flows);
    assert_eq!(flows.flat_map(Message::records).count(), 10_000);
    let counters = harness.counters();
    assert_eq!(
        (counters.flows_exported, counters.identity_collisions),
        (10_000, 0)
    );
}

/// 4,096 domains are open at a time, including the two last used of 4,097.
#[test]
fn the_least_recently_used_domains_are_closed_first() {
    let mut harness = Harness::new(TranscoderSettings::default(), &[Transport::Stream]);
    let account = |number: u32| format!("{number:012}");
    (0..4_096).for_each(|number| harness.feed(&account(number)));
    harness.feed(&account(0));
    harness.feed(&account(4_096));
    harness.flush();
    let before = harness.messages.len();
    for number in [0, 4_096, 4_095, 1] {
        harness.feed(&account(number));
        harness.flush();
    }
    let contents: Vec<Content> = harness
        .sent(0, before)
        .iter()
        .map(Message::content)
        .collect();
    // The last domain was closed, and is opened anew, with statistics at the end.
    let again = [
        Content::Templates,
        Content::Templates,
        Content::Options,
        Content::Flows,
        Content::Options,
    ];
    assert_eq!(contents, [&[Content::Flows; 3][..], &again].concat());
}
