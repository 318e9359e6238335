//! The append-only file: every batch of operations behind the one before, checked, and synced as often as the operator
//! wants.
//!
//! | file | what it is |
//! |---|---|
//! | `DIR/log` | the log |
//! | `DIR/log.new` | a log that is being rewritten; it has the name `log` once it is whole and synced |
//!
//! [`frame`] is a batch on the disk, [`window`] a file read from front to back, [`recover`] how a log is read back and
//! its end checked. Here is the writing: a batch is appended ([`LogFile::append`]), made safe ([`LogFile::sync`]); a
//! rewrite gathers the same data anew in a second file and takes the first one's name ([`LogFile::rewrite_finish`]).
//!
//! After an `EIO` of a sync nothing is tried again: the kernel may have dropped the pages that it could not write, and
//! a second sync that succeeds would prove nothing.

pub mod frame;
pub mod recover;
pub mod window;

use super::Databases;
use super::durable::directory::{rename_durably, sync_directory};
use super::durable::{Backend, NewPlace, OpenError, SyncCall};
use eagain_net::{Errno, File, Files, OpenFlags};
use frame::{HEADER_BYTES, PREAMBLE_BYTES};
use recover::Recovered;
use std::sync::Arc;

/// The log's name in its directory.
pub const NAME: &str = "log";
const NEW_NAME: &str = "log.new";

/// A log that is written to.
pub struct LogFile<K: Files> {
    kernel: K,
    directory: String,
    open: OpenLog<K>,
}

/// One file with the frames written to it.
pub struct OpenLog<K: Files> {
    file: Arc<File<K>>,
    salt: u64,
    /// Where the next frame goes; bytes behind it mean nothing.
    end: u64,
    /// Up to here it is safe; at most `end`.
    synced_to: u64,
    /// Frames so far.
    frames: u64,
    /// Frames up to `synced_to`.
    synced_frames: u64,
    /// `end` and `frames` as they were when a sync began.
    syncing: (u64, u64),
}

impl<K: Files> OpenLog<K> {
    /// A file, all of which is safe.
    pub fn new(file: File<K>, salt: u64, end: u64, frames: u64) -> OpenLog<K> {
        let (file, syncing) = (Arc::new(file), (end, frames));
        OpenLog { file, salt, end, synced_to: end, frames, synced_frames: frames, syncing }
    }

    /// Forgets all frames; those to come have this salt.
    pub fn restart(&mut self, salt: u64) -> Result<(), Errno> {
        self.file.set_len(0)?;
        self.file.write_all_at(&frame::preamble(salt), 0)?;
        (self.salt, self.end, self.frames) = (salt, PREAMBLE_BYTES as u64, 0);
        (self.synced_to, self.synced_frames) = (0, 0);
        Ok(())
    }

    /// Of its frames.
    pub fn salt(&self) -> u64 {
        self.salt
    }

    /// Whose file it is.
    pub fn kernel(&self) -> K {
        self.file.kernel()
    }
}

impl<K: Files> NewPlace for OpenLog<K> {
    /// Seals the frame around the batch and writes it behind the last one.
    fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno> {
        frame::seal(batch, self.salt, self.frames + 1, self.synced_to);
        self.file.write_all_at(batch, self.end)?;
        self.end += batch.len() as u64;
        self.frames += 1;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Errno> {
        if self.synced_to < self.end {
            self.file.sync_data()?;
            (self.synced_to, self.synced_frames) = (self.end, self.frames);
        }
        Ok(())
    }
}

/// A log is begun under another name and gets its own when its first bytes are safe: a log that is there is whole.
fn create<K: Files>(kernel: K, path: &str, salt: u64) -> Result<OpenLog<K>, Errno> {
    let file = File::open(kernel, path, OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::TRUNC)?;
    file.write_all_at(&frame::preamble(salt), 0)?;
    Ok(OpenLog { synced_to: 0, ..OpenLog::new(file, salt, PREAMBLE_BYTES as u64, 0) })
}

impl<K: Files> LogFile<K> {
    fn path(directory: &str, name: &str) -> String {
        format!("{directory}/{name}")
    }

    /// Opens the log in `directory`, or begins one, and reads it into `databases`. What is dropped of it is cut off at
    /// once, so that nothing is ever written behind it.
    pub fn open(
        kernel: K,
        directory: &str,
        salt: u64,
        drops_damage: bool,
        databases: &mut Databases,
    ) -> Result<(LogFile<K>, Recovered), OpenError> {
        let (path, new_path) = (Self::path(directory, NAME), Self::path(directory, NEW_NAME));
        let io = |call: &str, path: &str| {
            let place = format!("{call} {path}");
            move |errno| OpenError::Io(place, errno)
        };
        match kernel.unlink(&new_path) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(OpenError::Io(format!("unlink {new_path}"), errno)),
        }
        let file = match File::open(kernel, &path, OpenFlags::RDWR) {
            Ok(file) => file,
            Err(Errno::ENOENT) => {
                let mut open = create(kernel, &new_path, salt).map_err(io("create", &new_path))?;
                open.sync().map_err(io("fdatasync", &new_path))?;
                rename_durably(kernel, directory, &new_path, &path).map_err(io("rename to", &path))?;
                let log = LogFile { kernel, directory: directory.to_owned(), open };
                return Ok((log, Recovered::nothing(salt)));
            }
            Err(errno) => return Err(OpenError::Io(format!("open {path}"), errno)),
        };
        let length = file.stat().map_err(io("fstat", &path))?.len;
        let recovered =
            recover::recover(&file, length, databases, drops_damage).map_err(|why| match why {
                recover::Unreadable::Io(errno) => OpenError::Io(format!("read {path}"), errno),
                why => OpenError::Damaged(format!("{path} {why}")),
            })?;
        if recovered.dropped_bytes > 0 {
            file.set_len(recovered.end).map_err(io("ftruncate", &path))?;
        }
        // Also where nothing is cut: what was read may be in the page cache alone, and is about to be shown to clients.
        file.sync().map_err(io("fsync", &path))?;
        sync_directory(kernel, directory).map_err(io("fsync", directory))?;
        let open = OpenLog::new(file, recovered.salt, recovered.end, recovered.frames);
        Ok((LogFile { kernel, directory: directory.to_owned(), open }, recovered))
    }
}

impl<K: Files> Backend for LogFile<K> {
    const RESERVED_BYTES: usize = HEADER_BYTES;
    const GROWS: bool = true;
    const OUTLIVES_PROCESS: bool = true;
    const REOPENS: bool = false;

    fn append(&mut self, batch: &mut [u8]) -> Result<(), Errno> {
        self.open.append(batch)
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.open.sync()
    }

    fn sync_apart(&mut self) -> Option<SyncCall> {
        let open = &mut self.open;
        open.syncing = (open.end, open.frames);
        let is_safe = open.synced_to == open.end;
        let file = open.file.clone();
        Some(Box::new(move || if is_safe { Ok(()) } else { file.sync_data() }))
    }

    fn synced(&mut self) {
        (self.open.synced_to, self.open.synced_frames) = self.open.syncing;
    }

    fn cut_back(&mut self) -> Result<(), Errno> {
        let open = &mut self.open;
        (open.end, open.frames) = (open.synced_to, open.synced_frames);
        open.file.set_len(open.end)?;
        open.file.sync()
    }

    fn load(&mut self, databases: &mut Databases) -> Result<(), String> {
        let read = recover::recover(&self.open.file, self.open.synced_to, databases, false);
        match read {
            Ok(recovered) if recovered.dropped_bytes == 0 => Ok(()),
            Ok(recovered) => Err(format!("the log {recovered}")),
            Err(why) => Err(format!("the log {why}")),
        }
    }

    fn probe(&mut self) -> Result<(), Errno> {
        self.open.file.write_all_at(&[0; 64 * 1024], self.open.end)?;
        self.open.file.set_len(self.open.end)?;
        self.open.file.sync()
    }

    fn size(&self) -> u64 {
        self.open.end
    }

    type NewPlace = OpenLog<K>;

    fn rewrite_begin(&mut self, salt: u64) -> Result<OpenLog<K>, Errno> {
        create(self.kernel, &Self::path(&self.directory, NEW_NAME), salt)
    }

    fn rewrite_finish(&mut self, new: OpenLog<K>) -> Result<(), Errno> {
        let (from, to) = (Self::path(&self.directory, NEW_NAME), Self::path(&self.directory, NAME));
        rename_durably(self.kernel, &self.directory, &from, &to)?;
        self.open = new;
        Ok(())
    }

    fn rewrite_abandon(&mut self, _new: OpenLog<K>) {
        // It stays where it cannot go; the next start removes it.
        let _ = self.kernel.unlink(&Self::path(&self.directory, NEW_NAME));
    }

    fn close(&mut self) -> Result<(), Errno> {
        self.open.sync()?;
        // A last witness: from now on damage in the last batch is distinguished from a torn one.
        let mut empty = [0; HEADER_BYTES];
        self.open.append(&mut empty)?;
        self.open.sync()
    }
}

#[cfg(test)]
#[path = "../../../tests/unit/log.rs"]
mod tests;
