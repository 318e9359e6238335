//! What the server is tested with. A scenario builds a world, and says what must hold in it; faults are injected without
//! being asked for.

use crate::server::{Version, serve};
use eagain_net::util::connect_retry;
use eagain_net::{Kernel, Result, SocketAddr};
use eagain_sim::run::{Knob, KnobValues};
use eagain_sim::{Sim, choose, fail};
use std::time::Duration;

const KNOBS: &[Knob] = &[
    Knob {
        name: "version",
        about: "of the server: as it is now, or as it was written first",
        values: KnobValues::Words(&["fixed", "first"]),
    },
    Knob {
        name: "clients",
        about: "how many shout",
        values: KnobValues::Number { low: 1, high: 32, default: 2 },
    },
];

eagain_sim::scenarios! {
    /// What `explore` runs.
    pub const SCENARIOS;

    /// Clients send lines, and each wants its own back in capitals.
    shouting(sim, seeds = 200, knobs = KNOBS) {
        let version = if sim.word("version") == "first" { Version::First } else { Version::Fixed };
        build(sim, version);
    }
}

fn build(sim: &mut Sim, version: Version) {
    let host = sim.host("server");
    let address = sim.address(host, 7);
    sim.server(host, "server", move |kernel| {
        if let Err(errno) = serve(kernel, address, version) {
            fail("O16", "server ended", errno.to_string());
        }
    });
    for number in 0..sim.number("clients") {
        let host = sim.host(&format!("client-{number}"));
        sim.client(host, &format!("client-{number}"), move |kernel| {
            if let Err(errno) = shout(kernel, address) {
                fail("O2", "client cut off", errno.to_string());
            }
        });
    }
}

/// Sends lines of chosen lengths, one after the other, and compares what comes back.
fn shout<K: Kernel>(kernel: K, server: SocketAddr) -> Result<()> {
    // The server may not be there yet.
    let stream = connect_retry(kernel, server, 1000, Duration::from_millis(1))?;
    for _ in 0..choose("lines", 1, 8) {
        let length = choose("length", 1, 3000) as usize;
        let mut line = vec![b'a'; length];
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut heard = vec![0; length + 1];
        if !stream.read_exact(&mut heard)? {
            fail("O2", "the server closed", "instead of an answer".to_owned());
        }
        if heard != line.to_ascii_uppercase() {
            fail("O2", "not what was said", format!("{} bytes", heard.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eagain_sim::run::{RunSpec, Settings};
    use eagain_sim::{Engine, run_spec};

    /// The tutorial's first command must find what it says it finds.
    #[test]
    fn the_first_version_loses_what_a_write_did_not_take() {
        let mut engine = Engine::new();
        let found = (0..200).find_map(|seed| {
            let settings = Settings::from([("version".to_owned(), "first".to_owned())]);
            let spec = RunSpec::seeded(shouting::SCENARIO, settings, seed);
            run_spec(&spec, &mut engine).failure
        });
        assert_eq!(found.map(|failure| failure.oracle.code()), Some("O6"));
    }
}
