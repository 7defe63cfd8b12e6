//! goflow2, the decoder behind several products, with its default of two decoding threads. `scripts/setup` installs the
//! release; the mapping of elements is the one in `docs/collectors.md`.

use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::collectors::{milliseconds_now, without_arrival};
use crate::documents;
use crate::flow::{Flow, number, small};
use crate::process::{Process, free_udp_port, wait_until_listening};
use crate::tool;

/// A running `goflow2`.
#[derive(Debug)]
pub struct Goflow2 {
    process: Process,
    directory: TempDir,
    port: u16,
    started: u64,
}

/// Flows that goflow2 has decoded.
#[derive(Debug)]
pub struct Decoded {
    /// The flows.
    pub flows: Vec<Flow>,
    /// Flows without a sampling rate. goflow2 writes 0 for an unknown rate.
    pub without_rate: usize,
    /// Warnings in the log, as "template not found".
    pub warnings: Vec<String>,
}

impl Goflow2 {
    /// Starts the collector with the default number of workers; `None` if goflow2 is not installed.
    ///
    /// # Panics
    ///
    /// If the collector does not start.
    pub fn start() -> Option<Self> {
        let goflow2 = tool::find("goflow2")?;
        let directory = TempDir::new().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        let mapping = documents::collector_block("goflow2", "yaml", 0);
        std::fs::write(path("mapping.yaml"), mapping).expect("a file");
        std::fs::write(path("flows"), "").expect("a file");
        let port = free_udp_port();
        let mut command = Command::new(goflow2);
        command
            .args(["-addr", "", "-listen"])
            .arg(format!("netflow://127.0.0.1:{port}"))
            .arg("-mapping")
            .arg(path("mapping.yaml"))
            .arg("-transport.file")
            .arg(path("flows"));
        let mut process = Process::start(command, path("log"));
        wait_until_listening(&mut process, port);
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

    /// Waits for this total number of flows and returns the number of flows that were written. Gives up after two seconds
    /// without a new flow.
    pub fn wait_for(&self, flows: usize) -> usize {
        let (mut written, mut last) = (0, Instant::now());
        while written < flows && last.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(2));
            let now = written_text(&self.directory).matches('\n').count();
            if now > written {
                (written, last) = (now, Instant::now());
            }
        }
        written
    }

    /// Stops the collector and reads the written flows.
    ///
    /// # Panics
    ///
    /// If the collector does not end.
    pub fn stop(self) -> Decoded {
        let log = self.process.stop("TERM");
        let written = written_text(&self.directory);
        let rows: Vec<Value> = serde_json::Deserializer::from_str(&written)
            .into_iter()
            .map(|row| row.expect("JSON of goflow2"))
            .collect();
        let is_warning = |line: &&str| line.contains("level=WARN") || line.contains("level=ERROR");
        let rate = |row: &&Value| row["sampling_rate"].as_u64();
        Decoded {
            flows: rows.iter().map(|row| flow(row, self.started)).collect(),
            without_rate: rows.iter().filter(|row| rate(row) != Some(1)).count(),
            warnings: log.lines().filter(is_warning).map(str::to_owned).collect(),
        }
    }
}

/// Returns the output of goflow2 so far: objects and line ends, written apart by two threads, so that two objects may stand
/// in one line. The last object may be cut.
fn written_text(directory: &TempDir) -> String {
    std::fs::read_to_string(directory.path().join("flows")).expect("the file of this collector")
}

fn flow(row: &Value, started: u64) -> Flow {
    let address = |key: &str| -> Option<IpAddr> {
        let text = row[key].as_str().filter(|text| !text.is_empty())?;
        Some(text.parse().expect("an address"))
    };
    let time = |key: &str| {
        let nanoseconds = row[key].as_u64()?;
        Some(without_arrival(nanoseconds / 1_000_000, started))
    };
    Flow {
        domain: small(&row["observation_domain_id"]),
        start: time("time_flow_start_ns"),
        end: time("time_flow_end_ns"),
        source: address("src_addr"),
        destination: address("dst_addr"),
        source_port: small(&row["src_port"]),
        destination_port: small(&row["dst_port"]),
        protocol: row["proto"].as_str().map(protocol),
        packets: row["packets"].as_u64(),
        octets: row["bytes"].as_u64(),
        tcp_flags: small(&row["tcp_flags"]),
        ingress: small(&row["in_if"]),
        egress: small(&row["out_if"]),
        ingress_physical: small(&row["ingress_physical_if"]),
        egress_physical: small(&row["egress_physical_if"]),
        ingress_vrf: small(&row["ingress_vrf_id"]),
        egress_vrf: small(&row["egress_vrf_id"]),
        direction: small(&row["flow_direction"]),
        status: small(&row["forwarding_status"]),
        dropped: row["dropped_packets"].as_u64(),
        nat_source: address("post_nat_src_addr"),
        nat_destination: address("post_nat_dst_addr"),
        application: row["application_id"].as_str().map(application),
        ..Flow::default()
    }
}

/// Reduces a flow to the fields shown by goflow2: all but names, because goflow2 does not read options data. Absent fields
/// are 0, unless the mapping adds the fields.
pub fn as_shown(flow: &Flow) -> Flow {
    let zero = |value: Option<u32>| Some(value.unwrap_or(0));
    let small = |value: Option<u8>| Some(value.unwrap_or(0));
    Flow {
        start: Some(flow.start.unwrap_or(0)),
        end: Some(flow.end.unwrap_or(0)),
        source_port: Some(flow.source_port.unwrap_or(0)),
        destination_port: Some(flow.destination_port.unwrap_or(0)),
        protocol: small(flow.protocol),
        packets: Some(flow.packets.unwrap_or(0)),
        octets: Some(flow.octets.unwrap_or(0)),
        tcp_flags: small(flow.tcp_flags),
        ingress: zero(flow.ingress),
        egress: zero(flow.egress),
        status: small(flow.status),
        ingress_name: None,
        egress_name: None,
        ingress_vrf_name: None,
        egress_vrf_name: None,
        ..flow.clone()
    }
}

/// Parses the name of a protocol.
fn protocol(text: &str) -> u8 {
    match text {
        "HOPOPT" => 0,
        "ICMP" => 1,
        "TCP" => 6,
        "UDP" => 17,
        "GRE" => 47,
        "ESP" => 50,
        "IPv6-ICMP" => 58,
        "reserved" => 255,
        text => number(text),
    }
}

/// Parses `0600000c`: an octet of engine, three octets of selector.
fn application(text: &str) -> (u8, u32) {
    let number = u32::from_str_radix(text, 16).expect("four octets in hexadecimal");
    let [engine, ..] = number.to_be_bytes();
    (engine, number & 0x00ff_ffff)
}
