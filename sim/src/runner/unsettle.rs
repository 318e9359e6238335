//! In what the second process of `check` differs from the first, besides addresses and the heap.

use crate::stack::machine::{self, CLOCK, PROCESSORS};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Something that a run must not depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Differs {
    /// More variables, and other values of common ones; so also the addresses of all that lies below them on the stack.
    Variables,
    /// The working directory.
    Folder,
    /// The time zone and the language.
    Zone,
    /// The time of the day and the date.
    Clock,
    /// How many processors there are.
    Processors,
}

impl Differs {
    /// All of them.
    pub const ALL: [Differs; 5] =
        [Differs::Clock, Differs::Folder, Differs::Zone, Differs::Processors, Differs::Variables];

    /// What a run depends on that is the same where this is.
    pub fn cause(self) -> &'static str {
        match self {
            Differs::Variables => "an environment variable",
            Differs::Folder => "the working directory",
            Differs::Zone => "the time zone or the language (`TZ`, `LANG`)",
            Differs::Clock => "the time of day or the date, such as `SystemTime::now`",
            Differs::Processors => "the number of processors, such as `available_parallelism`",
        }
    }

    fn apply(self, command: &mut Command) {
        match self {
            Differs::Variables => {
                for number in 0..37_usize {
                    command.env(format!("EAGAIN_UNSETTLED_{number}"), "x".repeat(number * 97));
                }
                for name in ["HOME", "USER", "LOGNAME", "HOSTNAME", "TERM", "PWD"] {
                    command.env(name, "/unsettled");
                }
            }
            Differs::Folder => drop(command.current_dir(std::env::temp_dir())),
            Differs::Zone => {
                command.env("TZ", "Pacific/Chatham").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "C");
            }
            // Another hour, minute and second, day and day of the week, month and year.
            Differs::Clock => drop(command.env(CLOCK, "47550917")),
            Differs::Processors => drop(command.env(PROCESSORS, "1")),
        }
    }
}

/// Another environment for `command`, in all but what is `kept`.
pub fn unsettle(command: &mut Command, kept: Option<Differs>) {
    for differs in Differs::ALL {
        if Some(differs) != kept {
            differs.apply(command);
        }
    }
}

/// What the process that was started so does first: the rest of it, and blocks of many sizes are left behind, so that nothing that
/// follows lies where it would have.
pub fn unsettle_this_process() {
    machine::unsettle();
    for size in (1..4096_usize).step_by(61) {
        let block = vec![size as u8; size * 3];
        if size % 2 == 1 {
            // Kept on purpose: the process is short.
            Box::leak(block.into_boxed_slice());
        }
    }
}

/// What comes before the other process: where its clock cannot be moved, it has to begin in another second.
pub fn await_another_clock() {
    if !machine::MOVES_CLOCK {
        another_second();
    }
}

/// Waits until the machine's clock shows another second: so it is seen where a run depends on the time of day, also if it takes whole
/// seconds only.
pub fn another_second() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(1).saturating_sub(Duration::from_nanos(since.subsec_nanos().into()));
    std::thread::sleep(left + Duration::from_millis(1));
}
