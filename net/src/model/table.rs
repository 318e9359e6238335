//! Who is registered, by descriptor: numbers are small and dense, so that a vector serves.

use super::Interest;
use crate::{Errno, Fd, Result};

/// One registered descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<T> {
    pub(super) token: u64,
    pub(super) interest: Interest,
    /// What the model itself keeps.
    pub(super) own: T,
}

/// Entries by descriptor.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// At `fd`; `None` where it is not registered.
    entries: Vec<Option<Entry<T>>>,
}

/// The token that is kept for the pollers' own waker.
pub(super) const RESERVED: u64 = u64::MAX;

impl<T> Table<T> {
    pub(super) const fn new() -> Table<T> {
        Table { entries: Vec::new() }
    }

    /// `EBADF`: no descriptor's number. `EINVAL`: the reserved token. `EEXIST`: it is here.
    pub(super) fn insert(&mut self, fd: Fd, token: u64, interest: Interest, own: T) -> Result<()> {
        let at = usize::try_from(fd.0).map_err(|_| Errno::EBADF)?;
        if token == RESERVED {
            return Err(Errno::EINVAL);
        }
        if at >= self.entries.len() {
            self.entries.resize_with(at + 1, || None);
        }
        match self.entries.get_mut(at) {
            Some(slot @ None) => *slot = Some(Entry { token, interest, own }),
            _ => return Err(Errno::EEXIST),
        }
        Ok(())
    }

    /// `ENOENT`: it is not here.
    pub(super) fn set(&mut self, fd: Fd, token: u64, interest: Interest) -> Result<&mut Entry<T>> {
        if token == RESERVED {
            return Err(Errno::EINVAL);
        }
        let entry = self.get_mut(fd).ok_or(Errno::ENOENT)?;
        entry.token = token;
        entry.interest = interest;
        Ok(entry)
    }

    pub(super) fn get(&self, fd: Fd) -> Option<&Entry<T>> {
        self.entries.get(usize::try_from(fd.0).ok()?)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, fd: Fd) -> Option<&mut Entry<T>> {
        self.entries.get_mut(usize::try_from(fd.0).ok()?)?.as_mut()
    }

    pub(super) fn remove(&mut self, fd: Fd) -> Option<Entry<T>> {
        self.entries.get_mut(usize::try_from(fd.0).ok()?)?.take()
    }

    /// Lowest descriptor first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Fd, &Entry<T>)> {
        self.entries.iter().enumerate().filter_map(|(at, entry)| Some((Fd(at as i32), entry.as_ref()?)))
    }
}
