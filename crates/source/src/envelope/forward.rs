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

use wide::{i8x32, u8x32};

use super::{EventSpans, JsonEnvelope, Span, UNESCAPED};

/// Fills an empty `envelope` from a whole document; whether the document is as expected. If not, the envelope is to be
/// cleared.
pub(super) fn fill(envelope: &mut JsonEnvelope, json: &[u8]) -> bool {
    debug_assert!(json.len() < UNESCAPED as usize);
    let mut scan = Scan { json, at: 0 };
    scan.document(envelope).is_some()
}

/// Octets that are looked at together.
const LANES: usize = 32;

/// How many octets are plain before the first one that is not. What is plain is printable ASCII, and neither ends a text
/// nor escapes: of nothing else a text is UTF-8, one line, and itself.
#[inline]
fn plain_octets(octets: &[u8]) -> usize {
    let (parts, rest) = octets.as_chunks::<LANES>();
    for (number, part) in parts.iter().enumerate() {
        let part = u8x32::new(*part);
        let others = part.simd_eq(u8x32::splat(b'"')) | part.simd_eq(u8x32::splat(b'\\'));
        // Seen with a sign, what is not ASCII is below zero.
        let signed: i8x32 = bytemuck::cast(part);
        let others = others | bytemuck::cast::<_, u8x32>(signed.simd_lt(i8x32::splat(0x20)));
        let others = others.to_bitmask();
        if others != 0 {
            return number * LANES + others.trailing_zeros() as usize;
        }
    }
    let is_plain = |&&octet: &&u8| matches!(octet, 0x20..0x80) && octet != b'"' && octet != b'\\';
    octets.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// A position in a document. Every method reads on from there, or gives nothing where something is not as expected.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn document(&mut self, envelope: &mut JsonEnvelope) -> Option<()> {
        self.expect(b"{")?;
        loop {
            let key = self.quoted()?;
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
        // Most events have the timestamp of the one before.
        let mut last = (&b"0"[..], 0);
        loop {
            self.expect(b"{\"id\":\"")?;
            let id = self.text()?;
            self.expect(b",\"timestamp\":")?;
            let is_last = self
                .rest()
                .strip_prefix(last.0)
                .is_some_and(|rest| rest.starts_with(b","));
            if is_last {
                self.at += last.0.len();
            } else {
                last = self.number()?;
            }
            self.expect(b",\"message\":\"")?;
            let message = self.text()?;
            events.push(EventSpans {
                id,
                timestamp: last.1,
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
        self.text()
    }

    /// The text up to the next quotation mark, behind which the position is then.
    #[inline]
    fn text(&mut self) -> Option<Span> {
        let length = plain_octets(self.rest());
        let span = Span {
            start: u32::try_from(self.at).ok()?,
            length: u32::try_from(length).ok()?,
        };
        self.at += length;
        self.expect(b"\"")?;
        Some(span)
    }

    /// An integer without sign, fraction and exponent, and without leading zeros, which JSON does not have; how it is
    /// written, and its value.
    fn number(&mut self) -> Option<(&'a [u8], u64)> {
        let rest = self.rest();
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit());
        let digits = &rest[..digits.count()];
        if digits.is_empty() || digits.len() > 1 && digits[0] == b'0' {
            return None;
        }
        let value = digits.iter().try_fold(0_u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })?;
        self.at += digits.len();
        Some((digits, value))
    }

    #[inline]
    fn expect(&mut self, octets: &[u8]) -> Option<()> {
        self.rest()
            .starts_with(octets)
            .then(|| self.at += octets.len())
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let octet = self.json.get(self.at).copied();
        self.at += 1;
        octet
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    fn octets(&self, span: Span) -> &'a [u8] {
        &self.json[span.start as usize..][..span.length as usize]
    }
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
        let mut envelope = JsonEnvelope::default();
        if !fill(&mut envelope, json) {
            return false;
        }
        let mut general = JsonEnvelope::default();
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
        for message in ["2 - x", "", "1234567", "~\u{7f}", &long] {
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
    }

    #[test]
    fn whatever_is_not_as_it_always_is_is_left_to_the_general_reader() {
        let usual = payload(&event("1", "5", "2 a"));
        for (from, to) in [
            (r#""2 a""#, r#""2 \n a""#),
            (r#""2 a""#, "\"2 \n a\""),
            (r#""2 a""#, "\"2 a"),
            (r#""2 a""#, r#""2 é""#),
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
    fn an_octet_that_is_not_plain_is_found_wherever_it_is() {
        for length in [70, 64] {
            assert_eq!(plain_octets(&vec![b'~'; length]), length);
            for (place, octet) in
                (0..length).flat_map(|place| (0..=255).map(move |octet| (place, octet)))
            {
                let mut octets = vec![b' '; length];
                octets[place] = octet;
                let is_plain = (0x20..0x80).contains(&octet) && !b"\"\\".contains(&octet);
                let expected = if is_plain { length } else { place };
                assert_eq!(plain_octets(&octets), expected, "{octet} at {place}");
            }
        }
    }

    #[test]
    fn timestamps_that_begin_alike_are_told_apart() {
        let events = ["1", "12", "12", "1"].map(|timestamp| event("1", timestamp, "2"));
        assert!(scanned(payload(&events.join(",")).as_bytes()));
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
