//! Signals (kernel/signal.c): sent to a process or a thread, queued, blocked, delivered between calls or inside one that
//! waits. Also what a descriptor sends to its owner (SIGIO).

use super::descriptor;
use super::descriptor::check_flags;
use super::posix_timer;
use super::stopping;
use super::thread;
use crate::Oracle;
use crate::fault::Family;
use crate::network::ALL;
use crate::object::{Delivery, Frame, KEPT, Object, OpenFile, STOPS, SignalQueue, UNSTOPPABLE};
use crate::run::Effect;
use crate::scheduler::Step;
use crate::scheduler::{Event, WaitOn, Wake};
use crate::trace::Kind;
use crate::world::{NONE, Who, World};
use eagain_net::{
    Disposition, Errno, Events, Fd, MaskHow, Owner, Resource, Result, SigAction, SigActionFlags, SigCode,
    SigInfo, SigSet, Signal, SocketFlags,
};

/// Signals that a fault may send where the program handles them: they mean nothing by themselves. The first one means nothing to
/// programs either that were not written for the simulator ([`crate::KernelKnobs::signals_have_meaning`]).
const HARMLESS: [Signal; 5] =
    [Signal::SIGWINCH, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGCHLD];

/// Whether a signal can be delivered to this thread now.
#[inline]
pub(crate) fn has_deliverable_signal(w: &mut World, thread: u32) -> bool {
    w.signals_sent && {
        let t = &mut w.scheduler[thread];
        t.signals.has_deliverable(&w.processes[t.process()].signals)
    }
}

/// A wait with a mask of its own begins (`epoll_pwait`, `ppoll`, `pselect`); it ends with the call.
pub(crate) fn set_wait_mask(w: &mut World, mask: Option<SigSet>) {
    if let Some(mask) = mask {
        w.scheduler.running_mut().signals.begin_wait(mask);
    }
}

/// Takes one of `set` that is pending for the running thread.
pub(crate) fn take_pending(w: &mut World, set: SigSet) -> Option<SigInfo> {
    let t = w.scheduler.running_mut();
    let process = t.process();
    // Its own before those of the process (`dequeue_signal`), each lowest number first.
    let own = t.signals.queue().take(set);
    let shared = own.is_none();
    let mut info = own.or_else(|| w.processes[process].signals.queue().take(set))?;
    posix_timer::taken(w, process, shared, &mut info);
    Some(info)
}

/// Whether one of `set` is pending for the running thread.
pub(crate) fn is_pending(w: &World, set: SigSet) -> bool {
    if w.scheduler.current() == NONE {
        return false;
    }
    let t = w.scheduler.running();
    t.signals.pending(&w.processes[t.process()].signals).0 & set.0 != 0
}

/// The next handler to run on the running thread; a signal without one stops the process, or ends it.
pub(crate) fn take_signal(w: &mut World) -> Option<Delivery> {
    let me = w.scheduler.current();
    if w.scheduler.is_unwinding() || me == NONE {
        return None;
    }
    loop {
        let (mask, process) = (w.scheduler[me].signals.mask(), w.my_process());
        if w.processes[process].has_ended() {
            return None;
        }
        let info = take_pending(w, SigSet(!mask.0))?;
        let time = w.scheduler[me].time();
        w.run.event_at(time, me, Kind::SignalDelivered, [info.signal.0 as u64, 0, 0, 0]);
        let signals = &mut w.processes[process].signals;
        let action = signals.action(info.signal);
        match &action.disposition {
            _ if signals.ignores(info.signal) => continue,
            Disposition::Handler(handler) => {
                if action.flags.contains(SigActionFlags::RESETHAND) {
                    signals.reset_action(info.signal);
                }
                let mask_before = w.scheduler[me].signals.enter_handler(info.signal, &action);
                let restart = action.flags.contains(SigActionFlags::RESTART);
                return Some(Delivery::Handle(Frame {
                    handler: handler.clone(),
                    info,
                    restart,
                    mask_before,
                }));
            }
            _ if STOPS.contains(info.signal) => {
                stopping::stop(w, process);
                w.scheduler.park(me);
                return Some(Delivery::Stop);
            }
            _ => {
                killed_by_signal(w, process, info.signal);
                return None;
            }
        }
    }
}

fn killed_by_signal(w: &mut World, process: u32, signal: Signal) {
    let name = w.processes[process].name().to_owned();
    let me = w.scheduler.current();
    w.print(me, &format!("killed by {signal:?}"));
    if !w.processes[process].may_panic() && signal != Signal::SIGKILL && signal != Signal::SIGTERM {
        let message = format!("{signal:?} ended {name}: it has no handler and is not ignored");
        w.fail_in(Who::Process(process), Oracle::Survival, "signal", message);
    }
    w.exit_process(process, -signal.0);
}

/// A handler has returned (`sigreturn(2)`).
pub(crate) fn leave_handler(w: &mut World, mask: SigSet) {
    if w.scheduler.current() != NONE && !w.scheduler.is_unwinding() {
        w.scheduler.running_mut().signals.leave_handler(mask);
    }
}

/// Sends a signal to one thread; whether it is pending then, and was not before. `EAGAIN`: the queue is full ([`has_place`]).
pub(crate) fn send_to_thread(w: &mut World, thread: u32, info: SigInfo) -> Result<bool> {
    let process = w.scheduler[thread].process();
    stopping::prepare(w, process, info.signal);
    let t = &mut w.scheduler[thread];
    let p = &w.processes[process];
    // Who blocks a signal may yet change what is done with it: a blocked one is never ignored (`sig_ignored`).
    if p.has_ended() || !t.signals.blocks(info.signal) && p.signals.ignores(info.signal) {
        return Ok(false);
    }
    let place = has_place(w, process, info)?;
    if !put(w.scheduler[thread].signals.queue(), info, place) {
        return Ok(false);
    }
    w.signals_sent = true;
    kick(w, thread, info.signal);
    notify_signalfds(w, process);
    Ok(true)
}

/// Whether a signal has a place in the queue of a process; else it may pend without one (`__send_signal_locked`). `EAGAIN`: the queue is
/// full (`RLIMIT_SIGPENDING`), and more is to be said with it than `kill(2)` does. A timer has kept its place.
fn has_place(w: &World, process: u32, info: SigInfo) -> Result<bool> {
    let of_kernel = !matches!(info.code, SigCode::Queue | SigCode::AsyncIo | SigCode::Tkill);
    match info.signal.is_realtime() {
        _ if info.code == SigCode::Timer => Ok(true),
        false if of_kernel => Ok(true),
        _ if !queue_is_full(w, process) => Ok(true),
        true if info.code != SigCode::User => Err(Errno::EAGAIN),
        _ => Ok(false),
    }
}

fn put(queue: &mut SignalQueue, info: SigInfo, place: bool) -> bool {
    if place { queue.push(info) } else { queue.pend(info.signal) }
}

/// Sends a signal to a process: a thread that does not block it takes it, the main thread first. Whether it is pending then, and
/// was not before. `EAGAIN`: as for a thread.
pub(crate) fn send_to_process(w: &mut World, process: u32, info: SigInfo) -> Result<bool> {
    stopping::prepare(w, process, info.signal);
    let p = &mut w.processes[process];
    let main = p.main_thread();
    let blocked = w.scheduler[main].signals.blocks(info.signal);
    if p.has_ended() || !blocked && p.signals.ignores(info.signal) {
        return Ok(false);
    }
    if info.signal == Signal::SIGKILL {
        w.kill_process(process, None);
        return Ok(false);
    }
    let place = has_place(w, process, info)?;
    if !put(w.processes[process].signals.queue(), info, place) {
        return Ok(false);
    }
    w.signals_sent = true;
    // `wants_signal`.
    let wants = |thread: &u32| {
        let t = &w.scheduler[*thread];
        t.process() == process
            && !t.has_ended()
            && !t.signals.is_woken_for_signal()
            && (!t.signals.blocks(info.signal) || t.signals.awaits(info.signal))
    };
    // `complete_signal`: else whoever took the last one that was not for the main thread, and then one after another.
    let (last, all) = (w.processes[process].signal_target(), w.scheduler.len() as u32);
    let taker = if wants(&main) { Some(main) } else { (last..all).chain(main..last).find(wants) };
    if let Some(thread) = taker {
        if thread != main {
            w.processes[process].set_signal_target(thread);
        }
        kick(w, thread, info.signal);
    }
    notify_signalfds(w, process);
    Ok(true)
}

/// A waiting thread looks at a signal that it does not block, or that it waits for.
fn kick(w: &mut World, thread: u32, signal: Signal) {
    let t = &mut w.scheduler[thread];
    let (blocked, awaited) = (t.signals.blocks(signal), t.signals.awaits(signal));
    if blocked && !awaited {
        return;
    }
    if t.is_waiting() {
        t.signals.set_woken_for_signal(true);
    }
    w.wake(thread, if blocked { Wake::Ready } else { Wake::Signal });
}

/// A thread that a signal woke blocks `set` again: what is pending of it for the process is first for another thread, which looks
/// too, and may find that the first one has taken it (`retarget_shared_pending`).
fn retarget(w: &mut World, thread: u32, set: SigSet) {
    let process = w.scheduler[thread].process();
    let mut left =
        SigSet(w.processes[process].signals.queue().set().0 & set.0 & w.scheduler[thread].signals.mask().0);
    let all = w.scheduler.len() as u32;
    for other in (thread + 1..all).chain(0..thread) {
        let t = &w.scheduler[other];
        if t.process() != process || t.has_ended() {
            continue;
        }
        let can = |signal: &Signal| !t.signals.blocks(*signal) || t.signals.awaits(*signal);
        let Some(signal) = left.iter().find(can) else { continue };
        left = SigSet::of(&left.iter().filter(|signal| !can(signal)).collect::<Vec<_>>());
        if !t.signals.is_woken_for_signal() {
            kick(w, other, signal);
        }
    }
}

/// Every signalfd of the process is notified of every signal, and looks whether it is one of its own.
pub(crate) fn notify_signalfds(w: &mut World, process: u32) {
    if w.signalfds == 0 {
        return;
    }
    let files: Vec<u32> = w
        .files
        .iter()
        .filter(|(_, open)| matches!(open.object, Object::Signals(_, of) if of == process))
        .map(|(file, _)| file)
        .collect();
    for file in files {
        // `signalfd_notify` names nothing: whose signal it is, those who wait find out.
        w.notify(file, ALL, None);
    }
}

/// How many signals are queued for a process and its threads: what `RLIMIT_SIGPENDING` limits.
fn signals_queued(w: &World, process: u32) -> usize {
    let threads = w.scheduler.iter().filter(|t| t.process() == process);
    let p = &w.processes[process];
    p.signals.queued() + p.timers.places_kept() + threads.map(|t| t.signals.queued()).sum::<usize>()
}

/// Whether a process has as many signals queued as it may (`RLIMIT_SIGPENDING`).
pub(crate) fn queue_is_full(w: &World, process: u32) -> bool {
    let limit = w.processes[process].rlimits().get(Resource::PendingSignals).soft;
    signals_queued(w, process) as u64 >= limit
}

/// The owner of a descriptor is notified that something happened to it.
pub(crate) fn send_sigio(w: &mut World, file: u32, code: SigCode) {
    let Some(sigio) = w.files.get(file).and_then(OpenFile::sigio) else { return };
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
    let own = sigio.signal.map(|signal| SigInfo { fd: Fd(sigio.fd), band, ..SigInfo::plain(signal, code) });
    // Plain SIGIO, and what is left of an overflow: no descriptor, and it coalesces.
    for info in own.into_iter().chain([SigInfo::plain(Signal::SIGIO, SigCode::Kernel)]) {
        let sent = match sigio.owner {
            Owner::ThisThread => send_to_thread(w, sigio.thread, info),
            _ => send_to_process(w, sigio.process, info),
        };
        if sent.is_ok() {
            break;
        }
    }
}

/// `sk_send_sigurg`: the owner is sent SIGURG, also without `O_ASYNC`.
pub(crate) fn send_sigurg(w: &mut World, file: u32) {
    let Some(sigio) = w.files.get(file).and_then(OpenFile::sigio) else { return };
    let info = SigInfo::plain(Signal::SIGURG, SigCode::Kernel);
    let _ = match sigio.owner {
        Owner::None => return,
        Owner::ThisThread => send_to_thread(w, sigio.thread, info),
        Owner::ThisProcess => send_to_process(w, sigio.process, info),
    };
    send_sigio(w, file, SigCode::PollPri);
}

/// The family that interrupts waits: plans a signal, or a stop and continue, for the thread that begins to wait.
#[inline]
pub(crate) fn may_interrupt(w: &mut World, kind: Kind) {
    let World { scheduler, run, .. } = w;
    if kind != Kind::FutexWait
        && !run.passes(Family::Interrupt, &mut scheduler.running_mut().stream(Family::Interrupt).0)
    {
        interrupt_later(w);
    }
}

#[cold]
fn interrupt_later(w: &mut World) {
    let me = w.scheduler.current();
    let (stream, name) = w.scheduler[me].stream(Family::Interrupt);
    let after = w.run.draw(Family::Interrupt, stream, || name.to_owned());
    if after != 0 {
        w.scheduler.plan(w.run.now() + after, Event::Interrupt(me));
    }
}

/// A signal comes while `thread` waits: one that the program handles and that means nothing; else, where `signal(7)`
/// says that a stop and continue gives `EINTR` even without a handler, that.
pub(crate) fn interrupt_wait(w: &mut World, thread: u32) {
    let t = &w.scheduler[thread];
    if w.run.is_quiet() || !t.is_waiting() || t.call() == Kind::FutexWait {
        return;
    }
    let process = w.scheduler[thread].process();
    let (t, p) = (&w.scheduler[thread].signals, &w.processes[process].signals);
    let harmless = if w.knobs.signals_have_meaning { &HARMLESS[..1] } else { &HARMLESS[..] };
    let handled = harmless.iter().copied().find(|&signal| !t.blocks(signal) && p.has_handler(signal));
    let now = w.run.now();
    if let Some(signal) = handled {
        let args = [signal.0 as u64, 0, 0, 0];
        w.run.injected(Family::Interrupt, Effect { time: now, thread, args });
        let _ = send_to_thread(w, thread, SigInfo::plain(signal, SigCode::User));
    } else if matches!(w.scheduler[thread].call(), Kind::EpollWait | Kind::Sigtimedwait) {
        let args = [Signal::SIGCONT.0 as u64, 0, 0, 0];
        w.run.injected(Family::Interrupt, Effect { time: now, thread, args });
        interrupt(w, thread);
    }
}

/// `thread`, which waits, looks whether there is a signal, and there is none.
pub(super) fn interrupt(w: &mut World, thread: u32) {
    w.signals_sent = true;
    w.scheduler[thread].signals.set_interrupted();
    w.wake(thread, Wake::Signal);
}

pub(crate) fn sigaction(w: &mut World, signal: Signal, action: &SigAction) -> Result<SigAction> {
    if !signal.is_valid() || UNSTOPPABLE.contains(signal) || KEPT.contains(signal) {
        return Err(Errno::EINVAL);
    }
    let known = SigActionFlags::RESTART | SigActionFlags::NODEFER | SigActionFlags::RESETHAND;
    let (flags, mask) = (action.flags & known, SigSet(action.mask.0 & !UNSTOPPABLE.0));
    let process = w.my_process();
    let p = &mut w.processes[process];
    let old = p.signals.set_action(signal, SigAction { flags, mask, ..action.clone() });
    if p.signals.ignores(signal) {
        p.signals.queue().discard(signal);
        if signal == Signal::SIGPIPE {
            p.aio.discard_sigpipe();
        }
        for t in w.scheduler.iter_mut().filter(|t| t.process() == process) {
            t.signals.queue().discard(signal);
        }
        posix_timer::discarded(w, process, signal);
    }
    Ok(old)
}

pub(crate) fn sigprocmask(w: &mut World, how: MaskHow, set: SigSet) -> Result<SigSet> {
    let set = SigSet(set.0 & !KEPT.0);
    let signals = &mut w.scheduler.running_mut().signals;
    let old = signals.mask();
    let new = match how {
        MaskHow::Block => old.0 | set.0,
        MaskHow::Unblock => old.0 & !set.0,
        MaskHow::SetMask => set.0,
    };
    signals.set_mask(SigSet(new));
    Ok(old)
}

pub(crate) fn sigpending(w: &mut World) -> Result<SigSet> {
    let t = w.scheduler.running();
    Ok(SigSet(t.signals.pending(&w.processes[t.process()].signals).0 & t.signals.mask().0))
}

pub(crate) fn sigtimedwait(
    w: &mut World,
    set: SigSet,
    timeout: Option<u64>,
    waited: &mut bool,
) -> Step<SigInfo> {
    let me = w.scheduler.current();
    if *waited {
        retarget(w, me, set);
    }
    if let Some(info) = take_pending(w, set) {
        w.scheduler.handed_over();
        return Step::Done(Ok(info));
    }
    if *waited {
        // It waits once: whatever woke it, and if another thread has taken the signal (`do_sigtimedwait`).
        let t = &w.scheduler[me];
        return match t.woken_by() {
            Wake::Deadline => Step::Done(Err(Errno::EAGAIN)),
            Wake::Signal if t.signals.is_interrupted(&w.processes[t.process()].signals) => Step::Wait,
            Wake::Signal | Wake::Ready => Step::Done(Err(Errno::EINTR)),
        };
    }
    let deadline = timeout.map(|timeout| w.deadline_after(timeout));
    if deadline.is_some_and(|at| w.run.now() >= at) {
        return Step::Done(Err(Errno::EAGAIN));
    }
    *waited = true;
    w.scheduler[me].signals.set_awaited(set);
    w.wait(WaitOn::Signals, deadline);
    Step::Wait
}

pub(crate) fn signalfd(w: &mut World, set: SigSet, flags: SocketFlags) -> Result<Fd> {
    check_flags(flags)?;
    w.check_fd_free()?;
    w.signalfds += 1;
    let set = SigSet(set.0 & !UNSTOPPABLE.0);
    Ok(descriptor::open_file(w, Object::Signals(set, w.my_process()), flags.contains(SocketFlags::NONBLOCK)))
}

/// The process of this number on the caller's host.
fn process_of(w: &World, pid: i32) -> Option<u32> {
    let host = w.my_host();
    w.processes.position(|p| p.pid() == pid && p.host() == host && !p.has_ended())
}

pub(crate) fn kill(w: &mut World, pid: i32, info: SigInfo) -> Result<()> {
    let process = process_of(w, pid).ok_or(Errno::ESRCH)?;
    if info.signal.0 != 0 && !info.signal.is_valid() {
        return Err(Errno::EINVAL);
    }
    if info.signal.0 != 0 {
        send_to_process(w, process, info)?;
    }
    w.scheduler.handed_over();
    Ok(())
}

pub(crate) fn tgkill(w: &mut World, id: eagain_net::ThreadId, signal: Signal) -> Result<()> {
    if id.0 <= 0 {
        return Err(Errno::EINVAL);
    }
    let thread = thread::thread_of(w, id).filter(|&t| !w.scheduler[t].has_ended());
    let thread = thread.ok_or(Errno::ESRCH)?;
    // Signal 0 asks whether there is somebody.
    if signal.0 == 0 {
        return Ok(());
    }
    if !signal.is_valid() {
        return Err(Errno::EINVAL);
    }
    send_to_thread(w, thread, SigInfo::plain(signal, SigCode::Tkill)).map(drop)
}

pub(crate) fn setown(w: &mut World, fd: Fd, owner: Owner) -> Result<()> {
    let file = w.file(fd)?;
    let by = (w.my_process(), w.scheduler.current());
    w.files[file].set_owner(owner, by, fd.0);
    Ok(())
}

pub(crate) fn setsig(w: &mut World, fd: Fd, signal: Option<Signal>) -> Result<()> {
    let file = w.file(fd)?;
    // 0 is SIGIO, as is no signal (fcntl(2)).
    let signal = signal.filter(|signal| signal.0 != 0);
    if signal.is_some_and(|signal| !signal.is_valid()) {
        return Err(Errno::EINVAL);
    }
    let by = (w.my_process(), w.scheduler.current());
    w.files[file].set_signal(signal, by, fd.0);
    Ok(())
}
