//! A small server of its own on a ring whose sockets do not wait, as those are that came from another program: a receive may
//! say `EAGAIN` instead of pending, and is asked again when there is something (io_uring_enter(2)). Our own server has
//! sockets that wait, so nothing of it would ever meet that.

use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Scenario};
use eagain_sim::{Sim, SimKernel, USUAL_FAULTS, choose, fail, sometimes};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "nonblocking-ring",
    about: "an echo on a ring over sockets that do not wait: EAGAIN is no end, and nothing is lost",
    knobs: &[Knob {
        name: "clients",
        about: "how many clients come",
        values: KnobValues::Number { low: 1, high: 64, default: 3 },
    }],
    seeds: 64,
    body,
};

const PORT: u16 = 7;
const ACCEPT: u64 = u64::MAX;
/// What an operation does, below the descriptor it does it on.
const RECV: u64 = 0;
const SEND: u64 = 1;
const POLL: u64 = 2;

fn body(sim: &mut Sim) {
    // Nobody here has a handler that a signal could run. And both ends insist on writing before they read: with buffers of
    // a byte they would wait for each other for ever, on Linux too.
    let mut faults = USUAL_FAULTS.to_vec();
    faults.retain(|family| !matches!(family, Family::Interrupt | Family::SendBuffer | Family::RecvBuffer));
    faults.extend([Family::RingAgain, Family::Knob]);
    sim.faults(&faults);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let entries = sim.fuzzed_setting("ring-entries", 64, 1) as u32;
    sim.server(host, "server", move |k| {
        if let Err(errno) = serve(k, entries) {
            fail("O16", "server ended", errno.to_string());
        }
    });
    for number in 1..=sim.number("clients") {
        let name = format!("client-{number}");
        let host = sim.host(&name);
        sim.client(host, &name, move |k| {
            if let Err(errno) = visit(k, address) {
                fail("O1", "connection lost", format!("client {number}: {errno}"));
            }
        });
    }
}

fn serve(k: SimKernel, entries: u32) -> Result<()> {
    let listener = TcpListener::bind(k, SocketAddr::from(([0, 0, 0, 0], PORT)))?;
    let mut ring = Ring::new(k, RingParams { entries, cq_entries: 0, defer_taskrun: true })?;
    let accept = Operation::Accept { fd: listener.fd(), flags: SocketFlags::NONBLOCK, multishot: true };
    push(&mut ring, ACCEPT, accept)?;
    let mut done = Vec::new();
    loop {
        match ring.enter(1, None) {
            Ok(_) | Err(Errno::EINTR | Errno::EBUSY) => {}
            Err(errno) => return Err(errno),
        }
        ring.reap(&mut done);
        for completed in std::mem::take(&mut done) {
            handle(k, &mut ring, completed)?;
        }
    }
}

/// One completion, and what follows from it.
fn handle(k: SimKernel, ring: &mut Ring<SimKernel>, completed: Completed) -> Result<()> {
    let (user_data, result) = (completed.user_data, completed.value());
    if user_data == ACCEPT {
        let fd = Fd(result? as i32);
        return push(ring, (fd.0 as u64) << 2 | RECV, recv(fd));
    }
    let (fd, act) = (Fd((user_data >> 2) as i32), user_data & 3);
    let next = |act| (fd.0 as u64) << 2 | act;
    let again = result == Err(Errno::EAGAIN);
    sometimes!("a receive said EAGAIN", again);
    match (act, result, completed.buffer) {
        (RECV, Err(Errno::EAGAIN), _) => {
            push(ring, next(POLL), Operation::PollAdd { fd, events: Events::IN, multishot: false })
        }
        (RECV, Ok(0) | Err(_), _) | (SEND, Err(_), _) => k.close(fd),
        (RECV, Ok(n), Some(buffer)) => {
            let buffer = buffer[..n].to_vec();
            let flags = SendFlags::NOSIGNAL | SendFlags::WAITALL;
            push(ring, next(SEND), Operation::Send { fd, buffer, from: 0, flags })
        }
        _ => push(ring, next(RECV), recv(fd)),
    }
}

fn recv(fd: Fd) -> Operation {
    Operation::Recv { fd, buffer: vec![0; 256], flags: RecvFlags::NONE }
}

/// Pushes; where the ring is full, what is in it is submitted first.
fn push(ring: &mut Ring<SimKernel>, user_data: u64, operation: Operation) -> Result<()> {
    let mut submission = Submission { user_data, operation, flags: SubmissionFlags::NONE };
    loop {
        match ring.push(submission) {
            Ok(()) => return Ok(()),
            Err((Errno::EBUSY, refused)) => submission = refused,
            Err((errno, _)) => return Err(errno),
        }
        match ring.enter(0, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Sends, and wants the same back, some times.
fn visit(k: SimKernel, address: SocketAddr) -> Result<()> {
    let stream = loop {
        match TcpStream::connect(k, address) {
            Ok(stream) => break stream,
            Err(_) => sleep(k, Duration::from_millis(1)),
        }
    };
    for round in 0..6_u8 {
        let sent: Vec<u8> = (0..choose("length", 1, 600)).map(|at| at as u8 ^ round).collect();
        stream.write_all(&sent)?;
        let mut got = Vec::new();
        while got.len() < sent.len() {
            let mut bytes = [0; 64];
            match stream.read(&mut bytes) {
                Ok(0) => return Err(Errno::EPIPE),
                Ok(n) => got.extend_from_slice(&bytes[..n]),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        if got != sent {
            fail("O2", "echo", "what came back is not what was sent".to_owned());
        }
    }
    Ok(())
}
