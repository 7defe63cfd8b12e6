//! `--to`: files and collectors.

use std::fs;

use super::{file, many};
use crate::{DEFAULT, run};

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
