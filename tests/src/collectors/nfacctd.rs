//! pmacct's collector `nfacctd` with its print plugin and the configuration of `docs/collectors.md`. Written for 1.7.7
//! (Debian 12) and later.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::collectors::{milliseconds_now, without_arrival};
use crate::documents;
use crate::flow::{Flow, number, small, sums};
use crate::process::{Process, free_udp_port, wait_until, wait_until_listening, wait_until_read};
use crate::tool;

/// A running `nfacctd`.
#[derive(Debug)]
pub struct Nfacctd {
    process: Process,
    directory: TempDir,
    port: u16,
    started: u64,
}

/// Flows and warnings of a stopped nfacctd.
#[derive(Debug)]
pub struct Collected {
    /// Flows. Flows that differ in nothing but counters are added up.
    pub flows: Vec<Flow>,
    /// Every sampling rate that was applied.
    pub sampling_rates: Vec<u64>,
    /// Warnings in the log.
    pub warnings: Vec<String>,
}

impl Nfacctd {
    /// Starts the collector; `None` if not installed.
    ///
    /// # Panics
    ///
    /// If the collector does not start.
    pub fn start() -> Option<Self> {
        let nfacctd = tool::find("nfacctd")?;
        let directory = TempDir::new().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let port = free_udp_port();
        let [flows, primitives] =
            ["flows", "primitives"].map(|name| path(name).display().to_string());
        let documented = documents::collector_block("pmacct", "ini", 1)
            .replace("0.0.0.0", "127.0.0.1")
            .replace("4739", &port.to_string())
            .replace("/etc/pmacct/primitives.lst", &primitives)
            .replace("/var/flows/%Y%m%d-%H%M.json", &flows)
            .replace("refresh_time[flows]: 60", "refresh_time[flows]: 1");
        let configuration = format!(
            "{documented}\
             daemonize: false\n\
             print_output_file_append[flows]: true\n\
             timestamps_since_epoch: true\n"
        );
        std::fs::write(&primitives, documents::collector_block("pmacct", "ini", 0))
            .expect("a file");
        std::fs::write(path("configuration"), configuration).expect("a file");
        let mut command = Command::new(nfacctd);
        command.arg("-f").arg(path("configuration"));
        let mut process = Process::start(command, path("log"));
        wait_until_listening(&mut process, port);
        // The socket is open before the plugin is ready; datagrams that arrive in between are lost silently.
        wait_until("nfacctd's plugin to work", || {
            process.log().contains("Purging cache - END")
        });
        Some(Self {
            process,
            directory,
            port,
            started: milliseconds_now(),
        })
    }

    /// Returns the URL `udp://…`.
    pub fn url(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    /// Waits until as many packets were written as these flows have, stops the collector, and reads its file.
    ///
    /// # Panics
    ///
    /// If the collector does not end.
    pub fn stop(self, expected: &[Flow]) -> Collected {
        wait_until_read(self.port);
        let Self {
            process,
            directory,
            started,
            ..
        } = self;
        let file = directory.path().join("flows");
        // The file is written every second, so that the counters of a flow can be in two rows.
        let flows = || aggregated(rows(&file).iter().map(|row| flow(row, started)));
        wait_until("nfacctd to write its flows", || {
            let flows = flows();
            flows.len() >= expected.len() && sums(&flows).0 >= sums(expected).0
        });
        let log = process.stop("INT");
        let is_warning = |line: &&str| line.starts_with("WARN") || line.starts_with("ERROR");
        Collected {
            flows: flows(),
            sampling_rates: rows(&file)
                .iter()
                .filter_map(|row| row["sampling_rate"].as_u64())
                .collect(),
            warnings: log.lines().filter(is_warning).map(str::to_owned).collect(),
        }
    }
}

/// Reads the rows written so far. A line that is being written is no JSON yet and is skipped.
fn rows(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn flow(row: &Value, collector_started: u64) -> Flow {
    let text = |key: &str| row[key].as_str().filter(|text| !text.is_empty());
    let address = |key: &str| text(key).map(|text| text.parse().expect("an address"));
    // Seconds with six digits of a fraction.
    let time = |key: &str| text(key).map(|text| number::<u64>(&text.replace('.', "")) / 1_000);
    Flow {
        start: time("timestamp_start").map(|time| without_arrival(time, collector_started)),
        end: time("timestamp_end"),
        source: address("ip_src"),
        destination: address("ip_dst"),
        source_port: small(&row["port_src"]),
        destination_port: small(&row["port_dst"]),
        protocol: text("ip_proto").map(protocol),
        packets: Some(row["packets"].as_u64().unwrap_or_default()),
        octets: Some(row["bytes"].as_u64().unwrap_or_default()),
        tcp_flags: text("tcp_flags").map(number),
        ingress: small(&row["iface_in"]),
        egress: small(&row["iface_out"]),
        ingress_physical: text("ingress_physical").map(number),
        egress_physical: text("egress_physical").map(number),
        ingress_vrf: text("ingress_vrf").map(number),
        egress_vrf: text("egress_vrf").map(number),
        direction: text("flow_direction").map(number),
        status: text("forwarding_status").map(number),
        dropped: text("dropped_packets").map(number),
        nat_source: address("post_nat_ip_src"),
        nat_destination: address("post_nat_ip_dst"),
        ..Flow::default()
    }
}

/// Reduces a flow to the fields that nfacctd 1.7.7 shows: no observation domain, no names (versions after 1.7.9 learn
/// names from options data). Absent fields are 0. A flow without octets (Block Public Access) is an *event* to pmacct and
/// has no packets either. Translated addresses are shown beside IPv4 addresses only.
pub fn as_shown(flow: &Flow) -> Flow {
    let zero = |value: Option<u32>| Some(value.unwrap_or_default());
    let small = |value: Option<u8>| Some(value.unwrap_or_default());
    let is_ipv4 = flow.source.is_some_and(|address| address.is_ipv4());
    Flow {
        start: Some(flow.start.unwrap_or_default()),
        end: Some(flow.end.unwrap_or_default()),
        source: flow.source,
        destination: flow.destination,
        source_port: Some(flow.source_port.unwrap_or_default()),
        destination_port: Some(flow.destination_port.unwrap_or_default()),
        protocol: small(flow.protocol),
        packets: Some(
            flow.packets
                .filter(|_| flow.octets.is_some())
                .unwrap_or_default(),
        ),
        octets: Some(flow.octets.unwrap_or_default()),
        tcp_flags: small(flow.tcp_flags),
        ingress: zero(flow.ingress),
        egress: zero(flow.egress),
        ingress_physical: zero(flow.ingress_physical),
        egress_physical: zero(flow.egress_physical),
        ingress_vrf: zero(flow.ingress_vrf),
        egress_vrf: zero(flow.egress_vrf),
        direction: small(flow.direction),
        status: small(flow.status),
        dropped: Some(flow.dropped.unwrap_or_default()),
        nat_source: flow.nat_source.filter(|_| is_ipv4),
        nat_destination: flow.nat_destination.filter(|_| is_ipv4),
        ..Flow::default()
    }
}

/// Adds up flows that differ in nothing but counters, as pmacct does.
pub fn aggregated(flows: impl IntoIterator<Item = Flow>) -> Vec<Flow> {
    let mut by_key = std::collections::BTreeMap::new();
    for mut flow in flows {
        let counters = (
            flow.packets.take().unwrap_or_default(),
            flow.octets.take().unwrap_or_default(),
        );
        let sum: &mut (u64, u64) = by_key.entry(flow).or_default();
        *sum = (sum.0 + counters.0, sum.1 + counters.1);
    }
    let flow = |(flow, (packets, octets))| Flow {
        packets: Some(packets),
        octets: Some(octets),
        ..flow
    };
    by_key.into_iter().map(flow).collect()
}

/// Parses a protocol: a name, if `/etc/protocols` or pmacct's table has a name.
fn protocol(text: &str) -> u8 {
    match text {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ipv6-icmp" | "icmp6" => 58,
        "hopopt" | "ip" => 0,
        text => number(text),
    }
}
