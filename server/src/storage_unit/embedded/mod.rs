//! An embedded database behind the image: `redb`, a B-tree whose pages are copied when they are written, on the file calls
//! of our kernel.
//!
//! | file | what it is |
//! |---|---|
//! | `DIR/redb` | the database |
//! | `DIR/redb.new` | a database that is being made; it has the name `redb` once it is whole and synced |
//! | `DIR/redb.journal` | batches that are in no transaction yet; see [`journal`] |
//!
//! Its one table has a row for each key: the number of its database (big-endian, 32 bits) and the key, then its end and
//! its value as [`record`] writes them. A batch of operations waits in memory, and in the journal, until it is to be safe, and then
//! becomes one transaction: in two phases, each with a sync, so that the root of the tree is on the disk before anything says that it
//! is the root. So damage is distinguished from a torn write: a root that does not fit its check was safe once, and is refused.
//!
//! A call that failed closes the database, and it is opened again, as after a crash. That holds after a failed sync too,
//! where a log could not be read further than it was safe: pages are never written over before a newer root is safe.

mod file;
mod journal;

use super::durable::directory::{rename_durably, sync_directory};
use super::durable::{Backend, OpenError};
use super::log::frame::HEADER_BYTES;
use super::record::{self, Operation, Operations};
use super::{Databases, HashKey, SyncPolicy};
use eagain_net::{Errno, File, Files, OpenFlags};
use file::{Calls, DatabaseFile};
use journal::Journal;
use redb::{Database, DatabaseError, ReadableDatabase, StorageError, TableDefinition, TableError};
use std::fmt;

/// The database's name in its directory.
pub const NAME: &str = "redb";
const NEW_NAME: &str = "redb.new";
/// Its name has the version of the rows' form.
const KEYS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("keys-1");
/// The last generation of the journal that is in transactions, all of it.
const APPLIED: TableDefinition<'_, (), u64> = TableDefinition::new("applied-1");
/// Pages that are kept in memory, beside the image.
const CACHE_BYTES: usize = 32 << 20;
/// Operations that wait for a transaction; with more than this, it comes before it is due.
const PENDING_BYTES_MAX: usize = 8 << 20;

/// What was found in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Keys in it.
    pub keys: u64,
    /// Length of its file.
    pub bytes: u64,
    /// Batches of the journal, which a process that was killed had not made a transaction of.
    pub batches: u64,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kept {} keys ({} bytes)", self.keys, self.bytes)?;
        match self.batches {
            0 => Ok(()),
            batches => write!(f, " and {batches} batches of its journal"),
        }
    }
}

/// A database that is written to.
pub struct Embedded<K: Files> {
    kernel: K,
    directory: String,
    /// `None`: a call has failed.
    database: Option<Database>,
    calls: Calls,
    /// Operations since the last transaction.
    pending: Vec<u8>,
    /// They are here as well, where replies leave before their transaction is made.
    journal: Option<Journal<K>>,
    bytes: u64,
}

/// Why a database does not open.
enum Why {
    Call(&'static str, Errno),
    Damaged(String),
}

impl Why {
    fn at(self, path: &str) -> OpenError {
        match self {
            Why::Call(what, errno) => OpenError::Io(format!("{what} {path}"), errno),
            Why::Damaged(what) => OpenError::Damaged(format!("{path} {what}")),
        }
    }

    fn errno(self) -> Errno {
        match self {
            Why::Call(_, errno) => errno,
            Why::Damaged(_) => Errno::EIO,
        }
    }
}

fn call(what: &'static str) -> impl FnOnce(Errno) -> Why {
    move |errno| Why::Call(what, errno)
}

impl<K: Files> Embedded<K> {
    /// Opens the database in `directory`, or makes one, and reads it into empty databases.
    pub fn open(
        kernel: K,
        directory: &str,
        policy: SyncPolicy,
        drops_damage: bool,
        databases: &mut Databases,
    ) -> Result<(Embedded<K>, Found), OpenError> {
        let mut embedded = Embedded {
            kernel,
            directory: directory.to_owned(),
            database: None,
            calls: Calls::default(),
            pending: Vec::new(),
            journal: None,
            bytes: 0,
        };
        let path = embedded.path(NAME);
        let mut found = embedded.open_or_make(databases).map_err(|why| why.at(&path))?;
        found.batches = embedded.replay(drops_damage, databases)?;
        if policy == SyncPolicy::Always {
            // No reply leaves before its transaction is made.
            embedded.commit().map_err(|errno| Why::Call("commit to", errno).at(&path))?;
            if let Some(journal) = embedded.journal.take() {
                journal.remove();
            }
        }
        Ok((embedded, found))
    }

    /// Reads what a process that was killed has left in the journal, how many batches.
    fn replay(&mut self, drops_damage: bool, databases: &mut Databases) -> Result<u64, OpenError> {
        let applied = self.calls.around(|| self.applied()).map_err(|error| {
            OpenError::Damaged(format!("{} {}", self.path(NAME), self.damaged(&error, 0)))
        })?;
        let path = self.path(journal::NAME);
        let newer = journal::Newer { than: applied, drops_damage };
        let (journal, batches) = Journal::open(self.kernel, &path, newer, databases, &mut self.pending)?;
        self.journal = Some(journal);
        Ok(batches)
    }

    fn applied(&self) -> Result<u64, redb::Error> {
        let Some(database) = &self.database else { return Ok(0) };
        match database.begin_read()?.open_table(APPLIED) {
            Ok(table) => Ok(table.get(())?.map_or(0, |generation| generation.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    fn open_or_make(&mut self, databases: &mut Databases) -> Result<Found, Why> {
        match self.kernel.unlink(&self.path(NEW_NAME)) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(Why::Call("unlink what was to be", errno)),
        }
        match self.reopen() {
            Err(Why::Call(_, Errno::ENOENT)) => {
                self.make()?;
                self.reopen()?;
            }
            other => other?,
        }
        let keys = self.read_into(databases).map_err(Why::Damaged)?;
        Ok(Found { keys, bytes: self.bytes, batches: 0 })
    }

    /// A database is made under another name and gets its own when it is safe: one that is there is whole.
    fn make(&mut self) -> Result<(), Why> {
        let flags = OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::TRUNC;
        let file = File::open(self.kernel, &self.path(NEW_NAME), flags).map_err(call("create"))?;
        let database = self.library(file).map_err(|error| self.why("create", error))?;
        let made = self.calls.around(|| {
            transaction(&database, None, |table| Ok(table.map(|_| ())?))?;
            Ok(database.close()?)
        });
        made.map_err(|_: redb::Error| Why::Call("create", self.errno()))?;
        let (from, to) = (self.path(NEW_NAME), self.path(NAME));
        rename_durably(self.kernel, &self.directory, &from, &to).map_err(call("rename to"))
    }

    /// Opens what is there.
    fn reopen(&mut self) -> Result<(), Why> {
        self.forget();
        let file = File::open(self.kernel, &self.path(NAME), OpenFlags::RDWR).map_err(call("open"))?;
        if file.stat().map_err(call("fstat"))?.len == 0 {
            return Err(Why::Damaged("is empty".to_owned()));
        }
        // What is read may be in the page cache alone, name and all, and is about to be shown to clients.
        file.sync().map_err(call("fsync"))?;
        sync_directory(self.kernel, &self.directory).map_err(call("fsync the directory of"))?;
        self.database = Some(self.library(file).map_err(|error| self.why("open", error))?);
        self.measure();
        Ok(())
    }

    /// Closes without a word.
    fn forget(&mut self) {
        let database = self.database.take();
        self.calls.around(|| drop(database));
    }

    /// The library's own opening, with every check that it has: the check of every page that is in use.
    fn library(&self, file: File<K>) -> Result<Database, DatabaseError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        builder.set_check_integrity_on_open(true);
        let file = DatabaseFile { file, calls: self.calls.clone() };
        self.calls.around(|| builder.create_with_backend(file))
    }

    fn why(&self, what: &'static str, error: DatabaseError) -> Why {
        if let Some(errno) = self.calls.failed() {
            return Why::Call(what, errno);
        }
        match error {
            DatabaseError::Storage(StorageError::Corrupted(text)) => Why::Damaged(self.damaged(&text, 0)),
            DatabaseError::UpgradeRequired(version) => {
                Why::Damaged(format!("has version {version} of the format, which this server does not know"))
            }
            error => Why::Damaged(format!("is not a database, or damaged{}: {error}", self.position())),
        }
    }

    /// Where the damage is, as far as we can know: the library names a page, if anything; we see what it read last.
    fn position(&self) -> String {
        match self.calls.last_read() {
            read if read.is_empty() => String::new(),
            read => format!(" at bytes {} to {}", read.start, read.end - 1),
        }
    }

    /// What is said of damage; so many keys were read before it was met.
    fn damaged(&self, what: &dyn fmt::Display, keys: u64) -> String {
        format!(
            "is damaged{}: {what}; {keys} keys were read before it, none was kept and nothing was dropped \
             (--recover does not apply to it: restore it from a copy)",
            self.position()
        )
    }

    /// Of the call that failed; `EIO` where none did.
    fn errno(&self) -> Errno {
        self.calls.failed().unwrap_or(Errno::EIO)
    }

    fn measure(&mut self) {
        if let Ok(stat) =
            File::open(self.kernel, &self.path(NAME), OpenFlags::NONE).and_then(|file| file.stat())
        {
            self.bytes = stat.len;
        }
    }

    fn read_into(&self, databases: &mut Databases) -> Result<u64, String> {
        self.calls.around(|| self.read_rows(databases))
    }

    fn read_rows(&self, databases: &mut Databases) -> Result<u64, String> {
        let Some(database) = &self.database else {
            return Err("is closed".to_owned());
        };
        let reading = database.begin_read().map_err(|error| self.damaged(&error, 0))?;
        let table = reading.open_table(KEYS).map_err(|error| match error {
            TableError::TableDoesNotExist(_) => "is a database of another program".to_owned(),
            error => self.damaged(&error, 0),
        })?;
        let hash_key = databases.at(0).hash_key();
        let mut keys = 0;
        for row in table.range::<&[u8]>(..).map_err(|error| self.damaged(&error, 0))? {
            let (key, value) = row.map_err(|error| self.damaged(&error, keys))?;
            restore(databases, hash_key, key.value(), value.value())?;
            keys += 1;
        }
        Ok(keys)
    }

    /// Makes what is pending safe.
    fn commit(&mut self) -> Result<(), Errno> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.database.is_none() {
            self.reopen().map_err(Why::errno)?;
        }
        let Some(database) = &self.database else { return Err(Errno::EIO) };
        let fill = |table: Result<Table<'_>, TableError>| {
            let mut table = table?;
            let mut operations = Operations::new(&self.pending, HashKey::from_seed(0));
            let mut row = Vec::new();
            while let Ok(Some(operation)) = operations.read() {
                apply(&mut table, &operation, &mut row)?;
            }
            Ok(())
        };
        let generation = self.journal.as_ref().map(Journal::generation);
        let done = self.calls.around(|| transaction(database, generation, fill));
        if done.is_err() {
            let errno = self.errno();
            self.forget();
            return Err(errno);
        }
        self.pending.clear();
        if let Some(journal) = &mut self.journal {
            journal.begin_anew();
        }
        self.measure();
        Ok(())
    }
}

type Table<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

fn transaction(
    database: &Database,
    applied: Option<u64>,
    body: impl FnOnce(Result<Table<'_>, TableError>) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut writing = database.begin_write()?;
    writing.set_two_phase_commit(true);
    body(writing.open_table(KEYS))?;
    if let Some(generation) = applied {
        writing.open_table(APPLIED)?.insert((), generation)?;
    }
    Ok(writing.commit()?)
}

fn row_key(database: usize, key: &[u8]) -> Vec<u8> {
    let number = u32::try_from(database).expect("databases are counted on the command line, far below 2^32");
    [&number.to_be_bytes(), key].concat()
}

fn apply(table: &mut Table<'_>, operation: &Operation<'_>, row: &mut Vec<u8>) -> Result<(), redb::Error> {
    match operation {
        Operation::Stored(database, key, value, end) => {
            row.clear();
            record::put_row(row, value, *end);
            table.insert(row_key(*database, key).as_slice(), row.as_slice())?;
        }
        Operation::Removed(database, key) => {
            table.remove(row_key(*database, key).as_slice())?;
        }
        Operation::Cleared(database) => {
            let (from, to) = (row_key(*database, b""), row_key(*database + 1, b""));
            table.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
        }
        Operation::Complete => {}
    }
    Ok(())
}

/// Puts a row's key into the image.
fn restore(databases: &mut Databases, hash_key: HashKey, key: &[u8], row: &[u8]) -> Result<(), String> {
    let not_ours = || "holds a row that this server did not write".to_owned();
    let (number, key) = key.split_first_chunk::<4>().ok_or_else(not_ours)?;
    let number = u32::from_be_bytes(*number) as usize;
    let (value, end) = Operations::new(row, hash_key).row().map_err(|_| not_ours())?;
    if number >= databases.count() {
        return Err(format!("has keys in database {number}; start with --databases {}", number + 1));
    }
    databases.at(number).set(key, value, record::lifetime(end), 0);
    Ok(())
}

impl<K: Files> Drop for Embedded<K> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl<K: Files> Backend for Embedded<K> {
    const RESERVED_BYTES: usize = HEADER_BYTES;
    const GROWS: bool = false;
    const OUTLIVES_PROCESS: bool = true;
    const REOPENS: bool = true;

    fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno> {
        if let Some(journal) = &mut self.journal {
            journal.append(batch)?;
        }
        let before = self.pending.len();
        self.pending.extend_from_slice(&batch[HEADER_BYTES..]);
        if self.pending.len() < PENDING_BYTES_MAX {
            return Ok(());
        }
        match self.commit() {
            // The journal has it; the next sync comes to the same end, and says so.
            Err(_) if self.journal.is_some() => Ok(()),
            Err(errno) => {
                self.pending.truncate(before);
                Err(errno)
            }
            Ok(()) => Ok(()),
        }
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.commit()
    }

    fn cut_back(&mut self) -> Result<(), Errno> {
        self.pending.clear();
        if self.database.is_some() {
            return Ok(());
        }
        self.reopen().map_err(Why::errno)
    }

    fn load(&mut self, databases: &mut Databases) -> Result<(), String> {
        let path = self.path(NAME);
        self.pending.clear();
        if self.database.is_none() {
            // Also after a failed sync: what the root leads to was safe before the root was, and opening writes the root.
            self.reopen().map_err(|why| why.at(&path).to_string())?;
        }
        self.read_into(databases).map(|_| ()).map_err(|why| format!("{path} {why}"))
    }

    fn probe(&mut self) -> Result<(), Errno> {
        let path = self.path(NEW_NAME);
        let file = File::open(self.kernel, &path, OpenFlags::RDWR | OpenFlags::CREAT)?;
        let room = file.write_all_at(&[0; 256 * 1024], 0);
        self.kernel.unlink(&path)?;
        room
    }

    fn size(&self) -> u64 {
        self.bytes
    }

    type NewPlace = ();

    fn rewrite_begin(&mut self, _salt: u64) -> Result<(), Errno> {
        Ok(())
    }

    fn rewrite_finish(&mut self, (): ()) -> Result<(), Errno> {
        Ok(())
    }

    fn rewrite_abandon(&mut self, (): ()) {}

    fn close(&mut self) -> Result<(), Errno> {
        self.commit()?;
        if let Some(journal) = self.journal.take() {
            journal.remove();
        }
        let database = self.database.take();
        match self.calls.around(|| database.map(Database::close)) {
            Some(Err(_)) => Err(self.errno()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "../../../tests/unit/embedded.rs"]
mod tests;
