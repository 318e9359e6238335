//! epoll and eventfd, after fs/eventpoll.c: `ep_poll_callback`, `ep_send_events`, `do_epoll_ctl`.

use crate::object::{EpollSet, EventCounter, Item, Object, PRIVATE};
use crate::scheduler::Step;
use crate::scheduler::{WaitOn, Wake};
use crate::world::{Watcher, World};
use eagain_net::{EpollEvent, EpollOp, Errno, Events, Fd, Result, SigSet, SocketFlags};

/// `EP_MAX_NESTS`.
const NESTS_MAX: u32 = 4;

impl World {
    pub fn epoll_set(&mut self, file: u32) -> Option<&mut EpollSet> {
        match self.files.get_mut(file as usize).map(|open| &mut open.object) {
            Some(Object::Epoll(set)) => Some(set),
            _ => None,
        }
    }

    pub fn sys_epoll_create(&mut self) -> Result<Fd> {
        self.check_fd_free()?;
        Ok(self.open_file(Object::Epoll(Box::default()), false))
    }

    pub fn sys_eventfd(&mut self, initial: u32, flags: SocketFlags) -> Result<Fd> {
        self.check_fd_free()?;
        let counter =
            EventCounter { value: u64::from(initial), semaphore: flags.contains(SocketFlags::SEMAPHORE) };
        Ok(self.open_file(Object::Event(counter), flags.contains(SocketFlags::NONBLOCK)))
    }

    /// What of `file` is so now: its poll mask.
    pub fn poll_file(&mut self, file: u32) -> Events {
        match &mut self.files[file as usize].object {
            Object::Socket(sock) => {
                let sock = *sock;
                self.net().poll(sock)
            }
            Object::Event(counter) => {
                let mut mask = Events::NONE;
                if counter.value > 0 {
                    mask |= Events::IN;
                }
                if counter.value < EventCounter::MAX {
                    mask |= Events::OUT;
                }
                mask
            }
            Object::Timer(timer) => {
                if timer.ticks > 0 {
                    Events::IN
                } else {
                    Events::NONE
                }
            }
            Object::Signals(set, _) => {
                let set = *set;
                if self.is_pending(set) { Events::IN } else { Events::NONE }
            }
            Object::Epoll(set) => {
                // `__ep_eventpoll_poll`: what turns out not to be ready leaves the list, up to the first that is.
                let mut next = set.ready.front().copied();
                while let Some(item) = next {
                    if let Some((target, asked)) = self.epoll_item(file, item)
                        && self.poll_file(target).intersects(asked)
                    {
                        return Events::IN;
                    }
                    let Some(set) = self.epoll_set(file) else { break };
                    set.ready.pop_front();
                    if let Some(entry) = set.items.get_mut(item as usize) {
                        entry.ready = false;
                    }
                    next = set.ready.front().copied();
                }
                Events::NONE
            }
            Object::Ring(_) => self.poll_ring(file),
            Object::File(_) => Events::IN | Events::OUT,
            Object::Gone => Events::NONE,
        }
    }

    fn epoll_item(&mut self, set: u32, item: u32) -> Option<(u32, Events)> {
        let entry = self.epoll_set(set)?.items.get(item as usize)?;
        Some((entry.file, entry.events))
    }

    /// A watched file had a wake-up. `true`: an exclusive registration took it, so nobody else is told.
    pub fn epoll_callback(&mut self, set_file: u32, item: u32, key: Events) -> bool {
        let Some(set) = self.epoll_set(set_file) else { return false };
        let Some(entry) = set.items.get_mut(item as usize) else { return false };
        if entry.disarmed() || !key.intersects(entry.events) {
            return false;
        }
        let exclusive = entry.events.contains(Events::EXCLUSIVE);
        if !entry.ready {
            entry.ready = true;
            set.ready.push_back(item);
        }
        let waiter = set.waiters.last().copied();
        if let Some(waiter) = waiter {
            self.wake(waiter, Wake::Ready);
        }
        self.notify(set_file, Events::IN, None);
        exclusive && waiter.is_some()
    }

    /// Whether an entry of a set is there for one of these.
    pub fn epoll_hears(&mut self, set_file: u32, item: u32, key: Events) -> bool {
        let entry = self.epoll_set(set_file).and_then(|set| set.items.get(item as usize));
        entry.is_some_and(|entry| !entry.disarmed() && key.intersects(entry.events))
    }

    /// A watched file is gone.
    pub fn epoll_forget(&mut self, set_file: u32, item: u32) {
        if let Some(set) = self.epoll_set(set_file)
            && let Some(entry) = set.items.try_remove(item as usize)
        {
            set.index.remove(&(entry.fd, entry.file));
            if entry.ready {
                set.ready.retain(|&other| other != item);
            }
        }
    }

    pub fn sys_epoll_ctl(&mut self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
        let set_file = self.file(epoll)?;
        let file = self.file(fd)?;
        // EPERM for what cannot be polled comes before the check of the set itself.
        if matches!(self.files[file as usize].object, Object::Gone | Object::File(_)) {
            return Err(Errno::EPERM);
        }
        if self.epoll_set(set_file).is_none() || set_file == file {
            return Err(Errno::EINVAL);
        }
        let nested = matches!(self.files[file as usize].object, Object::Epoll(_));
        let exclusive = events.contains(Events::EXCLUSIVE);
        if exclusive && op != EpollOp::Del {
            let allowed = Events::IN | Events::OUT | Events::ERR | Events::HUP | Events::WAKEUP | Events::ET;
            let beyond = events.without(allowed | Events::EXCLUSIVE);
            if op == EpollOp::Mod || nested || !beyond.is_empty() {
                return Err(Errno::EINVAL);
            }
        }
        if op == EpollOp::Add && nested && self.epoll_reaches(file, set_file, 0) {
            return Err(Errno::ELOOP);
        }
        let events = events | Events::ERR | Events::HUP;
        let known = self.epoll_set(set_file).and_then(|set| set.index.get(&(fd.0, file)).copied());
        match (op, known) {
            (EpollOp::Add, Some(_)) => Err(Errno::EEXIST),
            (EpollOp::Add, None) => {
                self.epoll_add(set_file, file, fd, events, data);
                self.progress();
                Ok(())
            }
            (EpollOp::Mod | EpollOp::Del, None) => Err(Errno::ENOENT),
            (EpollOp::Del, Some(item)) => {
                self.epoll_forget(set_file, item);
                if let Some(open) = self.files.get_mut(file as usize) {
                    open.watchers.retain(
                        |w| !matches!(w, Watcher::Epoll { set, item: i } if *set == set_file && *i == item),
                    );
                }
                self.progress();
                Ok(())
            }
            (EpollOp::Mod, Some(item)) => {
                let Some(entry) = self.epoll_set(set_file).and_then(|set| set.items.get_mut(item as usize))
                else {
                    return Err(Errno::ENOENT);
                };
                if entry.events.contains(Events::EXCLUSIVE) {
                    return Err(Errno::EINVAL);
                }
                entry.events = events;
                entry.data = data;
                self.epoll_evaluate(set_file, item, file);
                Ok(())
            }
        }
    }

    fn epoll_add(&mut self, set_file: u32, file: u32, fd: Fd, events: Events, data: u64) {
        let Some(set) = self.epoll_set(set_file) else { return };
        let item = set.items.insert(Item { file, fd: fd.0, events, data, ready: false }) as u32;
        set.index.insert((fd.0, file), item);
        self.watch(file, Watcher::Epoll { set: set_file, item }, events.contains(Events::EXCLUSIVE));
        self.epoll_evaluate(set_file, item, file);
    }

    /// A registration that is new or was changed: what is so already puts it on the ready list.
    fn epoll_evaluate(&mut self, set_file: u32, item: u32, file: u32) {
        let mask = self.poll_file(file);
        let Some(set) = self.epoll_set(set_file) else { return };
        let Some(entry) = set.items.get_mut(item as usize) else { return };
        if !mask.intersects(entry.events) || entry.ready || entry.disarmed() {
            return;
        }
        entry.ready = true;
        set.ready.push_back(item);
        if let Some(&waiter) = set.waiters.last() {
            self.wake(waiter, Wake::Ready);
        }
        self.notify(set_file, Events::IN, None);
    }

    /// Whether `from` watches `to`, directly or through others.
    fn epoll_reaches(&mut self, from: u32, to: u32, depth: u32) -> bool {
        if from == to || depth > NESTS_MAX {
            return true;
        }
        let Some(set) = self.epoll_set(from) else { return false };
        let files: Vec<u32> = set.items.iter().map(|(_, entry)| entry.file).collect();
        files.into_iter().any(|file| self.epoll_reaches(file, to, depth + 1))
    }

    pub fn sys_epoll_wait(
        &mut self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<u64>,
        mask: Option<SigSet>,
        deadline: &mut Option<u64>,
    ) -> Step<usize> {
        let file = match self.file(epoll) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        if events.is_empty() || self.epoll_set(file).is_none() {
            return Step::Done(Err(Errno::EINVAL));
        }
        self.set_wait_mask(mask);
        let n = self.epoll_report(file, events);
        if n > 0 || timeout == Some(0) {
            return Step::Done(Ok(n));
        }
        if deadline.is_none()
            && let Some(timeout) = timeout
        {
            *deadline = Some(self.deadline_after(timeout));
        }
        if deadline.is_some_and(|at| self.run.now() >= at) {
            return Step::Done(Ok(0));
        }
        let me = self.scheduler.current();
        if let Some(set) = self.epoll_set(file) {
            set.waiters.push(me);
        }
        self.wait(WaitOn::Epoll(file), *deadline);
        Step::Wait
    }

    /// `ep_send_events`: looks at each entry of the ready list anew; a level-triggered one goes to its end again.
    fn epoll_report(&mut self, set_file: u32, events: &mut [EpollEvent]) -> usize {
        let Some(set) = self.epoll_set(set_file) else { return 0 };
        let mut left = set.ready.len();
        let mut n = 0;
        while left > 0 && n < events.len() {
            left -= 1;
            let Some(set) = self.epoll_set(set_file) else { break };
            let Some(item) = set.ready.pop_front() else { break };
            let Some(entry) = set.items.get_mut(item as usize) else { continue };
            entry.ready = false;
            let (file, asked, data) = (entry.file, entry.events, entry.data);
            let mask = self.poll_file(file) & asked;
            if mask.is_empty() {
                continue;
            }
            events[n] = EpollEvent { events: mask, data };
            n += 1;
            let Some(set) = self.epoll_set(set_file) else { break };
            let Some(entry) = set.items.get_mut(item as usize) else { continue };
            if asked.contains(Events::ONESHOT) {
                entry.events = asked & PRIVATE;
            } else if !asked.contains(Events::ET) && !entry.ready {
                entry.ready = true;
                set.ready.push_back(item);
            }
        }
        n
    }
}
