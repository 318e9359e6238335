//! A server of several loops: what is said to one of them is heard by all.

use eagain_net::{Errno, SocketAddr, TcpStream, sleep};
use eagain_scenarios::script::PORT;
use eagain_server::config::Config;
use eagain_server::server::serve;
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, run_spec};
use std::time::Duration;

/// Longer than a stop takes.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

fn body(sim: &mut Sim) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let config = Config { listen: ([0, 0, 0, 0], PORT).into(), loops: 3, workers: 0, ..Config::default() };
    let server = sim.server(host, "server", move |k| {
        // The other loops serve already while the first is on its way.
        let ready = |_| sleep(k, Duration::from_millis(50));
        serve(k, config, ready).expect("a stop that was asked for");
    });
    let host = sim.host("client");
    // Which loop it comes to, its port says.
    let ports = sim.choose("ports before", 0, 7);
    sim.client(host, "client", move |k| {
        for _ in 0..ports {
            let refused = TcpStream::connect(k, SocketAddr::new(address.ip(), PORT + 1));
            assert_eq!(refused.err(), Some(Errno::ECONNREFUSED));
        }
        let said = loop {
            match TcpStream::connect(k, address) {
                Ok(stream) => break stream,
                Err(_) => sleep(k, Duration::from_micros(10)),
            }
        };
        said.write_all(b"SHUTDOWN NOSAVE\r\n").expect("it is let in");
        let _ = said.read(&mut [0; 64]);
        drop(said);
        // Nobody else comes, whose coming would wake a loop.
        sleep(k, STOP_TIMEOUT);
    });
    sim.run();
    if !sim.failed() && sim.exit_status(server) != Some(0) {
        sim.fail("O16", "not stopped", "a loop sleeps on".to_owned());
    }
}

/// As `shutdown` ends all loops: once the first ones listened before the last had a command queue, and slept on.
#[test]
fn a_shutdown_ends_all_of_them() {
    let scenario = Scenario { name: "shutdown", about: "one loop is notified", knobs: &[], seeds: 1, body };
    let mut engine = Engine::new();
    for seed in 0..300 {
        let report = run_spec(&RunSpec::seeded(scenario, Settings::new(), seed), &mut engine);
        assert_eq!(report.failure, None, "seed {seed:#x}");
    }
}
