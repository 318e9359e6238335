//! Our server with one of its parts replaced by one that misbehaves: what stands under its log (a kernel's files), the log
//! itself, or the links to the servers behind it. Planted bugs and mutants are made of these; the server has no switch for
//! any of them, and their fixed versions run it as it is.

use eagain_net::*;
use eagain_server::cluster::link::NewLink;
use eagain_server::config::{Config, Role};
use eagain_server::server::{ServeError, serve_links, serve_storage};
use eagain_server::storage_unit::durable::{Backend, OpenError};
use eagain_server::storage_unit::log::LogFile;
use eagain_server::storage_unit::{AnyStorage, Databases, any};
use eagain_sim::SimKernel;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;

/// Serves with these links, where the role has any.
pub fn with_links(
    k: SimKernel,
    config: Config,
    log: &dyn Fn(&str),
    new_link: NewLink,
) -> Result<(), ServeError> {
    match config.role {
        Role::Access | Role::Logic => serve_links(k, &config, new_link, |_| {}),
        Role::Single | Role::Storage => super::server::SHIPPED(k, config, log),
    }
}

/// Serves from a log on a kernel whose files misbehave.
pub fn with_files<D: FileDefect>(k: SimKernel, config: Config, log: &dyn Fn(&str)) -> Result<(), ServeError> {
    with_backend(k, config, log, |options, databases| {
        open_log(Broken::<D>(k, PhantomData), options, databases)
    })
}

/// Serves from a log that misbehaves.
pub fn with_log<D: LogDefect>(k: SimKernel, config: Config, log: &dyn Fn(&str)) -> Result<(), ServeError> {
    with_backend(k, config, log, |options, databases| {
        let (log, found) = open_log(k, options, databases)?;
        Ok((BrokenLog { log, defect: D::default() }, found))
    })
}

fn with_backend<B: Backend>(
    k: SimKernel,
    config: Config,
    log: &dyn Fn(&str),
    open: impl FnOnce(&any::Options<'_>, &mut Databases) -> Result<(B, String), OpenError>,
) -> Result<(), ServeError> {
    serve_storage(
        k,
        config,
        |options| AnyStorage::over(k, options, |databases| open(options, databases)),
        log,
        |_| {},
    )
}

fn open_log<K: Files>(
    k: K,
    options: &any::Options<'_>,
    databases: &mut Databases,
) -> Result<(LogFile<K>, String), OpenError> {
    let (log, found) = LogFile::open(k, options.directory, options.seed, options.drops_damage, databases)?;
    Ok((log, found.to_string()))
}

/// What files do that misbehave; what is not given is as it should be.
pub trait FileDefect: Copy + Send + Sync + 'static {
    /// In the place of fsync(2).
    fn fsync(k: SimKernel, fd: Fd) -> Result<()> {
        k.fsync(fd)
    }

    /// In the place of fdatasync(2).
    fn fdatasync(k: SimKernel, fd: Fd) -> Result<()> {
        k.fdatasync(fd)
    }

    /// In the place of pwrite(2).
    fn pwrite(k: SimKernel, fd: Fd, bytes: &[u8], offset: u64) -> Result<usize> {
        k.pwrite(fd, bytes, offset)
    }

    /// In the place of ftruncate(2).
    fn ftruncate(k: SimKernel, fd: Fd, len: u64) -> Result<()> {
        k.ftruncate(fd, len)
    }
}

/// The simulated kernel, but for its files.
#[derive(Clone, Copy)]
struct Broken<D>(SimKernel, PhantomData<D>);

impl<D: FileDefect> Files for Broken<D> {
    fn open(&self, path: &str, flags: OpenFlags) -> Result<Fd> {
        self.0.open(path, flags)
    }
    fn lseek(&self, fd: Fd, to: std::io::SeekFrom) -> Result<u64> {
        self.0.lseek(fd, to)
    }
    fn pread(&self, fd: Fd, buffer: &mut [u8], offset: u64) -> Result<usize> {
        self.0.pread(fd, buffer, offset)
    }
    fn pwrite(&self, fd: Fd, buffer: &[u8], offset: u64) -> Result<usize> {
        D::pwrite(self.0, fd, buffer, offset)
    }
    fn fsync(&self, fd: Fd) -> Result<()> {
        D::fsync(self.0, fd)
    }
    fn fdatasync(&self, fd: Fd) -> Result<()> {
        D::fdatasync(self.0, fd)
    }
    fn flock(&self, fd: Fd, lock: FileLock) -> Result<()> {
        self.0.flock(fd, lock)
    }
    fn flock_wait(&self, fd: Fd, lock: FileLock) -> Result<()> {
        self.0.flock_wait(fd, lock)
    }
    fn fcntl_setlk(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        self.0.fcntl_setlk(fd, lock)
    }
    fn fcntl_setlkw(&self, fd: Fd, lock: RecordLock) -> Result<()> {
        self.0.fcntl_setlkw(fd, lock)
    }
    fn fcntl_getlk(&self, fd: Fd, lock: RecordLock) -> Result<Option<(RecordLock, i32)>> {
        self.0.fcntl_getlk(fd, lock)
    }
    fn ftruncate(&self, fd: Fd, len: u64) -> Result<()> {
        D::ftruncate(self.0, fd, len)
    }
    fn fstat(&self, fd: Fd) -> Result<FileStat> {
        self.0.fstat(fd)
    }
    fn stat(&self, path: &str) -> Result<FileStat> {
        self.0.stat(path)
    }
    fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        self.0.chmod(path, mode)
    }
    fn fchmod(&self, fd: Fd, mode: u32) -> Result<()> {
        self.0.fchmod(fd, mode)
    }
    fn utimensat(&self, path: &str, times: [FileTime; 2]) -> Result<()> {
        self.0.utimensat(path, times)
    }
    fn futimens(&self, fd: Fd, times: [FileTime; 2]) -> Result<()> {
        self.0.futimens(fd, times)
    }
    fn mkfifo(&self, path: &str) -> Result<()> {
        self.0.mkfifo(path)
    }
    fn link(&self, from: &str, to: &str) -> Result<()> {
        self.0.link(from, to)
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.0.rename(from, to)
    }
    fn unlink(&self, path: &str) -> Result<()> {
        self.0.unlink(path)
    }
    fn mkdir(&self, path: &str) -> Result<()> {
        self.0.mkdir(path)
    }
    fn rmdir(&self, path: &str) -> Result<()> {
        self.0.rmdir(path)
    }
    fn read_dir(&self, path: &str) -> Result<Vec<String>> {
        self.0.read_dir(path)
    }
}

impl<D: FileDefect> Descriptors for Broken<D> {
    fn close(&self, fd: Fd) -> Result<()> {
        self.0.close(fd)
    }
    fn dup(&self, fd: Fd) -> Result<Fd> {
        self.0.dup(fd)
    }
    fn fcntl_dupfd(&self, fd: Fd, least: i32) -> Result<Fd> {
        self.0.fcntl_dupfd(fd, least)
    }
    fn dup3(&self, fd: Fd, to: Fd) -> Result<Fd> {
        self.0.dup3(fd, to)
    }
    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize> {
        self.0.read(fd, buffer)
    }
    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize> {
        self.0.write(fd, buffer)
    }
    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.0.readv(fd, buffers)
    }
    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
        self.0.writev(fd, buffers)
    }
    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags> {
        self.0.fcntl_getfl(fd)
    }
    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()> {
        self.0.fcntl_setfl(fd, flags)
    }
}

/// The server's log.
pub type Log = LogFile<SimKernel>;

/// What a log does that misbehaves; what is not given is as it should be.
pub trait LogDefect: Default + Send + 'static {
    /// In the place of [`Backend::OUTLIVES_PROCESS`].
    const OUTLIVES_PROCESS: bool = Log::OUTLIVES_PROCESS;

    /// In the place of [`Backend::append`].
    fn append(&mut self, log: &mut Log, batch: &mut [u8]) -> Result<()> {
        log.append(batch)
    }

    /// In the place of [`Backend::sync`].
    fn sync(&mut self, log: &mut Log) -> Result<()> {
        log.sync()
    }

    /// In the place of [`Backend::probe`].
    fn probe(&mut self, log: &mut Log) -> Result<()> {
        log.probe()
    }
}

struct BrokenLog<D> {
    log: Log,
    defect: D,
}

impl<D: LogDefect> Backend for BrokenLog<D> {
    const RESERVED_BYTES: usize = Log::RESERVED_BYTES;
    const GROWS: bool = Log::GROWS;
    const OUTLIVES_PROCESS: bool = D::OUTLIVES_PROCESS;
    const REOPENS: bool = Log::REOPENS;

    fn append(&mut self, batch: &mut [u8]) -> Result<()> {
        self.defect.append(&mut self.log, batch)
    }
    fn sync(&mut self) -> Result<()> {
        self.defect.sync(&mut self.log)
    }
    fn cut_back(&mut self) -> Result<()> {
        self.log.cut_back()
    }
    fn load(&mut self, databases: &mut Databases) -> Result<(), String> {
        self.log.load(databases)
    }
    fn probe(&mut self) -> Result<()> {
        self.defect.probe(&mut self.log)
    }
    fn size(&self) -> u64 {
        self.log.size()
    }
    type NewPlace = <Log as Backend>::NewPlace;
    fn rewrite_begin(&mut self, salt: u64) -> Result<Self::NewPlace> {
        self.log.rewrite_begin(salt)
    }
    fn rewrite_finish(&mut self, new: Self::NewPlace) -> Result<()> {
        self.log.rewrite_finish(new)
    }
    fn rewrite_abandon(&mut self, new: Self::NewPlace) {
        self.log.rewrite_abandon(new);
    }
    fn close(&mut self) -> Result<()> {
        self.log.close()
    }
}
