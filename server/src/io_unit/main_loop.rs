//! The main loop, one turn after the other, whatever the pattern and the model. Three kinds of events come through it:
//! I/O by the model, signals by its waker, timers by the time for which it waits.

use super::connection::CloseReason;
use super::loop_context::{DEADLINE, LISTENER, LoopContext, is_listener};
use super::peer::Peer;
use super::units::Now;
use crate::logic_unit::Order;
use crate::storage_unit::Storage;
use eagain_net::{Errno, Kernel};
use std::sync::Arc;
use std::time::Duration;

/// A stop waits for the peers to take their replies, so long at most.
pub(super) const DRAIN_NS: u64 = 5_000_000_000;
/// A peer that a worker holds is looked at again after so long.
pub(super) const BUSY_NS: u64 = 1_000_000;

/// What a driver brings: its model, and who does what.
pub(super) trait MainLoop<K: Kernel, S: Storage> {
    /// The loop's own.
    fn context(&self) -> &Arc<LoopContext<K, S>>;

    /// Waits for so long at most, says so ([`LoopContext::awake`]), and handles what happened. The time after the waiting.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<Now, Errno>;

    /// Something happened to the peer that is no event of its socket: sends what is to be sent, asks of the socket what
    /// is wanted from now on, watches the deadline, and releases the peer where all is over. Where the server stops
    /// ([`Flight::stops`](super::peer::Flight)) what the socket has is received first, and then the connection drains.
    fn resume(&mut self, peer: &mut Peer<K>, now: Now);

    /// How many listeners there are.
    fn listeners(&self) -> u64;

    /// Connections are taken in from now on, by the listener with this token.
    fn start_accepting(&mut self, token: u64) -> Result<(), Errno>;

    /// No more connections, ever.
    fn stop_accepting(&mut self);
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(super) fn run<K: Kernel, S: Storage>(driver: &mut impl MainLoop<K, S>) -> Result<(), Errno> {
    let context = driver.context().clone();
    for number in 0..driver.listeners() {
        driver.start_accepting(LISTENER + number)?;
    }
    let mut stopping: Option<Drain> = None;
    // Peers that have not taken over limits that have changed.
    let mut behind = Vec::new();
    let mut now = Now::of(context.units.kernel);
    loop {
        // 1. Keys whose time has come go. Then it sleeps until something happens, or something is due.
        let timeout = context.timeout(now, stopping.as_ref().map_or(u64::MAX, |drain| drain.until));
        // 2. What the I/O model reports.
        now = driver.turn(timeout)?;
        // 3. Deadlines that have passed: those of peers, a listener that has rested.
        look_at_the_clock(driver, &context, now, stopping.is_some())?;
        // 4. News of the storage: replies that waited for it may leave.
        for token in context.take_awaiting() {
            look_at_peer(driver, &context, token, now);
        }
        // 5. What commands ask for.
        carry_out(driver, &context, &mut behind, now);
        take_over_limits(&context, &mut behind, now);
        // 6. What signals ask for: the end.
        if context.units.is_stopping() {
            let drain = stopping.get_or_insert_with(|| {
                if context.number == 0 {
                    context.units.config.announce_stop();
                }
                driver.stop_accepting();
                Drain { until: now.mono_ns + DRAIN_NS, waiting: context.peers.tokens() }
            });
            if drain.turn(driver, &context, now) {
                return Ok(());
            }
        }
    }
}

fn look_at_the_clock<K: Kernel, S: Storage>(
    driver: &mut impl MainLoop<K, S>,
    context: &LoopContext<K, S>,
    now: Now,
    has_stopped_accepting: bool,
) -> Result<(), Errno> {
    while let Some(token) = context.pop_due(now) {
        if is_listener(token) {
            if !has_stopped_accepting && !context.units.is_stopping() {
                driver.start_accepting(token)?;
            }
            continue;
        }
        look_at_peer(driver, context, token, now);
    }
    Ok(())
}

/// Looks at a peer, now or when whoever holds it is done. With [`DEADLINE`] it is only because the peer may be late: one that is not
/// must not be written to, for the few bytes for which a socket has room before it calls itself writable are not the peer's
/// taking, and would give it all of its time again.
fn look_at_peer<K: Kernel, S: Storage>(
    driver: &mut impl MainLoop<K, S>,
    context: &LoopContext<K, S>,
    token: u64,
    now: Now,
) {
    let is_timer = token & DEADLINE != 0;
    let Some(shared) = context.peers.get(token & !DEADLINE) else { return };
    let Some(mut peer) = shared.try_lock() else {
        context.look_at(token, now.mono_ns + BUSY_NS);
        return;
    };
    if peer.timer_ns <= now.mono_ns {
        peer.timer_ns = u64::MAX;
    }
    peer.connection.deadline_passed(now.mono_ns);
    let has_waited = peer.connection.has_waited(now.mono_ns) && context.deliver(&mut peer, false, now);
    if is_timer && !has_waited && !peer.connection.is_closed() {
        context.arm_deadline(&mut peer);
    } else {
        driver.resume(&mut peer, now);
    }
}

fn carry_out<K: Kernel, S: Storage>(
    driver: &mut impl MainLoop<K, S>,
    context: &LoopContext<K, S>,
    behind: &mut Vec<u64>,
    now: Now,
) {
    for order in context.orders.take() {
        match order {
            Order::Shutdown => context.units.stop(),
            Order::Kill { client } => {
                let Some(shared) = context.peers.token_of(client).and_then(|token| context.peers.get(token))
                else {
                    continue;
                };
                let Some(mut peer) = shared.try_lock() else {
                    // Asked again once its worker is done.
                    context.orders.post(&[order]);
                    context.look_at(u64::MAX, now.mono_ns + BUSY_NS);
                    continue;
                };
                peer.connection.close(CloseReason::Killed);
                driver.resume(&mut peer, now);
            }
            Order::Look { place } => {
                let Some(shared) = context.peers.get(place.token) else { continue };
                let Some(mut peer) = shared.try_lock() else {
                    context.orders.post(&[order]);
                    context.look_at(u64::MAX, now.mono_ns + BUSY_NS);
                    continue;
                };
                if context.deliver(&mut peer, true, now) {
                    driver.resume(&mut peer, now);
                }
            }
            Order::Limits => *behind = context.peers.tokens(),
        }
    }
}

/// Each peer takes the limits over once; one that a worker holds does so later.
fn take_over_limits<K: Kernel, S: Storage>(context: &LoopContext<K, S>, behind: &mut Vec<u64>, now: Now) {
    if behind.is_empty() {
        return;
    }
    let limits = context.units.logic.lock().limits();
    behind.retain(|&token| {
        let Some(shared) = context.peers.get(token) else { return false };
        let Some(mut peer) = shared.try_lock() else { return true };
        peer.connection.set_limits(&limits);
        context.arm_deadline(&mut peer);
        false
    });
    if !behind.is_empty() {
        context.look_at(u64::MAX, now.mono_ns + BUSY_NS);
    }
}

/// A stop under way: everybody gets the replies to what was received, then its end.
struct Drain {
    until: u64,
    /// Peers that have not been notified yet.
    waiting: Vec<u64>,
}

impl Drain {
    /// `true`: nobody is left.
    fn turn<K: Kernel, S: Storage>(
        &mut self,
        driver: &mut impl MainLoop<K, S>,
        context: &LoopContext<K, S>,
        now: Now,
    ) -> bool {
        let late = now.mono_ns >= self.until;
        if late {
            self.waiting = context.peers.tokens();
            self.until = now.mono_ns + BUSY_NS;
        }
        self.waiting.retain(|&token| {
            let Some(shared) = context.peers.get(token) else { return false };
            let Some(mut peer) = shared.try_lock() else { return true };
            if late {
                peer.connection.close(CloseReason::ServerStopping);
            } else {
                peer.flight.stops = true;
            }
            driver.resume(&mut peer, now);
            false
        });
        if !self.waiting.is_empty() {
            context.look_at(u64::MAX, now.mono_ns + BUSY_NS);
        }
        context.peers.len() == 0
    }
}

#[cfg(test)]
#[path = "../../tests/unit/main_loop.rs"]
mod tests;
