//! IPFIX File (RFC 5655): the messages of a transport session back to back.
//!
//! Responsible for the file ending with a whole message, also when the disk is full.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::error::SendProblem;

/// Most octets gathered before a write.
const BUFFER: usize = 64 * 1024;

pub(crate) struct FileSession {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    written: u64,
}

impl FileSession {
    /// Creates the file, or empties an existing file.
    pub(crate) fn open(path: &Path) -> Result<Self, SendProblem> {
        let file = File::create(path).map_err(|error| problem(path, &error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
        })
    }

    /// Appends a message to the buffer, written when the next message does not fit.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), SendProblem> {
        if self.buffer.len() + message.len() > BUFFER {
            self.finish()?;
        }
        self.buffer.extend_from_slice(message);
        Ok(())
    }

    /// Writes the buffer.
    pub(crate) fn finish(&mut self) -> Result<(), SendProblem> {
        let result = self.file.write_all(&self.buffer);
        let octets = self.buffer.len() as u64;
        self.buffer.clear();
        if let Err(error) = result {
            // Best effort, and impossible for a pipe: cuts the part of a message that still fitted.
            let _ = self.file.set_len(self.written);
            return Err(problem(&self.path, &error));
        }
        self.written += octets;
        Ok(())
    }
}

fn problem(path: &Path, error: &io::Error) -> SendProblem {
    SendProblem::File {
        path: path.display().to_string(),
        reason: match error.kind() {
            io::ErrorKind::NotFound => "no such directory; create the directory first".to_owned(),
            _ => error.to_string(),
        },
    }
}
