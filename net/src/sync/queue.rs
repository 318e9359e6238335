//! A bounded queue between threads, many to many. When it is full, producers wait or get an error: nothing is ever
//! dropped, which is what makes it a means of back-pressure.

use super::{Condvar, Mutex};
use crate::{Clock, ClockId, Threads};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// A first-in first-out queue of at most `capacity` items. Share it in an `Arc`.
///
/// ```
/// use eagain_net::sync::Queue;
/// use eagain_net::{Linux, thread};
/// use std::sync::Arc;
///
/// # fn main() -> eagain_net::Result<()> {
/// let queue = Arc::new(Queue::new(Linux, 2));
/// let producer = queue.clone();
/// let thread = thread::spawn(Linux, "producer", move || {
///     for number in 0..5 {
///         producer.push(number).expect("the queue is open");
///     }
///     producer.close();
/// })?;
/// let mut sum = 0;
/// while let Some(number) = queue.pop() {
///     sum += number;
/// }
/// assert_eq!((sum, thread.join()), (10, Some(())));
/// # Ok(())
/// # }
/// ```
pub struct Queue<K: Threads, T> {
    kernel: K,
    /// At least 1.
    capacity: usize,
    state: Mutex<K, State<T>>,
    not_empty: Condvar<K>,
    not_full: Condvar<K>,
}

struct State<T> {
    /// At most `capacity` long.
    items: VecDeque<T>,
    closed: bool,
}

/// The queue is closed; here is the item back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushError<T>(pub T);

/// Why an item was not taken at once, and the item back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryPushError<T> {
    /// There are `capacity` items already.
    Full(T),
    /// Nothing is taken any more.
    Closed(T),
}

/// Why there is no item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PopTimeoutError {
    /// None came in time.
    TimedOut,
    /// The queue is closed and empty: none will come.
    Closed,
}

impl<K: Threads, T> Queue<K, T> {
    /// An empty queue. A capacity of 0 counts as 1.
    pub fn new(kernel: K, capacity: usize) -> Queue<K, T> {
        Queue {
            kernel,
            capacity: capacity.max(1),
            state: Mutex::new(kernel, State { items: VecDeque::new(), closed: false }),
            not_empty: Condvar::new(kernel),
            not_full: Condvar::new(kernel),
        }
    }

    /// Appends an item, waiting while the queue is full.
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        self.kernel.interleave("queue.push");
        let mut state = self.state.lock();
        while state.items.len() >= self.capacity && !state.closed {
            state = self.not_full.wait(state);
        }
        if state.closed {
            return Err(PushError(item));
        }
        state.items.push_back(item);
        drop(state);
        self.not_empty.notify_one();
        Ok(())
    }

    /// Appends an item if there is room now.
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        self.kernel.interleave("queue.try_push");
        let mut state = self.state.lock();
        if state.closed {
            return Err(TryPushError::Closed(item));
        }
        if state.items.len() >= self.capacity {
            return Err(TryPushError::Full(item));
        }
        state.items.push_back(item);
        drop(state);
        self.not_empty.notify_one();
        Ok(())
    }

    /// Takes the first item, waiting for one. `None`: the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        self.kernel.interleave("queue.pop");
        let mut state = self.state.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.not_full.notify_one();
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.not_empty.wait(state);
        }
    }

    /// Takes the first item if there is one now.
    pub fn try_pop(&self) -> Option<T> {
        self.kernel.interleave("queue.try_pop");
        let item = self.state.lock().items.pop_front()?;
        self.not_full.notify_one();
        Some(item)
    }

    /// Moves up to `count` items that are there now to the end of `into`, under one lock; how many.
    pub fn try_pop_many(&self, into: &mut Vec<T>, count: usize) -> usize {
        self.kernel.interleave("queue.try_pop_many");
        let mut state = self.state.lock();
        let taken = count.min(state.items.len());
        into.extend(state.items.drain(..taken));
        drop(state);
        match taken {
            0 => {}
            1 => self.not_full.notify_one(),
            _ => self.not_full.notify_all(),
        }
        taken
    }

    /// Takes nothing more from producers. What is inside can still be popped; whoever waits is woken.
    pub fn close(&self) {
        self.kernel.interleave("queue.close");
        self.state.lock().closed = true;
        self.not_empty.notify_all();
        self.not_full.notify_all();
    }

    /// How many items are inside now.
    pub fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    /// Whether there is no item now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`Queue::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// The most items that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<K: Threads + Clock, T> Queue<K, T> {
    /// Takes the first item, waiting for one for `timeout` at most.
    pub fn pop_timeout(&self, timeout: Duration) -> Result<T, PopTimeoutError> {
        self.kernel.interleave("queue.pop_timeout");
        // A deadline, since each return of a wait may be one for nothing.
        let deadline = self.kernel.clock_gettime(ClockId::Monotonic) + timeout;
        let mut state = self.state.lock();
        let mut late = false;
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.not_full.notify_one();
                return Ok(item);
            }
            if state.closed {
                return Err(PopTimeoutError::Closed);
            }
            if late {
                return Err(PopTimeoutError::TimedOut);
            }
            (state, late) = self.not_empty.wait_deadline(state, deadline);
        }
    }
}

impl<K: Threads, T> fmt::Debug for Queue<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
