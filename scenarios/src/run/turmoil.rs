//! Runs a script on turmoil: the server, each client, the operator and the observer have a host of their own.

use super::tokio::{Lifecycle, Listening, serve, tasks};
use crate::checker;
use crate::client::Connector;
use crate::history::History;
use crate::script::{PORT, Script, Setup, USUAL_ON_TOKIO};
use eagain_layer::turmoil::{World, on_turmoil};
use eagain_server::config::Config;
use eagain_sim::Sim;

/// Runs `setup` of `script`, and checks it.
pub(super) fn run(sim: &mut Sim, script: &Script, setup: &Setup) {
    let threads = (sim.is_set("workers") && sim.number("workers") > 0) || sim.number("loops") > 1;
    if sim.word("pattern") == "proactor" || threads {
        return sim.refuse("tokio: its tasks share one thread, which reads, thinks and writes");
    }
    sim.faults(&setup.faults.families(USUAL_ON_TOKIO));
    let knob = sim.number("clients");
    let history = History::default();
    on_turmoil(sim, |world| {
        let (layer, lifecycle) = (world.layer().clone(), Lifecycle::default());
        server(world, setup.config, &lifecycle);
        let open = || turmoil::established_tcp_stream_count_on("server");
        let connector = Connector::Turmoil("server");
        for (name, task) in tasks(setup, &layer, &history, connector, &lifecycle, knob, open) {
            world.client(&name, async move {
                task.await;
                Ok(())
            });
        }
    });
    if !sim.failed() {
        if script.keeps_data {
            checker::counter::check(sim, &history);
        }
        (script.check)(sim, &history);
    }
}

/// The server on its host. It may be started anew there; its data are gone then.
fn server(world: &mut World, config: fn(&mut Config), lifecycle: &Lifecycle) {
    let (layer, lifecycle) = (world.layer().clone(), lifecycle.clone());
    let run = move || {
        let (layer, lifecycle) = (layer.clone(), lifecycle.clone());
        async move {
            let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
            let listener = Listening(layer.listener("server", listener));
            serve(layer, listener, config, lifecycle).await?;
            // A host without a program hears nothing in turmoil, so that callers would not even be refused.
            std::future::pending().await
        }
    };
    world.host_that_crashes("server", run);
}
