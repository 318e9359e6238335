//! What `stat(2)` says of a file: numbers, links and times. Times are those of the host's wall clock at its last tick, as Linux takes
//! them (`ktime_get_coarse_real_ts64`): what happens within a tick has one time. Since
//! Linux 6.13 some file systems give a change that follows a look at the times a time of its own; that is not simulated.

use super::{Disk, Inode, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG, S_IFSOCK, Special};
use eagain_net::{FileStat, FileTime, Instant};

/// A tick of `CONFIG_HZ_250`, in nanoseconds.
pub(crate) const TICK: u64 = 4_000_000;
/// `relatime` (mount(8)): a read that comes so long after the last one counts in any case.
const DAY: u64 = 24 * 3600 * 1_000_000_000;
/// The root directory's number, as ext4 has it.
const ROOT_NUMBER: u64 = 2;
/// Bytes that a file takes at once.
const BLOCK: u64 = 4096;

/// The times of a file, in nanoseconds since 1970.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    accessed: u64,
    modified: u64,
    changed: u64,
}

impl Times {
    /// Of a file that is made.
    pub fn at(now: u64) -> Times {
        Times { accessed: now, modified: now, changed: now }
    }

    /// Its contents have changed.
    pub fn modify(&mut self, now: u64) {
        (self.modified, self.changed) = (now, now);
    }

    /// Its names, or its permissions.
    pub fn change(&mut self, now: u64) {
        self.changed = now;
    }

    /// It is read: what is noted of that is less than all (`relatime_need_update`).
    fn access(&mut self, now: u64) {
        if self.accessed <= self.modified.max(self.changed) || now.saturating_sub(self.accessed) >= DAY {
            self.accessed = now;
        }
    }
}

impl Disk {
    /// What happens from now on has this time, of the host's wall clock.
    pub fn set_time(&mut self, now: Instant) {
        self.now = now.0 - now.0 % TICK;
    }

    /// A FIFO is written.
    pub fn note_write(&mut self, inode: u32) {
        let now = self.now;
        self.inode_mut(inode).times.modify(now);
    }

    /// A file is read.
    pub fn note_read(&mut self, inode: u32) {
        let now = self.now;
        self.inode_mut(inode).times.access(now);
    }

    /// `chmod(2)`.
    pub fn set_permissions(&mut self, inode: u32, mode: u32) {
        let now = self.now;
        let i = self.inode_mut(inode);
        i.permissions = mode & 0o7777;
        i.times.change(now);
    }

    /// `utimensat(2)`: when it was read last, and changed.
    pub fn set_times(&mut self, inode: u32, [accessed, modified]: [FileTime; 2]) {
        let now = self.now;
        let times = &mut self.inode_mut(inode).times;
        let set = |time: &mut u64, to: FileTime| match to {
            FileTime::Omit => {}
            FileTime::Now => *time = now,
            FileTime::At(at) => *time = at.0,
        };
        set(&mut times.accessed, accessed);
        set(&mut times.modified, modified);
        times.changed = now;
    }

    /// What `stat(2)` says.
    pub fn stat(&self, inode: u32) -> FileStat {
        let i = self.inode(inode);
        let kind = match i.special {
            Some(Special::Socket) => S_IFSOCK,
            Some(Special::Device(_)) => S_IFCHR,
            Some(Special::Fifo(_)) => S_IFIFO,
            None if i.is_dir() => S_IFDIR,
            None => S_IFREG,
        };
        FileStat {
            len: i.len(),
            is_dir: i.is_dir(),
            mode: kind | i.permissions,
            inode: u64::from(inode) + ROOT_NUMBER,
            links: i.links_shown(self),
            blocks: i.stored().next_multiple_of(BLOCK) / 512,
            accessed: Instant(i.times.accessed),
            modified: Instant(i.times.modified),
            changed: Instant(i.times.changed),
        }
    }
}

impl Inode {
    /// Of a directory also its own dot, and the two dots of each directory in it.
    fn links_shown(&self, disk: &Disk) -> u32 {
        match &self.directory {
            None => self.links,
            Some(directory) => {
                let below = directory.entries().filter(|(_, inode)| disk.inode(**inode).is_dir()).count();
                // One that is removed has none.
                if self.links == 0 { 0 } else { 2 + below as u32 }
            }
        }
    }
}
