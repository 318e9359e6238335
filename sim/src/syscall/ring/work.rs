//! From the wake-up of a file to the next attempt of an operation: the task work of io_uring/tw.c. Without
//! `DEFER_TASKRUN` it is done as soon as the owner could be interrupted for it; with it, inside `enter` only.

use super::ENTERED;
use super::cancel;
use super::finish;
use super::pool;
use crate::fault::Family;
use crate::object::{Away, Object, Ring, RingOp, Watcher, Woken};
use crate::scheduler::Event;
use crate::syscall::epoll;
use crate::syscall::ring;
use crate::world::{NONE, World};
use eagain_net::Events;

/// `IO_LOCAL_TW_DEFAULT_MAX`.
const ROUND_MAX: usize = 20;

/// The operation waits for `events` of its file, anew at the head of the kernel's queue each time (U6); one that goes
/// on after a completion keeps its place, and accepts stand at the end and are woken one at a time.
pub(crate) fn arm(w: &mut World, ring: u32, op: u32, events: Events) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    let file = entry.file();
    let Some((events, exclusive)) = entry.arm(events) else { return };
    unwatch_ring(w, file, ring, op);
    if let Some(open) = w.files.get_mut(file) {
        open.watch(Watcher::Ring { ring, op, events, exclusive }, exclusive);
    }
}

pub(crate) fn unwatch_ring(w: &mut World, file: u32, ring: u32, op: u32) {
    w.files.unwatch(file, |watcher| watcher.is_ring_op(ring, op));
}

/// The file of a pending operation had a wake-up. `false`: it has had one before, and left the queue.
pub(crate) fn woken(w: &mut World, ring: u32, op: u32, key: Events) -> bool {
    let Some(entry) = ring::get_op(w, ring, op) else { return false };
    let number = entry.number();
    match entry.wake_up(key) {
        Woken::Gone => return false,
        Woken::Counted => return true,
        Woken::First => {}
    }
    let late = choose(w, ring, Family::RingLate);
    if late != 0 {
        record_fault(w, ring, op, Family::RingLate, late);
        let at = w.run.now() + late;
        w.scheduler.plan(at, Event::RingOp(ring, op, number));
        return true;
    }
    let back = choose(w, ring, Family::RingOrder);
    queue_work(w, ring, op, number, back as usize);
    true
}

/// A moment of one operation has come: it was woken a while ago, its time is over, or it has run elsewhere.
pub(crate) fn due(w: &mut World, ring: u32, op: u32, number: u32) {
    let now = w.run.now();
    let Some(entry) = ring::get_op(w, ring, op).filter(|entry| entry.number() == number) else { return };
    if let Some(away) = entry.due_step(now) {
        // Whose process is stopped has no worker that takes anything up.
        if away != Away::Queued || !is_stopped(w, ring) {
            pool::step(w, ring, op);
        }
        return;
    }
    let over = entry.is_over(now) && !entry.is_on_list();
    let due = over || entry.is_on_list() || entry.linked_timeout_is_over(now);
    if over && let Some(ring) = ring::get(w, ring) {
        ring.timeout_over();
    }
    if due {
        queue_work(w, ring, op, number, 0);
    }
}

/// Puts an operation on the work list, so many places before its end.
pub(crate) fn queue_work(w: &mut World, file: u32, op: u32, number: u32, back: usize) {
    let next = w.next_number();
    let now = w.run.now();
    let Some(ring) = ring::get(w, file) else { return };
    let Some(back) = ring.queue_work(op, number, back) else { return };
    let defers = ring.defers();
    if ring.plan(next) {
        w.scheduler.plan(now, Event::RingWork(file, next));
    }
    if back > 0 {
        record_fault(w, file, op, Family::RingOrder, back as u64);
    }
    if defers {
        w.notify(file, Events::IN | ENTERED, None);
    }
}

/// Whether the process of a ring is stopped: what its threads would do waits until it is continued.
fn is_stopped(w: &mut World, file: u32) -> bool {
    w.any_stopped
        && ring::get(w, file).map(|ring| ring.process()).is_some_and(|p| w.processes[p].is_stopped())
}

/// The process is continued: its threads do what waited for that.
pub(crate) fn resume(w: &mut World, process: u32) {
    let now = w.run.now();
    let World { files, scheduler, .. } = w;
    for (file, open) in files.iter() {
        let Object::Ring(ring) = &open.object else { continue };
        if ring.process() != process {
            continue;
        }
        if let Some(number) = ring.planned() {
            scheduler.plan(now, Event::RingWork(file, number));
        }
        let late = |op: &RingOp| op.in_pool_until().is_some_and(|at| at <= now);
        for (op, entry) in ring.ops().filter(|(_, entry)| late(entry)) {
            scheduler.plan(now, Event::RingOp(file, op, entry.number()));
        }
    }
}

/// The owner does the work, interrupted for it.
pub(crate) fn planned(w: &mut World, file: u32, number: u32) {
    if is_stopped(w, file) {
        return;
    }
    if !ring::get(w, file).is_some_and(|ring| ring.take_planned(number)) {
        return;
    }
    run(w, file, usize::MAX);
    ring::release(w, file);
}

/// Attempts again what was woken, in the order of the list. A round is what is on the list when it begins, and at
/// most so many; then another one, until `least` were attempted (`__io_run_local_work`).
pub(crate) fn run(w: &mut World, file: u32, least: usize) {
    let mut done = 0;
    loop {
        let waiting = ring::get(w, file).map_or(0, |ring| ring.work_len());
        for _ in 0..waiting.min(ROUND_MAX.max(least)) {
            run_one(w, file);
            done += 1;
        }
        finish::flush_batch(w, file);
        if done >= least || ring::get(w, file).is_none_or(|ring| ring.work_len() == 0) {
            return;
        }
    }
}

fn run_one(w: &mut World, file: u32) {
    let Some((op, number)) = ring::get(w, file).and_then(Ring::take_work) else { return };
    let Some(entry) = ring::get_op(w, file, op).filter(|entry| entry.number() == number) else { return };
    entry.leave_list();
    if entry.is_fresh() {
        let Some(entry) = ring::get(w, file).and_then(|ring| ring.remove(op)) else { return };
        let files = entry.files();
        ring::issue_chain(w, file, entry.into_submissions(), files);
    } else if let Some((result, failed)) = entry.outcome() {
        finish::finish(w, file, op, result, failed);
    } else if cancel::linked_timeout_expired(w, file, op) {
        // Both have ended.
    } else if ring::get_op(w, file, op).is_some_and(|entry| entry.is_canceled()) {
        cancel::end_early(w, file, op);
    } else if !woken_for_nothing(w, file, op) {
        let again = looks_again(w, file, op);
        finish::proceed(w, file, op, false);
        let goes_on =
            ring::get_op(w, file, op).is_some_and(|entry| entry.number() == number && !entry.is_on_list());
        if again && goes_on && finish::ready_events(w, file, op).is_some() {
            finish::proceed(w, file, op, false);
        }
    }
    ring::catch_up(w, file);
}

/// Whether an operation that goes on was woken by what is not so any more: it waits on.
fn woken_for_nothing(w: &mut World, ring: u32, op: u32) -> bool {
    let Some((file, armed)) = ring::get_op(w, ring, op).and_then(|entry| entry.doubts()) else {
        return false;
    };
    if epoll::poll_file(w, file).intersects(armed) {
        return false;
    }
    if let Some(entry) = ring::get_op(w, ring, op) {
        entry.forget_wakes();
    }
    true
}

/// Whether a receive or an accept that goes on looks a second time: it was woken more than once, and the end is among
/// what there is (`io_poll_check_events`).
fn looks_again(w: &mut World, ring: u32, op: u32) -> bool {
    let Some(entry) = ring::get_op(w, ring, op).filter(|entry| entry.was_woken_again()) else { return false };
    let file = entry.file();
    file != NONE && epoll::poll_file(w, file).intersects(Events::HUP | Events::RDHUP)
}

/// Makes a choice for a ring.
pub(crate) fn choose(w: &mut World, file: u32, family: Family) -> u64 {
    let World { files, run, .. } = w;
    let Some(Object::Ring(ring)) = files.object_mut(file) else { return 0 };
    let (name, stream) = ring.stream(family);
    run.draw(family, stream, || name.to_owned())
}

/// A family has changed something about an operation.
pub(crate) fn record_fault(w: &mut World, file: u32, op: u32, family: Family, amount: u64) {
    let Some(ring) = ring::get(w, file) else { return };
    let user_data = ring.op(op).map_or(0, |op| op.user_data());
    let fd = i64::from(ring.fd().0) as u64;
    w.run.injected_now(family, [fd, user_data, amount, 0]);
}
