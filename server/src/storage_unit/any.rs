//! Any of the storages, chosen when the program starts: an enum, so that a cache pays nothing for what it is not.

use super::durable::directory::claim;
use super::durable::{Durable, OpenError, SyncPolicy};
use super::embedded::Embedded;
use super::log::LogFile;
use super::{Commit, Databases, HashKey, Memory, Progress, Standing, Storage};
use crate::flaws::Flaws;
use eagain_net::{Clock, Files, Threads};

/// Which engine stands behind the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// What the process forgets is forgotten.
    #[default]
    Memory,
    /// The append-only file.
    Log,
    /// The embedded database.
    Redb,
}

impl Engine {
    /// All of them, with the names that `--storage` gives them.
    pub const NAMES: [(&'static str, Engine); 3] =
        [("memory", Engine::Memory), ("log", Engine::Log), ("redb", Engine::Redb)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, engine)| *engine == self).map_or("", |(name, _)| name)
    }
}

/// How a storage is to be opened.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Which engine.
    pub engine: Engine,
    /// Where its files are.
    pub directory: &'a str,
    /// How often it syncs.
    pub policy: SyncPolicy,
    /// Valid data behind damage may be dropped.
    pub drops_damage: bool,
    /// Defects on purpose.
    #[doc(hidden)]
    pub flaws: Flaws,
    /// The server's process number, for whoever finds the directory taken.
    pub pid: i32,
    /// How many databases.
    pub databases: usize,
    /// All the chance that it will ever have.
    pub seed: u64,
}

/// A storage.
#[derive(Debug)]
pub enum AnyStorage<K: Files + Threads> {
    /// A cache.
    Memory(Memory),
    /// One whose data outlive the process.
    Durable(Box<Durable<K>>),
}

impl<K: Files + Threads + Clock> AnyStorage<K> {
    /// Opens a storage. The text tells what was found, where there was anything.
    pub fn open(kernel: K, options: &Options<'_>) -> Result<(AnyStorage<K>, Option<String>), OpenError> {
        let mut databases = Databases::new(options.databases, HashKey::from_seed(options.seed));
        let Options { directory, policy, drops_damage, flaws, seed, .. } = *options;
        let start = |errno| OpenError::Io("start the writing thread".to_owned(), errno);
        match options.engine {
            Engine::Memory => Ok((AnyStorage::Memory(Memory::new(options.databases, seed)), None)),
            Engine::Log => {
                let claim = claim(kernel, directory, options.pid, "log")?;
                let (log, found) =
                    LogFile::open(kernel, directory, seed, drops_damage, flaws, &mut databases)?;
                let mut durable =
                    Durable::start(kernel, "log", databases, log, policy, flaws, seed).map_err(start)?;
                durable.hold(claim);
                Ok((AnyStorage::Durable(Box::new(durable)), Some(format!("{directory}/log: {found}"))))
            }
            Engine::Redb => {
                let claim = claim(kernel, directory, options.pid, "redb")?;
                let (database, found) = Embedded::open(kernel, directory, &mut databases)?;
                // What waits for its transaction waits in the process: without one it would wait for ever.
                let policy = if policy == SyncPolicy::Never { SyncPolicy::EverySecond } else { policy };
                let mut durable = Durable::start(kernel, "redb", databases, database, policy, flaws, seed)
                    .map_err(start)?;
                durable.hold(claim);
                Ok((AnyStorage::Durable(Box::new(durable)), Some(format!("{directory}/redb: {found}"))))
            }
        }
    }
}

impl<K: Files + Threads> Storage for AnyStorage<K> {
    #[inline]
    fn databases(&mut self) -> &mut Databases {
        match self {
            AnyStorage::Memory(memory) => memory.databases(),
            AnyStorage::Durable(durable) => durable.databases(),
        }
    }

    #[inline]
    fn begin_turn(&mut self) -> bool {
        match self {
            AnyStorage::Memory(_) => false,
            AnyStorage::Durable(durable) => durable.begin_turn(),
        }
    }

    #[inline]
    fn commit(&mut self) -> Commit {
        match self {
            AnyStorage::Memory(_) => Commit::Done,
            AnyStorage::Durable(durable) => durable.commit(),
        }
    }

    fn standing(&mut self, ticket: u64) -> Standing {
        match self {
            AnyStorage::Memory(_) => Standing::Done,
            AnyStorage::Durable(durable) => durable.standing(ticket),
        }
    }

    fn wait(&self) -> Option<Progress> {
        match self {
            AnyStorage::Memory(_) => None,
            AnyStorage::Durable(durable) => durable.wait(),
        }
    }

    fn on_progress(&mut self, ring: Box<dyn Fn() + Send + Sync>) {
        if let AnyStorage::Durable(durable) = self {
            durable.on_progress(ring);
        }
    }

    fn close(&mut self) -> Result<(), String> {
        match self {
            AnyStorage::Memory(_) => Ok(()),
            AnyStorage::Durable(durable) => durable.close(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            AnyStorage::Memory(memory) => memory.name(),
            AnyStorage::Durable(durable) => durable.name(),
        }
    }
}
