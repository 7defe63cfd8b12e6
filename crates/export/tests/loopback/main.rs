//! The crate against scripted collectors on the loopback interface.

mod authority;
mod collector;
mod dns;
mod faults;
mod file;
mod tcp;
mod tls;
mod udp;
