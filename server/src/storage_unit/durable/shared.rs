//! What the image's side and the writer's thread share.

use crate::observe::{Level, Log};
use crate::storage_unit::Databases;
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::{Instant, Threads};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Where a rewrite stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// There is none.
    #[default]
    None,
    /// The writer has to open the new place.
    Begun,
    /// Keys are being shown.
    Running,
    /// All keys are shown; the writer has to write and sync them. What is committed belongs to both places.
    Shown,
    /// Nearly all of the new place is safe; the writer has to take the last of it, and put the new place in the old one's.
    Synced,
    /// The writer has taken the last of it: what is committed from now on goes to whichever place is the log then.
    Finishing,
    /// It came to nothing; the image's side has to hear of it.
    Abandoned,
}

impl Rewrite {
    /// Whether the writer has to go on.
    pub fn is_the_writers(self) -> bool {
        matches!(self, Rewrite::Shown | Rewrite::Synced)
    }

    /// Whether what is committed now has to go to the new place as well.
    pub fn copies(self) -> bool {
        matches!(self, Rewrite::Begun | Rewrite::Running | Rewrite::Shown | Rewrite::Synced)
    }
}

/// Why writes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// For clients and operators.
    pub text: String,
    /// It may end by itself.
    pub may_end: bool,
}

/// Under the lock.
#[derive(Default)]
pub(super) struct State {
    /// Operations that the writer has not taken; behind the backend's reserved bytes, or nothing at all.
    pub batch: Vec<u8>,
    /// The last ticket; all before it are in `batch`, with the writer, or done.
    pub ticket: u64,
    /// Tickets up to here are as safe as the policy makes them, or are among the failures.
    pub done: u64,
    /// Ranges of tickets that came to nothing, the latest ones.
    failures: VecDeque<(u64, u64)>,
    /// Up to here nobody remembers which tickets came to nothing.
    forgotten_to: u64,
    /// Operations for the new place of a rewrite.
    pub copy: Vec<u8>,
    pub rewrite: Rewrite,
    pub trouble: Option<Trouble>,
    /// The image is about to be replaced by what is safe.
    pub reloading: bool,
    /// What is safe.
    pub image: Option<Databases>,
    /// What is safe could not be read back, for this reason.
    pub unreadable: Option<String>,
    /// Something is appended that is to be synced, since then.
    pub dirty_since: Option<Instant>,
    pub closing: bool,
    /// Bytes on the disk, and after the last rewrite.
    pub size: u64,
    pub size_after_rewrite: u64,
    /// Wakes the loop that waits for tickets.
    pub ring: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// Ranges of failed tickets that are remembered. For a ticket before that the answer is that it failed, which says
/// that its outcome is unknown.
const FAILURES_MAX: usize = 64;

impl State {
    /// What is not done has come to nothing.
    pub fn fail_pending(&mut self) {
        match self.failures.back_mut() {
            Some((_, to)) if *to == self.done => *to = self.ticket,
            _ => {
                if self.failures.len() == FAILURES_MAX {
                    self.forgotten_to = self.failures.pop_front().map_or(0, |(_, to)| to);
                }
                self.failures.push_back((self.done + 1, self.ticket));
            }
        }
        self.done = self.ticket;
        self.reloading = false;
    }

    /// Whether a ticket came to nothing.
    pub fn has_failed(&self, ticket: u64) -> bool {
        ticket <= self.forgotten_to || self.failures.iter().any(|(from, to)| (from..=to).contains(&&ticket))
    }
}

/// Both sides hold this.
pub(super) struct Shared<K: Threads> {
    pub kernel: K,
    log: Log,
    pub state: Mutex<K, State>,
    /// There is something for the writer.
    pub work: Condvar<K>,
    /// `done` has moved, or there is an image.
    pub progress: Condvar<K>,
    /// Nothing waits and nothing is to be heard: a commit without effects has nothing to do.
    quiet: AtomicBool,
    /// More waits for the disk than should.
    behind: AtomicBool,
}

impl<K: Threads> Shared<K> {
    pub fn new(kernel: K, size: u64, log: Log) -> Self {
        Shared {
            kernel,
            log,
            state: Mutex::new(kernel, State { size, size_after_rewrite: size, ..State::default() }),
            work: Condvar::new(kernel),
            progress: Condvar::new(kernel),
            quiet: AtomicBool::new(true),
            behind: AtomicBool::new(false),
        }
    }

    /// Writes are refused from now on, or no more; the log says so.
    pub fn set_trouble(&self, state: &mut State, trouble: Option<Trouble>) {
        let is_news = trouble != state.trouble;
        state.trouble = trouble;
        if is_news {
            let text = state.trouble.as_ref().map(|trouble| trouble.text.trim_start_matches("MISCONF "));
            let level = if text.is_some() { Level::Warning } else { Level::Notice };
            self.log.line(level, || text.unwrap_or("the disk has room again: writes are taken"));
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet.load(SeqCst)
    }

    pub fn is_behind(&self) -> bool {
        self.behind.load(SeqCst)
    }

    /// Brings the two hints up to date. To be called by whoever has changed the state, before unlocking.
    pub fn note(&self, state: &State, backlog_max: usize) {
        let quiet = state.ticket == state.done
            && state.trouble.is_none()
            && state.image.is_none()
            && state.unreadable.is_none()
            && state.rewrite == Rewrite::None;
        self.quiet.store(quiet, SeqCst);
        self.behind.store(state.batch.len() > backlog_max, SeqCst);
    }

    /// Waits until there is something to be heard about a ticket.
    pub fn wait(&self, ticket: u64) {
        let mut state = self.state.lock();
        while state.done < ticket && state.image.is_none() && state.unreadable.is_none() {
            state = self.progress.wait(state);
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/unit/shared.rs"]
mod tests;
