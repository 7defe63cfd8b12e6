//! Reader of IPFIX files (RFC 5655): messages back to back.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use super::receive::{SessionId, read_message};
use super::{CollectRun, DecodeStop};
use crate::decode::DecodeError;
use crate::failure::CommandError;
use crate::text::shown_path;

/// Prints the flows of a file; the exit status is 1 if a part of the file cannot be decoded.
pub(super) fn read(collector: &mut CollectRun, path: &Path) -> Result<ExitCode, CommandError> {
    let failed =
        |error: io::Error| CommandError::failed(format_args!("{}: {error}", shown_path(path)));
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let session = SessionId::of_file(path);
    loop {
        if file.fill_buf().map_err(failed)?.is_empty() {
            break;
        }
        let message = match read_message(&mut file) {
            Ok(Some(message)) => message,
            Ok(None) => {
                collector.complain(&session, &DecodeError::NotIpfix.to_string());
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                collector.complain(&session, "the file ends within a message");
                break;
            }
            Err(error) => return Err(failed(error)),
        };
        match collector.message(&session, &message) {
            Ok(()) => {}
            Err(DecodeStop::Enough) => break,
            Err(DecodeStop::Undecodable(error)) => collector.complain(&session, &error.to_string()),
            Err(DecodeStop::Output(error)) => return Err(CommandError::output(&error)),
        }
    }
    collector
        .printer
        .finish()
        .map_err(|error| CommandError::output(&error))?;
    if collector.tally.messages == 0 {
        return Err(CommandError::failed(format_args!(
            "{}: no IPFIX message in it",
            shown_path(path)
        )));
    }
    Ok(ExitCode::from(u8::from(collector.tally.errors > 0)))
}
