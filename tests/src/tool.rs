//! External programs of the tests. A test whose program is missing is skipped in a bare `cargo test`, and fails with
//! `FLOWLOGS_REQUIRE_TOOLS=1`.

use std::io::Write;
use std::path::PathBuf;

/// Finds the path of a program; `None`, with a line on standard error, if the program is not installed.
///
/// # Panics
///
/// If the program is missing and `FLOWLOGS_REQUIRE_TOOLS` is `1`.
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
        assert!(
            !is_required(),
            "{name} is not installed and FLOWLOGS_REQUIRE_TOOLS=1"
        );
        // Not `eprintln!`: the test harness hides its output when a test passes.
        let line = format!("skipped: {name} is not installed (scripts/test installs it)\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    found
}

/// Finds the library of nss_wrapper, which gives a process another hosts file; `None` if it is not installed.
///
/// # Panics
///
/// If the library is missing and `FLOWLOGS_REQUIRE_TOOLS` is `1`.
pub fn nss_wrapper() -> Option<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let path = format!("/usr/lib/{architecture}-linux-gnu/libnss_wrapper.so");
    let path = Some(PathBuf::from(path)).filter(|path| path.is_file());
    assert!(
        path.is_some() || !is_required(),
        "libnss_wrapper is not installed and FLOWLOGS_REQUIRE_TOOLS=1"
    );
    path
}

/// Returns whether a missing program fails its test.
fn is_required() -> bool {
    std::env::var_os("FLOWLOGS_REQUIRE_TOOLS").is_some_and(|value| value == "1")
}

/// Finds the library of libfaketime, which gives a process another clock; `None` if it is not installed.
///
/// # Panics
///
/// The panic of [`find`].
pub fn faketime() -> Option<PathBuf> {
    find("faketime")?;
    let library = format!(
        "/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1",
        std::env::consts::ARCH
    );
    Some(PathBuf::from(library))
}
