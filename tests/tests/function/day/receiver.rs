//! The collector of the day: counts each flow, which its number of packets names. It is away, silent or slow by the script,
//! and reads every octet that its kernel has acknowledged, sooner or later: TCP knows no other acknowledgement.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use flowlogs_testing::wire::{Content, Reader, number};

use super::faults::{Fault, Moment};
use crate::collector::bind;

/// Element packetDeltaCount.
const PACKETS: u16 = 2;

/// Octets that a slow collector takes at a time.
const SLOWLY: usize = 256;

/// Pause between two looks at the script.
const PAUSE: Duration = Duration::from_millis(10);

/// Flows by number, with how often each came.
pub(crate) type ReceivedFlows = HashMap<u64, u32>;

/// A collector over TCP, until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    moment: Moment,
    stopped: AtomicBool,
    flows: Mutex<ReceivedFlows>,
    /// Messages that are no IPFIX.
    problems: Mutex<Vec<String>>,
}

impl Receiver {
    pub(crate) fn start(moment: Moment) -> Self {
        let listener = bind("127.0.0.1:0".parse().expect("an address"));
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            moment,
            stopped: AtomicBool::new(false),
            flows: Mutex::default(),
            problems: Mutex::default(),
        });
        let state = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(listener, address, &state));
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// `tcp://…`
    pub(crate) fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Ends the receiver and returns the flows; called when the senders have gone.
    pub(crate) fn end(mut self) -> ReceivedFlows {
        self.stop();
        let problems = self.shared.problems.lock().expect("no panic while locked");
        assert!(problems.is_empty(), "{problems:?}");
        std::mem::take(&mut *self.shared.flows.lock().expect("no panic while locked"))
    }

    fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: TcpListener, address: SocketAddr, shared: &Arc<Shared>) {
    let mut listener = Some(listener);
    let mut readers: Vec<JoinHandle<()>> = Vec::new();
    while !shared.stopped.load(Ordering::SeqCst) {
        let is_away = shared.moment.fault() == Some(Fault::CollectorAway);
        let open = listener.get_or_insert_with(|| bind(address));
        open.set_nonblocking(true).expect("a socket");
        // Before the port is closed, too: connections that wait hold octets that were acknowledged.
        while let Ok((stream, _)) = open.accept() {
            let state = Arc::clone(shared);
            readers.push(std::thread::spawn(move || serve(stream, &state)));
        }
        if is_away {
            listener = None;
            while shared.moment.fault() == Some(Fault::CollectorAway) {
                std::thread::sleep(PAUSE);
            }
            shared.moment.effect(Fault::CollectorAway);
        }
        readers.retain(|reader| !reader.is_finished());
        std::thread::sleep(PAUSE);
    }
    for reader in readers {
        let _ = reader.join();
    }
}

/// Reads a connection to its end, however the sender ends it.
fn serve(mut stream: TcpStream, shared: &Shared) {
    stream.set_nonblocking(false).expect("a socket");
    stream
        .set_read_timeout(Some(2 * PAUSE))
        .expect("a time limit");
    let (mut reader, mut buffer, mut part) = (Reader::default(), Vec::new(), vec![0; 65_536]);
    let mut is_closed = false;
    loop {
        let mut room = part.len();
        match shared.moment.fault() {
            Some(Fault::CollectorSilent) => {
                shared.moment.effect(Fault::CollectorSilent);
                std::thread::sleep(PAUSE);
                continue;
            }
            Some(Fault::CollectorSlow) => {
                shared.moment.effect(Fault::CollectorSlow);
                std::thread::sleep(PAUSE);
                room = SLOWLY;
            }
            Some(Fault::CollectorAway) if !is_closed => {
                is_closed = true;
                let _ = stream.shutdown(Shutdown::Write);
            }
            _ => {}
        }
        let length = match stream.read(&mut part[..room]) {
            Ok(length @ 1..) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                continue;
            }
            Ok(0) | Err(_) => return,
        };
        buffer.extend_from_slice(&part[..length]);
        if let Err(problem) = take_messages(&mut reader, &mut buffer, shared) {
            let mut problems = shared.problems.lock().expect("no panic while locked");
            problems.push(problem);
            return;
        }
    }
}

/// Takes whole messages from the buffer, and counts their flows.
fn take_messages(reader: &mut Reader, buffer: &mut Vec<u8>, shared: &Shared) -> Result<(), String> {
    let mut taken = 0;
    while let Some(length) = buffer.get(taken + 2..taken + 4) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let Some(message) = buffer.get(taken..taken + length.max(4)) else {
            break;
        };
        let message = reader.read(message)?;
        taken += length;
        if message.content() != Content::Flows {
            continue;
        }
        let mut flows = shared.flows.lock().expect("no panic while locked");
        for (_, record) in message.records() {
            let packets = record.iter().find(|field| field.element == PACKETS);
            let number = number(&packets.ok_or("a flow without packets")?.octets);
            *flows.entry(number).or_default() += 1;
        }
    }
    buffer.drain(..taken);
    Ok(())
}
