//! What was covered: which call came to what, at once or after it had waited, and which of that never occurred.

use std::collections::BTreeMap;
use std::fmt;

/// What each call can come to. An error of the number itself comes at once only, or when a handler made the call begin anew.
const CELLS: &[(&str, &[&str])] = &[
    ("recv", &["bytes", "0", "EAGAIN", "EINTR", "EBADF", "ECONNRESET", "ENOTCONN"]),
    ("read", &["bytes", "0", "EAGAIN", "EINTR", "EBADF", "EINVAL"]),
    ("accept4", &["ok", "EAGAIN", "EINTR", "EBADF", "EINVAL"]),
    (
        "connect",
        &["ok", "EINTR", "EBADF", "EISCONN", "EINPROGRESS", "EALREADY", "ECONNREFUSED", "ECONNRESET"],
    ),
    ("poll", &["ready", "0", "EINTR"]),
    ("select", &["ready", "0", "EINTR", "EBADF"]),
    ("epoll_wait", &["ready", "0", "EINTR", "EBADF", "EINVAL"]),
];

/// How often each cell occurred: the call, its flags, its result, and whether it waited.
#[derive(Default)]
pub(super) struct Table(BTreeMap<(&'static str, String, String, bool), u64>);

impl Table {
    pub(super) fn note(&mut self, call: &'static str, flags: String, result: String, waited: bool) {
        *self.0.entry((call, flags, result, waited)).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: Table) {
        for (cell, count) in other.0 {
            *self.0.entry(cell).or_default() += count;
        }
    }

    fn count(&self, call: &str, result: &str, waited: bool) -> u64 {
        let of = |(at, _, came, when): &(&str, String, String, bool)| {
            (*at, came.as_str(), *when) == (call, result, waited)
        };
        self.0.iter().filter(|(cell, _)| of(cell)).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12}{:<34}{:<14}{:>10}{:>10}", "call", "flags", "result", "at once", "waited")?;
        let mut rows: BTreeMap<_, [u64; 2]> = BTreeMap::new();
        for ((call, flags, result, waited), count) in &self.0 {
            rows.entry((call, flags, result)).or_default()[usize::from(*waited)] += count;
        }
        for ((call, flags, result), [once, waited]) in rows {
            writeln!(f, "{call:<12}{flags:<34}{result:<14}{once:>10}{waited:>10}")?;
        }
        let mut empty = Vec::new();
        for (call, results) in CELLS {
            for result in *results {
                for (waited, when) in [(false, "at once"), (true, "waited")] {
                    if self.count(call, result, waited) == 0 {
                        empty.push(format!("{call} {result} {when}"));
                    }
                }
            }
        }
        write!(f, "empty: {}", if empty.is_empty() { "none".to_owned() } else { empty.join(", ") })
    }
}
