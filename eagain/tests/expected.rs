//! What a scenario passes by a literal name is known before it is passed: in its function by the attribute, elsewhere by the macros.
#![cfg(feature = "native")]

use eagain::World;
use eagain::sim::cli::{self, Registry, console::Console};
use eagain::sim::run::RunSpec;
use eagain::sim::{Engine, run_spec};
use std::sync::{Arc, Mutex};

#[eagain::scenario]
fn passes_some(world: &mut World) {
    let sim = world.sim();
    let host = sim.host("host");
    sim.client(host, "client", |_| {
        eagain::sometimes("passed", true);
        eagain::eventually("healed", true);
        if eagain::choose("any", 0, 0) == 1 {
            eagain::sometimes("a \"branch\"", true);
            eagain::eventually("never asked", true);
        }
    });
}

#[test]
fn what_no_run_passes_is_named() {
    let spec = RunSpec::seeded(passes_some::SCENARIO, Default::default(), 1);
    let report = run_spec(&spec, &mut Engine::new());
    assert_eq!(report.failure, None);
    let reached: Vec<(&str, bool)> = report.sometimes.into_iter().collect();
    let all = [("a \"branch\"", false), ("healed", true), ("never asked", false), ("passed", true)];
    assert_eq!(reached, all);
}

/// An unmodified program, which never comes to what it calls.
#[eagain::scenario]
fn of_programs(world: &mut World) {
    world.host("machine").client(|| {
        eagain::sometimes!("begun", true);
        if std::env::args().count() > 5 {
            retry();
        }
    });
}

fn retry() {
    eagain::sometimes!("a retry", true);
}

#[test]
fn what_programs_never_come_to_is_named() {
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let registry = Registry {
        scenarios: &[of_programs::SCENARIO, passes_some::SCENARIO],
        bugs: &[],
        extras: &[],
        regressions: "no such folder",
        executor: eagain::executor,
    };
    let said = Memory::default();
    let mut console = Console::new(Box::new(said.clone()), Box::new(Vec::new()));
    let line = ["eagain", "explore", "--seeds", "3", "--strict"].map(Into::into);
    assert_eq!(cli::run(&registry, line, &mut console), 1);
    let text = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("warning: no scenario reached `a retry` (eagain/tests/expected.rs:"), "{text}");
    assert!(!text.contains("`begun`"), "{text}");
}
