//! What was covered: which call came to what, on which object in which state, at once or after it had waited; and which of
//! that never occurred, or cannot.

use super::draw::Step;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What each call can come to, by the kind of its object.
const RESULTS: &[(&str, &str, &[&str])] = &[
    ("recv", "connection", &["bytes", "0", "EAGAIN", "EINTR", "EBADF", "ECONNRESET"]),
    ("recv", "unconnected", &["ENOTCONN"]),
    ("recv", "unix", &["bytes", "0", "EAGAIN", "EINTR"]),
    ("recv", "udp", &["bytes", "0", "EAGAIN", "EINTR", "ECONNREFUSED"]),
    ("read", "connection", &["bytes", "0", "EINTR"]),
    ("read", "counter", &["bytes", "EAGAIN", "EINTR", "EBADF", "EINVAL"]),
    ("read", "pipe", &["bytes", "0", "EAGAIN", "EINTR", "EBADF"]),
    ("read", "signalfd", &["bytes", "EINTR", "EINVAL"]),
    ("write", "connection", &["all", "EAGAIN", "EINTR", "EPIPE", "ECONNRESET"]),
    ("write", "pipe", &["all", "short", "EAGAIN", "EINTR", "EPIPE", "EBADF"]),
    ("write", "unix", &["all", "short", "EAGAIN", "EINTR", "EPIPE"]),
    ("write", "counter", &["all", "EAGAIN", "EINTR"]),
    ("accept4", "listener", &["ok", "EAGAIN", "EINTR", "EBADF", "EINVAL"]),
    (
        "connect",
        "unconnected",
        &["ok", "EINTR", "EISCONN", "EINPROGRESS", "EALREADY", "ECONNREFUSED", "ECONNRESET"],
    ),
    ("poll", "", &["ready", "0", "EINTR"]),
    ("select", "", &["ready", "0", "EINTR", "EBADF"]),
    ("epoll_wait", "set", &["ready", "0", "EINTR", "EINVAL"]),
    ("sigtimedwait", "signals", &["ok", "EAGAIN", "EINTR"]),
    ("flock", "file", &["ok", "EINTR"]),
    ("fcntl_setlkw", "file", &["ok", "EINTR", "EBADF"]),
    ("futex_wait", "word", &["ok", "ETIMEDOUT", "EINTR"]),
    ("ring recv", "", &["done", "nothing", "EBADF", "ECONNRESET", "ENOTCONN"]),
    ("ring recv all", "", &["done", "nothing"]),
    ("ring read", "", &["done", "nothing"]),
    ("ring accept", "", &["done", "nothing", "EINVAL"]),
    ("ring poll", "", &["done", "nothing", "EBADF"]),
    ("ring send", "", &["done", "nothing", "EPIPE"]),
    ("ring send all", "", &["done", "nothing", "EPIPE"]),
    ("ring write", "", &["done", "nothing", "EPIPE"]),
    ("aio read", "", &["bytes", "0", "EAGAIN", "EINTR", "ECONNRESET"]),
    ("aio write", "", &["all", "short", "EAGAIN", "EINTR", "EPIPE"]),
];

/// Cells that cannot occur: call, object, result, whether it waited, and why.
const NEVER: &[(&str, &str, &str, bool, &str)] = &[
    ("", "", "EINTR", false, "only a wait is interrupted"),
    (
        "",
        "",
        "nothing",
        false,
        "`enter` returns without a completion only when its wait times out or is interrupted",
    ),
    ("poll", "", "0", false, "no timeout is zero"),
    ("select", "", "0", false, "no timeout is zero"),
    ("epoll_wait", "", "0", false, "no timeout is zero"),
    ("sigtimedwait", "", "EAGAIN", false, "no timeout is zero"),
    (
        "connect",
        "unconnected",
        "ECONNRESET",
        false,
        "only a connect that waits returns an error when shutdown ends it",
    ),
    ("futex_wait", "", "ok", false, "nobody changes the word"),
    ("futex_wait", "", "ETIMEDOUT", false, "no timeout is zero"),
    ("fcntl_setlkw", "file", "EBADF", false, "a closed descriptor belongs to no object"),
    ("epoll_wait", "", "EINVAL", true, "arguments are checked before the wait"),
    ("read", "", "EINVAL", true, "arguments are checked before the wait"),
    (
        "recv",
        "unconnected",
        "ENOTCONN",
        true,
        "checked before the wait; a connection that ended meanwhile reports its end",
    ),
    ("ring recv", "", "ENOTCONN", true, "checked before the wait"),
    ("ring recv", "", "EBADF", true, "the descriptor is looked up at submission"),
    ("ring poll", "", "EBADF", true, "the descriptor is looked up at submission"),
    ("recv", "connection", "EBADF", false, "a closed descriptor belongs to no object"),
    ("accept4", "listener", "EBADF", false, "a closed descriptor belongs to no object"),
    ("read", "counter", "EBADF", false, "a closed descriptor belongs to no object"),
    ("select", "", "EBADF", true, "a descriptor that is closed meanwhile is reported ready"),
    ("connect", "unconnected", "EISCONN", true, "a connect that waits returns 0 once connected"),
];

/// Where a call was: it, its object and what poll said of that, its flags, what it came to, whether it waited.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub call: &'static str,
    pub object: &'static str,
    pub flags: String,
    pub state: String,
    pub result: String,
    pub waited: bool,
}

/// The name of a call that may wait, and its flags.
pub(super) fn named(step: Step) -> (&'static str, String) {
    match step {
        Step::Recv(_, len, flags) => {
            ("recv", format!("{flags:?}{}", if len == 0 { " of nothing" } else { "" }))
        }
        Step::Read(..) => ("read", String::new()),
        Step::Write(..) | Step::Add(..) => ("write", String::new()),
        Step::Accept(..) => ("accept4", String::new()),
        Step::Connect(_) => ("connect", String::new()),
        Step::Poll(_, events, timed) => ("poll", format!("{events:?}{}", until(timed))),
        Step::Select(_, timed) => ("select", until(timed).to_owned()),
        Step::Wait(_, most, timed) => ("epoll_wait", format!("{most}{}", until(timed))),
        Step::SigWait(_, timed) => ("sigtimedwait", until(timed).to_owned()),
        Step::Flock(_, lock) => ("flock", format!("{lock:?}")),
        Step::SetLock(_, lock) => ("fcntl_setlkw", format!("{:?} {:?}", lock.owner, lock.kind)),
        Step::Futex(_, timed) => ("futex_wait", until(timed).to_owned()),
        Step::Ring(op, _, _, timed) => (op.name(), until(timed).to_owned()),
        Step::Aio(reads, _, _, timed) => {
            (if reads { "aio read" } else { "aio write" }, until(timed).to_owned())
        }
        _ => ("", String::new()),
    }
}

fn until(timed: bool) -> &'static str {
    if timed { " timed" } else { "" }
}

/// How often each cell occurred.
#[derive(Default)]
pub(super) struct Table(BTreeMap<Cell, u64>);

impl Table {
    pub(super) fn note(&mut self, cell: Cell) {
        *self.0.entry(cell).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: Table) {
        for (cell, count) in other.0 {
            *self.0.entry(cell).or_default() += count;
        }
    }

    /// What occurred although there is a reason why it cannot.
    pub(super) fn impossible(&self) -> Vec<String> {
        let cells = self.0.keys().filter_map(|cell| {
            let why = reason(cell.call, cell.object, &cell.result, cell.waited)?;
            let when = if cell.waited { "waited" } else { "at once" };
            Some(format!("{} {} {} {when}: {why}", cell.call, cell.object, cell.result))
        });
        cells.collect()
    }

    /// What never occurred, and with a reason what cannot.
    pub(super) fn empty(&self) -> (Vec<String>, BTreeSet<String>) {
        let (mut empty, mut never) = (Vec::new(), BTreeSet::new());
        for &(call, object, results) in RESULTS {
            for (result, waited) in results.iter().flat_map(|&result| [(result, false), (result, true)]) {
                let is = |cell: &Cell| {
                    (cell.call, cell.result.as_str(), cell.waited) == (call, result, waited)
                        && (object.is_empty() || cell.object == object)
                };
                if self.0.keys().any(is) {
                    continue;
                }
                let when = if waited { "waited" } else { "at once" };
                match reason(call, object, result, waited) {
                    Some(why) => _ = never.insert(format!("{result} {when}: {why}")),
                    None => empty.push(format!("{call} {object} {result} {when}")),
                }
            }
        }
        (empty, never)
    }
}

/// Why a cell cannot occur.
fn reason(call: &str, object: &str, result: &str, waited: bool) -> Option<&'static str> {
    let is = |mean: &str, what: &str| mean.is_empty() || mean == what;
    let never = NEVER
        .iter()
        .find(|&&(of, on, what, when, _)| is(of, call) && is(on, object) && (what, when) == (result, waited));
    never.map(|&(.., why)| why)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, texts: [&str; 5], once: &str, waited: &str| {
            let [call, object, flags, state, result] = texts;
            writeln!(f, "{call:<14}{object:<12}{flags:<40}{state:<24}{result:<14}{once:>10}{waited:>10}")
        };
        row(f, ["call", "object", "flags", "state", "result"], "at once", "waited")?;
        let mut rows: BTreeMap<[&str; 5], [u64; 2]> = BTreeMap::new();
        for (cell, count) in &self.0 {
            let Cell { call, object, flags, state, result, waited } = cell;
            rows.entry([call, object, flags, state, result]).or_default()[usize::from(*waited)] += count;
        }
        for (texts, [once, waited]) in rows {
            row(f, texts, &once.to_string(), &waited.to_string())?;
        }
        let (empty, never) = self.empty();
        for why in never {
            writeln!(f, "cannot be: {why}")?;
        }
        for cell in self.impossible() {
            writeln!(f, "cannot be, and was: {cell}")?;
        }
        write!(f, "empty: {}", if empty.is_empty() { "none".to_owned() } else { empty.join(", ") })
    }
}
