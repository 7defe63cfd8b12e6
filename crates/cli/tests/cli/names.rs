//! `flowlogs names`.

use std::fs;

use crate::{DEFAULT, run};

#[test]
fn names_have_the_numbers_of_the_flows() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("interfaces.json");
    fs::write(
        &path,
        r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1235b8ca123456789",
            "TagSet": [{"Key": "Name", "Value": "web-1"}]}]}"#,
    )
    .expect("written");
    let path = path.to_str().expect("UTF-8");
    let flows = run(&["replay", "--output=json", "-"], DEFAULT).objects();
    let number = &flows[0]["ingressInterface"];
    let csv = run(&["names", "--inventory", path], "");
    assert_eq!(csv.status, Some(0), "{csv:?}");
    let row = format!("interface,{number},eni-1235b8ca123456789,web-1,");
    assert!(csv.stdout.lines().any(|line| line == row), "{csv:?}");
    let akvorado = run(&["names", "--inventory", path, "--as", "akvorado"], "");
    assert!(
        akvorado.stdout.contains(&format!(
            "            {number}:\n              name: \"web-1\"\n"
        )),
        "{akvorado:?}"
    );
    assert_eq!(run(&["names"], "").status, Some(2));
}
