//! Programs that the tests need and that may be missing: skipped in a bare `cargo test`, a failure where
//! `FLOWLOGS_REQUIRE_TOOLS=1` says that everything is installed.

use std::io::Write;
use std::path::PathBuf;

/// The program's path; nothing when it is not installed, which is said on standard error.
///
/// # Panics
///
/// If it is missing and `FLOWLOGS_REQUIRE_TOOLS` is `1`.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps daemons where users do not look, and `scripts/setup` keeps its own programs in the repository.
    let more = [
        concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin"),
        "/usr/sbin",
        "/sbin",
    ];
    let found = std::env::split_paths(&path)
        .chain(more.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var_os("FLOWLOGS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "{name} is not installed and FLOWLOGS_REQUIRE_TOOLS=1"
        );
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let line = format!("skipped: {name} is not installed (scripts/test installs it)\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    found
}
