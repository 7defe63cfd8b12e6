//! Waiting: for several targets together, until a deadline, and not again for a collector that was not there just now.

use std::{
    io::Read,
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::collector::{accept, begin, collectors, listen, message, script, with_write_timeout};
use flowlogs_export::{SendProblem, SenderOptions, SessionState};

/// Most time without progress here; beyond, a collector is given up.
const PATIENCE: Duration = Duration::from_secs(1);

#[test]
fn three_collectors_that_read_nothing_take_the_time_of_one() {
    let listeners = [listen(), listen(), listen()];
    let urls: Vec<_> = listeners
        .iter()
        .map(|(_, address)| format!("tcp://{address}"))
        .collect();
    let mut collectors = collectors(&urls.join(","), with_write_timeout(PATIENCE));
    assert!(collectors.begin().iter().all(Result::is_ok));
    let _silent: Vec<TcpStream> = listeners
        .iter()
        .map(|(listener, _)| accept(listener))
        .collect();
    let start = Instant::now();
    for number in 0..1_000 {
        let message = message(number, 60_000);
        for target in 0..3 {
            // Messages are refused once their collector was given up.
            let _ = collectors.send(target, &message);
        }
    }
    for result in collectors.finish() {
        let problem = result.expect_err("nothing was read").problem;
        assert_eq!(problem, SendProblem::StoppedReading { after: PATIENCE });
    }
    let taken = start.elapsed();
    assert!(taken < 2 * PATIENCE, "{taken:?} for three");
}

#[test]
fn a_collector_that_takes_a_few_octets_again_and_again_ends_at_the_deadline() {
    let (listener, address) = listen();
    // The thread is not joined: the octets that the kernels hold last for hours.
    script(move || {
        let mut socket = accept(&listener);
        let mut few = [0; 200];
        while let Ok(1..) = socket.read(&mut few) {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let deadline = Instant::now() + PATIENCE;
    collectors.set_deadline(deadline);
    begin(&mut collectors);
    let error = (0..1_000)
        .find_map(|number| collectors.send(0, &message(number, 60_000)).err())
        .expect("60 MB take longer");
    assert_eq!(error.problem, SendProblem::OutOfTime);
    assert!(deadline.elapsed() < PATIENCE / 2);
    assert_eq!(collectors.finish(), [Err(error)]);
}

#[test]
fn after_the_deadline_nothing_is_connected_and_no_datagram_waits_for_its_turn() {
    let (_listener, address) = listen();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let udp = socket.local_addr().expect("an address");
    let slow = SenderOptions {
        udp_rate: 10,
        ..SenderOptions::default()
    };
    let mut collectors = collectors(&format!("udp://{udp},tcp://{address}"), slow);
    collectors.set_deadline(Instant::now() + PATIENCE / 2);
    assert_eq!(
        collectors.begin(),
        [Ok(SessionState::New), Ok(SessionState::New)]
    );
    let start = Instant::now();
    for number in 0..100 {
        let message = message(number, 100);
        collectors.send(0, &message).expect("UDP counts its errors");
    }
    let results = collectors.finish();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    let error = results[0].clone().expect_err("100 messages take 10 s");
    assert_eq!(error.problem, SendProblem::OutOfTime);
    assert_eq!(results[1], Ok(()));
    thread::sleep(PATIENCE / 2);
    let error = collectors.reconnect(1).expect_err("no time is left");
    assert_eq!(error.problem, SendProblem::OutOfTime);
}

#[test]
fn a_collector_that_was_not_there_is_not_tried_again_before_the_pause_is_over() {
    let (listener, address) = listen();
    drop(listener);
    let options = SenderOptions {
        retry_pause: Duration::from_millis(500),
        ..SenderOptions::default()
    };
    let mut collectors = collectors(&format!("tcp://{address}"), options);
    let first = collectors.begin().remove(0).expect_err("nobody listens");
    assert_eq!(first.problem, SendProblem::Refused { address });
    let listener = listen_again(address);
    let second = collectors.begin().remove(0).expect_err("too soon");
    let reason = first.problem.to_string();
    assert_eq!(second.problem, SendProblem::NotTried { reason });
    thread::sleep(Duration::from_millis(650));
    assert_eq!(begin(&mut collectors), SessionState::New);
    drop(listener);
}

fn listen_again(address: SocketAddr) -> std::net::TcpListener {
    std::net::TcpListener::bind(address).expect("the port was free")
}

#[test]
fn targets_that_take_no_part_are_left_alone() {
    let (listener, address) = listen();
    let (other, other_address) = listen();
    let urls = format!("tcp://{address},tcp://{other_address}");
    let mut collectors = collectors(&urls, SenderOptions::default());
    let states = collectors.begin_selected(|target| target == 1);
    assert_eq!(states, [Ok(SessionState::Kept), Ok(SessionState::New)]);
    collectors
        .send(1, &message(0, 100))
        .expect("it is connected");
    let _open = accept(&other);
    assert_eq!(collectors.finish(), [Ok(()), Ok(())]);
    listener.set_nonblocking(true).expect("a listener");
    assert!(listener.accept().is_err(), "nobody came");
    assert_eq!(
        collectors.begin(),
        [Ok(SessionState::New), Ok(SessionState::Kept)]
    );
}
