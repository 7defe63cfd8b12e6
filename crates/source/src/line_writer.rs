//! Hands lines to the sink and counts the lines: the only place where a message becomes lines.
//!
//! Every kind of input ends here, so that line ends, over-long lines and origins are treated alike.

use memchr::memchr;

use crate::lines::{DeliveredLine, LineOrigin, LineSink, MAX_LINE, ReadSummary};

/// Sink of a call, with the summary of the lines so far.
pub(crate) struct LineWriter<'l, L> {
    sink: &'l mut L,
    summary: ReadSummary,
    in_run: bool,
}

impl<'l, L: LineSink> LineWriter<'l, L> {
    pub(crate) fn new(sink: &'l mut L) -> Self {
        Self {
            sink,
            summary: ReadSummary::default(),
            in_run: false,
        }
    }

    pub(crate) fn summary(&self) -> ReadSummary {
        self.summary
    }

    /// Begins a payload, a text or another group of lines of equal origin.
    pub(crate) fn begin(&mut self, origin: &LineOrigin<'_>) -> Result<(), L::Error> {
        self.in_run = false;
        self.sink.origin(origin)
    }

    /// Begins a run of single lines, unless a run is under way: with an origin for each `{"message"}` object, a header line
    /// would hold for no record.
    pub(crate) fn begin_run(&mut self) -> Result<(), L::Error> {
        if !self.in_run {
            self.begin(&LineOrigin::default())?;
            self.in_run = true;
        }
        Ok(())
    }

    /// Counts a control message.
    pub(crate) fn control(&mut self) {
        self.summary.control_messages += 1;
    }

    /// Hands on the lines of an event's message; at least a line, so that no event vanishes.
    pub(crate) fn message(&mut self, event: &DeliveredLine<'_>) -> Result<(), L::Error> {
        let message = without_line_end(event.text);
        if memchr(b'\n', message).is_none() {
            return self.line(&DeliveredLine {
                text: message,
                ..*event
            });
        }
        let mut id = event.id;
        for text in message.split(|&octet| octet == b'\n') {
            let text = without_line_end(text);
            if !text.is_empty() {
                self.line(&DeliveredLine {
                    id: id.take(),
                    timestamp: event.timestamp,
                    text,
                })?;
            }
        }
        Ok(())
    }

    /// Hands on a line without a line end.
    pub(crate) fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), L::Error> {
        let text = line.text.get(..=MAX_LINE).unwrap_or(line.text);
        self.summary.lines += 1;
        self.sink.line(&DeliveredLine { text, ..*line })
    }
}

/// Strips carriage returns and line feeds from the end of a line.
pub(crate) fn without_line_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = line {
        line = rest;
    }
    line
}

/// Sink that records everything, for the tests of all modules.
#[cfg(test)]
pub(crate) mod recorded {
    use std::convert::Infallible;

    use crate::lines::{DeliveredLine, LineOrigin, LineSink};

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Call {
        /// Owner, region, log group and log stream.
        Origin(
            Option<String>,
            Option<String>,
            Option<String>,
            Option<String>,
        ),
        Event(Option<String>, Option<u64>, String),
    }

    #[derive(Debug, Default, PartialEq, Eq)]
    pub(crate) struct Recorded(pub(crate) Vec<Call>);

    impl Recorded {
        pub(crate) fn messages(&self) -> Vec<&str> {
            self.0
                .iter()
                .filter_map(|call| match call {
                    Call::Event(_, _, message) => Some(message.as_str()),
                    Call::Origin(..) => None,
                })
                .collect()
        }
    }

    impl LineSink for Recorded {
        type Error = Infallible;

        fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Infallible> {
            self.0.push(Call::Origin(
                origin.owner.map(Into::into),
                origin.region.map(Into::into),
                origin.log_group.map(Into::into),
                origin.log_stream.map(Into::into),
            ));
            Ok(())
        }

        fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
            self.0.push(Call::Event(
                line.id.map(|id| String::from_utf8_lossy(id).into_owned()),
                line.timestamp,
                String::from_utf8_lossy(line.text).into_owned(),
            ));
            Ok(())
        }
    }

    pub(crate) fn no_origin() -> Call {
        Call::Origin(None, None, None, None)
    }

    pub(crate) fn event(
        id: impl Into<Option<&'static str>>,
        timestamp: impl Into<Option<u64>>,
        message: &str,
    ) -> Call {
        Call::Event(
            id.into().map(Into::into),
            timestamp.into(),
            message.to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::recorded::{Recorded, event};
    use super::*;

    fn delivered(message: &[u8]) -> Recorded {
        let mut recorded = Recorded::default();
        let mut writer = LineWriter::new(&mut recorded);
        writer
            .message(&DeliveredLine {
                id: Some(b"7"),
                timestamp: Some(5),
                text: message,
            })
            .expect("a recorder takes everything");
        recorded
    }

    #[test]
    fn a_message_is_handed_on_without_its_line_end() {
        assert_eq!(delivered(b"2 x\r\n").0, [event("7", 5, "2 x")]);
    }

    #[test]
    fn of_a_message_of_several_lines_the_first_has_the_id() {
        assert_eq!(
            delivered(b"\na\r\n\r\nb\n").0,
            [event("7", 5, "a"), event(None, 5, "b")]
        );
    }

    #[test]
    fn an_empty_message_is_still_an_event() {
        assert_eq!(delivered(b"\n").0, [event("7", 5, "")]);
    }

    #[test]
    fn an_over_long_line_is_cut_to_one_octet_more_than_the_longest() {
        let whole = vec![b'x'; MAX_LINE];
        assert_eq!(delivered(&whole).messages()[0].len(), MAX_LINE);
        let over = vec![b'x'; MAX_LINE * 3];
        assert_eq!(delivered(&over).messages()[0].len(), MAX_LINE + 1);
    }

    #[test]
    fn a_receiver_that_stops_ends_the_delivery() {
        struct Full;
        impl LineSink for Full {
            type Error = &'static str;
            fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Self::Error> {
                Ok(())
            }
            fn line(&mut self, _: &DeliveredLine<'_>) -> Result<(), Self::Error> {
                Err("full")
            }
        }
        let mut full = Full;
        let outcome = LineWriter::new(&mut full).line(&DeliveredLine::default());
        assert_eq!(outcome, Err("full"));
    }
}
