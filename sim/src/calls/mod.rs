//! One table of everything that an event can be: a row a system call, with its arguments, what it costs, whether it waits
//! and how a signal ends that, and whether a signal handler may make it; a row a kind of event that is no call (those of
//! faults are rows of `crate::fault`). The trace's
//! forms, the lines that say what a thread waits in, the syscall entry (`crate::kernel`) and its signal-safety oracle read it.
//!
//! A new system call is a row of [`table`], its method in `crate::kernel`, and what it does in `crate::syscall`.

pub(crate) mod argument;
mod names;
mod table;

pub use argument::{Arg, FlagSet, Names, Resolve};
pub(crate) use names::{EPOLL_EVENTS, POLL_EVENTS, SELECT_SETS, put_option_value};
pub use table::Kind;

use crate::fault::Family;

/// What the table says about a kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number, which goes into the hash of a run: calls are below 1000.
    pub number: u16,
    /// Its name in a trace. A call has the name of its system call; another event that of its cause.
    pub name: &'static str,
    /// What its words mean, in order. Words beyond these are not shown.
    pub args: &'static [Arg],
    /// What the result of a call means, where it is no errno.
    pub result: &'static Arg,
    /// Nanoseconds of virtual time that the call takes, waiting aside. Every call takes some, so that no busy wait lasts
    /// for ever; the values are of the order of Linux's on current machines.
    pub cost: u32,
    /// Whether the call waits, and how a signal ends the wait.
    pub wait: Wait,
    /// Whether a signal handler may make the call (`signal-safety(7)`): it neither waits for another thread nor uses what
    /// the interrupted code may have been in the middle of.
    pub signal_safe: bool,
}

/// Whether a call waits, and what it does when a signal whose handler ran has ended the wait (`signal(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// It returns at once.
    Never,
    /// It waits again where every handler had `SA_RESTART`, unless the wait has an end of its own (`SO_RCVTIMEO`) or the
    /// call has moved something already.
    Restarts,
    /// As `Restarts` where the call has no timeout; else `EINTR`.
    RestartsWithoutTimeout,
    /// `EINTR`, whatever `SA_RESTART` says.
    Interrupted,
}

/// Codes of faults begin here.
const FAULTS: u64 = 1 << 16;

impl Kind {
    /// Its number in the hash of a run.
    #[inline]
    pub const fn number(self) -> u16 {
        self.row().number
    }

    /// A number that no other kind has, to send to another process of the same build: families may share a `number`.
    pub const fn code(self) -> u64 {
        match self {
            Kind::Fault(family) => FAULTS | family as u64,
            _ => self.number() as u64,
        }
    }

    /// The kind that has this [`Kind::code`].
    pub fn from_code(code: u64) -> Option<Kind> {
        match code.checked_sub(FAULTS) {
            Some(family) => Family::ALL.get(usize::try_from(family).ok()?).map(|&family| Kind::Fault(family)),
            None => Kind::ALL.iter().copied().find(|kind| kind.code() == code),
        }
    }

    /// Its name in a trace.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What its words mean.
    pub const fn args(self) -> &'static [Arg] {
        self.row().args
    }

    /// Whether it is a system call.
    #[inline]
    pub const fn is_call(self) -> bool {
        self.number() < 1000
    }

    /// Whether it is a fault.
    #[inline]
    pub const fn is_fault(self) -> bool {
        matches!(self, Kind::Fault(_))
    }

    /// Whether a signal ends a wait of this call although no handler ran, as a stop does that is over (`signal(7)`). `timed`: it had
    /// a timeout.
    pub(crate) fn ends_without_handler(self, timed: bool) -> bool {
        match self.row().wait {
            Wait::Never | Wait::RestartsWithoutTimeout => false,
            Wait::Interrupted => matches!(self, Kind::EpollWait | Kind::Sigtimedwait | Kind::RingEnter),
            Wait::Restarts => timed,
        }
    }

    /// Whether a call with these words waits again after signals whose handlers all had `SA_RESTART`.
    pub(crate) fn restarts(self, words: &[u64; 4]) -> bool {
        match self.row().wait {
            Wait::Never | Wait::Interrupted => false,
            Wait::Restarts => true,
            Wait::RestartsWithoutTimeout => !self
                .args()
                .iter()
                .zip(words)
                .any(|(arg, &word)| matches!(arg, Arg::Timeout) && word != u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_number_and_every_name_of_a_call_is_there_once() {
        let numbers: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers.len(), Kind::ALL.len());
        let calls: Vec<_> = Kind::ALL.iter().filter(|kind| kind.is_call()).collect();
        let names: BTreeSet<&str> = calls.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), calls.len());
    }

    /// The numbers go into every hash. These families had one number from the beginning, and keep it so that the hashes of their
    /// runs stay. No other two may be alike: which of them happened would not be in the hash.
    const ALIKE: [(u16, &[&str]); 1] = [(2012, &["disk-full", "slow-sync", "sync-fails", "torn"])];

    #[test]
    fn events_of_different_names_have_different_numbers() {
        let faults = Family::ALL.iter().map(|&family| Kind::Fault(family));
        let mut names: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
        for kind in Kind::ALL.iter().copied().chain(faults) {
            names.entry(kind.number()).or_default().insert(kind.name());
        }
        names.retain(|_, names| names.len() > 1);
        assert_eq!(names, ALIKE.map(|(number, names)| (number, names.iter().copied().collect())).into());
    }

    #[test]
    fn a_code_is_of_one_kind() {
        let faults = Family::ALL.iter().map(|&family| Kind::Fault(family));
        for kind in Kind::ALL.iter().copied().chain(faults) {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::from_code(u64::MAX), None);
    }

    #[test]
    fn a_wait_restarts_as_its_row_says() {
        let forever = [0, 0, u64::MAX, 0];
        let second = [0, 0, 1_000_000_000, 0];
        assert!(Kind::Recv.restarts(&second));
        assert!(!Kind::EpollWait.restarts(&forever));
        assert!(Kind::FutexWait.restarts(&forever) && !Kind::FutexWait.restarts(&second));
    }
}
