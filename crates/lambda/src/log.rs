//! The function's log: lines on stdout, as much and in the form that Lambda's advanced logging controls say.

use std::env;

use tracing::level_filters::LevelFilter;

/// Begins the log: from `AWS_LAMBDA_LOG_LEVEL` on, else `RUST_LOG`, else INFO; as JSON if `AWS_LAMBDA_LOG_FORMAT` says so.
pub(crate) fn begin() {
    let variable = |name: &str| env::var(name).ok();
    let level = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG"));
    let lines = tracing_subscriber::fmt()
        .with_max_level(level_filter(level.as_deref()))
        .with_target(false)
        .without_time();
    let format = variable("AWS_LAMBDA_LOG_FORMAT");
    if format.is_some_and(|format| format.eq_ignore_ascii_case("json")) {
        lines.json().init();
    } else {
        lines.init();
    }
}

/// INFO for what is no level here.
fn level_filter(level: Option<&str>) -> LevelFilter {
    let named = level.filter(|level| !level.is_empty()); // which would be read as ERROR
    let known = named.and_then(|level| level.parse().ok());
    known.unwrap_or(LevelFilter::INFO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_as_lambda_writes_it() {
        for (level, filter) in [
            (None, LevelFilter::INFO),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("warn"), LevelFilter::WARN),
            (Some("FATAL"), LevelFilter::INFO),
            (Some(""), LevelFilter::INFO),
        ] {
            assert_eq!(level_filter(level), filter, "{level:?}");
        }
    }
}
