//! Questions to EC2 about an id: action, filter, and the questions that follow from the resource of a flow log.

use std::collections::BTreeSet;

use flowlogs_core::network::Inventory;

// Actions that a role needs for the questions.
pub(crate) const FLOW_LOGS: &str = "ec2:DescribeFlowLogs";
pub(crate) const INTERFACES: &str = "ec2:DescribeNetworkInterfaces";
pub(crate) const ATTACHMENTS: &str = "ec2:DescribeTransitGatewayAttachments";
pub(crate) const VPCS: &str = "ec2:DescribeVpcs";
pub(crate) const GATEWAYS: &str = "ec2:DescribeTransitGateways";

/// Most values of a filter of the EC2 API.
pub(super) const FILTER_VALUES: usize = 200;

/// Most items of a page of the EC2 API.
pub(crate) const PAGE: i32 = 1_000;

/// Set of questions; questions of a kind are adjacent.
pub(super) type Questions = BTreeSet<(QuestionKind, String)>;

/// Kind of question about an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QuestionKind {
    InterfacesOfVpc,
    InterfacesOfSubnet,
    Interface,
    AttachmentsOfGateway,
    Attachment,
    // Answers to the questions above lead to these two: asked last.
    Vpc,
    Gateway,
}

impl QuestionKind {
    /// Action that a role needs for the question.
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

    /// Questions about the resource of a flow log: these cover most ids of the records.
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

    /// Question about an id that a flow mentions.
    pub(super) fn mentioned(id: &str) -> Option<Self> {
        match id {
            _ if id.starts_with("vpc-") => Some(Self::Vpc),
            _ if id.starts_with("eni-") => Some(Self::Interface),
            _ if id.starts_with("tgw-attach-") => Some(Self::Attachment),
            _ if id.starts_with("tgw-") => Some(Self::Gateway),
            _ => None,
        }
    }

    /// Looks the id up in the inventory. The interfaces of a VPC are never known to be complete.
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
            QuestionKind::InterfacesOfVpc,
            QuestionKind::InterfacesOfSubnet,
            QuestionKind::Interface,
            QuestionKind::AttachmentsOfGateway,
            QuestionKind::Attachment,
            QuestionKind::Vpc,
            QuestionKind::Gateway,
        ] {
            assert!(super::super::ACTIONS.contains(&about.action()), "{about:?}");
        }
    }
}
