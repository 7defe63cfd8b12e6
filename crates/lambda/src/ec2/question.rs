//! What can be asked about an id, and how: the action, the filter, and what a flow log's resource leads to.

use std::collections::BTreeSet;

use flowlogs_core::network::Inventory;

// The actions that a role needs for the questions.
pub(super) const INTERFACES: &str = "ec2:DescribeNetworkInterfaces";
pub(super) const ATTACHMENTS: &str = "ec2:DescribeTransitGatewayAttachments";
pub(super) const VPCS: &str = "ec2:DescribeVpcs";
pub(super) const GATEWAYS: &str = "ec2:DescribeTransitGateways";

/// Questions without repetition, those that go to one filter side by side.
pub(super) type Questions = BTreeSet<(About, String)>;

/// What can be asked about an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    InterfacesOfVpc,
    InterfacesOfSubnet,
    Interface,
    AttachmentsOfGateway,
    Attachment,
    // What the others lead to is asked for after them.
    Vpc,
    Gateway,
}

impl About {
    /// The action that a role needs for this.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::InterfacesOfVpc | Self::InterfacesOfSubnet | Self::Interface => INTERFACES,
            Self::AttachmentsOfGateway | Self::Attachment => ATTACHMENTS,
            Self::Vpc => VPCS,
            Self::Gateway => GATEWAYS,
        }
    }

    pub(super) fn filter(self) -> &'static str {
        match self {
            Self::InterfacesOfVpc | Self::Vpc => "vpc-id",
            Self::InterfacesOfSubnet => "subnet-id",
            Self::Interface => "network-interface-id",
            Self::AttachmentsOfGateway | Self::Gateway => "transit-gateway-id",
            Self::Attachment => "transit-gateway-attachment-id",
        }
    }

    /// What to ask about the resource of a flow log: everything that its records can be about.
    pub(super) fn resource(id: &str) -> &'static [Self] {
        match id {
            _ if id.starts_with("vpc-") => &[Self::InterfacesOfVpc, Self::Vpc],
            _ if id.starts_with("subnet-") => &[Self::InterfacesOfSubnet],
            _ if id.starts_with("eni-") => &[Self::Interface],
            _ if id.starts_with("tgw-attach-") => &[Self::Attachment],
            _ if id.starts_with("tgw-") => &[Self::AttachmentsOfGateway, Self::Gateway],
            _ => &[],
        }
    }

    /// What to ask about an id that a flow mentions.
    pub(super) fn mentioned(id: &str) -> Option<Self> {
        match id {
            _ if id.starts_with("vpc-") => Some(Self::Vpc),
            _ if id.starts_with("eni-") => Some(Self::Interface),
            _ if id.starts_with("tgw-attach-") => Some(Self::Attachment),
            _ if id.starts_with("tgw-") => Some(Self::Gateway),
            _ => None,
        }
    }

    /// Whether the inventory has what the id names. Of a VPC's interfaces nobody knows whether all are there.
    pub(super) fn is_known(self, id: &str, inventory: &Inventory) -> bool {
        let id = id.as_bytes();
        match self {
            Self::InterfacesOfVpc | Self::InterfacesOfSubnet | Self::AttachmentsOfGateway => false,
            Self::Interface => inventory.interface(id).is_some(),
            Self::Attachment => inventory.attachment(id).is_some(),
            Self::Vpc => inventory.vpc(id).is_some(),
            Self::Gateway => inventory.gateway(id).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_one_of_the_actions_that_are_told_to_the_outside() {
        for about in [
            About::InterfacesOfVpc,
            About::InterfacesOfSubnet,
            About::Interface,
            About::AttachmentsOfGateway,
            About::Attachment,
            About::Vpc,
            About::Gateway,
        ] {
            assert!(super::super::ACTIONS.contains(&about.action()), "{about:?}");
        }
    }
}
