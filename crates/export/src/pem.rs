//! PEM text from a setting or an option, where the value is either the text or the path of a file with the text.

use std::{fs, io};

/// Begin of every PEM block (RFC 7468 §2).
const BEGIN: &str = "-----BEGIN";

/// Returns the PEM text of a value: the value, or the content of the file named by the value.
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
