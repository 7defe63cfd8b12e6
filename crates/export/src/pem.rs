//! PEM text from a setting or an option, where the value is either the text or the path of a file with the text.

use std::{
    fs::File,
    io::{self, Read},
};

/// Most octets of a file; the trust store of a system has some 250 kB.
const LARGEST: u64 = 1 << 20;

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
    let mut text = String::new();
    File::open(value)?
        .take(LARGEST + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|octets| octets > LARGEST) {
        return Err(io::Error::other(format!(
            "a file of more than {LARGEST} octets, which is no PEM text"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_no_pem_text() {
        let error = pem_text("/dev/zero").expect_err("no end");
        assert!(error.to_string().contains("no PEM text"), "{error}");
    }
}
