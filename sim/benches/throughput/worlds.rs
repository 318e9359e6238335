//! The worlds that are measured, here and in the comparison with others: a level-triggered epoll server that echoes, its
//! blocking clients, a bulk transfer.

use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, RunReport, RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};

fn serve(k: SimKernel, port: u16, clients: u64) -> Result<()> {
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK)?;
    k.bind(listener, SocketAddr::from(([0, 0, 0, 0], port)))?;
    k.listen(listener, 1024)?;
    let epoll = k.epoll_create()?;
    k.epoll_ctl(epoll, EpollOp::Add, listener, Events::IN, listener.0 as u64)?;
    let mut events = vec![EpollEvent::default(); 64];
    let mut buffer = vec![0; 4096];
    // What could not be written yet, by descriptor.
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut left = clients;
    while left > 0 {
        let n = match k.epoll_wait(epoll, &mut events, None, None) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        for event in &events[..n] {
            let fd = Fd(event.data as i32);
            if fd == listener {
                if let Ok((fd, _)) = k.accept4(listener, SocketFlags::NONBLOCK) {
                    k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN, fd.0 as u64)?;
                    kept.resize(kept.len().max(fd.0 as usize + 1), Vec::new());
                }
                continue;
            }
            let out = &mut kept[fd.0 as usize];
            if !out.is_empty() {
                match k.send(fd, out, SendFlags::NOSIGNAL) {
                    Ok(n) => drop(out.drain(..n)),
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Err(errno),
                }
                if out.is_empty() {
                    k.epoll_ctl(epoll, EpollOp::Mod, fd, Events::IN, fd.0 as u64)?;
                }
                continue;
            }
            match k.recv(fd, &mut buffer, RecvFlags::NONE) {
                Ok(0) => {
                    k.close(fd)?;
                    left -= 1;
                }
                Ok(n) => {
                    let sent = match k.send(fd, &buffer[..n], SendFlags::NOSIGNAL) {
                        Ok(sent) => sent,
                        Err(Errno::EAGAIN) => 0,
                        Err(errno) => return Err(errno),
                    };
                    if sent < n {
                        out.extend_from_slice(&buffer[sent..n]);
                        k.epoll_ctl(epoll, EpollOp::Mod, fd, Events::OUT, fd.0 as u64)?;
                    }
                }
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

fn call(k: SimKernel, server: SocketAddr, rounds: u64) -> Result<()> {
    let fd = loop {
        let fd = k.socket(Domain::Inet, SocketFlags::NONE)?;
        if k.connect(fd, server).is_ok() {
            break fd;
        }
        k.close(fd)?;
        k.nanosleep(std::time::Duration::from_millis(1))?;
    };
    let sent = [7; 64];
    for _ in 0..rounds {
        k.send(fd, &sent, SendFlags::NOSIGNAL)?;
        let mut got = 0;
        while got < 64 {
            let mut buffer = [0; 64];
            got += k.recv(fd, &mut buffer[got..], RecvFlags::NONE)?;
        }
    }
    k.close(fd)
}

const KNOBS: &[Knob] = &[
    Knob { name: "clients", about: "", values: KnobValues::Number { low: 1, high: 1000, default: 2 } },
    Knob { name: "rounds", about: "", values: KnobValues::Number { low: 1, high: 1 << 40, default: 10 } },
];

/// Without the families that make buffers tight: they multiply the calls of a round trip, and two blocking peers with
/// tiny buffers that both insist on writing wait for each other for ever, on Linux too.
const FAULTS: &[Family] =
    &[Family::OffCpu, Family::WireDelay, Family::WireSplit, Family::WireStall, Family::Interrupt];

fn echo(sim: &mut Sim) {
    sim.faults(FAULTS);
    let (clients, rounds) = (sim.number("clients"), sim.number("rounds"));
    let host = sim.host("server");
    let server = sim.address(host, 7);
    sim.client(host, "server", move |k| serve(k, 7, clients).unwrap());
    let host = sim.host("clients");
    for client in 0..clients {
        sim.client(host, &format!("c{client}"), move |k| call(k, server, rounds).unwrap());
    }
}

const PIECE: usize = 16 << 10;
/// What the bulk is.
pub const BULK: usize = 64 << 20;

fn bulk(sim: &mut Sim) {
    sim.faults(&[]);
    let host = sim.host("server");
    let server = sim.address(host, 7);
    sim.client(host, "server", move |k| {
        let take = || -> Result<()> {
            let listener = k.socket(Domain::Inet, SocketFlags::NONE)?;
            k.bind(listener, SocketAddr::from(([0, 0, 0, 0], 7)))?;
            k.listen(listener, 8)?;
            let (fd, _) = k.accept4(listener, SocketFlags::NONE)?;
            let mut buffer = vec![0; PIECE];
            while k.recv(fd, &mut buffer, RecvFlags::NONE)? > 0 {}
            k.close(fd)
        };
        take().unwrap();
    });
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let give = || -> Result<()> {
            let fd = k.socket(Domain::Inet, SocketFlags::NONE)?;
            k.nanosleep(std::time::Duration::from_millis(1))?;
            k.connect(fd, server)?;
            let piece = vec![1; PIECE];
            for _ in 0..BULK / PIECE {
                let mut sent = 0;
                while sent < PIECE {
                    sent += k.send(fd, &piece[sent..], SendFlags::NOSIGNAL)?;
                }
            }
            k.close(fd)
        };
        give().unwrap();
    });
}

/// Clients that ask 64 bytes at a time.
pub const ECHO: Scenario = Scenario { name: "echo", about: "", knobs: KNOBS, seeds: 1, body: echo };
/// [`BULK`] bytes from one to the other.
pub const COPY: Scenario = Scenario { name: "bulk", about: "", knobs: &[], seeds: 1, body: bulk };

/// A world of the echo, with so many clients and round trips each.
pub fn echoed(seed: u64, clients: u64, rounds: u64, engine: &mut Engine) -> RunReport {
    let settings =
        [("clients".to_owned(), clients.to_string()), ("rounds".to_owned(), rounds.to_string())].into();
    one(ECHO, seed, settings, engine)
}

/// A world, which has to hold.
pub fn one(scenario: Scenario, seed: u64, settings: Settings, engine: &mut Engine) -> RunReport {
    let report = run_spec(&RunSpec::seeded(scenario, settings, seed), engine);
    assert_eq!(report.failure, None, "seed {seed}: {}", report.output);
    report
}
