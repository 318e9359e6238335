//! A simulated thread that runs out of stack is named, and so is the run: in a child process, since it dies of it.

use eagain_sim::run::{RunSpec, Scenario};
use eagain_sim::{Engine, Sim, run_spec};
use std::hint::black_box;
use std::process::Command;

const CHILD: &str = "STACK_OVERFLOW_CHILD";

#[expect(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + black_box(frame)[0]
}

fn build(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| {
        black_box(recurse(0));
    });
}

#[test]
fn a_stack_overflow_names_its_thread() {
    if std::env::var_os(CHILD).is_some() {
        let scenario =
            Scenario { name: "overflow", about: "recurses for ever", knobs: &[], seeds: 1, body: build };
        let spec = RunSpec::seeded(scenario, Default::default(), 1);
        run_spec(&spec, &mut Engine::new());
        return;
    }
    let me = std::env::current_exe().unwrap();
    let output = Command::new(me)
        .args(["a_stack_overflow_names_its_thread", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("simulated thread 0 ran out of stack"), "{said}");
}
