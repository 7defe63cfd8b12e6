//! Texts of the name tables: the description of an interface and the name of a VPC, for network engineers.

use percent_encoding::percent_decode;

use crate::flowlog::FlowRecord;
use crate::flowlog::field::{DescribedInterface, FIELDS, Field, FieldMapping, FieldSpec};
use crate::mapping::settings::NameTexts;
use crate::network::{GatewayAttachment, InterfaceView, Inventory};

/// Description given by EC2's console to the first interface of any instance: tells nothing.
const OF_EVERY_INSTANCE: &str = "Primary network interface";

/// Text of parts separated by spaces; a part already in the text is left out.
#[derive(Default)]
struct PartedText(String);

impl PartedText {
    fn add(&mut self, part: &str) {
        let part = part.trim();
        let has = format!(" {} ", self.0).contains(&format!(" {part} "));
        if part.is_empty() || has {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(part);
    }

    fn add_known(&mut self, part: Option<&str>) {
        self.add(part.unwrap_or_default());
    }
}

/// Returns the name of a VPC: the id and, after a space, the Name tag.
pub(super) fn vrf_name(id: &[u8], inventory: &Inventory, name_texts: NameTexts) -> String {
    let mut text = PartedText::default();
    text.add(&String::from_utf8_lossy(id));
    let vpc = inventory.vpc(id).filter(|_| name_texts == NameTexts::On);
    text.add_known(vpc.and_then(|vpc| vpc.name.as_deref()));
    text.0
}

/// Returns the description of an interface, the most telling text first, because only 127 octets are available: the Name tag
/// or else the id, the columns of the record, then the facts of the inventory.
pub(super) fn interface(
    id: &[u8],
    described: DescribedInterface,
    record: &FlowRecord<'_>,
    interface: Option<InterfaceView<'_>>,
    inventory: &Inventory,
    name_texts: NameTexts,
) -> String {
    let attachment = inventory.attachment(id);
    let tag = interface
        .and_then(|interface| interface.name())
        .or_else(|| attachment?.name.as_deref())
        .filter(|tag| name_texts == NameTexts::On && !tag.trim().is_empty());
    let mut text = PartedText::default();
    match tag {
        Some(tag) => text.add(tag),
        None => text.add(&String::from_utf8_lossy(id)),
    }
    add_columns(&mut text, described, record, name_texts);
    if let Some(interface) = interface {
        add_interface(&mut text, interface, name_texts);
    } else if let Some(GatewayAttachment {
        resource_type,
        resource,
        ..
    }) = attachment
    {
        text.add_known(resource_type.as_deref());
        text.add_known(resource.as_deref());
    }
    text.0
}

/// Adds the columns of the record that describe the interface.
fn add_columns(
    text: &mut PartedText,
    described: DescribedInterface,
    record: &FlowRecord<'_>,
    name_texts: NameTexts,
) {
    let is_shown = |spec: &&FieldSpec| {
        let instance = spec.field == Field::InstanceId;
        let is_described = spec.mapping == FieldMapping::Description(described)
            || instance && described == DescribedInterface::Interface;
        is_described && (name_texts == NameTexts::On || rank(spec.field) < WRITTEN_BY_PEOPLE)
    };
    let mut columns: Vec<_> = FIELDS.iter().filter(is_shown).collect();
    columns.sort_by_key(|spec| rank(spec.field));
    for spec in columns {
        if let Some(value) = record.text(spec.field) {
            // AWS writes special characters of tags as `%` and two hexadecimal digits for each UTF-8 octet.
            text.add(&percent_decode(value).decode_utf8_lossy());
        }
    }
}

/// Rank of the first column whose text people wrote.
const WRITTEN_BY_PEOPLE: u8 = 6;

/// Position of a column in a description.
fn rank(field: Field) -> u8 {
    match field {
        Field::InstanceId => 0,
        Field::AzId | Field::TgwSrcAzId | Field::TgwDstAzId => 1,
        Field::SublocationType | Field::SublocationId => 2,
        Field::SubnetId | Field::TgwSrcSubnetId | Field::TgwDstSubnetId => 3,
        Field::TgwSrcVpcAccountId | Field::TgwDstVpcAccountId => 4,
        Field::InterfaceType | Field::EcsTaskId => 5,
        Field::InterfaceTag | Field::InterfaceTag2 => WRITTEN_BY_PEOPLE,
        Field::InstanceTag | Field::InstanceTag2 => WRITTEN_BY_PEOPLE + 1,
        Field::AsgTag | Field::AsgTag2 => WRITTEN_BY_PEOPLE + 2,
        _ => WRITTEN_BY_PEOPLE + 3,
    }
}

/// Adds the facts of the inventory.
fn add_interface(text: &mut PartedText, interface: InterfaceView<'_>, name_texts: NameTexts) {
    let description = interface
        .description()
        .filter(|text| name_texts == NameTexts::On && *text != OF_EVERY_INSTANCE);
    let kind = interface.kind().filter(|kind| *kind != "interface");
    text.add_known(description);
    text.add_known(kind);
    text.add_known(interface.zone());
    text.add_known(interface.subnet());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::{LogFormat, RecordValues};
    use crate::network::NetworkInterface;

    fn description(format: &str, line: &str) -> String {
        let format = LogFormat::parse(&format!("{format} ${{bytes}}"));
        let (format, line) = (format.expect("format of the test"), format!("{line} 1"));
        let mut values = RecordValues::default();
        let record =
            FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("line of the test");
        interface(
            record.interface_id().expect("interface"),
            DescribedInterface::Interface,
            &record,
            None,
            &Inventory::default(),
            NameTexts::On,
        )
    }

    #[test]
    fn tags_are_percent_decoded_and_broken_escapes_stay() {
        assert_eq!(
            percent_decode(b"caf%C3%A9%20one").decode_utf8_lossy(),
            "café one"
        );
        assert_eq!(percent_decode(b"100%").decode_utf8_lossy(), "100%");
        assert_eq!(percent_decode(b"%zz%4").decode_utf8_lossy(), "%zz%4");
        assert_eq!(percent_decode(b"%FF").decode_utf8_lossy(), "\u{fffd}");
    }

    const FORMAT: &str = "${interface-id} ${subnet-id} ${az-id} ${instance-id} ${ecs-cluster-name} ${ecs-service-name} \
        ${interface-tag} ${tcp-flags}";

    #[test]
    fn a_description_starts_with_the_id_and_puts_the_most_telling_columns_first() {
        let text = description(
            FORMAT,
            "eni-1 subnet-2 use1-az1 i-3 prod web front%20door 0",
        );
        assert_eq!(text, "eni-1 i-3 use1-az1 subnet-2 front door prod web");
        assert_eq!(description(FORMAT, "eni-1 - - - - - - -"), "eni-1");
    }

    #[test]
    fn columns_that_aws_wrote_stand_before_those_of_people_and_stay_without_names() {
        let format = "${interface-id} ${instance-tag} ${asg-tag} ${ecs-cluster-name} ${ecs-task-id} ${interface-type} \
            ${interface-tag} ${subnet-id}";
        let line = "eni-1 mine group prod task-4 nat_gateway front subnet-2";
        let text = description(format, line);
        assert_eq!(
            text,
            "eni-1 subnet-2 task-4 nat_gateway front mine group prod"
        );
        let format = LogFormat::parse(&format!("{format} ${{bytes}}")).expect("format of the test");
        let mut values = RecordValues::default();
        let line = format!("{line} 1");
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("a line");
        let described = DescribedInterface::Interface;
        let inventory = Inventory::default();
        let off = interface(
            b"eni-1",
            described,
            &record,
            None,
            &inventory,
            NameTexts::Off,
        );
        assert_eq!(off, "eni-1 subnet-2 task-4 nat_gateway");
        let format = "${interface-id} ${ecs-service-name} ${instance-tag} ${interface-type} ${subnet-id} \
            ${sublocation-id} ${az-id}";
        let text = description(format, "eni-1 web mine lambda subnet-2 sub-3 use1-az1");
        assert_eq!(text, "eni-1 use1-az1 sub-3 subnet-2 lambda mine web");
    }

    #[test]
    fn the_name_tag_takes_the_place_of_the_id_and_nothing_is_said_twice() {
        let interface = NetworkInterface {
            id: "eni-1".into(),
            name: Some("web use1-az1".into()),
            description: Some("ELB app/web".into()),
            kind: Some("interface".into()),
            zone: Some("use1-az1".into()),
            subnet: Some("subnet-2".into()),
            ..NetworkInterface::default()
        };
        let mut inventory = Inventory::new();
        inventory.insert_interface(&interface);
        let line = "eni-1 subnet-2 - i-3 prod web front%20door 0 1";
        let format = LogFormat::parse(&format!("{FORMAT} ${{bytes}}")).expect("format of the test");
        let mut values = RecordValues::default();
        let record = FlowRecord::parse(&format, line.as_bytes(), &mut values).expect("a line");
        let text = |name_texts| {
            let described = DescribedInterface::Interface;
            let known = inventory.interface(b"eni-1");
            super::interface(b"eni-1", described, &record, known, &inventory, name_texts)
        };
        let on = "web use1-az1 i-3 subnet-2 front door prod ELB app/web";
        assert_eq!(text(NameTexts::On), on);
        assert_eq!(text(NameTexts::Off), "eni-1 i-3 subnet-2 use1-az1");
    }

    #[test]
    fn the_account_of_a_gateways_vpc_stands_behind_the_subnet_with_and_without_names() {
        let format = "${tgw-src-vpc-account-id} ${tgw-src-eni} ${tgw-src-subnet-id} ${tgw-src-az-id} ${bytes}";
        let format = LogFormat::parse(format).expect("format of the test");
        let mut values = RecordValues::default();
        let line = b"123456789012 eni-1 subnet-2 use1-az1 1";
        let record = FlowRecord::parse(&format, line, &mut values).expect("line of the test");
        for name_texts in [NameTexts::On, NameTexts::Off] {
            let described = DescribedInterface::SourceEni;
            let inventory = Inventory::default();
            let text = interface(b"eni-1", described, &record, None, &inventory, name_texts);
            assert_eq!(text, "eni-1 use1-az1 subnet-2 123456789012");
        }
    }
}
