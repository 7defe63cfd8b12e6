//! A name that leads nowhere at first and to a collector later. The resolver is the system's; `nss_wrapper` gives the
//! resolver a hosts file written by the test, in a second process of this test program.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use flowlogs_export::{SendProblem, SenderOptions, SessionState};

use crate::collector::{
    accept, begin, collectors, frames, listen, messages, read_all, script, send_all,
};

/// Path on Debian.
const NSS_WRAPPER: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so",
    "/usr/lib/aarch64-linux-gnu/libnss_wrapper.so",
];

/// The variable that has the hosts file of the process within.
const HOSTS: &str = "NSS_WRAPPER_HOSTS";

#[test]
fn a_name_that_cannot_be_resolved_fails_the_invocation_and_the_next_one_asks_again() {
    let Some(wrapper) = NSS_WRAPPER.iter().find(|path| Path::new(path).exists()) else {
        let required = std::env::var_os("FLOWLOGS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "libnss_wrapper is not installed and FLOWLOGS_REQUIRE_TOOLS=1"
        );
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "192.0.2.1 somebody.else\n").expect("a file");
    // The hosts file is read again when the file's time has changed by a second.
    let file = File::options().write(true).open(&hosts).expect("a file");
    let earlier = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(earlier).expect("a file");
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "dns::with_a_hosts_file_of_its_own",
            "--ignored",
            "--nocapture",
        ])
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
#[ignore = "is run by the test above"]
fn with_a_hosts_file_of_its_own() {
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
