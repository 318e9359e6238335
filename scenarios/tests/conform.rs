//! A small sweep of random programs on both kernels. Alone in its binary: descriptor numbers belong to the process, and
//! what a program means depends on them.
#![cfg(target_os = "linux")]

use eagain_scenarios::conform::{generate, script, sweep};

#[test]
fn random_programs_come_to_the_same_on_both_kernels() {
    let report = sweep::conform(400, 0, 3);
    assert_eq!((report.programs, report.differences), (400, 0), "{report}");
    assert!(report.calls >= 400 * 40);
    // A program is its seed, and its text is the program.
    let program = generate::program(7);
    assert_eq!(program, generate::program(7));
    let text: String = program.iter().map(|call| format!("{call}\n")).collect();
    let read = script::parse(&text).expect("what is printed can be read");
    assert_eq!(program, read.into_iter().map(|(call, _)| call).collect::<Vec<_>>());
}
