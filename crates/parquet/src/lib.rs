//! Parquet flow-log objects.
