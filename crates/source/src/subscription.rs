//! Way of a subscription payload: base64 → gzip → JSON → log events.
//!
//! A payload is checked as a whole (checksums, lengths, the last brace) before the first line is handed on: a payload that
//! fails is delivered again, and half of the payload must not have been exported by then.

use crate::buffers::PayloadBuffers;
use crate::error::{GzipFault, JsonFault, ReadError, UnpackError};
use crate::inflate::Compression;
use crate::json::{JsonDocument, Payload};
use crate::line_writer::LineWriter;
use crate::lines::LineSink;

/// Subscription payload that was unpacked and checked.
#[derive(Debug)]
pub enum OpenedPayload<'a> {
    /// `DATA_MESSAGE`: log events.
    Data(Payload<'a>),
    /// `CONTROL_MESSAGE`: a test of the destination, without lines.
    Control,
}

impl PayloadBuffers {
    /// Unpacks and checks a payload.
    pub(crate) fn open(
        &mut self,
        base64_data: &[u8],
        limit: usize,
    ) -> Result<OpenedPayload<'_>, UnpackError> {
        let packed = self.base64.decode(base64_data)?;
        let json = match Compression::recognise(packed) {
            Some(compression) => self.inflater.inflate(compression, packed, limit)?,
            None if !packed.trim_ascii_start().starts_with(b"{") => {
                return Err(UnpackError::Gzip {
                    position: 0,
                    fault: GzipFault::NotCompressed,
                });
            }
            None if packed.len() > limit => return Err(UnpackError::TooLarge { limit }),
            None => packed,
        };
        match self.parser.parse(json)? {
            JsonDocument::Control => Ok(OpenedPayload::Control),
            JsonDocument::Subscription(payload) => Ok(OpenedPayload::Data(payload)),
            _ => Err(JsonFault::MissingLogEvents.at_begin()),
        }
    }
}

impl OpenedPayload<'_> {
    /// Hands on the lines, or counts the control message.
    pub(crate) fn write_to<L: LineSink>(
        &self,
        writer: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        match self {
            Self::Data(payload) => payload.write_to(writer).map_err(ReadError::Sink),
            Self::Control => {
                writer.control();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::inflate::packed::{gigabyte, gzip, zlib};
    use crate::line_writer::recorded::{Call, Recorded, event};

    const LIMIT: usize = 1 << 20;

    const PAYLOAD: &str = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"flows",
        "logStream":"eni-1-all","subscriptionFilters":["f"],"logEvents":[
        {"id":"1","timestamp":1571081770000,"message":"2 a"},{"id":"2","timestamp":1571081771000,"message":"2 b\n"}]}"#;

    fn expected() -> [Call; 3] {
        [
            Call::Origin(
                Some("123456789012".into()),
                None,
                Some("flows".into()),
                Some("eni-1-all".into()),
            ),
            event("1", 1_571_081_770_000, "2 a"),
            event("2", 1_571_081_771_000, "2 b"),
        ]
    }

    fn base64(octets: impl AsRef<[u8]>) -> String {
        BASE64_STANDARD.encode(octets)
    }

    /// Lines of a payload and the number of its control messages.
    fn unpacked(data: &str) -> (Result<u64, UnpackError>, Recorded) {
        unpacked_by(&mut PayloadBuffers::default(), data)
    }

    fn unpacked_by(
        buffers: &mut PayloadBuffers,
        data: &str,
    ) -> (Result<u64, UnpackError>, Recorded) {
        let mut recorded = Recorded::default();
        let outcome = buffers.open(data.as_bytes(), LIMIT).map(|payload| {
            let mut writer = LineWriter::new(&mut recorded);
            payload
                .write_to(&mut writer)
                .expect("a recorder takes everything");
            writer.summary().control_messages
        });
        (outcome, recorded)
    }

    /// The error of a payload, of which nothing may have been handed on.
    fn refused(data: &str) -> UnpackError {
        let (outcome, recorded) = unpacked(data);
        assert_eq!(recorded, Recorded::default());
        outcome.expect_err("not refused")
    }

    #[test]
    fn an_opened_payload_hands_on_its_lines_as_often_as_asked() {
        let mut buffers = PayloadBuffers::default();
        let data = base64(gzip(PAYLOAD.as_bytes()));
        let Ok(OpenedPayload::Data(payload)) = buffers.open(data.as_bytes(), LIMIT) else {
            panic!("a payload");
        };
        assert_eq!(payload.origin().log_group, Some("flows"));
        assert_eq!(payload.newest_timestamp(), Some(1_571_081_771_000));
        for _ in 0..2 {
            let mut recorded = Recorded::default();
            let Ok(()) = payload.hand_on(&mut recorded);
            assert_eq!(recorded.0, expected());
        }
    }

    #[test]
    fn a_payload_is_unpacked_however_it_is_compressed() {
        let (first, second) = PAYLOAD.split_at(100);
        let forms = [
            gzip(PAYLOAD),
            zlib(PAYLOAD),
            PAYLOAD.into(),
            [gzip(first), gzip(second)].concat(),
        ];
        for form in forms {
            let (outcome, recorded) = unpacked(&base64(form));
            assert_eq!(outcome, Ok(0));
            assert_eq!(recorded.0, expected());
        }
    }

    #[test]
    fn of_a_control_message_nothing_is_handed_on() {
        let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",
            "subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1498519943285,
            "message":"CWL CONTROL MESSAGE: Checking health of destination"}]}"#;
        let (outcome, recorded) = unpacked(&base64(gzip(control)));
        assert_eq!(outcome, Ok(1));
        assert_eq!(recorded, Recorded::default());
    }

    #[test]
    fn owner_log_group_and_log_stream_may_be_missing() {
        let (outcome, recorded) = unpacked(&base64(r#"{"logGroup":"","logEvents":[]}"#));
        assert_eq!(outcome, Ok(0));
        assert_eq!(recorded.0, [crate::line_writer::recorded::no_origin()]);
    }

    #[test]
    fn damage_at_any_stage_is_found_before_the_first_line_is_handed_on() {
        let whole = gzip(PAYLOAD);

        let mut text = base64(&whole);
        text.replace_range(10..11, "!");
        assert_eq!(refused(&text), UnpackError::Base64 { position: 10 });

        let truncated = &whole[..whole.len() - 1];
        let position = truncated.len() as u64;
        let fault = GzipFault::Truncated;
        assert_eq!(
            refused(&base64(truncated)),
            UnpackError::Gzip { position, fault }
        );

        let mut damaged = whole.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 0xff;
        let position = damaged.len() as u64;
        let fault = GzipFault::Damaged;
        assert_eq!(
            refused(&base64(damaged)),
            UnpackError::Gzip { position, fault }
        );

        let cut = &PAYLOAD[..PAYLOAD.len() - 1];
        let error = refused(&base64(gzip(cut)));
        let fault = JsonFault::EndsEarly;
        assert!(matches!(error, UnpackError::Json { line: 3, fault: f, .. } if f == fault));
    }

    #[test]
    fn what_is_not_a_payload_is_refused_with_its_stage() {
        for text in ["", "2 123456789012"] {
            assert_eq!(
                refused(&base64(text)),
                UnpackError::Gzip {
                    position: 0,
                    fault: GzipFault::NotCompressed
                }
            );
        }
        assert!(matches!(
            refused(&base64(gzip("2 x"))),
            UnpackError::Json { .. }
        ));
        assert!(matches!(
            refused(PAYLOAD),
            UnpackError::Base64 { position: 0 }
        ));
    }

    #[test]
    fn a_payload_over_the_limit_is_refused_and_its_memory_given_back() {
        assert_eq!(
            refused(&base64(gigabyte())),
            UnpackError::TooLarge { limit: LIMIT }
        );
        let plain = format!("{PAYLOAD}{}", " ".repeat(LIMIT));
        assert_eq!(
            refused(&base64(&plain)),
            UnpackError::TooLarge { limit: LIMIT }
        );
    }

    #[test]
    fn buffers_are_reused_and_a_bad_payload_does_not_touch_the_next() {
        let mut buffers = PayloadBuffers::default();
        let good = base64(gzip(PAYLOAD));
        assert!(unpacked_by(&mut buffers, &good).0.is_ok());
        let output = buffers.inflater.output().as_ptr();
        assert!(unpacked_by(&mut buffers, "H4sIAAAA").0.is_err());
        let (outcome, recorded) = unpacked_by(&mut buffers, &good);
        assert_eq!(outcome, Ok(0));
        assert_eq!(recorded.0, expected());
        assert_eq!(buffers.inflater.output().as_ptr(), output);
    }

    #[test]
    fn events_of_a_central_log_group_name_their_own_origin() {
        let event = |message: &str, fields: &str| {
            format!(r#"{{"id":"1","timestamp":5,"message":"{message}"{fields}}}"#)
        };
        let of = |account: &str, group: &str| {
            format!(
                r#","extractedFields":{{"@aws.account":"{account}","@aws.region":"r1","@source.log":"{group}"}}"#
            )
        };
        let events = [
            event("2 a", ""),
            event("2 b", &of("1", "g1")),
            event("2 c", &of("1", "g1")),
            event("2 d", &of("2", "")),
            event("2 e", r#","extractedFields":{"srcaddr":"-"}"#),
        ]
        .join(",");
        let origin = |owner: &str, region: Option<&str>, group: &str| {
            Call::Origin(
                Some(owner.into()),
                region.map(Into::into),
                Some(group.into()),
                Some("s".into()),
            )
        };
        let expected = [
            origin("9", None, "central"),
            event_call("2 a"),
            origin("1", Some("r1"), "g1"),
            event_call("2 b"),
            event_call("2 c"),
            origin("2", Some("r1"), "central"),
            event_call("2 d"),
            origin("9", None, "central"),
            event_call("2 e"),
        ];
        // With a space the fast path gives up.
        for space in ["", " "] {
            let json = format!(
                r#"{{{space}"messageType":"DATA_MESSAGE","owner":"9","logGroup":"central","logStream":"s","subscriptionFilters":["f"],"logEvents":[{events}]}}"#
            );
            let (outcome, recorded) = unpacked(&base64(gzip(&json)));
            assert_eq!((outcome, &recorded.0[..]), (Ok(0), &expected[..]), "{json}");
        }
    }

    fn event_call(message: &str) -> Call {
        event("1", 5, message)
    }

    proptest! {
        #[test]
        fn random_events_survive_the_way(
            events in prop::collection::vec(("[0-9]{1,56}", any::<u64>(), "[^\r\n]{0,60}"), 0..20),
            owner in "\\PC{1,12}",
            compressed in any::<bool>(),
        ) {
            let payload = json!({
                "messageType": "DATA_MESSAGE",
                "owner": owner,
                "logEvents": events
                    .iter()
                    .map(|(id, timestamp, message)| json!({"id": id, "timestamp": timestamp, "message": message}))
                    .collect::<Vec<_>>(),
            })
            .to_string();
            let (outcome, recorded) = unpacked(&base64(if compressed { gzip(payload) } else { payload.into() }));
            prop_assert_eq!(outcome, Ok(0));
            let mut expected = vec![Call::Origin(Some(owner), None, None, None)];
            expected.extend(
                events.into_iter().map(|(id, timestamp, message)| Call::Event(Some(id), Some(timestamp), message)),
            );
            prop_assert_eq!(recorded.0, expected);
        }

        #[test]
        fn a_damaged_payload_is_an_error_or_whole_and_never_a_panic(at in 0_usize..1000, with in any::<u8>()) {
            let mut packed = gzip(PAYLOAD);
            let at = at % packed.len();
            packed[at] = with;
            let (outcome, recorded) = unpacked(&base64(packed));
            match outcome {
                Ok(_) => prop_assert_eq!(&recorded.0[..], &expected()[..]),
                Err(_) => prop_assert_eq!(recorded, Recorded::default()),
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut buffers = PayloadBuffers::default();
            let _ = buffers.open(&bytes, 1000);
            let _ = buffers.open(base64(&bytes).as_bytes(), 1000);
            let _ = buffers.open(base64(gzip(&bytes)).as_bytes(), 1000);
        }
    }
}
