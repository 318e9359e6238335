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
