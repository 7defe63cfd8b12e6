//! Format strings and header lines: no text makes the parser panic, and the names of a format give the same format again.
#![no_main]

use flowlogs_core::{Formats, LogFormat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Some(Ok(format)) = LogFormat::of_header(octets) {
        assert_both_notations(&format);
    }
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    match LogFormat::parse(text) {
        Ok(format) => assert_both_notations(&format),
        Err(error) => assert!(!error.to_string().contains('\n') || text.contains('\n')),
    }
    if let Ok(formats) = Formats::of_setting(text) {
        assert!(formats.candidates().count() > 0);
        formats.candidates().for_each(assert_both_notations);
    }
});

/// Both notations of a format have equal meanings.
fn assert_both_notations(format: &LogFormat) {
    let names = format.names();
    let braces: Vec<String> = names.iter().map(|name| format!("${{{name}}}")).collect();
    assert_eq!(LogFormat::parse(&names.join(" ")).as_ref(), Ok(format));
    assert_eq!(LogFormat::parse(&braces.join(" ")).as_ref(), Ok(format));
}
