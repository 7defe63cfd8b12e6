//! Events in the form of CloudWatch Logs.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::objects::gzip;

/// Event ids are never used again, because a seen id is a seen delivery.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A subscription event with these lines of a log group, written days ago.
pub(crate) fn event(log_group: &str, lines: &[String]) -> Vec<u8> {
    event_at(1_795_000_000_000, log_group, lines)
}

/// A subscription event with these lines of a log group, written at this time, milliseconds since 1970.
pub(crate) fn event_at(timestamp: u64, log_group: &str, lines: &[String]) -> Vec<u8> {
    let events: Vec<_> = lines
        .iter()
        .map(|line| {
            let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
            json!({"id": format!("{id:056}"), "timestamp": timestamp, "message": line})
        })
        .collect();
    subscription("123456789012", log_group, &events)
}

/// A subscription event of these log events.
pub(crate) fn subscription(owner: &str, log_group: &str, events: &[Value]) -> Vec<u8> {
    event_of(&document(owner, log_group, "stream", events))
}

/// Document of a subscription.
pub(crate) fn document(owner: &str, log_group: &str, stream: &str, events: &[Value]) -> String {
    let document = json!({
        "messageType": "DATA_MESSAGE", "owner": owner, "logGroup": log_group, "logStream": stream,
        "subscriptionFilters": ["all"], "logEvents": events,
    });
    document.to_string()
}

/// The event of a payload.
pub(crate) fn event_of(payload: &str) -> Vec<u8> {
    json!({"awslogs": {"data": packed(payload)}})
        .to_string()
        .into_bytes()
}

/// A payload as an event has it: gzip, base64.
pub(crate) fn packed(payload: &str) -> String {
    STANDARD.encode(gzip(payload.as_bytes()))
}

/// A line of the default format: a flow of its own for each number.
pub(crate) fn line(number: usize) -> String {
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    let port = 1_024 + number / 62_500;
    format!(
        "2 123456789012 eni-0a0a0a0a0a0a0a0a0 10.9.{high}.{low} 10.8.0.1 {port} 443 6 {} 4000 1795000000 1795000059 ACCEPT OK",
        number + 1
    )
}

/// Lines of the default format, from a number on, of flows that ended in this second since 1970.
pub(crate) fn lines_until(from: usize, count: usize, end: u64) -> Vec<String> {
    let times = format!("{} {end}", end - 59);
    let lines = lines(from, count).into_iter();
    lines
        .map(|line| line.replace("1795000000 1795000059", &times))
        .collect()
}

/// Lines of the default format: so many, from a number on.
pub(crate) fn lines(from: usize, count: usize) -> Vec<String> {
    (from..from + count).map(line).collect()
}
