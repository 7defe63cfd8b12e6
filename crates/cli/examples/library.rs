//! Flow-log lines of any input become IPFIX messages, with names from the JSON of the AWS CLI; octets by interface on
//! standard error.
//!
//! usage: cargo run -p flowlogs-cli --example library -- INPUT INVENTORY.json >flows.ipfix

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use flowlogs_core::flowlog::{Field, FlowRecord};
use flowlogs_core::{
    Formats, LogFormat, LogLine, MessageKind, RecordOutcome, RecordSource, SendOutcome, Transcoder,
    TranscoderSettings, Transport,
};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Unpacker};

/// Writes each message to standard output; over UDP this would be a `send`.
fn send(_session: usize, _kind: MessageKind, message: &[u8]) -> std::io::Result<SendOutcome> {
    std::io::stdout().write_all(message)?;
    Ok(SendOutcome::Sent)
}

/// Hands the lines of `flowlogs-source` to the transcoder, and adds up the octets of each interface.
struct Lines(Transcoder, RecordSource, BTreeMap<String, u64>);

impl LineSink for Lines {
    type Error = std::io::Error;

    fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
        self.1.formats.begin_object();
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Self::Error> {
        let line = LogLine {
            id: line.id,
            timestamp: line.timestamp,
            text: line.text,
        };
        let octets = &mut self.2;
        let mut observer = |record: &FlowRecord<'_>, outcome: RecordOutcome<'_>| {
            if let RecordOutcome::Exported(_) = outcome {
                let interface = record.interface_id().unwrap_or(b"-");
                let interface = String::from_utf8_lossy(interface).into_owned();
                *octets.entry(interface).or_default() += record.number(Field::Bytes).unwrap_or(0);
            }
        };
        self.0
            .observed_line(&mut self.1, line, &mut send, &mut observer)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [input, inventory] = [1, 2].map(|index| std::env::args().nth(index).unwrap_or_default());
    let inventory = flowlogs_describe::read(&std::fs::read(inventory)?)?;
    let formats = inventory.formats_for(None);
    let formats = Formats::of_flow_logs(formats.filter_map(|text| LogFormat::parse(text).ok()));

    let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
    transcoder.set_inventory(inventory);
    transcoder.begin(flowlogs_export::now());
    let mut lines = Lines(
        transcoder,
        RecordSource::new(None, formats),
        BTreeMap::new(),
    );
    Unpacker::new(64 << 20).read(std::fs::File::open(input)?, &mut lines)?;
    lines.0.flush(&mut send)?;
    lines.0.commit();
    eprintln!("{:?}\n{:?}", lines.0.take_report().counters, lines.2);
    Ok(())
}
