//! One proactor on both models that report completion. The completion signal of POSIX AIO goes to the process, and has
//! to be blocked in all of its threads: the test runs itself again, in a process that inherits such a mask.

use eagain_net::model::{AnyCompleter, Completer, Finish, Finished, ModelKind, Refusal};
use eagain_net::{
    Advice, Aio, Completion, Errno, Fd, Linux, MaskHow, OwnedFd, RecvFlags, ShutdownHow, SigSet, Signals,
    TcpListener, TcpStream, any_port, now, thread,
};
use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

fn in_a_process_with_signals_blocked(test: &'static str) {
    let inside = move || {
        Linux.sigprocmask(MaskHow::Block, SigSet(u64::MAX << 33)).unwrap();
        let this = std::env::current_exe().unwrap();
        Command::new(this).args(["--exact", "--include-ignored", "--nocapture", test]).output().unwrap()
    };
    let output = thread::spawn(Linux, "runner", inside).unwrap().join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn an_echo_works_on_aio() {
    assert_eq!(Linux.aio_probe(), Advice::Available);
    in_a_process_with_signals_blocked("completers::aio_inside");
}

#[test]
#[ignore = "needs a mask that the whole process has: run by the test above"]
fn aio_inside() {
    echo(ModelKind::Aio);
}

#[test]
fn an_echo_works_on_io_uring() {
    if let Advice::Unavailable(reason) = Linux.io_uring_probe() {
        return crate::skipped(&reason);
    }
    echo(ModelKind::IoUring);
}

/// More sockets are readable at a time than a ring has buffers: each is either received from, or left as it was and reported to be. The
/// buffers are back with the next wait.
#[test]
fn a_ring_without_a_buffer_left_takes_nothing_from_the_socket() {
    if let Advice::Unavailable(reason) = Linux.io_uring_probe() {
        return crate::skipped(&reason);
    }
    let mut completer = AnyCompleter::new(Linux, ModelKind::IoUring, 8).unwrap();
    let pairs: Vec<_> = (0..30).map(|_| crate::pair()).collect();
    let mut finished = Vec::new();
    for round in 0..3_u8 {
        for (token, (client, server)) in (0..).zip(&pairs) {
            client.write_all(&[round, token as u8]).unwrap();
            completer.recv(server.fd(), token).unwrap();
        }
        let (mut received, mut left) = (0, 0);
        while received + left < pairs.len() {
            completer.wait(&mut finished, None).unwrap();
            for &Finished { token, ref what } in &finished {
                let sent = [round, token as u8];
                match what {
                    Finish::Received(Ok(2), buffer) => {
                        assert_eq!(buffer[..2], sent);
                        received += 1;
                    }
                    Finish::Received(Err(Errno::ENOBUFS), _) => {
                        let mut bytes = [0; 4];
                        let count = pairs[token as usize].1.recv(&mut bytes, RecvFlags::DONTWAIT);
                        assert_eq!((count, &bytes[..2]), (Ok(2), &sent[..]));
                        left += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(received > 0 && left > 0, "{received} and {left} in round {round}");
    }
}

#[test]
fn a_model_of_readiness_is_refused() {
    let refusal = AnyCompleter::new(Linux, ModelKind::Epoll, 8).unwrap_err();
    assert_eq!(refusal, Refusal::NotCompletion(ModelKind::Epoll));
    assert_eq!(refusal.to_string(), "the model epoll does not report completion");
}

struct Connection {
    stream: TcpStream<Linux>,
    received: usize,
    sent: usize,
}

fn echo(kind: ModelKind) {
    const CLIENTS: usize = 5;
    let mut completer = AnyCompleter::new(Linux, kind, 64).unwrap();
    assert_eq!(completer.kind(), kind);
    wake_ups_end_a_wait(&mut completer);
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    // Before accept is asked for: those that wait already are reported too.
    let early = TcpStream::connect(Linux, address).unwrap();
    let clients: Vec<_> = (1..CLIENTS as u8)
        .map(|me| {
            thread::spawn(Linux, "client", move || client(TcpStream::connect(Linux, address).unwrap(), me))
        })
        .chain([thread::spawn(Linux, "early", move || client(early, 0))])
        .map(Result::unwrap)
        .collect();
    completer.accept(listener.fd(), 0).unwrap();
    let mut connections = HashMap::new();
    let mut gone = 0;
    let mut finished = Vec::new();
    while gone < CLIENTS {
        completer.wait(&mut finished, None).unwrap();
        for Finished { token, what } in &mut finished {
            let id = match what {
                Finish::Accepted(fd) => {
                    let stream = TcpStream::from(OwnedFd::from_raw(Linux, (*fd).unwrap()));
                    // Pieces and their answers cross: without this, each would wait for an acknowledgement.
                    stream.set_nodelay(true).unwrap();
                    let id = stream.fd().0 as u64;
                    completer.recv(stream.fd(), id).unwrap();
                    connections.insert(id, Connection { stream, received: 0, sent: 0 });
                    continue;
                }
                _ => *token,
            };
            let connection: &mut Connection = connections.get_mut(&id).unwrap();
            let fd = Fd(id as i32);
            match what {
                Finish::Received(Ok(0), _) => {
                    completer.forget(fd);
                    connections.remove(&id);
                    gone += 1;
                }
                Finish::Received(count, buffer) => {
                    (connection.received, connection.sent) = ((*count).unwrap(), 0);
                    completer.send(fd, id, buffer[..connection.received].to_vec(), 0).unwrap();
                }
                Finish::Sent(count, buffer) => {
                    connection.sent += (*count).unwrap();
                    match connection.sent < connection.received {
                        true => completer.send(fd, id, std::mem::take(buffer), connection.sent).unwrap(),
                        false => completer.recv(connection.stream.fd(), id).unwrap(),
                    }
                }
                Finish::Accepted(_) => unreachable!("handled above"),
            }
        }
    }
    clients.into_iter().for_each(|client| client.join().unwrap());
    an_end_completes_what_is_in_flight(&mut completer);
    assert_eq!(completer.recv(Fd(0), 1 << 62), Err(Errno::EINVAL));
}

fn client(stream: TcpStream<Linux>, me: u8) {
    let sent: Vec<u8> = (0..100_000u32).map(|at| (at % 251) as u8 ^ me).collect();
    for piece in sent.chunks(7000) {
        stream.write_all(piece).unwrap();
        let mut back = vec![0; piece.len()];
        assert_eq!(stream.read_exact(&mut back), Ok(true));
        assert!(back == piece);
    }
    stream.shutdown(ShutdownHow::Write).unwrap();
    assert_eq!(stream.read(&mut [0; 1]), Ok(0));
}

fn wake_ups_end_a_wait(completer: &mut AnyCompleter<Linux>) {
    let mut finished = Vec::new();
    for _ in 0..3 {
        let waker = completer.waker();
        waker.wake().unwrap();
        waker.wake().unwrap();
        completer.wait(&mut finished, None).unwrap();
        let ringer = thread::spawn(Linux, "ringer", move || waker.wake()).unwrap();
        completer.wait(&mut finished, None).unwrap();
        ringer.join().unwrap().unwrap();
    }
    let before = now(Linux);
    completer.wait(&mut finished, Some(Duration::from_millis(1))).unwrap();
    assert!(finished.is_empty() && now(Linux) - before >= Duration::from_millis(1));
}

fn an_end_completes_what_is_in_flight(completer: &mut AnyCompleter<Linux>) {
    let (_client, server) = crate::pair();
    completer.recv(server.fd(), 9).unwrap();
    let mut finished = Vec::new();
    completer.wait(&mut finished, Some(Duration::from_micros(10))).unwrap();
    assert!(finished.is_empty());
    server.shutdown(ShutdownHow::Both).unwrap();
    while finished.is_empty() {
        completer.wait(&mut finished, None).unwrap();
    }
    match &finished[0] {
        Finished { token: 9, what: Finish::Received(Ok(0), _) } => {}
        other => panic!("{other:?}"),
    }
    completer.forget(server.fd());
}
