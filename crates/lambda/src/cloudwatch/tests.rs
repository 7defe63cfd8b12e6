//! Decisions of the function by itself; the whole is tested with the real binary (`tests/tests/function`).

use std::net::TcpListener;

use flowlogs_core::Counters;

use super::*;
use crate::config::RawConfig;
use crate::ec2::testing::lookups;

fn config(log_format: Option<&str>) -> Config {
    let raw = RawConfig::read(|name| match name {
        "COLLECTOR" => Some("udp://127.0.0.1:4739".to_owned()),
        "LOG_FORMAT" => log_format.map(str::to_owned),
        _ => None,
    });
    Config::new(&raw).expect("right settings")
}

fn report(records_received: u64, unparsed_records: u64) -> BatchReport {
    let counters = Counters {
        records_received,
        unparsed_records,
        ..Counters::default()
    };
    BatchReport {
        counters,
        ..BatchReport::default()
    }
}

#[tokio::test]
async fn lines_come_again_only_where_none_was_parsed_and_ec2_never_answered() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let mut ec2 = lookups(closed.expect("a port"), false);
    let auto = config(None);
    assert!(
        no_format_is_known("g", &report(3, 3), &auto, &ec2).is_ok(),
        "EC2 was not asked yet"
    );
    ec2.refresh("g", tokio::time::Instant::now()).await;
    let failure = no_format_is_known("g", &report(3, 3), &auto, &ec2).expect_err("no format");
    assert_eq!(failure.name(), "FormatUnknown");
    assert!(failure.to_string().contains("\"g\"") && failure.to_string().contains("LOG_FORMAT"));
    assert!(
        no_format_is_known("g", &report(3, 2), &auto, &ec2).is_ok(),
        "one line was parsed"
    );
    assert!(
        no_format_is_known("g", &report(0, 0), &auto, &ec2).is_ok(),
        "there was no line"
    );
    let given = config(Some("${version} ${srcaddr}"));
    assert!(
        no_format_is_known("g", &report(3, 3), &given, &ec2).is_ok(),
        "the format is given"
    );
}

#[test]
fn the_summary_is_the_counters_by_their_names() {
    let metrics = Metrics {
        counters: report(3, 1).counters,
        ..Metrics::default()
    };
    let summary = |log_group| {
        serde_json::to_value(InvocationSummary { log_group, metrics }).expect("a value")
    };
    let named = summary(Some("g".to_owned()));
    assert_eq!(named["LogGroup"], "g");
    assert_eq!(
        (&named["RecordsReceived"], &named["UnparsedRecords"]),
        (&3.into(), &1.into())
    );
    assert_eq!(
        named.get("DeliveryLagSeconds"),
        None,
        "unknown without a flow"
    );
    assert_eq!(summary(None).get("LogGroup"), None);
}

#[test]
fn an_event_may_have_other_keys_and_has_to_have_data() {
    let data = |event: &str| {
        let event = RawValue::from_string(event.to_owned()).expect("JSON");
        base64_of(&event).map(Cow::into_owned)
    };
    assert_eq!(
        data(r#"{"awslogs":{"policyLevel":"x","data":"H4\u0073I"},"more":1}"#),
        Ok("H4sI".to_owned())
    );
    for event in [
        "{}",
        "null",
        r#"{"awslogs":{}}"#,
        r#"{"awslogs":{"data":7}}"#,
    ] {
        assert!(
            matches!(data(event), Err(UnpackError::Json { .. })),
            "{event}"
        );
    }
}
