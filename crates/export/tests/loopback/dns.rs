//! A name that leads nowhere at first and to a collector later, and one that leads to another collector later. The resolver
//! is the system's own; `nss_wrapper` gives it a hosts file that the test writes, in a process that is this test program
//! once more.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use flowlogs_export::{SendProblem, SenderOptions, SessionState};
use flowlogs_testing::tools;

use crate::collector::{
    accept, begin, collectors, frames, listen, messages, read_all, script, send_all,
};

/// Variable of `nss_wrapper` with the path of a hosts file.
const HOSTS: &str = "NSS_WRAPPER_HOSTS";

#[test]
fn a_name_that_cannot_be_resolved_fails_the_transmission_and_the_next_one_asks_again() {
    run_with_hosts(
        "dns::with_a_name_that_is_not_known_yet",
        "192.0.2.1 somebody.else\n",
    );
}

#[test]
fn a_name_that_leads_to_another_address_is_followed_although_the_old_one_still_answers() {
    run_with_hosts(
        "dns::with_a_name_that_moves",
        "127.0.0.1 collector.example\n",
    );
}

/// Runs an ignored test of this file in a process whose resolver has this hosts file, an old one.
fn run_with_hosts(test: &str, content: &str) {
    let Some(wrapper) = tools::nss_wrapper() else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, content).expect("a file");
    // The hosts file is read again when its time has changed by a second.
    let file = File::options().write(true).open(&hosts).expect("a file");
    let earlier = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(earlier).expect("a file");
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("LD_PRELOAD", wrapper)
        .env(HOSTS, &hosts)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[test]
#[ignore = "is run by a test above"]
fn with_a_name_that_is_not_known_yet() {
    let Some(hosts) = std::env::var_os(HOSTS) else {
        return;
    };
    let (listener, address) = listen();
    let received = script(move || read_all(accept(&listener)));
    let url = format!("tcp://collector.example:{}", address.port());
    let mut collectors = collectors(&url, SenderOptions::default());
    for _ in 0..2 {
        let error = collectors
            .begin()
            .remove(0)
            .expect_err("the name is not known yet");
        assert!(
            matches!(&error.problem, SendProblem::NotResolved { host, .. } if host == "collector.example"),
            "{error}"
        );
        assert!(
            collectors.finish()[0].is_err(),
            "what was not sent is not a success"
        );
    }
    std::fs::write(hosts, "127.0.0.1 collector.example\n").expect("a file");
    let sent = messages(10, 100);
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent);
    assert_eq!(collectors.finish(), [Ok(())]);
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
#[ignore = "is run by a test above"]
fn with_a_name_that_moves() {
    let Some(hosts) = std::env::var_os(HOSTS) else {
        return;
    };
    let (first, address) = listen();
    let second = TcpListener::bind(("127.0.0.2", address.port())).expect("another address");
    let before = script(move || read_all(accept(&first)));
    let after = script(move || read_all(accept(&second)));
    let url = format!("tcp://collector.example:{}", address.port());
    let options = SenderOptions {
        resolve_after: Duration::ZERO,
        ..SenderOptions::default()
    };
    let mut collectors = collectors(&url, options);
    let sent = messages(20, 100);
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent[..5]);
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(begin(&mut collectors), SessionState::Kept, "the name stays");
    send_all(&mut collectors, &sent[5..10]);
    assert_eq!(collectors.finish(), [Ok(())]);
    std::fs::write(&hosts, "").expect("a file");
    assert_eq!(begin(&mut collectors), SessionState::Kept, "no answer");
    std::fs::write(&hosts, "127.0.0.2 collector.example\n").expect("a file");
    // nss_wrapper looks at whole seconds.
    let later = SystemTime::now() + Duration::from_secs(5);
    let file = File::options().write(true).open(&hosts).expect("a file");
    file.set_modified(later).expect("a file");
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent[10..]);
    assert_eq!(collectors.finish(), [Ok(())]);
    drop(collectors);
    let received = [before, after].map(|collector| frames(&collector.join().expect("octets")));
    assert_eq!(received[0], (sent[..10].to_vec(), 0));
    assert_eq!(received[1], (sent[10..].to_vec(), 0));
}
