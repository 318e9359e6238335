//! What the server is tested with: turmoil's hosts and network, the layer over every stream. A scenario builds a world, and
//! says what must hold in it; faults are injected without being asked for.

use crate::server::{Version, run};
use eagain_layer::net::{TcpListener, TcpStream};
use eagain_layer::turmoil::on_turmoil;
use eagain_layer::{FAULTS, Layer};
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KNOBS: &[Knob] = &[
    Knob {
        name: "version",
        about: "of the server: as it is now, or as it was written first",
        values: KnobValues::Words(&["fixed", "first"]),
    },
    Knob {
        name: "clients",
        about: "how many shout",
        values: KnobValues::Number { low: 1, high: 16, default: 2 },
    },
];

eagain_sim::scenarios! {
    /// What `explore` runs.
    pub const SCENARIOS;

    /// Clients send lines, and each wants its own back in capitals.
    shouting(sim, seeds = 200, knobs = KNOBS) {
        let version = if sim.word("version") == "first" { Version::First } else { Version::Fixed };
        build(sim, version, FAULTS);
    }
}

fn build(sim: &mut Sim, version: Version, faults: &[Family]) {
    sim.faults(faults);
    let clients = sim.number("clients");
    on_turmoil(sim, |world| {
        world.host("server", move || async move {
            Ok(run(TcpListener::bind("0.0.0.0:7").await?, version).await?)
        });
        for number in 0..clients {
            let layer = world.layer().clone();
            let name = format!("client-{number}");
            world.client(&name.clone(), async move { shout(layer, &name).await });
        }
    });
}

/// Sends lines of chosen lengths, takes what comes back until the end, and compares.
async fn shout(layer: Layer, name: &str) -> turmoil::Result {
    let mut lines = Vec::new();
    for _ in 0..layer.choose(&format!("{name}:lines"), 1, 8) {
        let length = layer.choose(&format!("{name}:length"), 1, 3000) as usize;
        lines.resize(lines.len() + length, b'a');
        lines.push(b'\n');
    }
    let (mut read, mut write) = TcpStream::connect("server:7").await?.into_split();
    let (to_say, mut heard) = (lines.clone(), Vec::new());
    let (said, got) = tokio::join!(
        biased;
        async {
            write.write_all(&to_say).await?;
            write.shutdown().await
        },
        read.read_to_end(&mut heard),
    );
    said.and(got.map(drop))?;
    if heard != lines.to_ascii_uppercase() {
        let message = format!("{} bytes came back of {}", heard.len(), lines.len());
        layer.world().fail("O2", "not what was said", message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eagain_sim::run::{RunSpec, Scenario, Settings};
    use eagain_sim::shrink::{Limits, shrink_run};
    use eagain_sim::{Engine, run_spec};

    /// The tutorial's first command must find what it says it finds.
    #[test]
    fn the_first_version_loses_what_a_write_did_not_take() {
        let mut engine = Engine::new();
        let first = Settings::from([("version".to_owned(), "first".to_owned())]);
        let spec = |seed| RunSpec::seeded(shouting::SCENARIO, first.clone(), seed);
        let failing = (0..200).filter_map(|seed| {
            let report = run_spec(&spec(seed), &mut engine);
            report.failure.map(|_| (report.calls, seed))
        });
        // The one that a sweep reports: it takes the fewest calls.
        let Some((_, seed)) = failing.min() else { panic!("not found in 200 seeds") };
        let shrunk = shrink_run(&mut engine, &spec(seed), Limits::default()).unwrap();
        assert_eq!(shrunk.failure.oracle, "O2");
        let left = &shrunk.outcome.choices;
        assert!(left.len() <= 2, "{left:?}");
        assert!(left.iter().any(|(key, _)| key.domain == "stream.short-write"), "{left:?}");
    }

    /// Without the layer's faults no seed does.
    #[test]
    fn turmoil_alone_takes_whatever_is_written() {
        let body = |sim: &mut Sim| build(sim, Version::First, &[]);
        let scenario = Scenario { body, ..shouting::SCENARIO };
        let mut engine = Engine::new();
        for seed in 0..200 {
            let report = run_spec(&RunSpec::seeded(scenario, Settings::new(), seed), &mut engine);
            assert_eq!(report.failure, None, "seed {seed}");
        }
    }
}
