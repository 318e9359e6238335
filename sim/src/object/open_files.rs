//! The open files of a world, by index. What several descriptors and operations share is counted here; what a file is,
//! and what happens when the last of them lets go, is decided by the calls.

use super::{Object, OpenFile};
use slab::Slab;
use std::ops::{Index, IndexMut};

/// The open files.
#[derive(Default)]
pub(crate) struct OpenFiles(Slab<OpenFile>);

impl Index<u32> for OpenFiles {
    type Output = OpenFile;

    #[inline]
    fn index(&self, file: u32) -> &OpenFile {
        &self.0[file as usize]
    }
}

impl IndexMut<u32> for OpenFiles {
    #[inline]
    fn index_mut(&mut self, file: u32) -> &mut OpenFile {
        &mut self.0[file as usize]
    }
}

impl OpenFiles {
    /// Forgets all of them; the room stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A new one, held once.
    pub fn insert(&mut self, object: Object, nonblocking: bool) -> u32 {
        self.0.insert(OpenFile::new(object, nonblocking)) as u32
    }

    #[inline(always)]
    pub fn get(&self, file: u32) -> Option<&OpenFile> {
        self.0.get(file as usize)
    }

    #[inline(always)]
    pub fn get_mut(&mut self, file: u32) -> Option<&mut OpenFile> {
        self.0.get_mut(file as usize)
    }

    /// What a file is, where there is one.
    #[inline]
    pub fn object_mut(&mut self, file: u32) -> Option<&mut Object> {
        self.get_mut(file).map(|open| &mut open.object)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &OpenFile)> {
        self.0.iter().map(|(file, open)| (file as u32, open))
    }

    /// One more descriptor, or operation, refers to it.
    #[inline(always)]
    pub fn hold(&mut self, file: u32) {
        self[file].refs += 1;
    }

    /// One less; the file, taken out, where that was the last.
    #[inline(always)]
    pub fn release(&mut self, file: u32) -> Option<OpenFile> {
        let open = &mut self[file];
        open.refs -= 1;
        if open.refs > 0 { None } else { self.remove(file) }
    }

    #[cold]
    fn remove(&mut self, file: u32) -> Option<OpenFile> {
        self.0.try_remove(file as usize)
    }

    /// Takes out of a file's wait queue whom `which` says, where there still is the file.
    #[inline(always)]
    pub fn unwatch(&mut self, file: u32, which: impl Fn(&super::Watcher) -> bool) {
        let Some(open) = self.get_mut(file) else { return };
        // Most files have one.
        match open.watchers.as_slice() {
            [only] if which(only) => open.watchers.clear(),
            _ => open.watchers.retain(|watcher| !which(watcher)),
        }
    }
}
