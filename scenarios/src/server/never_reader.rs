//! A client asks for far more than buffers hold and reads nothing: the server holds no more of it than a bound (O4), and gives it
//! up as late as it says, and no later. The others do not notice.

use crate::client::Behaviour::{NeverReader, Steady};
use crate::script::{Clients, Faults, KNOBS, Script, Setup, one, others};
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{ProcessId, Sim};
use std::time::Duration;

eagain_sim::scenario_tests! {
    holds => SCENARIO;
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: SCRIPT.name,
    about: SCRIPT.about,
    knobs: KNOBS,
    seeds: 64,
    body: |sim| {
        let is_reported_late = matches!(&*sim.word("model"), "blocking" | "aio");
        crate::run::run(sim, if is_reported_late { &REPORTED_LATE } else { &SCRIPT });
    },
};

/// How long a peer may take none of its replies (`Limits::write_stall_timeout_ns`).
const STALL: Duration = Duration::from_secs(60);
const SHORT_STALL: Duration = Duration::from_secs(15);
/// Bytes of a reply, and how many are asked for.
const LENGTH: u64 = 32 << 10;
const TIMES: usize = 128;
/// What the server may hold: some hundred KiB of replies, in buffers that double.
const MEMORY_MAX: u64 = 2 << 20;

/// Nothing that takes much time, because time is measured: through buffers of a few bytes a peer's kernel takes replies for long.
const FAULTS: Faults =
    Faults::Only(&[Family::OffCpu, Family::Interrupt, Family::Wakeup, Family::WireDelay, Family::WireSplit]);

/// What happens. On tokio what a stream has taken is gone, so that nobody stalls as soon.
pub const SCRIPT: Script = Script::on_kernel(
    "never-reader",
    "a client asks for large replies and reads nothing; it is disconnected in time, and memory stays bounded",
    Setup {
        faults: FAULTS,
        host: limit_memory,
        clients: &[never_reader(STALL), others(Steady { rounds: 10 })],
        ..Setup::USUAL
    },
);

/// A send that blocks, and one of POSIX AIO, says only when it gives up that buffers took something of it at first. Then the time
/// begins anew; after the second such send they are full. The time is shorter, so that it is over before nothing happens for too
/// long.
const REPORTED_LATE: Script = Script {
    kernel: Some(Setup {
        faults: FAULTS,
        config: |config| config.limits.write_stall_timeout_ns = SHORT_STALL.as_nanos() as u64,
        host: limit_memory,
        clients: &[never_reader(SHORT_STALL.saturating_mul(3)), others(Steady { rounds: 10 })],
        ..Setup::USUAL
    }),
    ..SCRIPT
};

const fn never_reader(stall: Duration) -> Clients {
    one(NeverReader { length: LENGTH, times: TIMES, stall })
}

fn limit_memory(sim: &mut Sim, server: ProcessId) {
    // 4 MiB through a send buffer of a few bytes.
    sim.knobs().events_max = 200_000_000;
    // A worker that only thinks answers all requests that it was handed, however long the replies are.
    let is_handed_batches = sim.word("pattern") == "proactor" || sim.word("model") == "blocking";
    let batch = if is_handed_batches && sim.number("workers") > 0 { 2 * LENGTH * TIMES as u64 } else { 0 };
    sim.memory_limit(server, MEMORY_MAX + batch);
}
