//! IP address as two numbers.
//!
//! [`IpAddr`] is a tag and octets: a value written octet by octet and read as a whole soon after stalls a processor. Every
//! record has addresses, so they are numbers from the parser to the message.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// IPv4 or IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    high: u64,
    low: u64,
    family: AddressFamily,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AddressFamily {
    V4,
    V6,
}

impl Address {
    /// IPv4 address from the bits.
    #[inline]
    pub const fn v4(bits: u32) -> Self {
        Self {
            high: 0,
            low: bits as u64,
            family: AddressFamily::V4,
        }
    }

    /// IPv6 address from the bits.
    #[allow(clippy::cast_possible_truncation)] // the halves of the number
    pub const fn v6(bits: u128) -> Self {
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
            family: AddressFamily::V6,
        }
    }

    /// Address from upper and lower 64 bits; the upper bits of an IPv4 address are 0.
    #[inline]
    pub(crate) const fn of_halves(high: u64, low: u64, ipv4: bool) -> Self {
        let family = match ipv4 {
            true => AddressFamily::V4,
            false => AddressFamily::V6,
        };
        Self { high, low, family }
    }

    /// Returns whether the address is IPv4.
    #[inline]
    pub const fn is_ipv4(self) -> bool {
        matches!(self.family, AddressFamily::V4)
    }

    /// Bits of an IPv4 address.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // there are no more than 32 bits
    pub(crate) const fn ipv4_bits(self) -> Option<u32> {
        match self.family {
            AddressFamily::V4 => Some(self.low as u32),
            AddressFamily::V6 => None,
        }
    }

    /// Upper and lower 64 bits; the upper bits of an IPv4 address are 0.
    #[inline]
    pub(crate) const fn halves(self) -> (u64, u64) {
        (self.high, self.low)
    }

    /// Bits of the address as IPv6, with IPv4 mapped (RFC 4291 §2.5.5.2).
    pub(crate) fn to_ipv6_bits(self) -> u128 {
        const MAPPED: u64 = 0xffff << 32;
        match self.family {
            AddressFamily::V4 => u128::from(MAPPED | self.low),
            AddressFamily::V6 => u128::from(self.high) << 64 | u128::from(self.low),
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
        match address.ipv4_bits() {
            Some(bits) => Self::V4(Ipv4Addr::from_bits(bits)),
            None => Self::V6(Ipv6Addr::from_bits(address.to_ipv6_bits())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_equal_as_numbers_and_as_octets() {
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
    fn an_ipv4_address_and_its_mapped_form_differ_and_have_equal_ipv6_bits() {
        let [four, mapped] = ["10.0.0.5", "::ffff:10.0.0.5"]
            .map(|text| text.parse::<Address>().expect("address of the test"));
        assert_ne!(four, mapped);
        assert_eq!(four.to_ipv6_bits(), mapped.to_ipv6_bits());
    }
}
