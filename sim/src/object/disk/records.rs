//! The locks of ranges of a file, as `i_flctx->flc_posix` has them: those of one holder together, by their first byte.

use eagain_net::FileLock;

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
        let place = self.0.iter().position(|record| record.holder == holder).unwrap_or(self.0.len());
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
        self.0.splice(place..place, own);
    }

    /// `holder` has nothing any more; whether it had something.
    pub fn release(&mut self, holder: LockHolder) -> bool {
        let before = self.0.len();
        self.0.retain(|record| record.holder != holder);
        self.0.len() < before
    }
}
