//! Names and directories (fs/namei.c, fs/readdir.c).

use super::file::{disk_now, disk_of, get_open, my_disk};
use crate::object::{Last, check_path};
use crate::world::World;
use eagain_net::{Errno, Fd, FileStat, Result};

/// A new file or directory with this name in a directory.
pub(super) fn create_inode(w: &mut World, path: &str, (directory, name): (u32, &str), is_dir: bool) -> u32 {
    let made = format!("{}:{path}", w.hosts[w.my_host()].name());
    my_disk(w).create(made, (directory, name), is_dir)
}

pub(crate) fn rename(w: &mut World, from: &str, to: &str) -> Result<()> {
    if from.contains('\0') || to.contains('\0') {
        return Err(Errno::EINVAL);
    }
    let disk = my_disk(w);
    let (from, to) = (disk.parent(from)?, disk.parent(to)?);
    let (Last::Name(from_name), Last::Name(to_name)) = (from.last, to.last) else { return Err(Errno::EBUSY) };
    let inode = disk.entry(from.directory(), from_name)?.ok_or(Errno::ENOENT)?;
    let target = disk.entry(to.directory(), to_name)?;
    let is_dir = disk.inode(inode).is_dir();
    if !is_dir && (from.slashes || to.slashes) {
        return Err(Errno::ENOTDIR);
    }
    // Neither is an ancestor of the other.
    if to.way.contains(&inode) {
        return Err(Errno::EINVAL);
    }
    if let Some(target) = target {
        if from.way.contains(&target) {
            return Err(Errno::ENOTEMPTY);
        }
        if target == inode {
            return Ok(());
        }
        match (disk.inode(target).directory(), is_dir) {
            (Some(_), false) => return Err(Errno::EISDIR),
            (None, true) => return Err(Errno::ENOTDIR),
            (Some(d), true) if !d.is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
    }
    disk.change(vec![
        (to.directory(), to_name.to_owned(), Some(inode)),
        (from.directory(), from_name.to_owned(), None),
    ]);
    w.progress();
    Ok(())
}

/// `do_linkat`.
pub(crate) fn link(w: &mut World, from: &str, to: &str) -> Result<()> {
    if from.contains('\0') || to.contains('\0') {
        return Err(Errno::EINVAL);
    }
    let disk = my_disk(w);
    let inode = disk.find(from)?;
    let to = disk.parent(to)?;
    let Last::Name(name) = to.last else { return Err(Errno::EEXIST) };
    if disk.entry(to.directory(), name)?.is_some() {
        return Err(Errno::EEXIST);
    }
    if to.slashes {
        return Err(Errno::ENOENT);
    }
    if disk.inode(inode).is_dir() {
        return Err(Errno::EPERM);
    }
    disk.change(vec![(to.directory(), name.to_owned(), Some(inode))]);
    w.progress();
    Ok(())
}

pub(crate) fn unlink(w: &mut World, path: &str) -> Result<()> {
    let disk = my_disk(w);
    let parent = disk.parent(path)?;
    let Last::Name(name) = parent.last else { return Err(Errno::EISDIR) };
    let inode = disk.entry(parent.directory(), name)?.ok_or(Errno::ENOENT)?;
    if disk.inode(inode).is_dir() {
        return Err(Errno::EISDIR);
    }
    if parent.slashes {
        return Err(Errno::ENOTDIR);
    }
    disk.change(vec![(parent.directory(), name.to_owned(), None)]);
    w.progress();
    Ok(())
}

pub(crate) fn mkdir(w: &mut World, path: &str) -> Result<()> {
    let disk = my_disk(w);
    let parent = disk.parent(path)?;
    let Last::Name(name) = parent.last else { return Err(Errno::EEXIST) };
    if disk.entry(parent.directory(), name)?.is_some() {
        return Err(Errno::EEXIST);
    }
    create_inode(w, path, (parent.directory(), name), true);
    w.progress();
    Ok(())
}

/// `mknod(2)` of a FIFO, which is one once it is opened.
pub(crate) fn mkfifo(w: &mut World, path: &str) -> Result<()> {
    let disk = my_disk(w);
    let parent = disk.parent(path)?;
    let Last::Name(name) = parent.last else { return Err(Errno::EEXIST) };
    if disk.entry(parent.directory(), name)?.is_some() {
        return Err(Errno::EEXIST);
    }
    if parent.slashes {
        return Err(Errno::ENOENT);
    }
    let inode = create_inode(w, path, (parent.directory(), name), false);
    my_disk(w).make_fifo(inode);
    w.progress();
    Ok(())
}

pub(crate) fn rmdir(w: &mut World, path: &str) -> Result<()> {
    let disk = my_disk(w);
    let parent = disk.parent(path)?;
    let Last::Name(name) = parent.last else {
        let path = path.trim_end_matches('/');
        return Err(match path.rsplit('/').next() {
            Some("..") => Errno::ENOTEMPTY,
            Some(".") => Errno::EINVAL,
            _ => Errno::EBUSY,
        });
    };
    let inode = disk.entry(parent.directory(), name)?.ok_or(Errno::ENOENT)?;
    match disk.inode(inode).directory() {
        None => return Err(Errno::ENOTDIR),
        Some(directory) if !directory.is_empty() => return Err(Errno::ENOTEMPTY),
        Some(_) => {}
    }
    disk.change(vec![(parent.directory(), name.to_owned(), None)]);
    w.progress();
    Ok(())
}

/// Where an open directory is.
pub(crate) fn path_of(w: &mut World, fd: Fd) -> Result<String> {
    let file = disk_of(w, fd, Errno::ENOTDIR)?;
    let open = get_open(w, file).ok_or(Errno::EBADF)?;
    let (host, inode) = (open.host, open.inode);
    let disk = &w.hosts[host].disk;
    if !disk.inode(inode).is_dir() {
        return Err(Errno::ENOTDIR);
    }
    disk.path_of(inode).ok_or(Errno::ENOENT)
}

/// The entries of an open directory, and what each is.
pub(crate) fn entries(w: &mut World, fd: Fd) -> Result<Vec<(String, FileStat)>> {
    let file = disk_of(w, fd, Errno::ENOTDIR)?;
    let open = get_open(w, file).ok_or(Errno::EBADF)?;
    let (host, inode) = (open.host, open.inode);
    let disk = disk_now(w, host);
    if disk.inode(inode).is_dir() {
        disk.note_read(inode);
    }
    let directory = disk.inode(inode).directory().ok_or(Errno::ENOTDIR)?;
    Ok(directory.entries().map(|(name, &inode)| (name.clone(), disk.stat(inode))).collect())
}

pub(crate) fn read_dir(w: &mut World, path: &str) -> Result<Vec<String>> {
    check_path(path)?;
    // opendir(3) opens it.
    w.check_fd_free()?;
    let disk = my_disk(w);
    let inode = disk.find(path)?;
    if disk.inode(inode).is_dir() {
        disk.note_read(inode);
    }
    Ok(disk.inode(inode).directory().ok_or(Errno::ENOTDIR)?.names().cloned().collect())
}
