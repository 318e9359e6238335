//! Paths (fs/namei.c), names, and what of them is durable.

use super::{Device, Disk, Inode, NameChange, ROOT, Special};
use eagain_net::{Errno, Result};

/// `NAME_MAX`.
const NAME_MAX: usize = 255;
/// `PATH_MAX`: with the NUL that ends a path.
const PATH_MAX: usize = 4096;
/// How many changes of names are at least remembered that no sync has made durable. Older ones are, as where the journal of ext4 is full
/// (jbd2 writes it out then, and every 5 s): else a program that makes files for ever would fill the memory of the machine.
const CHANGES_MAX: usize = 1 << 14;
/// The directories that a host begins with, parents first. They are durable.
const DIRECTORIES: [&str; 11] =
    ["/dev", "/etc", "/home", "/root", "/run", "/tmp", "/usr", "/var", "/var/lib", "/var/log", "/var/tmp"];

/// What a path ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last<'a> {
    /// A name, which may be in its directory or not.
    Name(&'a str),
    /// `.` or `..`, or the path is `/`.
    Dots,
}

/// A path but for its last name: `filename_parentat`.
pub(crate) struct Parent<'a> {
    /// The directories from below the root to the one that the last name is in.
    pub way: Vec<u32>,
    pub last: Last<'a>,
    /// There are slashes behind the last name: it has to be a directory.
    pub slashes: bool,
}

impl Parent<'_> {
    /// The directory that the last name is in.
    pub fn directory(&self) -> u32 {
        self.way.last().copied().unwrap_or(ROOT)
    }
}

/// What every call asks of a path before it looks at anything else (`getname`). A NUL inside is refused on the way to the
/// kernel (`CString::new`).
pub(crate) fn check_path(path: &str) -> Result<()> {
    match path.len() {
        _ if path.contains('\0') => Err(Errno::EINVAL),
        0 => Err(Errno::ENOENT),
        PATH_MAX.. => Err(Errno::ENAMETOOLONG),
        _ => Ok(()),
    }
}

impl Disk {
    pub fn inode(&self, inode: u32) -> &Inode {
        &self.inodes[inode as usize]
    }

    pub fn inode_mut(&mut self, inode: u32) -> &mut Inode {
        &mut self.inodes[inode as usize]
    }

    /// A new file or directory with this name in a directory.
    pub fn create(&mut self, made: String, (directory, name): (u32, &str), is_dir: bool) -> u32 {
        let inode = self.inodes.insert(Inode::new(made, is_dir, self.now)) as u32;
        self.change(vec![(directory, name.to_owned(), Some(inode))]);
        inode
    }

    /// Makes the directories of a disk that nobody has used yet.
    pub fn format_if_new(&mut self) {
        if !self.inodes.is_empty() {
            return;
        }
        self.inodes.insert(Inode { links: 1, ..Inode::new(String::from("/"), true, self.now) });
        for path in DIRECTORIES {
            let directory = self.install(path, None);
            if ["/tmp", "/var/tmp"].contains(&path) {
                self.inode_mut(directory).permissions = 0o1777;
            }
        }
        for (path, device) in Device::ALL {
            let inode = self.install(path, Some(b""));
            let device_file = self.inode_mut(inode);
            device_file.special = Some(Special::Device(device));
            device_file.permissions = 0o666;
        }
    }

    /// The disk has this file, or directory where `contents` is `None`, before anything runs: it is durable. Directories above it are
    /// made too; what has a name already stays. Which inode it is.
    pub fn install(&mut self, path: &str, contents: Option<&[u8]>) -> u32 {
        let mut directory = ROOT;
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let known = self.inode(directory).directory.as_ref().and_then(|d| d.now.get(name).copied());
            let contents = contents.filter(|_| names.peek().is_none());
            let next = known.unwrap_or_else(|| {
                let is_dir = contents.is_none();
                let made = Inode { links: 1, ..Inode::new(path.to_owned(), is_dir, self.now) };
                let made = self.inodes.insert(made) as u32;
                if let Some(contents) = contents {
                    let inode = self.inode_mut(made);
                    inode.data.write(contents, 0);
                    inode.durable_len = inode.len();
                    self.used += self.inode(made).stored();
                }
                made
            });
            let Some(d) = &mut self.inode_mut(directory).directory else { break };
            d.now.insert(name.to_owned(), next);
            d.durable.insert(name.to_owned(), next);
            directory = next;
        }
        directory
    }

    /// The path of a directory; `None`: it was removed.
    pub fn path_of(&self, directory: u32) -> Option<String> {
        if directory == ROOT {
            return Some("/".into());
        }
        let mut left = vec![(ROOT, String::new())];
        while let Some((at, path)) = left.pop() {
            for (name, &inode) in self.inode(at).directory.iter().flat_map(|d| d.entries()) {
                let path = format!("{path}/{name}");
                if inode == directory {
                    return Some(path);
                }
                if self.inode(inode).is_dir() {
                    left.push((inode, path));
                }
            }
        }
        None
    }

    /// What a path refers to. Relative ones begin at the root, there is no other working directory.
    pub fn find(&self, path: &str) -> Result<u32> {
        self.resolve(&self.parent(path)?)
    }

    /// What a path of which the parent is known refers to.
    pub fn resolve(&self, parent: &Parent<'_>) -> Result<u32> {
        let Last::Name(name) = parent.last else { return Ok(parent.directory()) };
        let found = self.entry(parent.directory(), name)?.ok_or(Errno::ENOENT)?;
        if parent.slashes && self.inode(found).directory.is_none() {
            return Err(Errno::ENOTDIR);
        }
        Ok(found)
    }

    /// The directory that a path's last name is in, and that name. Where the path ends with dots, it is that directory.
    pub fn parent<'a>(&self, path: &'a str) -> Result<Parent<'a>> {
        check_path(path)?;
        let trimmed = path.trim_end_matches('/');
        let (before, last) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        let mut way = Vec::new();
        for name in before.split('/') {
            self.step(&mut way, name)?;
        }
        let last = if matches!(last, "" | "." | "..") {
            self.step(&mut way, last)?;
            Last::Dots
        } else {
            Last::Name(last)
        };
        Ok(Parent { way, last, slashes: trimmed.len() < path.len() })
    }

    /// Goes on from a directory to a directory in it.
    fn step(&self, way: &mut Vec<u32>, name: &str) -> Result<()> {
        let at = way.last().copied().unwrap_or(ROOT);
        match name {
            "" | "." => {}
            ".." => drop(way.pop()),
            name => {
                let found = self.entry(at, name)?.ok_or(Errno::ENOENT)?;
                if self.inode(found).directory.is_none() {
                    return Err(Errno::ENOTDIR);
                }
                way.push(found);
            }
        }
        Ok(())
    }

    /// What a name in a directory refers to.
    pub fn entry(&self, directory: u32, name: &str) -> Result<Option<u32>> {
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        Ok(self.inode(directory).directory.as_ref().and_then(|d| d.now.get(name)).copied())
    }

    /// Changes entries, seen at once by everybody; durable when one of the directories is synced.
    pub fn change(&mut self, entries: Vec<(u32, String, Option<u32>)>) {
        let now = self.now;
        for (directory, name, inode) in &entries {
            if let Some(inode) = *inode {
                let i = self.inode_mut(inode);
                i.links += 1;
                i.times.change(now);
            }
            let directory = self.inode_mut(*directory);
            directory.times.modify(now);
            let Some(d) = &mut directory.directory else { continue };
            let old = match *inode {
                Some(inode) => d.now.insert(name.clone(), inode),
                None => d.now.remove(name),
            };
            if let Some(old) = old {
                let i = self.inode_mut(old);
                i.links -= 1;
                i.times.change(now);
                self.release(old);
            }
        }
        self.changes.push(NameChange { entries });
        if self.changes.len() >= 2 * CHANGES_MAX {
            let full: Vec<_> = self.changes.drain(..CHANGES_MAX).collect();
            full.into_iter().for_each(|change| self.make_durable(change));
            self.collect();
        }
    }

    /// A file without a name and without an open file takes no room any more.
    pub fn release(&mut self, inode: u32) {
        let i = self.inode(inode);
        if i.links == 0 && i.opens == 0 {
            self.used = self.used.saturating_sub(i.stored());
        }
    }

    /// `fsync(2)` of a directory: what was changed in it is durable.
    pub fn sync_directory(&mut self, directory: u32) {
        let (now, later) = std::mem::take(&mut self.changes)
            .into_iter()
            .partition(|change: &NameChange| change.entries.iter().any(|(at, ..)| *at == directory));
        self.changes = later;
        for change in now {
            self.make_durable(change);
        }
        self.collect();
    }

    pub(super) fn make_durable(&mut self, change: NameChange) {
        for (directory, name, inode) in change.entries {
            let Some(d) = self.inodes.get_mut(directory as usize).and_then(|i| i.directory.as_mut()) else {
                continue;
            };
            match inode {
                Some(inode) => drop(d.durable.insert(name, inode)),
                None => drop(d.durable.remove(&name)),
            }
        }
    }

    /// Forgets what nothing refers to, on the disk or in memory.
    pub(super) fn collect(&mut self) {
        let mut kept = vec![ROOT];
        for (_, inode) in &self.inodes {
            if let Some(d) = &inode.directory {
                kept.extend(d.durable.values().chain(d.now.values()));
            }
        }
        kept.extend(self.changes.iter().flat_map(|c| &c.entries).filter_map(|(.., inode)| *inode));
        kept.sort_unstable();
        self.inodes.retain(|at, inode| inode.opens > 0 || kept.binary_search(&(at as u32)).is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_made_and_removed_for_ever_take_no_more_memory() {
        let mut disk = Disk::default();
        disk.format_if_new();
        let begun = disk.inodes.len();
        for number in 0..5 * CHANGES_MAX {
            let name = number.to_string();
            disk.create(format!("host/{name}"), (ROOT, &name), false);
            disk.change(vec![(ROOT, name, None)]);
        }
        assert!(disk.changes.len() < 2 * CHANGES_MAX);
        assert!(disk.inodes.len() <= begun + 2 * CHANGES_MAX, "{}", disk.inodes.len());
    }
}
