//! A peer that sends urgent data into the middle of its requests. A read stops at the mark, with data behind it: whoever
//! takes every short read for the last one waits for ever (tcp(7)).

use eagain_net::model::ModelKind;
use eagain_net::{SendFlags, Sockets, TcpStream};
use eagain_scenarios::script::PORT;
use eagain_server::config::{Config, Pattern};
use eagain_server::server::serve;
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, USUAL_FAULTS, run_spec};

/// Requests of each client.
const ROUNDS: usize = 5;

fn play(sim: &mut Sim, model: ModelKind, pattern: Pattern, workers: usize) {
    sim.faults(USUAL_FAULTS);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let config = Config { listen: ([0, 0, 0, 0], PORT).into(), model, pattern, workers, ..Config::default() };
    sim.server(host, "server", move |k| serve(k, config, |_| {}).expect("a server that nobody stops"));
    for number in 0..3 {
        let host = sim.host(&format!("client-{number}"));
        sim.client(host, "client", move |k| {
            let Ok(stream) = TcpStream::connect(k, address) else { return };
            for round in 0..ROUNDS {
                // The byte itself is in no stream; behind it the request goes on.
                let urgent = || k.send(stream.fd(), b"!", SendFlags::OOB | SendFlags::NOSIGNAL);
                if stream.write_all(b"PI").and_then(|()| urgent()).is_err() {
                    return;
                }
                let last = round + 1 == ROUNDS;
                if stream.write_all(if last { b"NG\r\nQUIT\r\n" } else { b"NG\r\n" }).is_err() {
                    return;
                }
                let (mut reply, mut got) = ([0; 7], 0);
                while got < reply.len() {
                    match stream.read(&mut reply[got..]) {
                        Ok(n @ 1..) => got += n,
                        // A reset, which is among the faults.
                        _ => return,
                    }
                }
                assert_eq!(&reply, b"+PONG\r\n");
            }
        });
    }
    sim.run();
}

fn hold(name: &'static str, body: fn(&mut Sim)) {
    let scenario = Scenario { name, about: "urgent data amid requests", knobs: &[], seeds: 1, body };
    let mut engine = Engine::new();
    for seed in 0..300 {
        let spec = RunSpec::seeded(scenario, Settings::new(), seed);
        assert_eq!(run_spec(&spec, &mut engine).failure, None, "{name}, seed {seed:#x}");
    }
}

#[test]
fn an_edge_is_not_missed_for_it() {
    hold("epoll-edge", |sim| play(sim, ModelKind::EpollEdge, Pattern::Reactor, 0));
    hold("epoll-edge-workers", |sim| play(sim, ModelKind::EpollEdge, Pattern::Reactor, 2));
    hold("epoll-edge-proactor", |sim| play(sim, ModelKind::EpollEdge, Pattern::Proactor, 0));
}

#[test]
fn nor_is_a_signal() {
    hold("sigio", |sim| play(sim, ModelKind::Sigio, Pattern::Reactor, 0));
    hold("sigio-workers", |sim| play(sim, ModelKind::Sigio, Pattern::Reactor, 2));
    hold("sigio-proactor", |sim| play(sim, ModelKind::Sigio, Pattern::Proactor, 0));
}
