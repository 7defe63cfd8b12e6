//! PEM text from a setting or an option, where the value is either the text itself or the path of a file with it.

use std::{fs, io};

/// Begin of every PEM block (RFC 7468 §2).
const BEGIN: &str = "-----BEGIN";

/// Returns the PEM text of a value: the value itself, or the content of the file that the value names.
///
/// # Errors
///
/// The value is no PEM text, and no file of that path can be read.
pub fn pem_text(value: &str) -> io::Result<String> {
    if value.contains(BEGIN) {
        return Ok(value.to_owned());
    }
    fs::read_to_string(value)
}
