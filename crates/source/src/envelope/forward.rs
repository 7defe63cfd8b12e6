//! Reads a payload that looks exactly as CloudWatch Logs writes it, in one scan.
//!
//! ```json
//! {"messageType":"DATA_MESSAGE","owner":"…","logGroup":"…","logStream":"…","subscriptionFilters":["…"],
//!  "logEvents":[{"id":"…","timestamp":1763715600000,"message":"…"},…]}
//! ```
//!
//! Most of a payload is the same few octets between one message and the next, which a general reader of JSON looks at one by
//! one. Whatever is not as it always is (a space, an escape, another key, a fault) is not judged here: the scan gives
//! up and [`visit`](super::visit) reads the document from its beginning. Where the scan does not give up, both find the same.

use super::{Envelope, EventSpans, Span, UNESCAPED};

/// Fills an empty `envelope` from a whole document; whether the document is as expected. If not, the envelope is to be
/// cleared.
pub(super) fn fill(envelope: &mut Envelope, json: &[u8]) -> bool {
    debug_assert!(json.len() < UNESCAPED as usize);
    Scan { json, at: 0 }.document(envelope).is_some()
}

/// A position in a document. Every method reads on from there, or gives nothing where something is not as expected.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn document(&mut self, envelope: &mut Envelope) -> Option<()> {
        self.expect(b"{")?;
        loop {
            self.expect(b"\"")?;
            let key = self.text(Octets::Ascii)?;
            self.expect(b":")?;
            match self.octets(key) {
                b"messageType" => envelope.message_type = Some(self.quoted()?),
                b"owner" => envelope.owner = Some(self.quoted()?),
                b"logGroup" => envelope.log_group = Some(self.quoted()?),
                b"logStream" => envelope.log_stream = Some(self.quoted()?),
                b"policyLevel" => _ = self.quoted()?,
                b"subscriptionFilters" => self.filters()?,
                b"logEvents" if !envelope.has_log_events => {
                    envelope.has_log_events = true;
                    self.events(&mut envelope.events)?;
                }
                _ => return None,
            }
            match self.next()? {
                b',' => {}
                b'}' => return (self.at == self.json.len()).then_some(()),
                _ => return None,
            }
        }
    }

    fn filters(&mut self) -> Option<()> {
        self.expect(b"[")?;
        loop {
            self.quoted()?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn events(&mut self, events: &mut Vec<EventSpans>) -> Option<()> {
        self.expect(b"[")?;
        loop {
            self.expect(b"{\"id\":\"")?;
            let id = self.text(Octets::Ascii)?;
            self.expect(b",\"timestamp\":")?;
            let timestamp = Some(self.number()?);
            self.expect(b",\"message\":\"")?;
            let message = self.text(Octets::Any)?;
            events.push(EventSpans {
                id,
                timestamp,
                message,
            });
            self.expect(b"}")?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn quoted(&mut self) -> Option<Span> {
        self.expect(b"\"")?;
        self.text(Octets::Ascii)
    }

    /// The text up to the next quotation mark, behind which the position is then.
    #[inline]
    fn text(&mut self, octets: Octets) -> Option<Span> {
        let start = self.at;
        let length = plain(&self.json[start..], octets)?;
        self.at = start + length + 1;
        Some(Span {
            start: u32::try_from(start).ok()?,
            length: u32::try_from(length).ok()?,
        })
    }

    /// An integer without sign, fraction and exponent, and without leading zeros, which JSON does not have.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.json.get(self.at) {
            value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            self.at += 1;
        }
        (self.at > start && (self.json[start] != b'0' || self.at == start + 1)).then_some(value)
    }

    #[inline]
    fn expect(&mut self, octets: &[u8]) -> Option<()> {
        if !self.json.get(self.at..)?.starts_with(octets) {
            return None;
        }
        self.at += octets.len();
        Some(())
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let octet = self.json.get(self.at).copied();
        self.at += 1;
        octet
    }

    fn octets(&self, span: Span) -> &[u8] {
        &self.json[span.start as usize..][..span.length as usize]
    }
}

/// What a text may hold besides control characters and escapes, which it may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Octets {
    /// Anything: messages need not be UTF-8.
    Any,
    /// ASCII: texts that are, whatever they hold, UTF-8.
    Ascii,
}

/// Octets that are looked at together.
const BLOCK: usize = 32;

/// How many octets come before the quotation mark that ends a text, eight of them looked at together.
#[inline]
fn plain(rest: &[u8], allowed: Octets) -> Option<usize> {
    const fn repeat(octet: u8) -> u64 {
        u64::from_ne_bytes([octet; 8])
    }
    /// Marks places that are below `limit` (at most 128); of several marks only the lowest can be relied upon.
    const fn below(octets: u64, limit: u8) -> u64 {
        octets.wrapping_sub(repeat(limit)) & !octets
    }
    let mut at = 0;
    // Most of a message is plain: many octets at once are asked whether one of them is not.
    while let Some(block) = rest.get(at..at + BLOCK) {
        let ends = block.iter().fold(false, |ends, &octet| {
            ends | (octet == b'"')
                | (octet == b'\\')
                | (octet < 0x20)
                | (allowed == Octets::Ascii && octet >= 0x80)
        });
        if ends {
            break;
        }
        at += BLOCK;
    }
    loop {
        let octets = match rest.get(at..at + 8).map(<[u8; 8]>::try_from) {
            Some(Ok(octets)) => u64::from_le_bytes(octets),
            _ => return plain_at_the_end(&rest[at..], allowed).map(|length| at + length),
        };
        let quote = below(octets ^ repeat(b'"'), 1);
        let others = below(octets ^ repeat(b'\\'), 1) | below(octets, 0x20);
        let others = match allowed {
            Octets::Any => others,
            Octets::Ascii => others | octets,
        };
        let (quote, others) = (quote & repeat(0x80), others & repeat(0x80));
        if quote | others != 0 {
            let place = |marks: u64| marks.trailing_zeros();
            return (place(quote) < place(others)).then_some(at + place(quote) as usize / 8);
        }
        at += 8;
    }
}

/// The same for the last octets of a document, one by one.
fn plain_at_the_end(rest: &[u8], allowed: Octets) -> Option<usize> {
    let end = rest.iter().position(|&octet| {
        matches!(octet, b'"' | b'\\' | 0..0x20) || allowed == Octets::Ascii && octet >= 0x80
    })?;
    (rest[end] == b'"').then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::visit;
    use super::*;

    fn payload(events: &str) -> String {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"g","logStream":"s","subscriptionFilters":["f","h"],"logEvents":[{events}]}}"#
        )
    }

    fn event(id: &str, timestamp: &str, message: &str) -> String {
        format!(r#"{{"id":"{id}","timestamp":{timestamp},"message":"{message}"}}"#)
    }

    /// Whether the scan takes the document; if it does, the general reader must have found the same.
    fn scanned(json: &[u8]) -> bool {
        let mut envelope = Envelope::default();
        if !fill(&mut envelope, json) {
            return false;
        }
        let mut general = Envelope::default();
        assert!(
            visit::fill(&mut general, json).is_ok(),
            "the general reader refuses it"
        );
        general.base = envelope.base;
        assert_eq!(format!("{envelope:?}"), format!("{general:?}"));
        true
    }

    #[test]
    fn what_cloudwatch_logs_writes_is_scanned() {
        let long = "2 123456789012 eni-1 10.0.0.5 10.0.0.6 ".repeat(100);
        for message in ["2 - x", "", "é", "1234567", "12345678", "123456789", &long] {
            assert!(
                scanned(payload(&event("38", "1763715600000", message)).as_bytes()),
                "{message}"
            );
        }
        let two = [event("1", "0", "a"), event("", "5", "b")].join(",");
        assert!(scanned(payload(&two).as_bytes()));
        assert!(scanned(
            payload(&two)
                .replacen("{", r#"{"policyLevel":"ACCOUNT","#, 1)
                .as_bytes()
        ));
        assert!(scanned(
            b"{\"logEvents\":[{\"id\":\"1\",\"timestamp\":1,\"message\":\"\xff\"}]}"
        ));
    }

    #[test]
    fn whatever_is_not_as_it_always_is_is_left_to_the_general_reader() {
        let usual = payload(&event("1", "5", "2 a"));
        for (from, to) in [
            (r#""2 a""#, r#""2 \n a""#),
            (r#""2 a""#, "\"2 \n a\""),
            (r#""2 a""#, "\"2 a"),
            (r#":5,"#, ":05,"),
            (r#":5,"#, ":5.0,"),
            (r#":5,"#, ":-5,"),
            (r#":5,"#, ":99999999999999999999,"),
            (r#":5,"#, ": 5,"),
            (r#":5,"#, ":null,"),
            (
                r#""message":"2 a""#,
                r#""message":"2 a","extractedFields":{}"#,
            ),
            (r#""id":"1","#, ""),
            (r#""id":"1""#, r#""id":"é""#),
            ("owner", "other"),
            (
                r#"{"messageType""#,
                r#"{"logEvents":[{"id":"1","timestamp":1,"message":"x"}],"messageType""#,
            ),
            ("]}", "]} "),
            ("]}", "]"),
            ("]}", "]}}"),
            (r#"[{"id":"1","timestamp":5,"message":"2 a"}]"#, "[]"),
        ] {
            let changed = usual.replacen(from, to, 1);
            assert_ne!(changed, usual, "{to}");
            assert!(!scanned(changed.as_bytes()), "{changed}");
        }
    }

    #[test]
    fn the_end_of_a_text_is_found_wherever_it_is() {
        for before in 0..40 {
            for (end, found) in [
                ("\"", true),
                ("\\\"", false),
                ("\u{1}\"", false),
                ("", false),
            ] {
                for after in ["", "}", "}                    "] {
                    let text = format!("{}{end}{after}", "~".repeat(before));
                    assert_eq!(
                        plain(text.as_bytes(), Octets::Ascii),
                        found.then_some(before),
                        "{text:?}"
                    );
                }
            }
        }
        assert_eq!(plain("é\"".as_bytes(), Octets::Ascii), None);
        assert_eq!(plain("é\"".as_bytes(), Octets::Any), Some(2));
    }

    proptest! {
        /// One octet is written over, put in or taken out: either the scan gives up, or both readers agree.
        #[test]
        fn where_the_scan_does_not_give_up_both_readers_agree(
            message in "[ -~é\u{0}-\u{1f}]{0,30}",
            place: prop::sample::Index,
            octet in prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[],:0 x\n"[..])],
            change in 0..4,
        ) {
            let mut json = payload(&[event("12", "34", "56"), event("7", "8", &message)].join(",")).into_bytes();
            let place = place.index(json.len());
            match change {
                0 => json[place] = octet,
                1 => json.insert(place, octet),
                2 => _ = json.remove(place),
                _ => json.truncate(place),
            }
            scanned(&json);
        }
    }
}
