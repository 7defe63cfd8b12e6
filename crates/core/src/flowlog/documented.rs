//! Formats documented by AWS: the two defaults, with patterns that their columns must have, and the column orders of each
//! version.

use super::field::{ColumnType, FIELDS, Field, TextPattern};
use super::format::{LogFormat, RecordKind, has_pattern};
use super::scan;
use super::tokens::TokenOffsets;
use super::words::{ACTIONS, ParseError, ParseProblem, STATUSES};

/// Condition on a column of a default format.
struct DefaultColumn {
    token: u16,
    field: Field,
    pattern: TextPattern,
    /// True if the column may be `-`.
    may_be_dash: bool,
}

const fn column(
    token: u16,
    field: Field,
    pattern: TextPattern,
    may_be_dash: bool,
) -> DefaultColumn {
    DefaultColumn {
        token,
        field,
        pattern,
        may_be_dash,
    }
}

/// Conditions on a line of [`LogFormat::VPC_DEFAULT`]. The interface of a regional NAT gateway is `-`.
static VPC_COLUMNS: [DefaultColumn; 4] = [
    column(0, Field::Version, TextPattern::Words(&["2"]), false),
    column(2, Field::InterfaceId, TextPattern::Prefix("eni-"), true),
    column(12, Field::Action, TextPattern::Words(&ACTIONS), true),
    column(13, Field::LogStatus, TextPattern::Words(&STATUSES), false),
];

/// Conditions on a line of [`LogFormat::TRANSIT_GATEWAY_DEFAULT`].
static GATEWAY_COLUMNS: [DefaultColumn; 4] = [
    column(0, Field::Version, TextPattern::Words(&["6"]), false),
    column(
        1,
        Field::ResourceType,
        TextPattern::Words(&["TransitGateway"]),
        false,
    ),
    column(3, Field::TgwId, TextPattern::Prefix("tgw-"), true),
    column(25, Field::LogStatus, TextPattern::Words(&STATUSES), false),
];

/// Checks that a line has the patterns of its default format, beyond being parsable: otherwise a line of 14 columns in
/// another order would become a wrong flow.
pub(super) fn check_default(
    kind: RecordKind,
    line: &[u8],
    tokens: &TokenOffsets,
) -> Result<(), ParseError> {
    let columns = match kind {
        RecordKind::Vpc => &VPC_COLUMNS,
        RecordKind::TransitGateway => &GATEWAY_COLUMNS,
    };
    for column in columns {
        let token = tokens.at(column.token);
        let fits = if scan::is_dash(line, token) {
            column.may_be_dash
        } else {
            has_pattern(line, token, ColumnType::Skip(column.pattern))
        };
        if !fits {
            return Err(ParseError {
                column: Some(usize::from(column.token) + 1),
                field: Some(column.field),
                problem: ParseProblem::NotTheDefault,
            });
        }
    }
    Ok(())
}

impl LogFormat {
    /// Format in an order documented by AWS, if the line has the pattern of each column: all fields up to a
    /// version (29 for version 5), in the order of the documentation, or in the alphabetical order of the console.
    ///
    /// Only a hint for a person, about a line that fits no known format: no line is parsed by this format.
    ///
    /// ```
    /// use flowlogs_core::LogFormat;
    ///
    /// let line = b"5 123456789012 eni-1 10.0.0.1 10.0.0.2 49152 443 6 10 8400 1732850000 1732850060 ACCEPT OK \
    ///     vpc-1 subnet-1 - 19 IPv4 10.0.0.1 10.0.0.2 eu-central-1 euc1-az2 - - - - egress 8";
    /// let format = LogFormat::documented(line).expect("all fields of version 5");
    /// assert!(format.to_string().ends_with("${flow-direction} ${traffic-path}"));
    /// ```
    pub fn documented(line: &[u8]) -> Option<Self> {
        let line = super::tokens::normalized(line);
        let mut tokens = TokenOffsets::default();
        tokens.find(&line);
        let last = FIELDS
            .iter()
            .filter_map(|row| row.vpc)
            .max()
            .expect("VPC fields have versions");
        let orders = (3..=last).flat_map(|version| {
            let fields = || {
                FIELDS
                    .iter()
                    .filter(move |row| row.vpc.is_some_and(|since| since <= version))
            };
            // Comparing columns is only worth while where there are as many.
            let has_as_many = fields().count() == tokens.count();
            let listed: Vec<&str> = fields()
                .filter(|_| has_as_many)
                .map(|row| row.name)
                .collect();
            let mut alphabetical = listed.clone();
            alphabetical.sort_unstable();
            [listed, alphabetical]
        });
        let orders = orders.filter(|names| !names.is_empty());
        let mut formats = orders.filter_map(|names| Self::parse(&names.join(" ")).ok());
        formats.find(|format| format.resembles(&line, &tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(format: &str, line: &str) -> Option<bool> {
        let found = LogFormat::documented(line.as_bytes())?;
        Some(found == LogFormat::parse(format).expect("format of the test"))
    }

    #[test]
    fn all_fields_of_version_5_are_recognised_in_both_documented_orders() {
        let listed = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
            ${packets} ${bytes} ${start} ${end} ${action} ${log-status} ${vpc-id} ${subnet-id} ${instance-id} ${tcp-flags} \
            ${type} ${pkt-srcaddr} ${pkt-dstaddr} ${region} ${az-id} ${sublocation-type} ${sublocation-id} \
            ${pkt-src-aws-service} ${pkt-dst-aws-service} ${flow-direction} ${traffic-path}";
        let line = "5 123456789012 eni-1 10.0.0.1 10.0.0.2 49152 443 6 10 8400 1732850000 1732850060 ACCEPT OK \
            vpc-1 subnet-1 - 19 IPv4 10.0.0.1 10.0.0.2 eu-central-1 euc1-az2 - - - - egress 8";
        assert_eq!(hint(listed, line), Some(true));
        let alphabetical = "${account-id} ${action} ${az-id} ${bytes} ${dstaddr} ${dstport} ${end} ${flow-direction} \
            ${instance-id} ${interface-id} ${log-status} ${packets} ${pkt-dst-aws-service} ${pkt-dstaddr} \
            ${pkt-src-aws-service} ${pkt-srcaddr} ${protocol} ${region} ${srcaddr} ${srcport} ${start} ${sublocation-id} \
            ${sublocation-type} ${subnet-id} ${tcp-flags} ${traffic-path} ${type} ${version} ${vpc-id}";
        let line = "123456789012 ACCEPT euc1-az2 8400 10.0.0.2 443 1732850060 egress - eni-1 OK 10 - 10.0.0.2 - 10.0.0.1 \
            6 eu-central-1 10.0.0.1 49152 1732850000 - - subnet-1 19 8 IPv4 5 vpc-1";
        assert_eq!(hint(alphabetical, line), Some(true));
    }

    #[test]
    fn lines_of_other_columns_have_no_hint() {
        for line in ["", "what is this", &"x ".repeat(29), &"5 ".repeat(2_000)] {
            assert_eq!(LogFormat::documented(line.as_bytes()), None, "{line}");
        }
    }
}
