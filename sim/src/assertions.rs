//! Assertions of a scenario, called by its programs.
//!
//! A program of a scenario may be run over Linux too, by a test of its own. There [`always`] and [`fail`] are panics with the
//! same message, [`within`] makes its request, and [`sometimes`], [`feature`], [`eventually`] and [`exclusive`] do nothing: what they say is
//! about a sweep, or about an order of threads. [`choose`] needs a run.

use crate::Oracle;
use crate::stack::inside;
use crate::stack::native::as_harness;
use crate::world::{Who, World};
use std::time::Duration;

/// Calls the world, which outlives its caller.
fn with_world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    as_harness(|| crate::stack::with(f))
}

/// `holds` must be true each time this is called; else the run ends here with a failure. `name` is the site: failures with the
/// same site count as the same one. `message` is called only when it fails. Outside a run a failure is a panic.
///
/// ```
/// # let (sent, answer) = (b"PING", b"PING");
/// eagain_sim::always("the echo is what was sent", answer == sent, || format!("{answer:?}"));
/// ```
pub fn always(name: &'static str, holds: bool, message: impl FnOnce() -> String) {
    if !holds {
        fail(Oracle::Always, name, message());
    }
}

/// `reached` must be true at least once in a sweep; else the sweep warns, and fails with `--strict`. A sweep can warn of one that no run
/// calls only where it is written as [`sometimes!`](macro@crate::sometimes), or is named by [`Sim::sometimes`](crate::Sim::sometimes).
///
/// ```
/// # let sent = 3;
/// eagain_sim::sometimes("a write was short", sent < 5);
/// ```
pub fn sometimes(name: &'static str, reached: bool) {
    if !inside() {
        return;
    }
    with_world(|w| {
        w.run.reach(name, reached);
    });
}

/// Reports to a guided search (`explore --guided`) what state this run has reached: a phase, a number of retries. It never changes
/// a run. Use few values: each new one makes the search spend runs on it.
pub fn feature(name: &'static str, value: u64) {
    if !inside() {
        return;
    }
    with_world(|w| w.run.feature(name, value));
}

/// `request` must return within `limit` of virtual time, whatever faults there are: else O6 breaks at the site `name`, also where
/// it never returns. Gives what `request` returned.
///
/// ```no_run
/// # use std::time::Duration;
/// # fn ask() -> u32 { 0 }
/// let reply = eagain_sim::within(Duration::from_secs(5), "a reply to PING", ask);
/// ```
pub fn within<R>(limit: Duration, name: &'static str, request: impl FnOnce() -> R) -> R {
    /// Also a thread that is unwound has nothing to keep any more.
    struct Promise(u32);
    impl Drop for Promise {
        fn drop(&mut self) {
            with_world(|w| w.keep_promise(self.0));
        }
    }
    if !inside() {
        return request();
    }
    let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let promise = Promise(with_world(|w| w.promise(limit, name)));
    let result = request();
    drop(promise);
    if with_world(|w| w.run.failed() && !w.scheduler.is_unwinding()) {
        as_harness(|| crate::stack::pause_for_ever());
    }
    result
}

/// `holds` must be true when the run ends: the last call with this `name` counts. A run that ends while it is false breaks O6 at
/// the site `name`. A run that never calls it checks nothing; a sweep of such runs warns where it is written as
/// [`eventually!`](macro@crate::eventually).
pub fn eventually(name: &'static str, holds: bool) {
    if !inside() {
        return;
    }
    with_world(|w| {
        w.run.expect(name, holds);
    });
}

/// Ends the run here with this failure. `oracle` is an [`Oracle`], or the code of one, such as `"O1"`; any other text is an oracle
/// of the scenario's own ([`Oracle::of`]). `site` names the place: failures with the same oracle, site and thread count as the same.
#[track_caller]
pub fn fail(oracle: impl Into<Oracle>, site: &str, message: String) {
    let oracle = oracle.into();
    if !inside() {
        panic!("{oracle} at {site}: {message}");
    }
    let goes_on = with_world(|w| {
        if !w.scheduler.is_unwinding() {
            let me = w.scheduler.current();
            // The message may lie in the memory of a program.
            w.fail_in(Who::Thread(me), oracle, site, message.as_str().to_owned());
        }
        w.scheduler.is_unwinding()
    });
    if !goes_on {
        as_harness(|| crate::stack::pause_for_ever());
    }
}

/// A section that only one thread at a time may be in: left when this is dropped. See [`exclusive`].
#[must_use = "the thread has left when this is dropped"]
pub struct Exclusive {
    what: &'static str,
    which: u64,
}

/// Enters a section that only one thread at a time may be in, such as the handling of connection `which`: breaks O15 at the site
/// `what` where another thread is in it. It never waits, as a lock would.
pub fn exclusive(what: &'static str, which: u64) -> Exclusive {
    if !inside() {
        return Exclusive { what, which };
    }
    let other = with_world(|w| {
        let me = w.scheduler.current();
        let before = w.run.enter_exclusive(what, which, me);
        let name = |thread: u32| w.scheduler[thread].shown().into_owned();
        before.filter(|&other| other != me).map(|other| (name(me), name(other)))
    });
    if let Some((me, other)) = other {
        fail(Oracle::Exclusion, what, format!("{me} enters {what} {which} while {other} is in it"));
    }
    Exclusive { what, which }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if inside() {
            with_world(|w| w.run.leave_exclusive(self.what, self.which));
        }
    }
}

/// A choice of the workload: a number from `low` to `high`, both included, drawn anew at each call and kept in replay files. Shrinking
/// goes towards `low`. Its key is the thread, `name`, and how often that thread has asked for `name`.
///
/// ```no_run
/// let length = eagain_sim::choose("length", 1, 3000);
/// ```
///
/// # Panics
///
/// Outside a run there are no choices.
pub fn choose(name: &'static str, low: u64, high: u64) -> u64 {
    with_world(|w| if w.scheduler.is_unwinding() { low } else { w.choose_workload(name, low, high) })
}

/// Prints a line. It is kept with its virtual time, and shown when the run fails. Outside a run it goes to standard output.
pub fn print(line: &str) {
    if !inside() {
        return println!("{line}");
    }
    with_world(|w| {
        let me = w.scheduler.current();
        w.print(me, line);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client says of a server it can say over Linux too.
    #[test]
    fn outside_a_run_what_holds_is_silent_and_what_does_not_is_a_panic() {
        always("echo", true, String::new);
        sometimes("three at once", false);
        feature("retries", 3);
        eventually("leader", false);
        assert_eq!(within(Duration::ZERO, "a reply", || 7), 7);
        drop(exclusive("connection", 1));
        let said = |panics: fn()| {
            let payload = std::panic::catch_unwind(panics).unwrap_err();
            payload.downcast_ref::<String>().cloned().unwrap_or_default()
        };
        assert_eq!(said(|| always("echo", false, || "two".into())), "always at echo: two");
        assert_eq!(said(|| fail("O2", "here", "one".into())), "byte integrity (O2) at here: one");
    }
}
