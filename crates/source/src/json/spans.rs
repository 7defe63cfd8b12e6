//! Parsed document as positions: texts are spans of the document, or of a buffer where the texts had escapes.
//!
//! The lists are reused, so that a document whose messages have no escapes costs no allocation.

/// Largest document in octets: positions have 31 bits, and the topmost bit names the buffer.
pub(crate) const LARGEST: usize = (1 << 31) - 1;

/// Topmost bit of [`Span::start`]: the text had escapes and stands in [`DocumentSpans::unescaped`].
const UNESCAPED: u32 = 1 << 31;

/// Longest name of an account, region, log group or log stream, in characters; AWS allows 512.
pub(super) const LONGEST_NAME: usize = 512;

/// Timestamp of an event without one: an `Option` would make the list of a large payload a third larger.
pub(super) const NO_TIME: u64 = u64::MAX;

/// Known contents of a document.
#[derive(Debug, Default)]
pub(super) struct DocumentSpans {
    pub(super) message_type: Option<Span>,
    pub(super) owner: Option<Span>,
    pub(super) log_group: Option<Span>,
    pub(super) log_stream: Option<Span>,
    pub(super) message: Option<Span>,
    pub(super) timestamp: Option<u64>,
    pub(super) has_log_events: bool,
    pub(super) has_events: bool,
    pub(super) events: Vec<EventSpans>,
    /// System fields and the index of the first event with these fields. Empty if no event has system fields.
    pub(super) origin_groups: Vec<(usize, SystemFields)>,
    /// Texts with escapes, unescaped, back to back.
    pub(super) unescaped: Vec<u8>,
}

/// Log event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventSpans {
    /// Empty where there is none: an empty id identifies nothing.
    pub(super) id: Span,
    /// Milliseconds since 1970, or [`NO_TIME`].
    pub(super) timestamp: u64,
    pub(super) message: Span,
}

/// System fields in an event's `extractedFields`; an empty span is a missing field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SystemFields {
    /// `@aws.account`
    pub(super) account: Span,
    /// `@aws.region`
    pub(super) region: Span,
    /// `@source.log`
    pub(super) log_group: Span,
}

/// Position of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Text of the document; `None` beyond [`LARGEST`].
    #[inline]
    pub(super) fn new(start: usize, length: usize) -> Option<Self> {
        let start = u32::try_from(start).ok()?;
        let length = u32::try_from(length).ok()?;
        (start < UNESCAPED).then_some(Self { start, length })
    }

    /// Returns true for a missing or empty text.
    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// Both buffers that spans point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpanTexts<'a> {
    pub(super) json: &'a [u8],
    pub(super) unescaped: &'a [u8],
}

impl<'a> SpanTexts<'a> {
    /// Octets of a span of these buffers.
    #[inline]
    pub(super) fn octets(self, span: Span) -> &'a [u8] {
        let buffer = if span.start & UNESCAPED == 0 {
            self.json
        } else {
            self.unescaped
        };
        let start = (span.start & !UNESCAPED) as usize;
        &buffer[start..start + span.length as usize]
    }

    /// Name in a span, cut to [`LONGEST_NAME`] characters; `None` if it is empty: AWS writes empty texts where it has
    /// nothing to say.
    pub(super) fn name(self, span: Span) -> Option<&'a str> {
        let octets = self.octets(span);
        // A character has at most four octets: octets behind these cannot matter.
        let octets = &octets[..octets.len().min(4 * LONGEST_NAME)];
        let text = match str::from_utf8(octets) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&octets[..error.valid_up_to()]).ok()?,
        };
        let end = text.char_indices().nth(LONGEST_NAME);
        let text = end.map_or(text, |(end, _)| &text[..end]);
        Some(text).filter(|text| !text.is_empty())
    }
}

impl DocumentSpans {
    /// Keeps a text that serde_json has unescaped.
    pub(super) fn keep_unescaped(&mut self, text: &[u8]) -> Option<Span> {
        let mut span = Span::new(self.unescaped.len(), text.len())?;
        span.start |= UNESCAPED;
        self.unescaped.extend_from_slice(text);
        Some(span)
    }

    /// Begins a group of events with these system fields at the next event, unless the current group has equal fields.
    pub(super) fn begin_origin_group(&mut self, fields: SystemFields, json: &[u8]) {
        let texts = SpanTexts {
            json,
            unescaped: &self.unescaped,
        };
        let last = self.origin_groups.last().map(|(_, fields)| *fields);
        let last = last.unwrap_or_default();
        let is_equal = |one: Span, other: Span| texts.octets(one) == texts.octets(other);
        let goes_on = is_equal(last.account, fields.account)
            && is_equal(last.region, fields.region)
            && is_equal(last.log_group, fields.log_group);
        if !goes_on {
            self.origin_groups.push((self.events.len(), fields));
        }
    }

    /// Forgets a document and keeps the lists.
    pub(super) fn clear(&mut self) {
        let mut kept = Self {
            events: std::mem::take(&mut self.events),
            origin_groups: std::mem::take(&mut self.origin_groups),
            unescaped: std::mem::take(&mut self.unescaped),
            ..Self::default()
        };
        kept.events.clear();
        kept.origin_groups.clear();
        kept.unescaped.clear();
        *self = kept;
    }
}
