//! The product: every scenario, with every model, pattern, number of workers and of loops that make sense together. One seed of
//! each is an ordinary test; CI sweeps hundreds (its job `models`), and so does a person:
//!
//! ```sh
//! cargo eagain explore --seeds 2000 --set model=epoll-edge --set pattern=reactor --set workers=0 --set loops=2
//! ```

use eagain_net::model::ModelKind;
use eagain_scenarios::server::ALL;
use eagain_sim::run::{RunSpec, Scenario, Settings};
use eagain_sim::{Engine, run_spec};

/// The scenarios that run with any model.
fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    ALL.iter().filter(|scenario| scenario.knobs.iter().any(|knob| knob.name == "loops"))
}

/// Runs the product's part of one model; how many runs that were.
fn run_all(model: &str) -> usize {
    let mut engine = Engine::new();
    let mut runs = 0;
    for pattern in ["reactor", "proactor"] {
        for (workers, loops) in [("0", "1"), ("1", "1"), ("2", "1"), ("0", "2"), ("1", "2")] {
            let settings = [("model", model), ("pattern", pattern), ("workers", workers), ("loops", loops)];
            let settings = Settings::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
            for scenario in scenarios() {
                // Not the same run again and again.
                let seed = 0x9000 + runs as u64;
                let report = run_spec(&RunSpec::seeded(*scenario, settings.clone(), seed), &mut engine);
                if report.refused.is_some() {
                    continue;
                }
                assert_eq!(report.failure, None, "{}, seed {seed:#x}, {settings:?}", scenario.name);
                runs += 1;
            }
        }
    }
    runs
}

/// Seeds that have failed, one in hundreds: what one seed of each part of the product does not see.
#[test]
fn seeds_that_found_a_fault_hold() {
    let table: [(&str, &str, &[u64]); 4] = [
        // A stop ended the reading of sockets, which looked like the client's end.
        ("unread-requests", "model=blocking workers=0", &[0x9b, 0x9d, 0xc5, 0x1c3]),
        ("unread-requests", "model=blocking workers=2", &[0x43, 0x11b, 0x125, 0x19c]),
        // A wait and a pause began with the turn of the loop, and not with their command.
        ("waiting-line", "model=nonblocking workers=0 loops=1", &[0x8]),
        ("pauses", "model=nonblocking workers=0 loops=1", &[0xe6]),
    ];
    let mut engine = Engine::new();
    for (name, settings, seeds) in table {
        let scenario = scenarios().find(|scenario| scenario.name == name).expect("it is there");
        let settings: Settings = settings
            .split(' ')
            .map(|setting| setting.split_once('=').expect("a knob and its value"))
            .map(|(knob, value)| (knob.to_owned(), value.to_owned()))
            .collect();
        for &seed in seeds {
            let report = run_spec(&RunSpec::seeded(*scenario, settings.clone(), seed), &mut engine);
            assert_eq!(
                (report.refused, report.failure),
                (None, None),
                "{name}, seed {seed:#x}, {settings:?}"
            );
        }
    }
}

/// A test for each model, and how many of its ten combinations make sense.
macro_rules! models {
    ($($name:ident: $model:literal $sensible:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(run_all($model), $sensible * scenarios().count());
        })*

        #[test]
        fn no_model_is_left_out() {
            // tokio is no model of this kernel; its runs have no descriptors.
            let named = [$($model),*, "tokio"];
            assert_eq!(ModelKind::ALL.map(ModelKind::name).len(), named.len());
            assert!(ModelKind::ALL.into_iter().all(|kind| named.contains(&kind.name())));
        }
    };
}

models! {
    blocking_holds: "blocking" 3;
    nonblocking_holds: "nonblocking" 10;
    select_holds: "select" 10;
    poll_holds: "poll" 10;
    epoll_holds: "epoll" 10;
    epoll_edge_holds: "epoll-edge" 10;
    epoll_oneshot_holds: "epoll-oneshot" 10;
    sigio_holds: "sigio" 10;
    aio_holds: "aio" 3;
    io_uring_holds: "io_uring" 5;
}
