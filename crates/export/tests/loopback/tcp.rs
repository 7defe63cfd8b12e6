//! TCP: arrivals, and the error for every message that does not arrive.

use std::{
    io::Read,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use crate::collector::{
    self, LIMIT, accept, begin, collectors, frames, listen, messages, read_all, read_some, script,
    send_all, with_write_timeout,
};
use flowlogs_export::{SendProblem, SendStatistics, SenderOptions, SessionState, TargetKind};

/// Most time without progress here; beyond, a collector is given up.
const PATIENCE: Duration = Duration::from_millis(300);

#[test]
fn messages_of_any_size_arrive_whole_and_in_order() {
    let (listener, address) = listen();
    let received = script(move || read_all(accept(&listener)));
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let sent: Vec<_> = [16, 1_400, 17, 65_535, 512, 30_000, 65_535, 16]
        .iter()
        .enumerate()
        .map(|(number, &octets)| collector::message(u32::try_from(number).expect("small"), octets))
        .collect();
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent);
    assert_eq!(collectors.finish(), [Ok(())]);
    let octets = sent.iter().map(|message| message.len() as u64).sum();
    assert_eq!(
        collectors.statistics(),
        [SendStatistics {
            messages: 8,
            octets,
            ..SendStatistics::default()
        }]
    );
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
fn an_ipv6_collector_is_reached() {
    let listener = TcpListener::bind("[::1]:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let received = script(move || read_all(accept(&listener)));
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let sent = messages(100, 1_400);
    begin(&mut collectors);
    send_all(&mut collectors, &sent);
    assert_eq!(collectors.finish(), [Ok(())]);
    let peers = collectors.peers();
    assert_eq!(
        (peers[0].kind, peers[0].collector),
        (TargetKind::Tcp, address)
    );
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
fn a_session_is_kept_from_one_transmission_to_the_next() {
    let (listener, address) = listen();
    let received = script(move || read_all(accept(&listener)));
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let sent = messages(3, 100);
    for (number, message) in sent.iter().enumerate() {
        let expected = if number == 0 {
            SessionState::New
        } else {
            SessionState::Kept
        };
        assert_eq!(begin(&mut collectors), expected);
        collectors.send(0, message).expect("taken");
        assert_eq!(collectors.finish(), [Ok(())]);
        assert_eq!(collectors.statistics()[0].messages, 1);
    }
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
fn finish_means_that_the_collector_has_everything() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let mut socket = accept(&listener);
    let sent = messages(20, 1_000);
    send_all(&mut collectors, &sent);
    assert_eq!(collectors.finish(), [Ok(())]);
    // Everything is in this socket's receive buffer: no octet needs waiting for.
    socket.set_nonblocking(true).expect("a socket");
    let mut received = vec![0; 20_000];
    socket
        .read_exact(&mut received)
        .expect("everything is here");
    assert_eq!(frames(&received), (sent, 0));
}

#[test]
fn nothing_that_listens_is_a_refusal_and_the_next_transmission_tries_again() {
    let (listener, address) = listen();
    drop(listener);
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let error = collectors.begin().remove(0).expect_err("nothing listens");
    assert_eq!(error.problem, SendProblem::Refused { address });
    assert_eq!(
        error.to_string(),
        format!("tcp://{address}: connection to {address} refused: nothing listens there")
    );
    assert_eq!(
        collectors.send(0, b"x"),
        Err(error.clone()),
        "the first reason is told again"
    );
    assert_eq!(collectors.finish(), [Err(error)]);
    assert_eq!(collectors.statistics()[0].errors, 1);
    assert!(collectors.peers().is_empty());

    let listener = TcpListener::bind(address).expect("the port is free");
    assert_eq!(begin(&mut collectors), SessionState::New);
    drop(accept(&listener));
}

#[test]
fn the_error_of_a_collector_without_a_route_has_its_address() {
    // No connection can be made to the broadcast address: the kernel says so at once, as without a route.
    let mut collectors = collectors("tcp://255.255.255.255", SenderOptions::default());
    let error = collectors.begin().remove(0).expect_err("no route");
    assert!(
        matches!(error.problem, SendProblem::Connect { address, .. } if address.port() == 4739),
        "{error}"
    );
    assert_eq!(collectors.finish(), [Err(error)]);
    assert_eq!(collectors.statistics()[0].errors, 1);
}

#[test]
fn a_collector_that_does_not_answer_is_given_up_after_the_connect_timeout() {
    // A listener with no place left in its queue lets further connections go unanswered, like a silent firewall.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a free port");
    socket.listen(0).expect("a listener");
    let address = socket.local_addr().expect("an address").as_socket();
    let address = address.expect("an address");
    let timeout = Duration::from_millis(300);
    let full: Vec<_> = (0..8)
        .map_while(|_| TcpStream::connect_timeout(&address, timeout).ok())
        .collect();
    assert!(full.len() < 8, "the queue is never full");

    let options = SenderOptions {
        connect_timeout: timeout,
        ..SenderOptions::default()
    };
    let mut collectors = collectors(&format!("tcp://{address}"), options);
    let error = collectors.begin().remove(0).expect_err("nobody answers");
    assert!(
        matches!(error.problem, SendProblem::ConnectTimeout { address: to, .. } if to == address),
        "{error}"
    );
    assert_eq!(collectors.finish(), [Err(error)]);
}

#[test]
fn the_error_of_a_name_without_address_has_the_name() {
    let mut collectors = collectors("tcp://nonexistent.invalid", SenderOptions::default());
    let error = collectors
        .begin()
        .remove(0)
        .expect_err("RFC 6761 reserves .invalid");
    assert!(
        error.to_string().starts_with(
            "tcp://nonexistent.invalid:4739: host name \"nonexistent.invalid\" was not"
        )
    );
}

/// Messages, made on demand: more than the kernels of both sides buffer.
fn endless() -> impl Iterator<Item = Vec<u8>> {
    (0..4_000).map(|number| collector::message(number, 60_000))
}

#[test]
fn a_collector_that_never_reads_is_given_up_after_the_write_timeout() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), with_write_timeout(PATIENCE));
    begin(&mut collectors);
    let socket = accept(&listener);
    let error = endless()
        .find_map(|message| collectors.send(0, &message).err())
        .expect("no kernel buffers 240 MB");
    assert_eq!(
        error.problem,
        SendProblem::StoppedReading {
            after: Duration::from_millis(300)
        }
    );
    assert_eq!(collectors.finish(), [Err(error.clone())]);
    assert_eq!(
        collectors.send(0, b"x"),
        Err(error),
        "nothing follows a message that may be cut"
    );
    drop(collectors);
    let received = read_all(socket);
    let (whole, _) = frames(&received);
    let sent: Vec<_> = endless().take(whole.len() + 1).collect();
    assert!(
        sent.concat().starts_with(&received),
        "what is cut is the end, and nowhere else"
    );
}

#[test]
fn what_only_the_kernel_has_taken_is_not_success() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), with_write_timeout(PATIENCE));
    begin(&mut collectors);
    let _never_reads = accept(&listener);
    let taken = endless()
        .take_while(|message| collectors.send(0, message).is_ok())
        .count();
    collectors
        .reconnect(0)
        .expect("the collector still accepts connections");
    let _never_reads_either = accept(&listener);
    // Half of the messages that were taken fits into our send queue, not into the collector's window.
    let sent = endless()
        .take(taken / 2)
        .try_for_each(|message| collectors.send(0, &message));
    let error = sent
        .err()
        .or_else(|| collectors.finish().remove(0).err())
        .expect("the collector has not taken it");
    assert_eq!(
        error.problem,
        SendProblem::StoppedReading {
            after: Duration::from_millis(300)
        }
    );
}

#[test]
fn a_slow_collector_gets_everything() {
    let (listener, address) = listen();
    let received = script(move || {
        let mut socket = accept(&listener);
        let (mut received, mut part) = (Vec::new(), [0; 256 * 1024]);
        while let Ok(octets @ 1..) = socket.read(&mut part) {
            received.extend_from_slice(&part[..octets]);
            thread::sleep(Duration::from_millis(10));
        }
        received
    });
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let sent = messages(8_000, 1_400);
    begin(&mut collectors);
    send_all(&mut collectors, &sent);
    assert_eq!(collectors.finish(), [Ok(())]);
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
fn a_reset_under_way_is_an_error_and_what_arrived_is_a_prefix() {
    for octets in [1, 15, 1_400, 100_000] {
        let (listener, address) = listen();
        // Closing a socket with unread octets resets the connection.
        let received = script(move || read_some(&mut accept(&listener), octets));
        let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
        let sent = messages(4_000, 1_400);
        begin(&mut collectors);
        let result = sent
            .iter()
            .try_for_each(|message| collectors.send(0, message));
        let error = result
            .err()
            .or_else(|| collectors.finish().remove(0).err())
            .expect("the connection was reset");
        assert!(
            matches!(error.problem, SendProblem::Reset | SendProblem::Closed),
            "{error}"
        );
        assert_eq!(
            received.join().expect("the collector"),
            sent.concat()[..octets]
        );
    }
}

#[test]
fn a_reset_after_the_last_write_is_found_by_finish() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    drop(accept(&listener));
    // One small message: the write succeeds, and is answered with a reset.
    collectors
        .send(0, &collector::message(0, 100))
        .expect("it is buffered");
    let error = collectors.finish().remove(0).expect_err("nobody took it");
    assert!(
        matches!(error.problem, SendProblem::Reset | SendProblem::Closed),
        "{error}"
    );
    assert_eq!(collectors.statistics()[0].errors, 1);
}

#[test]
fn a_connection_closed_between_two_transmissions_is_replaced_and_nothing_is_lost() {
    let (listener, address) = listen();
    let (closed, is_closed) = mpsc::channel();
    let received = script(move || {
        let mut first = accept(&listener);
        let before = read_some(&mut first, 10 * 500);
        drop(first);
        closed.send(()).expect("the test waits");
        (before, read_all(accept(&listener)))
    });
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    let sent = messages(20, 500);
    assert_eq!(begin(&mut collectors), SessionState::New);
    send_all(&mut collectors, &sent[..10]);
    collectors.finish();
    is_closed.recv_timeout(LIMIT).expect("the collector closes");
    assert_eq!(
        begin(&mut collectors),
        SessionState::New,
        "templates have to be sent again"
    );
    send_all(&mut collectors, &sent[10..]);
    assert_eq!(collectors.finish(), [Ok(())]);
    drop(collectors);
    let (before, after) = received.join().expect("the collector");
    assert_eq!(frames(&before), (sent[..10].to_vec(), 0));
    assert_eq!(frames(&after), (sent[10..].to_vec(), 0));
}

#[test]
fn a_half_closed_connection_counts_as_closed() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let half_closed = accept(&listener);
    half_closed.shutdown(Shutdown::Write).expect("a socket");
    collectors
        .send(0, &collector::message(0, 100))
        .expect("it is buffered");
    assert_eq!(
        collectors.finish()[0].as_ref().expect_err("closed").problem,
        SendProblem::Closed
    );
    assert_eq!(begin(&mut collectors), SessionState::New);
}

#[test]
fn a_collector_that_talks_back_is_not_disturbed_by_it() {
    use std::io::Write;
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let mut socket = accept(&listener);
    socket.write_all(&[7; 10_000]).expect("a socket");
    collectors
        .send(0, &collector::message(0, 100))
        .expect("taken");
    assert_eq!(collectors.finish(), [Ok(())]);
    assert_eq!(begin(&mut collectors), SessionState::Kept);
}

#[test]
fn a_transmission_reconnects_once_and_not_twice() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    drop(accept(&listener));
    collectors
        .send(0, &collector::message(0, 100))
        .expect("it is buffered");
    assert!(collectors.finish()[0].is_err());
    assert_eq!(collectors.reconnect(0), Ok(()));
    let again = accept(&listener);
    collectors
        .send(0, &collector::message(0, 100))
        .expect("taken");
    assert_eq!(collectors.finish(), [Ok(())]);
    let error = collectors.reconnect(0).expect_err("a second time");
    assert_eq!(error.problem, SendProblem::ReconnectedAlready);
    assert_eq!(
        collectors.send(0, &collector::message(1, 100)),
        Ok(()),
        "the refused reconnect has touched nothing"
    );
    assert_eq!(collectors.finish(), [Ok(())]);

    drop(again);
    assert_eq!(begin(&mut collectors), SessionState::New);
    assert_eq!(
        collectors.reconnect(0),
        Ok(()),
        "the next transmission has its own"
    );
}

#[test]
fn a_message_larger_than_its_length_field_is_refused_and_the_session_stays() {
    let (listener, address) = listen();
    let mut collectors = collectors(&format!("tcp://{address}"), SenderOptions::default());
    begin(&mut collectors);
    let error = collectors.send(0, &[0; 65_536]).expect_err("too large");
    assert_eq!(
        error.problem,
        SendProblem::MessageTooLarge {
            octets: 65_536,
            limit: 65_535
        }
    );
    collectors
        .send(0, &collector::message(0, 16))
        .expect("taken");
    assert_eq!(collectors.finish(), [Ok(())]);
    drop(collectors);
    assert_eq!(read_all(accept(&listener)), collector::message(0, 16));
}

#[test]
fn one_failed_target_does_not_stop_the_others() {
    let (listener, address) = listen();
    let (other, closed) = listen();
    drop(other);
    let received = script(move || read_all(accept(&listener)));
    let list = format!("tcp://{closed}, tcp://{address}");
    let mut collectors = collectors(&list, SenderOptions::default());
    let states = collectors.begin();
    assert!(states[0].is_err());
    assert_eq!(states[1], Ok(SessionState::New));
    assert!(collectors.send(0, b"x").is_err());
    let sent = messages(10, 300);
    for message in &sent {
        collectors.send(1, message).expect("taken");
    }
    let results = collectors.finish();
    assert!(results[0].is_err());
    assert_eq!(results[1], Ok(()));
    assert_eq!(collectors.peers()[0].target, 1);
    drop(collectors);
    assert_eq!(frames(&received.join().expect("the collector")), (sent, 0));
}

#[test]
fn nothing_can_be_sent_before_a_transmission_begins_or_to_a_target_that_is_not_there() {
    let mut collectors = collectors("tcp://127.0.0.1", SenderOptions::default());
    assert_eq!(
        collectors.send(0, b"x").expect_err("not begun").problem,
        SendProblem::NotConnected
    );
    assert_eq!(
        collectors.send(1, b"x").expect_err("one target").problem,
        SendProblem::UnknownTarget
    );
    assert_eq!(
        collectors.reconnect(7).expect_err("one target").problem,
        SendProblem::UnknownTarget
    );
}
