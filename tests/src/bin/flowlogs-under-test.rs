//! `flowlogs`, built with the tests so that they never meet an older one: `crates/cli/src/main.rs` has the same line.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowlogs_cli::main()
}
