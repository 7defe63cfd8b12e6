//! Flow logs become IPFIX.
