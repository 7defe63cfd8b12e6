//! Round trip for unit tests: lines through the transcoder and back through the decoder.

use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::{
    Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
    Transport,
};

use crate::decode::{DecodeError, DecodedFlow, MessageDecoder};

/// Returns a message of an observation domain with these 16-bit words after the header.
pub(crate) fn message(domain: u32, words: &[u16]) -> Vec<u8> {
    let length = u16::try_from(16 + 2 * words.len()).expect("short");
    let header = [10, length, 0, 0, 0, 0].map(u16::to_be_bytes);
    let mut message = header.concat();
    message.extend(domain.to_be_bytes());
    message.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    message
}

/// Passes the decoded flows of the lines to `each`.
pub(crate) fn flows(
    mapping: MappingSettings,
    format: &str,
    lines: &[&str],
    mut each: impl FnMut(&DecodedFlow<'_>),
) {
    let settings = TranscoderSettings {
        mapping,
        ..TranscoderSettings::default()
    };
    let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
    let mut source = RecordSource::new(
        None,
        Formats::of_setting(format).expect("format of the test"),
    );
    let mut decoder = MessageDecoder::default();
    let mut sink = |_: usize, _: MessageKind, message: &[u8]| {
        decoder.decode(message, |flow| {
            each(flow);
            Ok::<_, DecodeError>(())
        })?;
        Ok::<_, DecodeError>(SendOutcome::Sent)
    };
    transcoder.begin(1_763_715_600_000);
    for text in lines {
        let line = LogLine {
            id: None,
            timestamp: None,
            text: text.as_bytes(),
        };
        transcoder
            .line(&mut source, line, &mut sink)
            .expect("decoded");
    }
    transcoder.flush(&mut sink).expect("decoded");
    let counters = transcoder.take_report().counters;
    assert_eq!(counters.unparsed_records, 0, "lines of the test");
}
