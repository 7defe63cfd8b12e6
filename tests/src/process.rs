//! Child processes that end with the test, and waiting with a time limit.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::UdpSocket;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Time limit of waiting for something that takes at most a second.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running program in a separate process group; killed on drop, with all children.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes into a file.
    ///
    /// # Panics
    ///
    /// If the program cannot be started.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let output = File::create(&log).expect("a log file in the test's own directory");
        let errors = output.try_clone().expect("a second handle");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    /// Returns the number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the output so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Returns the last octets of the output, at most this many.
    pub fn end_of_log(&self, octets: u64) -> String {
        let end = || {
            let mut file = File::open(&self.log)?;
            let before = file.metadata()?.len().saturating_sub(octets);
            file.seek(SeekFrom::Start(before))?;
            let mut end = Vec::new();
            file.read_to_end(&mut end)?;
            Ok::<_, std::io::Error>(end)
        };
        String::from_utf8_lossy(&end().unwrap_or_default()).into_owned()
    }

    /// Returns the memory of the process in octets, by the kernel's name: `VmRSS` (now) or `VmHWM` (maximum so far).
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn memory(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).expect("a running process");
        let row = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = row.and_then(|row| row.split_whitespace().nth(1)?.parse::<u64>().ok());
        kibibytes.expect("the kernel counts it") * 1024
    }

    /// Counts the open descriptors.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).expect("a running process").count()
    }

    /// Sends a signal (`TERM`, `INT`) to the program alone (the program tells the children), and waits for the end.
    ///
    /// # Panics
    ///
    /// If the program does not end.
    pub fn stop(mut self, signal: &str) -> String {
        send_signal(signal, &self.child.id().to_string());
        let mut status = None;
        wait_until(&format!("the end after SIG{signal}"), || {
            status = self.exit_status();
            status.is_some()
        });
        self.log()
    }

    /// Returns the exit status if the process has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        send_signal("KILL", &format!("-{}", self.child.id()));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process or, with a minus sign, to a process group. Uses the shell's `kill`: needs neither unsafe code
/// nor a dependency.
fn send_signal(signal: &str, to: &str) {
    let kill = format!("kill -s {signal} -- {to}");
    let _ = Command::new("/bin/sh")
        .args(["-c", &kill])
        .stderr(Stdio::null())
        .status();
}

/// Polls a condition until true.
///
/// # Panics
///
/// If the condition is not true within [`PATIENCE`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a UDP port of the loopback interface that is free at the moment.
///
/// # Panics
///
/// If no port is free.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port()
}

/// Octets in the receive queue of a loopback UDP port; `None` if no socket listens.
pub fn udp_backlog(port: u16) -> Option<u64> {
    let row = udp_row(port)?;
    let (_, received) = row.get(4)?.split_once(':')?;
    u64::from_str_radix(received, 16).ok()
}

/// Datagrams dropped by a loopback UDP port for want of room in the receive buffer; `None` if no socket listens.
pub fn udp_dropped(port: u16) -> Option<u64> {
    udp_row(port)?.get(12)?.parse().ok()
}

/// Columns of a UDP port in `/proc/net/udp`.
fn udp_row(port: u16) -> Option<Vec<String>> {
    let table = std::fs::read_to_string(Path::new("/proc/net/udp")).ok()?;
    let local = format!("0100007F:{port:04X}");
    let mut rows = table.lines().map(|row| {
        row.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    rows.find(|row| row.get(1) == Some(&local))
}

/// Waits until a collector listens on the port.
///
/// # Panics
///
/// If the collector does not listen in time, or ends.
pub fn wait_until_listening(process: &mut Process, port: u16) {
    wait_until("a listening collector", || {
        assert!(
            process.exit_status().is_none(),
            "it ended:\n{}",
            process.log()
        );
        udp_backlog(port).is_some()
    });
}

/// Counts until there are as many as expected, or the count has not grown for the time of `silence`; returns the last count.
pub fn settled(count: impl Fn() -> u64, expected: u64, silence: Duration) -> u64 {
    let (mut counted, mut last) = (count(), Instant::now());
    while counted < expected && last.elapsed() < silence {
        std::thread::sleep(Duration::from_millis(20));
        let now = count();
        if now > counted {
            (counted, last) = (now, Instant::now());
        }
    }
    counted
}

/// Waits until the receive queue of the port is empty.
///
/// # Panics
///
/// If the queue does not become empty in time.
pub fn wait_until_read(port: u16) {
    wait_until("the collector to read", || udp_backlog(port) == Some(0));
}
