//! An IP address as numbers.
//!
//! [`IpAddr`] is a tag and octets: what is written octet by octet and read as a whole soon after makes a processor wait.
//! Every record has addresses, so they are kept as numbers from the parser to the message.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 or IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    high: u64,
    low: u64,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Four,
    Six,
}

impl Address {
    /// The IPv4 address with these bits.
    #[inline]
    pub const fn v4(bits: u32) -> Self {
        Self {
            high: 0,
            low: bits as u64,
            version: Version::Four,
        }
    }

    /// The IPv6 address with these bits.
    #[allow(clippy::cast_possible_truncation)] // taking it apart is the point
    pub const fn v6(bits: u128) -> Self {
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
            version: Version::Six,
        }
    }

    /// The address with these upper and lower 64 bits, of which an IPv4 one has no upper ones.
    #[inline]
    pub(crate) const fn of_halves(high: u64, low: u64, ipv4: bool) -> Self {
        let version = if ipv4 { Version::Four } else { Version::Six };
        Self { high, low, version }
    }

    /// Whether it is an IPv4 address.
    #[inline]
    pub const fn is_ipv4(self) -> bool {
        matches!(self.version, Version::Four)
    }

    /// The upper and the lower 64 bits; the upper ones of an IPv4 address are 0.
    #[inline]
    pub(crate) const fn halves(self) -> (u64, u64) {
        (self.high, self.low)
    }

    /// As an IPv6 address, an IPv4 one mapped (RFC 4291 §2.5.5.2).
    pub(crate) fn to_ipv6_bits(self) -> u128 {
        const MAPPED: u64 = 0xffff << 32;
        match self.version {
            Version::Four => u128::from(MAPPED | self.low),
            Version::Six => u128::from(self.high) << 64 | u128::from(self.low),
        }
    }
}

impl FromStr for Address {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        text.parse::<IpAddr>().map(Self::from)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::v4(address.to_bits()),
            IpAddr::V6(address) => Self::v6(address.to_bits()),
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        match address.version {
            #[allow(clippy::cast_possible_truncation)] // there are no more than 32 bits
            Version::Four => Self::V4(Ipv4Addr::from_bits(address.low as u32)),
            Version::Six => Self::V6(Ipv6Addr::from_bits(address.to_ipv6_bits())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_in_both_shapes() {
        for text in [
            "0.0.0.0",
            "10.0.0.5",
            "255.255.255.255",
            "::",
            "::10.0.0.5",
            "::ffff:10.0.0.5",
            "2001:db8::ffff:1",
        ] {
            let address: IpAddr = text.parse().expect("address of the test");
            assert_eq!(Address::from(address).to_string(), address.to_string());
            assert_eq!(IpAddr::from(Address::from(address)), address);
            assert_eq!(Address::from(address).is_ipv4(), address.is_ipv4());
        }
    }

    #[test]
    fn ipv4_and_what_is_mapped_from_it_differ_and_have_the_same_ipv6_bits() {
        let [four, mapped] = ["10.0.0.5", "::ffff:10.0.0.5"]
            .map(|text| text.parse::<Address>().expect("address of the test"));
        assert_ne!(four, mapped);
        assert_eq!(four.to_ipv6_bits(), mapped.to_ipv6_bits());
    }
}
