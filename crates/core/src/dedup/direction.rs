//! Direction of a flow: the column of the record, else derived from the inventory.

use crate::flowlog::{Field, FlowDirection, FlowRecord, RecordKind};

use crate::network::{Address, InterfaceView, Inventory};

/// Returns the direction of a record: `flow-direction`, else derived.
///
/// For a VPC record AWS writes an address of the interface on the interface's side (flow-log limitations: "the flow log
/// displays the primary private IPv4 address"), so an own address tells the side. For a transit gateway the VPC behind the
/// attachment tells likewise. `None` where the inventory does not know the interface, or not exactly one side is own.
/// `interface` is the record's interface in the inventory; `only_ipv4` is its [only address](InterfaceView::only_ipv4),
/// which is in the record's context, so that most records do not look into the inventory.
#[inline(always)] // called for every record
pub(crate) fn direction(
    record: &FlowRecord<'_>,
    interface: Option<InterfaceView<'_>>,
    only_ipv4: Option<u32>,
    inventory: &Inventory,
) -> Option<FlowDirection> {
    if let known @ Some(_) = record.direction() {
        return known;
    }
    let (from, to) = match record.kind() {
        RecordKind::Vpc => {
            let interface = interface?;
            let ends = (
                record.address(Field::SourceAddress),
                record.address(Field::DestinationAddress),
            );
            match only_ipv4.map(Address::v4) {
                Some(own) => (ends.0 == Some(own), ends.1 == Some(own)),
                None => {
                    let is_own = |end: Option<Address>| {
                        end.is_some_and(|address| interface.has_address(address))
                    };
                    (is_own(ends.0), is_own(ends.1))
                }
            }
        }
        RecordKind::TransitGateway => {
            let attachment = inventory.attachment(record.text(Field::TgwAttachmentId)?)?;
            let attached = attachment.resource.as_deref()?.as_bytes();
            let is_own = |field| record.text(field) == Some(attached);
            // An ingress record is written where the flow enters the gateway: at the attachment of the source.
            (is_own(Field::TgwDstVpcId), is_own(Field::TgwSrcVpcId))
        }
    };
    match (from, to) {
        (true, false) => Some(FlowDirection::Egress),
        (false, true) => Some(FlowDirection::Ingress),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};
    use crate::network::{GatewayAttachment, NetworkInterface};

    fn inventory() -> Inventory {
        let mut inventory = Inventory::new();
        let address = |text: &str| text.parse().expect("address of the test");
        inventory.insert_interface(&NetworkInterface {
            id: "eni-1".to_owned(),
            addresses: vec![
                address("10.0.0.5"),
                address("10.0.0.6"),
                address("2001:db8::5"),
            ],
            prefixes: vec![(address("10.0.1.16").into(), 28)],
            ..NetworkInterface::default()
        });
        inventory.insert_interface(&NetworkInterface {
            id: "eni-3".to_owned(),
            addresses: vec![address("10.0.0.7")],
            ..NetworkInterface::default()
        });
        inventory.insert_attachment(GatewayAttachment {
            id: "tgw-attach-1".to_owned(),
            resource: Some("vpc-1".to_owned()),
            ..GatewayAttachment::default()
        });
        inventory
    }

    fn direction_of(format: &str, line: &str) -> Option<FlowDirection> {
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        let inventory = inventory();
        let interface = record.interface_id().and_then(|id| inventory.interface(id));
        let only_ipv4 = interface.and_then(InterfaceView::only_ipv4);
        let found = direction(&record, interface, only_ipv4, &inventory);
        assert_eq!(found, direction(&record, interface, None, &inventory));
        found
    }

    #[test]
    fn the_column_has_the_first_word() {
        let format = "${interface-id} ${srcaddr} ${dstaddr} ${flow-direction}";
        assert_eq!(
            direction_of(format, "eni-1 10.0.0.5 10.9.9.9 ingress"),
            Some(FlowDirection::Ingress)
        );
        assert_eq!(
            direction_of(format, "eni-1 10.0.0.5 10.9.9.9 -"),
            Some(FlowDirection::Egress)
        );
    }

    #[test]
    fn the_interfaces_own_side_tells_the_direction() {
        let of = |addresses: &str| {
            direction_of(
                "${interface-id} ${srcaddr} ${dstaddr}",
                &format!("eni-1 {addresses}"),
            )
        };
        assert_eq!(of("10.0.0.5 10.9.9.9"), Some(FlowDirection::Egress));
        assert_eq!(of("10.0.0.6 10.9.9.9"), Some(FlowDirection::Egress));
        assert_eq!(of("10.9.9.9 10.0.1.20"), Some(FlowDirection::Ingress));
        assert_eq!(of("2001:db8::9 2001:db8::5"), Some(FlowDirection::Ingress));
    }

    #[test]
    fn an_interface_with_one_address_owns_that_address_alone() {
        let of = |line: &str| direction_of("${interface-id} ${srcaddr} ${dstaddr}", line);
        assert_eq!(of("eni-3 10.0.0.7 10.9.9.9"), Some(FlowDirection::Egress));
        assert_eq!(of("eni-3 10.9.9.9 10.0.0.7"), Some(FlowDirection::Ingress));
        assert_eq!(
            of("eni-3 10.0.0.7 10.0.0.7"),
            None,
            "both sides are its own"
        );
        assert_eq!(
            of("eni-3 10.0.0.5 ::a00:7"),
            None,
            "IPv6 with the same bits"
        );
    }

    #[test]
    fn what_cannot_be_told_stays_unknown() {
        let of = |line: &str| direction_of("${interface-id} ${srcaddr} ${dstaddr}", line);
        assert_eq!(
            of("eni-1 10.0.0.5 10.0.0.6"),
            None,
            "both sides are its own"
        );
        assert_eq!(of("eni-1 10.9.9.8 10.9.9.9"), None, "neither side is");
        assert_eq!(of("eni-2 10.0.0.5 10.9.9.9"), None, "unknown interface");
        assert_eq!(of("- 10.0.0.5 10.9.9.9"), None, "no interface");
        assert_eq!(
            direction_of("${srcaddr} ${dstaddr}", "10.0.0.5 10.9.9.9"),
            None
        );
    }

    #[test]
    fn a_gateway_record_at_its_sources_attachment_is_ingress() {
        let of = |line: &str| {
            direction_of(
                "${tgw-attachment-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${bytes}",
                &format!("{line} 1"),
            )
        };
        assert_eq!(of("tgw-attach-1 vpc-1 vpc-2"), Some(FlowDirection::Ingress));
        assert_eq!(of("tgw-attach-1 vpc-2 vpc-1"), Some(FlowDirection::Egress));
        assert_eq!(of("tgw-attach-1 - vpc-1"), Some(FlowDirection::Egress));
        assert_eq!(of("tgw-attach-1 vpc-1 vpc-1"), None);
        assert_eq!(of("tgw-attach-2 vpc-1 vpc-2"), None);
    }
}
