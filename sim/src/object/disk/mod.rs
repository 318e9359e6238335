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

use crate::choice::Stream;
use contents::Contents;
pub(crate) use names::{Last, check_path};
use slab::Slab;
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
    pub now: BTreeMap<String, u32>,
    pub durable: BTreeMap<String, u32>,
}

/// A file or a directory.
pub(crate) struct Inode {
    /// The host and the path that it was made under: who chooses.
    pub name: String,
    pub directory: Option<Directory>,
    pub data: Contents,
    pub durable_len: u64,
    /// From and to which length `ftruncate(2)` has made it larger, as long as that is not durable.
    pub grown: Option<(u64, u64)>,
    /// What `ftruncate(2)` and writes behind the end have left out, from where to where: zeros that take no room.
    pub holes: Vec<(u64, u64)>,
    /// Sectors written since the last sync: the number of the write to a clean one, and what the disk has there.
    pub dirty: BTreeMap<u64, (u64, Vec<u8>)>,
    /// Sectors that a failed sync has given up.
    pub lost: BTreeMap<u64, Vec<u8>>,
    /// Counts sectors that became dirty.
    pub dirtied: u64,
    /// Names that refer to it now, and open files.
    pub links: u32,
    pub opens: u32,
    /// An open file has it locked (flock(2)).
    pub locked: bool,
    /// Counts failed syncs; each open file reports one once (errseq_t).
    pub errors: u32,
    /// The last one was reported.
    pub error_told: bool,
}

/// A change of one or two entries that is not durable yet: directory, name, what it refers to from then on.
pub(crate) struct NameChange {
    pub entries: Vec<(u32, String, Option<u32>)>,
}

/// The disk of a host. It has directories once it is used.
#[derive(Default)]
pub(crate) struct Disk {
    pub inodes: Slab<Inode>,
    /// In the order in which they were made.
    pub changes: Vec<NameChange>,
    /// Bytes that files take.
    pub used: u64,
    /// Until when the disk counts as full but for `room` bytes.
    pub full_until: u64,
    pub full_event: u64,
    pub room: u64,
    pub crashes: u32,
    pub writes: Stream,
    pub rooms: Stream,
    pub syncs: Stream,
    pub slows: Stream,
}

/// An open regular file or directory.
pub(crate) struct OpenDisk {
    pub host: u32,
    pub inode: u32,
    pub position: u64,
    pub readable: bool,
    pub writable: bool,
    pub append: bool,
    /// Of the failed syncs, how many it has reported.
    pub errors_seen: u32,
    /// It has the file locked.
    pub locks: bool,
}

impl Inode {
    pub fn new(name: String, directory: bool) -> Inode {
        Inode {
            name,
            directory: directory.then(Directory::default),
            data: Contents::default(),
            durable_len: 0,
            grown: None,
            holes: Vec::new(),
            dirty: BTreeMap::new(),
            lost: BTreeMap::new(),
            dirtied: 0,
            links: 0,
            opens: 0,
            locked: false,
            errors: 0,
            error_told: true,
        }
    }
}
