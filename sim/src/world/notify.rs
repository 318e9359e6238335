//! Notifying those who watch a file that something changed: waiting threads, epoll sets, and the owner of its signals.
//! As in the kernel's wait queues, a notice carries a key (which bits may have changed) and the watcher decides. And how threads
//! wait and are woken.

use super::World;
use crate::network::{ALL, Notice};
use crate::object::Watcher;
use crate::scheduler::{WaitOn, Wake};
use crate::syscall::aio;
use crate::syscall::epoll;
use crate::syscall::lock;
use crate::syscall::posix_timer;
use crate::syscall::ring::work;
use crate::syscall::signal;
use eagain_net::{Events, SigCode};

impl World {
    /// Delivers what the network has reported, in its order.
    pub(super) fn deliver(&mut self) {
        if let Some(notice) = self.network.take_only_notice() {
            return self.deliver_one(notice);
        }
        let notices = self.network.take_notices();
        for &notice in &notices {
            self.deliver_one(notice);
        }
        self.network.return_notices(notices);
    }

    #[inline(always)]
    fn deliver_one(&mut self, notice: Notice) {
        match notice {
            Notice::Ready { file, events, signal } => self.notify_now(file, events, signal),
            Notice::Again { file, events } => self.notify_again(file, events),
            Notice::Urgent { file } => signal::send_sigurg(self, file),
        }
    }

    /// Something of `events` may be so now. `signal`: what the owner of the descriptor is sent, if it asked to be.
    #[inline(never)]
    pub fn notify(&mut self, file: u32, events: Events, signal: Option<SigCode>) {
        self.notify_now(file, events, signal);
    }

    #[inline(always)]
    fn notify_now(&mut self, file: u32, events: Events, signal: Option<SigCode>) {
        let Some(open) = self.files.get(file) else { return };
        let has_owner = open.has_sigio();
        // The common cases first: one epoll set, as a file of a server has it, or one thread, as that of a client.
        match *open.watchers() {
            [] => {}
            [Watcher::Epoll { set, item }] => {
                epoll::wake_up(self, set, item, events);
            }
            [Watcher::Thread { thread, events: asked, .. }] => {
                if asked.intersects(events.with_bands()) {
                    self.wake(thread, Wake::Ready);
                }
            }
            _ => self.notify_watchers(file, events),
        }
        // Those who wait come first, then the owner (`sock_def_readable`).
        if has_owner && let Some(code) = signal {
            signal::send_sigio(self, file, code);
        }
    }

    fn notify_watchers(&mut self, file: u32, events: Events) {
        let Some(open) = self.files.get(file) else { return };
        let mut left = open.watchers().len();
        while left > 0 {
            left -= 1;
            let Some(open) = self.files.get(file) else { return };
            let Some(&watcher) = open.watchers().get(left) else { continue };
            match watcher {
                Watcher::Thread { thread, events: asked, exclusive } => {
                    if !asked.intersects(events.with_bands()) {
                        continue;
                    }
                    // Waking takes the watcher out of the list, and with it others of the same thread.
                    let before = open.watchers().len();
                    self.wake(thread, Wake::Ready);
                    let now = self.files.get(file).map_or(0, |open| open.watchers().len());
                    left = left.saturating_sub(before.saturating_sub(now + 1));
                    // A change of state is for all (`sock_def_wakeup`).
                    if exclusive && events != ALL {
                        return;
                    }
                }
                Watcher::Epoll { set, item } => {
                    if epoll::wake_up(self, set, item, events) {
                        return;
                    }
                }
                Watcher::Ring { ring, op, events: asked, exclusive } => {
                    let mut key = events.with_bands();
                    if events.contains(Events::IN) && open.object.is_socket() {
                        // `sock_def_readable` names urgent data too.
                        key |= Events::PRI;
                    }
                    // Urgent data alone wakes nobody (`IO_ASYNC_POLL_COMMON`).
                    if asked.without(Events::PRI).intersects(key)
                        && work::woken(self, ring, op, key)
                        && exclusive
                        && events != ALL
                    {
                        return;
                    }
                }
                Watcher::Aio { process, op, events: asked } => {
                    if asked.intersects(events) {
                        aio::woken(self, process, op);
                    }
                }
            }
        }
    }

    /// The same change is reported a second time, as the end of a stream and a reset do (`tcp_fin`, `tcp_reset`). Only
    /// the polls of rings count wake-ups.
    pub fn notify_again(&mut self, file: u32, events: Events) {
        let watchers = self.files.get(file).map_or(0, |open| open.watchers().len());
        for at in 0..watchers {
            let Some(open) = self.files.get(file) else { return };
            match open.watchers().get(at).copied() {
                Some(Watcher::Ring { ring, op, events: asked, .. })
                    if asked.intersects(events.with_bands()) =>
                {
                    work::woken(self, ring, op, events);
                }
                Some(Watcher::Epoll { set, item }) if epoll::is_armed_for(self, set, item, events) => {
                    self.notify_again(set, Events::IN);
                }
                _ => {}
            }
        }
    }

    // Waking threads: whatever ends a wait takes the thread out of every list that it is in.

    /// The running thread waits from now on, until `deadline` at the latest.
    #[inline(always)]
    pub fn wait(&mut self, on: WaitOn, deadline: Option<u64>) {
        self.scheduler.wait(on, deadline);
    }

    /// Ends the wait of `thread`, if it waits.
    pub fn wake(&mut self, thread: u32, why: Wake) {
        if self.scheduler[thread].is_waiting() {
            self.stop_waiting(thread);
            self.scheduler.make_ready(&mut self.run, thread, why);
            if self.dormant_timers {
                let process = self.scheduler[thread].process();
                posix_timer::goes_on(self, process);
            }
        }
    }

    /// An entry for the deadline of a thread is due.
    pub fn deadline(&mut self, thread: u32) {
        if self.scheduler.deadline_is_due(thread, self.run.now()) {
            self.wake(thread, Wake::Deadline);
        }
    }

    /// Takes `thread` out of wherever it is listed.
    #[inline(always)]
    pub fn stop_waiting(&mut self, thread: u32) {
        match self.scheduler.take_wait(thread) {
            WaitOn::Nothing => {}
            WaitOn::File(file) => self.unwatch(file, thread),
            WaitOn::Epoll(file) => epoll::waits_no_more(self, file, thread),
            other => self.stop_waiting_on(thread, other),
        }
    }

    /// As [`World::stop_waiting`], of what fewer wait for.
    #[inline(never)]
    fn stop_waiting_on(&mut self, thread: u32, on: WaitOn) {
        match on {
            WaitOn::Nothing | WaitOn::Epoll(_) | WaitOn::File(_) => {}
            WaitOn::Signals => self.scheduler[thread].signals.set_awaited(eagain_net::SigSet::EMPTY),
            WaitOn::Files(files) => {
                for file in files {
                    self.unwatch(file, thread);
                }
            }
            WaitOn::Futex(process, address) => self.futexes.remove((process, address), thread),
            WaitOn::Aio(process) => self.processes[process].aio.wait_no_more(thread),
            WaitOn::Join(other) => self.scheduler[other].join_no_more(),
            WaitOn::Lock => lock::waits_no_more(self, thread),
        }
    }

    fn unwatch(&mut self, file: u32, thread: u32) {
        self.files.unwatch(file, |watcher| watcher.is_thread(thread));
    }
}
