//! TLS: trust in both directions, and the side that refused.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use flowlogs_export::{
    Collectors, ConfigError, SendProblem, SenderOptions, SessionState, TlsOptions, TlsProblem,
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    version::{TLS12, TLS13},
};

use crate::collector::{
    accept, begin, collectors, frames, listen, messages, read_all, script, send_all, url,
};
use flowlogs_testing::certificates::{
    Authority, CertificateParams, Identity, date_time_ymd, server,
};

type TlsSocket = StreamOwned<ServerConnection, TcpStream>;

/// A TLS collector with a script for the only connection.
fn serve<T: Send + 'static>(
    config: Arc<ServerConfig>,
    follow: impl FnOnce(TlsSocket) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let (listener, address) = listen();
    let server = script(move || {
        let connection = ServerConnection::new(config).expect("a server");
        follow(StreamOwned::new(connection, accept(&listener)))
    });
    (address, server)
}

/// Reads to the end; returns the received octets, and the kind of end.
fn receive(mut socket: TlsSocket) -> (Vec<u8>, io::Result<usize>) {
    let mut received = Vec::new();
    let end = socket.read_to_end(&mut received);
    (received, end)
}

fn trusting(authority: &Authority) -> SenderOptions {
    SenderOptions {
        tls: TlsOptions {
            ca_pem: Some(authority.pem()),
            ..TlsOptions::default()
        },
        ..SenderOptions::default()
    }
}

fn identified(authority: &Authority, identity: &Identity) -> SenderOptions {
    let tls = TlsOptions {
        ca_pem: Some(authority.pem()),
        certificate_pem: Some(identity.certificate.clone()),
        key_pem: Some(identity.key.clone()),
    };
    SenderOptions {
        tls,
        ..SenderOptions::default()
    }
}

fn tls_problem(problem: SendProblem) -> TlsProblem {
    match problem {
        SendProblem::Tls(problem) => problem,
        other => panic!("not a problem of TLS: {other}"),
    }
}

/// The error of a transmission with a small message, from any call.
fn transmission_error(collectors: &mut Collectors) -> Option<SendProblem> {
    let begun = collectors.begin().remove(0).map(drop);
    let sent = begun.and_then(|()| collectors.send(0, &messages(1, 100)[0]));
    sent.and_then(|()| collectors.finish().remove(0))
        .err()
        .map(|error| error.problem)
}

#[test]
fn messages_arrive_intact_under_mutual_authentication_in_both_versions() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let config = server(&authority.issue("localhost"), Some(&authority), &[version]);
        let (address, server) = serve(config, receive);
        let options = identified(&authority, &authority.issue("exporter"));
        let mut collectors = collectors(&format!("tls://localhost:{}", address.port()), options);
        let sent = messages(2_000, 1_400);
        assert_eq!(begin(&mut collectors), SessionState::New);
        send_all(&mut collectors, &sent[..1_500]);
        assert_eq!(collectors.finish(), [Ok(())]);
        assert_eq!(
            begin(&mut collectors),
            SessionState::Kept,
            "session tickets do not look like the end"
        );
        send_all(&mut collectors, &sent[1_500..]);
        assert_eq!(collectors.finish(), [Ok(())]);
        drop(collectors);
        let (received, end) = server.join().expect("the collector");
        assert_eq!(frames(&received), (sent, 0));
        assert!(end.is_ok(), "TLS was ended in order: {end:?}");
    }
}

#[test]
fn a_collector_can_be_verified_by_its_address() {
    let authority = Authority::new();
    let config = server(&authority.issue("127.0.0.1"), None, &[&TLS13]);
    let (address, server) = serve(config, receive);
    let mut collectors = collectors(&format!("tls://{address}"), trusting(&authority));
    assert_eq!(transmission_error(&mut collectors), None);
    drop(collectors);
    assert_eq!(server.join().expect("the collector").0, messages(1, 100)[0]);
}

#[test]
fn an_expired_certificate_is_called_expired() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let (address, server) = serve(
        server(&authority.issue_with(params), None, &[&TLS13]),
        receive,
    );
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    let error = collectors.begin().remove(0).expect_err("expired");
    assert_eq!(error.problem, SendProblem::Tls(TlsProblem::Expired));
    assert_eq!(
        error.to_string(),
        format!(
            "tls://localhost:{}: the collector's certificate has expired",
            address.port()
        )
    );
    let (received, _) = server.join().expect("the collector");
    assert!(
        received.is_empty(),
        "nothing goes to a collector that is not verified"
    );
}

#[test]
fn a_certificate_that_expires_between_two_transmissions_fails_the_second_and_a_new_one_mends_it() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let shown = [
        authority.issue("localhost"),
        authority.issue_with(params),
        authority.issue("localhost"),
    ];
    let configs = shown.map(|identity| server(&identity, None, &[&TLS13]));
    let (listener, address) = listen();
    let (closed, is_closed) = std::sync::mpsc::channel();
    let server = script(move || {
        let mut received = Vec::new();
        for (round, config) in configs.into_iter().enumerate() {
            let connection = ServerConnection::new(config).expect("a server");
            let mut socket = StreamOwned::new(connection, accept(&listener));
            let mut message = Vec::new();
            let whole = Read::by_ref(&mut socket)
                .take(100)
                .read_to_end(&mut message);
            received.push(message);
            // The collector is restarted after a transmission.
            if round == 0 {
                whole.expect("a message");
                drop(socket);
                closed.send(()).expect("the test waits");
            }
        }
        received
    });
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    let sent = messages(2, 100);
    begin(&mut collectors);
    collectors.send(0, &sent[0]).expect("taken");
    let _ = collectors.finish(); // the collector may be gone before the end
    is_closed
        .recv_timeout(Duration::from_secs(20))
        .expect("the collector closes");

    let error = collectors.begin().remove(0).expect_err("expired meanwhile");
    assert_eq!(error.problem, SendProblem::Tls(TlsProblem::Expired));
    assert_eq!(collectors.send(0, &sent[1]), Err(error.clone()));
    assert_eq!(collectors.finish(), [Err(error)]);

    assert_eq!(begin(&mut collectors), SessionState::New);
    collectors.send(0, &sent[1]).expect("taken");
    let _ = collectors.finish();
    drop(collectors);
    let received = server.join().expect("the collector");
    assert_eq!(received, [sent[0].clone(), vec![], sent[1].clone()]);
}

#[test]
fn a_certificate_of_the_future_is_called_not_valid_yet() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2999, 1, 1), date_time_ymd(3000, 1, 1));
    let (address, _server) = serve(
        server(&authority.issue_with(params), None, &[&TLS13]),
        receive,
    );
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    assert_eq!(
        transmission_error(&mut collectors).map(tls_problem),
        Some(TlsProblem::NotYetValid)
    );
}

#[test]
fn a_certificate_of_another_host_is_called_by_the_name_that_was_wanted() {
    let authority = Authority::new();
    let (address, _server) = serve(
        server(&authority.issue("elsewhere.example.com"), None, &[&TLS13]),
        receive,
    );
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    let problem = transmission_error(&mut collectors).map(tls_problem);
    assert_eq!(
        problem,
        Some(TlsProblem::WrongName {
            host: "localhost".to_owned()
        })
    );
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let theirs = Authority::named("theirs");
    // The second authority has the name of `theirs`, and another key.
    for ours in [Authority::named("ours"), Authority::named("theirs")] {
        for version in [&TLS12, &TLS13] {
            let (address, _server) = serve(
                server(&theirs.issue("localhost"), None, &[version]),
                receive,
            );
            let mut collectors = collectors(
                &format!("tls://localhost:{}", address.port()),
                trusting(&ours),
            );
            assert_eq!(
                transmission_error(&mut collectors).map(tls_problem),
                Some(TlsProblem::UntrustedIssuer)
            );
        }
    }
}

#[test]
fn a_missing_client_certificate_is_told_before_the_transmission_succeeds() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let config = server(&authority.issue("localhost"), Some(&authority), &[version]);
        let (address, server) = serve(config, receive);
        let mut collectors = collectors(
            &format!("tls://localhost:{}", address.port()),
            trusting(&authority),
        );
        let problem = transmission_error(&mut collectors).map(tls_problem);
        assert_eq!(problem, Some(TlsProblem::ClientCertificateRequired));
        assert!(server.join().expect("the collector").0.is_empty());
    }
}

#[test]
fn a_client_certificate_of_an_unknown_authority_is_refused_by_name() {
    for version in [&TLS12, &TLS13] {
        let (authority, other) = (Authority::new(), Authority::new());
        let config = server(&authority.issue("localhost"), Some(&authority), &[version]);
        let (address, _server) = serve(config, receive);
        let options = identified(&authority, &other.issue("exporter"));
        let mut collectors = collectors(&format!("tls://localhost:{}", address.port()), options);
        let problem = transmission_error(&mut collectors).map(tls_problem);
        assert!(
            matches!(problem, Some(TlsProblem::ClientCertificateRefused { .. })),
            "{problem:?}"
        );
    }
}

#[test]
fn a_rejection_is_found_among_many_messages_too() {
    let authority = Authority::new();
    let config = server(&authority.issue("localhost"), Some(&authority), &[&TLS13]);
    let (address, _server) = serve(config, receive);
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    begin(&mut collectors);
    let sent = messages(5_000, 1_400)
        .iter()
        .try_for_each(|message| collectors.send(0, message));
    let error = sent
        .err()
        .or_else(|| collectors.finish().remove(0).err())
        .expect("rejected");
    assert_eq!(
        error.problem,
        SendProblem::Tls(TlsProblem::ClientCertificateRequired)
    );
}

#[test]
fn a_collector_that_sends_no_session_ticket_is_not_waited_for_twice() {
    let authority = Authority::new();
    let mut config = server(&authority.issue("localhost"), None, &[&TLS13]);
    Arc::get_mut(&mut config)
        .expect("not shared yet")
        .send_tls13_tickets = 0;
    let (address, server) = serve(config, receive);
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    let sent = messages(2, 100);
    for message in &sent {
        begin(&mut collectors);
        collectors.send(0, message).expect("taken");
        assert_eq!(collectors.finish(), [Ok(())]);
    }
    drop(collectors);
    assert_eq!(server.join().expect("the collector").0, sent.concat());
}

#[test]
fn a_connection_that_the_collector_ended_in_order_is_replaced() {
    let authority = Authority::new();
    let config = server(&authority.issue("localhost"), None, &[&TLS13]);
    let (listener, address) = listen();
    let server = script(move || {
        let mut received = Vec::new();
        for _ in 0..2 {
            let connection = ServerConnection::new(config.clone()).expect("a server");
            let mut socket = StreamOwned::new(connection, accept(&listener));
            let mut message = vec![0; 100];
            socket.read_exact(&mut message).expect("a message");
            received.push(message);
            socket.conn.send_close_notify();
            socket.flush().expect("a socket");
            // Stays open as a socket: the end is TLS's.
            received.push(receive(socket).0);
        }
        received
    });
    let mut collectors = collectors(
        &format!("tls://localhost:{}", address.port()),
        trusting(&authority),
    );
    let sent = messages(2, 100);
    for message in &sent {
        // The end may come while finish still listens, or be found by the next begin.
        assert_eq!(begin(&mut collectors), SessionState::New);
        collectors.send(0, message).expect("taken");
        let finished = collectors.finish().remove(0);
        assert!(matches!(
            &finished,
            Ok(())
                | Err(flowlogs_export::SendError {
                    problem: SendProblem::Closed,
                    ..
                })
        ));
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(collectors.begin());
    drop(collectors);
    let received = server.join().expect("the collector");
    assert_eq!(received, [sent[0].clone(), vec![], sent[1].clone(), vec![]]);
}

#[test]
fn a_handshake_that_stalls_ends_after_the_connect_timeout() {
    let (listener, address) = listen();
    // Accepts, and answers with the first octets of a record, octet by octet, and never with a whole record.
    let server = script(move || {
        let mut socket = accept(&listener);
        for octet in [22, 3, 3, 0, 200].into_iter().chain([0; 40]) {
            if socket.write_all(&[octet]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        read_all(socket);
    });
    let authority = Authority::new();
    let options = SenderOptions {
        connect_timeout: Duration::from_millis(300),
        ..trusting(&authority)
    };
    let mut collectors = collectors(&format!("tls://{address}"), options);
    let problem = transmission_error(&mut collectors);
    assert_eq!(
        problem,
        Some(SendProblem::HandshakeTimeout {
            after: Duration::from_millis(300)
        })
    );
    server.join().expect("the collector");
}

#[test]
fn a_collector_that_answers_in_plain_text_is_not_taken_for_tls() {
    let (listener, address) = listen();
    let server = script(move || {
        let mut socket = accept(&listener);
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .expect("a socket");
        read_all(socket);
    });
    let mut collectors = collectors(&format!("tls://{address}"), trusting(&Authority::new()));
    assert_eq!(
        transmission_error(&mut collectors).map(tls_problem),
        Some(TlsProblem::NotTls)
    );
    server.join().expect("the collector");
}

#[test]
fn a_collector_that_never_reads_is_given_up_under_tls_too() {
    let authority = Authority::new();
    let config = server(&authority.issue("localhost"), None, &[&TLS13]);
    let (address, server) = serve(config, |mut socket| {
        while socket.conn.is_handshaking() {
            socket
                .conn
                .complete_io(&mut socket.sock)
                .expect("a handshake");
        }
        socket
    });
    let options = SenderOptions {
        write_timeout: Duration::from_millis(300),
        ..trusting(&authority)
    };
    let mut collectors = collectors(&format!("tls://localhost:{}", address.port()), options);
    begin(&mut collectors);
    let _socket = server.join().expect("the collector");
    let error = messages(4_000, 60_000)
        .iter()
        .find_map(|message| collectors.send(0, message).err());
    assert_eq!(
        error.expect("no kernel buffers 240 MB").problem,
        SendProblem::StoppedReading {
            after: Duration::from_millis(300)
        }
    );
}

#[test]
fn unusable_certificates_are_refused_before_anything_is_connected() {
    let tls = TlsOptions {
        ca_pem: Some("no PEM".to_owned()),
        ..TlsOptions::default()
    };
    let options = SenderOptions {
        tls,
        ..SenderOptions::default()
    };
    let refused = Collectors::new(&[url("tls://localhost")], options.clone()).expect_err("refused");
    assert!(matches!(refused, ConfigError::Ca { .. }), "{refused}");
    assert!(
        Collectors::new(&[url("tcp://localhost")], options).is_ok(),
        "without tls:// nothing of it is needed"
    );
}
