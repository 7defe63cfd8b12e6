//! Rule 2: the same observation, written twice because two flow logs cover one interface, counts once.
//!
//! Two records are the same when they agree in everything that the formats in use have in common of: interface, 5-tuple,
//! packet addresses, start, end, packets, bytes, action, direction. What is absent in a record (`-`) is absent in
//! its twin, so absence is part of the comparison.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::{FixedState, FoldHasher};

use crate::flowlog::{Field, FieldSet, FlowAction, FlowDirection, FlowRecord};
use crate::network::Address;

use super::window::Window;

/// Most records that are remembered, the minutes of capture time that were seen last. About 12 MB at the most.
pub const RECORDS: usize = 1 << 19;

/// How many minutes of capture time are remembered, those that were seen last; of live traffic the newest.
pub const CAPTURE_MINUTES: usize = 32;

/// What identifies an observation.
const KEY: FieldSet = FieldSet::of(&[
    Field::InterfaceId,
    Field::ResourceId,
    Field::TgwAttachmentId,
    Field::SourceAddress,
    Field::DestinationAddress,
    Field::SourcePort,
    Field::DestinationPort,
    Field::Protocol,
    Field::PacketSourceAddress,
    Field::PacketDestinationAddress,
    Field::Start,
    Field::End,
    Field::Packets,
    Field::Bytes,
    Field::Action,
    Field::FlowDirection,
]);

/// Without one of these, two observations cannot be told apart.
const INTERFACES: FieldSet = FieldSet::of(&[
    Field::InterfaceId,
    Field::ResourceId,
    Field::TgwAttachmentId,
]);

/// Nor without all of these.
const REQUIRED: FieldSet = FieldSet::of(&[
    Field::SourceAddress,
    Field::DestinationAddress,
    Field::SourcePort,
    Field::DestinationPort,
    Field::Protocol,
    Field::Start,
    Field::End,
]);

/// What is hashed at once.
fn pair(one: u64, other: u64) -> u128 {
    u128::from(one) | u128::from(other) << 64
}

/// What identifies who observes: most records are of the interface of the one before.
#[derive(Debug, Clone, Copy)]
pub struct Observer {
    /// The fields that are compared.
    fields: FieldSet,
    hash: u64,
}

/// Whether these fields tell observations apart.
fn identifies(fields: FieldSet) -> bool {
    fields.has_all(REQUIRED) && fields.has_any(INTERFACES)
}

/// The records that were seen lately.
#[derive(Debug)]
pub(super) struct Records {
    window: Window,
    hash: FixedState,
}

impl Records {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            window: Window::new(RECORDS, CAPTURE_MINUTES),
            hash: FixedState::with_seed(seed),
        }
    }

    /// Whether an identical record was seen before; from now on it was. `observer` is kept from the record before, if that
    /// has the same interface; `shared` are the fields that the formats in use have in common. Where these are too few to
    /// tell observations apart, because one of the formats has too few, a record is compared with those that have the same
    /// fields as its own format.
    #[inline(always)] // called in one place, for every record
    pub(super) fn seen_before(
        &mut self,
        record: &FlowRecord<'_>,
        observer: &mut Option<Observer>,
        shared: FieldSet,
    ) -> bool {
        let shared = match identifies(shared) {
            true => shared,
            false => record.format().fields(),
        };
        let fields = record.present().intersection(shared).intersection(KEY);
        let observer = match *observer {
            Some(kept) if kept.fields == fields => kept.hash,
            _ if !identifies(fields) => return false,
            _ => {
                let hash = self.observer(record, fields);
                *observer = Some(Observer { fields, hash });
                hash
            }
        };
        let captured = record.count(Field::End);
        let fingerprint = self.fingerprint(record, fields, observer);
        !self
            .window
            .add(Window::<()>::minute(captured), fingerprint, ())
    }

    /// A hash of the interface, and of the fields that are compared, all of which the record has.
    fn observer(&self, record: &FlowRecord<'_>, fields: FieldSet) -> u64 {
        let mut hasher = self.hash.build_hasher();
        fields.hash(&mut hasher);
        for field in INTERFACES.intersection(fields).iter() {
            hasher.write(record.text(field).unwrap_or_default());
        }
        hasher.finish()
    }

    /// A hash of the observer and of everything else that is compared.
    ///
    /// Every record passes here: the fields are spelt out, so that the compiler knows the place of each.
    fn fingerprint(&self, record: &FlowRecord<'_>, fields: FieldSet, observer: u64) -> u64 {
        let mut hasher = self.hash.build_hasher();
        let addresses = |from, to, hasher: &mut FoldHasher<'_>| {
            if !fields.has_any(FieldSet::of(&[from, to])) {
                return 0;
            }
            let address = |field| record.address(field).filter(|_| fields.has(field));
            let [from, to] = [from, to].map(|field| address(field).unwrap_or(Address::v4(0)));
            let ((from_high, from_low), (to_high, to_low)) = (from.halves(), to.halves());
            hasher.write_u128(pair(from_low, to_low));
            if from.is_ipv4() && to.is_ipv4() {
                return 0;
            }
            hasher.write_u128(pair(from_high, to_high));
            1 + u64::from(from.is_ipv4()) + 2 * u64::from(to.is_ipv4())
        };
        let families = addresses(Field::SourceAddress, Field::DestinationAddress, &mut hasher)
            | addresses(
                Field::PacketSourceAddress,
                Field::PacketDestinationAddress,
                &mut hasher,
            ) << 2;
        let number = |field| match fields.has(field) {
            true => record.count(field),
            false => 0,
        };
        let action = match record.action() {
            Some(FlowAction::Accept) if fields.has(Field::Action) => 1,
            Some(FlowAction::Reject) if fields.has(Field::Action) => 2,
            _ => 0,
        };
        let direction = match record.direction() {
            Some(FlowDirection::Ingress) if fields.has(Field::FlowDirection) => 1,
            Some(FlowDirection::Egress) if fields.has(Field::FlowDirection) => 2,
            _ => 0,
        };
        let small = number(Field::SourcePort)
            | number(Field::DestinationPort) << 16
            | number(Field::Protocol) << 32
            | action << 40
            | direction << 42
            | families << 44;
        hasher.write_u128(pair(small, number(Field::Start)));
        hasher.write_u128(pair(number(Field::End), number(Field::Packets)));
        hasher.write_u128(pair(number(Field::Bytes), observer));
        hasher.finish()
    }

    pub(super) fn commit(&mut self) {
        self.window.commit();
    }

    pub(super) fn rollback(&mut self) {
        self.window.rollback();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    const FORMAT: &str = "${interface-id} ${resource-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
        ${pkt-srcaddr} ${pkt-dstaddr} ${start} ${end} ${packets} ${bytes} ${action} ${flow-direction} ${tcp-flags}";
    const LINE: &str = "eni-1 - 10.0.0.5 10.0.0.6 40000 443 6 10.0.0.5 10.0.0.6 1763715600 1763715660 7 4200 ACCEPT egress 2";

    fn seen(records: &mut Records, format: &str, line: &str, shared: FieldSet) -> bool {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        records.seen_before(&record, &mut None, shared)
    }

    fn shared() -> FieldSet {
        LogFormat::parse(FORMAT)
            .expect("format of the test")
            .fields()
    }

    #[test]
    fn the_same_line_counts_once() {
        let mut records = Records::new(7);
        assert!(!seen(&mut records, FORMAT, LINE, shared()));
        assert!(seen(&mut records, FORMAT, LINE, shared()));
    }

    /// Fields that are there in one record and not in the next, of one interface.
    #[test]
    fn what_is_kept_of_the_observer_changes_nothing() {
        let format = LogFormat::parse(FORMAT).expect("format of the test");
        let without_action = LINE.replace("ACCEPT", "-");
        let without_packets = LINE.replace(" 7 4200 ", " - 4200 ");
        let lines = [
            LINE,
            &without_action,
            LINE,
            &without_packets,
            &without_action,
        ];
        let mut records = Records::new(7);
        let mut kept = None;
        let seen = lines.map(|line| {
            let mut values = RecordValues::default();
            let record = FlowRecord::parse(&format, line.as_bytes(), &mut values);
            records.seen_before(&record.expect("line of the test"), &mut kept, shared())
        });
        assert_eq!(seen, [false, false, true, false, true]);
        assert!(self::seen(&mut records, FORMAT, &without_packets, shared()));
    }

    #[test]
    fn addresses_that_differ_in_their_first_half_alone_are_other_addresses() {
        let mut records = Records::new(7);
        for network in ["2001:db8:1::5", "2001:db8:2::5"] {
            let line = LINE.replace("10.0.0.5", network);
            assert!(!seen(&mut records, FORMAT, &line, shared()), "{network}");
        }
    }

    #[test]
    fn a_difference_in_any_column_of_the_key_makes_another_record() {
        let tokens: Vec<&str> = LINE.split(' ').collect();
        let other = [
            "eni-2",
            "nat-1",
            "10.0.0.7",
            "2001:db8::1",
            "40001",
            "444",
            "17",
            "10.0.0.8",
            "10.0.0.9",
            "1763715601",
            "1763715661",
            "8",
            "4201",
            "REJECT",
            "ingress",
        ];
        let mut records = Records::new(7);
        assert!(!seen(&mut records, FORMAT, LINE, shared()));
        for (column, other) in other.iter().enumerate() {
            let mut tokens = tokens.clone();
            tokens[column] = other;
            assert!(
                !seen(&mut records, FORMAT, &tokens.join(" "), shared()),
                "column {column}"
            );
            assert!(
                seen(&mut records, FORMAT, &tokens.join(" "), shared()),
                "column {column}"
            );
        }
        let flags = LINE.strip_suffix('2').expect("ends so").to_owned() + "3";
        assert!(
            seen(&mut records, FORMAT, &flags, shared()),
            "flags are no part of the key"
        );
    }

    #[test]
    fn an_absent_value_is_not_any_value() {
        let mut records = Records::new(7);
        let without_bytes = LINE.replace(" 4200 ", " - ");
        let with_zero_bytes = LINE.replace(" 4200 ", " 0 ");
        assert!(!seen(&mut records, FORMAT, &without_bytes, shared()));
        assert!(!seen(&mut records, FORMAT, &with_zero_bytes, shared()));
        assert!(seen(&mut records, FORMAT, &without_bytes, shared()));
    }

    #[test]
    fn different_formats_are_compared_by_what_they_share() {
        let other = "${bytes} ${end} ${start} ${protocol} ${dstport} ${srcport} ${dstaddr} ${srcaddr} ${interface-id}";
        let shared = LogFormat::parse(other)
            .expect("format of the test")
            .fields()
            .intersection(shared());
        let mut records = Records::new(7);
        assert!(!seen(&mut records, FORMAT, LINE, shared));
        assert!(seen(
            &mut records,
            other,
            "4200 1763715660 1763715600 6 443 40000 10.0.0.6 10.0.0.5 eni-1",
            shared
        ));
        assert!(!seen(
            &mut records,
            other,
            "4201 1763715660 1763715600 6 443 40000 10.0.0.6 10.0.0.5 eni-1",
            shared
        ));
    }

    #[test]
    fn a_format_without_interface_addresses_ports_or_times_has_no_duplicates() {
        for missing in [
            "interface-id",
            "srcaddr",
            "dstaddr",
            "srcport",
            "dstport",
            "protocol",
            "start",
            "end",
        ] {
            let columns = FORMAT.split_ascii_whitespace().zip(LINE.split(' '));
            let (format, line): (Vec<_>, Vec<_>) = columns
                .filter(|(name, _)| *name != format!("${{{missing}}}"))
                .unzip();
            let (format, line) = (format.join(" "), line.join(" "));
            let mut records = Records::new(7);
            for shared in [shared(), FieldSet::EMPTY] {
                assert!(!seen(&mut records, &format, &line, shared), "{missing}");
                assert!(!seen(&mut records, &format, &line, shared), "{missing}");
            }
        }
        let mut records = Records::new(7);
        let nobody = LINE.replace("eni-1", "-");
        assert!(!seen(&mut records, FORMAT, &nobody, shared()));
        assert!(
            !seen(&mut records, FORMAT, &nobody, shared()),
            "the record has no interface"
        );
    }

    #[test]
    fn a_format_with_too_little_does_not_switch_the_rule_off_for_the_others() {
        let too_little =
            shared().difference(FieldSet::of(&[Field::InterfaceId, Field::ResourceId]));
        for shared in [too_little, FieldSet::EMPTY] {
            let mut records = Records::new(7);
            assert!(!seen(&mut records, FORMAT, LINE, shared));
            assert!(seen(&mut records, FORMAT, LINE, shared));
        }
    }

    #[test]
    fn a_record_is_remembered_for_15_minutes_of_capture_time_and_not_for_ever() {
        let at = |minute: u64, port: u64| {
            let start = 1_763_715_600 + 60 * minute;
            format!(
                "eni-1 - 10.0.0.5 10.0.0.6 {port} 443 6 - - {start} {} 7 4200 ACCEPT egress -",
                start + 59
            )
        };
        let mut records = Records::new(7);
        for minute in 0..60 {
            assert!(!seen(&mut records, FORMAT, &at(minute, 1), shared()));
            if minute >= 14 {
                assert!(
                    seen(&mut records, FORMAT, &at(minute - 14, 1), shared()),
                    "minute {minute}"
                );
            }
        }
        assert!(
            !seen(&mut records, FORMAT, &at(0, 1), shared()),
            "an hour ago"
        );
        assert!(
            !seen(&mut records, FORMAT, &at(30, 2), shared()),
            "late records are remembered as well"
        );
        assert!(seen(&mut records, FORMAT, &at(30, 2), shared()));
    }
}
