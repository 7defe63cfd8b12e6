//! The function's log: lines on standard output, from the level of Lambda's advanced logging controls on, as JSON.

use std::env;
use std::fmt::Display;

use tracing::level_filters::LevelFilter;

/// Most characters of a foreign text that a line of the log holds.
const LONGEST_TEXT: usize = 300;

/// Begins the log: from `AWS_LAMBDA_LOG_LEVEL` on, else `RUST_LOG`, else INFO.
///
/// Always as JSON, whatever `AWS_LAMBDA_LOG_FORMAT` says: JSON escapes line ends, so that no foreign text (the name of a
/// bucket, the body of a message) begins a line that CloudWatch could take for metrics.
pub(crate) fn begin() {
    let variable = |name: &str| env::var(name).ok();
    let level = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG"));
    tracing_subscriber::fmt()
        .with_max_level(level_filter(level.as_deref()))
        .with_target(false)
        .without_time()
        .json()
        .init();
}

/// Parses a level; INFO for anything unknown.
fn level_filter(level: Option<&str>) -> LevelFilter {
    let named = level.filter(|level| !level.is_empty()); // would be read as ERROR
    let known = named.and_then(|level| level.parse().ok());
    known.unwrap_or(LevelFilter::INFO)
}

/// Foreign text as a single line of bounded length: spaces for line ends, escapes for control characters.
pub(crate) fn one_line(text: &impl Display) -> String {
    let text = text.to_string();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        for character in word.chars() {
            if character.is_control() || is_invisible(character) {
                line.extend(character.escape_unicode());
            } else {
                line.push(character);
            }
        }
    }
    match line.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => line[..end].to_owned(),
        None => line,
    }
}

/// Returns true for line separators, bidirectional overrides and zero-width characters: these make a text look like
/// another.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Log of a test, as JSON lines.
#[cfg(test)]
pub(crate) mod captured {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::DefaultGuard;

    /// Log of the thread that began it, until the guard is dropped.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl CapturedLog {
        pub(crate) fn begin() -> (Self, DefaultGuard) {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .json()
                .with_writer(move || writer.clone())
                .finish();
            (log, tracing::subscriber::set_default(subscriber))
        }

        /// Takes the lines so far.
        pub(crate) fn take(&self) -> String {
            let mut octets = self.0.lock().expect("no panic while locked");
            String::from_utf8(std::mem::take(&mut *octets)).expect("JSON is UTF-8")
        }
    }

    impl io::Write for CapturedLog {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let mut log = self.0.lock().expect("no panic while locked");
            log.extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
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

    #[test]
    fn foreign_text_is_cut_to_one_line_without_control_characters() {
        let text = one_line(&format!("a\n b\t{}", "x".repeat(1_000)));
        assert!(text.starts_with("a b x") && text.len() == 300, "{text}");
        assert_eq!(one_line(&"a\u{1b}[2J\u{202e}b"), r"a\u{1b}[2J\u{202e}b");
    }
}
