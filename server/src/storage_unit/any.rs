//! Any of the storages, chosen when the program starts: an enum, so that a cache pays nothing for what it is not.

use super::durable::directory::claim;
use super::durable::{Backend, Durable, OpenError, SyncPolicy};
use super::embedded::Embedded;
use super::log::LogFile;
use super::{Commit, Databases, HashKey, Memory, Progress, Standing, Storage};
use crate::names::name_of;
use crate::observe::Log;
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
        name_of(&Self::NAMES, self)
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
    /// The server's process number, for whoever finds the directory taken.
    pub pid: i32,
    /// How many databases.
    pub databases: usize,
    /// All the chance that it will ever have.
    pub seed: u64,
    /// Where it says that its disk fails, and that it does no more.
    pub log: Log,
}

/// A storage.
#[derive(Debug)]
pub enum AnyStorage<K: Files + Threads> {
    /// A cache.
    Memory(Memory),
    /// One whose data outlive the process.
    Durable(Box<Durable<K>>),
}

/// A storage, and what was found in it, where there was anything.
pub type Opened<K> = (AnyStorage<K>, Option<String>);

impl<K: Files + Threads + Clock> AnyStorage<K> {
    /// Opens a storage.
    pub fn open(kernel: K, options: &Options<'_>) -> Result<Opened<K>, OpenError> {
        let Options { directory, drops_damage, seed, .. } = *options;
        match options.engine {
            Engine::Memory => Ok((AnyStorage::Memory(Memory::new(options.databases, seed)), None)),
            Engine::Log => AnyStorage::over(kernel, options, |databases| {
                let (log, found) = LogFile::open(kernel, directory, seed, drops_damage, databases)?;
                Ok((log, found.to_string()))
            }),
            Engine::Redb => AnyStorage::over(kernel, options, |databases| {
                let (database, found) =
                    Embedded::open(kernel, directory, options.policy, drops_damage, databases)?;
                Ok((database, found.to_string()))
            }),
        }
    }

    /// A storage over a backend of the caller's, in the place of the chosen engine's. `open` reads what the backend has into
    /// the databases, and says what it found.
    pub fn over<B: Backend>(
        kernel: K,
        options: &Options<'_>,
        open: impl FnOnce(&mut Databases) -> Result<(B, String), OpenError>,
    ) -> Result<Opened<K>, OpenError> {
        let Options { directory, seed, .. } = *options;
        let name = options.engine.name();
        let mut databases = Databases::new(options.databases, HashKey::from_seed(seed));
        let claim = claim(kernel, directory, options.pid, name)?;
        let (backend, found) = open(&mut databases)?;
        // What waits for its transaction waits in the process: without one it would wait for ever.
        let waits = options.engine == Engine::Redb && options.policy == SyncPolicy::Never;
        let policy = if waits { SyncPolicy::EverySecond } else { options.policy };
        let mut durable = Durable::start(kernel, name, databases, backend, policy, seed, options.log.clone())
            .map_err(|errno| OpenError::Io("start the writing thread".to_owned(), errno))?;
        durable.hold(claim);
        Ok((AnyStorage::Durable(Box::new(durable)), Some(format!("{directory}/{name}: {found}"))))
    }
}

impl<K: Files + Threads + Clock> Storage for AnyStorage<K> {
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
