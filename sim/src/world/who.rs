//! Whom a failure concerns, by a name that stays while other work is dropped: shrinking and replaying compare it.

use super::World;
use crate::Oracle;

/// Whom a failure concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// None in particular.
    Nobody,
    Thread(u32),
    Process(u32),
}

impl World {
    /// The first oracle that breaks ends the run.
    pub fn fail_in(&mut self, who: Who, oracle: Oracle, site: &str, message: String) {
        if !self.run.failed() {
            let role = self.role_of(who);
            self.run.fail_in(role, oracle, site, message);
        }
    }

    /// A process without the number of its start, as `server`; its first thread, as `server/0`; another thread by the name that
    /// it was given, as `server/worker`, or by who made it, as `server/0.*`. How many threads were made before it is no part
    /// of that, nor a number in the name that it was given: a server that makes one for each connection makes fewer where a client
    /// is left out.
    pub fn role_of(&self, who: Who) -> String {
        let (process, thread) = match who {
            Who::Nobody => return String::new(),
            Who::Process(process) => (process, None),
            Who::Thread(thread) => (self.scheduler[thread].process(), Some(&self.scheduler[thread])),
        };
        let process = self.processes[process].lifecycle.initial_name();
        let Some(thread) = thread else { return process.to_owned() };
        if !thread.given().is_empty() {
            return format!("{process}/{}", without_numbers(&thread.given_word()));
        }
        // The parts of the path, which begins with the 0 of the first thread.
        let path = thread.name().rsplit_once('/').map_or("", |(_, path)| path);
        format!("{process}/0{}", ".*".repeat(path.matches('.').count()))
    }
}

/// `conn-12` as `conn-*`.
fn without_numbers(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter.is_ascii_digit() {
            false => text.push(letter),
            true if text.ends_with('*') => {}
            true => text.push('*'),
        }
    }
    text
}
