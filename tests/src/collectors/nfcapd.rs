//! nfdump's collector `nfcapd`, and `nfdump` to read its files. Written for 1.7.1 (Debian 12) and later.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::flow::{Flow, milliseconds, number, small};
use crate::process::{Process, free_udp_port, udp_dropped, wait_until_listening, wait_until_read};
use crate::tool;
use flowlogs_testing::wire::Message;

/// A running `nfcapd`.
#[derive(Debug)]
pub struct Nfcapd {
    process: Process,
    directory: TempDir,
    port: u16,
    nfdump: PathBuf,
}

/// Flows and counters of a stopped nfcapd.
#[derive(Debug)]
pub struct Collected {
    /// Flows as shown by `nfdump`.
    pub flows: Vec<Flow>,
    /// Names of interfaces and VRFs, a line for each flow; `None` for versions that show no names (docs/collectors.md).
    pub names: Option<String>,
    /// Sequence errors that nfcapd counted.
    pub sequence_errors: u64,
    /// Packets that nfcapd could not read.
    pub bad_packets: u64,
}

/// Counters in the log of nfcapd, for runs with too many flows to read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Flows.
    pub flows: u64,
    /// Packets of all flows.
    pub packets: u64,
    /// Octets of all flows.
    pub octets: u64,
    /// Sequence errors that nfcapd counted.
    pub sequence_errors: u64,
    /// Packets that nfcapd could not read.
    pub bad_packets: u64,
    /// Datagrams dropped by the kernel for want of room in the receive buffer, unknown to nfcapd.
    pub dropped: u64,
}

impl Nfcapd {
    /// Starts the collector; `None` if not installed.
    ///
    /// # Panics
    ///
    /// If the collector does not start.
    pub fn start() -> Option<Self> {
        // The buffer of docs/collectors.md, for a busy machine.
        Self::with(&["-B", "8388608"])
    }

    /// Starts the collector with the default receive buffer of the system, usually 208 KiB.
    ///
    /// # Panics
    ///
    /// If the collector does not start.
    pub fn start_with_the_usual_buffer() -> Option<Self> {
        Self::with(&[])
    }

    fn with(buffer: &[&str]) -> Option<Self> {
        let (nfcapd, nfdump) = (tool::find("nfcapd")?, tool::find("nfdump")?);
        let directory = TempDir::new().expect("a directory");
        let files = directory.path().join("files");
        std::fs::create_dir(&files).expect("a directory");
        let port = free_udp_port();
        let mut command = Command::new(nfcapd);
        command
            .args([
                "-b",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-t",
                "3600",
                "-w",
            ])
            .arg(&files)
            .args(buffer)
            .env("TZ", "UTC");
        let mut process = Process::start(command, directory.path().join("log"));
        wait_until_listening(&mut process, port);
        Some(Self {
            process,
            directory,
            port,
            nfdump,
        })
    }

    /// Returns the URL `udp://…`.
    pub fn url(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    /// Stops the collector when the receive queue is empty, and reads the counters in the log.
    ///
    /// # Panics
    ///
    /// If the collector does not end.
    pub fn stop_and_count(self) -> Counted {
        wait_until_read(self.port);
        let dropped = udp_dropped(self.port).expect("it listens");
        let log = self.process.stop("TERM");
        Counted {
            dropped,
            flows: counted(&log, "Flows: "),
            packets: counted(&log, ", Packets: "),
            octets: counted(&log, "Bytes: "),
            sequence_errors: counted(&log, "Sequence Errors: "),
            bad_packets: counted(&log, "Bad Packets: "),
        }
    }

    /// Stops the collector when the receive queue is empty, and reads the files.
    ///
    /// # Panics
    ///
    /// If the collector does not end, or nfdump prints anything but flows.
    pub fn stop(self) -> Collected {
        wait_until_read(self.port);
        let log = self.process.stop("TERM");
        let files = self.directory.path().join("files");
        let print = |format: &str| {
            let mut command = Command::new(&self.nfdump);
            command.arg("-R").arg(&files).args(["-q", "-o", format]);
            output(command.env("TZ", "UTC"))
        };
        let shows_names = shows_names(&output(Command::new(&self.nfdump).arg("-V")));
        Collected {
            flows: flows(&print("json"), &log),
            names: shows_names.then(|| print("fmt:%inam %onam %ivrfnam %evrfnam")),
            sequence_errors: counted(&log, "Sequence Errors: "),
            bad_packets: counted(&log, "Bad Packets: "),
        }
    }
}

/// Reads from `nfdump: Version: 1.7.8-release …`; 1.7.1 shows no names.
fn shows_names(version: &str) -> bool {
    let patch = version.split_once("1.7.").map(|(_, rest)| rest);
    let patch = patch.and_then(|rest| rest.split(|octet: char| !octet.is_ascii_digit()).next());
    patch.is_some_and(|patch| number::<u32>(patch) >= 8)
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("nfdump");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Predicts the sequence errors that nfcapd counts although no message is missing. The sequence number counts all data
/// records (RFC 7011 §3.1), but nfcapd counts flow records only, so a message behind options data seems out of order once
/// a domain has had its first flows.
#[derive(Debug, Default)]
pub struct FalseSequenceErrors {
    /// Predicted errors so far.
    pub count: u64,
    /// Flows of each domain so far.
    flows: HashMap<u32, u64>,
    /// Next sequence number that nfcapd expects, by domain.
    next: HashMap<u32, u32>,
}

impl FalseSequenceErrors {
    /// Takes a message, in the order of sending.
    ///
    /// # Panics
    ///
    /// Never: a message has fewer records than octets.
    pub fn take(&mut self, message: &Message) {
        let of_flows = message
            .records()
            .filter(|(template, _)| template.scopes == 0);
        let number = u32::try_from(of_flows.count()).expect("few");
        let flows = self.flows.entry(message.domain).or_default();
        let next = message.sequence.wrapping_add(number);
        let seems = self.next.insert(message.domain, next);
        self.count += u64::from(*flows > 0 && seems != Some(message.sequence));
        *flows += u64::from(number);
    }
}

/// Parses objects with commas between, with or without the brackets of an array (versions differ).
fn flows(printed: &str, log: &str) -> Vec<Flow> {
    let objects = printed
        .trim()
        .trim_start_matches('[')
        .trim_end_matches([']', ',', '\n']);
    let objects: Vec<Value> =
        serde_json::from_str(&format!("[{objects}]")).expect("JSON of nfdump");
    objects.iter().map(|object| flow(object, log)).collect()
}

fn flow(object: &Value, log: &str) -> Flow {
    let text = |key: &str| object[key].as_str();
    let address = |v4: &str, v6: &str| Some(text(v4).or(text(v6))?.parse().expect("an address"));
    let vrf = |key: &str| text(key).map(number);
    Flow {
        domain: domain(log, object["export_sysid"].as_u64().unwrap_or_default()),
        start: text("first").map(milliseconds),
        end: text("last").map(milliseconds),
        source: address("src4_addr", "src6_addr"),
        destination: address("dst4_addr", "dst6_addr"),
        source_port: small(&object["src_port"]),
        destination_port: small(&object["dst_port"]),
        protocol: small(&object["proto"]),
        packets: object["in_packets"].as_u64(),
        octets: object["in_bytes"].as_u64(),
        tcp_flags: text("tcp_flags").map(tcp_flags),
        ingress: small(&object["input_snmp"]),
        egress: small(&object["output_snmp"]),
        ingress_vrf: vrf("ingress_vrf"),
        egress_vrf: vrf("egress_vrf"),
        direction: small(&object["direction"]),
        nat_source: address("src4_xlt_ip", "src6_xlt_ip"),
        nat_destination: address("dst4_xlt_ip", "dst6_xlt_ip"),
        ..Flow::default()
    }
}

/// Reduces a flow to the fields that nfdump 1.7.1 shows. Forwarding status (89) is always 0 and names are not found
/// (`docs/collectors.md`); lost packets, physical ports, applications and translated IPv6 addresses are not shown at all.
/// Absent fields are 0, and ICMP has no ports.
pub fn as_shown(flow: &Flow) -> Flow {
    let zero = |value: Option<u8>| Some(value.unwrap_or_default());
    let is_icmp = matches!(flow.protocol, Some(1 | 58));
    let port = |port: Option<u16>| (!is_icmp).then(|| port.unwrap_or_default());
    Flow {
        domain: flow.domain,
        start: Some(flow.start.unwrap_or_default()),
        end: Some(flow.end.unwrap_or_default()),
        source: flow.source,
        destination: flow.destination,
        source_port: port(flow.source_port),
        destination_port: port(flow.destination_port),
        protocol: zero(flow.protocol),
        packets: Some(flow.packets.unwrap_or_default()),
        octets: Some(flow.octets.unwrap_or_default()),
        tcp_flags: if is_icmp { None } else { zero(flow.tcp_flags) },
        ingress: Some(flow.ingress.unwrap_or_default()),
        egress: Some(flow.egress.unwrap_or_default()),
        ingress_vrf: flow.ingress_vrf,
        egress_vrf: flow.egress_vrf,
        direction: zero(flow.direction),
        nat_source: flow.nat_source.filter(IpAddr::is_ipv4),
        nat_destination: flow.nat_destination.filter(IpAddr::is_ipv4),
        ..Flow::default()
    }
}

/// Parses flags: `......SF`, or `0x…` for more than six flags.
fn tcp_flags(text: &str) -> u8 {
    if let Some(number) = text.trim().strip_prefix("0x") {
        return u8::from_str_radix(number, 16).expect("flags");
    }
    text.chars()
        .rev()
        .enumerate()
        .filter(|(_, flag)| *flag != '.')
        .fold(0, |flags, (bit, _)| flags | 1 << bit)
}

/// Finds the observation domain of an exporter in the log.
fn domain(log: &str, system: u64) -> Option<u32> {
    let row = format!("SysID: {system}, Observation domain ");
    let (_, rest) = log.split_once(&row)?;
    rest.split_whitespace().next().map(number)
}

/// Sums a counter over the log: nfcapd prints counters at the end and after each hour, and resets counters then.
fn counted(log: &str, label: &str) -> u64 {
    let said = log.split(label).skip(1);
    let counters =
        said.map(|rest| number::<u64>(rest.split([',', '\n']).next().unwrap_or_default()));
    counters
        .reduce(|sum, counter| sum + counter)
        .unwrap_or_else(|| panic!("no {label:?} in {log}"))
}
