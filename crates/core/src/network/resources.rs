//! VPCs, transit gateways and attachments, as the inventory holds them.

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// Name tag.
    pub name: Option<String>,
    /// Owner account, if known; EC2 shows the owner all interfaces of the VPC, also of accounts that share a subnet.
    pub owner: Option<String>,
}

/// A transit gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransitGateway {
    /// `tgw-…`
    pub id: String,
    /// Name tag.
    pub name: Option<String>,
}

/// An attachment of a transit gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayAttachment {
    /// `tgw-attach-…`
    pub id: String,
    /// The gateway, `tgw-…`.
    pub gateway: Option<String>,
    /// Name tag.
    pub name: Option<String>,
    /// `vpc`, `vpn`, `peering`, …
    pub resource_type: Option<String>,
    /// The attached resource: `vpc-…`, `vpn-…`, `tgw-…`, …
    pub resource: Option<String>,
}
