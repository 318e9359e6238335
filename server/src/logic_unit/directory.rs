//! All clients of the server, as `CLIENT LIST` shows them. A session lives with its connection; here is the copy that
//! other clients may see, brought up to date after each turn of the session.

use super::session::{Place, Profile, Session};
use crate::resp::Protocol;
use crate::storage_unit::Commit;
use std::fmt;
use std::net::SocketAddrV4;
use std::sync::Arc;

/// What a client is to be sent that is no reply to a request under way: messages of channels, or the reply to a request that
/// has waited.
#[derive(Debug, Default)]
pub struct Delivery {
    /// In the client's dialect.
    pub bytes: Vec<u8>,
    /// The reply to the request that has waited is among them.
    pub answered: bool,
    /// There were too many: the client is about to be closed.
    is_overfull: bool,
    /// When they may leave, where that reply reports a change.
    pub commit: Commit,
}

/// The far end of a connection, in few bytes where it is one of IPv4, as it mostly is.
#[derive(Debug)]
pub enum FarEnd {
    /// An address.
    V4(SocketAddrV4),
    /// Anything else, as text.
    Text(Box<str>),
}

impl FarEnd {
    fn new(text: &str) -> FarEnd {
        text.parse().map_or_else(|_| FarEnd::Text(text.into()), FarEnd::V4)
    }
}

impl fmt::Display for FarEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FarEnd::V4(address) => address.fmt(f),
            FarEnd::Text(text) => f.write_str(text),
        }
    }
}

/// What others may see of a client.
#[derive(Debug)]
pub struct ClientEntry {
    /// Its number.
    pub id: u64,
    /// The far end of its connection.
    pub peer: FarEnd,
    /// Our end, which most clients have in common.
    pub local: Arc<Box<str>>,
    /// When it came (Unix milliseconds).
    pub connected_ms: u64,
    /// When it last sent a request (Unix milliseconds).
    pub active_ms: u64,
    /// What it says of itself.
    profile: Option<Arc<Profile>>,
    /// Its database.
    pub database: u32,
    /// Requests that wait for `EXEC`; -1 outside of a transaction.
    pub queued: i32,
    /// The command that it used last.
    pub last_command: &'static &'static str,
    /// The dialect of its replies.
    pub protocol: Protocol,
    /// It watches keys.
    pub watches: u32,
    /// It asked not to be evicted.
    pub no_evict: bool,
    /// Channels and patterns that it listens to.
    pub subscriptions: (u32, u32),
    /// It is in a command that waits.
    pub is_blocked: bool,
    /// Where its loop finds it.
    pub place: Place,
    /// What it is to be sent, where there is anything.
    delivery: Option<Box<Delivery>>,
}

impl ClientEntry {
    /// What it says of itself.
    pub fn profile(&self) -> &Profile {
        Profile::of(&self.profile)
    }
}

/// The clients.
#[derive(Debug, Default)]
pub struct Directory {
    /// Entries by slot; a slot is used again when its client has gone.
    slots: Vec<Option<ClientEntry>>,
    free: Vec<usize>,
    last_id: u64,
    /// Our end of the connection of who came last.
    local: Arc<Box<str>>,
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
        if **self.local != *local {
            self.local = Arc::new(local.into());
        }
        let session = Session::new(id, slot, authenticated, now_ms);
        self.slots[slot] = Some(ClientEntry {
            id,
            peer: FarEnd::new(peer),
            local: self.local.clone(),
            connected_ms: now_ms,
            active_ms: now_ms,
            profile: None,
            database: 0,
            queued: -1,
            last_command: session.last_command,
            protocol: session.protocol,
            watches: 0,
            no_evict: false,
            subscriptions: (0, 0),
            is_blocked: false,
            place: Place::default(),
            delivery: None,
        });
        session
    }

    /// The far end of the connection of the client in this slot.
    pub(super) fn peer(&self, slot: usize) -> String {
        self.slots[slot].as_ref().map(|entry| entry.peer.to_string()).unwrap_or_default()
    }

    /// The dialect of the client in this slot.
    pub(super) fn protocol(&self, slot: usize) -> Protocol {
        self.slots[slot].as_ref().map_or(Protocol::default(), |entry| entry.protocol)
    }

    /// Puts aside what `write` appends for the client in this slot. The client's number, and its place where its loop has
    /// to be notified of it. An error: it has more than `bytes_max` already, and does not take it; its number, the first time.
    pub(super) fn deliver(
        &mut self,
        slot: usize,
        bytes_max: usize,
        write: impl FnOnce(&mut Delivery),
    ) -> Result<Option<Place>, Option<u64>> {
        let Some(entry) = &mut self.slots[slot] else { return Ok(None) };
        let is_first = entry.delivery.is_none();
        let delivery = entry.delivery.get_or_insert_default();
        if delivery.bytes.len() > bytes_max {
            let is_first = !std::mem::replace(&mut delivery.is_overfull, true);
            return Err(is_first.then_some(entry.id));
        }
        write(delivery);
        Ok(is_first.then_some(entry.place))
    }

    /// What the client in this slot is to be sent.
    #[inline]
    pub(super) fn take_delivery(&mut self, slot: usize) -> Option<Box<Delivery>> {
        self.slots[slot].as_mut()?.delivery.take()
    }

    /// Deliveries that report changes of this turn wait for the disk as its replies do.
    pub(super) fn commit(&mut self, slot: usize, commit: Commit) {
        if let Some(delivery) = self.slots[slot].as_mut().and_then(|entry| entry.delivery.as_mut()) {
            delivery.commit = commit;
        }
    }

    /// The client in this slot does not wait any more.
    pub(super) fn unblocked(&mut self, slot: usize) {
        if let Some(entry) = &mut self.slots[slot] {
            entry.is_blocked = false;
        }
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
        entry.database = session.database as u32;
        entry.last_command = session.last_command;
        entry.protocol = session.protocol;
        entry.queued = session.queued().try_into().unwrap_or(i32::MAX);
        entry.watches = session.watches.as_ref().map_or(0, |watches| watches.len() as u32);
        entry.no_evict = session.no_evict;
        entry.subscriptions = session
            .subscriptions
            .as_ref()
            .map_or((0, 0), |all| (all.channels.len() as u32, all.patterns.len() as u32));
        entry.is_blocked = session.waits;
        entry.place = session.place;
        if session.profile_changed {
            entry.profile.clone_from(&session.profile);
            session.profile_changed = false;
        }
    }
}
