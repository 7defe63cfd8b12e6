//! Round trips through independent decoders: each decoded value must equal the value in the line.
//!
//! The lines are random, a naive reference ([`naive`]) computes the meaning, two libraries decode the messages, and a plain
//! reader ([`flowlogs_testing::wire`]) checks the shape of the messages.

mod balance;
mod bookkeeping;
mod harness;
mod libraries;
mod lines;
mod naive;
mod round_trip;
mod sessions;
mod value;

use std::convert::Infallible;

use flowlogs_core::{LogLine, MessageKind, RecordSource, SendOutcome, Transcoder};

/// Finished messages, by session.
type Messages = Vec<(usize, Vec<u8>)>;

/// Feeds lines into a transcoder, without a flush.
fn feed<'a>(
    transcoder: &mut Transcoder,
    source: &mut RecordSource,
    lines: impl IntoIterator<Item = LogLine<'a>>,
    messages: &mut Messages,
) {
    let mut sink = keep(messages);
    for line in lines {
        let Ok(()) = transcoder.line(source, line, &mut sink);
    }
}

/// Flushes a transcoder.
fn flush(transcoder: &mut Transcoder, messages: &mut Messages) {
    let Ok(()) = transcoder.flush(&mut keep(messages));
}

fn keep(
    messages: &mut Messages,
) -> impl FnMut(usize, MessageKind, &[u8]) -> Result<SendOutcome, Infallible> {
    |session, _, message| {
        messages.push((session, message.to_vec()));
        Ok(SendOutcome::Sent)
    }
}
