//! A storage whose data outlive the process: an image in memory that commands work on, and a [`Backend`] behind it
//! that keeps every change.
//!
//! ```text
//!   commands ──► image ──effects──► batch ──► writer thread: append, sync ──► done up to ticket n ──► replies leave
//!                  ▲                                │ a call failed
//!                  └──────── image of what is safe ◄┘
//! ```
//!
//! [`Durable::commit`] turns effects into operations, adds them to the batch under way, and gives a ticket. The
//! `writer` takes the whole batch, whoever contributed to it: that is the group commit, and the slower the disk, the
//! larger the group. What a batch promises is the [`SyncPolicy`]'s business; with `always` no reply, not even one that
//! only read, leaves before everything that it may report is safe. Where what is appended outlives the process, no reply leaves
//! before it is appended, whatever the policy, so that a kill loses nothing that was acknowledged.
//!
//! When a call fails, the policy decides again. With `always` the image may hold what will never be safe: it is
//! replaced by what is, and all held replies become errors. Otherwise held replies say that nobody knows, and the batch is kept
//! and tried again. Writes are refused meanwhile, reads go on; after a failed sync that is for good.

pub(super) mod directory;
mod shared;
mod writer;

use super::record;
use super::{Commit, Databases, Standing, Storage};
use crate::names::name_of;
use crate::observe::Log;
use eagain_net::sync::Mutex;
use eagain_net::{Clock, ClockId, Errno, File, Files, Threads, thread};
use shared::{Rewrite, Shared};
use std::fmt;
use std::sync::Arc;

/// How often what was written is made safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before any reply leaves that acknowledges it.
    Always,
    /// Once a second: a crash of the machine costs that much at most.
    #[default]
    EverySecond,
    /// When the kernel sees fit.
    Never,
}

impl SyncPolicy {
    /// All of them, with the names that `--appendfsync` gives them.
    pub const NAMES: [(&'static str, SyncPolicy); 3] =
        [("always", SyncPolicy::Always), ("everysec", SyncPolicy::EverySecond), ("no", SyncPolicy::Never)];

    /// Its name.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }
}

/// Why a storage cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// A call failed.
    Io(String, Errno),
    /// Another server has the directory.
    Taken {
        /// Which.
        directory: String,
        /// That server's process number, as it wrote it down.
        holder: String,
    },
    /// What is there is damaged, or not ours; a person has to decide.
    Damaged(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Io(what, errno) => {
                write!(f, "storage: {what}: {errno}")?;
                match *errno {
                    Errno::EACCES | Errno::EPERM => f.write_str("; see who owns it, or choose another --dir"),
                    Errno::EROFS => f.write_str("; nothing can be written there: choose another --dir"),
                    Errno::ENOSPC => f.write_str("; make room there, or choose another --dir"),
                    Errno::ENOENT => f.write_str("; the directory above it has to be there already"),
                    _ => Ok(()),
                }
            }
            OpenError::Taken { directory, holder } => write!(
                f,
                "storage: {directory} is in use by another server (process {holder}); stop that one, or choose another --dir"
            ),
            OpenError::Damaged(what) => write!(f, "storage: {what}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// What keeps batches. One thread calls it; errors are those of the disk.
pub trait Backend: Send + 'static {
    /// Bytes at the front of a batch that are the backend's to fill in.
    const RESERVED_BYTES: usize;
    /// Every change makes it longer, so that it has to be rewritten from time to time.
    const GROWS: bool;
    /// What is appended survives the end of the process, however that comes; only a crash of the machine takes what is not synced.
    const OUTLIVES_PROCESS: bool;
    /// After a failure it opens its file anew, which may fail too, and succeed later. A sync that fails for want of room has
    /// lost nothing: what was not safe is still the backend's.
    const REOPENS: bool;

    /// Writes a batch behind those before it. After an error it is as if it had not been called.
    fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno>;
    /// Makes safe what was appended.
    fn sync(&mut self) -> Result<(), Errno>;
    /// As `sync`, by a call that does not need the backend, so that it can be appended to meanwhile; [`Backend::synced`] is to be
    /// called once that has succeeded. `None`: there is only `sync`.
    fn sync_apart(&mut self) -> Option<SyncCall> {
        None
    }
    /// What was appended before [`Backend::sync_apart`] is safe.
    fn synced(&mut self) {}
    /// Takes back what was appended since the last sync, safely.
    fn cut_back(&mut self) -> Result<(), Errno>;
    /// Reads what is safe into empty databases.
    fn load(&mut self, databases: &mut Databases) -> Result<(), String>;
    /// Whether there is room again.
    fn probe(&mut self) -> Result<(), Errno>;
    /// Bytes on the disk.
    fn size(&self) -> u64;

    /// Where a rewrite gathers the data anew.
    type NewPlace: NewPlace;
    /// Begins to gather the data anew; where there is nothing to gain by that, nothing happens.
    fn rewrite_begin(&mut self, salt: u64) -> Result<Self::NewPlace, Errno>;
    /// Puts the new place in the old one's, safely. After an error nobody knows which of the two will be found.
    fn rewrite_finish(&mut self, new: Self::NewPlace) -> Result<(), Errno>;
    /// Forgets the new place.
    fn rewrite_abandon(&mut self, new: Self::NewPlace);

    /// The end: all is safe.
    fn close(&mut self) -> Result<(), Errno>;
}

/// See [`Backend::sync_apart`].
pub type SyncCall = Box<dyn FnOnce() -> Result<(), Errno> + Send>;

/// What a rewrite writes to, beside the backend, which is appended to meanwhile.
pub trait NewPlace: Send {
    /// Writes a batch behind those before it.
    fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno>;
    /// Makes safe what was appended.
    fn sync(&mut self) -> Result<(), Errno>;
}

/// Nothing is gathered.
impl NewPlace for () {
    fn append(&mut self, _batch: &mut [u8]) -> Result<(), Errno> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

/// Keys that a rewrite looks at in one commit.
const REWRITE_KEYS: usize = 64;
/// A rewrite pauses while so many bytes wait for the disk.
const REWRITE_BYTES_MAX: usize = 4 << 20;
/// Replies are held, whatever the policy, while so many bytes wait for the disk.
const BACKLOG_BYTES_MAX: usize = 8 << 20;
/// A log is rewritten by itself from this size on, when it is twice as large as after the last time (Redis:
/// `auto-aof-rewrite-min-size`, `auto-aof-rewrite-percentage`).
const REWRITE_FROM_BYTES: u64 = 64 << 20;

/// Appends a batch where the writer does not use the backend at this moment: bytes on the disk then. `None`: it is the writer's to do.
type Append = Box<dyn Fn(&mut [u8]) -> Option<u64> + Send>;

/// The storage.
pub struct Durable<K: Files + Threads> {
    databases: Databases,
    shared: Arc<Shared<K>>,
    /// The directory is ours as long as this is open.
    claim: Option<File<K>>,
    writer: Option<thread::JoinHandle<K, ()>>,
    name: &'static str,
    policy: SyncPolicy,
    reserved_bytes: usize,
    grows: bool,
    /// Replies wait until what they report is appended.
    awaits_append: bool,
    append: Option<Append>,
    /// Database and cursor of a rewrite under way.
    scan: Option<(usize, u64)>,
}

impl<K: Files + Threads + Clock> Durable<K> {
    /// A storage with this image, all of which `backend` has. Starts the writer.
    pub fn start<B: Backend>(
        kernel: K,
        name: &'static str,
        mut databases: Databases,
        backend: B,
        policy: SyncPolicy,
        seed: u64,
        log: Log,
    ) -> Result<Durable<K>, Errno> {
        databases.note_effects();
        databases.persistence.is_kept = true;
        let shape = (databases.count(), databases.at(0).hash_key());
        let shared = Arc::new(Shared::new(kernel, backend.size(), log));
        let awaits_append = policy == SyncPolicy::Always || B::OUTLIVES_PROCESS;
        let backend = Arc::new(Mutex::new(kernel, backend));
        let append: Option<Append> = (policy != SyncPolicy::Always && B::OUTLIVES_PROCESS).then(|| {
            let backend = backend.clone();
            let append = move |batch: &mut [u8]| {
                let mut backend = backend.try_lock()?;
                backend.append(batch).ok().map(|()| backend.size())
            };
            Box::new(append) as Append
        });
        let writer = writer::Writer::new(shared.clone(), backend, policy, shape, seed);
        let writer = thread::spawn(kernel, "storage", move || writer.run())?;
        Ok(Durable {
            databases,
            shared,
            claim: None,
            writer: Some(writer),
            name,
            policy,
            reserved_bytes: B::RESERVED_BYTES,
            grows: B::GROWS,
            awaits_append,
            append,
            scan: None,
        })
    }
}

impl<K: Files + Threads + Clock> Durable<K> {
    /// Holds on to the lock of the directory for as long as the storage is there.
    pub fn hold(&mut self, claim: File<K>) {
        self.claim = Some(claim);
    }

    fn holds_replies(&self) -> bool {
        self.awaits_append || self.shared.is_behind()
    }

    /// Takes over what the writer has found out: a new image, trouble, the end of trouble.
    fn hear(&mut self, state: &mut shared::State) {
        if let Some(image) = state.image.take() {
            self.databases.replace(image);
            state.fail_pending();
            self.databases.persistence.unreadable = None;
            self.scan = None;
        }
        if let Some(why) = state.unreadable.take() {
            state.fail_pending();
            self.databases.persistence.unreadable =
                Some(format!("MISCONF {why}; nothing can be said until that has ended, or a restart"));
        }
        if state.rewrite == Rewrite::Abandoned {
            state.rewrite = Rewrite::None;
            self.scan = None;
        }
        self.databases.persistence.refusal = state.trouble.as_ref().map(|trouble| trouble.text.clone());
        self.databases.persistence.size_bytes = state.size;
        self.databases.persistence.is_rewriting = state.rewrite != Rewrite::None;
        self.shared.note(state, BACKLOG_BYTES_MAX);
    }

    /// Appends this turn's batch at once, where nothing is before it: its replies need not wait for the writer, who syncs.
    fn append_here(&mut self, state: &mut shared::State) {
        let is_next = state.done + 1 == state.ticket;
        // While the places change nobody knows which one it would go to. Before that the new one gets its copy.
        if !is_next || state.trouble.is_some() || state.rewrite == Rewrite::Finishing {
            return;
        }
        let Some(size) = self.append.as_ref().and_then(|append| append(&mut state.batch)) else { return };
        state.batch.clear();
        (state.done, state.size) = (state.ticket, size);
        if self.policy == SyncPolicy::EverySecond && state.dirty_since.is_none() {
            state.dirty_since = Some(self.shared.kernel.clock_gettime(ClockId::Monotonic));
            self.shared.work.notify_one();
        }
    }

    /// Whether and how a rewrite goes on in this commit.
    fn rewrite(&mut self, state: &mut shared::State) {
        let asked = std::mem::take(&mut self.databases.persistence.wants_rewrite);
        let grown =
            self.grows && state.size >= REWRITE_FROM_BYTES && state.size / 2 >= state.size_after_rewrite;
        if (asked || grown) && state.rewrite == Rewrite::None && state.trouble.is_none() {
            state.rewrite = Rewrite::Begun;
            state.copy.clear();
            state.copy.resize(self.reserved_bytes, 0);
            self.scan = Some((0, 0));
        }
        let Some((number, cursor)) = self.scan else { return };
        if state.copy.is_empty() {
            state.copy.resize(self.reserved_bytes, 0);
        }
        if state.copy.len() > REWRITE_BYTES_MAX {
            return;
        }
        let (mut number, mut cursor) = (number, cursor);
        loop {
            let copy = &mut state.copy;
            let before = copy.len();
            cursor = self.databases.at(number).scan_stored(cursor, REWRITE_KEYS, |key, value, end| {
                record::put_stored(copy, number, key, value, end);
            });
            let has_shown = copy.len() > before;
            if cursor == 0 {
                number += 1;
            }
            if number == self.databases.count() {
                record::put_complete(copy);
                state.rewrite = Rewrite::Shown;
                self.scan = None;
                return;
            }
            // Empty databases cost no turn.
            if has_shown {
                self.scan = Some((number, cursor));
                return;
            }
        }
    }
}

impl<K: Files + Threads + Clock> Storage for Durable<K> {
    fn databases(&mut self) -> &mut Databases {
        &mut self.databases
    }

    fn begin_turn(&mut self) -> bool {
        let persistence = &self.databases.persistence;
        if persistence.refusal.is_some() || persistence.unreadable.is_some() {
            // Nobody else asks whether the trouble has ended. Nothing of this turn was executed yet, so that there may be a
            // new image.
            let shared = self.shared.clone();
            self.hear(&mut shared.state.lock());
        }
        self.holds_replies()
    }

    fn commit(&mut self) -> Commit {
        let has_effects = self.databases.has_effects();
        let shared = &self.shared;
        if !has_effects
            && self.scan.is_none()
            && shared.is_quiet()
            && !self.databases.persistence.wants_rewrite
        {
            return Commit::Done;
        }
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        let was_idle = state.batch.is_empty() && state.copy.is_empty();
        if has_effects && state.trouble.is_some() && self.databases.persistence.refusal.is_some() {
            // Writes were refused in this turn: what changed are keys whose time has come, which need no record. While the image waits
            // to be replaced, nothing of what was read in it may be sent.
            self.databases.forget_effects();
            state.ticket += u64::from(state.reloading);
        } else if has_effects {
            let start = state.batch.len();
            if start == 0 {
                state.batch.resize(self.reserved_bytes, 0);
            }
            let from = state.batch.len();
            for number in 0..self.databases.count() {
                self.databases.at(number).with_effects(|keyspace, effect| {
                    record::put_effect(&mut state.batch, keyspace, effect);
                });
            }
            if state.rewrite.copies() {
                let shared::State { batch, copy, .. } = &mut *state;
                if copy.is_empty() {
                    copy.resize(self.reserved_bytes, 0);
                }
                copy.extend_from_slice(&batch[from..]);
            }
            if self.policy == SyncPolicy::Always && state.trouble.is_some() {
                // The image waits to be replaced, or was just now.
                state.batch.truncate(start);
                state.ticket += u64::from(state.reloading);
            } else {
                state.ticket += 1;
            }
        }
        if has_effects {
            self.append_here(&mut state);
        }
        // Before a new image is taken over: this turn was executed on the old one, and fails with it.
        let pending = state.ticket > state.done;
        if pending && state.trouble.is_some() && self.awaits_append && self.policy != SyncPolicy::Always {
            // It was executed before the trouble was heard of, and will be appended when that has ended, if it does.
            state.fail_pending();
        }
        self.hear(&mut state);
        self.rewrite(&mut state);
        shared.note(&state, BACKLOG_BYTES_MAX);
        let (ticket, has_work) = (state.ticket, !state.batch.is_empty() || !state.copy.is_empty());
        drop(state);
        if was_idle && has_work {
            shared.work.notify_one();
        }
        if pending && self.holds_replies() { Commit::Pending(ticket) } else { Commit::Done }
    }

    fn standing(&mut self, ticket: u64) -> Standing {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        self.hear(&mut state);
        match () {
            () if state.has_failed(ticket) => Standing::Failed,
            () if ticket <= state.done => Standing::Done,
            () => Standing::Pending,
        }
    }

    fn wait(&self) -> Option<super::Progress> {
        let shared = self.shared.clone();
        Some(super::Progress::new(move |ticket| shared.wait(ticket)))
    }

    fn on_progress(&mut self, ring: Box<dyn Fn() + Send + Sync>) {
        self.shared.state.lock().ring = Some(ring.into());
    }

    fn close(&mut self) -> Result<(), String> {
        self.commit();
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take() {
            writer.join().ok_or("the writer thread panicked")?;
        }
        match &self.shared.state.lock().trouble {
            Some(trouble) => Err(trouble.text.clone()),
            None => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

impl<K: Files + Threads> fmt::Debug for Durable<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../../../tests/unit/steps.rs"]
pub(super) mod steps;

#[cfg(test)]
#[path = "../../../tests/unit/durable.rs"]
mod tests;
