//! The crate against scripted collectors on the loopback interface.

mod collector;
mod file;
mod tcp;
mod tls;
mod udp;
