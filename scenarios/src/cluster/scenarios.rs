//! The stories, and the defects that they have to find.

use super::world::{Cluster, cluster};
use crate::durability::world::{
    PATIENCE_WITH_CLUSTER, QUIET_NS, Server, UNKNOWN, clients, expect, flawed, judge, story,
};
use eagain_net::{Signal, Signals, sleep};
use eagain_server::flaws::Flaws;
use eagain_sim::fault::Family;
use eagain_sim::run::Scenario;
use eagain_sim::{PlantedBug, Sim, SimKernel, USUAL_FAULTS, choose, control};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// All stories.
pub const ALL: &[Scenario] = &[
    story("cluster-kill", "each role is killed at any call", |sim| {
        told(sim, &[Family::ProcessKill], Flaws::default(), |_, _| {});
    }),
    story("cluster-power", "the power of any host fails, and its disk keeps what was synced", |sim| {
        told(sim, &[Family::HostPower, Family::DiskTorn], Flaws::default(), |_, _| {});
    }),
    story("cluster-partition", "any two hosts cannot reach each other for a while", |sim| {
        told(sim, &[Family::Partition], Flaws::default(), cut_pairs);
    }),
    story("cluster-slow-storage", "a storage server's disk is slow, and its wire", |sim| {
        told(sim, &[Family::DiskSlow], Flaws::default(), |_, _| {});
    }),
    story("cluster-restart-storm", "servers of all roles are killed again and again", |sim| {
        expect(sim, &[UNKNOWN]);
        told(sim, &[], Flaws::default(), storm);
    }),
    story(
        "cluster-rolling-restart",
        "one server after the other is asked to stop, and begins again",
        |sim| {
            told(sim, &[], Flaws::default(), roll);
        },
    ),
    story("cluster-disk-full", "the disks of the storage servers are full for a while", |sim| {
        told(sim, &[Family::DiskSpace], Flaws::default(), |_, _| {});
    }),
    story("cluster-everything", "all of it at once", |sim| {
        told(sim, EVERYTHING, Flaws::default(), |_, _| {});
    }),
];

const EVERYTHING: &[Family] = &[
    Family::ProcessKill,
    Family::HostPower,
    Family::DiskTorn,
    Family::Partition,
    Family::DiskSlow,
    Family::DiskSpace,
];

fn told(sim: &mut Sim, faults: &[Family], flaws: Flaws, more: fn(&mut Sim, &Cluster)) {
    sim.faults(&[USUAL_FAULTS, faults].concat());
    sim.quiet_after(QUIET_NS);
    let cluster = cluster(sim, flaws);
    let history = clients(sim, cluster.address, 3, 12, PATIENCE_WITH_CLUSTER);
    more(sim, &cluster);
    sim.run();
    judge(sim, &history);
}

fn pause(k: SimKernel, name: &'static str, low: u64, high: u64) {
    sleep(k, Duration::from_micros(100 << choose(name, low, high)));
}

/// Cuts two of the hosts off from each other, in one direction or both, and heals it, some times.
fn cut_pairs(sim: &mut Sim, cluster: &Cluster) {
    let servers = cluster.all();
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("cuts", 0, 4) {
            pause(k, "before", 0, 13);
            let a = &servers[choose("one", 0, 4) as usize];
            let b = &servers[choose("other", 0, 4) as usize];
            match choose("how", 0, 2) {
                0 => control::partition(a.host, b.host),
                1 => control::partition_one_way(a.host, b.host),
                _ => control::isolate(a.host),
            }
            pause(k, "long", 3, 16);
            control::heal_all();
        }
    });
}

fn storm(sim: &mut Sim, cluster: &Cluster) {
    let servers = cluster.all();
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..12 {
            pause(k, "between", 3, 13);
            let server: &Server = &servers[choose("whom", 0, 4) as usize];
            control::kill(server.process);
        }
    });
}

/// An operator on each host asks its server to stop when it is its turn.
fn roll(sim: &mut Sim, cluster: &Cluster) {
    let turn = Arc::new(AtomicUsize::new(0));
    for (number, server) in cluster.all().into_iter().enumerate() {
        let turn = turn.clone();
        sim.client(server.host, &format!("operator-{number}"), move |k| {
            while turn.load(SeqCst) < number {
                sleep(k, Duration::from_millis(50));
            }
            pause(k, "before", 6, 13);
            // Between two starts there is nobody to be asked.
            let _ = k.kill(server.pid.load(SeqCst), Signal::SIGTERM);
            pause(k, "after", 10, 14);
            turn.store(number + 1, SeqCst);
        });
    }
}

/// What breaks by them.
const ORACLES: &[&str] = &["O1", "O2", "O7", "O8"];

/// The defects, each a flaw of the server that is off everywhere else.
pub const PLANTED: &[PlantedBug] = &[
    flawed!(
        'o',
        ORACLES,
        "reply-mix-up",
        "B78",
        "a link gives the place of a request that timed out to the next",
        |sim, defect| { told(sim, SLOW, Flaws { forgets_timed_out: defect, ..Flaws::default() }, |_, _| {}) }
    ),
    flawed!(
        'o',
        ORACLES,
        "double-apply",
        "B77",
        "a link sends again what may have been executed",
        |sim, defect| {
            told(sim, &[Family::ProcessKill], Flaws { sends_again: defect, ..Flaws::default() }, storm)
        }
    ),
];

const SLOW: &[Family] = &[Family::DiskSlow, Family::Partition];
