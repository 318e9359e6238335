//! The logic unit: what a request means, free of sockets, clocks and threads.
//!
//! [`LogicUnit::execute`] takes one request of one [`session`] and writes its reply; [`dispatch`] finds the command
//! in the table and checks what is to be checked before it runs; [`command`] holds the commands, a group a file.
//! [`directory`] is what the unit knows of all its clients.
//!
//! The unit has no lock. One thread owns it, or several share it behind one: a batch of requests is executed under
//! the lock, while reading, parsing and writing happen outside. The loop that drives it calls
//!
//! 1. [`LogicUnit::connect`] when a connection is accepted, and [`LogicUnit::disconnect`] when it is closed;
//! 2. [`LogicUnit::execute`] for each request, then [`LogicUnit::finish_turn`] for each connection of the turn;
//! 3. [`LogicUnit::commit`] once per turn, before any reply of the turn leaves;
//! 4. [`LogicUnit::take_orders`] after that, and carries them out;
//! 5. [`LogicUnit::expire_due`] when [`LogicUnit::next_expiry_ms`] has come.

pub mod call;
pub mod channels;
pub mod command;
pub mod decimal;
pub mod directory;
pub mod dispatch;
pub mod glob;
pub mod session;
pub mod waiting;

pub use directory::{ClientEntry, Delivery, Directory};
pub use session::{Place, Session};

use crate::config::Config;
use crate::limits::Limits;
use crate::observe::{Counters, Level};
use crate::random::Random;
use crate::request_queue::{After, ReplyBatch, RequestBatch};
use crate::resp::Arguments;
use crate::storage_unit::{Commit, Standing, Storage};
use channels::Channels;
use command::client_pause::Pause;
use command::slowlog::SlowLog;
use std::fmt;
use std::sync::Arc;
use waiting::Waiters;

/// What the wall clock says, as it was handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    unix_us: u64,
}

impl WallTime {
    /// Nanoseconds since 1970.
    pub fn from_unix_ns(unix_ns: u64) -> Self {
        WallTime { unix_us: unix_ns / 1000 }
    }

    /// Milliseconds since 1970.
    pub fn from_unix_ms(unix_ms: u64) -> Self {
        WallTime { unix_us: unix_ms * 1000 }
    }

    /// Microseconds since 1970.
    pub fn unix_us(self) -> u64 {
        self.unix_us
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> u64 {
        self.unix_us / 1000
    }
}

/// A clock for those who look at it in the middle of a turn. The unit has none: whoever drives it lends it one.
struct Clock<T>(Box<dyn Fn() -> T + Send>);

impl<T> Clock<T> {
    fn now(&self) -> T {
        (self.0)()
    }
}

impl<T> fmt::Debug for Clock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What a command asks of the loop that drives the units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Close the connection of this client at once.
    Kill {
        /// The client's id.
        client: u64,
    },
    /// Look at the client in this place: there is a [`Delivery`] for it, or it has waited long enough.
    Look {
        /// Where it is.
        place: Place,
    },
    /// Take over the limits of the configuration, which have changed.
    Limits,
    /// Stop the server.
    Shutdown,
}

/// What commands share beside the data.
#[derive(Debug)]
pub struct Shared {
    /// What the operator chose.
    pub config: Config,
    /// What is counted.
    pub counters: Counters,
    /// All clients.
    pub directory: Directory,
    /// Who listens to what.
    pub channels: Channels,
    /// Who waits for what.
    pub waiters: Waiters,
    /// Whose commands are put off, and until when.
    pub pause: Pause,
    /// What took long.
    pub slow_log: SlowLog,
    /// For times that begin with a command.
    wall: Option<Clock<WallTime>>,
    /// Chance, from a seed.
    pub random: Random,
    /// When the unit was made.
    pub started: WallTime,
    /// Forty hexadecimal digits that distinguish this run of the server from others.
    pub run_id: String,
    orders: Vec<Order>,
    /// Those of the configuration, as connections hold them.
    limits: Arc<Limits>,
    storage_name: &'static str,
    /// The one who came last found no place.
    is_full: bool,
}

impl Shared {
    /// Writes a line about a client to the log.
    #[cold]
    pub fn log_client(&self, level: Level, id: u64, slot: usize, text: &str) {
        self.config.log.line(level, || format!("client {id} at {}: {text}", self.directory.peer(slot)));
    }

    /// Asks something of the loop.
    pub fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// The configuration is this one from now on.
    pub fn configure(&mut self, config: Config) {
        if config.limits != self.config.limits {
            self.limits = Arc::new(config.limits.clone());
            self.order(Order::Limits);
        }
        config.log.set_least(config.log_level);
        self.config = config;
    }

    /// What the engine behind the data is called.
    pub fn storage_name(&self) -> &'static str {
        self.storage_name
    }
}

/// All there is to execute requests.
#[derive(Debug)]
pub struct LogicUnit<S> {
    storage: S,
    shared: Shared,
}

impl<S: Storage> LogicUnit<S> {
    /// A unit on `storage`. `seed` is all the chance that it will ever have.
    pub fn new(config: Config, storage: S, seed: u64, now: WallTime) -> Self {
        let mut random = Random::new(seed);
        let run_id: String = (0..5).map(|_| format!("{:08x}", random.next_u64() as u32)).collect();
        let shared = Shared {
            limits: Arc::new(config.limits.clone()),
            config,
            counters: Counters::default(),
            directory: Directory::default(),
            channels: Channels::default(),
            waiters: Waiters::default(),
            pause: Pause::default(),
            slow_log: SlowLog::default(),
            wall: None,
            random,
            started: now,
            run_id,
            orders: Vec::new(),
            storage_name: storage.name(),
            is_full: false,
        };
        LogicUnit { storage, shared }
    }

    /// Lifetimes begin by this clock from now on, rather than with the turn in which they are asked for.
    pub fn look_again(&mut self, wall: impl Fn() -> WallTime + Send + 'static) {
        self.shared.wall = Some(Clock(Box::new(wall)));
    }

    /// Commands are measured from now on, by this clock.
    pub fn measure(&mut self, clock: impl Fn() -> u64 + Send + 'static) {
        self.shared.slow_log.clock = Some(Clock(Box::new(clock)));
    }

    /// A client has come. `peer` and `local` are the two ends of its connection as text.
    pub fn connect(&mut self, peer: &str, local: &str, now: WallTime) -> Session {
        self.shared.counters.connections_total += 1;
        let trusted = self.shared.config.password.is_empty();
        self.shared.config.log.line(Level::Verbose, || format!("a client has come from {peer}"));
        self.shared.directory.enter(peer, local, trusted, now.unix_ms())
    }

    /// Whether another client may come, where the model has `room` for it; if not, it gets
    /// [`crate::error::TOO_MANY_CLIENTS`] and closed.
    pub fn admits_client(&mut self, room: bool) -> bool {
        let (clients, most) = (self.shared.directory.len(), self.shared.config.limits.clients_max);
        let admits = room && clients < most;
        self.shared.counters.connections_rejected += u64::from(!admits);
        if !admits && !self.shared.is_full {
            self.shared.config.log.line(Level::Warning, || {
                let why = match clients < most {
                    true => format!("as the model {} can serve", self.shared.config.model),
                    false => format!("as there may be (maxclients {most})"),
                };
                format!("{clients} clients are as many {why}: others are refused")
            });
        }
        self.shared.is_full = !admits;
        admits
    }

    /// A client has gone, for a reason that the operator may want to know.
    pub fn disconnect(&mut self, mut session: Session, (level, why): (Level, &str)) {
        self.shared.log_client(level, session.id, session.slot, why);
        command::transaction::unwatch_all(&mut session, self.storage.databases());
        self.shared.waiters.cancel(self.storage.databases(), session.id);
        self.shared.pause.forget(session.place);
        self.shared.channels.unsubscribe_all(&mut session);
        self.shared.directory.leave(&session);
    }

    /// Executes one request and appends its reply to `out`.
    #[inline]
    pub fn execute(
        &mut self,
        session: &mut Session,
        arguments: Arguments<'_>,
        now: WallTime,
        out: &mut Vec<u8>,
    ) -> After {
        if session.subscriptions.is_some() {
            self.deliver_published(session, out);
        }
        dispatch::dispatch(self.storage.databases(), &mut self.shared, session, arguments, now, out)
    }

    /// What was published before a request comes before its reply.
    #[cold]
    fn deliver_published(&mut self, session: &Session, out: &mut Vec<u8>) {
        if let Some(delivery) = self.shared.directory.take_delivery(session.slot) {
            out.extend_from_slice(&delivery.bytes);
        }
    }

    /// Executes a batch without its first `done` requests, up to the first that closes the connection or has to wait. `out` is
    /// given room to be reused.
    pub fn execute_batch(
        &mut self,
        session: &mut Session,
        batch: &RequestBatch,
        done: usize,
        now: WallTime,
        mut out: Vec<u8>,
    ) -> ReplyBatch {
        self.begin_turn();
        out.clear();
        let (mut after, mut wait) = (After::KeepOpen, None);
        let mut count = (batch.len() - done) as u64;
        for (number, request) in (0..).zip(batch.iter().skip(done)) {
            match self.execute(session, request, now, &mut out) {
                After::KeepOpen => {}
                After::Wait(its) => {
                    (count, wait) = (number, Some(its));
                    break;
                }
                other => after = other,
            }
            if after == After::Close {
                break;
            }
        }
        self.finish_turn(session, now);
        ReplyBatch { first: batch.first() + done as u64, count, bytes: out, after, wait }
    }

    /// What the client is to be sent beside its replies. `is_late`: its command has waited for as long as it may.
    pub fn take_delivery(&mut self, session: &mut Session, is_late: bool) -> Option<Box<Delivery>> {
        if is_late {
            waiting::give_up(self.storage.databases(), &mut self.shared, session.id, None);
        }
        let delivery = self.shared.directory.take_delivery(session.slot);
        if delivery.as_ref().is_some_and(|delivery| delivery.answered) {
            session.waits = false;
        }
        delivery
    }

    /// All requests of a connection for this turn are executed: what other clients may see of it is brought up to
    /// date.
    #[inline]
    pub fn finish_turn(&mut self, session: &mut Session, now: WallTime) {
        session.active_ms = now.unix_ms();
        self.shared.directory.update(session);
    }

    /// Hands the effects of the turn to the storage. No reply of the turn may leave before it says so.
    pub fn commit(&mut self) -> Commit {
        let commit = self.storage.commit();
        for slot in self.shared.waiters.take_served() {
            self.shared.directory.commit(slot, commit);
        }
        commit
    }

    /// A turn begins. Whether its replies may have to wait; see [`Storage`].
    #[inline]
    pub fn begin_turn(&mut self) -> bool {
        self.storage.begin_turn()
    }

    /// What became of a ticket of [`LogicUnit::commit`].
    pub fn standing(&mut self, ticket: u64) -> Standing {
        self.storage.standing(ticket)
    }

    /// What commands asked of the loop since the last call.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.shared.orders)
    }

    /// Removes keys whose time has come, `count_max` at most; how many. To be called again when it was that many.
    pub fn expire_due(&mut self, now: WallTime, count_max: usize) -> usize {
        self.storage.databases().expire_due(now.unix_ms(), count_max)
    }

    /// When [`LogicUnit::expire_due`] has something to do next (Unix milliseconds); it may turn out to be nothing.
    pub fn next_expiry_ms(&mut self) -> Option<u64> {
        self.storage.databases().next_expiry_ms()
    }

    /// What the operator chose, with what `CONFIG SET` has changed since.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Its limits, as connections hold them.
    pub fn limits(&self) -> Arc<Limits> {
        self.shared.limits.clone()
    }

    /// What is counted, for the I/O unit to add to.
    pub fn counters(&mut self) -> &mut Counters {
        &mut self.shared.counters
    }

    /// All clients.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// Who listens to what.
    pub fn channels(&mut self) -> &mut Channels {
        &mut self.shared.channels
    }

    /// A message that another server has sent, for those who listen here; see [`channels::forward`].
    pub fn forward(&mut self, words: &[Vec<u8>]) {
        channels::forward(&mut self.shared, &words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    /// The storage.
    pub fn storage(&mut self) -> &mut S {
        &mut self.storage
    }
}

#[cfg(test)]
mod tests;
