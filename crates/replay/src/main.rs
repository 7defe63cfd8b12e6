//! `flowlogs`: see [`flowlogs_replay`].

use std::process::ExitCode;

fn main() -> ExitCode {
    flowlogs_replay::main()
}
