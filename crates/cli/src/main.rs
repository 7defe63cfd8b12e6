//! The program `flowlogs`; the library [`flowlogs_cli`] has everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowlogs_cli::main()
}
