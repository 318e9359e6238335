//! How fast worlds run: echo round trips (64 B, one level-triggered epoll server, blocking clients) at 1, 10 and 100
//! clients, small worlds per second (2 clients x 10 requests, built and torn down), and bulk (64 MiB in 16 KiB writes).
//! One OS thread; latencies, random scheduling and faults on, keyed choices and the trace hash too, but for bulk.
//!
//! `cargo run --release -p eagain-sim --example throughput [seconds] [echo|worlds|bulk]`
#![allow(clippy::disallowed_methods, reason = "it measures by the wall clock")]

use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues, Record, RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};
use std::time::Instant as WallClock;

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
    Knob { name: "clients", about: "", values: KnobValues::Number { low: 1, high: 1000, default: 1 } },
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
const BULK: usize = 64 << 20;

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

const ECHO: Scenario = Scenario { name: "echo", about: "", knobs: KNOBS, seeds: 1, body: echo };
const COPY: Scenario = Scenario { name: "bulk", about: "", knobs: &[], seeds: 1, body: bulk };

fn one(scenario: Scenario, seed: u64, clients: u64, rounds: u64, engine: &mut Engine) -> RunReport {
    let settings =
        [("clients".to_owned(), clients.to_string()), ("rounds".to_owned(), rounds.to_string())].into();
    let spec = RunSpec {
        scenario,
        settings,
        base: Base::Seed(seed),
        overrides: Overrides::new(),
        record: Record::Hash,
    };
    let report = run_spec(&spec, engine);
    assert_eq!(report.failure, None, "seed {seed}: {}", report.output);
    report
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1.0);
    let only = std::env::args().nth(2);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut engine = Engine::new();
    for clients in [1, 10, 100].into_iter().filter(|_| wanted("echo")) {
        let rounds = 20_000 / clients;
        let (mut seed, mut calls, start) = (0, 0, WallClock::now());
        while start.elapsed().as_secs_f64() < seconds {
            calls += one(ECHO, seed, clients, rounds, &mut engine).calls;
            seed += 1;
        }
        let elapsed = start.elapsed().as_secs_f64();
        let trips = seed * rounds * clients;
        println!(
            "echo, {clients:>3} clients: {:>9.0} round trips/s, {:>10.0} calls/s",
            trips as f64 / elapsed,
            calls as f64 / elapsed
        );
    }
    let (mut seed, mut calls, start) = (0, 0, WallClock::now());
    while wanted("worlds") && start.elapsed().as_secs_f64() < seconds {
        calls += one(ECHO, seed, 2, 10, &mut engine).calls;
        seed += 1;
    }
    let elapsed = start.elapsed().as_secs_f64();
    println!(
        "small worlds: {:>9.0} worlds/s, {:>10.0} calls/s",
        seed as f64 / elapsed,
        calls as f64 / elapsed
    );
    let (mut runs, start) = (0, WallClock::now());
    while wanted("bulk") && start.elapsed().as_secs_f64() < seconds {
        one(COPY, 1, 1, 1, &mut engine);
        runs += 1;
    }
    println!("bulk: {:>9.0} MB/s", runs as f64 * BULK as f64 / 1e6 / start.elapsed().as_secs_f64());
}
