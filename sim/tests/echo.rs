//! A world end to end: an epoll echo server and blocking clients, with and without faults.

use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, Sim, SimKernel, run_spec};

const CLIENTS: u64 = 3;
const ROUNDS: u64 = 20;

/// Level-triggered epoll, one thread, replies at once what it reads; keeps what does not fit.
fn serve(k: SimKernel, port: u16) -> Result<()> {
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK)?;
    k.bind(listener, SocketAddr::from(([0, 0, 0, 0], port)))?;
    k.listen(listener, 128)?;
    let epoll = k.epoll_create()?;
    k.epoll_ctl(epoll, EpollOp::Add, listener, Events::IN, listener.0 as u64)?;
    let mut events = [EpollEvent::default(); 16];
    let mut kept: std::collections::BTreeMap<i32, Vec<u8>> = Default::default();
    loop {
        let n = match k.epoll_wait(epoll, &mut events, None, None) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        for event in &events[..n] {
            let fd = Fd(event.data as i32);
            if fd == listener {
                if let Ok((fd, _)) = k.accept4(listener, SocketFlags::NONBLOCK) {
                    k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN, fd.0 as u64)?;
                    kept.insert(fd.0, Vec::new());
                }
                continue;
            }
            let out = kept.entry(fd.0).or_default();
            let mut buffer = [0; 256];
            if out.is_empty() {
                match k.recv(fd, &mut buffer, RecvFlags::NONE) {
                    Ok(0) => {
                        k.close(fd)?;
                        continue;
                    }
                    Ok(n) => out.extend_from_slice(&buffer[..n]),
                    Err(Errno::EAGAIN) => continue,
                    Err(errno) => return Err(errno),
                }
            }
            match k.send(fd, out, SendFlags::NOSIGNAL) {
                Ok(n) => drop(out.drain(..n)),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
            let wanted = if out.is_empty() { Events::IN } else { Events::OUT };
            k.epoll_ctl(epoll, EpollOp::Mod, fd, wanted, fd.0 as u64)?;
        }
    }
}

fn call(k: SimKernel, server: SocketAddr) -> Result<()> {
    let fd = loop {
        let fd = k.socket(Domain::Inet, SocketFlags::NONE)?;
        match k.connect(fd, server) {
            Ok(()) => break fd,
            Err(_) => {
                k.close(fd)?;
                k.nanosleep(std::time::Duration::from_millis(1))?;
            }
        }
    };
    for round in 0..ROUNDS {
        let sent = [round as u8; 64];
        assert_eq!(k.send(fd, &sent, SendFlags::NOSIGNAL)?, 64);
        let mut got = Vec::new();
        while got.len() < 64 {
            let mut buffer = [0; 64];
            let n = k.recv(fd, &mut buffer, RecvFlags::NONE)?;
            assert_ne!(n, 0, "the server closed");
            got.extend_from_slice(&buffer[..n]);
        }
        assert_eq!(got, sent);
    }
    k.close(fd)
}

fn build(sim: &mut Sim) {
    let host = sim.host("server");
    let server = sim.address(host, 7);
    sim.server(host, "server", |k| serve(k, 7).unwrap());
    for client in 0..CLIENTS {
        let host = sim.host(&format!("client-{client}"));
        sim.client(host, &format!("client-{client}"), move |k| call(k, server).unwrap());
    }
}

const ECHO: Scenario = Scenario { name: "echo", about: "echo", knobs: &[], seeds: 1, body: build };

fn run(base: Base, overrides: Overrides, record: Record) -> RunReport {
    let spec = RunSpec { overrides, record, ..RunSpec::new(ECHO, Default::default(), base) };
    run_spec(&spec, &mut Engine::new())
}

#[test]
fn without_faults_every_round_trip_is_made() {
    let report = run(Base::Zero, Overrides::new(), Record::Trace);
    assert_eq!(report.failure, None, "{}", report.output);
    assert!(report.calls > CLIENTS * ROUNDS * 5);
    assert!(report.choices.is_empty());
}

#[test]
fn with_faults_too_and_a_seed_is_a_run() {
    for seed in 0..300 {
        let report = run(Base::Seed(seed), Overrides::new(), Record::Hash);
        assert_eq!(report.failure, None, "seed {seed}: {}", report.output);
        let again = run(Base::Seed(seed), Overrides::new(), Record::Trace);
        assert_eq!(report.hash, again.hash, "seed {seed}");
        assert_eq!(report.calls, again.calls);
        let replayed = run(Base::Zero, again.choices.into_iter().collect(), Record::Choices);
        assert_eq!(report.hash, replayed.hash, "seed {seed} replayed from its choices");
        assert!(replayed.unused.is_empty());
    }
}
