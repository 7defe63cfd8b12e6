//! The obvious function: the ready-made event type, `split` and `parse`, and an encoder that writes field after field.
//!
//! One format, IPv4, one template, no deduplication.

use std::net::Ipv4Addr;

use aws_lambda_events::cloudwatch_logs::LogsEvent;

/// Elements of the template with their lengths: octets, packets, start, end, addresses, ports, protocol, firewall event.
const TEMPLATE: [(u16, u16); 10] = [
    (1, 8),
    (2, 8),
    (150, 4),
    (151, 4),
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (233, 1),
];
const TEMPLATE_ID: u16 = 256;
const MESSAGE: usize = 1_400;

struct Flow {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    packets: u64,
    bytes: u64,
    start: u32,
    end: u32,
    accepted: bool,
}

/// Transcodes an event and returns the octets of the messages.
pub(crate) fn invoke(event: &[u8]) -> usize {
    let event: LogsEvent = serde_json::from_slice(event).expect("an event");
    let mut messages = Messages::default();
    for entry in &event.aws_logs.data.log_events {
        messages.flow(&parse(&entry.message).expect("a record"));
    }
    messages.end();
    messages.octets
}

fn parse(line: &str) -> Option<Flow> {
    let columns: Vec<&str> = line.split(' ').collect();
    Some(Flow {
        source: columns.get(3)?.parse().ok()?,
        destination: columns.get(4)?.parse().ok()?,
        source_port: columns.get(5)?.parse().ok()?,
        destination_port: columns.get(6)?.parse().ok()?,
        protocol: columns.get(7)?.parse().ok()?,
        packets: columns.get(8)?.parse().ok()?,
        bytes: columns.get(9)?.parse().ok()?,
        start: columns.get(10)?.parse().ok()?,
        end: columns.get(11)?.parse().ok()?,
        accepted: *columns.get(12)? == "ACCEPT",
    })
}

/// Writer of messages, which counts the octets of finished messages.
#[derive(Default)]
struct Messages {
    message: Vec<u8>,
    sequence: u32,
    records: u32,
    octets: usize,
}

impl Messages {
    fn flow(&mut self, flow: &Flow) {
        if self.message.is_empty() {
            self.begin();
        }
        let message = &mut self.message;
        message.extend(flow.bytes.to_be_bytes());
        message.extend(flow.packets.to_be_bytes());
        message.extend(flow.start.to_be_bytes());
        message.extend(flow.end.to_be_bytes());
        message.extend(flow.source.octets());
        message.extend(flow.destination.octets());
        message.extend(flow.source_port.to_be_bytes());
        message.extend(flow.destination_port.to_be_bytes());
        message.push(flow.protocol);
        message.push(if flow.accepted { 1 } else { 3 });
        self.records += 1;
        let record: usize = TEMPLATE
            .iter()
            .map(|(_, length)| usize::from(*length))
            .sum();
        if self.message.len() + record > MESSAGE {
            self.end();
        }
    }

    /// Begins a message: header, template (first message only), header of the data set.
    fn begin(&mut self) {
        let message = &mut self.message;
        message.extend(10_u16.to_be_bytes());
        message.extend([0; 2]); // the length, at the end
        message.extend(1_763_715_600_u32.to_be_bytes());
        message.extend(self.sequence.to_be_bytes());
        message.extend(1_u32.to_be_bytes());
        if self.sequence == 0 {
            let length = 8 + 4 * TEMPLATE.len();
            for number in [2, length as u16, TEMPLATE_ID, TEMPLATE.len() as u16] {
                message.extend(number.to_be_bytes());
            }
            for (element, length) in TEMPLATE {
                message.extend(element.to_be_bytes());
                message.extend(length.to_be_bytes());
            }
        }
        message.extend(TEMPLATE_ID.to_be_bytes());
        message.extend([0; 2]);
    }

    fn end(&mut self) {
        if self.message.is_empty() {
            return;
        }
        let template = if self.sequence == 0 {
            8 + 4 * TEMPLATE.len()
        } else {
            0
        };
        let set = 16 + template;
        let lengths = [(2, self.message.len()), (set + 2, self.message.len() - set)];
        for (place, length) in lengths {
            self.message[place..place + 2].copy_from_slice(&(length as u16).to_be_bytes());
        }
        self.octets += std::hint::black_box(&self.message).len();
        self.message.clear();
        self.sequence += self.records;
        self.records = 0;
    }
}
