//! The stories, and the defects that they have to find.

use super::world::{
    Client, FULL, Outcome, PATIENCE, QUIET_NS, SYNC_FAILED, Server, TORN, UNKNOWN, clients, durable, expect,
    flawed, judge, story,
};
use super::{prefix, total};
use eagain_net::sleep;
use eagain_server::flaws::Flaws;
use eagain_server::resp::Frame;
use eagain_server::storage_unit::Engine::{self, Log, Memory, Redb};
use eagain_server::storage_unit::SyncPolicy;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{PlantedBug, Sim, USUAL_FAULTS, choose, control, sometimes};
use std::time::Duration;

/// All stories.
pub const ALL: &[Scenario] = &[
    story("durability-kill", "a server with a log is killed at any call", |sim| {
        always(sim, Log, &[Family::ProcessKill], Flaws::default());
    }),
    story(
        "durability-power",
        "the power fails at any call, and the disk keeps what was synced and some of the rest",
        |sim| {
            expect(sim, &[TORN]);
            always(sim, Log, POWER, Flaws::default());
        },
    ),
    story(
        "durability-everysec",
        "with everysec a crash takes the end of the history, never its middle",
        |sim| {
            allow(sim, POWER);
            prefix::build(sim, Log, Flaws::default());
            sim.run();
        },
    ),
    story("durability-disk-full", "the disk is full for a while, and the power fails", |sim| {
        expect(sim, &[FULL, UNKNOWN]);
        always(sim, Log, FILLING, Flaws::default());
    }),
    story("durability-sync-error", "a sync fails once, and the power fails", |sim| {
        expect(sim, &[SYNC_FAILED, UNKNOWN]);
        always(sim, Log, FAILING, Flaws::default());
    }),
    story("durability-rewrite", "the log is rewritten again and again, and the power fails", |sim| {
        rewriting(sim, Flaws::default());
    }),
    story(
        "durability-memory-kill",
        "a server that keeps nothing is killed: it comes up empty, and serves",
        |sim| {
            expect(sim, &["a restart came up empty"]);
            forgetting(sim, Memory);
        },
    ),
    story("durability-redb-kill", "a server with a database is killed at any call", |sim| {
        always(sim, Redb, &[Family::ProcessKill], Flaws::default());
    }),
    story("durability-redb-power", "the power fails under a database, also while it is repaired", |sim| {
        always(sim, Redb, POWER, Flaws::default());
    }),
    story("durability-redb-everysec", "with everysec a crash takes the last transactions, whole", |sim| {
        allow(sim, POWER);
        prefix::build(sim, Redb, Flaws::default());
        sim.run();
    }),
    story("durability-redb-disk-full", "the disk under a database is full for a while", |sim| {
        expect(sim, &[FULL, UNKNOWN]);
        always(sim, Redb, FILLING, Flaws::default());
    }),
    story("durability-redb-sync-error", "a sync of a database fails once, and the power fails", |sim| {
        expect(sim, &[UNKNOWN]);
        always(sim, Redb, FAILING, Flaws::default());
    }),
];

const FILLING: &[Family] = &[Family::DiskSpace, Family::HostPower, Family::DiskTorn];
const FAILING: &[Family] = &[Family::DiskSync, Family::HostPower, Family::DiskTorn];

const TEARING: &[Family] = &[Family::HostPower, Family::DiskTorn];
const POWER: &[Family] = &[Family::HostPower, Family::DiskTorn, Family::DiskSlow, Family::ProcessKill];

fn allow(sim: &mut Sim, more: &[Family]) {
    sim.faults(&[USUAL_FAULTS, more].concat());
    sim.quiet_after(QUIET_NS);
}

fn always(sim: &mut Sim, engine: Engine, faults: &[Family], flaws: Flaws) {
    allow(sim, faults);
    let (server, address) = durable(sim, engine, SyncPolicy::Always, flaws);
    nemesis(sim, &server, 0, if faults.contains(&Family::HostPower) { cut_power } else { kill });
    let history = clients(sim, address, 3, 30, PATIENCE);
    sim.run();
    judge(sim, &history);
}

fn cut_power(server: &Server) {
    control::crash(server.host);
}

fn kill(server: &Server) {
    control::kill(server.process);
}

/// Strikes in the middle of the load, some times.
fn nemesis(sim: &mut Sim, server: &Server, least: u64, strike: fn(&Server)) {
    let host = sim.host("nemesis");
    let server = server.clone();
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("crashes", least, 8) {
            sleep(k, Duration::from_micros(choose("within", 0, 1000) << choose("scale", 0, 5)));
            strike(&server);
            // Peers are not told of it: by then they have given up, and load begins again.
            sleep(k, PATIENCE);
        }
    });
}

fn forgetting(sim: &mut Sim, engine: Engine) {
    allow(sim, &[Family::ProcessKill]);
    let server = total::build(sim, engine);
    nemesis(sim, &server, 0, kill);
    sim.run();
}

/// A second's batches are not synced when the power fails, so that something is there to be torn.
fn tearing(sim: &mut Sim, flaws: Flaws) {
    allow(sim, TEARING);
    let server = prefix::build(sim, Log, flaws);
    nemesis(sim, &server, 4, cut_power);
    sim.run();
}

fn rewriting(sim: &mut Sim, flaws: Flaws) {
    allow(sim, POWER);
    let (server, address) = durable(sim, Log, SyncPolicy::Always, flaws);
    nemesis(sim, &server, 0, cut_power);
    let operator = sim.host("operator");
    sim.client(operator, "operator", move |k| {
        let mut client = Client::new(k, address, 99, PATIENCE);
        for _ in 0..30 {
            let asked = client.ask(&[b"BGREWRITEAOF"]);
            sometimes("a rewrite was begun", matches!(asked, Outcome::Answered(Frame::Simple(_))));
            sleep(k, Duration::from_micros(200 << choose("pause", 0, 10)));
            // A rewrite goes on with every turn of the server.
            client.ask(&[b"PING"]);
        }
    });
    let history = clients(sim, address, 3, 30, PATIENCE);
    sim.run();
    judge(sim, &history);
}

/// What breaks by them.
const ORACLES: &[&str] = &["O8", "O9", "O2"];

/// The defects, each a flaw of the server that is off everywhere else.
pub const PLANTED: &[PlantedBug] = &[
    flawed!(
        'n',
        ORACLES,
        "missing-fsync",
        "B68",
        "the log says that it has synced, and has not",
        |sim, defect| { always(sim, Log, POWER, Flaws { skips_sync: defect, ..Flaws::default() }) }
    ),
    flawed!(
        'n',
        ORACLES,
        "reply-before-sync",
        "B68",
        "replies leave before the sync that they wait for",
        |sim, defect| { always(sim, Log, POWER, Flaws { replies_before_sync: defect, ..Flaws::default() }) }
    ),
    flawed!(
        'n',
        ORACLES,
        "accept-torn-tail",
        "B70",
        "recovery believes a batch whose check is wrong",
        |sim, defect| { tearing(sim, Flaws { accepts_torn: defect, ..Flaws::default() }) }
    ),
    flawed!(
        'n',
        ORACLES,
        "append-behind-torn",
        "B70",
        "new batches go behind a torn one, where nobody finds them",
        |sim, defect| { always(sim, Log, POWER, Flaws { keeps_torn: defect, ..Flaws::default() }) }
    ),
    flawed!(
        'n',
        ORACLES,
        "missing-directory-fsync",
        "B69",
        "a rewritten log has its name, and the name is not synced",
        |sim, defect| { rewriting(sim, Flaws { skips_directory_sync: defect, ..Flaws::default() }) }
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use eagain_sim::run::{RunSpec, Settings};
    use eagain_sim::run_spec;

    /// The oracle of total loss sees it where something comes back.
    #[test]
    fn who_should_have_forgotten_and_has_not_is_found_out() {
        let scenario = story("remembering", "a log where memory is expected", |sim| forgetting(sim, Log));
        let mut engine = eagain_sim::Engine::new();
        let mut failures = (0..20).filter_map(|seed| {
            run_spec(&RunSpec::seeded(scenario, Settings::new(), seed), &mut engine).failure
        });
        assert!(failures.any(|failure| failure.site == "back from the dead"));
    }
}
