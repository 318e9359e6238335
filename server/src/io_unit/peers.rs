//! The table of peers. A token is a slot and how often the slot has been used, so that an event that belongs to a former
//! peer of the slot, or of the descriptor, finds nobody.

use super::peer::Peer;
use eagain_net::sync::Mutex;
use eagain_net::{Fd, Kernel};
use std::sync::Arc;

/// A peer that several threads can find; one at a time holds it.
pub(super) type SharedPeer<K> = Arc<Mutex<K, Peer<K>>>;

/// All peers.
pub struct Peers<K: Kernel> {
    table: Mutex<K, Table<K>>,
}

struct Table<K: Kernel> {
    slots: Vec<Slot<K>>,
    free: Vec<u32>,
}

struct Slot<K: Kernel> {
    /// Of the peer that is or will be here.
    generation: u32,
    /// The peer's, to be had without its lock. A number: the descriptor is the peer's as long as that is there.
    fd: Fd,
    client: u64,
    peer: Option<SharedPeer<K>>,
}

impl<K: Kernel> Table<K> {
    fn find(&self, token: u64) -> Option<(Fd, &SharedPeer<K>)> {
        let (slot, generation) = parts(token);
        let place = self.slots.get(slot).filter(|place| place.generation == generation)?;
        Some((place.fd, place.peer.as_ref()?))
    }
}

fn parts(token: u64) -> (usize, u32) {
    (token as u32 as usize, (token >> 32) as u32)
}

impl<K: Kernel> Peers<K> {
    pub(super) fn new(kernel: K) -> Peers<K> {
        Peers { table: Mutex::new(kernel, Table { slots: Vec::new(), free: Vec::new() }) }
    }

    /// A place for a peer; the function gets its token.
    pub(super) fn insert(&self, kernel: K, mut peer: Peer<K>) -> (u64, SharedPeer<K>) {
        let mut table = self.table.lock();
        let slot = table.free.pop().unwrap_or_else(|| {
            table.slots.push(Slot { generation: 0, fd: Fd(-1), client: 0, peer: None });
            table.slots.len() as u32 - 1
        });
        let place = &mut table.slots[slot as usize];
        let token = u64::from(place.generation) << 32 | u64::from(slot);
        peer.token = token;
        (place.fd, place.client) = (peer.stream.fd(), peer.client);
        let peer = Arc::new(Mutex::new(kernel, peer));
        place.peer = Some(peer.clone());
        (token, peer)
    }

    /// The peer with this token, if it is still there.
    pub(super) fn get(&self, token: u64) -> Option<SharedPeer<K>> {
        self.table.lock().find(token).map(|(_, peer)| peer.clone())
    }

    /// That peer's descriptor, which is nobody else's while the peer is held.
    pub(super) fn descriptor(&self, token: u64) -> Option<(Fd, SharedPeer<K>)> {
        self.table.lock().find(token).map(|(fd, peer)| (fd, peer.clone()))
    }

    /// Frees the place. The token is never valid again (but for 2^29 uses of the slot).
    pub(super) fn remove(&self, token: u64) {
        let (slot, generation) = parts(token);
        let mut table = self.table.lock();
        let Some(entry) = table.slots.get_mut(slot).filter(|entry| entry.generation == generation) else {
            return;
        };
        if entry.peer.take().is_some() {
            // The three highest bits stay clear: tokens of the loop's own are there.
            entry.generation = (entry.generation + 1) & 0x1fff_ffff;
            table.free.push(slot as u32);
        }
    }

    /// All tokens, lowest slot first.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let table = self.table.lock();
        let taken = |(slot, entry): (usize, &Slot<K>)| {
            entry.peer.as_ref().map(|_| u64::from(entry.generation) << 32 | slot as u64)
        };
        table.slots.iter().enumerate().filter_map(taken).collect()
    }

    /// The token of a client.
    pub(super) fn token_of(&self, client: u64) -> Option<u64> {
        let table = self.table.lock();
        table.slots.iter().enumerate().find_map(|(slot, place)| match &place.peer {
            Some(_) if place.client == client => Some(u64::from(place.generation) << 32 | slot as u64),
            _ => None,
        })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        let table = self.table.lock();
        table.slots.len() - table.free.len()
    }
}
