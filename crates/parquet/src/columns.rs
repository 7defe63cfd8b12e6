//! Columns of a file: the header line with their names, and the text form of the values of each.

use flowlogs_core::LogFormat;
use flowlogs_core::flowlog::MAX_COLUMNS;
use flowlogs_core::flowlog::field::{ColumnType, Field};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::error::ParquetError;

/// Columns of a file.
#[derive(Debug)]
pub(crate) struct FileColumns {
    /// First line: a name for each column, in the file's order.
    pub(crate) header: Vec<u8>,
    /// Format of the header line.
    pub(crate) format: LogFormat,
    /// Number of columns.
    pub(crate) count: usize,
    /// Columns to read.
    pub(crate) read: Vec<ReadColumn>,
}

/// Column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadColumn {
    /// Index in the file, from 0.
    pub(crate) index: usize,
    /// Name in the file.
    pub(crate) name: String,
    pub(crate) form: TextForm,
}

/// Text form of stored values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    Signed,
    Unsigned,
    /// Time, with the number of units in a millisecond.
    Time {
        in_millisecond: i64,
    },
    /// Floating-point number or boolean.
    Other,
    Text,
}

impl FileColumns {
    /// Columns of a schema.
    ///
    /// A column is read if the transcoder uses the field of its name; every other column keeps its position. Names are
    /// compared without regard to case, which query engines change in files that they rewrite.
    pub(crate) fn of(schema: &SchemaDescriptor) -> Result<Self, ParquetError> {
        let count = schema.num_columns();
        if count > MAX_COLUMNS {
            return Err(ParquetError::TooManyColumns { columns: count });
        }
        let mut read: Vec<ReadColumn> = Vec::new();
        let mut header = Vec::new();
        let mut fields = Vec::new();
        for (index, column) in schema.columns().iter().enumerate() {
            let name = column.path().parts();
            let field = match name {
                [name] => Field::by_name(name.to_ascii_lowercase().as_bytes()),
                _ => None, // part of a structure
            };
            if index > 0 {
                header.push(b' ');
            }
            match field {
                // Of two columns of one field the first is read.
                Some(field) if !fields.contains(&field) => {
                    fields.push(field);
                    header.extend_from_slice(field.row().name.as_bytes());
                    if !matches!(field.row().column_type, ColumnType::Skip(_)) {
                        let name = name.concat();
                        let form =
                            TextForm::of(column).ok_or_else(|| ParquetError::ColumnType {
                                column: name.clone(),
                                found: described(column),
                            })?;
                        read.push(ReadColumn { index, name, form });
                    }
                }
                // A foreign name might contain a line end, or look like a field.
                _ => header.extend_from_slice(format!("column-{}", index + 1).as_bytes()),
            }
        }
        let Some(Ok(format)) = LogFormat::of_header(&header) else {
            let is_ocsf = |column: &ColumnDescriptor| column.path().parts() == ["class_uid"];
            let mut columns = schema.columns().iter();
            return Err(if columns.any(|column| is_ocsf(column)) {
                ParquetError::Ocsf
            } else {
                ParquetError::NoFlowLogColumn
            });
        };
        Ok(Self {
            header,
            format,
            count,
            read,
        })
    }
}

impl TextForm {
    fn of(column: &ColumnDescriptor) -> Option<Self> {
        if column.max_rep_level() > 0 {
            return None;
        }
        let is_decimal = column.converted_type() == ConvertedType::DECIMAL
            || matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)));
        if is_decimal && column.type_scale() != 0 {
            return None;
        }
        match column.physical_type() {
            Type::INT32 | Type::INT64 => Some(Self::of_integer(column)),
            Type::INT96 => Some(Self::Time { in_millisecond: 1 }),
            Type::BYTE_ARRAY if !is_decimal => Some(Self::Text),
            Type::FLOAT | Type::DOUBLE | Type::BOOLEAN => Some(Self::Other),
            Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => None,
        }
    }

    fn of_integer(column: &ColumnDescriptor) -> Self {
        let time = |in_millisecond| Self::Time { in_millisecond };
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(timestamp)), _) => match timestamp.unit {
                TimeUnit::MILLIS => time(1),
                TimeUnit::MICROS => time(1_000),
                TimeUnit::NANOS => time(1_000_000),
            },
            (_, ConvertedType::TIMESTAMP_MILLIS) => time(1),
            (_, ConvertedType::TIMESTAMP_MICROS) => time(1_000),
            (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Self::Unsigned,
            (
                _,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64,
            ) => Self::Unsigned,
            _ => Self::Signed,
        }
    }
}

/// Storage of a column, for an error.
pub(crate) fn described(column: &ColumnDescriptor) -> String {
    if column.max_rep_level() > 0 {
        return "a list".to_owned();
    }
    match column.converted_type() {
        ConvertedType::NONE => column.physical_type().to_string(),
        converted => format!("{} ({converted})", column.physical_type()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn columns(fields: &str) -> Result<FileColumns, ParquetError> {
        let message = parse_message_type(&format!("message log {{ {fields} }}")).expect("a schema");
        FileColumns::of(&SchemaDescriptor::new(Arc::new(message)))
    }

    #[test]
    fn names_make_the_header_and_what_is_not_used_is_not_read() {
        let columns = columns(
            "optional int32 version; optional binary SrcAddr (UTF8); required int64 bytes; optional binary new_field (UTF8);
             optional group nested { optional int64 packets; } optional int64 packets; optional int64 bytes;",
        );
        // A name that occurs twice cannot be written in a schema; the second `bytes` stands for a file that has it.
        let columns = columns.expect("flow-log columns");
        assert_eq!(
            String::from_utf8_lossy(&columns.header),
            "version srcaddr bytes column-4 column-5 packets column-7"
        );
        assert_eq!(columns.count, 7);
        let read: Vec<_> = columns
            .read
            .iter()
            .map(|column| (column.index, column.name.as_str()))
            .collect();
        assert_eq!(read, [(1, "SrcAddr"), (2, "bytes"), (5, "packets")]);
    }

    #[test]
    fn numbers_and_times_are_told_by_their_annotations() {
        let columns = columns(
            "optional int64 start (TIMESTAMP_MILLIS); optional int64 end (TIMESTAMP(NANOS,true)); \
             optional int32 srcport (UINT_32); optional int64 packets (INTEGER(64,false)); optional int64 bytes; \
             optional double dstport; optional int32 protocol (DECIMAL(9,0)); optional binary action;",
        )
        .expect("flow-log columns");
        let forms: Vec<_> = columns.read.iter().map(|column| column.form).collect();
        assert_eq!(
            forms,
            [
                TextForm::Time { in_millisecond: 1 },
                TextForm::Time {
                    in_millisecond: 1_000_000
                },
                TextForm::Unsigned,
                TextForm::Unsigned,
                TextForm::Signed,
                TextForm::Other,
                TextForm::Signed,
                TextForm::Text
            ]
        );
    }

    #[test]
    fn a_file_without_flow_log_columns_is_named_so() {
        for fields in [
            "optional int64 id; optional binary name (UTF8);",
            "optional int64 bytes;",
            "optional int32 version; optional binary type (UTF8);",
            "optional int64 start; optional binary action; optional binary log_status; optional int64 srcport;",
        ] {
            assert_eq!(
                columns(fields).expect_err(fields),
                ParquetError::NoFlowLogColumn
            );
        }
    }

    #[test]
    fn the_schema_of_security_lake_is_named_and_never_no_traffic() {
        let ocsf = "optional int32 class_uid; optional int64 time; optional binary action (UTF8); optional binary region (UTF8);
                    optional group src_endpoint { optional binary ip (UTF8); } optional group traffic { optional int64 bytes; }";
        assert_eq!(columns(ocsf).expect_err("OCSF"), ParquetError::Ocsf);
        let counters =
            "optional int32 class_uid; optional int64 packets_lost_no_route; optional int64 start;";
        assert!(columns(counters).is_ok(), "losses are a flow");
    }

    #[test]
    fn a_type_that_no_flow_log_has_is_named_with_its_column() {
        for (fields, found) in [
            ("repeated int64 bytes; optional int64 packets;", "a list"),
            (
                "optional int64 bytes (DECIMAL(12,2)); optional int64 packets;",
                "INT64 (DECIMAL)",
            ),
            (
                "optional fixed_len_byte_array(16) bytes; optional int64 packets;",
                "FIXED_LEN_BYTE_ARRAY",
            ),
        ] {
            let expected = ParquetError::ColumnType {
                column: "bytes".into(),
                found: found.into(),
            };
            assert_eq!(columns(fields).expect_err(fields), expected);
        }
    }

    #[test]
    fn more_columns_than_a_format_may_have_are_refused() {
        let fields: String = (0..2_000)
            .map(|n| format!("optional int64 c{n};"))
            .collect();
        assert_eq!(
            columns(&fields).expect_err("too many"),
            ParquetError::TooManyColumns { columns: 2_000 }
        );
    }
}
