//! Locks of inodes (`i_flctx`): of open files (`flc_flock`), and of ranges (`flc_posix`), where those of one holder are together, by
//! their first byte.

use super::{Device, Object, OpenFile};
use eagain_net::FileLock;

/// An inode that can be locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockTarget {
    /// A file, by the host of its disk.
    Disk(u32, u32),
    /// A device of a host.
    Device(u32, Device),
    /// Both ends of a pipe.
    Pipe(u32),
    /// That of all counters, timers, signalfds and sets of a host (`anon_inode_inode`; on Linux it is the machine's, so that no row of
    /// the contract locks it).
    Anonymous(u32),
    /// A socket or a ring, by its open file.
    File(u32),
}

impl LockTarget {
    /// That of an open file, for a process on `host`.
    pub fn of(file: u32, open: &OpenFile, host: u32) -> LockTarget {
        match &open.object {
            Object::File(open) => LockTarget::Disk(open.host, open.inode),
            Object::Device(open) => LockTarget::Device(host, open.device),
            Object::Pipe { pipe, .. } => LockTarget::Pipe(*pipe),
            Object::Event(_) | Object::Timer(_) | Object::Signals(..) | Object::Epoll(_) => {
                LockTarget::Anonymous(host)
            }
            _ => LockTarget::File(file),
        }
    }
}

/// All that is locked.
#[derive(Default)]
pub(crate) struct Locks(Vec<Locked>);

/// What is locked of an inode: the open files that have it, none of them `Unlock`, and ranges.
struct Locked {
    target: LockTarget,
    files: Vec<(u32, FileLock)>,
    records: Records,
}

impl Locks {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn at(&mut self, target: LockTarget) -> &mut Locked {
        let at = self.0.iter().position(|locked| locked.target == target).unwrap_or_else(|| {
            self.0.push(Locked { target, files: Vec::new(), records: Records::default() });
            self.0.len() - 1
        });
        &mut self.0[at]
    }

    /// The locks of ranges of an inode.
    pub fn records(&mut self, target: LockTarget) -> &mut Records {
        &mut self.at(target).records
    }

    /// An open file locks its inode, or gives it back; `false`: another one has it. A lock that is changed is given back first
    /// (`flock_lock_inode`).
    pub fn lock(&mut self, target: LockTarget, file: u32, lock: FileLock) -> bool {
        let files = &mut self.at(target).files;
        if files.contains(&(file, lock)) {
            return true;
        }
        files.retain(|(other, _)| *other != file);
        let is_free = match lock {
            FileLock::Unlock => return true,
            FileLock::Exclusive => files.is_empty(),
            FileLock::Shared => files.iter().all(|(_, other)| *other == FileLock::Shared),
        };
        if is_free {
            files.push((file, lock));
        }
        is_free
    }

    /// A process closes a descriptor of an inode, and has no lock of its ranges any more; whether it had one.
    pub fn process_closes(&mut self, target: LockTarget, process: u32) -> bool {
        let had = self.records(target).release(LockHolder::Process(process));
        self.forget_free();
        had
    }

    /// An open file is gone; what it had locked.
    pub fn closed(&mut self, file: u32) -> Vec<LockTarget> {
        let mut places = Vec::new();
        for locked in &mut self.0 {
            let before = locked.files.len();
            locked.files.retain(|(other, _)| *other != file);
            if locked.records.release(LockHolder::File(file)) || locked.files.len() < before {
                places.push(locked.target);
            }
        }
        self.forget_free();
        places
    }

    fn forget_free(&mut self) {
        self.0.retain(|locked| !locked.files.is_empty() || !locked.records.0.is_empty());
    }
}

/// Whose a lock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockHolder {
    Process(u32),
    File(u32),
}

/// A range that is locked, from its first to its last byte. It is never `Unlock`.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub holder: LockHolder,
    pub first: u64,
    pub last: u64,
    pub kind: FileLock,
}

/// Those of an inode.
#[derive(Default)]
pub(crate) struct Records(Vec<Record>);

impl Records {
    /// The first lock of another holder that keeps this one from being set; of `Unlock`, the first that it would take away
    /// (`posix_test_locks_conflict`).
    pub fn conflict(&self, holder: LockHolder, first: u64, last: u64, kind: FileLock) -> Option<Record> {
        let is_in_the_way = |record: &&Record| {
            let overlaps = record.first <= last && first <= record.last;
            let excludes = kind == FileLock::Exclusive || record.kind == FileLock::Exclusive;
            overlaps
                && match kind {
                    FileLock::Unlock => record.holder == holder,
                    _ => record.holder != holder && excludes,
                }
        };
        self.0.iter().find(is_in_the_way).copied()
    }

    /// What `holder` has of the range becomes `kind`. Neighbours of one kind are one (`posix_lock_inode`).
    pub fn set(&mut self, holder: LockHolder, first: u64, last: u64, kind: FileLock) {
        let target = self.0.iter().position(|record| record.holder == holder).unwrap_or(self.0.len());
        let mut own: Vec<Record> = self.0.extract_if(.., |record| record.holder == holder).collect();
        let mut rest = Vec::with_capacity(own.len() + 2);
        for record in own.drain(..) {
            if record.first < first {
                rest.push(Record { last: record.last.min(first - 1), ..record });
            }
            if record.last > last {
                rest.push(Record { first: record.first.max(last + 1), ..record });
            }
        }
        if kind != FileLock::Unlock {
            rest.push(Record { holder, first, last, kind });
        }
        rest.sort_by_key(|record| record.first);
        for record in rest {
            match own.last_mut() {
                Some(before) if before.kind == record.kind && before.last + 1 == record.first => {
                    before.last = record.last;
                }
                _ => own.push(record),
            }
        }
        self.0.splice(target..target, own);
    }

    /// `holder` has nothing any more; whether it had something.
    pub fn release(&mut self, holder: LockHolder) -> bool {
        let before = self.0.len();
        self.0.retain(|record| record.holder != holder);
        self.0.len() < before
    }
}
