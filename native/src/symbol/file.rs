//! Files: a path that a program opens is one of its host's simulated disk, whatever is on the machine's.

use super::descriptor::made;
use super::directory::{path as from_root, path_at};
use super::{KERNEL, buffer, bytes, is_console, symbols, text, there};
use crate::context::Context;
use crate::escape::escape;
use eagain_net::{Descriptors, Errno, Fd, FileStat, Files, OpenFlags, Result};
use eagain_sim::native;
use libc::{mode_t, off64_t, size_t, ssize_t};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io::SeekFrom;

type Stat = libc::stat64;

symbols! {
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int =
        SYS_openat(libc::AT_FDCWD, path, flags, mode), |context| open_at(context, &from_root(context, path)?, flags);

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
        write_stat(stat_of(&from_root(context, path)?)?, to)
    };

    fn lstat64(path: *const c_char, to: *mut Stat) -> c_int = SYS_lstat(path, to), |context| {
        write_stat(stat_of(&from_root(context, path)?)?, to)
    };

    fn statx(directory: c_int, path: *const c_char, flags: c_int, mask: c_uint, to: *mut libc::statx) -> c_int =
        SYS_statx(directory, path, flags, mask, to), |context| {
        // std asks whether there is this call with null pointers.
        if to.is_null() {
            return Err(Errno::EFAULT);
        }
        let is_own = text(path)?.is_empty();
        let stat = if is_own { stat_of_open(directory)? } else { stat_of(&path_at(context, directory, path)?)? };
        let mut wide: libc::statx = std::mem::zeroed();
        wide.stx_mask = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_SIZE;
        wide.stx_mode = mode_of(stat) as u16;
        wide.stx_size = length_of(stat);
        wide.stx_blksize = 4096;
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
        KERNEL.mkdir(&from_root(context, path)?)
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
        stat_of(&from_root(context, path)?).map(drop)
    };

    // There are no links.
    fn readlink(path: *const c_char, to: *mut c_char, length: size_t) -> ssize_t = SYS_readlink(path, to, length), |context| {
        stat_of(&from_root(context, path)?)?;
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

pub fn open_at(context: &Context, path: &str, flags: c_int) -> Result<Fd> {
    let fd = KERNEL.open(path, OpenFlags(flags))?;
    Ok(made(context, fd, flags & libc::O_CLOEXEC != 0))
}

fn position(offset: off64_t) -> Result<u64> {
    u64::try_from(offset).map_err(|_| Errno::EINVAL)
}

/// What `stat(2)` says of a path or a descriptor.
#[derive(Clone, Copy)]
pub enum Stated {
    File(FileStat),
    Console,
    Device,
    Socket,
    Pipe,
}

/// Of a descriptor.
pub fn stat_of_open(fd: c_int) -> Result<Stated> {
    if is_console(fd) {
        return Ok(Stated::Console);
    }
    let stat = KERNEL.fstat(Fd(fd))?;
    Ok(if native::socket_kind(Fd(fd)).is_some() {
        Stated::Socket
    } else if native::readable(Fd(fd)).is_some() {
        Stated::Pipe
    } else if native::is_device(Fd(fd)) {
        Stated::Device
    } else {
        Stated::File(stat)
    })
}

pub fn stat_of(path: &str) -> Result<Stated> {
    let fd = KERNEL.open(path, OpenFlags::NONE)?;
    let stat = stat_of_open(fd.0);
    let _ = KERNEL.close(fd);
    stat
}

fn mode_of(stat: Stated) -> mode_t {
    match stat {
        Stated::File(stat) if stat.is_dir => libc::S_IFDIR | 0o755,
        Stated::File(_) => libc::S_IFREG | 0o644,
        Stated::Console => libc::S_IFCHR | 0o620,
        Stated::Device => libc::S_IFCHR | 0o666,
        Stated::Socket => libc::S_IFSOCK | 0o777,
        Stated::Pipe => libc::S_IFIFO | 0o600,
    }
}

fn length_of(stat: Stated) -> u64 {
    if let Stated::File(stat) = stat { stat.len } else { 0 }
}

pub unsafe fn write_stat(stat: Stated, to: *mut Stat) -> Result<()> {
    there(to)?;
    let mut wide: Stat = std::mem::zeroed();
    wide.st_mode = mode_of(stat);
    wide.st_size = length_of(stat) as off64_t;
    wide.st_nlink = 1;
    wide.st_blksize = 4096;
    wide.st_blocks = length_of(stat).div_ceil(512) as i64;
    *to = wide;
    Ok(())
}
