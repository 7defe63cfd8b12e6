//! Two network namespaces joined by a cable (veth pair): an exporter at 10.99.0.1 and a collector at 10.99.0.2. Faults of
//! real networks can be made without touching the network of the machine.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::tool;

/// Address of the collector.
pub const COLLECTOR: &str = "10.99.0.2";

/// Side of the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Namespace of the exporter, 10.99.0.1.
    Exporter,
    /// Namespace of the collector, 10.99.0.2.
    Collector,
}

/// A pair of namespaces, deleted when dropped.
#[derive(Debug)]
pub struct NetworkPair {
    name: String,
}

impl NetworkPair {
    /// Makes the namespaces; `None`, with a line on standard error, where this is not allowed.
    ///
    /// # Panics
    ///
    /// If a namespace can be made but not configured.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        tool::find("ip")?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let pair = Self {
            name: format!("fl{}-{number}", std::process::id()),
        };
        let [exporter, collector] =
            [Side::Exporter, Side::Collector].map(|side| pair.namespace(side));
        if !ip(&["netns", "add", &exporter]) {
            eprintln!("skipped: no right to make network namespaces");
            return None;
        }
        assert!(ip(&["netns", "add", &collector]), "a second namespace");
        let cable = [
            "link", "add", "cable", "netns", &exporter, "type", "veth", "peer", "name", "cable",
            "netns", &collector,
        ];
        assert!(ip(&cable), "a veth pair");
        for (side, address) in [
            (Side::Exporter, "10.99.0.1/24"),
            (Side::Collector, "10.99.0.2/24"),
        ] {
            pair.ip(side, &["address", "add", address, "dev", "cable"]);
            pair.ip(side, &["link", "set", "lo", "up"]);
            pair.ip(side, &["link", "set", "cable", "up"]);
        }
        // Packets of real size, as on a cable, instead of segments for the peer's kernel to cut.
        pair.ip(
            Side::Exporter,
            &["link", "set", "cable", "gso_max_segs", "1"],
        );
        Some(pair)
    }

    /// Runs `ip` within a side.
    ///
    /// # Panics
    ///
    /// If the command fails.
    pub fn ip(&self, side: Side, arguments: &[&str]) {
        let namespace = self.namespace(side);
        let all: Vec<&str> = ["-n", &namespace]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        assert!(ip(&all), "ip {all:?}");
    }

    /// A command that runs a program within a side.
    pub fn command(&self, side: Side, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace(side)])
            .arg(program);
        command
    }

    fn namespace(&self, side: Side) -> String {
        let side = if side == Side::Exporter { "e" } else { "c" };
        format!("{}-{side}", self.name)
    }
}

impl Drop for NetworkPair {
    fn drop(&mut self) {
        for side in [Side::Exporter, Side::Collector] {
            ip(&["netns", "delete", &self.namespace(side)]);
        }
    }
}

/// Runs `ip`; false on failure.
fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip")
        .args(arguments)
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
