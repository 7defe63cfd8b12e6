//! The crate against scripted collectors on the loopback interface.

mod authority;
mod collector;
mod file;
mod tcp;
mod tls;
mod udp;
