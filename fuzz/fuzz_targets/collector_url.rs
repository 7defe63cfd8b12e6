//! Collector URLs: an accepted URL is equal after printing and parsing, and has a destination; the error of a refused URL is
//! a single line and contains no password.
#![no_main]

// Included as a file: the rest of the crate, with TLS, need not be compiled.
#[path = "../../crates/export/src/url.rs"]
#[allow(dead_code)]
mod url;
use libfuzzer_sys::fuzz_target;
use url::{CollectorUrl, TargetKind};

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    match text.parse::<CollectorUrl>() {
        Ok(url) => {
            assert_eq!(url.to_string().parse().as_ref(), Ok(&url));
            match url.kind() {
                TargetKind::File => assert!(url.path().is_some()),
                _ => assert!(
                    url.host().is_some_and(|host| !host.is_empty()) && url.port() != Some(0)
                ),
            }
        }
        Err(error) => refused(&error),
    }
    match CollectorUrl::parse_list(text) {
        Ok(urls) => assert!(!urls.is_empty()),
        Err(error) => refused(&error),
    }
    // The text as part of a password.
    if !text.chars().any(char::is_control) {
        let secret = format!("udp://me:hunter2{text}@collector.example");
        let shown = secret
            .parse::<CollectorUrl>()
            .expect_err("IPFIX has no passwords")
            .to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
});

fn refused(error: &dyn std::fmt::Display) {
    assert_eq!(error.to_string().lines().count(), 1);
}
