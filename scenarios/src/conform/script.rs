//! A program as text: a call a line, and behind `=` what it must come to. What the tester prints for a difference is
//! this text, so that it can be kept as a test as it stands.

use super::call::Call;
use super::handoff;
use super::machine::{Calls, Machine};
use super::outcome::Outcome;
use eagain_net::Advice;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Once;

/// A line: a call, and what it must come to.
type Line = (Call, Option<String>);

/// Reads a program. Empty lines and what follows `//` are left out.
pub fn parse(text: &str) -> Result<Vec<Line>, String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| match line.split_once('=') {
            Some((call, expected)) => Ok((call.parse()?, Some(expected.trim().to_owned()))),
            None => Ok((line.parse()?, None)),
        })
        .collect()
}

/// Runs a program and compares. Panics with the whole program and every line that came out otherwise.
pub fn check<K: Calls>(k: K, text: &str) {
    let lines = match parse(text) {
        Ok(lines) => lines,
        Err(why) => panic!("not a program: {why}"),
    };
    let calls: Vec<Call> = lines.iter().map(|(call, _)| *call).collect();
    if calls.iter().any(|call| call.op.is_about_rings())
        && let Advice::Unavailable(reason) = k.io_uring_probe()
    {
        // Many containers allow none. Said once, and past the test runner, which shows nothing of what passes.
        static SAID: Once = Once::new();
        SAID.call_once(|| _ = writeln!(std::io::stderr(), "skipped: rows about rings: {reason}"));
        return;
    }
    let outcomes = handoff::run(Machine::new(k), &calls);
    let mut shown = String::new();
    let mut wrong = 0;
    for ((call, expected), outcome) in lines.iter().zip(&outcomes) {
        let got = outcome.to_string();
        let _ = write!(shown, "\n    {call} = {got}");
        if expected.as_ref().is_some_and(|expected| *expected != got) {
            wrong += 1;
            let _ = write!(shown, "    <- expected {}", expected.as_deref().unwrap_or_default());
        }
    }
    assert_eq!(wrong, 0, "{wrong} calls came out otherwise:{shown}\n");
}

/// A program with its outcomes, as text.
pub fn show(calls: &[Call], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for (call, outcome) in calls.iter().zip(outcomes) {
        let _ = writeln!(text, "    {call} = {outcome}");
    }
    text
}
