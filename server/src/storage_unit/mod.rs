//! The storage unit: the data, its lifetimes, and the promise to keep it.
//!
//! From the inside out: [`value`] is one value, [`table`] a hash table whose order is a pure function of what was
//! done to it, [`keyspace`] one database with its [`expiry`], [`databases`] all of them with one bound on memory
//! ([`eviction`]). Commands work on [`Databases`] directly. Behind them stands a [`Storage`]: what it does with the
//! [`effect`]s of a batch of commands, and when it says that they will survive, is what tells engines apart.
//!
//! Nothing here locks: a loop with one thread owns its storage, one with several puts a lock around it.

pub mod bytes;
pub mod databases;
pub mod effect;
pub mod eviction;
pub mod expiry;
pub mod keyspace;
pub mod sip_hash;
pub mod table;
pub mod value;

pub use bytes::SmallBytes;
pub use databases::Databases;
pub use effect::Effect;
pub use keyspace::{Found, Keyspace};
pub use sip_hash::HashKey;
pub use value::Value;

/// What became of the effects of a batch of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// They are as safe as this storage makes them; their replies may leave.
    Done,
    /// They will be safe when the storage says so for this ticket; until then the replies wait. Tickets ascend, and
    /// one that is done includes all before it.
    Pending(u64),
}

/// An engine behind the databases.
///
/// The caller changes [`Storage::databases`] as it likes, then calls [`Storage::commit`] before it lets any reply
/// leave that tells of the changes. The implementer drains the effects there, and keeps their order.
pub trait Storage: Send {
    /// The image in memory that commands read and change.
    fn databases(&mut self) -> &mut Databases;

    /// Takes over the effects since the last call.
    fn commit(&mut self) -> Commit;

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
