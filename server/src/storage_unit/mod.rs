//! The storage unit: the data, its lifetimes, and the promise to keep it.
//!
//! From the inside out: [`value`] is one value, [`table`] a hash table whose order is a pure function of what was
//! done to it, [`keyspace`] one database with its [`expiry`], [`databases`] all of them with one bound on memory
//! ([`eviction`]). Commands work on [`Databases`] directly. Behind them stands a [`Storage`]: what it does with the
//! [`effect`]s of a batch of commands, and when it says that they will survive, is what distinguishes engines.
//!
//! [`durable`] is what the engines that keep data share, with [`record`] as the form of a change on the disk; [`log`] is
//! the append-only file, [`embedded`] a database in a file. [`any`] is whichever the operator chose.
//!
//! Nothing here locks but `durable`, which has a thread of its own: a loop with one thread owns its storage, one with several puts a lock around it.

pub mod any;
pub mod bytes;
pub mod databases;
pub mod durable;
pub mod effect;
pub mod embedded;
pub mod eviction;
pub mod expiry;
pub mod keyspace;
pub mod log;
pub mod record;
pub mod sip_hash;
pub mod table;
pub mod value;

pub use any::{AnyStorage, Engine};
pub use bytes::SmallBytes;
pub use databases::Databases;
pub use durable::SyncPolicy;
pub use effect::Effect;
pub use keyspace::{Found, Keyspace};
pub use sip_hash::HashKey;
pub use value::Value;

/// What became of the effects of a batch of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commit {
    /// They are as safe as this storage makes them; their replies may leave.
    #[default]
    Done,
    /// They will be safe when the storage says so for this ticket; until then the replies wait. Tickets ascend, and
    /// one that is done includes all before it.
    Pending(u64),
}

/// What became of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Pending,
    /// It is safe; its replies may leave.
    Done,
    /// It came to nothing, or nobody knows: its replies must not leave, errors take their place.
    Failed,
}

/// Waits for tickets without the storage's lock.
#[derive(Clone)]
pub struct Progress(std::sync::Arc<dyn Fn(u64) + Send + Sync>);

impl Progress {
    /// `wait` returns when there is something to be heard about a ticket.
    pub fn new(wait: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Progress(std::sync::Arc::new(wait))
    }

    /// Waits until [`Storage::standing`] of this ticket may be other than pending.
    pub fn wait(&self, ticket: u64) {
        (self.0)(ticket);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// An engine behind the databases.
///
/// The caller changes [`Storage::databases`] as it likes, then calls [`Storage::commit`] before it lets any reply
/// leave that reports the changes. The implementer drains the effects there, and keeps their order.
/// A loop that serves a turn of a connection, or several, with this storage:
///
/// 1. where [`Storage::begin_turn`] says so, it begins to hold the replies of the turn back;
/// 2. it executes, and calls [`Storage::commit`];
/// 3. at [`Commit::Done`] the replies may leave, unless earlier ones of the connection still wait;
/// 4. at [`Commit::Pending`] they wait for [`Storage::standing`] of that ticket, which is asked when the waker that was
///    given to [`Storage::on_progress`] is called, or after [`Progress::wait`].
pub trait Storage: Send {
    /// The image in memory that commands read and change.
    fn databases(&mut self) -> &mut Databases;

    /// A turn begins: what has ended by itself, such as a full disk, is taken over. Whether the replies of this turn may
    /// have to wait.
    #[inline]
    fn begin_turn(&mut self) -> bool {
        false
    }

    /// Takes over the effects since the last call.
    fn commit(&mut self) -> Commit;

    /// What became of a ticket.
    fn standing(&mut self, _ticket: u64) -> Standing {
        Standing::Done
    }

    /// For threads that wait for a ticket by themselves; `None`: there is never anything to wait for.
    fn wait(&self) -> Option<Progress> {
        None
    }

    /// `ring` is called, by any thread, whenever a ticket may have come to its end.
    fn on_progress(&mut self, _ring: Box<dyn Fn() + Send + Sync>) {}

    /// The end: everything is made as safe as it can be; why not, if so.
    fn close(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// What it is called by `--storage` and in `INFO`.
    fn name(&self) -> &'static str;
}

/// A cache: what the process forgets is forgotten.
#[derive(Debug)]
pub struct Memory {
    databases: Databases,
}

impl Memory {
    /// An empty cache of `databases` databases; `seed` keys its hash tables against peers who choose their keys.
    pub fn new(databases: usize, seed: u64) -> Self {
        Memory { databases: Databases::new(databases, HashKey::from_seed(seed)) }
    }
}

impl Storage for Memory {
    fn databases(&mut self) -> &mut Databases {
        &mut self.databases
    }

    fn commit(&mut self) -> Commit {
        Commit::Done
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}
