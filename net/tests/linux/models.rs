//! One reactor on every model that reports readiness: the same test, seven times.

use crate::pair;
use eagain_net::model::{AnyPoller, Event, Interest, ModelKind, Outcome, Poller, Refusal};
use eagain_net::{
    Errno, Fd, Linux, ListenOptions, ShutdownHow, Signal, Signals, TcpListener, TcpStream, Threads, any_port,
    now, thread,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

fn readiness() -> impl Iterator<Item = ModelKind> {
    ModelKind::ALL.into_iter().filter(|kind| kind.is_readiness())
}

/// Runs `test` for each model, each on a thread of its own, since signals and masks belong to threads.
fn on_each_model(test: fn(ModelKind)) {
    for kind in readiness() {
        let done = thread::spawn(Linux, kind.name(), move || test(kind)).unwrap().join();
        assert!(done.is_some(), "{kind} failed");
    }
}

/// Turns until an event of `token` comes that `wanted` accepts, answering the others with `Outcome::Nothing`.
fn wait_for(poller: &AnyPoller<Linux>, wanted: impl Fn(&Event) -> bool) -> Event {
    let mut events = Vec::new();
    loop {
        poller.wait(&mut events, None).unwrap();
        if let Some(event) = events.iter().find(|event| wanted(event)) {
            return *event;
        }
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    for kind in ModelKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    let error = "epol".parse::<ModelKind>().unwrap_err();
    assert!(
        error.to_string().starts_with("unknown I/O model \"epol\": expected one of blocking, nonblocking,")
    );
    let refusal = AnyPoller::new(Linux, ModelKind::Aio).unwrap_err();
    assert_eq!(refusal, Refusal::NotReadiness(ModelKind::Aio));
    assert_eq!(refusal.to_string(), "the model aio reports completion, not readiness");
}

/// What an echo connection still has to write.
struct Connection {
    stream: TcpStream<Linux>,
    unsent: Vec<u8>,
    ended: bool,
    interest: Interest,
}

impl Connection {
    /// Reads at most `turn` bytes and writes what it can.
    fn handle(&mut self, turn: usize) -> Result<Outcome, Errno> {
        let mut outcome = Outcome::Nothing;
        let mut buffer = [0; 1000];
        let mut read = 0;
        while !self.ended && self.unsent.len() < 10_000 {
            if read >= turn {
                outcome = Outcome::More;
                break;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    read += n;
                    outcome = Outcome::Drained;
                    self.unsent.extend_from_slice(&buffer[..n]);
                }
                Err(Errno::EAGAIN) => break,
                Err(e) => return Err(e),
            }
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(e) => return Err(e),
            }
        }
        Ok(outcome)
    }

    fn wanted(&self) -> Interest {
        Interest { readable: !self.ended && self.unsent.len() < 10_000, writable: !self.unsent.is_empty() }
    }
}

/// Echoes until `clients` connections have come and gone.
fn echo(listener: &TcpListener<Linux>, poller: &AnyPoller<Linux>, clients: usize) {
    let mut connections = HashMap::new();
    let mut gone = 0;
    let mut events = Vec::new();
    poller.register(listener.fd(), 0, Interest::READABLE).unwrap();
    while gone < clients {
        poller.wait(&mut events, None).unwrap();
        for event in &events {
            if event.token == 0 {
                let mut outcome = Outcome::Nothing;
                // One at a time, to see that what is left over is reported again.
                if let Ok((stream, _)) = listener.accept_nonblocking() {
                    let (fd, interest) = (stream.fd(), Interest::READABLE);
                    poller.register(fd, fd.0 as u64, interest).unwrap();
                    let connection = Connection { stream, unsent: Vec::new(), ended: false, interest };
                    connections.insert(fd.0 as u64, connection);
                    outcome = Outcome::More;
                }
                poller.rearm(listener.fd(), 0, Interest::READABLE, outcome).unwrap();
                continue;
            }
            let Some(connection) = connections.get_mut(&event.token) else { continue };
            let fd = Fd(event.token as i32);
            let outcome = connection.handle(1500).unwrap();
            let wanted = connection.wanted();
            if wanted.is_none() {
                poller.forget(fd);
                connections.remove(&event.token);
                gone += 1;
            } else if wanted == connection.interest {
                poller.rearm(fd, event.token, wanted, outcome).unwrap();
            } else {
                connection.interest = wanted;
                poller.modify(fd, event.token, wanted).unwrap();
            }
        }
    }
}

#[test]
fn an_echo_of_many_bytes_and_clients_works_on_each_model() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        assert_eq!(poller.kind(), kind);
        let listener = TcpListener::bind_with(Linux, any_port(), &ListenOptions::nonblocking()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..5u8)
            .map(|me| {
                thread::spawn(Linux, "client", move || {
                    let stream = Arc::new(TcpStream::connect(Linux, address).unwrap());
                    // Far beyond what the two buffers hold, so that both sides have to wait for room.
                    let sent: Vec<u8> = (0..2_000_000u32).map(|at| (at % 251) as u8 ^ me).collect();
                    let (writer, bytes) = (stream.clone(), sent.clone());
                    let writer = thread::spawn(Linux, "writer", move || {
                        writer.write_all(&bytes).unwrap();
                        writer.shutdown(ShutdownHow::Write).unwrap();
                    })
                    .unwrap();
                    let mut back = vec![0; sent.len()];
                    assert_eq!(stream.read_exact(&mut back), Ok(true));
                    assert_eq!(stream.read(&mut [0; 1]), Ok(0));
                    writer.join().unwrap();
                    assert!(back == sent);
                })
                .unwrap()
            })
            .collect();
        echo(&listener, &poller, clients.len());
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
}

#[test]
fn what_is_ready_before_it_is_registered_is_reported() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let (client, server) = pair();
        client.write(b"x").unwrap();
        server.set_nonblocking(true).unwrap();
        poller.register(server.fd(), 7, Interest::READABLE).unwrap();
        assert_eq!(poller.register(server.fd(), 7, Interest::READABLE), Err(Errno::EEXIST));
        assert!(wait_for(&poller, |event| event.token == 7 && event.readable).readable);
        poller.deregister(server.fd()).unwrap();
        assert_eq!(poller.deregister(server.fd()), Err(Errno::ENOENT));
        assert_eq!(poller.modify(server.fd(), 7, Interest::BOTH), Err(Errno::ENOENT));
        assert_eq!(poller.register(client.fd(), u64::MAX, Interest::BOTH), Err(Errno::EINVAL));
    });
}

#[test]
fn what_was_left_over_is_reported_again_after_rearm() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let (client, server) = pair();
        client.write(b"abc").unwrap();
        poller.register(server.fd(), 7, Interest::READABLE).unwrap();
        for _ in 0..3 {
            wait_for(&poller, |event| event.readable);
            assert_eq!(server.read(&mut [0; 1]), Ok(1));
            poller.rearm(server.fd(), 7, Interest::READABLE, Outcome::More).unwrap();
        }
        // Nothing is left: no event, but for the model that only guesses.
        let mut events = Vec::new();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(events.is_empty(), kind != ModelKind::Nonblocking);
    });
}

#[test]
fn what_is_paused_is_silent_until_it_is_wanted_again() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let (client, server) = pair();
        poller.register(server.fd(), 7, Interest::READABLE).unwrap();
        client.write(b"x").unwrap();
        wait_for(&poller, |event| event.readable);
        poller.pause(server.fd(), 7).unwrap();
        client.write(b"y").unwrap();
        let mut events = Vec::new();
        for _ in 0..3 {
            poller.wait(&mut events, Some(Duration::from_micros(10))).unwrap();
            assert_eq!(events, []);
        }
        poller.modify(server.fd(), 8, Interest::READABLE).unwrap();
        wait_for(&poller, |event| event.readable && event.token == 8);
    });
}

#[test]
fn the_end_of_a_connection_is_reported_whatever_was_asked() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let (client, server) = pair();
        poller.register(server.fd(), 7, Interest::READABLE).unwrap();
        client.set_linger(Some(0)).unwrap();
        drop(client);
        wait_for(&poller, |event| event.readable);
        assert_eq!(server.read(&mut [0; 1]), Err(Errno::ECONNRESET));
    });
}

#[test]
fn a_waker_ends_a_wait_and_is_remembered() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let waker = poller.waker();
        let mut events = Vec::new();
        // Before the wait: remembered, and once only.
        waker.wake().unwrap();
        waker.wake().unwrap();
        poller.wait(&mut events, None).unwrap();
        let before = now(Linux);
        poller.wait(&mut events, Some(Duration::from_millis(2))).unwrap();
        assert!(now(Linux) - before >= Duration::from_millis(2), "{kind} was woken twice");
        // From another thread, many times: each wait ends.
        let ringer = waker.clone();
        let ringer = thread::spawn(Linux, "ringer", move || ringer.wake()).unwrap();
        poller.wait(&mut events, None).unwrap();
        assert_eq!(events, []);
        ringer.join().unwrap().unwrap();
    });
}

#[test]
fn a_change_by_another_thread_takes_effect_in_a_wait_that_has_begun() {
    on_each_model(|kind| {
        let poller = Arc::new(AnyPoller::new(Linux, kind).unwrap());
        let (client, server) = pair();
        let (other, fd) = (poller.clone(), server.fd());
        let changer = thread::spawn(Linux, "changer", move || {
            other.register(fd, 7, Interest::NONE).unwrap();
            client.write(b"x").unwrap();
            Linux.sched_yield();
            other.modify(fd, 9, Interest::READABLE).unwrap();
            client
        })
        .unwrap();
        wait_for(&poller, |event| event.token == 9 && event.readable);
        drop(changer.join().unwrap());
    });
}

#[test]
fn a_timeout_ends_a_wait() {
    on_each_model(|kind| {
        let poller = AnyPoller::new(Linux, kind).unwrap();
        let before = now(Linux);
        let mut events = Vec::new();
        poller.wait(&mut events, Some(Duration::from_millis(1))).unwrap();
        assert!(now(Linux) - before >= Duration::from_millis(1));
        assert_eq!(events, []);
    });
}

#[test]
fn select_refuses_descriptors_beyond_its_sets() {
    let poller = AnyPoller::new(Linux, ModelKind::Select).unwrap();
    assert_eq!(poller.register(Fd(1024), 1, Interest::READABLE), Err(Errno::EINVAL));
}

#[test]
fn sigio_survives_signals_that_name_nobody_and_an_overflow() {
    let test = || {
        let poller = AnyPoller::new(Linux, ModelKind::Sigio).unwrap();
        let (client, server) = pair();
        poller.register(server.fd(), 7, Interest::READABLE).unwrap();
        let mut events = Vec::new();
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        // Many arrivals queue a signal each, and the number is then somebody else's.
        (0..50).for_each(|_| assert_eq!(client.write(b"x"), Ok(1)));
        assert_eq!(server.read_exact(&mut [0; 50]), Ok(true));
        poller.forget(server.fd());
        poller.wait(&mut events, Some(Duration::from_micros(1))).unwrap();
        assert_eq!(events, []);
        client.write(b"x").unwrap();
        assert_eq!(server.read(&mut [0; 1]), Ok(1));
        poller.register(server.fd(), 8, Interest::READABLE).unwrap();
        poller.wait(&mut events, Some(Duration::from_micros(1))).unwrap();
        assert_eq!(events, []);
        // What an overflow leaves: one plain SIGIO. It is then found by looking.
        client.write(b"x").unwrap();
        Linux.tgkill(Linux.gettid(), Signal::SIGIO).unwrap();
        wait_for(&poller, |event| event.token == 8 && event.readable);
    };
    assert!(thread::spawn(Linux, "sigio", test).unwrap().join().is_some());
}
