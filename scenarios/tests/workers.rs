//! A reactor with workers: what its main thread does while a worker has a peer.

use eagain_scenarios::run::run;
use eagain_scenarios::server::graceful_stop;
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, run_spec};

fn body(sim: &mut Sim) {
    // The main thread is awake for more calls than these only while a worker is held up.
    sim.knobs().spin_limit = 1_000;
    run(sim, &graceful_stop::SCRIPT);
}

/// One worker arms the socket of a peer that is gone, while another is still to take up an event of it: each arming is told once.
/// Once the main thread took such an event for that of a paused socket, and was told of it until a worker came.
#[test]
fn a_closed_socket_that_was_armed_again_is_paused_again() {
    let scenario = Scenario { body, ..graceful_stop::SCENARIO };
    let mut engine = Engine::new();
    for model in ["epoll", "epoll-edge"] {
        for seed in 0..1_500 {
            let settings = Settings::from([("model".to_owned(), model.to_owned())]);
            let report = run_spec(&RunSpec::seeded(scenario, settings, seed), &mut engine);
            assert_eq!(report.failure, None, "{model}, seed {seed:#x}");
        }
    }
}
