//! What is known of a file beside its contents (fs/stat.c, fs/utimes.c): stat, chmod, utimensat. The numbers, links and times of
//! what is on a disk are kept there (`object/disk/stamp.rs`).

use super::file::{disk_now, my_disk};
use crate::object::{Device, Object, OpenDevice, S_IFIFO, S_IFSOCK};
use crate::world::World;
use eagain_net::{Errno, Fd, FileStat, FileTime, Instant, Result};

/// The number of the inode that eventfds, timers, sets and the like share. Above are those of pipes and sockets, which no disk has.
pub(crate) const ON_NO_DISK: u64 = 1 << 32;

/// Which file of which host has the mode and times of an open file: also a FIFO's.
fn node(w: &World, file: u32) -> Option<(u32, u32)> {
    match w.files[file].object {
        Object::File(ref open) => Some((open.host, open.inode)),
        Object::Pipe { pipe, .. } => w.pipes[pipe as usize].name(),
        _ => None,
    }
}

/// Bytes went into an open FIFO, or came out: its times say so. A pipe without a name has none that move.
pub(super) fn note_transfer(w: &mut World, file: u32, written: bool) {
    if let Some((host, inode)) = node(w, file) {
        let disk = disk_now(w, host);
        match written {
            true => disk.note_write(inode),
            false => disk.note_read(inode),
        }
    }
}

/// Counters, timers, sets and the like, whose one inode cannot be changed (`anon_inode_setattr`, since Linux 6.16).
fn check_settable(w: &World, file: u32) -> Result<()> {
    match w.files[file].object {
        Object::Event(_) | Object::Timer(_) | Object::Signals(..) | Object::Epoll(_) | Object::Ring(_) => {
            Err(Errno::EOPNOTSUPP)
        }
        _ => Ok(()),
    }
}

pub(crate) fn fstat(w: &mut World, fd: Fd) -> Result<FileStat> {
    let file = w.file(fd)?;
    let own = ON_NO_DISK + 1 + u64::from(file);
    let (kind, permissions, inode) = match w.files[file].object {
        Object::File(ref open) => return Ok(w.hosts[open.host].disk.stat(open.inode)),
        Object::Pipe { pipe, .. } => match w.pipes[pipe as usize].name() {
            Some((host, inode)) => return Ok(w.hosts[host].disk.stat(inode)),
            None => (S_IFIFO, 0o600, ON_NO_DISK + 1 + u64::from(pipe)),
        },
        Object::Device(OpenDevice { device, .. }) => {
            let path = Device::ALL.iter().find(|(_, other)| *other == device).map_or("", |(path, _)| path);
            return stat(w, path);
        }
        Object::Socket(_) | Object::Udp(_) | Object::Unix(_) => (S_IFSOCK, 0o777, own),
        // `anon_inode_create_getfile`.
        _ => (0, 0o600, ON_NO_DISK),
    };
    // A socket has no times (`sock_alloc`); what else is on no disk is as old as its host.
    let time = match kind {
        S_IFSOCK => Instant(0),
        _ => w.hosts[w.my_host()].wall_start(),
    };
    Ok(FileStat {
        len: 0,
        is_dir: false,
        mode: kind | permissions,
        inode,
        links: 1,
        blocks: 0,
        accessed: time,
        modified: time,
        changed: time,
    })
}

pub(crate) fn stat(w: &mut World, path: &str) -> Result<FileStat> {
    let disk = my_disk(w);
    Ok(disk.stat(disk.find(path)?))
}

/// Every process is root: a name that is there can be changed.
pub(crate) fn chmod(w: &mut World, path: &str, mode: u32) -> Result<()> {
    let disk = my_disk(w);
    let inode = disk.find(path)?;
    disk.set_permissions(inode, mode);
    w.progress();
    Ok(())
}

pub(crate) fn fchmod(w: &mut World, fd: Fd, mode: u32) -> Result<()> {
    let file = w.file(fd)?;
    check_settable(w, file)?;
    if let Some((host, inode)) = node(w, file) {
        disk_now(w, host).set_permissions(inode, mode);
        w.progress();
    }
    Ok(())
}

pub(crate) fn utimensat(w: &mut World, path: &str, times: [FileTime; 2]) -> Result<()> {
    // Where nothing is to be set, nothing is looked at.
    if times == [FileTime::Omit; 2] {
        return Ok(());
    }
    let disk = my_disk(w);
    let inode = disk.find(path)?;
    disk.set_times(inode, times);
    w.progress();
    Ok(())
}

/// Those of what is on no disk do not show.
pub(crate) fn futimens(w: &mut World, fd: Fd, times: [FileTime; 2]) -> Result<()> {
    // The C library looks at that much itself.
    if fd.0 < 0 {
        return Err(Errno::EBADF);
    }
    if times == [FileTime::Omit; 2] {
        return Ok(());
    }
    let file = w.file(fd)?;
    check_settable(w, file)?;
    if let Some((host, inode)) = node(w, file) {
        disk_now(w, host).set_times(inode, times);
        w.progress();
    }
    Ok(())
}
