//! `flowlogs explain`.

use crate::run;

/// AWS's own examples, each with the format unless the default.
const EXAMPLES: [(&str, &str); 7] = [
    (
        "",
        "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK",
    ),
    (
        "",
        "2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK",
    ),
    (
        "",
        "2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK",
    ),
    (
        "",
        "2 123456789010 eni-1235b8ca123456789 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 1477913708 1477913820 ACCEPT OK",
    ),
    (
        "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr protocol bytes packets start end action tcp-flags log-status",
        "3 vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-01234567890123456 eni-1235b8ca123456789 123456789010 IPv4 52.213.180.42 10.0.0.62 43416 5001 52.213.180.42 10.0.0.62 6 568 8 1566848875 1566848933 ACCEPT 2 OK",
    ),
    (
        "${version} ${interface-id} ${account-id} ${vpc-id} ${subnet-id} ${instance-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${tcp-flags} ${type} ${pkt-srcaddr} ${pkt-dstaddr} ${action} ${log-status}",
        "3 eni-33333333333333333 123456789010 vpc-abcdefab012345678 subnet-22222222bbbbbbbbb i-01234567890123456 10.20.33.164 10.40.2.236 39812 80 6 3 IPv4 10.20.33.164 10.40.2.236 ACCEPT OK",
    ),
    (
        "resource-id instance-id interface-id subnet-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr",
        "nat-1234567890abcdef - - - 107.22.182.139 203.0.113.5 107.22.182.139 203.0.113.5",
    ),
];

#[test]
fn every_documented_line_is_explained_column_by_column() {
    for (format, line) in EXAMPLES {
        let mut arguments = vec!["explain", "--width=80"];
        if !format.is_empty() {
            arguments.extend(["--log-format", format]);
        }
        arguments.push(line);
        let outcome = run(&arguments, "");
        assert_eq!(outcome.status, Some(0), "{outcome:?}");
        let titles = outcome.stdout.lines().filter_map(|shown| {
            let place = shown.get(..3)?.trim().parse::<usize>().ok()?;
            Some((place, shown.split_whitespace().nth(2)?))
        });
        let tokens: Vec<_> = line
            .split(' ')
            .zip(1..)
            .map(|(token, place)| (place, token))
            .collect();
        assert_eq!(titles.collect::<Vec<_>>(), tokens, "{}", outcome.stdout);
        // Below each title stands the destination, or the reason for none.
        let shown: Vec<_> = outcome.stdout.lines().collect();
        for (place, _) in tokens {
            let at = shown
                .iter()
                .position(|text| text.starts_with(&format!("{place:>3} ")));
            let below = shown[at.expect("shown") + 1];
            assert!(
                below.starts_with("    → ") || below.starts_with("      "),
                "{below}"
            );
        }
        assert!(
            outcome.stdout.contains("Exported as one flow record of "),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn values_elements_and_names_are_shown() {
    let outcome = run(&["explain", EXAMPLES[1].1], "");
    for text in [
        "sourceTransportPort (7) = 49761",
        "ingressInterface (10) = 1525100236 (eni-1235b8ca123456789)",
        "forwardingStatus (89) = 128 (dropped)",
        "egressInterface (14) = 2 (REJECT)",
        "options: interfaceName (82) = \"eni-1235b8ca123456789\"",
        "not exported: describes the log format, not the flow",
        "of 46 octets by template 16384",
    ] {
        assert!(
            outcome.stdout.contains(text),
            "{text} is missing in\n{}",
            outcome.stdout
        );
    }
}

#[test]
fn the_line_may_stand_in_quotes_or_not() {
    let mut arguments = vec!["explain"];
    arguments.extend(EXAMPLES[0].1.split(' '));
    let bare = run(&arguments, "");
    assert_eq!(bare.status, Some(0), "{bare:?}");
    assert_eq!(bare.stdout, run(&["explain", EXAMPLES[0].1], "").stdout);
}

#[test]
fn a_record_without_a_flow_says_what_it_counts_as() {
    let line = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA";
    let outcome = run(&["explain", line], "");
    assert_eq!(outcome.status, Some(0));
    assert!(
        outcome.stdout.contains("No flow record: counted as NoData"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome
            .stdout
            .contains("- means: absent (NODATA, SKIPDATA)"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn unknown_columns_are_said_to_be_unknown() {
    let outcome = run(
        &[
            "explain",
            "--log-format",
            "srcaddr shoe-size?",
            "10.0.0.1 44",
        ],
        "",
    );
    assert!(
        outcome
            .stdout
            .contains("a field that this version does not know"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn an_error_points_at_its_column() {
    let line = EXAMPLES[0].1.replace("20641", "70000");
    let outcome = run(&["explain", &line], "");
    assert_eq!(outcome.status, Some(1));
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "flowlogs: column 6 (srcport): larger than 65535");
    let at = lines[1].find("70000").expect("the line");
    assert_eq!(lines[2].find("^^^^^"), Some(at));

    let outcome = run(&["explain", "2 123456789010"], "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome
            .stderr
            .contains("flowlogs: 2 columns; the nearest known format is that of version 2, with 14 columns; give"),
        "{outcome:?}"
    );

    let outcome = run(
        &["explain", "--log-format", "srcaddr dstaddr", "10.0.0.1"],
        "",
    );
    assert!(
        outcome
            .stderr
            .starts_with("flowlogs: column 2 (dstaddr): missing"),
        "{outcome:?}"
    );
}

#[test]
fn options_may_stand_behind_the_line() {
    let outcome = run(
        &[
            "explain",
            "eni-1",
            "10.0.0.1",
            "-",
            "--log-format",
            "interface-id srcaddr bytes",
        ],
        "",
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("sourceIPv4Address (8) = 10.0.0.1"),
        "{outcome:?}"
    );
}

#[test]
fn a_flow_that_deduplication_leaves_out_is_explained_and_its_rule_is_named() {
    let inventory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/inventory.json");
    // A flow between two interfaces of a VPC that are both observed.
    let line = "2 123456789012 eni-0b2d4f6a8c0e13579 10.20.1.20 10.20.2.20 8080 43210 6 17 51012 1795035610 1795035668 ACCEPT OK";
    let outcome = run(&["explain", line, "--inventory", inventory], "");
    let says =
        "With this inventory deduplication leaves the flow out: counted as DuplicateBothEnds";
    assert!(outcome.stdout.contains("Exported as one flow record"));
    assert!(outcome.stdout.contains(says), "{}", outcome.stdout);
    let arguments = ["explain", "--json", line, "--inventory", inventory];
    let json: serde_json::Value = serde_json::from_str(&run(&arguments, "").stdout).expect("JSON");
    assert_eq!(json["leftOutBy"], "DuplicateBothEnds");
    // The answer counts on arrival.
    let line = line.replace(
        "10.20.1.20 10.20.2.20 8080 43210",
        "10.20.2.20 10.20.1.20 43210 8080",
    );
    let outcome = run(&["explain", &line, "--inventory", inventory], "");
    assert!(
        !outcome.stdout.contains("leaves the flow out"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn an_explanation_fits_the_columns_that_there_are() {
    let (_, line) = EXAMPLES[0];
    for width in [40, 60, 80, 160] {
        let arguments = ["explain", line, "--width", &width.to_string()];
        let outcome = run(&arguments, "");
        assert_eq!(outcome.status, Some(0), "{outcome:?}");
        for line in outcome.stdout.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(outcome.stdout.contains("octetDeltaCount (1) = 4249"));
    }
}
