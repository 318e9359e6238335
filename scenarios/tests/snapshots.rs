//! What a person wants to look at, kept under `snapshots/` and reviewed like code: the trace of one quiet exchange with the
//! server, and the fault table.

use eagain_scenarios::SCENARIOS;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunSpec, Settings};
use eagain_sim::trace::text;
use eagain_sim::{Engine, run_spec};

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// On the zero base nothing goes wrong, so this is what the server does for a client that asks and waits.
fn trace_of(model: &str, pattern: &str) -> String {
    let scenario = *SCENARIOS.iter().find(|scenario| scenario.name == "steady-load").expect("it exists");
    let settings = [("model", model), ("pattern", pattern), ("clients", "1"), ("workers", "1")];
    let settings = Settings::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let spec = RunSpec { record: Record::Trace, ..RunSpec::new(scenario, settings, Base::Zero) };
    let report = run_spec(&spec, &mut Engine::new());
    assert_eq!(report.failure, None);
    let log = report.trace.expect("it was asked for");
    let mut lines = Vec::new();
    text::write(&log, &mut lines).expect("memory takes it");
    let whole = String::from_utf8(lines).expect("a trace is text");
    // From the start to the second reply: the rest repeats it.
    let mut replies = 0;
    let end = |line: &&str| {
        replies += usize::from(line.contains("client-1/0 recv("));
        replies <= 2
    };
    whole.lines().take_while(end).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_exchange_with_the_reactor() {
    snapshot("reactor-epoll", &trace_of("epoll", "reactor"));
}

#[test]
fn one_exchange_with_the_proactor_on_a_ring() {
    snapshot("proactor-io_uring", &trace_of("io_uring", "proactor"));
}

#[test]
fn the_fault_table() {
    let families: String = Family::ALL.iter().map(|family| family.describe()).collect();
    assert!(families.lines().all(|line| line.chars().count() <= 100));
    snapshot("fault-table", &families);
}
