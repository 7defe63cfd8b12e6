//! Any input: no panic, and each record counts in exactly one counter.

use flowlogs_core::{
    Counters, Formats, LogLine, RecordSource, Transcoder, TranscoderSettings, Transport, dedup,
};
use flowlogs_testing::wire::Reader;
use proptest::prelude::*;
use proptest::sample::select;

use crate::lines::input;
use crate::{feed, flush};

/// Transcodes lines over two sessions; returns the counters if each session has as many flows as are counted.
fn transcode(
    formats: Formats,
    lines: &[Vec<u8>],
    ids: &[Option<u8>],
    direction: dedup::DirectionFilter,
) -> Result<Counters, String> {
    let mut settings = TranscoderSettings::default();
    settings.dedup.direction = direction;
    settings.dedup.collectors = vec![dedup::CollectorAddress {
        address: [10, 0, 0, 1].into(),
        port: 4_739,
        protocol: 17,
    }];
    let mut transcoder = Transcoder::new(settings, &[Transport::Datagram, Transport::Stream]);
    let mut source = RecordSource::new(None, formats);
    let mut messages = Vec::new();
    transcoder.begin(1_763_715_600_000);
    let lines = lines.iter().zip(ids).map(|(text, id)| LogLine {
        id: id.as_ref().map(std::slice::from_ref),
        timestamp: None,
        text,
    });
    feed(&mut transcoder, &mut source, lines, &mut messages);
    flush(&mut transcoder, &mut messages);
    transcoder.commit();

    let counters = transcoder.take_report().counters;
    let mut exported = [0; 2];
    let mut readers = [Reader::default(), Reader::default()];
    for (session, message) in &messages {
        let read = readers[*session].read(message)?;
        exported[*session] += read
            .records()
            .filter(|(template, _)| template.scopes == 0)
            .count();
    }
    for exported in exported {
        let exported = u64::try_from(exported).map_err(|error| error.to_string())?;
        if exported != counters.flows_exported {
            return Err(format!(
                "{exported} flow records, {} counted",
                counters.flows_exported
            ));
        }
    }
    Ok(counters)
}

fn directions() -> impl Strategy<Value = dedup::DirectionFilter> {
    select(vec![
        dedup::DirectionFilter::Both,
        dedup::DirectionFilter::Ingress,
        dedup::DirectionFilter::Egress,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_octets_are_counted_once_and_panic_nowhere(
        lines in prop::collection::vec(prop_oneof![
            any::<Vec<u8>>(),
            "[ 0-9a-f.:-]{0,120}".prop_map(String::into_bytes),
            // Tokens that look like columns, in any number.
            prop::collection::vec("2|-|OK|6|10\\.0\\.0\\.1|::1|eni-1|ACCEPT|1763715600|bytes|srcaddr|\u{fffd}", 0..40)
                .prop_map(|tokens| tokens.join(" ").into_bytes()),
        ], 0..20),
        ids in prop::collection::vec(any::<Option<u8>>(), 20),
        direction in directions(),
    ) {
        let counters = transcode(Formats::defaults(), &lines, &ids, direction).map_err(TestCaseError::fail)?;
        prop_assert!(counters.is_balanced(), "{:?}", counters);
        prop_assert!(counters.records_received <= lines.len() as u64, "header lines are no records");
    }

    #[test]
    fn suited_lines_are_counted_once_whatever_the_rules_drop(
        input in input(),
        again in prop::collection::vec(0_usize..16, 0..8),
        ids in prop::collection::vec(prop::option::of(0_u8..8), 24),
        direction in directions(),
    ) {
        let mut lines: Vec<Vec<u8>> = input.lines.iter().map(|line| line.clone().into_bytes()).collect();
        lines.extend(again.iter().map(|&n| input.lines[n % input.lines.len()].clone().into_bytes()));
        let formats = Formats::of_setting(&input.format_string()).expect("known columns");
        let counters = transcode(formats, &lines, &ids, direction).map_err(TestCaseError::fail)?;
        prop_assert!(counters.is_balanced(), "{:?}", counters);
        prop_assert_eq!(counters.records_received, lines.len() as u64);
    }
}
