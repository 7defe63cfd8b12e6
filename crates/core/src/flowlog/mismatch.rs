//! Reason why a line fits no format, in the most helpful words: the fault of a column, or the nearest number of columns.

use super::field::FIELDS;
use super::formats::Formats;
use super::words::{ParseError, ParseProblem};

/// Reason why a line fits none of several formats.
///
/// ```
/// use flowlogs_core::Formats;
/// use flowlogs_core::flowlog::{LineMismatch, RecordValues};
///
/// let line = b"5 123456789012 eni-1 10.0.0.1 10.0.0.2 49152 443 6 10 8400 1732850000 1732850060 ACCEPT OK vpc-1 subnet-1";
/// let mut formats = Formats::defaults();
/// let error = formats.parse(line, &mut RecordValues::default()).expect_err("16 columns");
/// let mismatch = LineMismatch::of(line, &formats, error);
/// assert_eq!(mismatch.to_string(), "16 columns; the nearest known format is that of version 2, with 14 columns");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineMismatch {
    /// Columns of the line.
    pub line_columns: usize,
    /// Columns of the only format, if the line has another number of columns and no header line is in effect.
    pub format_columns: Option<usize>,
    /// Error of the first format with as many columns as the line, if any; else the error of [`Formats::parse`].
    pub error: ParseError,
    /// Format with the nearest number of columns, if there are several formats, none with as many columns as the line,
    /// no header line is in effect, and the line is not too long.
    pub nearest: Option<NearestFormat>,
}

/// Format whose number of columns is nearest to the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearestFormat {
    /// Columns of the format.
    pub columns: usize,
    /// Version of VPC flow logs whose fields are the columns; `None` for a format of a flow log or of the setting.
    pub version: Option<u8>,
}

impl LineMismatch {
    /// Mismatch of a line and all of `formats`; `error` is the result of [`Formats::parse`].
    pub fn of(line: &[u8], formats: &Formats, error: ParseError) -> Self {
        let mismatch = Self::of_column(line, error);
        // The error names the header's format already, or the line is too long for every format.
        if formats.has_header() || error.problem == ParseProblem::LineTooLong {
            return mismatch;
        }
        let columns = mismatch.line_columns;
        let mut candidates = formats.candidates();
        if let (Some(format), None) = (candidates.next(), candidates.next()) {
            let wanted = format.names().len();
            return Self {
                format_columns: (wanted != columns).then_some(wanted),
                ..mismatch
            };
        }
        if (formats.candidates()).any(|format| format.names().len() == columns) {
            let error = formats.fault(line, columns).unwrap_or(error);
            return Self { error, ..mismatch };
        }
        Self {
            nearest: NearestFormat::of(columns, formats),
            ..mismatch
        }
    }

    /// Mismatch of a line and a column of a format.
    pub(crate) fn of_column(line: &[u8], error: ParseError) -> Self {
        let tokens = line.split(u8::is_ascii_whitespace);
        Self {
            line_columns: tokens.filter(|token| !token.is_empty()).count(),
            format_columns: None,
            error,
            nearest: None,
        }
    }
}

impl NearestFormat {
    /// Nearest among the candidates and the versions of VPC flow logs.
    fn of(line_columns: usize, formats: &Formats) -> Option<Self> {
        let candidates = formats
            .candidates()
            .map(|format| (format.names().len(), None));
        let since = || FIELDS.iter().filter_map(|field| field.vpc);
        let versions = (2..=since().max()?).map(|version| {
            let columns = since().filter(|since| *since <= version).count();
            (columns, Some(version))
        });
        // Between two at equal distance, a version says more.
        let (columns, version) = versions
            .chain(candidates)
            .min_by_key(|(columns, _)| columns.abs_diff(line_columns))?;
        Some(Self { columns, version })
    }
}

impl std::fmt::Display for LineMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(nearest) = &self.nearest else {
            return self.error.fmt(f);
        };
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (found, columns) = (self.line_columns, nearest.columns);
        write!(
            f,
            "{found} column{}; the nearest known format ",
            plural(found)
        )?;
        match nearest.version {
            Some(version) => write!(f, "is that of version {version}, with")?,
            None => f.write_str("has")?,
        }
        write!(f, " {columns} column{}", plural(columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::RecordValues;

    fn mismatch(setting: Option<&str>, header: Option<&str>, line: &str) -> String {
        let mut formats = match setting {
            Some(setting) => Formats::of_setting(setting).expect("formats of the test"),
            None => Formats::defaults(),
        };
        if let Some(header) = header {
            formats.read_header(header.as_bytes());
        }
        let mut values = RecordValues::default();
        let error = formats
            .parse(line.as_bytes(), &mut values)
            .expect_err("fits no format");
        LineMismatch::of(line.as_bytes(), &formats, error).to_string()
    }

    #[test]
    fn the_nearest_format_is_a_version_or_a_candidate() {
        let columns = |count: usize| vec!["x"; count].join(" ");
        let nearest = |count| mismatch(None, None, &columns(count));
        assert_eq!(
            nearest(24),
            "24 columns; the nearest known format is that of version 4, with 25 columns"
        );
        assert_eq!(
            nearest(28),
            "28 columns; the nearest known format is that of version 5, with 29 columns"
        );
        assert_eq!(
            nearest(1),
            "1 column; the nearest known format is that of version 2, with 14 columns"
        );
        let known = mismatch(
            Some("srcaddr bytes; srcaddr dstaddr bytes"),
            None,
            "x  x x x",
        );
        assert_eq!(known, "4 columns; the nearest known format has 3 columns");
    }

    #[test]
    fn the_fault_of_a_format_with_as_many_columns_goes_first() {
        let setting = Some("srcaddr dstaddr bytes; srcaddr bytes");
        let fault = mismatch(setting, None, "10.0.0.1 many");
        assert_eq!(fault, "column 2 (bytes): not a number");
    }

    #[test]
    fn a_header_or_a_single_format_is_named_by_its_error() {
        let header = mismatch(None, Some("srcaddr dstaddr bytes"), "10.0.0.1 10.0.0.2");
        assert!(header.ends_with("the format has 3 columns"), "{header}");
        let single = mismatch(Some("srcaddr bytes"), None, "10.0.0.1 5 6");
        assert!(single.ends_with("the format has 2"), "{single}");
        let format_columns = |line: &str| {
            let mut formats = Formats::of_setting("srcaddr bytes").expect("a format");
            let mut values = RecordValues::default();
            let error = formats.parse(line.as_bytes(), &mut values);
            let error = error.expect_err("fits no format");
            LineMismatch::of(line.as_bytes(), &formats, error).format_columns
        };
        assert_eq!(format_columns("10.0.0.1 5 6"), Some(2));
        assert_eq!(format_columns("10.0.0.1 many"), None);
    }
}
