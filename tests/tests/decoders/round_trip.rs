//! Each element of each flow, and each name behind a number, has the value of the line, in two decoders.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use flowlogs_core::mapping::{AddressPair, InterfaceNames, MappingSettings, Timestamps};
use flowlogs_core::network::Destination;
use flowlogs_core::{
    Formats, LogLine, RecordSource, Transcoder, TranscoderSettings, Transport, dedup,
};
use flowlogs_testing::wire::{Content, Reader};
use proptest::prelude::*;

use crate::libraries::{NetGauze, NetflowParserCrate};
use crate::lines::{Input, input};
use crate::naive::{self, Flow, Options, Outcome, cut, identity};
use crate::value::{Decoded, Value};
use crate::{Messages, feed, flush};

const NOW: u64 = 1_763_715_600_000;
const OWNER: &str = "210987654321";
const REGION: &str = "ap-south-2";

/// Settings of a random run.
#[derive(Debug, Clone, Copy)]
struct Setup {
    options: Options,
    max_message_size: usize,
    event_time: Option<u64>,
    knows_owner: bool,
    knows_region: bool,
}

fn setup() -> impl Strategy<Value = Setup> {
    let exporter = prop_oneof![
        2 => Just(None),
        1 => any::<IpAddr>().prop_map(Some),
    ];
    let options = (any::<bool>(), any::<bool>(), any::<bool>(), exporter);
    let sizes = prop_oneof![512_usize..1_500, Just(512), Just(1_400), Just(65_535)];
    let event_time = prop::option::of(1_600_000_000_000_u64..1_800_000_000_000);
    (options, sizes, event_time, any::<bool>(), any::<bool>()).prop_map(
        |(
            (packet_addresses, seconds, inline_names, exporter),
            max_message_size,
            event_time,
            knows_owner,
            knows_region,
        )| Setup {
            options: Options {
                packet_addresses,
                seconds,
                inline_names,
                exporter,
            },
            max_message_size,
            event_time,
            knows_owner,
            knows_region,
        },
    )
}

impl Setup {
    fn settings(&self) -> TranscoderSettings {
        let Options {
            packet_addresses,
            seconds,
            inline_names,
            exporter,
        } = self.options;
        let mut mapping = MappingSettings {
            exporter_address: exporter,
            ..MappingSettings::default()
        };
        if packet_addresses {
            mapping.address = AddressPair::Packet;
        }
        if seconds {
            mapping.timestamps = Timestamps::Seconds;
        }
        if inline_names {
            mapping.interface_names = InterfaceNames::Inline;
        }
        TranscoderSettings {
            mapping,
            // Nothing is left out: every flow is compared.
            dedup: dedup::DedupSettings {
                deduplicate: false,
                ..dedup::DedupSettings::default()
            },
            max_message_size: self.max_message_size,
            ..TranscoderSettings::default()
        }
    }

    fn names(&self) -> (Option<&'static str>, Option<&'static str>) {
        (
            self.knows_owner.then_some(OWNER),
            self.knows_region.then_some(REGION),
        )
    }
}

/// Messages of all lines over a datagram and a stream session, with the reference's fate of each line.
fn transcode(input: &Input, setup: Setup) -> (Messages, Vec<Outcome>) {
    let mut transcoder =
        Transcoder::new(setup.settings(), &[Transport::Datagram, Transport::Stream]);
    let formats = Formats::of_setting(&input.format_string()).expect("known columns");
    let mut source = RecordSource::new(Some(Destination::log_group("/vpc/flow-logs")), formats);
    let (owner, region) = setup.names();
    source.set_account_and_region(owner, region);
    let lines = input.lines.iter().map(|line| LogLine {
        id: None,
        timestamp: setup.event_time,
        text: line.as_bytes(),
    });
    let mut messages = Vec::new();
    transcoder.begin(NOW);
    feed(&mut transcoder, &mut source, lines, &mut messages);
    flush(&mut transcoder, &mut messages);

    let read = |line: &String| {
        naive::read(
            &input.format,
            line,
            setup.event_time,
            setup.names(),
            setup.options,
        )
    };
    let outcomes: Vec<Outcome> = input.lines.iter().map(read).collect();
    let counters = transcoder.take_report().counters;
    assert!(counters.is_balanced(), "{counters:?}");
    let count = |wanted: fn(&Outcome) -> bool| {
        u64::try_from(outcomes.iter().filter(|outcome| wanted(outcome)).count()).expect("few")
    };
    assert_eq!(
        [
            counters.flows_exported,
            counters.no_data,
            counters.skipped_windows,
            counters.unparsed_records,
        ],
        [
            count(|outcome| matches!(outcome, Outcome::Flow(_))),
            count(|outcome| *outcome == Outcome::NoData),
            count(|outcome| *outcome == Outcome::Skipped),
            count(|outcome| *outcome == Outcome::Unparsed),
        ],
        "flows, no data, skipped, unparsed"
    );
    (messages, outcomes)
}

/// Expected flows of a session by domain, and the names announced so far.
struct Expected<'a> {
    flows: HashMap<u32, std::vec::IntoIter<&'a Flow>>,
    names: HashMap<(u32, u16, u64), HashMap<u16, String>>,
}

impl<'a> Expected<'a> {
    fn of(outcomes: &'a [Outcome]) -> Self {
        let mut flows: HashMap<u32, Vec<&Flow>> = HashMap::new();
        for outcome in outcomes {
            if let Outcome::Flow(flow) = outcome {
                let domain = u32::try_from(identity(&flow.domain)).expect("31 bits");
                flows.entry(domain).or_default().push(flow);
            }
        }
        let flows = flows
            .into_iter()
            .map(|(domain, flows)| (domain, flows.into_iter()))
            .collect();
        Self {
            flows,
            names: HashMap::new(),
        }
    }

    /// Takes the next record of the session.
    fn take(&mut self, decoded: &Decoded) {
        if decoded.is_options {
            self.learn(decoded);
            return;
        }
        let next = self
            .flows
            .get_mut(&decoded.domain)
            .and_then(Iterator::next)
            .expect("a flow that no line says, or in another domain");
        let mut record = decoded.record.clone();
        let application = record
            .iter()
            .position(|field| field.0 == 95)
            .map(|at| record.remove(at).1);
        record.sort();
        assert_eq!(record, next.record, "elements of the flow");
        for interface in &next.interfaces {
            assert_eq!(
                self.name(decoded.domain, 10, identity(interface), 82),
                cut(interface, 31)
            );
        }
        for vrf in &next.vrfs {
            assert_eq!(
                self.name(decoded.domain, 234, identity(vrf), 236),
                cut(vrf, 127)
            );
        }
        assert_eq!(
            self.name(decoded.domain, 149, u64::from(decoded.domain), 300),
            cut(&next.domain, 63)
        );
        if next.interfaces.iter().all(|id| !id.starts_with("tgw-")) && has(&next.record, 10, 1) {
            assert_eq!(self.name(decoded.domain, 10, 1, 82), "ACCEPT");
        }
        self.check_application(decoded.domain, application, next.services.as_ref());
    }

    /// Keeps the names of an options record: scope element and number → strings.
    fn learn(&mut self, decoded: &Decoded) {
        let Some((scope, Value::Number(number))) = decoded.record.first() else {
            panic!("every scope is a number: {decoded:?}");
        };
        let names = self
            .names
            .entry((decoded.domain, *scope, *number))
            .or_default();
        for (element, value) in &decoded.record {
            if let Value::Text(text) = value {
                names.insert(*element, text.clone());
            }
        }
    }

    fn name(&self, domain: u32, scope: u16, number: u64, element: u16) -> &str {
        self.names
            .get(&(domain, scope, number))
            .and_then(|names| names.get(&element))
            .unwrap_or_else(|| {
                panic!("{number} (element {scope}) is used before it is named by {element}")
            })
    }

    /// The number's engine is 6 (user-defined) and the application table names both services.
    fn check_application(
        &self,
        domain: u32,
        application: Option<Value>,
        services: Option<&(String, String)>,
    ) {
        let Some((source, destination)) = services else {
            assert_eq!(application, None, "no service in the line");
            return;
        };
        let Some(Value::Number(number)) = application else {
            panic!("95 is missing")
        };
        assert_eq!(number >> 24, 6, "engine of {number:#x}");
        assert_eq!(
            self.name(domain, 95, number, 96),
            cut(&format!("{source}>{destination}"), 23)
        );
        let description = self.name(domain, 95, number, 94);
        assert!(
            description.contains(source.as_str()) || description.len() >= 60,
            "{description}"
        );
    }
}

fn has(record: &[(u16, Value)], element: u16, number: u64) -> bool {
    record.contains(&(element, Value::Number(number)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Field by field, name by name, over both kinds of session, in both libraries; templates, options data and flows
    /// in messages of their own, none larger than allowed, without padding, with right sequence numbers.
    #[test]
    fn two_libraries_decode_what_the_lines_say(input in input(), setup in setup()) {
        let (messages, outcomes) = transcode(&input, setup);
        for session in [0, 1] {
            let mut reader = Reader::default();
            let mut netflow_parser = NetflowParserCrate::new();
            let mut netgauze = NetGauze::default();
            let mut expected = Expected::of(&outcomes);
            for (_, message) in messages.iter().filter(|(to, _)| *to == session) {
                let read = reader.read(message).map_err(TestCaseError::fail)?;
                prop_assert!(read.octets <= setup.max_message_size, "{} octets", read.octets);
                prop_assert_ne!(read.content(), Content::Mixed);
                prop_assert_eq!(u64::from(read.export_time), NOW / 1_000);
                for template in read.templates() {
                    let elements: HashSet<u16> = template.fields.iter().map(|field| field.0).collect();
                    prop_assert_eq!(elements.len(), template.fields.len(), "an element twice: {:?}", template);
                }
                let decoded = netflow_parser.decode(message);
                prop_assert_eq!(&decoded, &netgauze.decode(message), "netflow_parser and netgauze");
                prop_assert_eq!(decoded.len(), read.records().count());
                decoded.iter().for_each(|decoded| expected.take(decoded));
            }
            let left: usize = expected.flows.values().map(ExactSizeIterator::len).sum();
            prop_assert_eq!(left, 0, "flows that were not exported");
        }
    }

    /// Reduced-size encoding is a matter of the template; no library shows the template beside the values.
    #[test]
    fn counters_have_4_octets_where_both_fit_and_8_otherwise(input in input(), setup in setup()) {
        let (messages, outcomes) = transcode(&input, setup);
        let mut expected = Expected::of(&outcomes);
        let mut reader = Reader::default();
        for (_, message) in messages.iter().filter(|(to, _)| *to == 1) {
            let read = reader.read(message).map_err(TestCaseError::fail)?;
            for (template, _) in read.records().filter(|(template, _)| template.scopes == 0) {
                let flow = expected.flows.get_mut(&read.domain).and_then(Iterator::next).expect("a flow");
                for &(_, octets) in template.fields.iter().filter(|field| matches!(field.0, 1 | 2)) {
                    prop_assert_eq!(usize::from(octets), flow.counter_octets);
                }
            }
        }
    }
}

/// A collector sees the layouts of all processes and releases, not only the few of one transcoder.
#[test]
fn a_regular_template_id_has_one_meaning_in_every_process() {
    let meanings: RefCell<HashMap<u16, Vec<(u16, u16)>>> = RefCell::default();
    let config = ProptestConfig {
        cases: 300,
        ..ProptestConfig::default()
    };
    proptest!(config, |(input in input(), setup in setup())| {
        let (messages, _) = transcode(&input, setup);
        let mut reader = Reader::default();
        for (_, message) in messages.iter().filter(|(to, _)| *to == 0) {
            let read = reader.read(message).map_err(TestCaseError::fail)?;
            for template in read.templates().filter(|template| template.id < 0x8000) {
                let mut meanings = meanings.borrow_mut();
                let fields = meanings.entry(template.id).or_insert_with(|| template.fields.clone());
                prop_assert_eq!(fields, &template.fields, "template {}", template.id);
            }
        }
    });
    let regular = meanings.borrow().keys().filter(|id| **id >= 0x4000).count();
    assert!(
        regular > 50,
        "{regular} regular layouts are too few to tell"
    );
}
