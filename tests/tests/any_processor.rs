//! The command line on a baseline x86-64 processor: QEMU's default, without SSSE3 and AVX2.
#![cfg(target_arch = "x86_64")]

use std::process::Command;

use flowlogs_tests::replay::{program, replay};
use flowlogs_tests::{cases, tool};

#[test]
fn the_command_line_prints_the_same_flows_on_any_x86_64_processor() {
    let Some(qemu) = tool::find("qemu-x86_64") else {
        return;
    };
    let inputs: Vec<_> = cases::with_flows()
        .into_iter()
        .map(|case| case.path)
        .collect();
    let expected = replay::<&str>(&[], &inputs);
    assert!(expected.flows().len() > 100, "{}", expected.errors);
    let output = Command::new(qemu)
        .args(["-cpu", "qemu64"])
        .arg(program())
        .args(["replay", "--output", "json", "--summary", "none"])
        .arg("--inventory")
        .arg(cases::inventory())
        .args(&inputs)
        .output()
        .expect("QEMU");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected.printed);
}
