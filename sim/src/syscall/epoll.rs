//! epoll and eventfd, after fs/eventpoll.c: `ep_poll_callback`, `ep_send_events`, `do_epoll_ctl`.

use super::descriptor;
use super::ring;
use super::signal;
use crate::object::{Device, EpollSet, EventCounter, Item, Object, OpenDevice, Watcher};
use crate::scheduler::Step;
use crate::scheduler::{WaitOn, Wake};
use crate::world::World;
use eagain_net::{EpollEvent, EpollOp, Errno, Events, Fd, Result, SigSet, SocketFlags};
use std::collections::BTreeMap;

/// `EP_MAX_NESTS`.
const NESTS_MAX: u32 = 4;

#[inline(always)]
pub(crate) fn get(w: &mut World, file: u32) -> Option<&mut EpollSet> {
    match w.files.object_mut(file) {
        Some(Object::Epoll(set)) => Some(set),
        _ => None,
    }
}

pub(crate) fn create(w: &mut World) -> Result<Fd> {
    w.check_fd_free()?;
    Ok(descriptor::open_file(w, Object::Epoll(Box::default()), false))
}

pub(crate) fn eventfd(w: &mut World, initial: u32, flags: SocketFlags) -> Result<Fd> {
    descriptor::check_flags(flags.without(SocketFlags::SEMAPHORE))?;
    w.check_fd_free()?;
    let semaphore = flags.contains(SocketFlags::SEMAPHORE);
    let counter = EventCounter::new(u64::from(initial), semaphore, w.scheduler.current());
    Ok(descriptor::open_file(w, Object::Event(counter), flags.contains(SocketFlags::NONBLOCK)))
}

/// The poll mask of `file`: its events as of now.
pub(crate) fn poll_file(w: &mut World, file: u32) -> Events {
    match &mut w.files[file].object {
        Object::Socket(sock) => {
            let sock = *sock;
            w.net().poll(sock).with_normal()
        }
        Object::Udp(sock) => {
            let sock = *sock;
            w.net().udp_poll(sock).with_bands()
        }
        &mut Object::Pipe { pipe, end, seen } => super::pipe::poll(w, pipe, end, seen).with_normal(),
        Object::Unix(sock) => {
            let sock = *sock;
            w.net().unix_poll(sock).with_bands()
        }
        Object::Event(counter) => counter.poll(),
        Object::Timer(timer) if timer.has_fired() => Events::IN,
        Object::Timer(_) => Events::NONE,
        Object::Signals(set, _) => {
            let set = *set;
            if signal::is_pending(w, set) { Events::IN } else { Events::NONE }
        }
        Object::Epoll(set) => {
            // `__ep_eventpoll_poll`: what turns out not to be ready leaves the list, up to the first that is.
            let asked = |set: &EpollSet| set.first_ready().map(|item| (item.file, item.events));
            let mut first = asked(set);
            while let Some((target, events)) = first {
                if poll_file(w, target).intersects(events) {
                    wake_next(w, file);
                    return Events::IN.with_normal();
                }
                let Some(set) = get(w, file) else { break };
                set.take_ready();
                first = asked(set);
            }
            Events::NONE
        }
        Object::Ring(_) => ring::poll_ring(w, file).with_normal(),
        // `random_poll`.
        Object::Device(OpenDevice { device: Device::Random, .. }) => Events::IN.with_normal(),
        Object::File(_) | Object::Device(_) => (Events::IN | Events::OUT).with_normal(),
        Object::Gone => Events::NONE,
    }
}

/// A watched file had a wake-up. `true`: an exclusive registration took it, so nobody else is notified.
#[inline(always)]
pub(crate) fn wake_up(w: &mut World, set_file: u32, item: u32, key: Events) -> bool {
    let Some(open) = w.files.get_mut(set_file) else { return false };
    let is_watched = !open.watchers().is_empty();
    let Object::Epoll(set) = &mut open.object else { return false };
    let Some(exclusive) = set.wake_up(item, key) else { return false };
    let waiter = set.next_waiter();
    if let Some(waiter) = waiter {
        w.wake(waiter, Wake::Ready);
    }
    if is_watched {
        w.notify(set_file, Events::IN, None);
    }
    exclusive && waiter.is_some()
}

/// `thread` is no longer in `epoll_wait`.
#[inline(always)]
pub(crate) fn waits_no_more(w: &mut World, set_file: u32, thread: u32) {
    if let Some(set) = get(w, set_file) {
        set.wait_no_more(thread);
    }
}

/// Whether an item of a set is there for one of these.
pub(crate) fn is_armed_for(w: &mut World, set_file: u32, item: u32, key: Events) -> bool {
    get(w, set_file).and_then(|set| set.get(item)).is_some_and(|item| item.is_armed_for(key))
}

/// A watched file is gone.
pub(crate) fn forget(w: &mut World, set_file: u32, item: u32) {
    if let Some(set) = get(w, set_file) {
        set.remove(item);
    }
}

pub(crate) fn ctl(w: &mut World, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
    let set_file = w.file(epoll)?;
    let file = w.file(fd)?;
    // EPERM for what cannot be polled comes before the check of the set itself.
    if !w.files[file].object.can_poll() {
        return Err(Errno::EPERM);
    }
    if get(w, set_file).is_none() || set_file == file {
        return Err(Errno::EINVAL);
    }
    let nested = matches!(w.files[file].object, Object::Epoll(_));
    let exclusive = events.contains(Events::EXCLUSIVE);
    if exclusive && op != EpollOp::Del {
        let allowed = Events::IN | Events::OUT | Events::ERR | Events::HUP | Events::WAKEUP | Events::ET;
        let beyond = events.without(allowed | Events::EXCLUSIVE);
        if op == EpollOp::Mod || nested || !beyond.is_empty() {
            return Err(Errno::EINVAL);
        }
    }
    if op == EpollOp::Add && nested && nests_too_deep(w, file, set_file) {
        return Err(Errno::ELOOP);
    }
    let events = events | Events::ERR | Events::HUP;
    let known = get(w, set_file).and_then(|set| set.find(fd.0, file));
    match (op, known) {
        (EpollOp::Add, Some(_)) => Err(Errno::EEXIST),
        (EpollOp::Add, None) => {
            add(w, set_file, file, fd, events, data);
            Ok(())
        }
        (EpollOp::Mod | EpollOp::Del, None) => Err(Errno::ENOENT),
        (EpollOp::Del, Some(item)) => {
            forget(w, set_file, item);
            w.files.unwatch(file, |watcher| watcher.is_item(set_file, item));
            Ok(())
        }
        (EpollOp::Mod, Some(item)) => {
            let Some(set) = get(w, set_file) else { return Err(Errno::ENOENT) };
            if set.get(item).is_some_and(|item| item.events.contains(Events::EXCLUSIVE)) {
                return Err(Errno::EINVAL);
            }
            set.modify(item, events, data);
            evaluate(w, set_file, item, file);
            Ok(())
        }
    }
}

fn add(w: &mut World, set_file: u32, file: u32, fd: Fd, events: Events, data: u64) {
    let Some(set) = get(w, set_file) else { return };
    let item = set.add(fd.0, file, events, data);
    let watcher = Watcher::Epoll { set: set_file, item };
    w.files[file].watch(watcher, events.contains(Events::EXCLUSIVE));
    evaluate(w, set_file, item, file);
}

/// A registration that is new or was changed: events that are there already put it on the ready list.
fn evaluate(w: &mut World, set_file: u32, item: u32, file: u32) {
    let mask = poll_file(w, file);
    let Some(set) = get(w, set_file) else { return };
    if !set.evaluate(item, mask) {
        return;
    }
    if let Some(waiter) = set.next_waiter() {
        w.wake(waiter, Wake::Ready);
    }
    w.notify(set_file, Events::IN, None);
}

/// Whether with `inner` in `outer` sets would watch one another in a circle, or be nested too deep (`ep_loop_check`).
fn nests_too_deep(w: &World, inner: u32, outer: u32) -> bool {
    let below = depth_below(w, inner, outer, &mut BTreeMap::new());
    below > NESTS_MAX || below + 1 + depth_above(w, outer, &mut BTreeMap::new()) > NESTS_MAX
}

/// How many sets deep it goes down from a set; too many where it comes to `into`.
fn depth_below(w: &World, set: u32, into: u32, known: &mut BTreeMap<u32, u32>) -> u32 {
    if set == into {
        return NESTS_MAX + 1;
    }
    let Object::Epoll(watched) = &w.files[set].object else { return 0 };
    if let Some(&depth) = known.get(&set) {
        return depth;
    }
    let inner = watched.items().map(|(_, item)| item.file);
    let inner = inner.filter(|&file| matches!(w.files[file].object, Object::Epoll(_)));
    let depth = inner.map(|file| depth_below(w, file, into, known) + 1).max().unwrap_or(0);
    known.insert(set, depth);
    depth
}

/// How many sets deep it goes up to one that none watches.
fn depth_above(w: &World, set: u32, known: &mut BTreeMap<u32, u32>) -> u32 {
    if let Some(&depth) = known.get(&set) {
        return depth;
    }
    let outer = w.files[set].watchers().iter().filter_map(|watcher| match watcher {
        Watcher::Epoll { set, .. } => Some(*set),
        _ => None,
    });
    let depth = outer.map(|set| depth_above(w, set, known) + 1).max().unwrap_or(0);
    known.insert(set, depth);
    depth
}

pub(crate) fn wait(
    w: &mut World,
    epoll: Fd,
    max: usize,
    timeout: Option<u64>,
    mask: Option<SigSet>,
    deadline: &mut Option<u64>,
    put: &mut impl FnMut(usize, EpollEvent),
) -> Step<usize> {
    let file = match w.file(epoll) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    let left = match get(w, file) {
        Some(set) if max > 0 => set.ready_len(),
        _ => return Step::Done(Err(Errno::EINVAL)),
    };
    signal::set_wait_mask(w, mask);
    let n = report(w, file, left, max, put);
    wake_next(w, file);
    if n > 0 || timeout == Some(0) {
        return Step::Done(Ok(n));
    }
    if deadline.is_none()
        && let Some(timeout) = timeout
    {
        *deadline = Some(w.deadline_after(timeout));
    }
    if deadline.is_some_and(|at| w.run.now() >= at) {
        return Step::Done(Ok(0));
    }
    let me = w.scheduler.current();
    if let Some(set) = get(w, file) {
        set.wait(me);
    }
    w.wait(WaitOn::Epoll(file), *deadline);
    Step::Wait
}

/// `ep_done_scan`: what is on the ready list after a look at it is for the next who waits.
#[inline(always)]
fn wake_next(w: &mut World, set_file: u32) {
    let Some(set) = get(w, set_file) else { return };
    if let Some(waiter) = set.next_waiter()
        && set.has_ready()
    {
        w.wake(waiter, Wake::Ready);
    }
}

/// `ep_send_events`: looks at each of the `left` items of the ready list anew; a level-triggered one goes to its end again.
#[inline(always)]
fn report(
    w: &mut World,
    set_file: u32,
    mut left: usize,
    max: usize,
    put: &mut impl FnMut(usize, EpollEvent),
) -> usize {
    let mut n = 0;
    while left > 0 && n < max {
        left -= 1;
        let Some(set) = get(w, set_file) else { break };
        let Some((item, &Item { file, fd, events: asked, data, .. })) = set.take_ready() else { break };
        let mask = poll_file(w, file) & asked;
        if mask.is_empty() {
            continue;
        }
        put(n, EpollEvent { events: mask, data });
        n += 1;
        w.ready_for_suspects(fd, mask);
        if w.run.keeps_events() {
            descriptor::note_found(w, fd, mask.0, data);
        }
        let Some(set) = get(w, set_file) else { break };
        set.reported(item);
    }
    n
}
