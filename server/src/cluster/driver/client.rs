//! Clients of a proxy: their sockets, the state machines behind them, and their turns.

use super::Driver;
use crate::cluster::feeds::Settled;
use crate::cluster::proxy::{Due, Taken};
use crate::io_unit::units::Now;
use crate::io_unit::{CloseReason, Connection, Window};
use crate::limits::{Limits, OutputLimit};
use crate::logic_unit::Session;
use crate::request_queue::ReplyBatch;
use eagain_net::model::{Event, Interest, Outcome, Poller};
use eagain_net::{Errno, Kernel, ShutdownHow, TcpStream};
use std::sync::Arc;

/// Reads of one client before the others have their turn.
const READS_PER_TURN_MAX: usize = 4;

/// A client.
pub(super) struct Client<K: Kernel> {
    pub stream: TcpStream<K>,
    pub connection: Connection,
    pub session: Session,
    /// What the poller was last asked for.
    interest: Interest,
}

impl<K: Kernel> Client<K> {
    pub fn new(
        stream: TcpStream<K>,
        session: Session,
        limits: &Arc<Limits>,
        window: Window,
        now_ns: u64,
    ) -> Self {
        let mut connection = Connection::new(limits, now_ns);
        connection.limit_under_way(window);
        connection.set_trusted(session.authenticated);
        Client { stream, connection, session, interest: Interest::READABLE }
    }
}

/// The table of clients. A token is a slot and how often the slot has been used, so that what belongs to a former client
/// finds nobody.
pub(super) struct Clients<K: Kernel> {
    slots: Vec<(u32, Option<Client<K>>)>,
    free: Vec<u32>,
}

impl<K: Kernel> Default for Clients<K> {
    fn default() -> Self {
        Clients { slots: Vec::new(), free: Vec::new() }
    }
}

impl<K: Kernel> Clients<K> {
    pub fn insert(&mut self, client: Client<K>) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(client);
        u64::from(entry.0) << 32 | u64::from(slot)
    }

    pub fn get(&mut self, token: u64) -> Option<&mut Client<K>> {
        let entry = self.slots.get_mut(token as u32 as usize)?;
        if u64::from(entry.0) != token >> 32 { None } else { entry.1.as_mut() }
    }

    pub fn remove(&mut self, token: u64) -> Option<Client<K>> {
        self.get(token)?;
        let entry = self.slots.get_mut(token as u32 as usize)?;
        // The highest bits stay clear: tokens of the loop's own are there.
        entry.0 = (entry.0 + 1) & 0x0fff_ffff;
        self.free.push(token as u32);
        entry.1.take()
    }

    fn all(&self) -> impl Iterator<Item = (u64, &Client<K>)> {
        self.slots.iter().enumerate().filter_map(|(slot, (generation, client))| {
            client.as_ref().map(|client| (u64::from(*generation) << 32 | slot as u64, client))
        })
    }

    pub fn tokens(&self) -> Vec<u64> {
        self.all().map(|(token, _)| token).collect()
    }

    pub fn token_of(&self, id: u64) -> Option<u64> {
        self.all().find(|(_, client)| client.session.id == id).map(|(token, _)| token)
    }

    pub fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    /// `CONFIG SET` reaches those that are there.
    pub fn set_limits(&mut self, limits: &Arc<Limits>) {
        for client in self.slots.iter_mut().filter_map(|(_, client)| client.as_mut()) {
            client.connection.set_limits(limits);
        }
    }

    /// When the first of them is late.
    pub fn deadline(&self) -> u64 {
        self.all().filter_map(|(_, client)| client.connection.deadline()).min().unwrap_or(u64::MAX)
    }

    /// Those that are.
    pub fn late(&mut self, now_ns: u64) -> Vec<u64> {
        let mut late = Vec::new();
        for (slot, (generation, client)) in self.slots.iter_mut().enumerate() {
            if client.as_mut().is_some_and(|client| client.connection.deadline_passed(now_ns)) {
                late.push(u64::from(*generation) << 32 | slot as u64);
            }
        }
        late
    }
}

impl<K: Kernel> Driver<K> {
    pub(super) fn client_event(&mut self, event: Event, now: Now) {
        let token = event.token;
        let outcome = if event.readable { self.read(token, now) } else { Outcome::Nothing };
        self.serve(token, now);
        self.flush(token, now);
        if let Some(client) = self.clients.get(token) {
            let _ = self.poller.rearm(client.stream.fd(), token, client.interest, outcome);
        }
    }

    pub(super) fn read(&mut self, token: u64, now: Now) -> Outcome {
        for _ in 0..READS_PER_TURN_MAX {
            let Some(client) = self.clients.get(token) else { return Outcome::Nothing };
            if !client.connection.wants_read() {
                return Outcome::More;
            }
            match client.stream.read(&mut self.scratch) {
                Ok(0) => {
                    client.connection.end_of_input(now.mono_ns);
                    return Outcome::More;
                }
                Ok(n) => client.connection.receive(&self.scratch[..n], now.mono_ns),
                Err(Errno::EAGAIN) => return Outcome::Drained,
                Err(Errno::EINTR) => {}
                Err(_) => {
                    client.connection.close(CloseReason::SocketFailed);
                    return Outcome::Nothing;
                }
            }
            self.serve(token, now);
        }
        Outcome::More
    }

    /// Receives what has come although it has too much under way, for the last time.
    pub(super) fn read_last(&mut self, token: u64, now: Now) {
        let Some(client) = self.clients.get(token) else { return };
        if client.connection.wants_last_read()
            && !client.connection.wants_read()
            && let Ok(n) = client.stream.read(&mut self.scratch)
        {
            client.connection.receive(&self.scratch[..n], now.mono_ns);
        }
    }

    /// Hands requests to the proxy, or answers them here.
    pub(super) fn serve(&mut self, token: u64, now: Now) {
        let mut batch = std::mem::take(&mut self.batch);
        while let Some(client) = self.clients.get(token) {
            if !client.connection.take_batch(&mut batch, now.mono_ns) {
                break;
            }
            for (number, request) in (batch.first()..).zip(batch.iter()) {
                match self.proxy.take(token, number, &client.session, request, now.mono_ns) {
                    Taken::PassedOn => continue,
                    Taken::Subscribes => {
                        client.connection.complete(ReplyBatch::waiting(number), now.mono_ns);
                        continue;
                    }
                    Taken::Not => {}
                }
                let mut bytes = Vec::new();
                let after = self.logic.execute(&mut client.session, request, now.wall, &mut bytes);
                client.connection.complete(ReplyBatch::one(number, bytes, after), now.mono_ns);
                self.touched.insert(token);
            }
            self.logic.finish_turn(&mut client.session, now.wall);
        }
        self.batch = batch;
    }

    /// The reply of a server behind goes to its client.
    pub(super) fn reply(&mut self, due: Due, now: Now) {
        let token = due.client;
        let Some(client) = self.clients.get(token) else { return };
        client.connection.complete(due.into_replies(&mut self.logic), now.mono_ns);
        self.touched.insert(token);
    }

    /// A client's request to subscribe is settled: it listens from now on, or is refused.
    pub(super) fn subscribed(&mut self, settled: &Settled, now: Now) {
        if let Some(client) = self.clients.get(settled.client) {
            let bytes = settled.reply(&mut self.logic, &mut client.session, now.wall);
            client.connection.deliver(&bytes, true, OutputLimit::NONE, now.mono_ns);
            self.touched.insert(settled.client);
        }
        self.proxy.feeds().forget(&settled.topics, self.logic.channels(), now.mono_ns);
    }

    /// Messages that were put aside go to their client.
    pub(super) fn deliver(&mut self, token: u64, now: Now) {
        let Some(client) = self.clients.get(token) else { return };
        let limit = self.logic.config().limits.channel_output;
        if let Some(delivery) = self.logic.take_delivery(&mut client.session, false) {
            client.connection.deliver(&delivery.bytes, false, limit, now.mono_ns);
            self.touched.insert(token);
        }
    }

    /// Writes until all is sent or the socket is full, and asks for what is wanted next.
    pub(super) fn flush(&mut self, token: u64, now: Now) {
        let Some(client) = self.clients.get(token) else { return };
        let connection = &mut client.connection;
        while connection.wants_write() {
            match client.stream.write(connection.output()) {
                Ok(n) => connection.sent(n, now.mono_ns),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => connection.close(CloseReason::SocketFailed),
            }
        }
        if connection.wants_shutdown() {
            // ENOTCONN: the peer has reset the connection; the next read says so.
            let _ = client.stream.shutdown(ShutdownHow::Write);
            connection.shutdown_done(now.mono_ns);
        }
        if connection.is_closed() {
            return self.release(token);
        }
        if connection.wants_service() {
            self.touched.insert(token);
        }
        let wanted = Interest { readable: connection.wants_read(), writable: connection.wants_write() };
        if wanted != client.interest {
            client.interest = wanted;
            if self.poller.modify(client.stream.fd(), token, wanted).is_err() {
                self.release(token);
            }
        }
    }

    /// The client's session and its place go, and its socket is closed.
    pub(super) fn release(&mut self, token: u64) {
        if let Some(client) = self.clients.remove(token) {
            self.poller.forget(client.stream.fd());
            self.logic.disconnect(client.session, client.connection.end());
        }
        self.touched.remove(&token);
    }
}
