//! All clients of the server, as `CLIENT LIST` shows them. A session lives with its connection; here is the copy that
//! other clients may see, brought up to date after each turn of the session.

use super::session::Session;
use crate::resp::Protocol;

/// What others may see of a client.
#[derive(Clone, Debug)]
pub struct ClientEntry {
    /// Its number.
    pub id: u64,
    /// The far end of its connection.
    pub peer: String,
    /// Our end.
    pub local: String,
    /// When it came (Unix milliseconds).
    pub connected_ms: u64,
    /// When it last sent a request (Unix milliseconds).
    pub active_ms: u64,
    /// What it calls itself.
    pub name: Vec<u8>,
    /// Its library.
    pub library_name: Vec<u8>,
    /// And its version.
    pub library_version: Vec<u8>,
    /// Its database.
    pub database: usize,
    /// Requests that wait for `EXEC`; -1 outside of a transaction.
    pub queued: i64,
    /// The command that it used last.
    pub last_command: &'static str,
    /// The dialect of its replies.
    pub protocol: Protocol,
    /// It watches keys.
    pub watches: usize,
    /// It asked not to be evicted.
    pub no_evict: bool,
}

/// The clients.
#[derive(Debug, Default)]
pub struct Directory {
    /// Entries by slot; a slot is used again when its client has gone.
    slots: Vec<Option<ClientEntry>>,
    free: Vec<usize>,
    last_id: u64,
}

impl Directory {
    /// How many clients.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The clients in the order in which they came.
    pub fn in_order(&self) -> Vec<&ClientEntry> {
        let mut entries: Vec<&ClientEntry> = self.slots.iter().flatten().collect();
        entries.sort_unstable_by_key(|entry| entry.id);
        entries
    }

    pub(super) fn enter(&mut self, peer: &str, local: &str, authenticated: bool, now_ms: u64) -> Session {
        self.last_id += 1;
        let id = self.last_id;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let session = Session::new(id, slot, authenticated, now_ms);
        self.slots[slot] = Some(ClientEntry {
            id,
            peer: peer.to_owned(),
            local: local.to_owned(),
            connected_ms: now_ms,
            active_ms: now_ms,
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            database: 0,
            queued: -1,
            last_command: session.last_command,
            protocol: session.protocol,
            watches: 0,
            no_evict: false,
        });
        session
    }

    pub(super) fn leave(&mut self, session: &Session) {
        if self.slots[session.slot].take().is_some() {
            self.free.push(session.slot);
        }
    }

    pub(super) fn update(&mut self, session: &mut Session) {
        let Some(entry) = &mut self.slots[session.slot] else {
            return;
        };
        debug_assert_eq!(entry.id, session.id, "a slot has one client at a time");
        entry.active_ms = session.active_ms;
        entry.database = session.database;
        entry.last_command = session.last_command;
        entry.protocol = session.protocol;
        entry.queued = session.queued();
        entry.watches = session.watches.len();
        entry.no_evict = session.no_evict;
        if session.profile_changed {
            entry.name.clone_from(&session.name);
            entry.library_name.clone_from(&session.library_name);
            entry.library_version.clone_from(&session.library_version);
            session.profile_changed = false;
        }
    }
}
