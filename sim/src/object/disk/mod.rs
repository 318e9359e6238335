//! The disk of a host: files and directories as programs see them, and what of that is durable. What a program sees is
//! the page cache; what is durable is remembered only where it differs, a sector at a time.
//!
//! ```text
//!   data     │ s0 │ s1 │ s2 │ s3 │      what read(2) gives
//!   dirty         │old1│    │ -  │      written since the last sync: what the disk has there (s3 is new: nothing)
//!   lost               │old2│           a sync failed and gave the data up: durable only when written and synced again
//! ```

mod contents;
mod crash;
mod names;
mod sectors;
mod stamp;

use super::Device;
use crate::NONE;
use crate::choice::Stream;
use crate::fault::Family;
use contents::Contents;
use eagain_net::OpenFlags;
pub(crate) use names::{Last, check_path};
use slab::Slab;
pub(crate) use stamp::TICK;
use stamp::Times;
use std::collections::BTreeMap;

/// What a disk writes as one: 512 bytes.
pub(crate) const SECTOR: u64 = 512;
/// Stands among the sectors for a length that `ftruncate(2)` has made larger: that is one change, and is never torn.
pub(crate) const LENGTH: u64 = u64::MAX;
/// How long a file can be: `s_maxbytes` of ext4 with blocks of 4 KiB.
pub(crate) const LEN_MAX: u64 = (16 << 40) - 4096;
/// The root directory.
pub(crate) const ROOT: u32 = 0;

/// The entries of a directory.
#[derive(Default)]
pub(crate) struct Directory {
    now: BTreeMap<String, u32>,
    durable: BTreeMap<String, u32>,
}

/// What is neither a regular file nor a directory, and has no contents.
#[derive(Clone, Copy)]
pub(crate) enum Special {
    /// What an AF_UNIX socket was bound to.
    Socket,
    Device(Device),
    /// The pipe that it is while it is open, or `NONE`.
    Fifo(u32),
}

/// Kinds of files in a mode (inode(7)).
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
pub(crate) const S_IFIFO: u32 = 0o010_000;
pub(crate) const S_IFCHR: u32 = 0o020_000;
pub(crate) const S_IFSOCK: u32 = 0o140_000;

/// A file or a directory.
pub(crate) struct Inode {
    /// The host and the path that it was made under: who chooses.
    name: String,
    directory: Option<Directory>,
    special: Option<Special>,
    permissions: u32,
    times: Times,
    data: Contents,
    durable_len: u64,
    /// From and to which length `ftruncate(2)` has made it larger, as long as that is not durable.
    grown: Option<(u64, u64)>,
    /// What `ftruncate(2)` and writes behind the end have left out, from where to where: zeros that take no room.
    holes: Vec<(u64, u64)>,
    /// Sectors written since the last sync: the number of the write to a clean one, and what the disk has there.
    dirty: BTreeMap<u64, (u64, Vec<u8>)>,
    /// Sectors that a failed sync has given up.
    lost: BTreeMap<u64, Vec<u8>>,
    /// Counts sectors that became dirty.
    dirtied: u64,
    /// Names that refer to it now, and open files.
    links: u32,
    opens: u32,
    /// Counts failed syncs; each open file reports one once (errseq_t).
    errors: u32,
    /// The last one was reported.
    error_reported: bool,
}

/// A change of one or two entries that is not durable yet: directory, name, what it refers to from then on.
pub(crate) struct NameChange {
    entries: Vec<(u32, String, Option<u32>)>,
}

/// The disk of a host. It has directories once it is used.
#[derive(Default)]
pub(crate) struct Disk {
    inodes: Slab<Inode>,
    /// The time of what happens now: the last tick of the host's wall clock, in nanoseconds since 1970.
    now: u64,
    /// In the order in which they were made.
    changes: Vec<NameChange>,
    /// Bytes that files take.
    used: u64,
    /// Until when the disk counts as full but for `room` bytes.
    full_until: u64,
    full_event: u64,
    room: u64,
    crashes: u32,
    /// When it counts as full, and for how many bytes there is room then; when a sync fails, and when it is slow.
    writes: Stream,
    rooms: Stream,
    syncs: Stream,
    slows: Stream,
}

/// An open regular file or directory.
pub(crate) struct OpenDisk {
    pub host: u32,
    pub inode: u32,
    pub position: u64,
    pub access: Access,
    /// Of the failed syncs, how many it has reported.
    errors_seen: u32,
}

/// What a program may do with a file that it opens.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    pub readable: bool,
    pub writable: bool,
    pub append: bool,
}

impl Access {
    /// As `fcntl(2)` gives it with `F_GETFL`.
    pub fn mode(self) -> i32 {
        match (self.readable, self.writable) {
            (true, false) => OpenFlags::NONE.0,
            (false, true) => OpenFlags::WRONLY.0,
            (true, true) => OpenFlags::RDWR.0,
            (false, false) => ACCESS_MODE,
        }
    }
}

/// `O_ACCMODE`; a file that is opened with all of it can be neither read nor written (open(2)).
const ACCESS_MODE: i32 = 3;

impl Disk {
    /// Opens a file or a directory of the disk of `host`. An error that was not reported yet is reported to those who open
    /// the file after it, too.
    pub fn open(&mut self, host: u32, inode: u32, access: Access) -> OpenDisk {
        let i = self.inode_mut(inode);
        i.opens += 1;
        let errors_seen = if i.error_reported { i.errors } else { i.errors - 1 };
        OpenDisk { host, inode, position: 0, access, errors_seen }
    }

    /// The stream of a family that is about disks.
    pub fn stream(&mut self, family: Family) -> &mut Stream {
        match family {
            Family::DiskSync => &mut self.syncs,
            Family::DiskSlow => &mut self.slows,
            _ => &mut self.writes,
        }
    }

    /// The stream of how many bytes there is room for where it counts as full.
    pub fn rooms(&mut self) -> &mut Stream {
        &mut self.rooms
    }

    /// A new file is what an AF_UNIX socket is bound to, which holds it as an open file would.
    pub fn hold_socket(&mut self, inode: u32) {
        let i = self.inode_mut(inode);
        i.special = Some(Special::Socket);
        i.permissions = 0o755;
        i.opens += 1;
    }

    /// A new file is a FIFO, which nobody has opened.
    pub fn make_fifo(&mut self, inode: u32) {
        self.inode_mut(inode).special = Some(Special::Fifo(NONE));
    }

    /// A FIFO is opened, and is this pipe until it is closed.
    pub fn hold_fifo(&mut self, inode: u32, pipe: u32) {
        let i = self.inode_mut(inode);
        i.special = Some(Special::Fifo(pipe));
        i.opens += 1;
    }

    /// Nobody has it open any more.
    pub fn release_fifo(&mut self, inode: u32) {
        if let Some(i) = self.inodes.get_mut(inode as usize) {
            i.special = Some(Special::Fifo(NONE));
        }
        self.release_socket(inode);
    }

    /// That socket, or FIFO, is closed. The name stays.
    pub fn release_socket(&mut self, inode: u32) {
        if let Some(i) = self.inodes.get_mut(inode as usize) {
            i.opens = i.opens.saturating_sub(1);
            self.release(inode);
        }
    }

    /// The last descriptor of an open file is gone.
    pub fn close(&mut self, open: &OpenDisk) {
        if let Some(inode) = self.inodes.get_mut(open.inode as usize) {
            inode.opens = inode.opens.saturating_sub(1);
            self.release(open.inode);
        }
    }

    /// Writes at `offset` what finds `room` new bytes; how much.
    pub fn write(&mut self, inode: u32, bytes: &[u8], offset: u64, room: u64) -> usize {
        let n = self.inode(inode).fits(offset, bytes.len(), room);
        let now = self.now;
        let i = self.inode_mut(inode);
        i.write(&bytes[..n], offset);
        i.times.modify(now);
        self.used += room;
        n
    }

    /// Cuts a file, or fills it up with zeros.
    pub fn truncate(&mut self, inode: u32, len: u64) {
        let now = self.now;
        let inode = self.inode_mut(inode);
        inode.times.modify(now);
        let old = inode.stored();
        inode.truncate(len);
        let new = inode.stored();
        self.used = (self.used + new).saturating_sub(old);
    }

    /// Whether it counts as full.
    pub fn is_full(&self, now: u64) -> bool {
        now < self.full_until
    }

    /// Counts as full but for `room` bytes until then, for `event`.
    pub fn fill(&mut self, until: u64, room: u64, event: u64) {
        (self.full_until, self.full_event, self.room) = (until, event, room);
    }

    /// Takes room for `grows` new bytes on a disk of `capacity`: how many find room, and the event of the fault that makes it
    /// full, or 0.
    pub fn take_room(&mut self, now: u64, capacity: u64, grows: u64) -> (u64, u64) {
        let free = capacity.saturating_sub(self.used);
        if !self.is_full(now) {
            return (free.min(grows), 0);
        }
        let given = free.min(self.room).min(grows);
        self.room -= given;
        (given, self.full_event)
    }
}

impl Directory {
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    pub fn entries(&self) -> impl Iterator<Item = (&String, &u32)> {
        self.now.iter()
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.now.keys()
    }
}

impl OpenDisk {
    /// Whether the last sync failed and this open file has not reported it; it does now (`errseq_check_and_advance`).
    pub fn take_error(&mut self, inode: &mut Inode) -> bool {
        let news = self.errors_seen != inode.errors;
        if news {
            self.errors_seen = inode.errors;
            inode.error_reported = true;
        }
        news
    }
}

impl Inode {
    pub fn new(name: String, directory: bool, now: u64) -> Inode {
        Inode {
            name,
            directory: directory.then(Directory::default),
            special: None,
            permissions: if directory { 0o755 } else { 0o644 },
            times: Times::at(now),
            data: Contents::default(),
            durable_len: 0,
            grown: None,
            holes: Vec::new(),
            dirty: BTreeMap::new(),
            lost: BTreeMap::new(),
            dirtied: 0,
            links: 0,
            opens: 0,
            errors: 0,
            error_reported: true,
        }
    }

    /// The host and the path that it was made under.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_dir(&self) -> bool {
        self.directory.is_some()
    }

    /// `None`: it is a regular file or a directory.
    pub fn special(&self) -> Option<Special> {
        self.special
    }

    /// Its entries; `None`: it is a file.
    pub fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref()
    }

    /// Whether a sync has anything to write.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// A sync has failed: each open file reports it once.
    pub fn sync_failed(&mut self) {
        self.errors += 1;
        self.error_reported = false;
    }
}
