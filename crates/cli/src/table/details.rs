//! Details of a flow behind or below the columns: interfaces, VRFs, AWS services, translated addresses, losses.

use flowlogs_core::ipfix::element as e;

use super::{ColumnLayout, TIME, WIDE, status_meaning};
use crate::decode::{DecodedFlow, DecodedValue, KnownInterface};
use crate::text::{columns, cut, visible, words, wrap};

/// Least room of a name, in columns, if its id is shorter.
const LEAST_NAME_WIDTH: usize = 12;

/// Formats the details of a flow as lines that fit below the addresses.
pub(super) fn details(flow: &DecodedFlow<'_>, layout: ColumnLayout) -> Vec<String> {
    let names = flow.names;
    let room = layout.width - TIME - 1;
    // A gateway's interfaces have no Name tag and equal descriptions: only the id tells them apart.
    let physical = |index: u64| match names.interface(index) {
        Some(known) if !known.name.is_empty() => known.name.clone(),
        _ => numbered(index),
    };
    let vrf = |id: u64| names.vrf(id).map_or_else(|| numbered(id), str::to_owned);
    let physical_ids = [
        e::INGRESS_PHYSICAL_INTERFACE.id,
        e::EGRESS_PHYSICAL_INTERFACE.id,
    ];
    let segments: Vec<String> = [
        interfaces(flow, layout.width >= WIDE),
        pair(flow, [e::INGRESS_VRF_ID.id, e::EGRESS_VRF_ID.id], vrf),
        pair(flow, physical_ids, physical).map(|text| format!("by {text}")),
        services(flow),
        translated(flow),
        lost(flow),
        reason(flow, layout.width),
    ]
    .into_iter()
    .flatten()
    .map(|text| cut(&visible(&text), room).into_owned())
    .collect();
    wrap(&segments, "  ", room)
}

/// Formats the interfaces of a flow. Of a VPC record: `→ eni-1` for ingress, `eni-1 →` for egress, `eni-1` if the direction
/// is unknown; the opposite side is a pseudo-interface: the status says so already. Of a transit gateway: both attachments.
fn interfaces(flow: &DecodedFlow<'_>, wide: bool) -> Option<String> {
    let called = |index: u64| match flow.names.interface(index) {
        Some(known) if !known.name.is_empty() => label(known, wide),
        _ => numbered(index),
    };
    let ids = [e::INGRESS_INTERFACE.id, e::EGRESS_INTERFACE.id];
    let own = match ids.map(|id| flow.number(id)) {
        [Some(own), Some(other)] | [Some(other), Some(own)]
            if is_pseudo(other) && !is_pseudo(own) =>
        {
            own
        }
        _ => return pair(flow, ids, called),
    };
    Some(match flow.number(e::FLOW_DIRECTION.id) {
        Some(0) => format!("→ {}", called(own)),
        Some(1) => format!("{} →", called(own)),
        _ => called(own),
    })
}

/// Returns whether a number stands for `ACCEPT`, `REJECT` or an unknown interface.
fn is_pseudo(index: u64) -> bool {
    index <= 2
}

/// Formats a number without a name; 0 is unknown.
fn numbered(number: u64) -> String {
    match number {
        0 => "-".to_owned(),
        number => format!("#{number}"),
    }
}

/// Formats the values of two elements: `in → out`, or a single label where both are equal.
fn pair(
    flow: &DecodedFlow<'_>,
    [first, second]: [u16; 2],
    label: impl Fn(u64) -> String,
) -> Option<String> {
    match (flow.number(first), flow.number(second)) {
        (None, None) => None,
        (Some(first), Some(second)) if first == second => Some(label(first)),
        (first, second) => {
            let side = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), &label);
            Some(format!("{} → {}", side(first), side(second)))
        }
    }
}

/// Formats the AWS services of both ends.
fn services(flow: &DecodedFlow<'_>) -> Option<String> {
    let DecodedValue::Application(engine, selector) = flow.value(e::APPLICATION_ID.id)? else {
        return None;
    };
    let Some(name) = flow.names.application(*engine, *selector) else {
        return Some(format!("application {engine}:{selector}"));
    };
    Some(match name.split_once('>') {
        Some(("-", destination)) => format!("to AWS {destination}"),
        Some((source, "-")) => format!("from AWS {source}"),
        Some((source, destination)) => format!("AWS {source} → {destination}"),
        None => name.to_owned(),
    })
}

/// Formats the second address pair.
fn translated(flow: &DecodedFlow<'_>) -> Option<String> {
    let address = |v4, v6| flow.value(v4).or_else(|| flow.value(v6));
    let source = address(
        e::POST_NAT_SOURCE_IPV4_ADDRESS.id,
        e::POST_NAT_SOURCE_IPV6_ADDRESS.id,
    )?;
    let destination = address(
        e::POST_NAT_DESTINATION_IPV4_ADDRESS.id,
        e::POST_NAT_DESTINATION_IPV6_ADDRESS.id,
    )?;
    Some(format!("NAT {source} → {destination}"))
}

/// Formats the packets that a transit gateway lost.
fn lost(flow: &DecodedFlow<'_>) -> Option<String> {
    let lost = flow.number(e::DROPPED_PACKET_DELTA_COUNT.id)?;
    (lost > 0).then(|| format!("{lost} lost"))
}

/// Returns the reason of a drop, where the column of the status has no room for more than `drop`.
fn reason(flow: &DecodedFlow<'_>, width: usize) -> Option<String> {
    let status = flow.number(e::FORWARDING_STATUS.id)?;
    (width < WIDE && matches!(status, 0x83 | 0x85 | 0x89))
        .then(|| status_meaning(status).to_owned())
}

/// Returns the label of an interface: the beginning of the description (the Name tag), cut to the width of the id; the id
/// where the description begins with the id (an interface without a Name tag). Wide output has both.
fn label(interface: &KnownInterface, wide: bool) -> String {
    let id = interface.name.as_str();
    let description = interface.description.as_str();
    let text = description.strip_prefix(id).unwrap_or(description).trim();
    let unnamed = !wide && text.len() < description.len();
    if text.is_empty() || unnamed {
        return id.to_owned();
    }
    let name = shorten(text, columns(id).max(LEAST_NAME_WIDTH));
    match wide {
        true => format!("{id} {name}"),
        false => name,
    }
}

/// Shortens a text to the first whole words, if at least two fit; else cuts within a word. A cut ends in `…`.
fn shorten(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    match wrap(&words(text), " ", room - 1).into_iter().next() {
        Some(line) if line.contains(' ') && columns(&line) < room => format!("{line}…"),
        _ => cut(text, room).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_called_by_its_name_and_by_its_id_where_it_has_none() {
        let interface = |description: &str| KnownInterface {
            name: "eni-0a9b8c7d6e5f40312".to_owned(),
            description: description.to_owned(),
            ..KnownInterface::default()
        };
        let named = interface("web-1 euc1-az2 subnet-0a3d5f7190b2c4e68");
        assert_eq!(label(&named, false), "web-1 euc1-az2…");
        assert_eq!(label(&named, true), "eni-0a9b8c7d6e5f40312 web-1 euc1-az2…");
        let unnamed = interface("eni-0a9b8c7d6e5f40312 ELB app/shop/50dc6c495c0c9188");
        assert_eq!(label(&unnamed, false), "eni-0a9b8c7d6e5f40312");
        assert_eq!(
            label(&unnamed, true),
            "eni-0a9b8c7d6e5f40312 ELB app/shop/50dc6c4…"
        );
        let unknown = interface("eni-0a9b8c7d6e5f40312");
        assert_eq!(label(&unknown, true), "eni-0a9b8c7d6e5f40312");
    }

    #[test]
    fn names_in_wide_characters_take_no_more_columns_than_the_id() {
        let interface = KnownInterface {
            name: "eni-0a9b8c7d6e5f40312".to_owned(),
            description: "本番ウェブサーバー東京一号機".to_owned(),
            ..KnownInterface::default()
        };
        assert_eq!(label(&interface, false), "本番ウェブサーバー東…");
    }
}
