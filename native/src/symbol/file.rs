//! Files: a path that a program opens is one of its host's simulated disk, whatever is on the machine's.

use super::descriptor::made;
use super::directory::{path as from_root, stat_at};
use super::{KERNEL, buffer, bytes, symbols, there};
use crate::context::Context;
use crate::escape::escape;
use eagain_net::{Descriptors, Errno, Fd, FileStat, FileTime, Files, Instant, OpenFlags, Result};
use eagain_sim::native;
use libc::{mode_t, off64_t, size_t, ssize_t};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io::SeekFrom;

type Stat = libc::stat64;

symbols! {
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int =
        SYS_openat(libc::AT_FDCWD, path, flags, mode), |context| {
        open_at(context, &from_root(context, path)?, flags, mode)
    };

    fn pread64(fd: c_int, to: *mut c_void, length: size_t, offset: off64_t) -> ssize_t =
        SYS_pread64(fd, to, length, offset), |_| KERNEL.pread(Fd(fd), buffer(to, length), position(offset)?);

    fn pwrite64(fd: c_int, from: *const c_void, length: size_t, offset: off64_t) -> ssize_t =
        SYS_pwrite64(fd, from, length, offset), |_| KERNEL.pwrite(Fd(fd), bytes(from, length), position(offset)?);

    fn fsync(fd: c_int) -> c_int = SYS_fsync(fd), |_| KERNEL.fsync(Fd(fd));

    fn fdatasync(fd: c_int) -> c_int = SYS_fdatasync(fd), |_| KERNEL.fdatasync(Fd(fd));

    fn ftruncate64(fd: c_int, length: off64_t) -> c_int = SYS_ftruncate(fd, length), |_| {
        KERNEL.ftruncate(Fd(fd), position(length)?)
    };

    fn fstat64(fd: c_int, to: *mut Stat) -> c_int = SYS_fstat(fd, to), |_| {
        write_stat(stat_of_open(fd)?, to)
    };

    fn stat64(path: *const c_char, to: *mut Stat) -> c_int = SYS_stat(path, to), |context| {
        write_stat(KERNEL.stat(&from_root(context, path)?)?, to)
    };

    fn lstat64(path: *const c_char, to: *mut Stat) -> c_int = SYS_lstat(path, to), |context| {
        write_stat(KERNEL.stat(&from_root(context, path)?)?, to)
    };

    fn statx(directory: c_int, path: *const c_char, flags: c_int, mask: c_uint, to: *mut libc::statx) -> c_int =
        SYS_statx(directory, path, flags, mask, to), |context| {
        // std asks whether there is this call with null pointers.
        if to.is_null() {
            return Err(Errno::EFAULT);
        }
        if mask & libc::STATX__RESERVED as c_uint != 0 {
            return Err(Errno::EINVAL);
        }
        let stat = stat_at(context, directory, path, flags)?;
        let mut wide: libc::statx = std::mem::zeroed();
        // When it was made is not known, as on some file systems of Linux.
        wide.stx_mask = libc::STATX_BASIC_STATS;
        wide.stx_mode = stat.mode as u16;
        wide.stx_size = stat.len;
        wide.stx_ino = stat.inode;
        wide.stx_nlink = stat.links;
        wide.stx_blocks = stat.blocks;
        wide.stx_blksize = BLOCK as u32;
        let time = |at: Instant| {
            let mut time: libc::statx_timestamp = std::mem::zeroed();
            let (seconds, nanoseconds) = seconds(at);
            (time.tv_sec, time.tv_nsec) = (seconds, nanoseconds as u32);
            time
        };
        wide.stx_atime = time(stat.accessed);
        wide.stx_mtime = time(stat.modified);
        wide.stx_ctime = time(stat.changed);
        let device = device(&stat);
        (wide.stx_dev_major, wide.stx_dev_minor) = (libc::major(device), libc::minor(device));
        *to = wide;
        Ok(())
    };

    fn rename(from: *const c_char, to: *const c_char) -> c_int = SYS_rename(from, to), |context| {
        KERNEL.rename(&from_root(context, from)?, &from_root(context, to)?)
    };

    fn unlink(path: *const c_char) -> c_int = SYS_unlink(path), |context| {
        KERNEL.unlink(&from_root(context, path)?)
    };

    fn mkdir(path: *const c_char, mode: mode_t) -> c_int = SYS_mkdir(path, mode), |context| {
        make_directory(context, &from_root(context, path)?, mode)
    };

    fn lseek64(fd: c_int, offset: off64_t, whence: c_int) -> off64_t = SYS_lseek(fd, offset, whence), |_| {
        let to = match whence {
            libc::SEEK_SET => SeekFrom::Start(position(offset)?),
            libc::SEEK_CUR => SeekFrom::Current(offset),
            libc::SEEK_END => SeekFrom::End(offset),
            libc::SEEK_DATA | libc::SEEK_HOLE => {
                escape("lseek", " for holes");
                return Err(Errno::EINVAL);
            }
            _ => return Err(Errno::EINVAL),
        };
        KERNEL.lseek(Fd(fd), to).map(|at| at as i64)
    };

    fn access(path: *const c_char, mode: c_int) -> c_int = SYS_access(path, mode), |context| {
        KERNEL.stat(&from_root(context, path)?).map(drop)
    };

    // There are no links.
    fn readlink(path: *const c_char, to: *mut c_char, length: size_t) -> ssize_t = SYS_readlink(path, to, length), |context| {
        KERNEL.stat(&from_root(context, path)?)?;
        Err::<usize, _>(Errno::EINVAL)
    };
}

/// A name of libc's for the same function where `off_t` has 64 bits anyway.
macro_rules! same {
    ($($name:ident = $as:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                $as($($argument),*)
            }
        )*
    };
}

same! {
    open = open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    pread = pread64(fd: c_int, to: *mut c_void, length: size_t, offset: off64_t) -> ssize_t;
    pwrite = pwrite64(fd: c_int, from: *const c_void, length: size_t, offset: off64_t) -> ssize_t;
    ftruncate = ftruncate64(fd: c_int, length: off64_t) -> c_int;
    fstat = fstat64(fd: c_int, to: *mut Stat) -> c_int;
    stat = stat64(path: *const c_char, to: *mut Stat) -> c_int;
    lseek = lseek64(fd: c_int, offset: off64_t, whence: c_int) -> off64_t;
}

/// What processes begin with.
pub const UMASK: u32 = 0o022;

pub fn open_at(context: &Context, path: &str, flags: c_int, mode: mode_t) -> Result<Fd> {
    let is_new = flags & libc::O_CREAT != 0 && native::permissions(path).is_none();
    let fd = KERNEL.open(path, OpenFlags(flags))?;
    if is_new {
        native::set_permissions(path, permissions(context, mode));
    }
    Ok(made(context, fd, flags & libc::O_CLOEXEC != 0))
}

pub fn make_directory(context: &Context, path: &str, mode: mode_t) -> Result<()> {
    KERNEL.mkdir(path)?;
    native::set_permissions(path, permissions(context, mode));
    Ok(())
}

/// `mknod(2)`: FIFOs and empty files, as anybody may make them.
pub fn make_node(context: &Context, path: &str, mode: mode_t) -> Result<()> {
    match mode & libc::S_IFMT {
        libc::S_IFIFO => KERNEL.mkfifo(path)?,
        0 | libc::S_IFREG => {
            let fd = KERNEL.open(path, OpenFlags(libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY))?;
            KERNEL.close(fd)?;
        }
        kind => escape("mknod", &format!(" of the kind {kind:#o}")),
    }
    native::set_permissions(path, permissions(context, mode));
    Ok(())
}

fn position(offset: off64_t) -> Result<u64> {
    u64::try_from(offset).map_err(|_| Errno::EINVAL)
}

/// What `stat(2)` says of a descriptor.
pub fn stat_of_open(fd: c_int) -> Result<FileStat> {
    KERNEL.fstat(Fd(fd))
}

/// The permissions of what a call of the running process makes.
pub fn permissions(context: &Context, mode: mode_t) -> u32 {
    mode & 0o7777 & !context.state.umasks.borrow().get(&context.process).copied().unwrap_or(UMASK)
}

/// What reads and writes do best with, in bytes.
const BLOCK: i64 = 4096;

/// What a file is on: the disk, or what Linux keeps pipes, sockets and the rest on.
fn device(stat: &FileStat) -> libc::dev_t {
    match stat.mode & libc::S_IFMT {
        libc::S_IFCHR => libc::makedev(0, 5),
        _ if !native::is_on_no_disk(stat) => libc::makedev(8, 1),
        libc::S_IFSOCK => libc::makedev(0, 8),
        libc::S_IFIFO => libc::makedev(0, 13),
        _ => libc::makedev(0, 14),
    }
}

fn seconds(at: Instant) -> (i64, i64) {
    ((at.0 / 1_000_000_000) as i64, (at.0 % 1_000_000_000) as i64)
}

/// The times that utimensat(2) is given: without any, now.
pub unsafe fn times(of: *const libc::timespec) -> Result<[FileTime; 2]> {
    if of.is_null() {
        return Ok([FileTime::Now; 2]);
    }
    let one = |at: usize| {
        let time = *of.add(at);
        match time.tv_nsec {
            libc::UTIME_NOW => Ok(FileTime::Now),
            libc::UTIME_OMIT => Ok(FileTime::Omit),
            0..1_000_000_000 => {
                let Ok(seconds) = u64::try_from(time.tv_sec) else {
                    escape("utimensat", " with a time before 1970");
                    return Err(Errno::EINVAL);
                };
                let at = seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64);
                Ok(FileTime::At(Instant(at)))
            }
            _ => Err(Errno::EINVAL),
        }
    };
    Ok([one(0)?, one(1)?])
}

pub unsafe fn write_stat(stat: FileStat, to: *mut Stat) -> Result<()> {
    there(to)?;
    let mut wide: Stat = std::mem::zeroed();
    wide.st_dev = device(&stat);
    wide.st_ino = stat.inode;
    wide.st_mode = stat.mode;
    wide.st_size = stat.len as off64_t;
    wide.st_nlink = stat.links.into();
    wide.st_blksize = BLOCK;
    wide.st_blocks = stat.blocks as i64;
    (wide.st_atime, wide.st_atime_nsec) = seconds(stat.accessed);
    (wide.st_mtime, wide.st_mtime_nsec) = seconds(stat.modified);
    (wide.st_ctime, wide.st_ctime_nsec) = seconds(stat.changed);
    *to = wide;
    Ok(())
}
