//! SDK types, whose members are all optional, mapped to the descriptions of `flowlogs-describe`.
//!
//! `flowlogs-describe` interprets names, addresses and statuses, once for the functions and the command line. An item
//! without the id is skipped, and so is an address that cannot be parsed.

use std::str::FromStr;

use aws_sdk_ec2::types;
use flowlogs_describe::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, InterfaceDescription,
    Tag, Timestamp, VpcAttachment, VpcDescription,
};

pub(crate) fn flow_log(from: types::FlowLog) -> Option<FlowLogDescription> {
    Some(FlowLogDescription {
        flow_log_id: from.flow_log_id?,
        resource_id: from.resource_id?,
        traffic_type: from.traffic_type.map(|word| word.as_str().to_owned()),
        log_group_name: from.log_group_name,
        log_destination: from.log_destination,
        log_format: from.log_format,
        deliver_logs_status: from.deliver_logs_status,
        creation_time: (from.creation_time)
            .and_then(|time| Some(Timestamp(u64::try_from(time.to_millis().ok()?).ok()?))),
    })
}

pub(crate) fn interface(from: types::NetworkInterface) -> Option<InterfaceDescription> {
    Some(InterfaceDescription {
        network_interface_id: from.network_interface_id?,
        description: from.description,
        interface_type: from.interface_type.map(|word| word.as_str().to_owned()),
        subnet_id: from.subnet_id,
        vpc_id: from.vpc_id,
        availability_zone: from.availability_zone,
        availability_zone_id: from.availability_zone_id,
        status: from.status.map(|word| word.as_str().to_owned()),
        owner_id: from.owner_id,
        attachment: from.attachment.map(|attachment| VpcAttachment {
            instance_id: attachment.instance_id,
        }),
        private_ip_address: from.private_ip_address.and_then(|text| text.parse().ok()),
        private_ip_addresses: parsed(from.private_ip_addresses, |item| item.private_ip_address),
        ipv6_addresses: parsed(from.ipv6_addresses, |item| item.ipv6_address),
        ipv4_prefixes: parsed(from.ipv4_prefixes, |item| item.ipv4_prefix),
        ipv6_prefixes: parsed(from.ipv6_prefixes, |item| item.ipv6_prefix),
        tag_set: tags(from.tag_set),
    })
}

pub(crate) fn vpc(from: types::Vpc) -> Option<VpcDescription> {
    Some(VpcDescription {
        vpc_id: from.vpc_id?,
        owner_id: from.owner_id,
        tags: tags(from.tags),
    })
}

pub(crate) fn gateway(from: types::TransitGateway) -> Option<GatewayDescription> {
    Some(GatewayDescription {
        transit_gateway_id: from.transit_gateway_id?,
        tags: tags(from.tags),
    })
}

pub(crate) fn attachment(
    from: types::TransitGatewayAttachment,
) -> Option<GatewayAttachmentDescription> {
    Some(GatewayAttachmentDescription {
        transit_gateway_attachment_id: from.transit_gateway_attachment_id?,
        transit_gateway_id: from.transit_gateway_id,
        resource_type: from.resource_type.map(|word| word.as_str().to_owned()),
        resource_id: from.resource_id,
        tags: tags(from.tags),
    })
}

fn tags(from: Option<Vec<types::Tag>>) -> Option<Vec<Tag>> {
    let tags = from?.into_iter().filter_map(|tag| {
        let key = tag.key?;
        let value = tag.value;
        Some(Tag { key, value })
    });
    Some(tags.collect())
}

/// Returns the items whose text can be parsed, in EC2's wrapping.
fn parsed<I, D: FromStr>(
    items: Option<Vec<I>>,
    text: impl Fn(I) -> Option<String>,
) -> Option<Vec<D>> {
    let items = items?.into_iter();
    Some(items.filter_map(|item| text(item)?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use flowlogs_source::{DeliveredLine, LineOrigin, LineSink, Unpacker};

    use super::*;

    /// Sink that keeps the time of the last line.
    struct LastTime(Option<u64>);

    impl LineSink for LastTime {
        type Error = Infallible;

        fn origin(&mut self, _: &LineOrigin<'_>) -> Result<(), Infallible> {
            Ok(())
        }

        fn line(&mut self, line: &DeliveredLine<'_>) -> Result<(), Infallible> {
            self.0 = line.timestamp;
            Ok(())
        }
    }

    #[test]
    fn a_time_of_ec2_is_read_as_that_of_an_export() {
        for text in [
            "2026-11-29T01:02:03.123Z",
            "2024-02-29T23:59:60Z",
            "2000-02-29T00:00:00.000000001Z",
            "2026-11-29T01:02:61Z",
            "2026-11-29T01:60:03Z",
            "2026-11-29T24:02:03Z",
            "2026-13-29T01:02:03Z",
            "2026-11-32T01:02:03Z",
            "2026-11-29 01:02:03",
        ] {
            let mut export = LastTime(None);
            let line = format!("{text} 2 123456789012\n");
            let read = Unpacker::new(1 << 20).read(line.as_bytes(), &mut export);
            assert_eq!(read.map(|summary| summary.lines), Ok(1));
            let described = text.parse().ok().map(|Timestamp(time)| time);
            assert_eq!(described, export.0, "{text}");
        }
    }
}
