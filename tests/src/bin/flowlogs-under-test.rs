//! `flowlogs`, built with the tests so that tests never meet an older program; like `crates/cli/src/main.rs`.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowlogs_cli::main()
}
