//! A run that nothing in it can end says which run it was: each in a child process, since it dies of it.
#![cfg(all(feature = "cli", unix))]

use eagain_sim::run::Scenario;
use eagain_sim::{Sim, cli};
use std::hint::black_box;
use std::process::{Command, Output};

const CHILD: &str = "CRASH_REPORT_CHILD";

#[inline(never)]
fn compute_without_end() {
    let mut turns = 0_u64;
    while black_box(turns) != u64::MAX {
        turns += 2;
    }
}

fn stuck(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| compute_without_end());
}

fn stuck_outside(_: &mut Sim) {
    compute_without_end();
}

fn aborting(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| std::process::abort());
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the second");
    }
}

fn panicking_twice(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| {
        let _second = PanicsInDrop;
        panic!("the first");
    });
}

fn working(sim: &mut Sim) {
    let host = sim.host("client");
    sim.client(host, "client", |k| eagain_net::Threads::sched_yield(&k));
}

const fn scenario(name: &'static str, body: fn(&mut Sim)) -> Scenario {
    Scenario { name, about: "ends the process", knobs: &[], seeds: 1, body }
}

const SCENARIOS: &[Scenario] = &[
    scenario("stuck", stuck),
    scenario("stuck-outside", stuck_outside),
    scenario("aborting", aborting),
    scenario("panicking-twice", panicking_twice),
    scenario("working", working),
];

/// Not a test by itself: what the children run.
#[test]
fn child() {
    if let Some(name) = std::env::var_os(CHILD).and_then(|name| name.into_string().ok()) {
        eagain_sim::runner::watchdog::start();
        let arguments = ["eagain"].into_iter().chain(name.split(' ')).map(Into::into);
        let registry = cli::Registry {
            scenarios: SCENARIOS,
            bugs: &[],
            extras: &[],
            regressions: "no/such/folder",
            executor: eagain_sim::runner::engine::make,
        };
        let code = cli::run(&registry, arguments, &mut cli::console::Console::standard());
        std::process::exit(i32::from(code));
    }
}

/// Runs `eagain` with these arguments in a child: its exit status, and what it writes.
fn eagain(arguments: &str, out: &std::path::Path) -> (Option<i32>, String) {
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new(me);
    command.args(["child", "--exact", "--nocapture"]).env(CHILD, arguments).env("EAGAIN_WATCHDOG", "1");
    let Output { status, stdout, stderr } = command.env("EAGAIN_OUT", out).output().unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (status.code(), said.concat())
}

fn dies(name: &str, code: i32) -> String {
    let (status, said) = eagain(&format!("run {name} --seed 0x2a"), std::path::Path::new("no/such/folder"));
    assert_eq!(status, Some(code), "{said}");
    assert!(said.contains(&format!("running: cargo eagain run {name} --seed 0x2a")), "{said}");
    said
}

#[test]
fn a_thread_that_computes_without_end_says_where() {
    let said = dies("stuck", 1);
    assert!(
        said.contains("a run made no simulated call for 1 s (of processor time, where it computes): "),
        "{said}"
    );
    assert!(said.contains("in simulated thread 0, server/"), "{said}");
    assert!(said.contains("compute_without_end"), "{said}");
    assert!(!said.contains("corosensei"), "{said}");
}

#[test]
fn so_does_the_scenario_itself() {
    let said = dies("stuck-outside", 1);
    assert!(said.contains("in the scenario's own function, outside of all simulated threads"), "{said}");
    assert!(said.contains("compute_without_end"), "{said}");
}

#[test]
fn an_abort_names_the_run() {
    assert!(dies("aborting", 4).contains("the process aborts"));
}

#[test]
fn a_panic_while_another_unwinds_reports_both() {
    let said = dies("panicking-twice", 4);
    assert!(said.contains("the first") && said.contains("the second"), "{said}");
}

/// The run has failed, and not the harness; what ran before is reported as ever.
#[test]
fn a_sweep_in_which_a_run_makes_no_call_ends_with_its_failure() {
    let out = tempfile::tempdir().unwrap();
    let [json, junit] = ["sweep.json", "junit.xml"].map(|name| out.path().join(name));
    let files = format!("--json {} --junit {}", json.display(), junit.display());
    let (status, said) = eagain(&format!("explore working stuck --seeds 3 --jobs 1 {files}"), out.path());
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("stuck: no busy loop (O3) at no call, seed 0x0"), "{said}");
    assert!(said.contains("2 seeds, 1 failure"), "{said}");
    assert!(said.contains("incomplete: stopped after 2 of 6 seeds (a run that makes no call)"), "{said}");
    assert!(said.contains("compute_without_end"), "{said}");
    for file in [json, junit, out.path().join("stuck-0x0/report.md")] {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("no call"), "{}: {text}", file.display());
    }
    // With a page the folder lies beside it, as those of other failures do.
    let page = out.path().join("page");
    let line = format!("explore stuck --seeds 1 --jobs 1 --html {}", page.display());
    let (status, said) = eagain(&line, &out.path().join("elsewhere"));
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("1 seed, 1 failure") && !said.contains("incomplete"),
        "nothing was left to run: {said}"
    );
    assert!(page.join("stuck-0x0/report.md").is_file());
    assert!(
        std::fs::read_to_string(page.join("index.html")).unwrap().contains("href=\"stuck-0x0/report.md\"")
    );
}
