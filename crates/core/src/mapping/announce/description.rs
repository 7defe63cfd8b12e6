//! Texts of the name tables: what a network engineer reads of an interface or VPC.

use crate::flowlog::FlowRecord;
use crate::flowlog::field::{DescribedInterface, FIELDS, FieldMapping};
use crate::network::Inventory;

/// Description that EC2's console gives to the first interface of any instance: it tells nothing.
const OF_EVERY_INSTANCE: &str = "Primary network interface";

/// Returns the name of a VPC: its id and, behind a space, its Name tag.
pub(super) fn vrf_name(id: &[u8], inventory: &Inventory) -> String {
    let name = String::from_utf8_lossy(id);
    match inventory.vpc(id).and_then(|vpc| vpc.name.as_deref()) {
        Some(tag) => format!("{name} {}", tag.replace(char::is_control, " ")),
        None => name.into_owned(),
    }
}

/// Returns the description of an interface, the most telling text first, because 63 octets are all there is: its Name tag
/// or id, the inventory's texts, then the columns of the record, the newest flow-log versions first.
pub(super) fn interface(
    id: &[u8],
    described: DescribedInterface,
    record: &FlowRecord<'_>,
    inventory: &Inventory,
) -> String {
    let mut text = String::new();
    let mut add = |part: &str| {
        // Tags are anybody's text: what would move a terminal's cursor becomes a space.
        let part = part.replace(char::is_control, " ");
        let part = part.trim();
        if !part.is_empty() && !text.contains(part) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part);
        }
    };
    if let Some(interface) = inventory.interface(id) {
        let description = interface.description();
        let kind = interface.kind();
        add(interface.name().unwrap_or(interface.id()));
        add(description
            .filter(|text| *text != OF_EVERY_INSTANCE)
            .unwrap_or_default());
        add(kind.filter(|kind| *kind != "interface").unwrap_or_default());
        add(interface.zone().unwrap_or_default());
        add(interface.subnet().unwrap_or_default());
    } else if let Some(attachment) = inventory.attachment(id) {
        add(attachment.name.as_deref().unwrap_or(&attachment.id));
        add(attachment.resource_type.as_deref().unwrap_or_default());
        add(attachment.resource.as_deref().unwrap_or_default());
    } else {
        add(&String::from_utf8_lossy(id));
    }
    let mut columns: Vec<_> = FIELDS
        .iter()
        .filter(|row| row.destination == FieldMapping::Description(described))
        .collect();
    columns.sort_by_key(|row| std::cmp::Reverse(row.vpc.or(row.tgw)));
    for row in columns {
        if let Some(value) = record.text(row.field) {
            add(&percent_decoded(value));
        }
    }
    text
}

/// Decodes a tag: AWS writes special characters of tags as `%` and two hexadecimal digits of their UTF-8 octets.
fn percent_decoded(text: &[u8]) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        let digit = |at: usize| {
            after
                .get(at)
                .and_then(|&digit| char::from(digit).to_digit(16))
        };
        match (octet, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                octets.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &after[2..];
            }
            _ => {
                octets.push(octet);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};

    fn description(format: &str, line: &str) -> String {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        interface(
            record.interface().expect("interface"),
            DescribedInterface::Interface,
            &record,
            &Inventory::default(),
        )
    }

    #[test]
    fn tags_are_percent_decoded_and_broken_escapes_stay() {
        assert_eq!(percent_decoded(b"caf%C3%A9%20one"), "café one");
        assert_eq!(percent_decoded(b"100%"), "100%");
        assert_eq!(percent_decoded(b"%zz%4"), "%zz%4");
        assert_eq!(percent_decoded(b"%FF"), "\u{fffd}");
    }

    #[test]
    fn a_description_starts_with_the_id_and_puts_the_most_telling_columns_first() {
        let format = "${interface-id} ${subnet-id} ${az-id} ${ecs-cluster-name} ${ecs-service-name} ${interface-tag}";
        let text = description(format, "eni-1 subnet-2 use1-az1 prod web front%20door");
        assert_eq!(text, "eni-1 front door prod web use1-az1 subnet-2");
        assert_eq!(description(format, "eni-1 - - - - -"), "eni-1");
        assert_eq!(
            description(format, "eni-1 - - - - a%0Ab%1B[2J"),
            "eni-1 a b [2J"
        );
    }
}
