//! The database's file, on whichever kernel we run on.
//!
//! A call may end by unwinding: so a simulated process is killed. The library is not made for that in the middle of its
//! work, with its locks held. So it gets an error, gives everything up in order, and then unwinding goes on: see
//! [`Calls::around`].

use eagain_net::{Errno, File, Files};
use redb::StorageBackend;
use std::any::Any;
use std::fmt;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
#[expect(clippy::disallowed_types, reason = "one thread owns the database: nobody ever waits for this")]
type Cell<T> = std::sync::Mutex<T>;

/// What became of the calls that the library has made; it hands errors on in forms of its own.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Notes>);

#[derive(Default)]
struct Notes {
    /// Of the last call that failed; 0: none has.
    errno: AtomicI32,
    /// Where the last read began and ended. The library reads a page and checks it before it reads another, so that this
    /// is what it has complained of.
    read: [AtomicU64; 2],
    /// A call ended by unwinding.
    unwinding: Cell<Option<Box<dyn Any + Send>>>,
}

impl Calls {
    /// Runs a piece of the library's work. Unwinding that began in one of its calls goes on behind it.
    pub fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.errno.store(0, SeqCst);
        self.read_was(0..0);
        let result = work();
        let unwinding = self.0.unwinding.lock().ok().and_then(|mut unwinding| unwinding.take());
        match unwinding {
            Some(payload) => resume_unwind(payload),
            None => result,
        }
    }

    /// Of the last call that failed since the last piece of work began.
    pub fn failed(&self) -> Option<Errno> {
        match self.0.errno.load(SeqCst) {
            0 => None,
            number => Some(Errno(number)),
        }
    }

    fn read_was(&self, bytes: Range<u64>) {
        let [from, to] = &self.0.read;
        from.store(bytes.start, SeqCst);
        to.store(bytes.end, SeqCst);
    }

    /// The bytes that were read last since the last piece of work began; none: nothing was.
    pub fn last_read(&self) -> Range<u64> {
        let [from, to] = &self.0.read;
        from.load(SeqCst)..to.load(SeqCst)
    }

    fn call<T>(&self, call: impl FnOnce() -> Result<T, Errno>) -> io::Result<T> {
        let Ok(mut unwinding) = self.0.unwinding.lock() else { return Err(io::ErrorKind::Other.into()) };
        if unwinding.is_some() {
            return Err(io::ErrorKind::Other.into());
        }
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => result.map_err(|errno| {
                self.0.errno.store(errno.0, SeqCst);
                io::Error::from_raw_os_error(errno.0)
            }),
            Err(payload) => {
                *unwinding = Some(payload);
                Err(io::ErrorKind::Other.into())
            }
        }
    }
}

/// A file as the library wants it: bytes at offsets, a length, a sync.
pub(super) struct DatabaseFile<K: Files> {
    pub file: File<K>,
    pub calls: Calls,
}

impl<K: Files> fmt::Debug for DatabaseFile<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseFile")
    }
}

impl<K: Files> StorageBackend for DatabaseFile<K> {
    fn len(&self) -> io::Result<u64> {
        self.calls.call(|| self.file.stat()).map(|stat| stat.len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.calls.read_was(offset..offset.saturating_add(out.len() as u64));
        match self.calls.call(|| self.file.read_full_at(out, offset))? {
            read if read == out.len() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.calls.call(|| self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.calls.call(|| self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.calls.call(|| self.file.write_all_at(data, offset))
    }
}
