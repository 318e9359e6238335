//! A list that is only ever appended to, by 32-bit index.

use std::ops::{Index, IndexMut};

/// The things of one kind in a world, in the order in which they were made.
pub(crate) struct Table<T>(Vec<T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

impl<T> Index<u32> for Table<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        &self.0[at as usize]
    }
}

impl<T> IndexMut<u32> for Table<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.0[at as usize]
    }
}

impl<T> Table<T> {
    /// Forgets all of them; the room stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends one; its index.
    pub fn push(&mut self, value: T) -> u32 {
        self.0.push(value);
        self.len() - 1
    }

    pub fn len(&self) -> u32 {
        self.0.len() as u32
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// The index of the first for which `is` holds.
    pub fn position(&self, is: impl Fn(&T) -> bool) -> Option<u32> {
        self.0.iter().position(is).map(|at| at as u32)
    }
}
