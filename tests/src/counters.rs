//! Names of counters, written without the transcoder's table.

/// Outcomes: each received record counts in exactly one.
pub const OUTCOMES: [&str; 10] = [
    "FlowsExported",
    "NoData",
    "SkippedWindows",
    "UnparsedRecords",
    "DuplicateDeliveries",
    "DuplicateRecords",
    "DuplicateTransitGateway",
    "DuplicateBothEnds",
    "FilteredByDirection",
    "ExcludedCollectorTraffic",
];
