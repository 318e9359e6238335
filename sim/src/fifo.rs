//! A queue that nearly always holds one element or none: the first lies inside, and costs neither an allocation nor the
//! arithmetic of a ring buffer.

use std::collections::VecDeque;

/// First in, first out. Invariant: `more` is empty where `first` is `None`.
pub(crate) struct Fifo<T> {
    first: Option<T>,
    more: VecDeque<T>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { first: None, more: VecDeque::new() }
    }
}

impl<T> Fifo<T> {
    #[inline(always)]
    pub fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    #[inline]
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    #[inline]
    pub fn back_mut(&mut self) -> Option<&mut T> {
        if self.more.is_empty() { self.first.as_mut() } else { self.more.back_mut() }
    }

    #[inline(always)]
    pub fn push_back(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.push_more(value);
        }
    }

    #[cold]
    fn push_more(&mut self, value: T) {
        self.more.push_back(value);
    }

    #[inline(always)]
    pub fn pop_front(&mut self) -> Option<T> {
        let first = self.first.take();
        if !self.more.is_empty() {
            self.first = self.pop_more();
        }
        first
    }

    #[cold]
    fn pop_more(&mut self) -> Option<T> {
        self.more.pop_front()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(&mut self.more)
    }

    /// Takes out those that `keep` does not name; the others stay in their order.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.more.retain(&keep);
        if self.first.as_ref().is_some_and(|first| !keep(first)) {
            self.first = self.more.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.first = None;
        self.more.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Fifo;

    #[test]
    fn elements_leave_in_the_order_in_which_they_came() {
        let mut fifo = Fifo::default();
        for value in 1..=3 {
            fifo.push_back(value);
            assert_eq!(fifo.back_mut().copied(), Some(value));
        }
        assert_eq!(fifo.iter_mut().map(|value| *value).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((fifo.pop_front(), fifo.pop_front()), (Some(1), Some(2)));
        fifo.push_back(4);
        assert_eq!((fifo.front().copied(), fifo.front_mut().copied()), (Some(3), Some(3)));
        assert_eq!((fifo.pop_front(), fifo.pop_front(), fifo.pop_front()), (Some(3), Some(4), None));
        assert_eq!((fifo.is_empty(), fifo.len()), (true, 0));
        for value in 5..=9 {
            fifo.push_back(value);
        }
        fifo.retain(|value| value % 2 == 0);
        assert_eq!((fifo.len(), fifo.front().copied(), fifo.back_mut().copied()), (2, Some(6), Some(8)));
        fifo.clear();
        assert!(fifo.front().is_none() && fifo.back_mut().is_none());
    }
}
