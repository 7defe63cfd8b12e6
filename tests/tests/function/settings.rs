//! A wrong setting stops the function at its start.

use crate::runtime::failed_start;

#[test]
fn a_wrong_setting_stops_the_function_with_one_line_that_names_it() {
    for (variables, words) in [
        (vec![], ["COLLECTOR", "udp://host:4739"]),
        (
            vec![("COLLECTOR", "udp://127.0.0.1"), ("DIRECTION", "sideways")],
            ["DIRECTION=\"sideways\"", "both, ingress or egress"],
        ),
        (
            vec![("COLLECTOR", "udp://127.0.0.1"), ("UDP_RATE", "0")],
            ["UDP_RATE=\"0\"", "from 1 to 1000000"],
        ),
        (
            vec![
                ("COLLECTOR", "tls://127.0.0.1"),
                ("TLS_CA", "-----BEGIN CERTIFICATE-----\nAAAA"),
            ],
            ["TLS_CA", "BEGIN CERTIFICATE"],
        ),
        (
            vec![
                ("COLLECTOR", "tls://127.0.0.1"),
                ("TLS_KEY", "/no/such/file"),
            ],
            ["TLS_KEY", "cannot be read"],
        ),
    ] {
        let Some((success, printed)) = failed_start(&variables) else {
            return;
        };
        assert!(!success, "{variables:?}");
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines.len(), 1, "{printed}");
        let line: serde_json::Value = serde_json::from_str(&printed).expect("a line of the log");
        let printed = line["fields"]["message"].as_str().expect("a message");
        assert!(
            words.iter().all(|word| printed.contains(word)),
            "{words:?}: {printed}"
        );
    }
}
