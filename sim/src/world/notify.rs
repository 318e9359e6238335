//! Telling those who watch a file that something changed: waiting threads, epoll sets, and the owner of its signals.
//! As in the kernel's wait queues, a notice carries a key (which bits may have changed) and the watcher decides.

use super::{Wake, World};
use eagain_net::{Events, SigCode};

/// Who is told of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watcher {
    /// A thread that waits; `exclusive`: only the first such is woken.
    Thread { thread: u32, events: Events, exclusive: bool },
    /// An entry of an epoll set.
    Epoll { set: u32, item: u32 },
}

impl Watcher {
    pub fn is_thread(&self, other: u32) -> bool {
        matches!(self, Watcher::Thread { thread, .. } if *thread == other)
    }
}

/// A key that concerns everybody: the state of the file changed as a whole.
pub(crate) const ALL: Events = Events(0x3fff);

impl World {
    /// Something of `events` may be so now. `signal`: what the owner of the descriptor is told, if it asked to be.
    pub fn notify(&mut self, file: u32, events: Events, signal: Option<SigCode>) {
        let Some(open) = self.files.get(file as usize) else { return };
        if let (Some(code), true) = (signal, open.sigio.is_some()) {
            self.send_sigio(file, code);
        }
        let mut at = 0;
        while let Some(&watcher) = self.files.get(file as usize).and_then(|open| open.watchers.get(at)) {
            match watcher {
                Watcher::Thread { thread, events: asked, exclusive } => {
                    if !asked.intersects(events) {
                        at += 1;
                        continue;
                    }
                    // Waking takes the watcher out of the list.
                    self.wake(thread, Wake::Ready);
                    if exclusive {
                        return;
                    }
                }
                Watcher::Epoll { set, item } => {
                    at += 1;
                    if self.epoll_callback(set, item, events) {
                        return;
                    }
                }
            }
        }
    }
}
