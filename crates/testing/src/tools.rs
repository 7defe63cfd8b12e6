//! Programs and libraries that a test needs and a machine may lack.

use std::path::PathBuf;

/// Returns whether a missing program or library fails its test: `FLOWLOGS_REQUIRE_TOOLS` is `1`.
pub fn is_required() -> bool {
    std::env::var_os("FLOWLOGS_REQUIRE_TOOLS").is_some_and(|value| value == "1")
}

/// Finds the library of nss_wrapper, which gives a process another hosts file; `None` if it is not installed.
///
/// # Panics
///
/// If the library is missing and required.
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
