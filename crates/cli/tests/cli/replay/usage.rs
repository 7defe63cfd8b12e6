//! Options, their values, and the help.

use flowlogs_core::settings::table::SETTINGS;

use crate::{DEFAULT, run};

#[test]
fn settings_have_their_words_and_change_what_is_sent() {
    let json = |options: &[&str], input: &str| {
        let mut arguments = vec!["replay", "--output", "json", "--summary", "none"];
        arguments.extend(options);
        arguments.push("-");
        let outcome = run(&arguments, input);
        assert_eq!(outcome.status, Some(0), "{outcome:?}");
        outcome.objects()
    };
    let all = json(
        &[
            "--timestamps=seconds",
            "--observation-domain=7",
            "--exporter-address=192.0.2.1",
            "--interface-names=inline",
            "--region=eu-central-1",
            "--max-message-size=512",
        ],
        DEFAULT,
    );
    assert_eq!(all[0]["flowStartSeconds"], "2014-12-14T04:06:50.000Z");
    assert_eq!(all[0]["observationDomainId"], 7);
    assert_eq!(all[0]["observationDomainName"], "123456789010/eu-central-1");
    assert_eq!(all[0]["exporterIPv4Address"], "192.0.2.1");
    assert_eq!(all[0]["interfaceName"], "eni-1235b8ca123456789");

    let format = "${srcaddr} ${dstaddr} ${pkt-srcaddr} ${pkt-dstaddr} ${flow-direction}";
    let lines = "10.0.0.1 10.0.0.2 10.0.0.1 192.0.2.9 egress\n10.0.0.3 10.0.0.1 10.0.0.3 10.0.0.1 ingress\n";
    let packet = json(&["--log-format", format, "--address=packet"], lines);
    assert_eq!(packet[0]["destinationIPv4Address"], "192.0.2.9");
    assert_eq!(packet[0]["postNATDestinationIPv4Address"], "10.0.0.2");
    let ingress = json(&["--log-format", format, "--direction=ingress"], lines);
    assert_eq!(ingress.len(), 1);
    assert_eq!(ingress[0]["sourceIPv4Address"], "10.0.0.3");

    let twice = format!("{DEFAULT}{DEFAULT}");
    assert_eq!(
        json(&[], &twice).len(),
        4,
        "equal lines of a file are different flows"
    );
}

/// Runs wrong commands, each with a part of the error: one line, status 2.
fn assert_wrong_usage(commands: &[(&[&str], &str)]) {
    for (arguments, error) in commands {
        let outcome = run(arguments, "");
        let context = format!("{arguments:?}: {outcome:?}");
        assert_eq!(outcome.status, Some(2), "{context}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{context}");
        assert!(outcome.stderr.starts_with("flowlogs: "), "{context}");
        assert!(outcome.stderr.contains(error), "{context}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_wrong_option_or_value_is_one_line_and_status_2() {
    assert_wrong_usage(&[
        (&["replay"], "<INPUT>..."),
        (&["replay", "--nonsense", "-"], "--nonsense"),
        (
            &["replay", "--output", "xml", "-"],
            "[possible values: table, json, none]",
        ),
        (
            &["replay", "--direction", "up", "-"],
            "both, ingress, egress",
        ),
        (
            &["replay", "--observation-domain", "0", "-"],
            "a number from 1 to 4294967295",
        ),
        (&["replay", "--max-message-size", "100", "-"], "512"),
        (&["fields", "--width", "1"], "40"),
    ]);
}

#[test]
fn a_wrong_format_is_one_line_and_status_2() {
    let format = |format| ["replay", "--log-format", format, "-"];
    assert_wrong_usage(&[
        (&format("${srcaddr"), "\"${\" without \"}\" at column 1"),
        (&format("${srcadr}"), "did you mean srcaddr?"),
        (&format("${version}"), "no address and no counter"),
    ]);
}

#[test]
fn a_wrong_collector_is_one_line_and_status_2() {
    let udp = "--to=udp://192.0.2.1";
    assert_wrong_usage(&[
        (
            &["replay", udp, "--max-message-size=65535", "-"],
            "at most 65507",
        ),
        (
            &["replay", "--to", "http://collector", "-"],
            "unknown scheme \"http\"",
        ),
        (
            &[
                "replay",
                "--to",
                "udp://192.0.2.1,udp://192.0.2.1:4739",
                "-",
            ],
            "udp://192.0.2.1",
        ),
        (&["replay", udp, udp, "-"], "twice"),
        (
            &[
                "replay",
                "--to=tls://192.0.2.1",
                "--tls-ca=/no/such.pem",
                "-",
            ],
            "--tls-ca: cannot read /no/such.pem",
        ),
        (
            &["collect", "--listen", "tls://127.0.0.1"],
            "cannot listen on tls://127.0.0.1:4740",
        ),
    ]);
}

#[test]
fn the_help_has_every_setting_and_examples() {
    let help = run(&["replay", "--help"], "");
    assert_eq!(help.status, Some(0));
    let settings = SETTINGS.iter().filter_map(|setting| setting.option);
    let settings = settings.map(|option| format!("--{option} "));
    let others = [
        "--region ",
        "--log-group ",
        "--owner ",
        "--inventory ",
        "--output ",
        "--summary ",
        "Examples:",
        "Exit status:",
    ];
    for option in settings.chain(others.map(str::to_owned)) {
        assert!(help.stdout.contains(&option), "{option}");
    }
}

#[test]
fn a_wrong_value_is_cut_and_a_key_is_not_shown_wherever_it_was_pasted() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----";
    let long = "x".repeat(100_000);
    for option in [
        "--to",
        "--log-format",
        "--direction",
        "--udp-rate",
        "--inventory",
        "",
    ] {
        for value in [key, &long] {
            let argument = match option {
                "" => value.to_owned(),
                _ => format!("{option}={value}"),
            };
            let outcome = run(&["replay", &argument], "");
            assert!(matches!(outcome.status, Some(1 | 2)), "{outcome:?}");
            assert!(!outcome.stderr.contains("MIGHAgEA"), "{outcome:?}");
            let is_path = matches!(option, "--inventory" | "");
            assert!(is_path || outcome.stderr.len() < 1_000, "{outcome:?}");
        }
    }
}

#[test]
fn numbers_and_addresses_that_are_none_are_told_in_words() {
    for (option, advice) in [
        ("--max-message-size=5", "write a number from 512 to 65535"),
        ("--max-message-size=x", "write a number from 512 to 65535"),
        (
            "--max-message-size=65536",
            "write a number from 512 to 65535",
        ),
        ("--udp-rate=-1", "write a number from 1 to 1000000"),
        ("--width=39", "write a number from 40 to 65535"),
        ("--exporter-address=x", "write an address, as in 192.0.2.1"),
    ] {
        let outcome = run(&["replay", option, "-"], DEFAULT);
        assert_eq!(outcome.status, Some(2), "{option}: {outcome:?}");
        assert!(outcome.stderr.contains(advice), "{option}: {outcome:?}");
    }
}
