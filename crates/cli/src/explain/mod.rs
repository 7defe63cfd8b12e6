//! `flowlogs explain`: a line, column by column, with the exported value of each column or the reason for none.
//!
//! The line takes the way of every line, through the transcoder and the independent decoder; the reasons are texts of the
//! field table. No rule of the mapping is repeated here. The line is transcoded without deduplication, so that every line is
//! explained, and with an inventory once more with deduplication, to say whether the flow would count.
//!
//! `columns.rs` writes the explanation; `mismatch.rs` says why a line fits no format.

mod columns;
mod mismatch;

use std::convert::Infallible;
use std::io::{self, Write};

use flowlogs_core::flowlog::{HeaderLine, RecordValues};
use flowlogs_core::ipfix::element::InformationElement;
use flowlogs_core::{
    Counters, LogLine, MessageKind, MessageSink, RecordSource, SendOutcome, Transcoder, Transport,
};
use flowlogs_source::LineOrigin;

use crate::cli::ExplainArguments;
use crate::clock;
use crate::decode::{DecodeError, DecodedFlow, DecodedValue, ElementId, MessageDecoder};
use crate::failure::CommandError;
use crate::input::InputList;
use crate::origin::{InputOrigin, source_cache};
use crate::settings;
use crate::terminal::TextLook;
use crate::text::ascii;

use columns::LineExplanation;

pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), CommandError> {
    let line = arguments.line.join(" ");
    let inputs = InputList::of(&[], &arguments.source.inventory)?;
    let settings = |deduplicate| settings::explainer(&arguments.mapping, deduplicate);
    let mut transcoder = Transcoder::new(settings(false), &[Transport::Stream]);
    transcoder.set_inventory(inputs.inventory.clone());
    let mut sources = source_cache(&arguments.source);
    let origin = InputOrigin::new(&arguments.source);
    sources.turn_to(&origin.of_lines(&LineOrigin::default()), &transcoder);
    let source = sources.current();
    if source.formats.read_header(line.as_bytes()) != HeaderLine::NoHeader {
        return Err(CommandError::usage(
            "this is a header line, which sets the format of the lines after it; give it with --log-format and a record as LINE",
        ));
    }
    let mut values = RecordValues::default();
    let format = match source.formats.parse(line.as_bytes(), &mut values) {
        Ok(record) => record.format().clone(),
        Err(error) => return Err(mismatch::error(&line, &source.formats, error)),
    };
    let mut sent = SentRecord::default();
    let mut decoder = MessageDecoder::default();
    let mut sink = |_: usize, _: MessageKind, message: &[u8]| {
        decoder.decode(message, |flow| {
            sent = SentRecord::of(flow);
            Ok::<_, DecodeError>(())
        })?;
        Ok::<_, DecodeError>(SendOutcome::Sent)
    };
    let counters =
        transcode(&mut transcoder, source, &line, &mut sink).map_err(CommandError::failed)?;
    let mut none = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
    let mut deduplicating = Transcoder::new(settings(true), &[Transport::Stream]);
    deduplicating.set_inventory(inputs.inventory);
    let Ok(deduplicated) = transcode(&mut deduplicating, source, &line, &mut none);
    let explanation = LineExplanation {
        look: TextLook::of_stdout(arguments.width),
        format: &format,
        tokens: line.split_ascii_whitespace().collect(),
        names: sent.domain.and_then(|domain| decoder.names(domain)),
        sent: &sent,
        counters,
        left_out_by: (counters.flows_exported > deduplicated.flows_exported)
            .then(|| columns::outcomes(&deduplicated).next())
            .flatten(),
    };
    print(&explanation, arguments.json).map_err(|error| CommandError::output(&error))
}

/// Transcodes a line as a batch.
fn transcode<S: MessageSink>(
    transcoder: &mut Transcoder,
    source: &mut RecordSource,
    line: &str,
    sink: &mut S,
) -> Result<Counters, S::Error> {
    let text = LogLine {
        id: None,
        timestamp: None,
        text: line.as_bytes(),
    };
    transcoder.begin(clock::now());
    transcoder.line(source, text, sink)?;
    transcoder.flush(sink)?;
    Ok(transcoder.take_report().counters)
}

/// Prints an explanation.
fn print(explanation: &LineExplanation<'_>, as_json: bool) -> io::Result<()> {
    let mut text = Vec::new();
    match as_json {
        true => explanation.write_json(&mut text)?,
        false => explanation.write(&mut text)?,
    }
    if explanation.look.ascii && !as_json {
        text = ascii(&String::from_utf8_lossy(&text)).into_bytes();
    }
    let mut out = io::stdout().lock();
    out.write_all(&text)?;
    out.flush()
}

/// Flow record of the line; empty if the line did not become a flow.
#[derive(Debug, Default)]
struct SentRecord {
    domain: Option<u32>,
    template: u16,
    octets: u32,
    fields: Vec<(ElementId, DecodedValue)>,
}

impl SentRecord {
    fn of(flow: &DecodedFlow<'_>) -> Self {
        Self {
            domain: Some(flow.names.domain),
            template: flow.template,
            octets: flow.names.record_octets(flow.template).unwrap_or_default(),
            fields: flow.fields.to_vec(),
        }
    }

    fn value(&self, element: &InformationElement) -> Option<&DecodedValue> {
        let wanted = ElementId::Iana(element.id);
        let found = self.fields.iter().find(|(id, _)| *id == wanted);
        found.map(|(_, value)| value)
    }
}
