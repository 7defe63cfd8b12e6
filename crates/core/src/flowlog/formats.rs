//! Candidate formats of a source of lines, and the choice among them, line by line.
//!
//! One log group can hold lines of several flow logs, interleaved in one stream, so a format is never a property of a
//! stream. A header line in the data wins over every candidate until the next object begins.

use super::columns::RecordValues;
use super::format::{FormatError, LogFormat};
use super::record::FlowRecord;
use super::words::ParseError;

/// Most candidates of a source; AWS allows 250 flow logs a resource, few of them differ in format.
pub const MAX_CANDIDATES: usize = 256;

/// Candidate formats of a source.
///
/// ```
/// use flowlogs_core::Formats;
/// use flowlogs_core::flowlog::{Field, RecordValues};
///
/// let mut formats = Formats::of_setting("${interface-id} ${srcaddr} ${bytes}; ${srcaddr} ${dstaddr}")?;
/// let mut values = RecordValues::default();
/// let record = formats.parse(b"10.0.0.1 10.0.0.2", &mut values).expect("fits the second");
/// assert_eq!(record.address(Field::DestinationAddress), Some("10.0.0.2".parse().unwrap()));
///
/// // A header line wins until the next object begins.
/// assert!(formats.take_header(b"srcaddr dstaddr bytes"));
/// assert!(formats.parse(b"10.0.0.1 10.0.0.2", &mut values).is_err());
/// # Ok::<_, flowlogs_core::flowlog::FormatError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Formats {
    candidates: Vec<CandidateFormat>,
    header: Option<LogFormat>,
    /// Index of the candidate that took the last line: the first that is tried for the next.
    last: usize,
    /// Candidates left out because there were more than [`MAX_CANDIDATES`].
    left_out: usize,
}

#[derive(Debug, Clone)]
struct CandidateFormat {
    format: LogFormat,
    /// True if another candidate has as many columns, so that parsing alone does not tell the two apart.
    has_rivals: bool,
}

impl Formats {
    /// Two formats that AWS uses when none is chosen.
    pub fn defaults() -> Self {
        Self::of_flow_logs([])
    }

    /// Formats of an explicit setting: format strings separated by `;`. Nothing is tried after them.
    ///
    /// # Errors
    ///
    /// The first format string that is no format.
    pub fn of_setting(text: &str) -> Result<Self, FormatError> {
        let parts = text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let formats = parts.map(LogFormat::parse).collect::<Result<Vec<_>, _>>()?;
        if formats.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut this = Self::empty();
        this.extend(formats, true);
        Ok(this)
    }

    /// Formats of the flow logs that deliver to the source, then the two defaults.
    pub fn of_flow_logs(formats: impl IntoIterator<Item = LogFormat>) -> Self {
        let mut this = Self::empty();
        this.extend(formats, true);
        let defaults = [LogFormat::VPC_DEFAULT, LogFormat::TRANSIT_GATEWAY_DEFAULT];
        this.extend(
            defaults
                .iter()
                .map(|text| LogFormat::parse(text).expect("a documented format")),
            false,
        );
        this
    }

    fn empty() -> Self {
        Self {
            candidates: Vec::new(),
            header: None,
            last: 0,
            left_out: 0,
        }
    }

    fn extend(&mut self, formats: impl IntoIterator<Item = LogFormat>, in_use: bool) {
        for format in formats {
            if self
                .candidates
                .iter()
                .any(|candidate| candidate.format == format)
            {
                continue;
            }
            // Room is kept for the two defaults.
            if in_use && self.candidates.len() >= MAX_CANDIDATES - 2 {
                self.left_out += 1;
                continue;
            }
            let columns = format.names().len();
            let rivals = self
                .candidates
                .iter_mut()
                .filter(|other| other.format.names().len() == columns);
            let has_rivals = rivals.map(|other| other.has_rivals = true).count() > 0;
            self.candidates.push(CandidateFormat { format, has_rivals });
        }
    }

    /// Number of formats that were left out because there were more than [`MAX_CANDIDATES`].
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Tells whether a header line of this object has set the format.
    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Candidates in the order in which they are tried, without the header.
    pub fn candidates(&self) -> impl Iterator<Item = &LogFormat> {
        self.candidates.iter().map(|candidate| &candidate.format)
    }

    /// Begins a new object or payload: an earlier header line no longer holds.
    pub fn begin_object(&mut self) {
        self.header = None;
    }

    /// Takes a header line. Returns false if the line is no header.
    #[inline]
    pub fn take_header(&mut self, line: &[u8]) -> bool {
        LogFormat::may_be_header(line) && self.take_names(line)
    }

    fn take_names(&mut self, line: &[u8]) -> bool {
        match LogFormat::of_header(line) {
            Some(format) => {
                self.header = Some(format);
                true
            }
            None => false,
        }
    }

    /// Parses a line by the format in effect: the header's, else the first candidate that fits, beginning with the candidate
    /// that took the previous line.
    ///
    /// Among formats with equally many columns, a format whose columns have their usual patterns (`eni-…`, `ACCEPT`) goes
    /// before a format by which the line can merely be parsed.
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
    #[inline(always)] // called in one place, for every record
    pub(crate) fn read(
        &mut self,
        line: &[u8],
        values: &mut RecordValues,
    ) -> Result<(), ParseError> {
        let alone = self.header.is_some() || !self.candidates[self.last].has_rivals;
        if !alone {
            self.choose(line, values);
        }
        let mut read = values.read(self.format().plan(), line);
        if alone && read.is_err() && self.header.is_none() {
            self.choose(line, values);
            read = values.read(self.format().plan(), line);
        }
        read
    }

    /// Record of the line that was [read](Self::read) last.
    #[inline(always)] // it is used at once, and would be copied in parts
    pub(crate) fn record<'a>(&'a self, line: &'a [u8], values: &'a RecordValues) -> FlowRecord<'a> {
        FlowRecord::of(self.format(), line, values)
    }

    /// Format in effect.
    fn format(&self) -> &LogFormat {
        self.header
            .as_ref()
            .unwrap_or(&self.candidates[self.last].format)
    }

    /// Chooses the candidate for this line, if one fits.
    fn choose(&mut self, line: &[u8], values: &mut RecordValues) {
        let (last, count) = (self.last, self.candidates.len());
        let order = || std::iter::once(last).chain((0..count).filter(move |&index| index != last));
        let format = |index: usize| &self.candidates[index].format;
        let (spaced, tokens) = values.tokens(line);
        let resembling = order().find(|&index| format(index).resembles(spaced, tokens));
        let found = resembling
            .or_else(|| order().find(|&index| values.read(format(index).plan(), line).is_ok()));
        let Some(found) = found else { return };
        self.last = found;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::Field;

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
        let mut formats = formats(&[
            "${interface-id} ${vpc-id} ${bytes}",
            "${vpc-id} ${interface-id} ${bytes}",
        ]);
        let mut values = RecordValues::default();
        let mut interface = |line: &'static str| {
            formats
                .parse(line.as_bytes(), &mut values)
                .expect("fits both")
                .interface()
                .map(<[u8]>::to_vec)
        };
        assert_eq!(interface("vpc-1 eni-1 7").as_deref(), Some(&b"eni-1"[..]));
        assert_eq!(interface("eni-2 vpc-2 7").as_deref(), Some(&b"eni-2"[..]));
        assert_eq!(interface("vpc-3 eni-3 7").as_deref(), Some(&b"eni-3"[..]));
    }

    #[test]
    fn a_header_holds_until_the_next_object() {
        let mut formats = Formats::defaults();
        assert!(formats.take_header(b"bytes srcaddr"));
        assert_eq!(bytes_of(&mut formats, "7 10.0.0.1"), Some(7));
        assert!(
            formats.take_header(b"srcaddr bytes"),
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
}
