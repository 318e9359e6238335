//! The oracles by name: what each says must hold, as reports, JSON and `docs/ORACLES.md` write it.

use std::fmt;

/// Who checks an oracle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watcher {
    /// The simulated kernel, without being asked.
    Kernel,
    /// The scenario, from what its clients saw.
    Scenario,
}

macro_rules! oracles {
    ($($variant:ident = $code:literal, $name:literal, $watcher:ident, $text:literal;)*) => {
        /// What must hold: one of the table, or a scenario's own.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Oracle {
            $(#[doc = $text] $variant,)*
            /// One of a scenario's own, by its name. [`Oracle::of`] makes it, and only of a name that is not in the table.
            Own(&'static str),
        }

        impl Oracle {
            /// Those of the table, in its order.
            pub const ALL: &[Oracle] = &[$(Oracle::$variant),*];

            /// Its code, for scripts: `O6`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Oracle::$variant => $code,)*
                    Oracle::Own(name) => name,
                }
            }

            /// Its name, for people: `liveness`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Oracle::$variant => $name,)*
                    Oracle::Own(name) => name,
                }
            }

            /// What must hold, in a sentence; empty for a scenario's own.
            pub fn text(self) -> &'static str {
                match self {
                    $(Oracle::$variant => $text,)*
                    Oracle::Own(_) => "",
                }
            }

            /// Who checks it.
            pub fn watcher(self) -> Watcher {
                match self {
                    $(Oracle::$variant => Watcher::$watcher,)*
                    Oracle::Own(_) => Watcher::Scenario,
                }
            }
        }
    };
}

oracles! {
    ReplyPairing = "O1", "reply pairing", Scenario,
        "every request gets one reply, the right one, in order; what is not idempotent takes effect at most once";
    ByteIntegrity = "O2", "byte integrity", Scenario,
        "what arrives is what was sent: nothing lost, repeated or changed";
    NoBusyLoop = "O3", "no busy loop", Kernel,
        "the calls of a thread, and of a process, achieve something; locks are not taken and released without end";
    BoundedMemory = "O4", "bounded memory", Kernel,
        "what a process has allocated and its sockets hold stays below a limit";
    NoDescriptorLeak = "O5", "no descriptor leak", Scenario,
        "the number of open descriptors is back at its baseline after peers have gone";
    Liveness = "O6", "liveness", Kernel,
        "what was begun ends: no deadlock, each client achieves something again once faults have stopped, every run ends";
    Isolation = "O7", "isolation", Scenario,
        "what belongs to one connection never reaches another";
    Durability = "O8", "durability", Scenario,
        "what was acknowledged survives a crash";
    Recovery = "O9", "recovery", Scenario,
        "what is recovered is a prefix of what happened, and recovery succeeds";
    AcceptLiveness = "O10", "accept liveness", Scenario,
        "after errors of accept have ended, new connections are served";
    Timers = "O11", "timers", Scenario,
        "a timer does not fire early, nor after it was cancelled, nor much too late";
    CompletionDiscipline = "O12", "completion discipline", Scenario,
        "a submission has one terminal completion, and its buffers are untouched until then";
    Fairness = "O13", "fairness", Scenario,
        "a ready connection waits for its turn no longer than a bound";
    Shutdown = "O14", "shutdown", Scenario,
        "a stop ends the process within a bound";
    Exclusion = "O15", "exclusion", Scenario,
        "at most one worker handles a connection at a time";
    Survival = "O16", "survival", Kernel,
        "no peer and no signal ends the process, and no thread panics";
    SignalSafety = "signal-safety", "signal safety", Kernel,
        "a signal handler makes async-signal-safe calls only, and takes no lock, queue or condition variable";
    Always = "always", "always", Scenario,
        "what a scenario says with `always` holds each time";
    Assertion = "assert", "assertion", Scenario,
        "the body of a scenario does not panic";
}

impl Oracle {
    /// The oracle of the table with this code, else one of the scenario's own.
    ///
    /// # Panics
    /// Where `code` is `O` and a number that the table does not have; in a constant that is a compile error.
    #[track_caller]
    pub const fn of(code: &'static str) -> Oracle {
        let mut at = 0;
        while at < Oracle::ALL.len() {
            if same(Oracle::ALL[at].code(), code) {
                return Oracle::ALL[at];
            }
            at += 1;
        }
        assert!(
            !is_numbered(code),
            "no oracle has this code: see docs/ORACLES.md, or choose a name that is not `O` and a number"
        );
        Oracle::Own(code)
    }
}

/// `==` of two texts, for constants.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Whether a code has the form of the table's: `O` and a number.
const fn is_numbered(code: &str) -> bool {
    matches!(code.as_bytes(), [b'O' | b'o', first, ..] if first.is_ascii_digit())
}

impl From<&'static str> for Oracle {
    /// As [`Oracle::of`].
    #[track_caller]
    fn from(code: &'static str) -> Oracle {
        Oracle::of(code)
    }
}

/// By code.
impl PartialEq<str> for Oracle {
    fn eq(&self, code: &str) -> bool {
        self.code() == code
    }
}

/// By code.
impl PartialEq<&str> for Oracle {
    fn eq(&self, code: &&str) -> bool {
        self.code() == *code
    }
}

/// For people: `liveness (O6)`.
impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.code()) {
            (name, code) if name == code => f.write_str(name),
            (name, code) => write!(f, "{name} ({code})"),
        }
    }
}

/// What broke, in a line: `liveness (O6) at deadlock`, `panic in server/0 at src/main.rs:12 (O16)`. A panic is said to be one, not
/// that an oracle found it. `oracle` and `name` are the code and the name of one; `thread` may be empty.
pub(crate) fn headline(oracle: &str, name: &str, site: &str, thread: &str) -> String {
    let is_place = site.rsplit_once(':').is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    if is_place && oracle == Oracle::Survival.code() {
        let whose = if thread.is_empty() { String::new() } else { format!(" in {thread}") };
        return format!("panic{whose} at {site} ({oracle})");
    }
    if is_place && oracle == Oracle::Assertion.code() {
        return format!("panic in the scenario's body at {site}");
    }
    if name == oracle { format!("{name} at {site}") } else { format!("{name} ({oracle}) at {site}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oracle_is_found_by_its_code_and_any_other_name_is_a_scenarios_own() {
        for &oracle in Oracle::ALL {
            assert_eq!(Oracle::from(oracle.code()), oracle);
        }
        let own = Oracle::from("my-own");
        assert_eq!((own, own.to_string().as_str()), (Oracle::Own("my-own"), "my-own"));
        assert_eq!(Oracle::from("O6").to_string(), "liveness (O6)");
        assert!(Oracle::Liveness == "O6" && Oracle::Liveness != "O1");
    }

    #[test]
    #[should_panic(expected = "no oracle has this code")]
    fn a_code_of_the_tables_form_that_it_does_not_have_is_a_mistake() {
        Oracle::of("O17");
    }

    #[test]
    fn a_panic_is_said_to_be_one() {
        let survival = |site, thread| headline("O16", "survival", site, thread);
        assert_eq!(survival("src/main.rs:12", "user/0"), "panic in user/0 at src/main.rs:12 (O16)");
        assert_eq!(survival("src/main.rs:12", ""), "panic at src/main.rs:12 (O16)");
        assert_eq!(survival("exit", "user"), "survival (O16) at exit");
        assert_eq!(headline("assert", "assertion", "a.rs:1", ""), "panic in the scenario's body at a.rs:1");
        assert_eq!(headline("O6", "liveness", "deadlock", ""), "liveness (O6) at deadlock");
        assert_eq!(headline("mine", "mine", "a.rs:1", "x"), "mine at a.rs:1");
    }

    #[test]
    fn the_page_has_a_row_for_each_oracle() {
        let page = include_str!("../../docs/ORACLES.md");
        for oracle in Oracle::ALL {
            let watcher = if oracle.watcher() == Watcher::Kernel { "kernel" } else { "scenario" };
            let row = format!("| {} | {} | {} | {watcher} |", oracle.code(), oracle.name(), oracle.text());
            assert!(page.contains(&row), "docs/ORACLES.md lacks the row\n{row}");
        }
    }
}
