//! `flowlogs replay`.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::{DEFAULT, flowlogs, run};

/// 20,000 flows.
fn many() -> String {
    let line = |n: u32| {
        format!(
            "2 123456789010 eni-1 10.0.{}.{} 10.1.0.1 {} 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n",
            n % 200,
            n / 200,
            1_024 + n
        )
    };
    (0..20_000).map(line).collect()
}

fn file(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().expect("in the directory")).expect("created");
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn standard_input_becomes_json_with_registered_names() {
    let outcome = run(
        &["replay", "--output", "json", "--summary", "json", "-"],
        DEFAULT,
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let flows = outcome.objects();
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0]["sourceIPv4Address"], "172.31.16.139");
    assert_eq!(
        flows[0]["flowStartMilliseconds"],
        "2014-12-14T04:06:50.000Z"
    );
    assert_eq!(flows[0]["ingressInterfaceName"], "eni-1235b8ca123456789");
    assert_eq!(flows[0]["egressInterfaceName"], "ACCEPT");
    assert_eq!(flows[1]["forwardingStatus"], 128);
    assert_eq!(flows[1]["observationDomainName"], "123456789010");

    let summary = outcome.summary();
    assert_eq!(summary["RecordsReceived"], 2);
    assert_eq!(summary["FlowsExported"], 2);
    assert_eq!(summary["packets"], 40);
    assert_eq!(summary["octets"], 8_498);
    assert_eq!(summary["bytesRead"], DEFAULT.len());
    for name in [
        "NoData",
        "PayloadErrors",
        "SendErrors",
        "MessagesSent",
        "OptionsRecords",
    ] {
        assert!(summary[name].is_u64(), "{name}");
    }
}

#[test]
fn the_table_fits_the_columns_that_there_are() {
    for (width, option) in [(80, true), (80, false), (160, true)] {
        let mut command = flowlogs(&["replay", "--summary", "none", "-"]);
        if option {
            command.arg(format!("--width={width}"));
        } else {
            command.env("COLUMNS", width.to_string());
        }
        let output = command.write_stdin(DEFAULT).output().expect("runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.contains("172.31.16.139:20641") && text.contains("172.31.16.21:22"));
        assert!(!text.contains('\x1b'), "colours in a pipe: {text:?}");
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{text}");
        let lines = if width == 80 { 7 } else { 4 };
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn a_damaged_file_does_not_stop_the_others() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    file(at, "1.json", r#"{"awslogs": {"data": "not base64!"}}"#);
    file(at, "2.txt", DEFAULT);
    file(at, "3.json", r#"{"awslogs": {"data": "H4sI"#);
    file(at, "expected.json", r#"{"some": "thing else"}"#);
    file(at, "README.md", "# not a flow log");
    let outcome = run(
        &[
            "replay",
            "--output",
            "json",
            "--summary",
            "json",
            at.to_str().expect("UTF-8"),
        ],
        "",
    );
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert_eq!(outcome.objects().len(), 2);
    assert_eq!(outcome.summary()["PayloadErrors"], 2);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("flowlogs: ") && lines[0].contains("1.json: base64: octet "));
    assert!(lines[1].contains("3.json: json: the document ends early"));
    assert!(
        lines[2].starts_with("flowlogs: skipped, no flow logs: ")
            && lines[2].ends_with("expected.json")
    );
}

#[test]
fn a_file_that_was_named_must_be_a_flow_log() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = file(directory.path(), "other.json", r#"{"some": "thing else"}"#);
    let outcome = run(&["replay", "--summary", "none", &path], "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stderr.contains("an object of unknown kind"),
        "{outcome:?}"
    );

    let outcome = run(&["replay", "--summary", "none", "/no/such/file"], "");
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome
            .stderr
            .starts_with("flowlogs: /no/such/file: No such file"),
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1);

    let path = file(directory.path(), "flows.parquet", "PAR1 and so on");
    let outcome = run(&["replay", "--summary", "none", &path], "");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("Parquet"), "{outcome:?}");
}

#[test]
fn lines_that_fit_no_format_are_a_failure_only_where_all_of_them_do() {
    let none = run(&["replay", "-"], "what is this\n");
    assert_eq!(none.status, Some(1));
    assert!(
        none.stderr
            .contains("flowlogs: standard input: none of 1 line fits a format (3 columns; the nearest known format is"),
        "{none:?}"
    );
    assert!(
        none.stderr
            .contains("not parsed: standard input, record 1: 3 columns; the nearest"),
        "{none:?}"
    );
    assert!(none.stderr.contains("--log-format"), "{none:?}");

    let some = run(&["replay", "-"], &format!("what is this\n{DEFAULT}"));
    assert_eq!(some.status, Some(0), "{some:?}");

    let header = run(&["replay", "-"], "version account-id srcaddr\n");
    assert_eq!(header.status, Some(0), "{header:?}");
    let nothing = run(&["replay", "-"], "");
    assert_eq!(nothing.status, Some(1), "{nothing:?}");
    assert!(nothing.stderr.contains("nothing was read"), "{nothing:?}");
}

#[test]
fn an_inventory_in_a_directory_comes_before_the_lines_that_need_it() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let at = directory.path();
    file(at, "a.txt", "eni-1 10.0.0.1 10.0.0.2 840\n");
    file(
        at,
        "z.json",
        r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1",
            "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.2"}]}],
            "FlowLogs": [{"FlowLogId": "fl-1", "ResourceId": "vpc-1",
            "LogFormat": "${interface-id} ${srcaddr} ${dstaddr} ${bytes}"}]}"#,
    );
    let outcome = run(
        &["replay", "--output", "json", at.to_str().expect("UTF-8")],
        "",
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let flows = outcome.objects();
    assert_eq!(
        flows[0]["flowDirection"], 0,
        "10.0.0.2 is the interface's own"
    );
    assert_eq!(flows[0]["ingressVRFname"], "vpc-1");
    assert!(!outcome.stderr.contains("did not run"), "{outcome:?}");
}

#[test]
fn the_first_ten_windows_that_aws_lost_are_noted() {
    let line = |number: u32| {
        let start = 1_795_000_000 + 60 * number;
        let end = start + 59;
        format!("2 123456789012 eni-{number:017x} - - - - - - - {start} {end} - SKIPDATA\n")
    };
    let lines: String = (0..12).map(line).collect();
    let outcome = run(&["replay", "-"], &lines);
    let noted = outcome.stderr.matches("AWS lost the records of").count();
    assert_eq!(noted, 10, "{outcome:?}");
    assert!(
        outcome.stderr.contains("eni-00000000000000009"),
        "{outcome:?}"
    );
}

/// Manifest and parts of two accounts, each with an interface of equal id.
fn organization(at: &Path) {
    let packed = |path: &str, text: &str| {
        let path = at.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes())
            .expect("memory takes everything");
        fs::write(path, out.finish().expect("memory takes everything")).expect("a file");
    };
    packed(
        "manifest.json.gz",
        r#"{"InventoryVersion": 1, "AsOf": "2026-11-29T05:00:00Z", "Parts": [
            {"AccountId": "111122223333", "Region": "eu-central-1", "AsOf": "2026-11-29T05:00:00Z", "Version": "a"},
            {"AccountId": "444455556666", "Region": "eu-central-1", "AsOf": "2026-11-29T05:00:00Z", "Version": "b"}],
            "FlowLogs": [], "Vpcs": []}"#,
    );
    for (account, name) in [("111122223333", "web"), ("444455556666", "db")] {
        packed(
            &format!("parts/{account}/eu-central-1.json.gz"),
            &format!(
                r#"{{"InventoryVersion": 1, "AccountId": "{account}", "Region": "eu-central-1", "Version": "a",
                "NetworkInterfaces": [{{"NetworkInterfaceId": "eni-1235b8ca123456789",
                "TagSet": [{{"Key": "Name", "Value": "{name}"}}]}}]}}"#
            ),
        );
    }
}

#[test]
fn the_objects_of_an_organizations_inventory_keep_account_and_region() {
    let directory = tempfile::tempdir().expect("temporary directory");
    organization(directory.path());
    let inventory = directory.path().to_str().expect("UTF-8");
    let lines: String = ["111122223333", "444455556666", "777788889999"]
        .iter()
        .flat_map(|account| DEFAULT.lines().map(move |line| (account, line)))
        .map(|(account, line)| line.replace("123456789010", account) + "\n")
        .collect();
    let region = ["replay", "--region", "eu-central-1", "--output", "json"];
    let rest = ["--summary", "json", "--inventory", inventory, "-"];
    let outcome = run(&[&region[..], &rest[..]].concat(), &lines);
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let text = |flow: &serde_json::Value| flow.to_string();
    let flows: Vec<_> = outcome.objects().iter().map(text).collect();
    for (number, name) in [(0, "web"), (1, "web"), (2, "db"), (3, "db")] {
        assert!(
            flows[number].contains(&format!("\"{name}\"")),
            "{}",
            flows[number]
        );
    }
    assert!(
        !flows[4].contains("web") && !flows[4].contains("db"),
        "{}",
        flows[4]
    );
    assert_eq!(outcome.summary()["WithoutInventory"], 2, "{outcome:?}");

    let part = directory
        .path()
        .join("parts/111122223333/eu-central-1.json.gz");
    let whole = fs::read(&part).expect("the part");
    fs::write(&part, &whole[..whole.len() - 1]).expect("cut");
    let outcome = run(&[&region[..], &rest[..]].concat(), &lines);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("damaged or cut"), "{outcome:?}");

    let in_bucket = run(&["replay", "--inventory", "s3://bucket/inventory", "-"], "");
    assert_eq!(in_bucket.status, Some(2), "{in_bucket:?}");
    assert!(
        in_bucket
            .stderr
            .contains("aws s3 cp --recursive s3://bucket/inventory DIR"),
        "{in_bucket:?}"
    );
}

#[test]
fn rules_that_need_an_inventory_say_so_once() {
    let outcome = run(&["replay", "-"], DEFAULT);
    assert_eq!(
        outcome.stderr.matches("did not run:").count(),
        1,
        "{outcome:?}"
    );
    let off = run(&["replay", "--deduplicate", "off", "-"], DEFAULT);
    assert!(!off.stderr.contains("did not run"), "{off:?}");
}

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

#[test]
fn wrong_usage_is_one_line_and_status_2() {
    for (arguments, says) in [
        (vec!["replay"], "<INPUT>..."),
        (
            vec![
                "replay",
                "--to=udp://192.0.2.1",
                "--max-message-size=65535",
                "-",
            ],
            "at most 65507",
        ),
        (
            vec!["replay", "--output", "xml", "-"],
            "[possible values: table, json, none]",
        ),
        (
            vec!["replay", "--log-format", "${srcaddr", "-"],
            "\"${\" without \"}\" at column 1",
        ),
        (
            vec!["replay", "--log-format", "${srcadr}", "-"],
            "did you mean srcaddr?",
        ),
        (
            vec!["replay", "--log-format", "${version}", "-"],
            "no address and no counter",
        ),
        (
            vec!["replay", "--to", "http://collector", "-"],
            "unknown scheme \"http\"",
        ),
        (
            vec![
                "replay",
                "--to",
                "udp://192.0.2.1,udp://192.0.2.1:4739",
                "-",
            ],
            "udp://192.0.2.1",
        ),
        (
            vec![
                "replay",
                "--to=udp://192.0.2.1",
                "--to=udp://192.0.2.1",
                "-",
            ],
            "twice",
        ),
        (
            vec!["replay", "--direction", "up", "-"],
            "both, ingress, egress",
        ),
        (
            vec!["replay", "--observation-domain", "0", "-"],
            "a number from 1 to 4294967295",
        ),
        (vec!["replay", "--max-message-size", "100", "-"], "512"),
        (
            vec![
                "replay",
                "--to=tls://192.0.2.1",
                "--tls-ca=/no/such.pem",
                "-",
            ],
            "--tls-ca: cannot read /no/such.pem",
        ),
        (vec!["replay", "--nonsense", "-"], "--nonsense"),
        (vec!["fields", "--width", "1"], "40"),
        (
            vec!["collect", "--listen", "tls://127.0.0.1"],
            "cannot listen on tls://127.0.0.1:4740",
        ),
    ] {
        let outcome = run(&arguments, "");
        assert_eq!(outcome.status, Some(2), "{arguments:?}: {outcome:?}");
        assert_eq!(
            outcome.stderr.lines().count(),
            1,
            "{arguments:?}: {outcome:?}"
        );
        assert!(
            outcome.stderr.starts_with("flowlogs: "),
            "{arguments:?}: {outcome:?}"
        );
        assert!(outcome.stderr.contains(says), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn the_help_has_every_setting_and_examples() {
    let help = run(&["replay", "--help"], "");
    assert_eq!(help.status, Some(0));
    for option in [
        "--to",
        "--log-format",
        "--direction",
        "--deduplicate",
        "--exclude-collector-traffic",
        "--address",
        "--timestamps",
        "--observation-domain",
        "--exporter-address",
        "--interface-names",
        "--max-message-size",
        "--template-refresh-seconds",
        "--template-refresh-messages",
        "--udp-rate",
        "--tls-ca",
        "--tls-certificate",
        "--tls-key",
        "--region",
        "--log-group",
        "--owner",
        "--inventory",
        "--output",
        "--summary",
        "Examples:",
        "Exit status:",
    ] {
        assert!(help.stdout.contains(option), "{option}");
    }
}

#[test]
fn a_file_target_holds_the_messages_and_replaces_the_table() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("flows.ipfix");
    let target = format!("file:{}", path.display());
    let outcome = run(
        &["replay", "--summary", "json", "--to", &target, "-"],
        DEFAULT,
    );
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    let octets = fs::read(&path).expect("written");
    assert_eq!(octets[..2], [0, 10], "an IPFIX message");
    assert_eq!(outcome.summary()["BytesSent"], octets.len());

    let both = run(
        &[
            "replay",
            "--output",
            "json",
            "--summary",
            "json",
            "--force",
            "--to",
            &target,
            "-",
        ],
        DEFAULT,
    );
    assert_eq!(both.objects().len(), 2);
    assert_eq!(
        both.summary()["BytesSent"],
        octets.len(),
        "what is shown is not sent twice"
    );

    let nowhere = run(
        &[
            "replay",
            "--summary=none",
            "--to",
            "file:/no/such/directory/x.ipfix",
            "-",
        ],
        DEFAULT,
    );
    assert_eq!(nowhere.status, Some(1));
    assert!(
        nowhere.stderr.starts_with("flowlogs: file:/"),
        "{nowhere:?}"
    );
    assert_eq!(nowhere.stderr.lines().count(), 1);
}

#[test]
fn messages_of_any_size_are_read_back_whole() {
    let lines: String = (0..4_000)
        .map(|n| {
            format!("2 123456789010 eni-1 10.0.{}.{} 10.1.0.1 {n} 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n", n / 256, n % 256)
        })
        .collect();
    for size in ["512", "1400", "65535"] {
        let outcome = run(
            &[
                "replay",
                "--output=json",
                "--summary=json",
                "--max-message-size",
                size,
                "-",
            ],
            &lines,
        );
        assert_eq!(outcome.status, Some(0), "{size}");
        assert_eq!(outcome.objects().len(), 4_000, "{size}");
    }
}

#[test]
fn a_file_is_overwritten_only_by_force_and_an_input_never() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let input = file(directory.path(), "flows.txt", DEFAULT);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&input, &link).expect("linked");
    for target in [input.as_str(), link.to_str().expect("UTF-8")] {
        let target = format!("file:{target}");
        let outcome = run(&["replay", "--force", "--to", &target, &input], "");
        assert_eq!(outcome.status, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains("is an input"), "{outcome:?}");
    }
    assert_eq!(fs::read_to_string(&input).expect("there"), DEFAULT);

    let kept = file(directory.path(), "kept", "something else");
    let target = format!("file:{kept}");
    let outcome = run(&["replay", "--to", &target, &input], "");
    assert_eq!(outcome.status, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("--force"), "{outcome:?}");
    assert_eq!(fs::read_to_string(&kept).expect("there"), "something else");
    let outcome = run(&["replay", "--force", "--to", &target, &input], "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    assert_eq!(fs::read(&kept).expect("there")[..2], [0, 10]);
}

#[test]
fn targets_get_everything_though_standard_output_is_closed() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let lines = many();
    let input = file(directory.path(), "flows.txt", &lines);
    let sizes = ["alone", "closed"].map(|name| {
        let path = directory.path().join(name);
        let target = format!("file:{}", path.display());
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flowlogs"));
        command.args(["replay", "--summary=none", "--to", &target, &input]);
        if name == "closed" {
            command.arg("--output=json");
        }
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("starts");
        drop(child.stdout.take());
        assert!(child.wait().expect("ends").success(), "{name}");
        fs::metadata(path).expect("written").len()
    });
    assert!(sizes[0] > 100_000);
    assert_eq!(sizes[0], sizes[1]);
}

#[test]
fn the_summary_is_there_though_a_collector_is_not() {
    let outcome = run(
        &["replay", "--to=tcp://127.0.0.1:1", "--summary=json", "-"],
        DEFAULT,
    );
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let summary = outcome.summary();
    assert_eq!(summary["RecordsReceived"], 0);
    assert_eq!(summary["targets"][0]["url"], "tcp://127.0.0.1:1");
    assert!(summary["SendErrors"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["failures"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_udp_collector_that_dies_midway_is_a_failure() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let url = format!("udp://{}", socket.local_addr().expect("bound"));
    let lines = many();
    let directory = tempfile::tempdir().expect("temporary directory");
    let input = file(directory.path(), "flows.txt", &lines);
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_flowlogs"))
        .args([
            "replay",
            "--udp-rate=300",
            "--summary=json",
            "--to",
            &url,
            &input,
        ])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut datagram = [0; 65_535];
    for _ in 0..50 {
        socket.recv(&mut datagram).expect("a message");
    }
    drop(socket);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(stderr.contains("met a closed port"), "{stderr}");
}

#[test]
fn strict_allows_no_line_that_fits_no_format() {
    let lines = format!("what is this\n{DEFAULT}");
    let outcome = run(&["replay", "--strict", "-"], &lines);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("1 lines fit no format"),
        "{outcome:?}"
    );
    assert_eq!(run(&["replay", "--strict", "-"], DEFAULT).status, Some(0));
}

#[test]
fn a_directory_without_flow_logs_is_a_failure() {
    let directory = tempfile::tempdir().expect("temporary directory");
    file(directory.path(), "other.json", r#"{"some": "thing else"}"#);
    let outcome = run(&["replay", directory.path().to_str().expect("UTF-8")], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing was read"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("failed: nothing was read"),
        "at the end: {outcome:?}"
    );
}

#[test]
fn the_summary_goes_to_a_file() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("summary.json");
    let path = path.to_str().expect("UTF-8");
    let outcome = run(
        &[
            "replay",
            "--output=json",
            "--summary=json",
            "--summary-to",
            path,
            "-",
        ],
        DEFAULT,
    );
    assert_eq!(outcome.stderr, "");
    let text = fs::read_to_string(path).expect("written");
    let summary: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(summary["FlowsExported"], 2);
}

#[test]
fn an_inventory_that_does_not_fit_is_noted() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let flow_logs = file(
        directory.path(),
        "flow-logs.json",
        r#"{"FlowLogs": [{"FlowLogId": "fl-1", "ResourceId": "vpc-1", "LogGroupName": "/vpc/flow-logs",
            "LogFormat": "${srcaddr} ${dstaddr}"}]}"#,
    );
    let empty = file(directory.path(), "empty.json", r#"{"Vpcs": []}"#);
    let inventory = ["--inventory", &flow_logs, "--inventory", &empty];
    let arguments = ["replay", "--log-group=/vpc/flowlogs", "--summary=json", "-"];
    let outcome = run(&[&arguments[..], &inventory].concat(), DEFAULT);
    let notes = outcome.summary()["notes"].to_string();
    for text in [
        "delivers to /vpc/flowlogs; they deliver to /vpc/flow-logs",
        "has no interfaces",
        "empty.json holds no interface",
    ] {
        assert!(notes.contains(text), "{text}: {notes}");
    }
}

#[test]
fn flows_of_unknown_direction_are_noted_once() {
    let note =
        "of 2 flows it is not known on which side of the interface they are; give the interfaces";
    for direction in ["--direction=both", "--direction=ingress"] {
        let outcome = run(&["replay", "--summary=json", direction, "-"], DEFAULT);
        let notes = outcome.summary()["notes"].to_string();
        assert_eq!(notes.matches(note).count(), 1, "{direction}: {notes}");
    }
    let lines = "srcaddr bytes flow-direction\n10.0.0.1 5 ingress\n";
    let outcome = run(&["replay", "--summary=json", "-"], lines);
    let notes = outcome.summary()["notes"].to_string();
    assert!(!notes.contains("on which side"), "{notes}");
}

#[test]
fn a_given_format_that_does_not_fit_is_to_be_corrected_and_not_given() {
    let format = ["replay", "--log-format=srcaddr dstaddr", "-"];
    let outcome = run(&format, DEFAULT);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    for text in [
        "none of 2 lines fits a format (the line has 14 columns, the format 2); correct --log-format, or leave it out",
        "not parsed: standard input, record 1: the line has 14 columns, the format 2",
        "tried: header lines and --log-format; correct --log-format, or leave it out",
    ] {
        assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    }
    assert!(!outcome.stderr.contains("give the"), "{outcome:?}");
}

#[test]
fn inputs_without_a_line_are_noted_beside_good_inputs() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let paths: Vec<_> = (1..=5)
        .map(|number| file(directory.path(), &format!("{number}.txt"), "\n"))
        .chain([file(directory.path(), "good.txt", DEFAULT)])
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let options = ["replay", "--summary=json", "--output=none"];
    let outcome = run(&[&options[..], &paths].concat(), "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let notes = outcome.summary()["notes"].to_string();
    let named = format!("no flow-log line in {} and 2 more", paths[..3].join(", "));
    assert!(notes.contains(&named), "{notes}");
    let outcome = run(&[&options[..], &paths[5..]].concat(), "");
    assert!(!outcome.stderr.contains("no flow-log line"), "{outcome:?}");
}

#[test]
fn the_summary_wraps_at_forty_columns() {
    let output = flowlogs(&["replay", "--output=none", "-"])
        .env("COLUMNS", "40")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(text.contains("FlowsExported") && text.contains("note: "));
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(40), "{text}");
}

#[test]
fn each_input_without_a_fitting_line_has_its_own_reason() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let paths: Vec<_> = (1..=8)
        .map(|columns| {
            let line = vec!["x"; columns].join(" ") + "\n";
            file(directory.path(), &format!("{columns}.txt"), &line)
        })
        .collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let outcome = run(&[&["replay", "--summary=none"], &paths[..]].concat(), "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 8, "{lines:?}");
    for (line, columns) in lines.into_iter().zip(1..) {
        let s = if columns == 1 { "" } else { "s" };
        let own = format!("/{columns}.txt: none of 1 line fits a format ({columns} column{s}; ");
        assert!(line.contains(&own), "{own}: {line}");
    }
}

#[test]
fn nothing_in_a_line_or_file_name_disturbs_the_terminal() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = file(
        directory.path(),
        "evil\nflowlogs: forged\u{1b}[31m\u{202e}name",
        "\u{1b}]0;x\u{7} \u{202e} a\n",
    );
    let outcome = run(&["replay", &path], "");
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let forged = |line: &str| line.starts_with("flowlogs: forged");
    assert!(!outcome.stderr.lines().any(forged), "{outcome:?}");
    let line =
        "2 1 eni-\u{202e}\u{1b}[31m1 10.0.0.1 10.0.0.2 1 2 6 3 4 1418530010 1418530070 ACCEPT OK";
    let explained = run(
        &[
            "explain",
            "--log-format",
            "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
            line,
        ],
        "",
    );
    for text in [
        outcome.stderr,
        outcome.stdout,
        explained.stdout,
        explained.stderr,
    ] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text:?}");
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
fn the_c_locale_gets_ascii_only() {
    let output = flowlogs(&["replay", "--width=80", "-"])
        .env("LC_ALL", "C")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    assert!(output.stdout.is_ascii() && output.stderr.is_ascii());
    assert!(String::from_utf8_lossy(&output.stdout).contains("-- 123456789010 - domain "));
}

#[test]
fn times_are_local_if_asked_for() {
    let output = flowlogs(&["replay", "--time=local", "-"])
        .env("TZ", "<+05>-5:30")
        .write_stdin(DEFAULT)
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("2014-12-14 +05:30"), "{text}");
    assert!(text.contains("09:36:50 172.31.16.139"), "{text}");
}

#[test]
fn a_line_on_standard_input_is_shown_when_it_arrives() {
    use std::io::{BufRead, BufReader, Write};
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_flowlogs"))
        .args(["replay", "--output=json", "--summary=none", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("piped");
    let mut flows = BufReader::new(child.stdout.take().expect("piped")).lines();
    for line in DEFAULT.lines() {
        writeln!(input, "{line}").expect("written");
        // Standard input is still open: a flow that waits for its end would never come.
        let flow = flows.next().expect("a flow").expect("UTF-8");
        assert!(flow.contains("172.31."), "{flow}");
    }
    drop(input);
    assert!(child.wait().expect("ends").success());
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
