//! Commands that wait for a key: who waits for which, in the order in which they came, and how they are served.
//!
//! A command that finds nothing says so with [`Call::wait_for`](super::call::Call::wait_for) and is kept here. When a key that
//! somebody waits for has changed, which the keyspace reports, the commands that wait for it are executed again, the one that came
//! first before the others, as long as there is something for them. That is done behind the command that changed the key, or
//! behind the transaction, before any other command.

use super::call::Call;
use super::session::Session;
use super::{Order, Shared, WallTime, command};
use crate::request_queue::{After, RequestBatch};
use crate::resp::{Arguments, Protocol, Reply};
use crate::storage_unit::{Databases, SmallBytes, Value};
use std::collections::{BTreeMap, VecDeque};

/// A command that waits.
#[derive(Debug)]
struct Waiter {
    slot: usize,
    database: usize,
    protocol: Protocol,
    /// The command alone.
    request: RequestBatch,
    /// Each once.
    keys: Vec<SmallBytes>,
}

/// All that wait.
#[derive(Debug, Default)]
pub struct Waiters {
    /// By client, which has one command at a time.
    waiting: BTreeMap<u64, Waiter>,
    /// By database and key: who waits for it, the longest first. None is empty.
    lines: BTreeMap<(usize, SmallBytes), VecDeque<u64>>,
    /// Slots of clients who were served in this turn.
    served: Vec<usize>,
}

impl Waiters {
    /// How many.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The client waits for one of these keys.
    pub(super) fn add<'k>(
        &mut self,
        databases: &mut Databases,
        session: &mut Session,
        request: Arguments<'_>,
        keys: impl Iterator<Item = &'k [u8]>,
    ) {
        let mut its = Waiter {
            slot: session.slot,
            database: session.database,
            protocol: session.protocol,
            request: RequestBatch::new(),
            keys: Vec::new(),
        };
        its.request.push(request);
        for key in keys.map(SmallBytes::new) {
            if its.keys.contains(&key) {
                continue;
            }
            databases.at(its.database).wait_for(&key);
            self.lines.entry((its.database, key.clone())).or_default().push_back(session.id);
            its.keys.push(key);
        }
        session.waits = true;
        self.waiting.insert(session.id, its);
    }

    fn remove(&mut self, databases: &mut Databases, client: u64) -> Option<Waiter> {
        let waiter = self.waiting.remove(&client)?;
        for key in &waiter.keys {
            databases.at(waiter.database).wait_no_more(key);
            let place = (waiter.database, key.clone());
            if let Some(line) = self.lines.get_mut(&place) {
                line.retain(|other| *other != client);
                if line.is_empty() {
                    self.lines.remove(&place);
                }
            }
        }
        Some(waiter)
    }

    /// The client has gone.
    pub(super) fn cancel(&mut self, databases: &mut Databases, client: u64) {
        self.remove(databases, client);
    }

    /// Slots of clients who were served since the last call.
    pub(super) fn take_served(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.served)
    }

    fn first(&self, database: usize, key: &SmallBytes) -> Option<u64> {
        self.lines.get(&(database, key.clone()))?.front().copied()
    }
}

/// Serves those for whom there is something now.
#[cold]
pub fn serve(databases: &mut Databases, shared: &mut Shared, now: WallTime) {
    // Serving one may give something to another: a move puts an item under another key.
    loop {
        let mut any = false;
        for database in 0..databases.count() {
            for key in databases.at(database).take_ready() {
                any = true;
                while let Some(client) = shared.waiters.first(database, &key) {
                    let found = databases.at(database).peek(&key, now.unix_ms());
                    let has_item = |found| matches!(databases.at(database).value(found), Value::List(_));
                    if !found.is_some_and(has_item) {
                        break;
                    }
                    if let Some(waiter) = shared.waiters.remove(databases, client) {
                        execute_again(databases, shared, now, client, &waiter, &key);
                    }
                }
            }
        }
        if !any {
            return;
        }
    }
}

fn execute_again(
    databases: &mut Databases,
    shared: &mut Shared,
    now: WallTime,
    client: u64,
    waiter: &Waiter,
    key: &SmallBytes,
) {
    let arguments = waiter.request.request(0);
    let mut session = Session::new(client, waiter.slot, true, now.unix_ms());
    (session.database, session.protocol) = (waiter.database, waiter.protocol);
    let mut bytes = Vec::new();
    let mut call = Call {
        arguments,
        now,
        now_ms: now.unix_ms(),
        databases,
        shared,
        session: &mut session,
        reply: Reply::new(&mut bytes, waiter.protocol),
        after: After::KeepOpen,
        may_wait: false,
        only_key: Some(key),
    };
    if let Some(command) = command::find(arguments.at(0))
        && let Err(error) = (command.run)(&mut call)
    {
        call.reply.rewind(0);
        call.reply.error(error.text());
    }
    shared.waiters.served.push(waiter.slot);
    answer(shared, waiter.slot, &bytes);
}

/// Ends the waiting of a client without anything for it: with nothing, or with an error. `false`: it does not wait.
pub fn give_up(databases: &mut Databases, shared: &mut Shared, client: u64, error: Option<&str>) -> bool {
    let Some(waiter) = shared.waiters.remove(databases, client) else { return false };
    let mut bytes = Vec::new();
    let mut reply = Reply::new(&mut bytes, waiter.protocol);
    match error {
        Some(error) => reply.error(error),
        None => reply.null_array(),
    }
    answer(shared, waiter.slot, &bytes);
    true
}

fn answer(shared: &mut Shared, slot: usize, bytes: &[u8]) {
    let delivered = shared.directory.deliver(slot, usize::MAX, |delivery| {
        delivery.bytes.extend_from_slice(bytes);
        delivery.answered = true;
    });
    if let Ok(Some(place)) = delivered {
        shared.order(Order::Look { place });
    }
    shared.directory.unblocked(slot);
}
