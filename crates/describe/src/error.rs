//! `InventoryVersion` of this release, keys of an inventory, and the errors of reading and writing.

/// Value of `InventoryVersion` that this release reads and writes.
pub(crate) const INVENTORY_VERSION: u64 = 1;

/// Top-level keys of an inventory. Subnets are recognised but not used: an interface names its VPC.
pub(crate) const KEYS: [&str; 7] = [
    "InventoryVersion",
    "NetworkInterfaces",
    "Vpcs",
    "Subnets",
    "TransitGateways",
    "TransitGatewayAttachments",
    "FlowLogs",
];

/// Error of [`read`](crate::read), [`read_manifest`](crate::read_manifest), [`read_part`](crate::read_part) and
/// [`Manifest::to_gzip`](crate::Manifest::to_gzip).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// Not JSON, or a member has a wrong type; the message has line and column.
    #[error("not the JSON of an inventory: {}", words(.0))]
    Json(#[from] serde_json::Error),
    /// A JSON object without any key of an inventory.
    #[error("no inventory in it: none of the keys {}", KEYS.join(", "))]
    NoKnownKey,
    /// A packed document that is damaged or cut.
    #[error("the gzip stream is damaged or cut: {0}")]
    Gzip(String),
    /// More octets than are admitted.
    #[error("it has more than {0} octets")]
    TooLarge(u64),
    /// An object with another `InventoryVersion`.
    #[error(
        "it was written by another release (InventoryVersion {0}, known is {INVENTORY_VERSION})"
    )]
    OtherVersion(u64),
    /// An object of an organization's inventory without a required member.
    #[error("the member {0} is missing")]
    Missing(&'static str),
}

/// Most characters of an error of the JSON parser, which may quote a text of the document.
const LONGEST_WORDS: usize = 200;

/// Words of the JSON parser in one line of bounded length, with line and column.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let fault = text.split(" at line ").next().unwrap_or_default();
    let fault: String = fault.chars().take(LONGEST_WORDS).collect();
    format!("{fault} at line {} column {}", error.line(), error.column())
}
