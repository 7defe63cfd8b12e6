//! PEM text from a setting or an option, where the value is either the text or the path of a file with the text; and PEM
//! text that somebody pasted where another value belongs.

use std::{
    fs::File,
    io::{self, Read},
};

/// Most octets of a file; the trust store of a system has some 250 kB.
const LARGEST: u64 = 1 << 20;

/// Begin of every PEM block (RFC 7468 §2).
const BEGIN: &str = "-----BEGIN";

/// Octets of Base64 in a row that make a text look like the body of a certificate or key; a line of PEM has 64.
const BASE64_RUN: usize = 48;

/// Returns whether a text has the begin of a PEM block.
pub fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Guesses whether a text is PEM text or a piece of PEM text, perhaps of a private key: no message may show the text.
pub fn may_be_pem(text: &str) -> bool {
    let is_base64 = |octet: u8| octet.is_ascii_alphanumeric() || b"+/=".contains(&octet);
    let mut run = 0;
    let has_long_run = text.bytes().any(|octet| {
        run = if is_base64(octet) { run + 1 } else { 0 };
        run >= BASE64_RUN
    });
    has_long_run || text.contains("-----") || text.contains("PRIVATE KEY")
}

/// Returns the PEM text of a value: the value, or the content of the file named by the value.
///
/// # Errors
///
/// The value is no PEM text, and no file of that path can be read.
pub fn pem_text(value: &str) -> io::Result<String> {
    if is_pem(value) {
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

    #[test]
    fn a_key_and_the_body_of_a_key_may_be_pem_and_no_other_value_is() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
        let whole = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----");
        for (text, is_begun) in [(whole.as_str(), true), (body, false), (&body[..48], false)] {
            assert_eq!((may_be_pem(text), is_pem(text)), (true, is_begun), "{text}");
        }
        for text in [
            "tls://collector.example.com:4740",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:collector-tls-AbCdEf",
            "${interface-id} ${srcaddr} ${dstaddr} ${bytes} ${start} ${end} ${action}",
            "s3://inventory-of-the-organization/of/us",
        ] {
            assert!(!may_be_pem(text), "{text}");
        }
    }
}
