//! Shared parts of the targets: a receiver that keeps lines, and the whole path from lines to messages with the invariants.

use std::convert::Infallible;
use std::sync::Arc;

use flowlogs_core::dedup::DirectionFilter;
use flowlogs_core::mapping::{AddressPair, InterfaceNames, Timestamps};
use flowlogs_core::network::{AccountRegion, Destination, InterfaceTable, Inventory};
use flowlogs_core::{
    BatchReport, Formats, LogFormat, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, MAX_LINE, OpenedPayload, Unpacker};
use flowlogs_testing::wire;

/// Receiver that keeps origins and lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Number of lines before each origin, with its account, region and log group.
    pub origins: Vec<(usize, [Option<String>; 3])>,
    /// All lines.
    pub lines: Vec<KeptLine>,
}

/// Id, time and octets of a line.
pub type KeptLine = (Option<Vec<u8>>, Option<u64>, Vec<u8>);

impl LineSink for Kept {
    type Error = Infallible;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Infallible> {
        self.origins.push((
            self.lines.len(),
            [origin.owner, origin.region, origin.log_group].map(|name| name.map(Into::into)),
        ));
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        assert!(
            !self.origins.is_empty(),
            "an origin comes before the first line"
        );
        assert!(line.text.len() <= MAX_LINE + 1, "longer than MAX_LINE + 1");
        let id = line.id.map(Into::into);
        self.lines.push((id, line.timestamp, line.text.to_vec()));
        Ok(())
    }
}

/// Returns the lines of a payload that can be unpacked.
pub fn opened(unpacker: &mut Unpacker, data: &[u8]) -> Option<Kept> {
    let mut kept = Kept::default();
    match unpacker.open(data) {
        Ok(OpenedPayload::Data(payload)) => {
            let Ok(()) = payload.hand_on(&mut kept);
        }
        Ok(OpenedPayload::Control) => {}
        Err(error) => {
            one_line(&error);
            return None;
        }
    }
    Some(kept)
}

/// Asserts that an error names the stage, in a single line.
pub fn one_line(error: &dyn std::fmt::Display) {
    let text = error.to_string();
    let stages = [
        "base64: ",
        "gzip: ",
        "json: ",
        "too large: ",
        "parquet: ",
        "unrecognised: ",
    ];
    assert!(stages.iter().any(|stage| text.starts_with(stage)), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

/// Derives settings from eight bits.
pub fn settings(bits: u8) -> TranscoderSettings {
    let mut settings = TranscoderSettings::default();
    let on = |bit: u8| bits & (1 << bit) != 0;
    settings.dedup.deduplicate = !on(0);
    if on(1) {
        settings.max_message_size = 512;
    }
    if on(2) {
        settings.mapping.address = AddressPair::Packet;
    }
    if on(3) {
        settings.mapping.timestamps = Timestamps::Seconds;
    }
    if on(4) {
        settings.mapping.interface_names = InterfaceNames::Inline;
    }
    if on(5) {
        settings.dedup.direction = DirectionFilter::Ingress;
    }
    if on(6) {
        settings.mapping.exporter_address = Some([10, 0, 0, 1].into());
    }
    if on(7) {
        settings.observation_domain = Some(7);
    }
    settings
}

/// Transcodes lines with an inventory whose tables are all there, see [`transcode_on_demand`].
pub fn transcode<'a>(
    settings: TranscoderSettings,
    formats: Formats,
    inventory: Option<Inventory>,
    lines: impl Iterator<Item = LogLine<'a>>,
) -> BatchReport {
    transcode_on_demand(settings, formats, inventory, lines, |_| None)
}

/// Lines of two accounts: both directions of a connection at two captured interfaces, and flows of interfaces that only a
/// random inventory has.
const FLOWS: [&[u8]; 4] = [
    b"2 123456789012 eni-0a9b8c7d6e5f40312 10.20.2.20 10.20.1.20 8080 43210 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 123456789012 eni-0b2d4f6a8c0e13579 10.20.1.20 10.20.2.20 43210 8080 6 17 51012 1795035610 1795035668 ACCEPT OK",
    b"2 210987654321 eni-1 10.0.0.1 10.0.0.2 1 2 17 1 1 1 2 REJECT OK",
    b"2 123456789012 eni-2 ::1 ::2 1 2 17 1 1 1 2 ACCEPT OK",
];

/// Returns lines of flows that were written at this time.
pub fn flows(timestamp: Option<u64>) -> impl Iterator<Item = LogLine<'static>> {
    let line = move |&text: &&'static [u8]| LogLine {
        id: None,
        timestamp,
        text,
    };
    FLOWS.iter().map(line)
}

/// Returns the formats that an inventory has for a log group.
pub fn formats_of(inventory: &Inventory) -> Formats {
    let group = Destination::log_group("/vpc/flow-logs");
    let formats = inventory.formats_for(Some(&group));
    Formats::of_flow_logs(formats.filter_map(|text| LogFormat::parse(text).ok()))
}

/// Transcodes lines over a stream and a datagram session, and checks that every line ends in exactly one counter, that
/// every message can be decoded by itself in its session and keeps to the size, and that both sessions and the report
/// agree on the number of flows. `part` has the tables that a line asks for.
pub fn transcode_on_demand<'a>(
    settings: TranscoderSettings,
    formats: Formats,
    inventory: Option<Inventory>,
    lines: impl Iterator<Item = LogLine<'a>>,
    part: impl Fn(&AccountRegion) -> Option<Arc<InterfaceTable>>,
) -> BatchReport {
    let largest = settings.max_message_size;
    let mut transcoder = Transcoder::new(settings, &[Transport::Stream, Transport::Datagram]);
    if let Some(inventory) = inventory {
        transcoder.set_inventory(inventory);
    }
    let mut source = RecordSource::new(Some(Destination::log_group("/vpc/flow-logs")), formats);
    let mut sessions = [CheckedSession::default(), CheckedSession::default()];
    let mut sink = |session: usize, _: MessageKind, message: &[u8]| {
        sessions[session].check(message, largest);
        Ok::<_, Infallible>(SendOutcome::Sent)
    };
    transcoder.begin(1_800_000_000_000);
    for line in lines {
        let Ok(()) = transcoder.line(&mut source, line, &mut sink);
        // The account of the record, and the owner of its VPC.
        for again in 1.. {
            let Some(scope) = transcoder.take_undecided() else {
                break;
            };
            assert!(again <= 4, "a line that is never decided: {scope:?}");
            transcoder.change_inventory(|inventory| match part(&scope) {
                Some(table) => inventory.set_interfaces(Some(scope), table),
                None => inventory.remove_asked(&scope),
            });
            let Ok(()) = transcoder.line(&mut source, line, &mut sink);
        }
    }
    let Ok(()) = transcoder.flush(&mut sink);
    transcoder.commit();
    let report = transcoder.take_report();
    assert!(report.counters.is_balanced(), "{:?}", report.counters);
    let flows = sessions.map(|session| session.flows);
    assert_eq!(
        flows, [report.counters.flows_exported; 2],
        "{:?}",
        report.counters
    );
    report
}

/// Reader of a session that checks every message.
#[derive(Default)]
struct CheckedSession {
    reader: wire::Reader,
    flows: u64,
}

impl CheckedSession {
    /// Reads a message of at most `largest` octets, and counts its flows.
    fn check(&mut self, message: &[u8], largest: usize) {
        let octets = message.len();
        assert!(octets <= largest, "{octets} octets, over {largest}");
        let read = self
            .reader
            .read(message)
            .unwrap_or_else(|fault| panic!("{fault}"));
        assert_ne!(
            read.content(),
            wire::Content::Mixed,
            "templates, options and flows leave apart"
        );
        if read.content() == wire::Content::Flows {
            self.flows += read.records().count() as u64;
        }
    }
}
