//! Settings that change how values are exported.

use std::net::IpAddr;

use crate::choice::choices;

/// Settings that change how values are exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MappingSettings {
    /// Unit of the exported times.
    pub timestamps: Timestamps,
    /// Primary address pair.
    pub address: AddressPair,
    /// Address for element 130 or 131 in flow records.
    pub exporter_address: Option<IpAddr>,
    /// Place of interface names.
    pub interface_names: InterfaceNames,
    /// Texts written by people.
    pub name_texts: NameTexts,
}

/// Unit of the exported times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// 152 and 153, 8 octets each.
    #[default]
    Milliseconds,
    /// 150 and 151, 4 octets each.
    Seconds,
}

/// Primary address pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressPair {
    /// `srcaddr` and `dstaddr`; different packet addresses go to 225/226 (281/282).
    #[default]
    Interface,
    /// `pkt-srcaddr` and `pkt-dstaddr`; different interface addresses go to 225/226 (281/282).
    Packet,
}

/// Place of interface names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InterfaceNames {
    /// In the interface table.
    #[default]
    Options,
    /// In the interface table and in every flow record.
    Inline,
}

/// Texts written by people: Name tags, tags, descriptions, names of ECS clusters and services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameTexts {
    /// In options records and inline names.
    #[default]
    On,
    /// Nowhere: for users who may not send names in clear text. Identifiers stay.
    Off,
}

choices!(NameTexts, "on" => Self::On, "off" => Self::Off);
choices!(Timestamps, "milliseconds" => Self::Milliseconds, "seconds" => Self::Seconds);
choices!(AddressPair, "interface" => Self::Interface, "packet" => Self::Packet);
choices!(InterfaceNames, "options" => Self::Options, "inline" => Self::Inline);
