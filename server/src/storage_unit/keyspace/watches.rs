//! Keys whose changes somebody wants to know of: at `EXEC`, or while it waits.

use crate::storage_unit::bytes::SmallBytes;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Watched {
    /// Who wants its version: at `EXEC`.
    watchers: usize,
    /// Who is notified when it changes: blocked clients.
    waiters: usize,
    version: u64,
}

/// The watched keys of a database; none most of the time, and then they cost nothing.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watched: BTreeMap<SmallBytes, Watched>,
    /// A bit of each watched key ([`trace`]), so that most others are not looked for; stale bits stay until none is watched.
    traces: u64,
    /// Keys that somebody waits for, and that have changed since they were last taken; oldest first, each once.
    ready: Vec<SmallBytes>,
    last_version: u64,
}

/// One of 64 bits that identify a key.
#[inline]
fn trace(key: &[u8]) -> u64 {
    let last = key.last().copied().unwrap_or(0);
    1 << ((usize::from(last) + 7 * key.len()) % 64)
}

impl Watches {
    /// Whether a change of this key may concern anybody.
    #[inline]
    pub fn may_have(&self, key: &[u8]) -> bool {
        self.traces & trace(key) != 0
    }

    /// Begins to watch a key. The version that is returned stays what it is until the key changes.
    pub fn watch(&mut self, key: &[u8]) -> u64 {
        let watched = self.entry(key);
        watched.watchers += 1;
        watched.version
    }

    /// The version of a watched key.
    pub fn version(&self, key: &[u8]) -> Option<u64> {
        self.watched.get(key).map(|watched| watched.version)
    }

    /// Ends one watch of a key.
    pub fn unwatch(&mut self, key: &[u8]) {
        self.one_less(key, |watched| &mut watched.watchers);
    }

    /// Somebody waits for a key to change.
    pub fn wait_for(&mut self, key: &[u8]) {
        self.entry(key).waiters += 1;
    }

    /// One who waited for a key does so no more.
    pub fn wait_no_more(&mut self, key: &[u8]) {
        self.one_less(key, |watched| &mut watched.waiters);
    }

    /// Whether a key has changed that somebody waits for.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Keys that somebody waits for, and that have changed since the last call.
    pub fn take_ready(&mut self) -> Vec<SmallBytes> {
        std::mem::take(&mut self.ready)
    }

    /// A key has changed.
    pub fn changed(&mut self, key: &[u8]) {
        if let Some(watched) = self.watched.get_mut(key) {
            self.last_version += 1;
            watched.version = self.last_version;
            if watched.waiters > 0 && !self.ready.iter().any(|ready| ready.as_slice() == key) {
                self.ready.push(SmallBytes::new(key));
            }
        }
    }

    /// All watched keys of which this is true are removed together: nobody who waits for one gets anything by that.
    pub fn removed_where(&mut self, is_removed: impl Fn(&[u8]) -> bool) {
        self.last_version += 1;
        for (key, watched) in &mut self.watched {
            if is_removed(key) {
                watched.version = self.last_version;
            }
        }
    }

    /// All watched keys count as changed.
    pub fn all_changed(&mut self) {
        self.last_version += 1;
        for (key, watched) in &mut self.watched {
            watched.version = self.last_version;
            if watched.waiters > 0 && !self.ready.contains(key) {
                self.ready.push(key.clone());
            }
        }
    }

    fn entry(&mut self, key: &[u8]) -> &mut Watched {
        self.traces |= trace(key);
        self.watched.entry(SmallBytes::new(key)).or_default()
    }

    fn one_less(&mut self, key: &[u8], of: impl FnOnce(&mut Watched) -> &mut usize) {
        let Some(watched) = self.watched.get_mut(key) else { return };
        *of(watched) -= 1;
        if watched.watchers + watched.waiters == 0 {
            self.watched.remove(key);
        }
        if self.watched.is_empty() {
            self.traces = 0;
        }
    }
}
