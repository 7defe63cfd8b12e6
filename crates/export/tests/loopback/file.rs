//! IPFIX Files: the concatenation of the messages, and nothing else.

use std::fs;

use crate::collector::{begin, collectors, messages, send_all};
use flowlogs_export::{SendProblem, SenderOptions, SessionState, TargetKind};

#[test]
fn a_file_is_the_concatenation_of_its_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.ipfix");
    fs::write(&path, "of an earlier run").expect("writable");
    let mut collectors = collectors(
        &format!("file://{}", path.display()),
        SenderOptions::default(),
    );
    assert_eq!(collectors.kinds(), [TargetKind::File]);
    let sent = messages(300, 1_400);
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent[..100]);
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(fs::read(&path).expect("readable"), sent[..100].concat());
    assert_eq!(begin(&mut collectors), SessionState::Kept);
    send_all(&mut collectors, &sent[100..]);
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(fs::read(&path).expect("readable"), sent.concat());
    assert!(collectors.peers().is_empty());
}

#[test]
fn a_file_that_cannot_be_created_is_named_and_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("later/flows.ipfix");
    let mut collectors = collectors(
        &format!("file:{}", path.display()),
        SenderOptions::default(),
    );
    let error = collectors
        .begin()
        .remove(0)
        .expect_err("the folder is not there");
    assert!(error.to_string().contains("later/flows.ipfix"), "{error}");
    assert!(matches!(error.problem, SendProblem::File { .. }));
    fs::create_dir(folder.path().join("later")).expect("writable");
    assert_eq!(begin(&mut collectors), SessionState::New);
}

#[test]
fn a_file_is_not_opened_a_second_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.ipfix");
    let mut collectors = collectors(
        &format!("file:{}", path.display()),
        SenderOptions::default(),
    );
    begin(&mut collectors);
    send_all(&mut collectors, &messages(1, 100));
    assert_eq!(
        collectors.reconnect(0).expect_err("refused").problem,
        SendProblem::FileNotReopened
    );
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(
        fs::read(&path).expect("readable"),
        messages(1, 100).concat()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_file_for_good() {
    let mut collectors = collectors("file:///dev/full", SenderOptions::default());
    begin(&mut collectors);
    send_all(&mut collectors, &messages(1, 100));
    let error = collectors.finish().remove(0).expect_err("no space left");
    assert!(error.to_string().contains("\"/dev/full\""), "{error}");
    assert_eq!(collectors.send(0, b"x"), Err(error.clone()));
    assert_eq!(collectors.begin(), [Err(error)]);
}
