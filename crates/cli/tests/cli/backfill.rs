//! `flowlogs backfill`: the black-box tests run the printed commands; here are the refusals and the output.

use crate::run;

const BUCKET: [&str; 5] = [
    "backfill",
    "--from=2026-11-24T10:00Z",
    "--bucket=flows",
    "--queue=https://sqs.eu-central-1.amazonaws.com/123456789012/notices",
    "--region=eu-central-1",
];

fn printed(arguments: &[&str]) -> String {
    let outcome = run(&[&BUCKET, arguments].concat(), "");
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    outcome.stdout
}

#[test]
fn keys_have_the_form_that_is_asked_for() {
    for (form, prefix, query) in [
        (
            "aws",
            "--prefix AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/24/ ",
            "'_20261124T10'",
        ),
        (
            "hive",
            "--prefix AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026/month=11/day=24/ ",
            "'_20261124T10'",
        ),
        ("firehose", "--prefix 2026/11/24/ ", "'-2026-11-24-10-'"),
    ] {
        let text = printed(&["--owner=123456789012", "--keys", form]);
        assert!(text.contains(prefix), "{form}: {text}");
        // Quotes within quotes, for the shell.
        let query = query.replace('\'', r"'\''");
        assert!(text.contains(&query), "{form}: {text}");
        assert!(text.contains("ObjectCreated:Backfill"), "{form}: {text}");
    }
    let days = printed(&["--owner=1", "--until=2026-11-26T01:00"]);
    assert_eq!(
        days.matches("aws s3api list-objects-v2").count(),
        3,
        "{days}"
    );
}

#[test]
fn a_period_or_source_that_cannot_be_meant_is_wrong_usage() {
    for (arguments, says) in [
        (
            &["--owner=1", "--until=2026-11-24T10:00"][..],
            "--until is not after",
        ),
        (
            &["--owner=1", "--until=2027-11-24T10:00"],
            "more than 31 days",
        ),
        (&["--owner=1", "--until=2026-11-24T10:30"], "whole hours"),
        (&[], "--owner"),
        (&["--log-group=g", "--to=udp://192.0.2.1"], "--log-group"),
        (&["--owner=1", "--bucket=it's"], "--bucket"),
    ] {
        let outcome = run(&[&BUCKET, arguments].concat(), "");
        assert_eq!(outcome.status, Some(2), "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(says), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
    let wrong = run(
        &[
            "backfill",
            "--from=yesterday",
            "--log-group=g",
            "--to=udp://h",
        ],
        "",
    );
    assert!(wrong.stderr.contains("as in 2026-11-24T10:00"), "{wrong:?}");
    let nothing = run(&["backfill", "--from=2026-11-24T10:00"], "");
    assert_eq!(nothing.status, Some(2), "{nothing:?}");
}
