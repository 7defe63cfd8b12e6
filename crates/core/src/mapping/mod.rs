//! From what AWS says to what IPFIX carries: a typed record becomes the values of a flow, its layout, and the names that
//! go with it.
//!
//! This is where the two vocabularies meet. [`crate::flowlog`] knows nothing of what comes after it and
//! [`crate::ipfix`] nothing of what came before; the direct routes are columns of the field table, the rules that need
//! more than one column are here.

pub(crate) mod context;
mod domain;
mod flow;
mod layout;
mod names;
mod services;

pub(crate) use domain::Domains;
pub(crate) use flow::{Numbers, map};
pub(crate) use layout::Layouts;
pub(crate) use names::{Announcer, Names};

use std::net::IpAddr;

use crate::choice::choices;

/// How values are exported; part of the settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MappingSettings {
    /// Which times are exported.
    pub timestamps: Timestamps,
    /// Which address pair is the primary one.
    pub address: AddressPair,
    /// Adds 130 or 131 to flow records.
    pub exporter_address: Option<IpAddr>,
    /// Whether interfaceName (82) is in flow records too.
    pub interface_names: InterfaceNames,
}

/// Which times are exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// 152 and 153, 8 octets each.
    #[default]
    Milliseconds,
    /// 150 and 151, 4 octets each.
    Seconds,
}

/// Which address pair is the primary one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressPair {
    /// `srcaddr` and `dstaddr`; packet addresses that differ go to 225/226 (281/282).
    #[default]
    Interface,
    /// `pkt-srcaddr` and `pkt-dstaddr`; interface addresses that differ go to 225/226 (281/282).
    Packet,
}

/// Where collectors find interface names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InterfaceNames {
    /// In the interface table.
    #[default]
    Options,
    /// In the interface table and in every flow record.
    Inline,
}

choices!(Timestamps, "milliseconds, seconds", "milliseconds" => Self::Milliseconds, "seconds" => Self::Seconds);
choices!(AddressPair, "interface, packet", "interface" => Self::Interface, "packet" => Self::Packet);
choices!(InterfaceNames, "options, inline", "options" => Self::Options, "inline" => Self::Inline);
