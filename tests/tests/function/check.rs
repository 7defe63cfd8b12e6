//! The check event: one sentence for each missing thing, and none where nothing is missing.

use flowlogs_testing::certificates::{Authority, server};
use flowlogs_testing::http;
use flowlogs_testing::object_server::ObjectServer;
use rustls::ALL_VERSIONS;
use serde_json::{Value, json};

use crate::aws::{described_page, ec2_that_refuses, ec2_with};
use crate::collector::Collector;
use crate::runtime::{Function, free_tcp_port};

/// Variables of a function, and the beginnings of the sentences that the check event has for them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

/// `missing` of the answer to the check event.
fn missing(function: &Function) -> Vec<String> {
    let answer = function.invoke(br#"{"flowlogs": "check"}"#);
    let answer = answer.unwrap_or_else(|failure| panic!("{failure:?}"));
    let sentences = answer["missing"].as_array().expect("sentences").iter();
    let sentences = sentences.map(|one| one.as_str().expect("text").to_owned());
    sentences.collect()
}

fn flow_log(format: &str) -> Value {
    json!({"FlowLogId": "fl-1", "ResourceId": "vpc-1", "LogGroupName": "group", "LogFormat": format})
}

const USABLE: &str = "${interface-id} ${srcaddr} ${dstaddr} ${bytes} ${start} ${end}";

/// EC2 that knows flow logs and tells nobody a name.
fn ec2_without_names() -> String {
    let address = http::serve(|request, stream| {
        let mut parameters = request.body.split('&');
        let action = parameters.find_map(|pair| pair.strip_prefix("Action="))?;
        match action {
            "DescribeFlowLogs" => {
                let page = described_page(action, &[flow_log(USABLE)], None);
                http::xml(stream, 200, &page)
            }
            _ => http::xml(
                stream,
                403,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
            ),
        }
    });
    format!("http://{address}")
}

/// Secrets Manager that denies every secret.
fn secrets_denied() -> String {
    let address = http::serve(|_, stream| {
        let headers = [("content-type", "application/x-amz-json-1.1")];
        let body = br#"{"__type": "AccessDeniedException", "message": "for a test"}"#;
        http::answer(stream, 400, &headers, body)
    });
    format!("http://{address}")
}

/// Starts a function for each case, and holds the sentences of its answer against the case. `false` where a tool is missing.
fn assert_missing(cases: &[Case<'_>]) -> bool {
    for (variables, expected) in cases {
        let Some(function) = Function::start(variables) else {
            return false;
        };
        let sentences = missing(&function);
        let fits = sentences.len() == expected.len()
            && sentences.iter().zip(*expected).all(|(sentence, begin)| {
                sentence.starts_with(begin) && sentence.len() > begin.len() + 5
            });
        assert!(fits, "{expected:?}: {sentences:?}");
    }
    true
}

#[test]
fn the_check_event_has_a_sentence_for_everything_that_is_not_known() {
    let up = Collector::start();
    let url = up.url();
    let inventory = ObjectServer::start();
    inventory.refuse("bucket/flowlogs/manifest.json.gz", 403, "AccessDenied");
    let (refuses, nameless) = (ec2_that_refuses(), ec2_without_names());
    let unusable = ec2_with(json!({"FlowLogs": [flow_log("${az-id} ${log-status}")]}));
    let knows = ec2_with(json!({"FlowLogs": [flow_log(USABLE)]}));
    let newer = format!("{USABLE} ${{a-field-of-next-year}}");
    let newer = ec2_with(json!({"FlowLogs": [flow_log(&newer)]}));
    let asks = |aws| [("COLLECTOR", url.as_str()), ("AWS_ENDPOINT_URL", aws)];
    let done = assert_missing(&[
        (&asks(&knows), &[]),
        (&asks(&newer), &[]),
        (&asks(&refuses), &["Record formats are not known: "]),
        (&asks(&nameless), &["Names are not known: "]),
        (&asks(&unusable), &["A format of group cannot be used: "]),
        (
            &[
                ("COLLECTOR", &url),
                ("INVENTORY", "s3://bucket/flowlogs"),
                ("AWS_ENDPOINT_URL", &inventory.endpoint),
            ],
            &["The inventory cannot be read: "],
        ),
    ]);
    assert!(!done || up.records().is_empty(), "nothing is sent");
}

#[test]
fn the_check_event_has_a_sentence_for_each_collector_that_is_not_reached() {
    let up = Collector::start();
    let closed = format!("tcp://127.0.0.1:{}", free_tcp_port());
    let tls = Collector::with_tls(server(
        &Authority::new().issue("localhost"),
        None,
        ALL_VERSIONS,
    ));
    let (tls_url, other_authority) = (tls.url(), Authority::new().pem());
    let denied = secrets_denied();
    let off = ("INVENTORY", "off");
    let done = assert_missing(&[
        (
            &[
                ("COLLECTOR", &tls_url),
                off,
                ("TLS_SECRET_ID", "secret"),
                ("AWS_ENDPOINT_URL", &denied),
            ],
            &["No collector can be reached: "],
        ),
        (
            &[("COLLECTOR", "tcp://collector.invalid:4739"), off],
            &["The collector tcp://collector.invalid:4739 is not reached: "],
        ),
        (
            &[("COLLECTOR", &format!("{},{closed}", up.url())), off],
            &[&format!("The collector {closed} is not reached: ")],
        ),
        (
            &[("COLLECTOR", &tls_url), off, ("TLS_CA", &other_authority)],
            &[&format!("The collector {tls_url} is not reached: ")],
        ),
    ]);
    assert!(!done || up.records().is_empty(), "nothing is sent");
}
