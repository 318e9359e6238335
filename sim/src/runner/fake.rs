//! A world without a kernel, for the tests of everything that runs worlds: a few rounds of sending, whose cuts,
//! pauses and sizes are keyed choices like any other. Which of the scenarios here it is decides what goes wrong in it.

use super::Execute;
use super::explore::Plan;
use super::shard::Shard;
use crate::Oracle;
use crate::choice::{Base, Choices, Distribution, Domain, Stream};
use crate::fault::Family;
use crate::run::{Failure, Knob, KnobValues, Record, RunReport, RunSpec, Scenario, Settings, TraceLog};
use crate::trace::{Event, Kind, TraceHash};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MODEL: Knob =
    Knob { name: "model", about: "how it waits", values: KnobValues::Words(&["epoll", "poll", "io_uring"]) };
const ROUNDS: Knob = Knob {
    name: "rounds",
    about: "how often it sends",
    values: KnobValues::Number { low: 1, high: 99, default: 8 },
};

const fn scenario(name: &'static str, about: &'static str) -> Scenario {
    Scenario { name, about, knobs: &[MODEL, ROUNDS], seeds: 16, body: |_| {} }
}

/// Nothing goes wrong.
pub const HOLDS: Scenario = scenario("steady-echo", "a client sends, a server answers");
/// Fails where the third cut is long and any pause comes before it.
pub const FAILS: Scenario = scenario("lost-reply", "a reply is lost when a cut meets a pause");
/// Has no knobs.
#[cfg(feature = "cli")]
pub const PLAIN: Scenario = Scenario { knobs: &[], ..scenario("plain", "nothing to set") };
/// The harness itself panics, on odd seeds.
pub const BREAKS: Scenario = scenario("harness-bug", "a panic that is nobody's fault but ours");
/// Fails on every seed, and on one of them in another way.
pub const FAILS_TWICE: Scenario = scenario("two-failures", "one failure is frequent and one is rare");
/// Depends on what ran before it on the same thread.
pub const DRIFTS: Scenario = scenario("leaky-engine", "state survives from one run to the next");

/// Sixty seeds of one that holds and one that fails now and then.
pub fn plan(shard: Shard) -> Plan {
    Plan {
        scenarios: vec![HOLDS, FAILS],
        settings: Settings::new(),
        from: 0,
        seeds: Some(60),
        jobs: 1,
        shard,
        time: None,
    }
}

/// The file of a shard of that, as if it always took the same time.
#[cfg(feature = "cli")]
pub fn file(index: u64, count: u64) -> super::json::SweepFile {
    let shard = Shard { index, count };
    let plan = plan(shard);
    let mut sweep = plan.explore(make, &Arc::default());
    sweep.elapsed = 1.25;
    sweep.times.clear();
    super::json::SweepFile::of(&sweep, &plan)
}

/// Runs the fake world.
#[derive(Default)]
pub struct Fake {
    beats: Arc<AtomicU64>,
    runs: u64,
}

/// An executor of it.
pub fn make() -> Box<dyn Execute> {
    Box::new(Fake::default())
}

impl Execute for Fake {
    fn heartbeat(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.beats)
    }

    fn run(&mut self, spec: &RunSpec) -> RunReport {
        self.runs += 1;
        let name = spec.scenario.name;
        if spec.settings.get("model").is_some_and(|model| model == "io_uring") {
            return RunReport {
                refused: Some("`model=io_uring` needs a ring, and the fake world has none".to_owned()),
                ..empty()
            };
        }
        assert!(name != BREAKS.name || !matches!(spec.base, Base::Seed(seed) if seed % 2 == 1), "planted");
        let rounds = spec.settings.get("rounds").map_or(8, |text| text.parse().unwrap());
        let mut choices = Choices::new(spec.base, &spec.overrides);
        if spec.record != Record::Hash {
            choices.record();
        }
        let mut world =
            FakeWorld { choices, report: empty(), log: log(), hash: TraceHash::default(), time: 0 };
        if name == DRIFTS.name {
            world.hash.words(self.runs, 0);
        }
        world.run_rounds(rounds, spec.scenario.about == FAILS.about);
        if name == FAILS_TWICE.name {
            let rare = matches!(spec.base, Base::Seed(1_500));
            let (oracle, site) =
                if rare { (Oracle::Liveness, "deadlock") } else { (Oracle::ByteIntegrity, "bytes") };
            let event = world.log.events.len() as u64;
            let (site, message, time) = (site.to_owned(), "planted".to_owned(), world.time);
            world.report.failure =
                Some(Failure { oracle, site, thread: String::new(), message, time, event });
        }
        self.beats.fetch_add(world.report.calls, Ordering::Relaxed);
        RunReport {
            hash: world.hash.value(),
            simulated: world.time,
            choices: world.choices.recorded().to_vec(),
            made: world.choices.all_made().to_vec(),
            unused: world.choices.unused_overrides(),
            trace: spec.record.keeps_trace().then_some(world.log),
            ..world.report
        }
    }
}

fn empty() -> RunReport {
    RunReport {
        hash: 0,
        calls: 0,
        simulated: 0,
        failure: None,
        refused: None,
        mistaken: false,
        unread: Vec::new(),
        empty: None,
        faults: BTreeMap::from([("split", 0), ("pause", 0)]),
        sometimes: BTreeMap::from([("three pauses", false)]),
        choices: Vec::new(),
        made: Vec::new(),
        unused: Vec::new(),
        trace: None,
        output: String::new(),
        stacks: String::new(),
        features: Vec::new(),
    }
}

fn log() -> TraceLog {
    let threads = ["client-1/main", "server/worker-2"].map(str::to_owned).to_vec();
    let hosts = ["client-1", "server"].map(str::to_owned).to_vec();
    TraceLog { threads, hosts, texts: vec!["queue.push".to_owned()], ..TraceLog::default() }
}

const CLIENT: u64 = 0x0a00_0001 << 16 | 40_000;
const SERVER: u64 = 0x0a00_0002 << 16 | 6379;

struct FakeWorld {
    choices: Choices,
    report: RunReport,
    log: TraceLog,
    hash: TraceHash,
    time: u64,
}

impl FakeWorld {
    fn run_rounds(&mut self, rounds: u64, can_fail: bool) {
        let (mut cuts, mut pauses, mut sizes) = (Stream::default(), Stream::default(), Stream::default());
        let (mut paused, mut last_split) = (0, 0);
        for round in 0..rounds {
            let extra = self.choose(&mut sizes, Domain("load.size"), Distribution::uniform(0, 9), "client-1");
            let cut = self.choose(
                &mut cuts,
                Domain("wire.split"),
                Distribution::rarely(20_000, 1, 50),
                "client-1#1>server/up",
            );
            let pause = self.choose(
                &mut pauses,
                Domain("thread.off"),
                Distribution::rarely_log(9_000, 1, 1 << 20),
                "server/worker-2",
            );
            let size = 10 + extra;
            self.time += 1_000 + pause;
            self.event(0, Kind::Send, [5, size, 0x4000, 0], size as i64, 0, b"PING\r\n");
            if pause > 0 {
                paused += 1;
                *self.report.faults.entry("pause").or_default() += 1;
                self.event(1, Kind::Fault(Family::OffCpu), [pause, 0, 0, 0], 0, 0, b"");
            }
            if cut > 0 {
                *self.report.faults.entry("split").or_default() += 1;
                last_split = self.event(
                    u32::MAX,
                    Kind::Fault(Family::WireSplit),
                    [CLIENT, SERVER, size, cut.min(size)],
                    0,
                    0,
                    b"",
                );
            }
            let (got, cause) = if cut > 0 { (cut.min(size), last_split) } else { (size, 0) };
            self.event(
                1,
                Kind::Recv,
                [7, 4096, 0, 0],
                got as i64,
                cause,
                &b"PING\r\n"[..got.min(6) as usize],
            );
            self.event(1, Kind::Recv, [7, 4096, 0, 0], -11, cause, b"");
            if can_fail && round == 3 && cut >= 5 && paused > 0 {
                let event = self.log.events.len() as u64;
                self.report.failure = Some(Failure {
                    oracle: Oracle::ReplyPairing,
                    site: "reply-pairing".to_owned(),
                    thread: String::new(),
                    message: format!("request {round} got no reply; {cut} bytes were cut off"),
                    time: self.time,
                    event,
                });
                self.report.output.push_str("[0.000004000 server] dropping a request\n");
                break;
            }
        }
        if paused >= 3 {
            self.report.sometimes.insert("three pauses", true);
        }
    }

    fn choose(
        &mut self,
        stream: &mut Stream,
        domain: Domain,
        distribution: Distribution,
        object: &str,
    ) -> u64 {
        let value = self.choices.choose(stream, domain, true, distribution, || object.to_owned());
        self.choices.made(0, self.log.events.len() as u64);
        value
    }

    fn event(
        &mut self,
        thread: u32,
        kind: Kind,
        args: [u64; 4],
        result: i64,
        cause: u64,
        bytes: &[u8],
    ) -> u64 {
        let number = self.log.events.len() as u64 + 1;
        self.time += 250;
        let start = self.log.bytes.len() as u32;
        self.log.bytes.extend_from_slice(bytes);
        let bytes = (start, bytes.len() as u32);
        self.log.events.push(Event { number, time: self.time, thread, kind, args, result, cause, bytes });
        self.report.calls += u64::from(kind.is_call());
        self.hash.words(u64::from(kind.number()) ^ args[1], result as u64 ^ self.time);
        number
    }
}
