//! `tshark`: Wireshark's dissector: reads captures and reports malformed and out-of-sequence messages.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

use crate::flow::{Flow, milliseconds, number};
use crate::tool;

/// A dissected capture.
#[derive(Debug)]
pub struct Dissection {
    /// Flows, with the names in earlier options records.
    pub flows: Vec<Flow>,
    /// IPFIX messages.
    pub messages: usize,
    /// Malformed packets, and further expert information about IPFIX.
    pub complaints: Vec<String>,
}

/// Names by domain, key of the number, and number.
type Names = HashMap<(u32, &'static str, String), String>;

/// Dissects a capture file; `None` if tshark is not installed.
///
/// # Panics
///
/// If tshark fails.
pub fn read(capture: &Path) -> Option<Dissection> {
    let output = Command::new(tool::find("tshark")?)
        .arg("-n")
        .arg("-r")
        .arg(capture)
        .args([
            "-Y",
            "cflow || _ws.malformed",
            "-T",
            "json",
            "--no-duplicate-keys",
        ])
        .env("TZ", "UTC")
        .output()
        .expect("tshark");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark: {errors}");
    let packets: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON of tshark");
    let mut dissection = Dissection {
        flows: Vec::new(),
        messages: 0,
        complaints: Vec::new(),
    };
    let mut names = Names::new();
    for packet in &packets {
        let layers = &packet["_source"]["layers"];
        if let Some(malformed) = layers.get("_ws.malformed") {
            dissection.complaints.push(malformed.to_string());
        }
        // Several messages in one segment become an array.
        let messages = match &layers["cflow"] {
            Value::Array(messages) => messages.as_slice(),
            message => std::slice::from_ref(message),
        };
        for message in messages.iter().filter_map(Value::as_object) {
            dissection.messages += 1;
            dissection.read(message, &mut names);
        }
    }
    Some(dissection)
}

impl Dissection {
    fn read(&mut self, message: &Map<String, Value>, names: &mut Names) {
        let domain = message["cflow.od_id"]
            .as_str()
            .map(number)
            .expect("a domain");
        complaints(message, &mut self.complaints);
        for set in message.values().filter_map(Value::as_object) {
            let records = set.iter().filter(|(key, _)| key.starts_with("Flow "));
            for record in records.filter_map(|(_, record)| record.as_object()) {
                let mut fields = HashMap::new();
                leaves(record, &mut fields);
                let is_flow = fields.contains_key("cflow.forwarding_status");
                if is_flow {
                    self.flows.push(flow(domain, &fields, names));
                } else {
                    learn(domain, &fields, names);
                }
            }
        }
    }
}

/// Collects expert information at any depth of a message.
fn complaints(object: &Map<String, Value>, found: &mut Vec<String>) {
    for (key, value) in object {
        if key.starts_with("_ws.") {
            found.push(value.to_string());
        } else if let Some(object) = value.as_object() {
            complaints(object, found);
        }
    }
}

/// Collects fields at any depth: tshark groups some fields.
fn leaves<'a>(object: &'a Map<String, Value>, fields: &mut HashMap<&'a str, &'a str>) {
    for (key, value) in object {
        match value {
            Value::Object(object) => leaves(object, fields),
            Value::String(text) => _ = fields.insert(key, text),
            _ => {}
        }
    }
}

fn learn(domain: u32, fields: &HashMap<&str, &str>, names: &mut Names) {
    for (scope, name) in [
        ("cflow.inputint", "cflow.if_name"),
        ("cflow.ingress_vrfid", "cflow.vrfname"),
    ] {
        if let (Some(number), Some(name)) = (fields.get(scope), fields.get(name)) {
            names.insert((domain, scope, (*number).to_owned()), (*name).to_owned());
        }
    }
}

/// Returns the status of a flow: tshark shows the two bits of status and the six bits of reason separately.
fn forwarding_status(fields: &HashMap<&str, &str>) -> Option<u8> {
    let status = fields.get("cflow.forwarding_status")?;
    let reasons = ["unknown", "forward", "drop", "consume"];
    let reason = reasons.iter().find_map(|reason| {
        let key = format!("cflow.forwarding_status_{reason}_code");
        fields.get(key.as_str())
    });
    Some(number::<u8>(status) << 6 | reason.map_or(0, |reason| number::<u8>(reason)))
}

fn flow(domain: u32, fields: &HashMap<&str, &str>, names: &Names) -> Flow {
    let text = |key: &str| fields.get(key).copied();
    let address = |keys: [&str; 2]| {
        Some(
            text(keys[0])
                .or_else(|| text(keys[1]))?
                .parse()
                .expect("an address"),
        )
    };
    let name = |scope: &'static str, key: &str| {
        names.get(&(domain, scope, text(key)?.to_owned())).cloned()
    };
    let application = text("cflow.appl_id.classification_engine_id").map(|engine| {
        (
            number(engine),
            text("cflow.appl_id.selector_id")
                .map(octets)
                .expect("a selector"),
        )
    });
    Flow {
        domain: Some(domain),
        start: text("cflow.abstimestart").map(time),
        end: text("cflow.abstimeend").map(time),
        source: address(["cflow.srcaddr", "cflow.srcaddrv6"]),
        destination: address(["cflow.dstaddr", "cflow.dstaddrv6"]),
        source_port: text("cflow.srcport").map(number),
        destination_port: text("cflow.dstport").map(number),
        protocol: text("cflow.protocol").map(number),
        packets: text("cflow.packets").map(number),
        octets: text("cflow.octets").map(number),
        tcp_flags: text("cflow.tcpflags")
            .map(|text| u8::from_str_radix(text.trim_start_matches("0x"), 16).expect("flags")),
        ingress: text("cflow.inputint").map(number),
        egress: text("cflow.outputint").map(number),
        ingress_name: name("cflow.inputint", "cflow.inputint"),
        egress_name: name("cflow.inputint", "cflow.outputint"),
        ingress_physical: text("cflow.ingress_physical_interface").map(number),
        egress_physical: text("cflow.egress_physical_interface").map(number),
        ingress_vrf: text("cflow.ingress_vrfid").map(number),
        egress_vrf: text("cflow.egress_vrfid").map(number),
        ingress_vrf_name: name("cflow.ingress_vrfid", "cflow.ingress_vrfid"),
        egress_vrf_name: name("cflow.ingress_vrfid", "cflow.egress_vrfid"),
        direction: text("cflow.direction").map(number),
        status: forwarding_status(fields),
        dropped: text("cflow.drop_packets").map(number),
        nat_source: address([
            "cflow.post_natsource_ipv4_address",
            "cflow.post_nat_source_ipv6_address",
        ]),
        nat_destination: address([
            "cflow.post_natdestination_ipv4_address",
            "cflow.post_nat_destination_ipv6_address",
        ]),
        application,
    }
}

/// Returns the flow unchanged: tshark shows all fields.
pub fn as_shown(flow: &Flow) -> Flow {
    flow.clone()
}

/// Parses octets: `00:00:0c`.
fn octets(text: &str) -> u32 {
    text.split(':').fold(0, |number, octet| {
        number << 8 | u32::from_str_radix(octet, 16).expect("an octet")
    })
}

/// Parses a time: `Nov 19, 2026 04:00:10.000000000 UTC`
fn time(text: &str) -> u64 {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [month, day, year, clock, "UTC"] = parts[..] else {
        panic!("not a time: {text}")
    };
    let month = MONTHS.find(month).expect("an English month") / 3 + 1;
    milliseconds(&format!(
        "{year}-{month}-{} {clock}",
        day.trim_end_matches(',')
    ))
}
