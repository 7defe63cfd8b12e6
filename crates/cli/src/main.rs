//! `flowlogs`: see [`flowlogs_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    flowlogs_cli::main()
}
