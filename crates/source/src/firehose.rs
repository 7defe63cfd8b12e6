//! The records of a Firehose transformation event.
//!
//! A flow log that goes to Firehose makes a `{"message": …}` object of each line; a subscription that goes there sends
//! its payload, compressed, as one record; whatever was put into the stream by hand is text. A record is unpacked whole
//! before its first line is handed on.

use crate::envelope::Records;
use crate::json::Packed;
use crate::line_writer::LineWriter;
use crate::recognise::{Content, without_mark};
use crate::{LineSink, ReadError, UnpackError, Unpacker, text};

impl Unpacker {
    pub(crate) fn records<L: LineSink>(
        &mut self,
        records: Records<'_>,
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        // Both are lent to one record at a time, which may need all the other buffers.
        let mut base64 = std::mem::take(&mut self.base64);
        let mut inflater = std::mem::take(&mut self.inflater);
        let outcome = records.into_iter().try_for_each(|data| {
            let record = base64.decode(data)?;
            match Content::recognise(record, true) {
                Content::Compressed(compression) => {
                    let record = inflater.inflate(compression, record, self.limit)?;
                    self.record(record, delivery)
                }
                _ => self.record(record, delivery),
            }
        });
        self.base64 = base64;
        self.inflater = inflater;
        outcome
    }

    fn record<L: LineSink>(
        &mut self,
        record: &[u8],
        delivery: &mut LineWriter<'_, L>,
    ) -> Result<(), ReadError<L::Error>> {
        let mut record = without_mark(record);
        match Content::recognise(record, true) {
            Content::Empty => Ok(()),
            Content::Json => self.documents(&mut record, Packed::Refused, delivery),
            Content::Text => {
                delivery.begin_run()?;
                text::hand_on_lines(&mut record, &mut self.line, delivery)
            }
            Content::Compressed(_) | Content::Parquet | Content::Binary => {
                Err(UnpackError::Unrecognised.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;
    use crate::inflate::packed::{gigabyte, gzip};
    use crate::line_writer::recorded::{Call, Recorded, event, no_origin};
    use crate::{GzipFault, JsonFault};

    const LIMIT: usize = 100_000;

    fn read(records: &[&[u8]]) -> (Option<UnpackError>, Recorded) {
        let event = json!({
            "invocationId": "i",
            "deliveryStreamArn": "arn:aws:firehose:eu-central-1:123456789012:deliverystream/s",
            "region": "eu-central-1",
            "records": records
                .iter()
                .map(|record| json!({
                    "recordId": "r",
                    "approximateArrivalTimestamp": 1_571_081_770_000_u64,
                    "data": BASE64_STANDARD.encode(record),
                }))
                .collect::<Vec<_>>(),
        })
        .to_string();
        let mut recorded = Recorded::default();
        let outcome = Unpacker::new(LIMIT).read(event.as_bytes(), &mut recorded);
        let error = match outcome {
            Ok(_) => None,
            Err(ReadError::Unpack(error)) => Some(error),
            Err(ReadError::Sink(never)) => match never {},
        };
        (error, recorded)
    }

    #[test]
    fn records_may_be_message_objects_text_and_payloads() {
        let payload =
            gzip(r#"{"owner":"1","logEvents":[{"id":"7","timestamp":5,"message":"2 c"}]}"#);
        let control = gzip(r#"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#);
        let (error, recorded) = read(&[
            br#"{"message":"2 a"}"#,
            b"2 b\n",
            b"",
            &control,
            &payload,
            &gzip("2 d"),
        ]);
        assert_eq!(error, None);
        assert_eq!(
            recorded.0,
            [
                no_origin(),
                event(None, None, "2 a"),
                event(None, None, "2 b"),
                Call::Origin(Some("1".into()), None, None),
                event("7", 5, "2 c"),
                no_origin(),
                event(None, None, "2 d"),
            ]
        );
    }

    #[test]
    fn a_damaged_record_ends_it_with_nothing_of_that_record() {
        let mut damaged = gzip(r#"{"logEvents":[{"message":"2 b"}]}"#);
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        let (error, recorded) = read(&[b"2 a", &damaged]);
        let position = damaged.len() as u64;
        let fault = GzipFault::Damaged;
        assert_eq!(error, Some(UnpackError::Gzip { position, fault }));
        assert_eq!(recorded.messages(), ["2 a"]);
    }

    #[test]
    fn a_bomb_in_a_record_stops_at_the_limit() {
        let bomb = &gigabyte()[..50_000];
        assert_eq!(
            read(&[bomb]).0,
            Some(UnpackError::TooLarge { limit: LIMIT })
        );
    }

    #[test]
    fn records_do_not_nest() {
        for inner in [
            r#"{"records":[{"data":"MiBh"}]}"#,
            r#"{"awslogs":{"data":"MiBh"}}"#,
        ] {
            let error = read(&[inner.as_bytes()]).0;
            assert!(
                matches!(
                    error,
                    Some(UnpackError::Json {
                        fault: JsonFault::Unknown,
                        ..
                    })
                ),
                "{error:?}"
            );
        }
    }
}
