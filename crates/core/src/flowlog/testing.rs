//! Random tokens for the tests of several files of this folder.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::field::{ColumnType, Field};

/// Token of a column: mostly of the field's kind, so that many random lines parse, at times `-` or of any kind.
pub(super) fn token_of(field: Field) -> impl Strategy<Value = String> {
    prop_oneof![20 => suited(field), 1 => token(), 1 => Just("-".to_owned())]
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("-".to_owned()),
        any::<u64>().prop_map(|value| value.to_string()),
        (0_u32..70_000).prop_map(|value| value.to_string()),
        address(),
        Just("ACCEPT".to_owned()),
        Just("egress".to_owned()),
        Just("sideways".to_owned()),
        Just("OK".to_owned()),
        Just("SKIPDATA".to_owned()),
        Just("BPA".to_owned()),
        "[!-~é]{1,12}",
    ]
}

fn suited(field: Field) -> BoxedStrategy<String> {
    match field.row().column_type {
        ColumnType::Number { max } => (0..=max).prop_map(|value| value.to_string()).boxed(),
        ColumnType::Time => (0_u64..4_294_967_296)
            .prop_map(|value| value.to_string())
            .boxed(),
        ColumnType::Address => address().boxed(),
        _ => token().boxed(),
    }
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| Ipv4Addr::from(octets).to_string()),
        any::<[u8; 16]>().prop_map(|octets| Ipv6Addr::from(octets).to_string()),
    ]
}
