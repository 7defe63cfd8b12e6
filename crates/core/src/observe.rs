//! Observer of records: the decoded record beside the flow, for callers that do more than send.

use crate::dedup::DedupVerdict;
use crate::flowlog::{FlowDirection, FlowRecord};
use crate::ipfix::{Exporter, FieldSpecifier, FlowLayout, FlowValues, Template, VARIABLE_LENGTH};

/// Observer of the records of [`Transcoder::observed_line`](crate::Transcoder::observed_line) and
/// [`observed_record`](crate::Transcoder::observed_record).
///
/// Closures are observers. This closure counts octets by source address, without parsing a line twice:
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
/// use flowlogs_core::flowlog::{Field, FlowRecord};
/// use flowlogs_core::{
///     Formats, LogLine, MessageKind, RecordOutcome, RecordSource, SendOutcome, Transcoder, TranscoderSettings, Transport,
/// };
///
/// let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
/// let mut source = RecordSource::new(None, Formats::defaults());
/// let mut sink = |_: usize, _: MessageKind, _: &[u8]| Ok::<_, Infallible>(SendOutcome::Sent);
/// let mut octets = HashMap::new();
/// let mut observer = |record: &FlowRecord<'_>, outcome: RecordOutcome<'_>| {
///     if let (RecordOutcome::Exported(flow), Some(source)) = (outcome, record.address(Field::SourceAddress)) {
///         *octets.entry(source.to_string()).or_insert(0) += record.number(Field::Bytes).unwrap_or_default();
///         assert_eq!(flow.template().record_octets(), flow.data_record().len());
///     }
/// };
/// let text = b"2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 \
///     1418530010 1418530070 ACCEPT OK";
/// let line = LogLine { id: None, timestamp: None, text };
/// let Ok(()) = transcoder.observed_line(&mut source, line, &mut sink, &mut observer);
/// assert_eq!(octets["172.31.16.139"], 4_249);
/// ```
pub trait RecordObserver {
    /// Takes a parsed record and the outcome. Records of a repeated delivery are not parsed.
    fn record(&mut self, record: &FlowRecord<'_>, outcome: RecordOutcome<'_>);
}

impl<F: FnMut(&FlowRecord<'_>, RecordOutcome<'_>)> RecordObserver for F {
    #[inline]
    fn record(&mut self, record: &FlowRecord<'_>, outcome: RecordOutcome<'_>) {
        self(record, outcome);
    }
}

/// Observer without cost.
pub(crate) struct NoObserver;

impl RecordObserver for NoObserver {
    #[inline(always)]
    fn record(&mut self, _: &FlowRecord<'_>, _: RecordOutcome<'_>) {}
}

/// Outcome of a record: each is a counter of [`Counters`](crate::Counters).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum RecordOutcome<'a> {
    /// The record became a flow.
    Exported(ExportedFlow<'a>),
    /// `NODATA`: an interval without traffic.
    NoData,
    /// `SKIPDATA`: an interval whose records AWS lost.
    SkippedWindow,
    /// The record was parsed, and the values cannot be exported.
    Unparsed,
    /// Rule 2 left the record out.
    DuplicateRecord,
    /// Rule 3 left the record out.
    DuplicateTransitGateway,
    /// Rule 4 left the record out.
    DuplicateBothEnds,
    /// `DIRECTION` leaves the record out.
    FilteredByDirection,
    /// The flow is to or from a collector.
    ExcludedCollectorTraffic,
}

impl RecordOutcome<'_> {
    /// Outcome of a record left out by the verdict; `None` for an exported record.
    #[inline]
    pub(crate) fn of_verdict(verdict: DedupVerdict) -> Option<Self> {
        Some(match verdict {
            DedupVerdict::Keep | DedupVerdict::Doubled(_) => return None,
            DedupVerdict::DuplicateRecord => Self::DuplicateRecord,
            DedupVerdict::DuplicateTransitGateway => Self::DuplicateTransitGateway,
            DedupVerdict::DuplicateBothEnds => Self::DuplicateBothEnds,
            DedupVerdict::FilteredByDirection => Self::FilteredByDirection,
            DedupVerdict::ExcludedCollectorTraffic => Self::ExcludedCollectorTraffic,
        })
    }
}

/// Flow made of a record: a data record of a template in an observation domain.
#[derive(Debug, Clone, Copy)]
pub struct ExportedFlow<'a> {
    pub(crate) direction: Option<FlowDirection>,
    pub(crate) domain_slot: usize,
    pub(crate) layout: &'a FlowLayout,
    pub(crate) values: &'a FlowValues,
    pub(crate) exporter: &'a Exporter,
}

impl<'a> ExportedFlow<'a> {
    /// Direction of the flow: the record's column, else derived from the inventory.
    pub fn direction(&self) -> Option<FlowDirection> {
        self.direction
    }

    /// Observation domain ID of the messages with the flow.
    pub fn domain_id(&self) -> u32 {
        self.exporter.domain_id(self.domain_slot)
    }

    /// Template of the data record.
    pub fn template(&self) -> &'a Template {
        &self.layout.template
    }

    /// Data record of the flow (RFC 7011 §3.4.3), as in a message.
    pub fn data_record(&self) -> Vec<u8> {
        self.layout.data_record(self.values)
    }

    /// Visits each field with the octets of the value, without the length of a field of variable length.
    pub fn fields(&self, mut visit: impl FnMut(&FieldSpecifier, &[u8])) {
        let record = self.data_record();
        let mut rest = &record[..];
        for field in &self.template().fields {
            let octets = if field.octets == VARIABLE_LENGTH {
                let (length, behind) = rest.split_first().expect("a length below 255 octets");
                rest = behind;
                usize::from(*length)
            } else {
                usize::from(field.octets)
            };
            let (value, behind) = rest.split_at(octets);
            visit(field, value);
            rest = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::mapping::InterfaceNames;
    use crate::{
        Formats, LogLine, MessageKind, RecordSource, SendOutcome, Transcoder, TranscoderSettings,
        Transport,
    };

    /// Outcomes of lines by name, the fields of the flows, and the octets of all messages.
    fn observed(
        settings: TranscoderSettings,
        lines: &[&str],
    ) -> (Vec<String>, Vec<Vec<u8>>, Vec<u8>) {
        let mut transcoder = Transcoder::new(settings, &[Transport::Stream]);
        let mut source = RecordSource::new(None, Formats::defaults());
        let mut sent = Vec::new();
        let (mut outcomes, mut records) = (Vec::new(), Vec::new());
        for text in lines {
            let line = LogLine {
                id: None,
                timestamp: None,
                text: text.as_bytes(),
            };
            let mut sink = |_: usize, _: MessageKind, message: &[u8]| {
                sent.extend_from_slice(message);
                Ok::<_, Infallible>(SendOutcome::Sent)
            };
            let mut observer = |record: &FlowRecord<'_>, outcome: RecordOutcome<'_>| {
                let name = match outcome {
                    RecordOutcome::Exported(flow) => {
                        let mut octets = Vec::new();
                        flow.fields(|field, value| {
                            if field.octets == VARIABLE_LENGTH {
                                octets.push(u8::try_from(value.len()).expect("short"));
                            }
                            octets.extend_from_slice(value);
                        });
                        assert_eq!(octets, flow.data_record());
                        assert_ne!(flow.domain_id(), 0);
                        records.push(octets);
                        format!("exported {:?}", flow.direction())
                    }
                    other => format!("{other:?}"),
                };
                outcomes.push(format!("{name}, {} columns", record.format().names().len()));
            };
            let Ok(()) = transcoder.observed_line(&mut source, line, &mut sink, &mut observer);
            let Ok(()) = transcoder.flush(&mut sink);
        }
        assert!(transcoder.take_report().counters.is_balanced());
        (outcomes, records, sent)
    }

    #[test]
    fn every_parsed_record_is_observed_with_its_outcome_and_the_octets_that_were_sent() {
        let mut settings = TranscoderSettings::default();
        settings.dedup.direction = crate::dedup::DirectionFilter::Ingress;
        settings.mapping.interface_names = InterfaceNames::Inline;
        let lines = [
            "interface-id srcaddr bytes flow-direction log-status",
            "eni-1 10.0.0.1 5 ingress OK",
            "eni-1 10.0.0.1 5 egress OK",
            "eni-1 - - - NODATA",
            "eni-1 - - - SKIPDATA",
            "what is this",
        ];
        let (outcomes, records, sent) = observed(settings, &lines);
        assert_eq!(
            outcomes,
            [
                "exported Some(Ingress), 5 columns",
                "FilteredByDirection, 5 columns",
                "NoData, 5 columns",
                "SkippedWindow, 5 columns",
            ]
        );
        let [record] = &records[..] else {
            panic!("one flow: {records:?}");
        };
        assert!(record.ends_with(b"\x05eni-1"), "the name is the last field");
        let is_sent = sent.windows(record.len()).any(|octets| octets == record);
        assert!(is_sent, "{record:?}");
    }

    #[test]
    fn the_domain_of_a_flow_is_the_domain_in_the_header_of_the_message() {
        let mut transcoder = Transcoder::new(TranscoderSettings::default(), &[Transport::Stream]);
        let mut source = RecordSource::new(None, Formats::defaults());
        let text =
            b"2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 20 4249 1418530010 1418530070 ACCEPT OK";
        let line = LogLine {
            id: None,
            timestamp: None,
            text,
        };
        let (mut domains, mut sent) = (Vec::new(), Vec::new());
        let mut sink = |_: usize, kind: MessageKind, message: &[u8]| {
            if kind == MessageKind::Flows {
                sent.push(message[12..16].to_vec());
            }
            Ok::<_, Infallible>(SendOutcome::Sent)
        };
        let mut observer = |_: &FlowRecord<'_>, outcome: RecordOutcome<'_>| {
            if let RecordOutcome::Exported(flow) = outcome {
                domains.push(flow.domain_id().to_be_bytes().to_vec());
            }
        };
        let Ok(()) = transcoder.observed_line(&mut source, line, &mut sink, &mut observer);
        let Ok(()) = transcoder.flush(&mut sink);
        assert_eq!((domains.len(), &domains), (1, &sent));
    }
}
