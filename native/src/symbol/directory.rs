//! Directories: the working directory, which is the simulator's business, since paths of the simulated kernel begin at the root;
//! the calls that name a directory by a descriptor; and `getdents64(2)`.

use super::{KERNEL, buffer, file, symbols, text};
use crate::context::Context;
use eagain_net::{Descriptors, Errno, Fd, FileLock, FileStat, Files, OpenFlags, Result};
use eagain_sim::native;
use libc::size_t;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::io::SeekFrom;

/// Bytes of a `struct linux_dirent64` in front of the name.
const ENTRY_BYTES: usize = 19;

/// A path that a program of this context gives, from the root.
pub unsafe fn path(context: &Context, pointer: *const c_char) -> Result<String> {
    let path = text(pointer)?;
    if path.is_empty() || path.starts_with('/') {
        return Ok(path);
    }
    let folders = context.state.folders.borrow();
    Ok(folders.get(&context.process).map_or(path.clone(), |folder| format!("{folder}/{path}")))
}

/// The same with the descriptor of a directory that it is relative to.
pub unsafe fn path_at(context: &Context, directory: c_int, pointer: *const c_char) -> Result<String> {
    if directory == libc::AT_FDCWD {
        return path(context, pointer);
    }
    let path = text(pointer)?;
    if path.starts_with('/') || path.is_empty() {
        return Ok(path);
    }
    Ok(format!("{}/{path}", native::path_of(Fd(directory))?))
}

symbols! {
    fn chdir(to: *const c_char) -> c_int = SYS_chdir(to), |context| {
        let path = path(context, to)?;
        let fd = KERNEL.open(&path, OpenFlags::DIRECTORY)?;
        KERNEL.close(fd)?;
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        let folder: String = parts.iter().map(|part| format!("/{part}")).collect();
        context.state.folders.borrow_mut().insert(context.process, folder);
        Ok(())
    };
}

/// The working directory.
pub fn working(context: &Context) -> String {
    let folders = context.state.folders.borrow();
    folders.get(&context.process).filter(|folder| !folder.is_empty()).map_or("/".into(), Clone::clone)
}

/// `getdents64(2)`: the position of the open directory is the number of the next entry, in the order of names, `.` and `..` first.
unsafe fn entries(fd: c_int, to: *mut c_void, length: size_t) -> Result<usize> {
    let first = KERNEL.lseek(Fd(fd), SeekFrom::Current(0)).map_err(|errno| match errno {
        Errno::ESPIPE => Errno::ENOTDIR,
        other => other,
    })? as usize;
    let own = KERNEL.fstat(Fd(fd))?;
    let dots = [".", ".."].map(|name| (name.to_owned(), own));
    let names = dots.into_iter().chain(native::entries(Fd(fd))?);
    let to = buffer(to, length);
    let mut used = 0;
    let mut next = first;
    for (number, (name, stat)) in names.enumerate().skip(first) {
        let bytes = (ENTRY_BYTES + name.len() + 1).next_multiple_of(8);
        if used + bytes > to.len() {
            if used == 0 {
                return Err(Errno::EINVAL);
            }
            break;
        }
        next = number + 1;
        let entry = &mut to[used..used + bytes];
        entry.fill(0);
        entry[..8].copy_from_slice(&stat.inode.to_ne_bytes());
        entry[8..16].copy_from_slice(&(next as u64).to_ne_bytes());
        entry[16..18].copy_from_slice(&(bytes as u16).to_ne_bytes());
        // `DT_DIR` and the others are kinds of a mode.
        entry[18] = (stat.mode >> 12) as u8 & 15;
        entry[ENTRY_BYTES..ENTRY_BYTES + name.len()].copy_from_slice(name.as_bytes());
        used += bytes;
    }
    KERNEL.lseek(Fd(fd), SeekFrom::Start(next as u64))?;
    Ok(used)
}

/// The calls that name files by a directory's descriptor, and a few about directories; `None`: it is none of them. As the
/// harness.
pub unsafe fn by_number(context: &Context, call: c_long, arguments: [c_long; 6]) -> Option<Result<i64>> {
    let [a, b, c, d, e, _] = arguments;
    let at = |directory: c_long, name: c_long| path_at(context, directory as c_int, name as *const c_char);
    let done = |result: Result<()>| result.map(|()| 0);
    Some(match call {
        libc::SYS_getcwd => {
            let folder = working(context);
            let to = buffer(a as *mut c_void, b as size_t);
            if to.len() <= folder.len() {
                return Some(Err(Errno::ERANGE));
            }
            to[..folder.len()].copy_from_slice(folder.as_bytes());
            to[folder.len()] = 0;
            Ok(folder.len() as i64 + 1)
        }
        libc::SYS_getdents64 => entries(a as c_int, b as *mut c_void, c as size_t).map(|used| used as i64),
        libc::SYS_openat => at(a, b)
            .and_then(|path| file::open_at(context, &path, c as c_int, d as u32))
            .map(|fd| fd.0.into()),
        libc::SYS_mkdirat => done(at(a, b).and_then(|path| file::make_directory(context, &path, c as u32))),
        libc::SYS_mknod => {
            done(at(libc::AT_FDCWD.into(), a).and_then(|path| file::make_node(context, &path, b as u32)))
        }
        libc::SYS_mknodat => done(at(a, b).and_then(|path| file::make_node(context, &path, c as u32))),
        libc::SYS_unlinkat if c as c_int & libc::AT_REMOVEDIR != 0 => {
            done(at(a, b).and_then(|path| KERNEL.rmdir(&path)))
        }
        libc::SYS_unlinkat => done(at(a, b).and_then(|path| KERNEL.unlink(&path))),
        libc::SYS_rmdir => done(at(libc::AT_FDCWD.into(), a).and_then(|path| KERNEL.rmdir(&path))),
        libc::SYS_renameat => {
            done(at(a, b).and_then(|from| at(c, d).and_then(|to| KERNEL.rename(&from, &to))))
        }
        libc::SYS_link => {
            let here = libc::AT_FDCWD.into();
            done(at(here, a).and_then(|from| at(here, b).and_then(|to| KERNEL.link(&from, &to))))
        }
        libc::SYS_linkat if e as c_int & libc::AT_EMPTY_PATH == 0 => {
            done(at(a, b).and_then(|from| at(c, d).and_then(|to| KERNEL.link(&from, &to))))
        }
        libc::SYS_renameat2 if e == 0 => {
            done(at(a, b).and_then(|from| at(c, d).and_then(|to| KERNEL.rename(&from, &to))))
        }
        libc::SYS_faccessat | libc::SYS_faccessat2 => {
            done(at(a, b).and_then(|path| KERNEL.stat(&path)).map(drop))
        }
        libc::SYS_readlinkat => at(a, b).and_then(|path| KERNEL.stat(&path)).and(Err(Errno::EINVAL)),
        libc::SYS_newfstatat => {
            let stat = stat_at(context, a as c_int, b as *const c_char, d as c_int);
            done(stat.and_then(|stat| file::write_stat(stat, c as *mut libc::stat64)))
        }
        libc::SYS_chmod => {
            done(at(libc::AT_FDCWD.into(), a).and_then(|path| KERNEL.chmod(&path, b as u32 & 0o7777)))
        }
        libc::SYS_fchmodat => done(at(a, b).and_then(|path| KERNEL.chmod(&path, c as u32 & 0o7777))),
        libc::SYS_fchmod => done(KERNEL.fchmod(Fd(a as c_int), b as u32 & 0o7777)),
        libc::SYS_utimensat => done(set_times(context, arguments)),
        // There are no owners: every process is root.
        libc::SYS_fchown => done(KERNEL.fstat(Fd(a as c_int)).map(drop)),
        libc::SYS_chown | libc::SYS_lchown => {
            done(at(libc::AT_FDCWD.into(), a).and_then(|path| KERNEL.stat(&path)).map(drop))
        }
        libc::SYS_fchownat if e as c_int & libc::AT_EMPTY_PATH == 0 => {
            done(at(a, b).and_then(|path| KERNEL.stat(&path)).map(drop))
        }
        libc::SYS_umask => {
            let mut umasks = context.state.umasks.borrow_mut();
            Ok(umasks.insert(context.process, a as u32 & 0o777).unwrap_or(file::UMASK).into())
        }
        libc::SYS_flock => done(flock(Fd(a as c_int), b as c_int)),
        libc::SYS_truncate => {
            let open = at(libc::AT_FDCWD.into(), a).and_then(|path| KERNEL.open(&path, OpenFlags::WRONLY));
            done(open.and_then(|fd| {
                let result =
                    u64::try_from(b).map_err(|_| Errno::EINVAL).and_then(|to| KERNEL.ftruncate(fd, to));
                KERNEL.close(fd).and(result)
            }))
        }
        // Advice, and a write-out that promises nothing.
        libc::SYS_sync_file_range | libc::SYS_fadvise64 => done(KERNEL.fstat(Fd(a as c_int)).map(drop)),
        libc::SYS_fallocate => Err(Errno::EOPNOTSUPP),
        // Who copies files so reads and writes where there is no such call.
        libc::SYS_copy_file_range | libc::SYS_sendfile | libc::SYS_splice => Err(Errno::ENOSYS),
        _ => return None,
    })
}

/// What stat(2) says of a path from a directory; with `AT_EMPTY_PATH` and no path, of the descriptor itself.
pub unsafe fn stat_at(context: &Context, from: c_int, path: *const c_char, flags: c_int) -> Result<FileStat> {
    let is_empty = flags & libc::AT_EMPTY_PATH != 0 && (path.is_null() || *path == 0);
    match is_empty {
        true if from == libc::AT_FDCWD => KERNEL.stat(&working(context)),
        true => KERNEL.fstat(Fd(from)),
        false => KERNEL.stat(&path_at(context, from, path)?),
    }
}

/// `utimensat(2)`, in the order in which Linux looks at its arguments.
unsafe fn set_times(context: &Context, [from, path, times, flags, ..]: [c_long; 6]) -> Result<()> {
    let (from, path, flags) = (from as c_int, path as *const c_char, flags as c_int);
    let times = times as *const libc::timespec;
    if !times.is_null() && (0..2).all(|at| (*times.add(at)).tv_nsec == libc::UTIME_OMIT) {
        return Ok(());
    }
    let by_descriptor = path.is_null() && from != libc::AT_FDCWD;
    let known = libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;
    if flags & !known != 0 || by_descriptor && flags != 0 {
        return Err(Errno::EINVAL);
    }
    if path.is_null() && !by_descriptor {
        return Err(Errno::EFAULT);
    }
    let is_empty = flags & libc::AT_EMPTY_PATH != 0 && from != libc::AT_FDCWD && *path == 0;
    if by_descriptor || is_empty {
        return KERNEL.futimens(Fd(from), file::times(times)?);
    }
    KERNEL.utimensat(&path_at(context, from, path)?, file::times(times)?)
}

fn flock(fd: Fd, operation: c_int) -> Result<()> {
    let lock = match operation & !libc::LOCK_NB {
        libc::LOCK_EX => FileLock::Exclusive,
        libc::LOCK_SH => FileLock::Shared,
        libc::LOCK_UN => FileLock::Unlock,
        _ => return Err(Errno::EINVAL),
    };
    if operation & libc::LOCK_NB == 0 { KERNEL.flock_wait(fd, lock) } else { KERNEL.flock(fd, lock) }
}
