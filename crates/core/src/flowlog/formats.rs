//! Candidate formats of a source of lines, and the choice of a candidate for each line.
//!
//! One log group can hold lines of several flow logs, interleaved in one stream, so a format is never a property of a
//! stream. A header line in the data wins over every candidate until the next object begins.

use super::columns::RecordValues;
use super::documented;
use super::format::{FormatError, LogFormat};
use super::record::FlowRecord;
use super::words::ParseError;

/// Most candidates of a source; AWS allows 250 flow logs a resource, few differ in format.
pub const MAX_CANDIDATES: usize = 256;

/// Most octets of the candidates of a source. A format of all fields has some 3,000.
const CANDIDATE_OCTETS: usize = 4 << 20;

/// Most unusable formats of flow logs whose errors are kept.
const MAX_UNUSABLE: usize = 16;

/// Candidate formats of a source.
///
/// ```
/// use flowlogs_core::Formats;
/// use flowlogs_core::flowlog::{Field, HeaderLine, RecordValues};
///
/// let mut formats = Formats::of_setting("${interface-id} ${srcaddr} ${bytes}; ${srcaddr} ${dstaddr}")?;
/// let mut values = RecordValues::default();
/// let record = formats.parse(b"10.0.0.1 10.0.0.2", &mut values).expect("fits the second");
/// assert_eq!(record.address(Field::DestinationAddress), Some("10.0.0.2".parse().unwrap()));
///
/// // A header line wins until the next object begins.
/// assert_eq!(formats.read_header(b"srcaddr dstaddr bytes"), HeaderLine::Taken);
/// assert!(formats.parse(b"10.0.0.1 10.0.0.2", &mut values).is_err());
/// # Ok::<_, flowlogs_core::flowlog::FormatError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Formats {
    candidates: Vec<CandidateFormat>,
    header: Option<LogFormat>,
    /// Format of the last header of an earlier object. A header with the same names takes this format again, so that
    /// the caches that belong to the format hold from object to object.
    earlier_header: Option<LogFormat>,
    /// True once a line of the object was parsed.
    has_records: bool,
    /// True after a header line without address and counter, until the next object begins.
    is_refused: bool,
    /// Index of the candidate that took the last line; tried first for the next line.
    last: usize,
    /// Candidates left out because there were more than [`MAX_CANDIDATES`] or [`CANDIDATE_OCTETS`].
    left_out: usize,
    unusable: Vec<FormatError>,
}

#[derive(Debug, Clone)]
struct CandidateFormat {
    format: LogFormat,
    /// True for a default named by no flow log and no setting: taken only for lines with the patterns of the default.
    is_assumed: bool,
    /// True if another candidate has as many columns: parsing alone does not tell the two apart.
    has_rivals: bool,
}

/// Result of looking for a header in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderLine {
    /// The line is no header.
    NoHeader,
    /// The line is a header. Its format holds for the following lines of the object.
    Taken,
    /// The line is a header without any address or counter, in front of all records, or follows such a header: the
    /// object is no flow log.
    NotAFlowLog,
}

impl CandidateFormat {
    fn read(&self, line: &[u8], values: &mut RecordValues) -> Result<(), ParseError> {
        values.read(self.format.plan(), line)?;
        if self.is_assumed {
            let (line, tokens) = values.read_tokens(line);
            documented::check_default(self.format.kind(), line, tokens)?;
        }
        Ok(())
    }
}

impl Formats {
    /// The two default formats of AWS. Lines need the patterns of a default.
    pub fn defaults() -> Self {
        Self::of_flow_logs([])
    }

    /// Formats of an explicit setting: format strings separated by `;`. No other format is tried.
    ///
    /// # Errors
    ///
    /// The error of the first format string that [`LogFormat::parse_setting`] refuses.
    pub fn of_setting(text: &str) -> Result<Self, FormatError> {
        let parts = text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let formats = parts
            .map(LogFormat::parse_setting)
            .collect::<Result<Vec<_>, _>>()?;
        if formats.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut this = Self::empty();
        formats
            .into_iter()
            .for_each(|format| this.add(format, false));
        Ok(this)
    }

    /// Formats of the flow logs that deliver to the destination of the source, then the two defaults.
    pub fn of_flow_logs(formats: impl IntoIterator<Item = LogFormat>) -> Self {
        let mut this = Self::empty();
        formats
            .into_iter()
            .for_each(|format| this.add(format, false));
        for text in [LogFormat::VPC_DEFAULT, LogFormat::TRANSIT_GATEWAY_DEFAULT] {
            this.add(LogFormat::parse(text).expect("a documented format"), true);
        }
        this
    }

    /// Like [`of_flow_logs`](Self::of_flow_logs), from format strings of EC2. Unusable strings
    /// are left out, with the errors in [`unusable`](Self::unusable).
    pub fn of_format_strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut unusable = Vec::new();
        let formats = texts.into_iter().filter_map(|text| {
            LogFormat::parse(text)
                .map_err(|error| {
                    if unusable.len() < MAX_UNUSABLE && !unusable.contains(&error) {
                        unusable.push(error);
                    }
                })
                .ok()
        });
        let mut this = Self::of_flow_logs(formats);
        this.unusable = unusable;
        this
    }

    fn empty() -> Self {
        Self {
            candidates: Vec::new(),
            header: None,
            earlier_header: None,
            has_records: false,
            is_refused: false,
            last: 0,
            left_out: 0,
            unusable: Vec::new(),
        }
    }

    fn add(&mut self, format: LogFormat, is_assumed: bool) {
        let mut others = self.candidates.iter();
        if others.any(|candidate| candidate.format == format) {
            return;
        }
        // Room is kept for the two defaults.
        let has_room = self.candidates.len() < MAX_CANDIDATES - 2
            && self.octets() + format.octets() <= CANDIDATE_OCTETS;
        if !is_assumed && !has_room {
            self.left_out += 1;
            return;
        }
        let columns = format.names().len();
        let rivals = self
            .candidates
            .iter_mut()
            .filter(|other| other.format.names().len() == columns);
        let has_rivals = rivals.map(|other| other.has_rivals = true).count() > 0;
        self.candidates.push(CandidateFormat {
            format,
            is_assumed,
            has_rivals,
        });
    }

    /// Octets that the candidates take in memory, about.
    pub fn octets(&self) -> usize {
        self.candidates().map(LogFormat::octets).sum()
    }

    /// Number of formats that were left out because there were more than [`MAX_CANDIDATES`], or more than 4 MiB of them.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Returns whether a header line of this object has set the format.
    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Errors of flow logs whose format is not usable, each once, the first few.
    pub fn unusable(&self) -> &[FormatError] {
        &self.unusable
    }

    /// Notes about unused formats, for a person.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let unusable = self.unusable.iter();
        let unusable =
            unusable.map(|error| format!("the format of a flow log is not usable: {error}"));
        let left_out = (self.left_out > 0).then(|| {
            format!(
                "{} formats of flow logs are left out, because there are too many; set the needed formats as the log format (LOG_FORMAT, --log-format)",
                self.left_out
            )
        });
        unusable.chain(left_out)
    }

    /// Candidates in order of insertion, without the header.
    pub fn candidates(&self) -> impl Iterator<Item = &LogFormat> {
        self.candidates.iter().map(|candidate| &candidate.format)
    }

    /// Begins a new object or payload: an earlier header line no longer holds.
    pub fn begin_object(&mut self) {
        self.earlier_header = self.header.take().or(self.earlier_header.take());
        self.has_records = false;
        self.is_refused = false;
    }

    /// Reads a header line, if the line is one. Events of CloudWatch Logs never come here (`RecordSource::read_header`).
    #[inline]
    pub fn read_header(&mut self, line: &[u8]) -> HeaderLine {
        match LogFormat::may_be_header(line) || self.is_refused {
            true => self.read_names(line),
            false => HeaderLine::NoHeader,
        }
    }

    fn read_names(&mut self, line: &[u8]) -> HeaderLine {
        if self.is_refused {
            return HeaderLine::NotAFlowLog;
        }
        match LogFormat::of_header(line) {
            Some(Ok(format)) => {
                let known = self.header.take().or(self.earlier_header.take());
                self.header = known.filter(|known| *known == format).or(Some(format));
                HeaderLine::Taken
            }
            Some(Err(_)) if !self.has_records && self.header.is_none() => {
                self.is_refused = true;
                HeaderLine::NotAFlowLog
            }
            Some(Err(_)) | None => HeaderLine::NoHeader,
        }
    }

    /// Parses a line by the format in effect: the header's, else the first candidate that fits, beginning with the candidate
    /// of the previous line.
    ///
    /// Among formats with equally many columns, a format whose columns have their usual patterns (`eni-…`, `ACCEPT`) goes
    /// before a format that merely parses the line.
    ///
    /// # Errors
    ///
    /// Fault of the line in the header's format, else in the format of the previous line.
    pub fn parse<'a>(
        &'a mut self,
        line: &'a [u8],
        values: &'a mut RecordValues,
    ) -> Result<FlowRecord<'a>, ParseError> {
        self.read(line, values)?;
        Ok(self.record(line, values))
    }

    /// Reads a line as [`parse`](Self::parse) does.
    #[inline(always)] // single caller, for every record
    pub(crate) fn read(
        &mut self,
        line: &[u8],
        values: &mut RecordValues,
    ) -> Result<(), ParseError> {
        if let Some(header) = &self.header {
            values.read(header.plan(), line)?;
        } else {
            let candidate = &self.candidates[self.last];
            if candidate.has_rivals || candidate.read(line, values).is_err() {
                self.choose(line, values)?;
            }
        }
        self.has_records = true;
        Ok(())
    }

    /// Record of the line [read](Self::read) last.
    #[inline(always)] // the record is used at once; a call would copy the record in parts
    pub(crate) fn record<'a>(&'a self, line: &'a [u8], values: &'a RecordValues) -> FlowRecord<'a> {
        FlowRecord::of(self.format(), line, values)
    }

    /// Format in effect.
    fn format(&self) -> &LogFormat {
        self.header
            .as_ref()
            .unwrap_or(&self.candidates[self.last].format)
    }

    /// Fault of a line in the first candidate that has this number of columns and does not fit the line.
    #[cold]
    pub(super) fn fault(&self, line: &[u8], columns: usize) -> Option<ParseError> {
        let mut values = RecordValues::default();
        self.candidates
            .iter()
            .filter(|candidate| candidate.format.names().len() == columns)
            .find_map(|candidate| candidate.read(line, &mut values).err())
    }

    /// Makes the first candidate current whose patterns the line has, else the first that parses the line, and reads the
    /// line by this candidate. The current candidate comes first.
    #[inline(never)]
    fn choose(&mut self, line: &[u8], values: &mut RecordValues) -> Result<(), ParseError> {
        let (last, count) = (self.last, self.candidates.len());
        let order = || std::iter::once(last).chain((0..count).filter(move |&index| index != last));
        let candidate = |index: usize| &self.candidates[index];
        let (spaced, tokens) = values.tokens(line);
        let resembles = |&index: &usize| {
            let CandidateFormat {
                format, is_assumed, ..
            } = candidate(index);
            format.resembles(spaced, tokens)
                && (!is_assumed || documented::check_default(format.kind(), spaced, tokens).is_ok())
        };
        let found = order()
            .find(resembles)
            .or_else(|| order().find(|&index| candidate(index).read(line, values).is_ok()));
        self.last = found.unwrap_or(last);
        self.candidates[self.last].read(line, values)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::flowlog::{Field, ParseProblem, RecordKind};

    fn formats(texts: &[&str]) -> Formats {
        Formats::of_flow_logs(
            texts
                .iter()
                .map(|text| LogFormat::parse(text).expect("format of the test")),
        )
    }

    fn bytes_of(formats: &mut Formats, line: &str) -> Option<u64> {
        let mut values = RecordValues::default();
        formats
            .parse(line.as_bytes(), &mut values)
            .ok()?
            .number(Field::Bytes)
    }

    #[test]
    fn each_line_is_taken_by_the_format_that_fits_it() {
        let mut formats = formats(&["${srcaddr} ${bytes}", "${bytes} ${dstaddr} ${protocol}"]);
        assert_eq!(bytes_of(&mut formats, "10.0.0.1 7"), Some(7));
        assert_eq!(bytes_of(&mut formats, "8 10.0.0.1 6"), Some(8));
        assert_eq!(bytes_of(&mut formats, "10.0.0.1 9"), Some(9));
        assert_eq!(bytes_of(&mut formats, "10.0.0.1"), None);
    }

    #[test]
    fn formats_with_equally_many_columns_are_told_by_what_the_columns_look_like() {
        let orders = "interface-id vpc-id bytes; vpc-id interface-id bytes";
        let mut formats = Formats::of_setting(orders).expect("two formats");
        let mut values = RecordValues::default();
        let mut interface = |line: &'static str| {
            formats
                .parse(line.as_bytes(), &mut values)
                .expect("fits both")
                .interface_id()
                .map(<[u8]>::to_vec)
        };
        assert_eq!(interface("vpc-1 eni-1 7").as_deref(), Some(&b"eni-1"[..]));
        assert_eq!(interface("eni-2 vpc-2 7").as_deref(), Some(&b"eni-2"[..]));
        assert_eq!(interface("vpc-3 eni-3 7").as_deref(), Some(&b"eni-3"[..]));
        assert_eq!(interface("eni-4  vpc-4 7").as_deref(), Some(&b"eni-4"[..]));
    }

    #[test]
    fn a_header_holds_until_the_next_object() {
        let mut formats = Formats::defaults();
        assert_eq!(formats.read_header(b"bytes srcaddr"), HeaderLine::Taken);
        assert_eq!(bytes_of(&mut formats, "7 10.0.0.1"), Some(7));
        assert_eq!(
            formats.read_header(b"srcaddr bytes"),
            HeaderLine::Taken,
            "headers may change in the middle"
        );
        assert_eq!(bytes_of(&mut formats, "10.0.0.1 8"), Some(8));
        formats.begin_object();
        assert_eq!(bytes_of(&mut formats, "10.0.0.1 8"), None);
    }

    #[test]
    fn an_explicit_setting_stands_alone() {
        let mut formats =
            Formats::of_setting("${bytes} ${srcaddr}; ${srcaddr} ${bytes};").expect("two formats");
        assert_eq!(formats.candidates().count(), 2);
        let default = "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
        assert_eq!(bytes_of(&mut formats, default), None);
        assert!(Formats::of_setting(" ; ").is_err());
    }

    #[test]
    fn too_many_candidates_are_left_out_and_counted() {
        let many = (1..=MAX_CANDIDATES)
            .map(|n| LogFormat::parse(&"${bytes} ".repeat(n)).expect("well formed"));
        let formats = Formats::of_flow_logs(many);
        assert_eq!(formats.candidates().count(), MAX_CANDIDATES);
        assert_eq!(formats.left_out(), 2);
    }

    #[test]
    fn candidates_are_bounded_in_octets_and_the_defaults_have_room() {
        let many = (0..200).map(|number| {
            let text = format!("${{bytes}} ${{x{number}{}}}", "y".repeat(60_000));
            LogFormat::parse(&text).expect("well formed")
        });
        let formats = Formats::of_flow_logs(many);
        assert!(
            formats.octets() <= CANDIDATE_OCTETS + 10_000,
            "{}",
            formats.octets()
        );
        assert_eq!(formats.candidates().count() + formats.left_out(), 202);
        assert!(formats.left_out() > 100, "{}", formats.left_out());
        assert!(formats.notes().any(|note| note.contains("left out")));
        let defaults = Formats::defaults();
        let mut last = formats.candidates().skip(formats.candidates().count() - 2);
        assert!(
            defaults
                .candidates()
                .all(|default| last.next() == Some(default))
        );
    }

    /// Returns the error of a line in the default formats that nobody named.
    fn default_error(line: &str) -> Option<ParseError> {
        let mut values = RecordValues::default();
        Formats::defaults()
            .parse(line.as_bytes(), &mut values)
            .err()
    }

    #[test]
    fn an_assumed_default_takes_only_lines_that_look_like_it() {
        let default =
            "2 1 eni-1 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
        let gateway = "6 TransitGateway 1 tgw-1 tgw-attach-1 1 1 vpc-1 vpc-2 subnet-1 subnet-2 eni-1 eni-2 az1 az2 \
            tgw-attach-2 10.0.0.1 10.0.0.2 1 2 6 3 120 1418530010 1418530070 OK IPv4 0 0 0 0 0 eu-central-1 ingress - -";
        for line in [default, gateway] {
            assert_eq!(default_error(line), None, "{line}");
        }
        for (line, from, to, column) in [
            (default, "2 1", "3 1", 1),
            (default, "eni-1", "vpc-1", 3),
            (default, "ACCEPT OK", "OK ACCEPT", 13),
            (default, "ACCEPT OK", "- SKIPDATA1", 14),
            (default, "ACCEPT OK", "ACCEPT -", 14),
            (gateway, "6 Trans", "2 Trans", 1),
            (gateway, "TransitGateway", "VPC", 2),
            (gateway, "tgw-1", "vgw-1", 4),
            (gateway, "OK IPv4", "IPv4 OK", 26),
        ] {
            let line = line.replacen(from, to, 1);
            assert!(default_error(&line).is_some(), "{line}");
            let kind = match line.contains("tgw-attach-1") {
                true => RecordKind::TransitGateway,
                false => RecordKind::Vpc,
            };
            let mut values = RecordValues::default();
            let (line, tokens) = values.tokens(line.as_bytes());
            let error = documented::check_default(kind, line, tokens).expect_err("unlike");
            assert_eq!(
                (error.column, error.problem),
                (Some(column), ParseProblem::NotTheDefault)
            );
        }
        let regional = default.replace("eni-1", "-").replace("ACCEPT", "-");
        assert_eq!(default_error(&regional), None, "{regional}");
    }

    #[test]
    fn a_named_default_takes_what_can_be_parsed() {
        let line = "3 1 vpc-1 10.0.0.1 10.0.0.2 1 2 6 3 4 1418530010 1418530070 OK ACCEPT";
        let mut named = formats(&[LogFormat::VPC_DEFAULT]);
        assert_eq!(bytes_of(&mut named, line), Some(4));
        let mut set = Formats::of_setting(LogFormat::VPC_DEFAULT).expect("documented");
        assert_eq!(bytes_of(&mut set, line), Some(4));
    }

    #[test]
    fn a_header_without_address_or_counter_refuses_the_object() {
        let mut formats = Formats::defaults();
        let header = b"time region action user";
        assert_eq!(formats.read_header(header), HeaderLine::NotAFlowLog);
        assert_eq!(formats.read_header(b"1 2 3 4"), HeaderLine::NotAFlowLog);
        formats.begin_object();
        assert_eq!(formats.read_header(b"1 2 3 4"), HeaderLine::NoHeader);
        let default =
            "2 1 eni-1 10.0.0.1 10.0.0.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
        assert_eq!(bytes_of(&mut formats, default), Some(4249));
        assert_eq!(
            formats.read_header(header),
            HeaderLine::NoHeader,
            "behind records it is an unparsed line"
        );
    }

    #[test]
    fn unusable_format_strings_are_refused_once_each() {
        let texts = [
            "${version}",
            "${bytes}",
            "${version} ${action}",
            "${srcaddr",
        ];
        let formats = Formats::of_format_strings(texts);
        assert_eq!(formats.candidates().count(), 3);
        assert_eq!(
            formats.unusable(),
            [FormatError::Unusable, FormatError::Unclosed { column: 1 }]
        );
        assert_eq!(formats.notes().count(), 2);
        assert_eq!(Formats::defaults().notes().count(), 0);
        let many = (0..2 * MAX_UNUSABLE).map(|count| "${bytes} ".repeat(count) + "${srcaddr");
        let many: Vec<String> = many.collect();
        let formats = Formats::of_format_strings(many.iter().map(String::as_str));
        assert_eq!(formats.unusable().len(), MAX_UNUSABLE);
    }

    #[test]
    fn a_header_as_in_an_earlier_object_takes_the_format_of_that_object() {
        let mut formats = Formats::defaults();
        let mut plan_of = |header: &[u8]| {
            formats.begin_object();
            assert_eq!(formats.read_header(header), HeaderLine::Taken);
            Arc::clone(formats.format().plan())
        };
        let first = plan_of(b"srcaddr dstaddr bytes");
        assert!(Arc::ptr_eq(&first, &plan_of(b"srcaddr dstaddr bytes")));
        let other = plan_of(b"dstaddr srcaddr bytes");
        assert!(!Arc::ptr_eq(&first, &other));
        formats.begin_object();
        assert!(!formats.has_header());
        assert_eq!(bytes_of(&mut formats, "10.0.0.1 10.0.0.2 7"), None);
    }
}
