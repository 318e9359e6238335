//! Batches that are in no transaction of the database yet, so that the end of the process, however it comes, loses nothing that a reply
//! has acknowledged. It is written to the page cache and not synced: what a crash of the machine leaves of it is read as far as it is whole.
//!
//! Its form is that of a log (see [`frame`]), its salt a number of its generation. A transaction is made of all of it and keeps that
//! number; then it begins anew with the next one. So what is older than the database says nothing, whatever a crash has left.

use crate::storage_unit::Databases;
use crate::storage_unit::durable::{NewPlace, OpenError};
use crate::storage_unit::log::OpenLog;
use crate::storage_unit::log::frame::{self, BadPreamble, PREAMBLE_BYTES};
use crate::storage_unit::log::recover::{Unreadable, recover_each};
use crate::storage_unit::record;
use eagain_net::{Errno, File, Files, OpenFlags};

/// The journal's name in its directory.
pub const NAME: &str = "redb.journal";

/// What of a journal is to be read.
#[derive(Clone, Copy)]
pub struct Newer {
    /// All of this generation, and of those before it, is in transactions.
    pub than: u64,
    /// Valid batches behind damage may be dropped.
    pub drops_damage: bool,
}

/// A journal that is written to.
pub struct Journal<K: Files> {
    path: String,
    log: OpenLog<K>,
    /// Its content is in a transaction: it has to begin anew before anything is appended.
    is_applied: bool,
}

impl<K: Files> Journal<K> {
    /// Opens the journal at `path`, or begins one. What is newer is read into the databases and put
    /// behind `pending`, and is safe then; how many batches.
    pub fn open(
        kernel: K,
        path: &str,
        newer: Newer,
        databases: &mut Databases,
        pending: &mut Vec<u8>,
    ) -> Result<(Journal<K>, u64), OpenError> {
        let io = |call: &str| {
            let place = format!("{call} {path}");
            move |errno| OpenError::Io(place, errno)
        };
        let damaged = |why: Unreadable| OpenError::Damaged(format!("{path} {why}"));
        let file = File::open(kernel, path, OpenFlags::RDWR | OpenFlags::CREAT).map_err(io("open"))?;
        let length = file.stat().map_err(io("fstat"))?.len;
        let mut first = [0; PREAMBLE_BYTES];
        let read = file.read_full_at(&mut first, 0).map_err(io("read"))?;
        let generation = match frame::salt_of(&first[..read]) {
            Ok(generation) => generation,
            // Begun, and not got further.
            Err(BadPreamble::NotALog) => 0,
            Err(version) => return Err(damaged(Unreadable::Preamble(version))),
        };
        if generation <= newer.than {
            let log = OpenLog::new(file, newer.than, length, 0);
            return Ok((Journal { path: path.to_owned(), log, is_applied: true }, 0));
        }
        let read = recover_each(&file, length, newer.drops_damage, |payload| {
            pending.extend_from_slice(payload);
            record::apply(databases, payload)
        });
        let found = read.map_err(damaged)?;
        if found.dropped_bytes > 0 {
            file.set_len(found.end).map_err(io("ftruncate"))?;
        }
        // It may be in the page cache alone, and is about to be shown to clients.
        file.sync().map_err(io("fsync"))?;
        let log = OpenLog::new(file, generation, found.end, found.frames);
        Ok((Journal { path: path.to_owned(), log, is_applied: false }, found.frames))
    }

    /// What a transaction of its content keeps.
    pub fn generation(&self) -> u64 {
        self.log.salt()
    }

    /// Its content is in a transaction.
    pub fn begin_anew(&mut self) {
        self.is_applied = true;
    }

    /// Writes a batch behind those before it. After an error it is as if it had not been called.
    pub fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno> {
        if self.is_applied {
            self.log.restart(self.generation() + 1)?;
            self.is_applied = false;
        }
        self.log.append(batch)
    }

    /// Ends it; its content is in a transaction.
    pub fn remove(self) {
        // It stays where it cannot go, and says nothing.
        let _ = self.log.kernel().unlink(&self.path);
    }
}
