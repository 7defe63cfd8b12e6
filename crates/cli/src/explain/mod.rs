//! `flowlogs explain`: one line, column by column, with the exported value of each column or the reason for none.
//!
//! The line takes the way of every other line, through the transcoder and the independent decoder; the reasons are texts
//! of the field table. No rule of the mapping is repeated here.
//!
//! `columns.rs` writes the explanation; `mismatch.rs` says why a line fits no format.

mod columns;
mod mismatch;

use std::io::{self, Write};

use flowlogs_core::flowlog::{HeaderLine, RecordValues};
use flowlogs_core::ipfix::element::InformationElement;
use flowlogs_core::network::Destination;
use flowlogs_core::{LogLine, MessageKind, SendOutcome, Transcoder, Transport};
use flowlogs_source::LineOrigin;

use crate::cli::ExplainArguments;
use crate::clock;
use crate::decode::{DecodeError, DecodedFlow, DecodedValue, ElementId, MessageDecoder};
use crate::failure::CommandError;
use crate::input::InputList;
use crate::settings;
use crate::sources::SourceCache;
use crate::terminal::TextLook;
use crate::text::ascii;

use columns::LineExplanation;

pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), CommandError> {
    let line = arguments.line.join(" ");
    let inputs = InputList::of(&[], &arguments.source.inventory)?;
    let mut sources = SourceCache::new(&arguments.source);
    let group = arguments.source.log_group.as_deref();
    let group = group.map(Destination::log_group);
    let mut formats = sources.formats(group.as_ref(), &inputs.inventory);
    if formats.take_header(line.as_bytes()) != HeaderLine::NoHeader {
        return Err(CommandError::usage(
            "this is a header line, which sets the format of the lines after it; give it with --log-format and a record as LINE",
        ));
    }
    let mut values = RecordValues::default();
    let format = match formats.parse(line.as_bytes(), &mut values) {
        Ok(record) => record.format().clone(),
        Err(error) => return Err(mismatch::error(&line, &formats, error)),
    };
    let slot = sources.slot(&LineOrigin::default(), &inputs.inventory);
    let settings = settings::explainer(&arguments.mapping);
    let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
    transcoder.set_inventory(inputs.inventory);
    transcoder.begin(clock::now());
    let mut sent = SentRecord::default();
    let mut decoder = MessageDecoder::default();
    let mut sink = |_: usize, _: MessageKind, message: &[u8]| {
        decoder.decode(message, |flow| {
            sent = SentRecord::of(flow);
            Ok::<_, DecodeError>(())
        })?;
        Ok::<_, DecodeError>(SendOutcome::Sent)
    };
    let text = LogLine {
        id: None,
        timestamp: None,
        text: line.as_bytes(),
    };
    transcoder
        .line(sources.source(slot), text, &mut sink)
        .and_then(|()| transcoder.flush(&mut sink))
        .map_err(CommandError::failed)?;
    let explanation = LineExplanation {
        look: TextLook::of_stdout(arguments.width),
        format: &format,
        tokens: line.split_ascii_whitespace().collect(),
        names: sent.domain.and_then(|domain| decoder.names(domain)),
        sent: &sent,
        counters: transcoder.take_report().counters,
    };
    print(&explanation, arguments.json).map_err(|error| CommandError::output(&error))
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
