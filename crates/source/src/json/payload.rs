//! Log events of a checked document, handed to a sink.

use super::spans::{DocumentSpans, EventSpans, NO_TIME, SpanTexts, SystemFields};
use crate::line_writer::LineWriter;
use crate::lines::{DeliveredLine, LineOrigin, LineSink};

/// Log events of a payload that was unpacked and checked as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    texts: SpanTexts<'a>,
    origin: LineOrigin<'a>,
    events: &'a [EventSpans],
    origin_groups: &'a [(usize, SystemFields)],
    /// Every message is a single line without a line end: the fast path found it so.
    is_line_each: bool,
}

impl<'a> Payload<'a> {
    /// Payload of a parsed document.
    pub(super) fn new(
        spans: &'a DocumentSpans,
        texts: SpanTexts<'a>,
        origin: LineOrigin<'a>,
        is_line_each: bool,
    ) -> Self {
        Self {
            texts,
            origin,
            events: &spans.events,
            origin_groups: &spans.origin_groups,
            is_line_each,
        }
    }

    /// Origin that the payload names; an event may name another.
    #[must_use]
    pub fn origin(&self) -> LineOrigin<'a> {
        self.origin
    }

    /// Origins of the lines, in order: one origin, unless events name an account, region or log group. The same origin may
    /// come several times.
    pub fn origins(&self) -> impl Iterator<Item = LineOrigin<'a>> {
        self.origin_groups().map(|(origin, _)| origin)
    }

    /// Newest timestamp of the events, milliseconds since 1970.
    #[must_use]
    pub fn newest_timestamp(&self) -> Option<u64> {
        let timestamps = self.events.iter().map(|event| event.timestamp);
        timestamps.filter(|&time| time != NO_TIME).max()
    }

    /// Hands on every line, after the origin.
    ///
    /// # Errors
    /// The error of `sink`; nothing is handed on after the error.
    pub fn hand_on<L: LineSink>(&self, sink: &mut L) -> Result<(), L::Error> {
        self.write_to(&mut LineWriter::new(sink))
    }

    pub(crate) fn write_to<L: LineSink>(
        &self,
        writer: &mut LineWriter<'_, L>,
    ) -> Result<(), L::Error> {
        for (origin, events) in self.origin_groups() {
            writer.begin(&origin)?;
            let mut events = events.iter().map(|event| self.event(event));
            if self.is_line_each {
                events.try_for_each(|event| writer.line(&event))?;
            } else {
                events.try_for_each(|event| writer.message(&event))?;
            }
        }
        Ok(())
    }

    /// Groups of consecutive events with equal origins; a payload without events is an empty group.
    fn origin_groups(&self) -> impl Iterator<Item = (LineOrigin<'a>, &'a [EventSpans])> {
        let Self {
            texts,
            origin,
            events,
            origin_groups,
            ..
        } = *self;
        // Events before the first group have no system fields; without any group these are all events, perhaps none.
        let first = origin_groups
            .first()
            .map_or(events.len(), |(first, _)| *first);
        let is_first = first > 0 || origin_groups.is_empty();
        let without_fields = is_first.then_some((origin, &events[..first]));
        let with_fields = origin_groups
            .iter()
            .enumerate()
            .map(move |(index, (begin, fields))| {
                let end = origin_groups
                    .get(index + 1)
                    .map_or(events.len(), |(next, _)| *next);
                let origin = LineOrigin {
                    owner: texts.name(fields.account).or(origin.owner),
                    region: texts.name(fields.region).or(origin.region),
                    log_group: texts.name(fields.log_group).or(origin.log_group),
                    log_stream: origin.log_stream,
                };
                (origin, &events[*begin..end])
            });
        without_fields.into_iter().chain(with_fields)
    }

    /// Events in order.
    #[cfg(test)]
    pub(super) fn events(&self) -> impl Iterator<Item = DeliveredLine<'a>> {
        self.events.iter().map(|event| self.event(event))
    }

    #[inline]
    fn event(&self, event: &EventSpans) -> DeliveredLine<'a> {
        DeliveredLine {
            id: (!event.id.is_empty()).then(|| self.texts.octets(event.id)),
            timestamp: Some(event.timestamp).filter(|&time| time != NO_TIME),
            text: self.texts.octets(event.message),
        }
    }
}
