//! What the server remembers of one client between its requests. It travels with the connection: whoever executes
//! the client's requests has it, and nobody else does at that time.

use crate::request_queue::RequestBatch;
use crate::resp::Protocol;
use crate::storage_unit::SmallBytes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether replies are sent (`CLIENT REPLY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    #[default]
    On,
    /// They are not.
    Off,
    /// The next one is not. This one neither, which asked for it.
    SkipNext,
    /// This one is not.
    Skip,
}

/// Requests between `MULTI` and `EXEC`.
#[derive(Debug, Default)]
pub struct Transaction {
    /// What was queued.
    pub requests: RequestBatch,
    /// A request was refused when it was to be queued, so that `EXEC` will be refused.
    pub is_broken: bool,
}

/// A key that must not change before `EXEC`.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Its database.
    pub database: usize,
    /// The key.
    pub key: SmallBytes,
    /// What its version was.
    pub version: u64,
}

/// What a client says of itself; most say nothing.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// What it calls itself.
    pub name: Vec<u8>,
    /// The library that it says it uses.
    pub library_name: Vec<u8>,
    /// And that library's version.
    pub library_version: Vec<u8>,
}

/// Of those who say nothing.
static NO_PROFILE: Profile =
    Profile { name: Vec::new(), library_name: Vec::new(), library_version: Vec::new() };

impl Profile {
    /// That of a client which has said something, or the empty one.
    pub(super) fn of(profile: &Option<Arc<Profile>>) -> &Profile {
        profile.as_deref().unwrap_or(&NO_PROFILE)
    }
}

/// Where a client is, so that its loop finds it: the loop's number, and the loop's own name for the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The loop's number.
    pub at_loop: usize,
    /// What the loop calls the client.
    pub token: u64,
}

/// What a client listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Channels.
    pub channels: BTreeSet<Vec<u8>>,
    /// Patterns of channels.
    pub patterns: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    /// How many.
    pub fn len(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One client.
#[derive(Debug)]
pub struct Session {
    /// Its number; no other client of this server ever has the same.
    pub id: u64,
    /// Where the directory keeps it.
    pub(super) slot: usize,
    /// The dialect of its replies.
    pub protocol: Protocol,
    /// The number of its database.
    pub database: usize,
    /// What it says of itself, shared with the directory.
    pub(super) profile: Option<Arc<Profile>>,
    /// It has said the password, or there is none.
    pub authenticated: bool,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// It is between `MULTI` and `EXEC`.
    pub transaction: Option<Box<Transaction>>,
    /// Keys that it watches; there from when it first does.
    pub watches: Option<Box<Vec<Watch>>>,
    /// It asked not to be evicted.
    pub no_evict: bool,
    /// Where its loop finds it.
    pub place: Place,
    /// What it listens to; never empty.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// A command of it waits, until its reply is delivered.
    pub waits: bool,
    /// The command that it used last.
    pub last_command: &'static &'static str,
    /// When it last sent a request (Unix milliseconds).
    pub active_ms: u64,
    /// Its name or its library has changed since the directory was updated.
    pub(super) profile_changed: bool,
}

impl Session {
    pub(super) fn new(id: u64, slot: usize, authenticated: bool, now_ms: u64) -> Self {
        Session {
            id,
            slot,
            protocol: Protocol::default(),
            database: 0,
            profile: None,
            authenticated,
            reply_mode: ReplyMode::On,
            transaction: None,
            watches: None,
            no_evict: false,
            place: Place::default(),
            subscriptions: None,
            waits: false,
            last_command: &"NULL",
            active_ms: now_ms,
            profile_changed: false,
        }
    }

    /// What it says of itself.
    pub fn profile(&self) -> &Profile {
        Profile::of(&self.profile)
    }

    /// To change what it says of itself; the directory is updated after the turn.
    pub(super) fn profile_mut(&mut self) -> &mut Profile {
        self.profile_changed = true;
        Arc::make_mut(self.profile.get_or_insert_default())
    }

    /// How many requests wait for `EXEC`; -1 outside of a transaction.
    pub fn queued(&self) -> i64 {
        self.transaction.as_ref().map_or(-1, |transaction| transaction.requests.len() as i64)
    }
}
