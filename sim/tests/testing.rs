//! Scenarios declared as a stranger's crate declares them: each an ordinary test on the real engine.
#![cfg(feature = "cli")]

eagain_sim::scenarios! {
    /// All of this file.
    pub const SCENARIOS;

    /// A client asks the time twice,
    /// and nothing else happens.
    two_looks_at_the_clock(sim, seeds = 8) {
        use eagain_net::{Clock, ClockId};
        let host = sim.host("server");
        sim.client(host, "main", |kernel| {
            let first = kernel.clock_gettime(ClockId::Monotonic);
            assert!(kernel.clock_gettime(ClockId::Monotonic) > first);
        });
    }
}

eagain_sim::scenario_tests! {
    the_same_as_a_plain_test => two_looks_at_the_clock::SCENARIO;
}

#[test]
fn a_declared_scenario_is_called_like_its_function() {
    assert_eq!(SCENARIOS.len(), 1);
    assert_eq!(SCENARIOS[0].name, "two-looks-at-the-clock");
    assert_eq!(SCENARIOS[0].about, "A client asks the time twice, and nothing else happens.");
}

/// In the other process, which `check` starts, the test runs the seeds as any test does.
/// The folder of failures may be a relative one, and the other process works in another.
#[test]
#[allow(clippy::disallowed_methods)] // what is found is what is forbidden
fn a_program_that_reads_the_time_of_day_does_not_pass_a_check() {
    use eagain_sim::run::Scenario;
    use eagain_sim::testing::{Environment, Test};

    const READS_THE_TIME: Scenario = Scenario {
        name: "reads-the-time",
        about: "",
        knobs: &[],
        seeds: 4,
        body: |sim| {
            let host = sim.host("host");
            sim.client(host, "client", |k| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                eagain_net::sleep(k, std::time::Duration::from_micros(now.as_secs() % 1000));
            });
        },
    };
    let site = eagain_sim::site!("a_program_that_reads_the_time_of_day_does_not_pass_a_check");
    if std::env::var_os("EAGAIN_UNSETTLED_FILE").is_some() {
        return eagain_sim::testing::test(&READS_THE_TIME, &site);
    }
    let here = std::env::current_dir().unwrap();
    let out = tempfile::tempdir_in(&here).unwrap();
    let mut environment = Environment::read(|name| (name == "EAGAIN_CHECK").then(|| "1".to_owned())).unwrap();
    environment.out = Some(out.path().strip_prefix(&here).unwrap().to_owned());
    let test = Test {
        scenario: READS_THE_TIME,
        manifest: out.path().to_owned(),
        path: site.path(),
        executor: eagain_sim::runner::engine::make,
    };
    let said = test.run(&environment).unwrap_err();
    assert!(said.starts_with("NONDETERMINISM reads-the-time seed 0x0"), "{said}");
}
