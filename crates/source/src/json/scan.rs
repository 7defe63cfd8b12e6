//! Fast path: reads a payload in the exact form of CloudWatch Logs, in a single scan.
//!
//! ```json
//! {"messageType":"DATA_MESSAGE","owner":"…","logGroup":"…","logStream":"…","subscriptionFilters":["…"],
//!  "logEvents":[{"id":"…","timestamp":1763715600000,"message":"…"},…]}
//! ```
//!
//! Behind `message`, an event may have `extractedFields`, an object of texts. Octets that never change are compared as a
//! whole; timestamp and extracted fields are compared with those of the event before. The scan judges nothing else: at a
//! space, an escape, an unknown key or a fault the scan gives up, and the slow twin, [`visit`](super::visit), reads the
//! document from the beginning. If the scan does not give up, both results are equal (tested with random changes).

use wide::{i8x32, u8x32};

use super::spans::{DocumentSpans, EventSpans, LARGEST, Span, SpanTexts, SystemFields};

/// Fills empty `spans` from a whole document. Returns false if the document is not as expected; the spans are then to be
/// cleared.
pub(super) fn read_spans(spans: &mut DocumentSpans, json: &[u8]) -> bool {
    debug_assert!(json.len() <= LARGEST);
    let mut scan = DocumentScan { json, at: 0 };
    scan.document(spans).is_some()
}

/// Octets that are compared at once.
const LANES: usize = 32;

/// Number of plain octets at the beginning. Plain is ASCII from 0x20 on except quotation mark and backslash: a text of
/// plain octets is UTF-8, has no line end, and stands for itself.
#[inline]
fn plain_octets(octets: &[u8]) -> usize {
    let (parts, rest) = octets.as_chunks::<LANES>();
    for (index, part) in parts.iter().enumerate() {
        let part = u8x32::new(*part);
        let others = part.simd_eq(u8x32::splat(b'"')) | part.simd_eq(u8x32::splat(b'\\'));
        // Octets beyond ASCII are negative as signed numbers.
        let signed: i8x32 = bytemuck::cast(part);
        let others = others | bytemuck::cast::<_, u8x32>(signed.simd_lt(i8x32::splat(0x20)));
        let others = others.to_bitmask();
        if others != 0 {
            return index * LANES + others.trailing_zeros() as usize;
        }
    }
    let is_plain = |&&octet: &&u8| matches!(octet, 0x20..0x80) && octet != b'"' && octet != b'\\';
    octets.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// Position in a document. Every method reads on from there, or returns `None` at something unexpected.
struct DocumentScan<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> DocumentScan<'a> {
    fn document(&mut self, spans: &mut DocumentSpans) -> Option<()> {
        self.expect(b"{")?;
        loop {
            let key = self.quoted()?;
            self.expect(b":")?;
            match self.octets(key) {
                b"messageType" => spans.message_type = Some(self.quoted()?),
                b"owner" => spans.owner = Some(self.quoted()?),
                b"logGroup" => spans.log_group = Some(self.quoted()?),
                b"logStream" => spans.log_stream = Some(self.quoted()?),
                b"policyLevel" => _ = self.quoted()?,
                b"subscriptionFilters" => self.filters()?,
                b"logEvents" if !spans.has_log_events => {
                    spans.has_log_events = true;
                    self.events(spans)?;
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

    fn events(&mut self, spans: &mut DocumentSpans) -> Option<()> {
        self.expect(b"[")?;
        // Most events repeat the timestamp and the extracted fields of the event before.
        let mut last_timestamp = (&b"0"[..], 0);
        let mut last_fields = &b""[..];
        loop {
            self.expect(b"{\"id\":\"")?;
            let id = self.text()?;
            self.expect(b",\"timestamp\":")?;
            let repeats_timestamp = self
                .rest()
                .strip_prefix(last_timestamp.0)
                .is_some_and(|rest| rest.starts_with(b","));
            if repeats_timestamp {
                self.at += last_timestamp.0.len();
            } else {
                last_timestamp = self.number()?;
            }
            self.expect(b",\"message\":\"")?;
            let message = self.text()?;
            let repeats_fields = match last_fields {
                [] => self.rest().first() == Some(&b'}'),
                fields => self.expect(fields).is_some(),
            };
            if !repeats_fields {
                last_fields = self.extracted_fields(spans)?;
            }
            spans.events.push(EventSpans {
                id,
                timestamp: last_timestamp.1,
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

    /// Reads the extracted fields of an event, if any, and returns the fields as written, from the comma in front.
    fn extracted_fields(&mut self, spans: &mut DocumentSpans) -> Option<&'a [u8]> {
        let begin = self.at;
        let mut fields = SystemFields::default();
        if self.expect(b",\"extractedFields\":{").is_some() {
            loop {
                let key = self.quoted()?;
                self.expect(b":")?;
                let value = self.quoted()?;
                match self.octets(key) {
                    b"@aws.account" => fields.account = value,
                    b"@aws.region" => fields.region = value,
                    b"@source.log" => fields.log_group = value,
                    _ => {}
                }
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        spans.begin_origin_group(fields, self.json);
        Some(&self.json[begin..self.at])
    }

    fn quoted(&mut self) -> Option<Span> {
        self.expect(b"\"")?;
        self.text()
    }

    /// Reads a text and the final quotation mark.
    #[inline]
    fn text(&mut self) -> Option<Span> {
        let length = plain_octets(self.rest());
        let span = Span::new(self.at, length)?;
        self.at += length;
        self.expect(b"\"")?;
        Some(span)
    }

    /// Reads an integer without sign, fraction and exponent; leading zeros are not JSON. Returns digits and value.
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
        let octet = self.json.get(self.at).copied()?;
        self.at += 1;
        Some(octet)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        &self.json[self.at..]
    }

    fn octets(&self, span: Span) -> &'a [u8] {
        let texts = SpanTexts {
            json: self.json,
            unescaped: &[],
        };
        texts.octets(span)
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

    /// Returns true if the scan takes the document; the slow twin must then have found the same.
    fn scanned(json: &[u8]) -> bool {
        let mut scanned = DocumentSpans::default();
        if !read_spans(&mut scanned, json) {
            return false;
        }
        let mut visited = DocumentSpans::default();
        assert!(
            visit::read_spans(&mut visited, json).is_ok(),
            "the slow twin refuses it"
        );
        assert_eq!(format!("{scanned:?}"), format!("{visited:?}"));
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
    fn whatever_is_not_as_it_always_is_is_left_to_the_slow_twin() {
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
                r#""message":"2 a","extractedFields":{"a":5}"#,
            ),
            (
                r#""message":"2 a""#,
                r#""message":"2 a","extractedFields":{"a":"b"},"new":"c""#,
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
    fn extracted_fields_are_scanned_and_make_a_run_where_system_fields_change() {
        let fields = [
            "",
            r#","extractedFields":{"@aws.account":"1","@aws.region":"r","srcaddr":"a"}"#,
            r#","extractedFields":{"@aws.account":"1","@aws.region":"r","srcaddr":"b"}"#,
            r#","extractedFields":{"@aws.account":"1","@aws.region":"r","srcaddr":"b"}"#,
            r#","extractedFields":{"@source.log":"g"}"#,
            "",
            "",
        ];
        let with = |fields: &&str| event("1", "5", "2").replace('}', fields) + "}";
        let events: Vec<_> = fields.iter().map(with).collect();
        let json = payload(&events.join(","));
        assert!(scanned(json.as_bytes()), "{json}");
        let mut spans = DocumentSpans::default();
        assert!(read_spans(&mut spans, json.as_bytes()));
        let begins: Vec<_> = spans
            .origin_groups
            .iter()
            .map(|(begin, _)| *begin)
            .collect();
        assert_eq!(begins, [1, 4, 5]);
    }

    #[test]
    fn timestamps_that_begin_alike_are_told_apart() {
        let events = ["1", "12", "12", "1"].map(|timestamp| event("1", timestamp, "2"));
        assert!(scanned(payload(&events.join(",")).as_bytes()));
    }

    proptest! {
        /// One octet is written over, put in or taken out: either the scan gives up, or both agree.
        #[test]
        fn where_the_scan_does_not_give_up_both_twins_agree(
            message in "[ -~é\u{0}-\u{1f}]{0,30}",
            place: prop::sample::Index,
            octet in prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[],:0 x\n"[..])],
            change in 0..4,
        ) {
            let fields = r#","extractedFields":{"@aws.account":"1"}}"#;
            let events = [event("12", "34", "56").replace('}', fields), event("7", "8", &message)];
            let mut json = payload(&events.join(",")).into_bytes();
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
