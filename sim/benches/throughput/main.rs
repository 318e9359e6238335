//! How fast worlds run: echo round trips (64 B, one level-triggered epoll server, blocking clients) at 1, 10 and 100
//! clients, calls, small worlds (2 clients x 10 requests, built and torn down), bulk (64 MiB in 16 KiB writes), and keyed
//! choices alone. One OS thread; latencies, random scheduling and faults on, keyed choices and the trace hash too; bulk
//! and the choices without faults.
//!
//! `cargo bench -p eagain-sim` (the line `thrpt` is elements, or bytes, per second)

mod worlds;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eagain_sim::run::{Scenario, Settings};
use eagain_sim::{Engine, Sim, choose};
use std::hint::black_box;
use worlds::{BULK, COPY, ECHO, echoed, one};

/// Round trips of one world of the echo bench.
const TRIPS: u64 = 20_000;
const DRAWS: u64 = 100_000;

fn draw(sim: &mut Sim) {
    sim.faults(&[]);
    let host = sim.host("host");
    sim.client(host, "chooser", |_| {
        for _ in 0..DRAWS {
            black_box(choose("draw", 0, 9));
        }
    });
}

const DRAW: Scenario = Scenario { name: "draw", about: "", knobs: &[], seeds: 1, body: draw };

fn worlds(c: &mut Criterion) {
    let mut engine = Engine::new();
    let mut seed = 0;
    let mut next = || {
        seed += 1;
        seed
    };

    let mut group = c.benchmark_group("echo round trips");
    for clients in [1, 10, 100] {
        let rounds = TRIPS / clients;
        group.throughput(Throughput::Elements(TRIPS));
        group.bench_function(format!("{clients} clients"), |b| {
            b.iter(|| echoed(next(), clients, rounds, &mut engine));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("calls");
    // As many as seed 1 makes: which seed it is decides the faults, and they the calls.
    group.throughput(Throughput::Elements(echoed(1, 10, TRIPS / 10, &mut engine).calls));
    group.bench_function("10 clients, one seed", |b| b.iter(|| echoed(1, 10, TRIPS / 10, &mut engine)));
    group.finish();

    let mut group = c.benchmark_group("small worlds");
    group.throughput(Throughput::Elements(1));
    // With the knobs' defaults, as in a sweep.
    group.bench_function("2 clients, 10 round trips", |b| {
        b.iter(|| one(ECHO, next(), Settings::new(), &mut engine));
    });
    group.finish();

    let mut group = c.benchmark_group("bulk");
    group.throughput(Throughput::Bytes(BULK as u64));
    group.bench_function("64 MiB", |b| b.iter(|| one(COPY, 1, Settings::new(), &mut engine)));
    group.finish();

    let mut group = c.benchmark_group("keyed choices");
    group.throughput(Throughput::Elements(DRAWS));
    group.bench_function("draw", |b| b.iter(|| one(DRAW, next(), Settings::new(), &mut engine)));
    group.finish();
}

criterion_group!(benches, worlds);
criterion_main!(benches);
