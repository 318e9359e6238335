//! An entry of a file's wait queue.

use eagain_net::Events;

/// Who is notified of a change of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watcher {
    /// A thread that waits; `exclusive`: only the first such is woken.
    Thread { thread: u32, events: Events, exclusive: bool },
    /// An entry of an epoll set.
    Epoll { set: u32, item: u32 },
    /// A pending operation of a ring; `exclusive`: only the first such is woken.
    Ring { ring: u32, op: u32, events: Events, exclusive: bool },
    /// A running AIO operation of a process.
    Aio { process: u32, op: u32, events: Events },
}

impl Watcher {
    pub fn is_thread(&self, other: u32) -> bool {
        matches!(self, Watcher::Thread { thread, .. } if *thread == other)
    }

    pub fn is_item(&self, of: u32, at: u32) -> bool {
        matches!(self, Watcher::Epoll { set, item } if (*set, *item) == (of, at))
    }

    pub fn is_ring_op(&self, of: u32, at: u32) -> bool {
        matches!(self, Watcher::Ring { ring, op, .. } if (*ring, *op) == (of, at))
    }

    pub fn is_aio_op(&self, of: u32, at: u32) -> bool {
        matches!(self, Watcher::Aio { process, op, .. } if (*process, *op) == (of, at))
    }
}
