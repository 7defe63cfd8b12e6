//! Real collectors: each started on a free loopback port in a directory of its own, fed, stopped, and read back.
//!
//! Each file also says, in `as_shown`, what its collector can show of a flow at all, so that a test compares everything
//! that there is to compare and nothing else.

pub mod ipfixdump;
pub mod nfacctd;
pub mod nfcapd;
pub mod tshark;
