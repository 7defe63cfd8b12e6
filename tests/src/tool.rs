//! External programs of the tests. A test whose program is missing is skipped in a bare `cargo test`, and fails with
//! `FLOWLOGS_REQUIRE_TOOLS=1`.

use std::io::Write;
use std::path::PathBuf;

use flowlogs_testing::tools::is_required;
pub use flowlogs_testing::tools::nss_wrapper;

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
        let line = format!("skipped: {name} is not installed (scripts/setup installs it)\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    found
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
