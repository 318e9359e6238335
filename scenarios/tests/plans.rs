//! Whatever is asked, in whatever world, the replies are those of a keyspace kept in a map: proptest draws the plan, the seed
//! draws the faults, and a failing plan shrinks to a short one.

use eagain_scenarios::client::Client;
use eagain_scenarios::run::kernel::World;
use eagain_scenarios::script::{KNOBS, Setup};
use eagain_scenarios::workload::Request;
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, Sim, run_spec};
use proptest::prelude::*;
use std::cell::RefCell;

thread_local! {
    /// The plan of the run on this OS thread; the body of a scenario is a plain function.
    static PLAN: RefCell<Vec<Request>> = const { RefCell::new(Vec::new()) };
}

/// One client sends the plan, `ask` by `ask`; the client compares each reply with the model's.
fn body(sim: &mut Sim) {
    let plan = PLAN.with_borrow(Vec::clone);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    world.client(sim, async move |context| {
        let mut client = Client::connect(&context, 0).await;
        for request in &plan {
            context.must(client.ask(request).await);
        }
    });
    world.run(sim, Setup::USUAL.observed_for);
}

const PLANNED: Scenario =
    Scenario { name: "planned", about: "a plan against the model", knobs: KNOBS, seeds: 1, body };

fn request() -> impl Strategy<Value = Request> {
    let key = || (0..3_u8).prop_map(|number| format!("<1.0>key{number}"));
    let value = || (0..300_usize).prop_map(|length| eagain_scenarios::workload::value("<1.0>", length));
    prop_oneof![
        value().prop_map(Request::Ping),
        (key(), value()).prop_map(|(key, value)| Request::Set(key, value)),
        key().prop_map(Request::Get),
        (key(), value()).prop_map(|(key, value)| Request::Append(key, value)),
        key().prop_map(Request::Strlen),
        key().prop_map(Request::Incr),
        key().prop_map(Request::Del),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_plan_gets_the_replies_of_the_model(
        plan in prop::collection::vec(request(), 1..40),
        seed: u64,
        workers in 0..3_u8,
    ) {
        PLAN.set(plan);
        let spec = RunSpec::seeded(PLANNED, Settings::from([("workers".to_owned(), workers.to_string())]), seed);
        let report = run_spec(&spec, &mut Engine::new());
        prop_assert!(report.failure.is_none(), "{:?}\n{}", report.failure, report.output);
    }
}
