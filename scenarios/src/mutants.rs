//! Mutants: our server with one promise broken, by a setting that no operator can make, by a part that is replaced
//! (`crate::durability::replaced`), or by what stands before it (`crate::between`). Each has to be found by the scenario that it names, within [`SEEDS`] seeds: so the scenarios
//! see it when such a promise is broken by mistake. `docs/MUTANTS.md` is the table; `tests/mutants.rs` looks for each, and keeps
//! the table up to date.

use crate::between::{Change, serve_changed};
use crate::cluster::partition::partition;
use crate::durability::replaced::{Log, LogDefect, with_links, with_log};
use crate::durability::run::room_again;
use crate::durability::{always_latency, loss};
use crate::run::kernel::{self, Served};
use crate::script::Script;
use crate::server::{
    bounds, expiry, idle_timeout, lingering_peers, never_reader, pipelining, slow_listener, slow_reader,
    transactions,
};
use eagain_net::{Errno, Instant, Result, now, sleep};
use eagain_server::cluster::link::{Link, plain};
use eagain_server::cluster::permanent_connection::LinkOptions;
use eagain_server::config::Config;
use eagain_server::storage_unit::durable::Backend;
use eagain_server::storage_unit::{Engine, SyncPolicy};
use eagain_sim::{Sim, SimKernel};
use std::fmt::Write;
use std::time::Duration;

/// Within so many seeds each is found.
pub const SEEDS: u64 = 200;

/// A mutant.
pub struct Mutant {
    /// How it is called: lower case and hyphens.
    pub name: &'static str,
    /// What the server promises.
    pub promise: &'static str,
    /// What the mutant does.
    pub does: &'static str,
    /// The scenario that finds it.
    pub scenario: &'static str,
    /// The code and the site of the oracle that it breaks there.
    pub found_by: (&'static str, &'static str),
    /// The scenario, with the mutant in it.
    pub body: fn(&mut Sim),
}

// What the mutants of one promise have in common.
const LOSES: Mutant = mutant(
    "`everysec`: a power failure takes the last second",
    "durability-everysec-loss",
    ("O8", "lost more than promised"),
);
const LINGERS: Mutant = mutant("a peer's end is awaited for 2 s", "lingering-peers", ("O11", "timeout late"));
const STALLS: Mutant =
    mutant("a peer that takes nothing is given up after 60 s", "never-reader", ("O11", "stalled write late"));
const IDLES: Mutant =
    mutant("`timeout`: a silent client is closed after so long", "idle-timeout", ("O11", "timeout late"));

const fn mutant(
    promise: &'static str,
    scenario: &'static str,
    found_by: (&'static str, &'static str),
) -> Mutant {
    Mutant { name: "", promise, does: "", scenario, found_by, body: |_| {} }
}

const LIVES: &str = "a key lives as long as `PX` and `PEXPIRE` say";
const WHOLE: &str = "a transaction is seen whole or not at all";
const BOUNDED: &str = "a request up to the bounds is served, and one beyond is refused at once";

/// All of them.
pub const ALL: &[Mutant] = &[
    Mutant {
        name: "sync-every-10-hours",
        does: "syncs each 10 h",
        body: |sim| loss::run(sim, Engine::Log, with_log::<SyncsEvery<36_000>>),
        ..LOSES
    },
    Mutant {
        name: "sync-every-5-seconds",
        does: "syncs each 5 s",
        body: |sim| loss::run(sim, Engine::Log, with_log::<SyncsEvery<5>>),
        ..LOSES
    },
    Mutant {
        name: "sync-after-a-quiet-second",
        does: "puts a sync off while writes come",
        body: |sim| loss::run(sim, Engine::Log, with_log::<SyncsWhen<true>>),
        ..LOSES
    },
    Mutant {
        name: "sync-with-the-next-write",
        does: "syncs only behind a write, never when idle",
        body: |sim| loss::run(sim, Engine::Log, with_log::<SyncsWhen<false>>),
        ..LOSES
    },
    Mutant {
        name: "acknowledged-before-written",
        promise: "`everysec`: a kill takes nothing that was acknowledged",
        does: "gathers a batch for 5 ms, and waits for it with no reply",
        body: |sim| loss::run(sim, Engine::Log, with_log::<Promises>),
        ..LOSES
    },
    Mutant {
        name: "batch-of-5-seconds-always",
        promise: "`always`: a reply waits for its sync, and for nothing else",
        does: "gathers a batch for 5 s",
        scenario: "durability-always-latency",
        found_by: ("O13", "reply late"),
        body: |sim| always_latency::run(sim, with_log::<Gathers>),
    },
    Mutant {
        name: "always-refused",
        promise: "`always`: a write that the disk takes is acknowledged",
        does: "refuses every write, at once",
        scenario: "durability-always-latency",
        found_by: ("O2", "not acknowledged"),
        body: |sim| always_latency::run(sim, with_log::<TakesNothing>),
    },
    Mutant {
        name: "room-never-seen",
        promise: "writes are taken again within a second of there being room",
        does: "never sees that there is room",
        scenario: "durability-room-again",
        found_by: ("O6", "not healed"),
        body: |sim| room_again(sim, Engine::Log, SyncPolicy::Always, with_log::<SeesNoRoom>),
    },
    Mutant {
        name: "linger-for-ever",
        does: "waits for ever",
        body: |sim| on_kernel(sim, &lingering_peers::SCRIPT, |c| c.limits.linger_timeout_ns = u64::MAX),
        ..LINGERS
    },
    Mutant {
        name: "linger-a-minute",
        does: "waits for a minute",
        body: |sim| on_kernel(sim, &lingering_peers::SCRIPT, |c| c.limits.linger_timeout_ns = 60 * SECOND),
        ..LINGERS
    },
    Mutant {
        name: "linger-not-at-all",
        does: "closes at once",
        found_by: ("O11", "timeout early"),
        body: |sim| on_kernel(sim, &lingering_peers::SCRIPT, |c| c.limits.linger_timeout_ns = 0),
        ..LINGERS
    },
    Mutant {
        name: "stalled-write-for-ever",
        does: "keeps it for ever",
        body: |sim| on_kernel(sim, &never_reader::SCRIPT, |c| c.limits.write_stall_timeout_ns = 0),
        ..STALLS
    },
    Mutant {
        name: "stalled-write-for-5-minutes",
        does: "gives it up after 5 min",
        body: |sim| on_kernel(sim, &never_reader::SCRIPT, |c| c.limits.write_stall_timeout_ns = 300 * SECOND),
        ..STALLS
    },
    Mutant {
        name: "stalled-write-for-100-ms",
        does: "gives it up after 100 ms",
        scenario: "slow-reader",
        found_by: ("O2", "malformed reply"),
        body: |sim| on_kernel(sim, &slow_reader::SCRIPT, |c| c.limits.write_stall_timeout_ns = SECOND / 10),
        ..STALLS
    },
    Mutant {
        name: "no-back-pressure",
        promise: "no request is begun while 256 KiB of replies wait",
        does: "reads and answers without a bound",
        scenario: "never-reader",
        found_by: ("O4", "memory"),
        body: |sim| on_kernel(sim, &never_reader::SCRIPT, |c| c.limits.output_bytes_high = usize::MAX),
    },
    Mutant {
        name: "listener-without-bound",
        promise: "no more than `client-output-buffer-limit pubsub` is kept for a listener",
        does: "keeps all of it",
        scenario: "slow-listener",
        found_by: ("O4", "memory"),
        body: |sim| slow_listener::run(sim, |c| c.limits.channel_output.hard = usize::MAX),
    },
    Mutant {
        name: "listener-overfull-for-ever",
        promise: "a listener has more than the soft limit waiting for 60 s at most",
        does: "lets it have that for ever",
        scenario: "slow-listener",
        found_by: ("O11", "listener late"),
        body: |sim| slow_listener::run(sim, |c| c.limits.channel_output.soft_ns = u64::MAX),
    },
    Mutant {
        name: "idle-for-ever",
        does: "keeps it for ever",
        found_by: ("O6", "stuck"),
        body: |sim| on_kernel(sim, &idle_timeout::SCRIPT, |c| c.limits.idle_timeout_ns = 0),
        ..IDLES
    },
    Mutant {
        name: "idle-for-half-the-time",
        does: "closes it after half the time",
        found_by: ("O11", "timeout early"),
        body: |sim| on_kernel(sim, &idle_timeout::SCRIPT, |c| c.limits.idle_timeout_ns /= 2),
        ..IDLES
    },
    Mutant {
        name: "idle-for-thrice-the-time",
        does: "closes it after three times as long",
        body: |sim| on_kernel(sim, &idle_timeout::SCRIPT, |c| c.limits.idle_timeout_ns *= 3),
        ..IDLES
    },
    Mutant {
        name: "link-back-off-10-minutes",
        promise: "a link is tried again after 250 ms at most",
        does: "pauses for 10 min",
        scenario: "cluster-partition",
        found_by: ("O6", "not healed"),
        body: |sim| partition(sim, |k, config, log| with_links(k, config, log, pauses)),
    },
    Mutant {
        name: "replies-swapped",
        promise: "replies come in the order of their requests",
        does: "swaps the first two of those that leave together",
        scenario: "pipelining",
        found_by: ("O1", "wrong reply"),
        body: |sim| on_changed(sim, &pipelining::SCRIPT, |k, c| serve_changed(k, c, Change::SwapsReplies)),
    },
    Mutant {
        name: "lifetime-half",
        promise: LIVES,
        does: "forgets it after half of that",
        scenario: "expiry",
        found_by: ("O11", "key expired early"),
        body: |sim| expiry::run(sim, Some(|k, c| serve_changed(k, c, Change::Lifetimes { halves: 1 }))),
    },
    Mutant {
        name: "lifetime-thrice",
        promise: LIVES,
        does: "keeps it for three times as long",
        scenario: "expiry",
        found_by: ("O11", "key expired late"),
        body: |sim| expiry::run(sim, Some(|k, c| serve_changed(k, c, Change::Lifetimes { halves: 6 }))),
    },
    Mutant {
        name: "transaction-one-by-one",
        promise: WHOLE,
        does: "executes what was queued one request after the other",
        scenario: "transactions",
        found_by: ("O1", "transaction torn"),
        body: |sim| transactions::run(sim, Some(|k, c| serve_changed(k, c, Change::OneByOne))),
    },
    Mutant {
        name: "transaction-at-once",
        promise: WHOLE,
        does: "executes each request when it is queued",
        scenario: "transactions",
        found_by: ("O1", "transaction torn"),
        body: |sim| transactions::run(sim, Some(|k, c| serve_changed(k, c, Change::AtOnce))),
    },
    Mutant {
        name: "argument-bound-twice",
        promise: BOUNDED,
        does: "waits for an argument of one byte more than the bound",
        scenario: "bounds",
        found_by: ("O6", "stuck"),
        body: |sim| bounds::run(sim, |c| c.limits.bulk_bytes_max *= 2),
    },
    Mutant {
        name: "arguments-bound-one-less",
        promise: BOUNDED,
        does: "refuses as many arguments as the bound is",
        scenario: "bounds",
        found_by: ("O2", "bound too low"),
        body: |sim| bounds::run(sim, |c| c.limits.arguments_max -= 1),
    },
    Mutant {
        name: "line-bound-twice",
        promise: BOUNDED,
        does: "waits for the end of a line that is longer than the bound",
        scenario: "bounds",
        found_by: ("O6", "stuck"),
        body: |sim| bounds::run(sim, |c| c.limits.inline_bytes_max *= 2),
    },
];

const SECOND: u64 = 1_000_000_000;

fn on_kernel(sim: &mut Sim, script: &Script, mutate: fn(&mut Config)) {
    match &script.kernel {
        Some(setup) => kernel::run(sim, script, setup, mutate),
        None => sim.refuse(format!("`{}` does not run on the simulated kernel", script.name)),
    }
}

fn on_changed(sim: &mut Sim, script: &Script, served: Served) {
    match &script.kernel {
        Some(setup) => kernel::run_on(sim, script, setup, |_| {}, Some(served)),
        None => sim.refuse(format!("`{}` does not run on the simulated kernel", script.name)),
    }
}

/// Syncs when so many seconds have gone by since it last did.
#[derive(Default)]
struct SyncsEvery<const SECONDS: u64> {
    last: Instant,
}

impl<const SECONDS: u64> LogDefect for SyncsEvery<SECONDS> {
    fn sync(&mut self, log: &mut Log) -> Result<()> {
        let now = now(SimKernel);
        if self.last == Instant(0) {
            self.last = now;
        }
        if now - self.last < Duration::from_secs(SECONDS) {
            return Ok(());
        }
        self.last = now;
        log.sync()
    }
}

/// Syncs only when nothing was written for a while, or only when something just was.
#[derive(Default)]
struct SyncsWhen<const QUIET: bool> {
    appended: Instant,
}

impl<const QUIET: bool> LogDefect for SyncsWhen<QUIET> {
    fn append(&mut self, log: &mut Log, batch: &mut [u8]) -> Result<()> {
        self.appended = now(SimKernel);
        log.append(batch)
    }

    fn sync(&mut self, log: &mut Log) -> Result<()> {
        let is_quiet = now(SimKernel) - self.appended > Duration::from_millis(900);
        if is_quiet == QUIET { log.sync() } else { Ok(()) }
    }
}

/// Writes a batch 5 s after it was gathered.
#[derive(Default)]
struct Gathers;

impl LogDefect for Gathers {
    fn append(&mut self, log: &mut Log, batch: &mut [u8]) -> Result<()> {
        sleep(SimKernel, Duration::from_secs(5));
        log.append(batch)
    }
}

/// A log whose replies do not wait until their change is appended: a kill of the process loses what was acknowledged.
#[derive(Default)]
struct Promises;

impl LogDefect for Promises {
    const OUTLIVES_PROCESS: bool = false;
}

/// A disk without any room.
#[derive(Default)]
struct TakesNothing;

impl LogDefect for TakesNothing {
    fn append(&mut self, _: &mut Log, _: &mut [u8]) -> Result<()> {
        Err(Errno::ENOSPC)
    }
}

/// A disk that was full once is full for ever.
#[derive(Default)]
struct SeesNoRoom;

impl LogDefect for SeesNoRoom {
    fn probe(&mut self, _: &mut Log) -> Result<()> {
        Err(Errno::ENOSPC)
    }
}

fn pauses(options: LinkOptions, seed: u64) -> Box<dyn Link> {
    plain(LinkOptions { backoff_ns_min: 600 * SECOND, backoff_ns_max: 600 * SECOND, ..options }, seed)
}

/// The table of `docs/MUTANTS.md`.
pub fn table() -> String {
    let mut table =
        "| mutant | the server promises | the mutant | scenario | found by |\n|---|---|---|---|---|\n"
            .to_owned();
    for Mutant { name, promise, does, scenario, found_by: (oracle, site), .. } in ALL {
        // Writing to a String does not fail.
        let _ = writeln!(table, "| `{name}` | {promise} | {does} | `{scenario}` | {oracle}, {site} |");
    }
    table
}
