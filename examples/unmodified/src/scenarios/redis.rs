//! Servers that speak Redis' protocol: mini-redis from crates.io, and redis-server as this machine has it installed.

use crate::programs::{redis, redis_client};
use eagain::{Knob, KnobValues, Scenario, World, faults};

/// mini-redis' server and two of its clients
#[eagain::scenario(seeds = 32)]
pub fn mini_redis(world: &mut World<'_>) {
    world.host("server").server(redis::server);
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || redis::client(i));
    }
}

/// Where Debian and others install it; the variable `REDIS_SERVER` names another one.
const INSTALLED: &str = "/usr/bin/redis-server";

const KNOBS: &[Knob] = &[
    Knob {
        name: "appendfsync",
        about: "when the server syncs its log; `no` may lose what it has acknowledged",
        values: KnobValues::Words(&["always", "no"]),
    },
    Knob {
        name: "disk",
        about: "whether a file becomes longer only once its data is on the disk, as on ext4 and XFS; redis-server does not start \
                where it is not",
        values: KnobValues::Words(&["ordered", "any"]),
    },
    Knob {
        name: "installed",
        about: "whether the directory of its log is there before it starts the first time",
        values: KnobValues::Words(&["yes", "no"]),
    },
];

/// Not made by the attribute: its test is skipped where there is no redis-server.
pub const REDIS_SERVER: Scenario = Scenario {
    name: "redis-server",
    about: "the installed redis-server with an append-only file, killed and powered off: what it acknowledged is there",
    knobs: KNOBS,
    seeds: 32,
    body: |sim| World::build(sim, redis_server),
};

fn path() -> String {
    std::env::var("REDIS_SERVER").unwrap_or_else(|_| INSTALLED.into())
}

fn redis_server(world: &mut World<'_>) {
    let appendfsync = world.word("appendfsync");
    let installed = world.word("installed");
    world.sim().knobs().disk_ordered = world.word("disk") == "ordered";
    let arguments = [
        ["--bind", "0.0.0.0"],
        ["--protected-mode", "no"],
        ["--dir", "/"],
        // It makes snapshots in a child process.
        ["--save", ""],
        ["--appendonly", "yes"],
        ["--appendfsync", &appendfsync],
        ["--auto-aof-rewrite-percentage", "0"],
    ];
    // redis-server makes this directory, and never syncs the one above: after a failure of power it may be gone, with all that was
    // acknowledged. `installed=no` shows it.
    let mut cache = world.host("cache");
    if installed == "yes" {
        cache = cache.directory("/appendonlydir");
    }
    cache.binary(path(), arguments.concat()).restarting();
    for i in 0..2 {
        world.host(format!("client-{i}")).client(move || redis_client::durable("cache:6379", i, 20));
    }
    world.may([faults::PROCESS_KILL, faults::HOST_POWER]);
}

#[cfg(test)]
#[test]
fn redis_server_holds() {
    if !std::path::Path::new(&path()).exists() {
        eprintln!("skipped: there is no {}", path());
        return;
    }
    eagain::test(&REDIS_SERVER, &eagain::sim::site!("redis_server_holds"));
}
