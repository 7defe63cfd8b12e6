//! Round trip for unit tests: lines through the transcoder and back through the decoder.

use flowlogs_core::mapping::MappingSettings;
use flowlogs_core::{
    Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
    Transport,
};

use crate::decode::{DecodeError, DecodedFlow, MessageDecoder};

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
