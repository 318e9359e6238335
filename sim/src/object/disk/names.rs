//! Paths, names, and what of them is durable.

use super::{Disk, Inode, NameChange, ROOT};
use eagain_net::{Errno, Result};

/// `NAME_MAX`.
const NAME_MAX: usize = 255;

impl Disk {
    pub fn inode(&self, inode: u32) -> &Inode {
        &self.inodes[inode as usize]
    }

    pub fn inode_mut(&mut self, inode: u32) -> &mut Inode {
        &mut self.inodes[inode as usize]
    }

    /// What a path refers to. Relative ones begin at the root, there is no other working directory.
    pub fn find(&self, path: &str) -> Result<u32> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut way = vec![ROOT];
        for name in path.split('/') {
            self.step(&mut way, name)?;
        }
        let found = way.last().copied().unwrap_or(ROOT);
        if path.ends_with('/') && self.inode(found).directory.is_none() {
            return Err(Errno::ENOTDIR);
        }
        Ok(found)
    }

    fn step(&self, way: &mut Vec<u32>, name: &str) -> Result<()> {
        let at = way.last().copied().unwrap_or(ROOT);
        match name {
            "" | "." => {}
            ".." => {
                if way.len() > 1 {
                    way.pop();
                }
            }
            name => {
                let directory = self.inode(at).directory.as_ref().ok_or(Errno::ENOTDIR)?;
                if name.len() > NAME_MAX {
                    return Err(Errno::ENAMETOOLONG);
                }
                way.push(*directory.now.get(name).ok_or(Errno::ENOENT)?);
            }
        }
        Ok(())
    }

    /// The directory that a path's last name is in, and that name.
    pub fn parent<'a>(&self, path: &'a str) -> Result<(u32, &'a str)> {
        let trimmed = path.trim_end_matches('/');
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let (before, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
        if name.is_empty() || name == "." || name == ".." {
            return Err(Errno::EBUSY);
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let directory = if before.is_empty() { ROOT } else { self.find(before)? };
        if self.inode(directory).directory.is_none() {
            return Err(Errno::ENOTDIR);
        }
        Ok((directory, name))
    }

    /// What a name in a directory refers to.
    pub fn entry(&self, directory: u32, name: &str) -> Option<u32> {
        self.inode(directory).directory.as_ref()?.now.get(name).copied()
    }

    /// Changes entries, seen at once by everybody; durable when one of the directories is synced.
    pub fn change(&mut self, entries: Vec<(u32, String, Option<u32>)>) {
        for (directory, name, inode) in &entries {
            if let Some(inode) = *inode {
                self.inode_mut(inode).links += 1;
            }
            let Some(d) = &mut self.inode_mut(*directory).directory else { continue };
            let old = match *inode {
                Some(inode) => d.now.insert(name.clone(), inode),
                None => d.now.remove(name),
            };
            if let Some(old) = old {
                self.inode_mut(old).links -= 1;
                self.release(old);
            }
        }
        self.changes.push(NameChange { entries });
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
