//! Entry point of the fuzz target `collect`, without sockets: messages from anybody, read, decoded and printed as the command
//! does.

use std::io::Cursor;
use std::path::Path;

use super::receive::{SessionId, read_message};
use super::{BUDGET, CollectRun, DecodeStop, SESSIONS};
use crate::cli::OutputKind;
use crate::outlet::FlowPrinter;

/// Reads messages until the octets are no message, and returns the number of flows with everything that was printed of
/// them. The highest octet of a message's sequence number names its session.
///
/// # Panics
///
/// If memory is not accounted for, which is a finding.
pub fn collect(octets: &[u8], is_json: bool) -> (u64, Vec<u8>) {
    let kind = if is_json {
        OutputKind::Json
    } else {
        OutputKind::Table
    };
    let mut run = CollectRun::new(FlowPrinter::into_memory(kind), u64::MAX);
    let mut stream = Cursor::new(octets);
    while let Ok(Some(message)) = read_message(&mut stream) {
        let session = SessionId::of_file(Path::new(&message[8].to_string()));
        match run.message(&session, &message) {
            Ok(()) | Err(DecodeStop::Undecodable(_)) => {}
            Err(DecodeStop::Enough | DecodeStop::Output(_)) => unreachable!("memory takes all"),
        }
        let weights = run.sessions.values().map(|(decoder, _)| decoder.weight());
        assert_eq!(run.weight, weights.sum::<usize>());
        assert!(run.weight <= BUDGET && run.sessions.len() <= SESSIONS);
    }
    (run.tally.flows, run.printer.into_text())
}
