//! Survey of a payload before any line is exported: ids without a name, and lines that fit no format.
//!
//! A line that fits no format may be of a format younger than the knowledge of formats. The payload of such a line is not
//! sent at all: the payload comes again until EC2 was asked after the line was written. The caller asks; this file finds the
//! line.

use std::collections::HashSet;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};

use flowlogs_core::{SourceCache, SourceOrigin, Transcoder};
use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Payload};

use crate::log::one_line;
use crate::transcode_sink::{log_line, turn_to};

/// Largest age of a line that may be of an unknown format, in milliseconds; an older line without a fitting format is
/// unparsed in any case.
const GIVEN_UP_AFTER: u64 = 30 * 60_000;

/// Most log streams in the memory of surveyed streams; one more clears the memory.
const MAX_STREAMS: usize = 10_000;

/// Most octets of a line that the log shows.
const SAMPLE: usize = 200;

/// Purpose of a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SurveyScope {
    /// Every id is noted that the inventory does not know.
    pub(crate) names: bool,
    /// Time in milliseconds since 1970, from [`formats_unknown_after`]: newer lines may be of an unknown format.
    pub(crate) formats_unknown_after: Option<u64>,
}

/// Returns the time after which a line may be of an unknown format; `None` if every line is older.
///
/// `as_of` is the time of the last answered question for formats, and `received` the time of the payload, both in
/// milliseconds since 1970. No line is younger than the payload, even if the timestamp says so.
pub(crate) fn formats_unknown_after(as_of: Option<u64>, received: u64) -> Option<u64> {
    let given_up = received.saturating_sub(GIVEN_UP_AFTER);
    let known = as_of.map_or(given_up, |as_of| as_of.max(given_up));
    (known < received).then_some(known)
}

/// Shows the lines of a payload to the transcoder. Returns the first line without a fitting format that may be of an unknown
/// format.
pub(crate) fn survey(
    payload: &Payload<'_>,
    scope: SurveyScope,
    default: SourceOrigin<'_>,
    sources: &mut SourceCache,
    transcoder: &mut Transcoder,
) -> Option<String> {
    let formats_unknown_after = scope
        .formats_unknown_after
        .filter(|&time| payload.newest_timestamp() > Some(time));
    if !scope.names && formats_unknown_after.is_none() {
        return None;
    }
    let mut survey = PayloadSurvey {
        transcoder,
        sources,
        default,
        scope: SurveyScope {
            formats_unknown_after,
            ..scope
        },
        unknown: None,
    };
    let Ok(()) = payload.hand_on(&mut survey);
    survey.unknown
}

/// Memory of the log streams whose lines were surveyed for names.
#[derive(Debug, Default)]
pub(crate) struct SurveyedStreams {
    /// Hashes of log group and stream.
    streams: HashSet<u64>,
    hasher: RandomState,
}

impl SurveyedStreams {
    /// Remembers a log stream; returns `true` if the stream was not remembered.
    pub(crate) fn insert(&mut self, origin: &LineOrigin<'_>) -> bool {
        let stream = self.hasher.hash_one((origin.log_group, origin.log_stream));
        if self.streams.contains(&stream) {
            return false;
        }
        if self.streams.len() >= MAX_STREAMS {
            self.streams.clear();
        }
        self.streams.insert(stream)
    }
}

/// Sink of a survey.
struct PayloadSurvey<'a> {
    transcoder: &'a mut Transcoder,
    sources: &'a mut SourceCache,
    default: SourceOrigin<'a>,
    scope: SurveyScope,
    /// Beginning of the first line without a fitting format that may be of an unknown format.
    unknown: Option<String>,
}

impl LineSink for PayloadSurvey<'_> {
    type Error = Infallible;

    fn origin(&mut self, origin: &LineOrigin<'_>) -> Result<(), Infallible> {
        turn_to(self.sources, origin, &self.default, self.transcoder);
        Ok(())
    }

    fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
        let SurveyScope {
            names,
            formats_unknown_after,
        } = self.scope;
        let is_young = formats_unknown_after.is_some_and(|time| line.timestamp > Some(time));
        if !(names || is_young) {
            return Ok(());
        }
        let fits = (self.transcoder).survey(self.sources.current(), log_line(line));
        if is_young && !fits {
            let begin = &line.text[..line.text.len().min(SAMPLE)];
            (self.unknown).get_or_insert_with(|| one_line(&String::from_utf8_lossy(begin)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_of_an_unknown_format_until_it_is_known_to_be_older_or_half_an_hour_old() {
        let received = 1_795_000_000_000;
        let given_up = received - 1_800_000;
        for (as_of, gap) in [
            (None, Some(given_up)),
            (Some(0), Some(given_up)),
            (Some(received - 60_000), Some(received - 60_000)),
            (Some(received), None),
            (Some(received + 1), None),
        ] {
            assert_eq!(formats_unknown_after(as_of, received), gap, "{as_of:?}");
        }
        assert_eq!(formats_unknown_after(None, 0), None);
    }

    #[test]
    fn surveyed_streams_are_bounded_in_number() {
        let mut surveyed = SurveyedStreams::default();
        for number in 0..MAX_STREAMS + 10 {
            let name = number.to_string();
            let origin = LineOrigin {
                log_stream: Some(&name),
                ..LineOrigin::default()
            };
            assert!(surveyed.insert(&origin));
            assert!(!surveyed.insert(&origin));
            assert!(surveyed.streams.len() <= MAX_STREAMS);
        }
        assert_eq!(surveyed.streams.len(), 10);
    }
}
