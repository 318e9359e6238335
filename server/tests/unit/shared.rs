//! What becomes of tickets, and what the log says.

use super::*;
use eagain_net::Linux;

#[test]
fn trouble_is_logged_when_it_begins_and_when_it_ends() {
    let lines = Arc::new(Mutex::new(Linux, Vec::new()));
    let sink = lines.clone();
    let log =
        Log::new(Level::Notice, move |level, text| sink.lock().push(format!("{}: {text}", level.name())));
    let shared = Shared::new(Linux, 0, log);
    let full = Trouble { text: "MISCONF the disk is full".to_owned(), may_end: true };
    let mut state = shared.state.lock();
    for trouble in [None, Some(full.clone()), Some(full), None] {
        shared.set_trouble(&mut state, trouble);
    }
    let expected = ["warning: the disk is full", "notice: the disk has room again: writes are taken"];
    assert_eq!(*lines.lock(), expected);
}

#[test]
fn failures_are_remembered_within_a_bound_and_none_is_ever_reported_as_done() {
    let mut state = State::default();
    for _ in 0..10 * FAILURES_MAX {
        // One fails, the next is done.
        state.ticket += 1;
        state.fail_pending();
        state.ticket += 1;
        state.done += 1;
    }
    assert!(state.failures.len() <= FAILURES_MAX);
    assert!((1..state.ticket).step_by(2).all(|ticket| state.has_failed(ticket)));
    assert!(!state.has_failed(state.ticket));
}
