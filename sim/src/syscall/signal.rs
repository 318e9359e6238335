//! Signals (kernel/signal.c): sent to a process or a thread, queued, blocked, delivered between calls or inside one that
//! waits. Also what a descriptor sends to its owner (SIGIO).

use super::descriptor::check_flags;
use crate::fault::Family;
use crate::kernel::Frame;
use crate::network::ALL;
use crate::object::Object;
use crate::run::Effect;
use crate::scheduler::Step;
use crate::scheduler::{Event, Thread, WaitOn, Wake};
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{
    Disposition, Errno, Events, Fd, MaskHow, Owner, Result, SigAction, SigActionFlags, SigCode, SigInfo,
    SigSet, Signal, SocketFlags,
};

/// Signals that can be neither caught nor blocked.
const UNSTOPPABLE: SigSet = SigSet(1 << (9 - 1) | 1 << (19 - 1));
/// Signals whose default is to do nothing: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
const IGNORED: SigSet = SigSet(1 << (17 - 1) | 1 << (18 - 1) | 1 << (23 - 1) | 1 << (28 - 1));
/// Signals that a fault may send where the program handles them: they mean nothing by themselves.
const HARMLESS: [Signal; 5] =
    [Signal::SIGWINCH, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGCHLD];

impl World {
    fn disposition(&self, process: u32, signal: Signal) -> Disposition {
        self.processes[process as usize]
            .dispositions
            .iter()
            .find(|(number, _)| *number == signal.0)
            .map_or(Disposition::Default, |(_, action)| action.disposition.clone())
    }

    fn is_ignored(&self, process: u32, signal: Signal) -> bool {
        match self.disposition(process, signal) {
            Disposition::Ignore => true,
            Disposition::Default => IGNORED.contains(signal),
            Disposition::Handler(_) => false,
        }
    }

    /// Whether a signal can be delivered to this thread now.
    #[inline]
    pub fn has_deliverable_signal(&mut self, thread: u32) -> bool {
        let t = &mut self.scheduler[thread];
        let process = &self.processes[t.process as usize];
        t.has_deliverable(process)
    }

    /// A wait with a mask of its own begins (`epoll_pwait`, `ppoll`, `pselect`); it ends with the call.
    pub fn set_wait_mask(&mut self, mask: Option<SigSet>) {
        let t = self.scheduler.running_mut();
        if let (Some(mask), None) = (mask, t.saved_mask) {
            t.saved_mask = Some(t.mask);
            t.mask = SigSet(mask.0 & !UNSTOPPABLE.0);
        }
    }

    /// Takes one of `set` that is pending for the running thread.
    pub fn take_pending(&mut self, set: SigSet) -> Option<SigInfo> {
        let t = self.scheduler.running_mut();
        let process = t.process;
        // Its own before those of the process (`dequeue_signal`), each lowest number first.
        if let Some(info) = t.pending.take(set) {
            return Some(info);
        }
        self.processes[process as usize].pending.take(set)
    }

    /// Whether one of `set` is pending for the running thread.
    pub fn is_pending(&self, set: SigSet) -> bool {
        if self.scheduler.current() == NONE {
            return false;
        }
        let t = self.scheduler.running();
        (t.pending.set.0 | self.processes[t.process as usize].pending.set.0) & set.0 != 0
    }

    /// The next handler to run on the running thread; a signal without one ends the process.
    pub fn take_signal(&mut self) -> Option<Frame> {
        let me = self.scheduler.current();
        if self.scheduler.is_unwinding() || me == NONE {
            return None;
        }
        loop {
            let (mask, process) = (self.scheduler[me].mask, self.my_process());
            if self.processes[process as usize].exit.is_some() {
                return None;
            }
            let info = self.take_pending(SigSet(!mask.0))?;
            let time = self.scheduler[me].time;
            self.run.event_at(time, me, Kind::SignalDelivered, [info.signal.0 as u64, 0, 0, 0]);
            let action = self.processes[process as usize]
                .dispositions
                .iter()
                .find(|(number, _)| *number == info.signal.0)
                .map(|(_, action)| action.clone())
                .unwrap_or_else(SigAction::default_action);
            match action.disposition {
                Disposition::Ignore => continue,
                Disposition::Default if IGNORED.contains(info.signal) => continue,
                Disposition::Default => {
                    self.killed_by_signal(process, info.signal);
                    return None;
                }
                Disposition::Handler(handler) => {
                    if action.flags.contains(SigActionFlags::RESETHAND) {
                        self.processes[process as usize].dispositions.retain(|(n, _)| *n != info.signal.0);
                    }
                    let t = &mut self.scheduler[me];
                    // The frame goes back to the mask of before the wait; the handler still runs under that of the wait.
                    let mask_before = t.saved_mask.take().unwrap_or(t.mask);
                    t.mask = SigSet(t.mask.0 | action.mask.0);
                    if !action.flags.contains(SigActionFlags::NODEFER) {
                        t.mask = t.mask.with(info.signal);
                    }
                    t.in_handler += 1;
                    let restart = action.flags.contains(SigActionFlags::RESTART);
                    return Some(Frame { handler, info, restart, mask_before });
                }
            }
        }
    }

    fn killed_by_signal(&mut self, process: u32, signal: Signal) {
        let name = self.processes[process as usize].name.clone();
        let me = self.scheduler.current();
        self.print(me, &format!("killed by {signal:?}"));
        if !self.processes[process as usize].may_panic
            && signal != Signal::SIGKILL
            && signal != Signal::SIGTERM
        {
            self.run.fail(
                "O16",
                "signal",
                format!("{signal:?} ended {name}: it has no handler and is not ignored"),
            );
        }
        self.exit_process(process, -signal.0);
    }

    /// A handler has returned (`sigreturn(2)`).
    pub fn leave_handler(&mut self, mask: SigSet) {
        if self.scheduler.current() != NONE && !self.scheduler.is_unwinding() {
            let t = self.scheduler.running_mut();
            t.mask = mask;
            t.in_handler -= 1;
        }
    }

    /// Sends a signal to one thread.
    pub fn send_to_thread(&mut self, thread: u32, info: SigInfo) {
        let process = self.scheduler[thread].process;
        // Who blocks a signal may yet change what is done with it: a blocked one is never ignored (`sig_ignored`).
        let blocked = self.scheduler[thread].mask.contains(info.signal);
        if self.processes[process as usize].exit.is_some()
            || !blocked && self.is_ignored(process, info.signal)
        {
            return;
        }
        if !self.scheduler[thread].pending.push(info) {
            return;
        }
        self.kick(thread, info.signal);
        self.notify_signalfds(process);
    }

    /// Sends a signal to a process: a thread that does not block it takes it, the main thread first.
    pub fn send_to_process(&mut self, process: u32, info: SigInfo) {
        let p = &self.processes[process as usize];
        let blocked = self.scheduler[p.main_thread].mask.contains(info.signal);
        if p.exit.is_some() || !blocked && self.is_ignored(process, info.signal) {
            return;
        }
        if info.signal == Signal::SIGKILL {
            self.kill_process(process, None);
            return;
        }
        let main = p.main_thread;
        if !self.processes[process as usize].pending.push(info) {
            return;
        }
        let waits_for_it = |t: &crate::scheduler::Thread| {
            t.process == process
                && !t.has_ended()
                && (!t.mask.contains(info.signal) || t.awaited.contains(info.signal))
        };
        let taker = if waits_for_it(&self.scheduler[main]) {
            Some(main)
        } else {
            self.scheduler.iter().position(waits_for_it).map(|at| at as u32)
        };
        if let Some(thread) = taker {
            self.kick(thread, info.signal);
        }
        self.notify_signalfds(process);
    }

    /// A waiting thread looks at a signal that it does not block, or that it waits for.
    fn kick(&mut self, thread: u32, signal: Signal) {
        let t = &self.scheduler[thread];
        if !t.mask.contains(signal) {
            self.wake(thread, Wake::Signal);
        } else if t.awaited.contains(signal) {
            self.wake(thread, Wake::Ready);
        }
    }

    /// Every signalfd of the process hears of every signal, and looks whether it is one of its own.
    pub(super) fn notify_signalfds(&mut self, process: u32) {
        if self.signalfds == 0 {
            return;
        }
        let files: Vec<u32> = self
            .files
            .iter()
            .filter(|(_, open)| matches!(open.object, Object::Signals(_, of) if of == process))
            .map(|(file, _)| file as u32)
            .collect();
        for file in files {
            // `signalfd_notify` names nothing: whose signal it is, those who wait find out.
            self.notify(file, ALL, None);
        }
    }

    /// How many signals are queued for a process and its threads: what `RLIMIT_SIGPENDING` limits.
    pub fn signals_queued(&self, process: u32) -> usize {
        let threads = self.scheduler.iter().filter(|t| t.process == process);
        self.processes[process as usize].pending.len() + threads.map(|t| t.pending.len()).sum::<usize>()
    }

    /// The owner of a descriptor is told that something happened to it.
    pub fn send_sigio(&mut self, file: u32, code: SigCode) {
        let Some(sigio) = self.files.get(file as usize).and_then(|open| open.sigio.as_deref().copied())
        else {
            return;
        };
        if !sigio.on || sigio.owner == Owner::None {
            return;
        }
        let band = match code {
            SigCode::PollIn => Events::IN,
            SigCode::PollOut => Events::OUT,
            SigCode::PollErr => Events::ERR,
            SigCode::PollPri => Events::PRI,
            SigCode::PollHup => Events::HUP | Events::ERR,
            _ => Events::NONE,
        };
        let queued = self.signals_queued(sigio.process);
        let info = match sigio.signal {
            Some(signal) if queued < self.knobs.sigpending_limit => {
                SigInfo { signal, code, value: 0, fd: Fd(sigio.fd), band }
            }
            // Plain SIGIO, and what is left of an overflow: no descriptor, and it coalesces.
            _ => SigInfo::plain(Signal::SIGIO, SigCode::Kernel),
        };
        match sigio.owner {
            Owner::ThisThread => self.send_to_thread(sigio.thread, info),
            _ => self.send_to_process(sigio.process, info),
        }
    }

    /// `sk_send_sigurg`: the owner hears of urgent data, also without `O_ASYNC`.
    pub fn send_sigurg(&mut self, file: u32) {
        let Some(sigio) = self.files.get(file as usize).and_then(|open| open.sigio.as_deref().copied())
        else {
            return;
        };
        let info = SigInfo::plain(Signal::SIGURG, SigCode::Kernel);
        match sigio.owner {
            Owner::None => return,
            Owner::ThisThread => self.send_to_thread(sigio.thread, info),
            Owner::ThisProcess => self.send_to_process(sigio.process, info),
        }
        self.send_sigio(file, SigCode::PollPri);
    }

    /// The family that interrupts waits: plans a signal, or a stop and continue, for the thread that begins to wait.
    pub fn may_interrupt(&mut self, kind: Kind) {
        if kind == Kind::FutexWait {
            return;
        }
        let me = self.scheduler.current();
        let Thread { interrupts, name, .. } = &mut self.scheduler[me];
        let after = self.run.draw(Family::Interrupt, interrupts, || name.clone());
        if after != 0 {
            self.scheduler.plan(self.run.now() + after, Event::Fault(me));
        }
    }

    /// A signal comes while `thread` waits: one that the program handles and that means nothing; else, where `signal(7)`
    /// says that a stop and continue gives `EINTR` even without a handler, that.
    pub fn interrupt_wait(&mut self, thread: u32) {
        let process = self.scheduler[thread].process;
        let mask = self.scheduler[thread].mask;
        let handled = HARMLESS.into_iter().find(|&signal| {
            !mask.contains(signal) && matches!(self.disposition(process, signal), Disposition::Handler(_))
        });
        let now = self.run.now();
        if let Some(signal) = handled {
            let args = [signal.0 as u64, 0, 0, 0];
            self.run.injected(Family::Interrupt, Effect { time: now, thread, args });
            self.send_to_thread(thread, SigInfo::plain(signal, SigCode::User));
        } else if matches!(self.scheduler[thread].call, Kind::EpollWait | Kind::Sigtimedwait) {
            let args = [Signal::SIGCONT.0 as u64, 0, 0, 0];
            self.run.injected(Family::Interrupt, Effect { time: now, thread, args });
            self.scheduler[thread].stopped = true;
            self.wake(thread, Wake::Signal);
        }
    }

    pub fn sys_sigaction(&mut self, signal: Signal, action: &SigAction) -> Result<SigAction> {
        if !signal.is_valid() || UNSTOPPABLE.contains(signal) {
            return Err(Errno::EINVAL);
        }
        let process = self.my_process();
        let p = &mut self.processes[process as usize];
        let old = p.dispositions.iter().position(|(number, _)| *number == signal.0);
        let old = old.map(|at| p.dispositions.remove(at).1).unwrap_or_else(SigAction::default_action);
        p.dispositions.push((signal.0, action.clone()));
        if self.is_ignored(process, signal) {
            let p = &mut self.processes[process as usize];
            p.pending.discard(signal);
            p.aio.sigpipe &= signal != Signal::SIGPIPE;
            for t in self.scheduler.iter_mut().filter(|t| t.process == process) {
                t.pending.discard(signal);
            }
        }
        Ok(old)
    }

    pub fn sys_sigprocmask(&mut self, how: MaskHow, set: SigSet) -> Result<SigSet> {
        let t = self.scheduler.running_mut();
        let old = t.mask;
        let new = match how {
            MaskHow::Block => old.0 | set.0,
            MaskHow::Unblock => old.0 & !set.0,
            MaskHow::SetMask => set.0,
        };
        t.mask = SigSet(new & !UNSTOPPABLE.0);
        Ok(old)
    }

    pub fn sys_sigpending(&mut self) -> Result<SigSet> {
        let t = self.scheduler.running();
        Ok(SigSet((t.pending.set.0 | self.processes[t.process as usize].pending.set.0) & t.mask.0))
    }

    pub fn sys_sigtimedwait(
        &mut self,
        set: SigSet,
        timeout: Option<u64>,
        deadline: &mut Option<u64>,
    ) -> Step<SigInfo> {
        let me = self.scheduler.current();
        if let Some(info) = self.take_pending(set) {
            self.scheduler[me].awaited = SigSet::EMPTY;
            self.progress();
            return Step::Done(Ok(info));
        }
        if deadline.is_none()
            && let Some(timeout) = timeout
        {
            *deadline = Some(self.deadline_after(timeout));
        }
        if deadline.is_some_and(|at| self.run.now() >= at) {
            self.scheduler[me].awaited = SigSet::EMPTY;
            return Step::Done(Err(Errno::EAGAIN));
        }
        self.scheduler[me].awaited = set;
        self.wait(WaitOn::Nothing, *deadline);
        Step::Wait
    }

    pub fn sys_signalfd(&mut self, set: SigSet, flags: SocketFlags) -> Result<Fd> {
        check_flags(flags)?;
        self.check_fd_free()?;
        self.signalfds += 1;
        let set = SigSet(set.0 & !UNSTOPPABLE.0);
        Ok(self.open_file(Object::Signals(set, self.my_process()), flags.contains(SocketFlags::NONBLOCK)))
    }

    /// The process of this number on the caller's host.
    fn process_of(&self, pid: i32) -> Option<u32> {
        let host = self.my_host();
        self.processes
            .iter()
            .position(|p| p.pid == pid && p.host == host && p.exit.is_none())
            .map(|at| at as u32)
    }

    pub fn sys_kill(&mut self, pid: i32, info: SigInfo) -> Result<()> {
        let process = self.process_of(pid).ok_or(Errno::ESRCH)?;
        if info.signal.0 != 0 && !info.signal.is_valid() {
            return Err(Errno::EINVAL);
        }
        if info.code == SigCode::Queue
            && info.signal.is_realtime()
            && self.signals_queued(process) >= self.knobs.sigpending_limit
        {
            return Err(Errno::EAGAIN);
        }
        if info.signal.0 != 0 {
            self.send_to_process(process, info);
        }
        self.progress();
        Ok(())
    }

    pub fn sys_tgkill(&mut self, id: eagain_net::ThreadId, signal: Signal) -> Result<()> {
        let thread = self.thread_of(id).filter(|&t| !self.scheduler[t].has_ended());
        let thread = thread.ok_or(Errno::ESRCH)?;
        // Signal 0 asks whether there is somebody.
        if signal.0 == 0 {
            return Ok(());
        }
        if !signal.is_valid() {
            return Err(Errno::EINVAL);
        }
        let process = self.scheduler[thread].process;
        if signal.is_realtime() && self.signals_queued(process) >= self.knobs.sigpending_limit {
            return Err(Errno::EAGAIN);
        }
        self.send_to_thread(thread, SigInfo::plain(signal, SigCode::Tkill));
        Ok(())
    }

    pub fn sys_setown(&mut self, fd: Fd, owner: Owner) -> Result<()> {
        let file = self.file(fd)?;
        let (process, thread) = (self.my_process(), self.scheduler.current());
        let sigio = self.files[file as usize].sigio.get_or_insert_with(|| {
            Box::new(crate::object::SigIo { owner, process, thread, signal: None, on: false, fd: fd.0 })
        });
        (sigio.owner, sigio.process, sigio.thread) = (owner, process, thread);
        Ok(())
    }

    pub fn sys_setsig(&mut self, fd: Fd, signal: Option<Signal>) -> Result<()> {
        let file = self.file(fd)?;
        if signal.is_some_and(|signal| !signal.is_valid()) {
            return Err(Errno::EINVAL);
        }
        let (process, thread) = (self.my_process(), self.scheduler.current());
        let sigio = self.files[file as usize].sigio.get_or_insert_with(|| {
            Box::new(crate::object::SigIo {
                owner: Owner::None,
                process,
                thread,
                signal,
                on: false,
                fd: fd.0,
            })
        });
        sigio.signal = signal;
        Ok(())
    }
}
