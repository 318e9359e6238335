//! Small worlds for tests: one process, everything arrives at once, nothing goes wrong.
#![allow(dead_code)] // each test binary uses its part

use eagain_net::*;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, KernelKnobs, Sim, SimKernel, run_spec};

/// Runs a scenario from a seed, or from nothing but zeros.
pub fn run(body: fn(&mut Sim), base: Base) -> RunReport {
    run_with(body, base, Overrides::new(), Record::Hash)
}

pub fn run_with(body: fn(&mut Sim), base: Base, overrides: Overrides, record: Record) -> RunReport {
    let scenario = Scenario { name: "test", about: "test", knobs: &[], seeds: 1, body };
    let spec = RunSpec { overrides, record, ..RunSpec::new(scenario, Default::default(), base) };
    run_spec(&spec, &mut Engine::new())
}

/// Runs the scenario without faults; it must hold.
pub fn check(body: fn(&mut Sim)) {
    let report = run_with(body, Base::Zero, Overrides::new(), Record::Trace);
    if let Some(failure) = &report.failure {
        panic!("{}: {}\n{}", failure.oracle, failure.message, report.output);
    }
}

/// Runs `seeds` seeds: each holds, is the same when run again and when replayed from its choices; and every family of
/// `families` fired in one of them.
pub fn sweep(body: fn(&mut Sim), seeds: std::ops::Range<u64>, families: &[&str]) {
    let mut fired = std::collections::BTreeMap::new();
    for seed in seeds {
        let report = run(body, Base::Seed(seed));
        if let Some(failure) = &report.failure {
            panic!(
                "seed {seed}: {} at {}: {}\n{}",
                failure.oracle, failure.site, failure.message, report.output
            );
        }
        let again = run_with(body, Base::Seed(seed), Overrides::new(), Record::Trace);
        assert_eq!(report.hash, again.hash, "seed {seed}: what is recorded changes the run");
        let replayed = run_with(body, Base::Zero, again.choices.into_iter().collect(), Record::Hash);
        assert_eq!(report.hash, replayed.hash, "seed {seed}: replayed from its choices");
        for (family, count) in report.faults {
            *fired.entry(family).or_insert(0) += count;
        }
    }
    for family in families {
        assert!(fired.get(family).is_some_and(|&count| count > 0), "{family} never fired: {fired:?}");
    }
}

/// A host whose calls all take effect at once.
pub fn synchronous(sim: &mut Sim) {
    *sim.knobs() = KernelKnobs::synchronous();
    sim.faults(&[]);
}

/// One process, in a world where everything arrives at once.
pub fn alone(sim: &mut Sim, body: fn(SimKernel)) {
    synchronous(sim);
    let host = sim.host("host");
    sim.client(host, "main", body);
}

/// A test of one process: `row!(name, |k| { … })`.
#[macro_export]
macro_rules! row {
    ($(#[$meta:meta])* $name:ident, $body:expr) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            common::check(|sim| common::alone(sim, $body));
        }
    };
}

/// Two ends of a connection; `flags` are those of both.
pub fn pair(k: SimKernel, flags: SocketFlags) -> (Fd, Fd) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 8).unwrap();
    let a = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.connect(a, k.getsockname(listener).unwrap()).unwrap();
    let (b, _) = k.accept4(listener, flags).unwrap();
    if flags.contains(SocketFlags::NONBLOCK) {
        k.fcntl_setfl(a, StatusFlags::NONBLOCK).unwrap();
    }
    k.close(listener).unwrap();
    (a, b)
}

pub fn listener(k: SimKernel) -> (Fd, SocketAddr) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 8).unwrap();
    (listener, k.getsockname(listener).unwrap())
}

/// What the command line does with a line: exit status, standard output and standard error.
#[cfg(feature = "cli")]
pub fn eagain(registry: &eagain_sim::cli::Registry, line: &str) -> (u8, String, String) {
    use eagain_sim::cli::{self, console::Console};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (out, err) = (Memory::default(), Memory::default());
    let mut console = Console::new(Box::new(out.clone()), Box::new(err.clone()));
    let arguments = ["eagain"].into_iter().chain(line.split_whitespace()).map(std::ffi::OsString::from);
    let code = cli::run(registry, arguments, &mut console);
    let text = |memory: Memory| String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    (code, text(out), text(err))
}
