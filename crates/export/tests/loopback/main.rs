//! The crate against scripted collectors on the loopback interface.

mod collector;
mod deadline;
mod dns;
mod faults;
mod file;
mod tcp;
mod tls;
mod udp;
