//! Timers that send signals (kernel/time/posix-timers.c, posix-cpu-timers.c, itimer.c). A periodic one goes on when its signal is
//! taken: until then it is not in the event queue.

use super::{signal, thread};
use crate::object::{Counts, Expiry, PosixTimer, Target, elapsed};
use crate::scheduler::Event;
use crate::world::World;
use eagain_net::{ClockId, Errno, Instant, Result, SigCode, SigInfo, Signal, TimerEvent, TimerId, TimerSpec};
use std::time::Duration;

/// How often Linux looks at timers that are not exact (`CONFIG_HZ` of 250), in nanoseconds.
const TICK: u64 = 4_000_000;

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn create(w: &mut World, clock: ClockId, event: TimerEvent) -> Result<TimerId> {
    let process = w.my_process();
    if signal::queue_is_full(w, process) {
        return Err(Errno::EAGAIN);
    }
    // `good_sigevent`.
    let id = w.me().timers.next_id();
    let (target, signal, value) = match event {
        TimerEvent::Default => (Target::Process, Signal::SIGALRM, id.0 as u64),
        TimerEvent::None => (Target::Nobody, Signal::SIGALRM, 0),
        TimerEvent::Signal(signal, value) => (Target::Process, signal, value),
        TimerEvent::Thread(tid, signal, value) => {
            let thread = thread::thread_of(w, tid).filter(|&thread| !w.scheduler[thread].has_ended());
            (Target::Thread(thread.ok_or(Errno::EINVAL)?), signal, value)
        }
    };
    if !signal.is_valid() {
        return Err(Errno::EINVAL);
    }
    let counts = match clock {
        ClockId::Realtime | ClockId::Monotonic => Counts::Host(clock),
        ClockId::ProcessCpu => Counts::Process,
        ClockId::ThreadCpu => Counts::Thread(w.scheduler.current()),
        ClockId::CpuOf(tid) => {
            let thread = thread::thread_of(w, tid).filter(|&thread| !w.scheduler[thread].has_ended());
            Counts::Thread(thread.ok_or(Errno::EINVAL)?)
        }
    };
    let info = SigInfo { value, timer: id, ..SigInfo::plain(signal, SigCode::Timer) };
    Ok(w.me().timers.add(PosixTimer::new(counts, target, info)))
}

fn find(w: &mut World, process: u32, id: TimerId) -> Result<&mut PosixTimer> {
    w.processes[process].timers.get(id).ok_or(Errno::EINVAL)
}

/// What the timers of `process` count shows now.
fn shown(w: &World, process: u32, counts: Counts) -> u64 {
    match counts {
        Counts::Host(_) => w.run.now(),
        Counts::Process => w.cpu_time(process),
        Counts::Thread(thread) => w.scheduler[thread].computed(),
    }
}

pub(crate) fn settime(w: &mut World, id: TimerId, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
    let old = gettime(w, id)?;
    let process = w.my_process();
    let counts = find(w, process, id)?.counts;
    let expiry = expiry(w, process, counts, spec, absolute);
    let timer = find(w, process, id)?;
    timer.set(expiry);
    if expiry.at.is_some() && timer.target != Target::Nobody {
        arm(w, process, id);
    }
    Ok(old)
}

/// When a timer that is set now expires.
fn expiry(w: &World, process: u32, counts: Counts, spec: TimerSpec, absolute: bool) -> Expiry {
    if spec.value.is_zero() {
        return Expiry::default();
    }
    let (value, interval_set) = (ns(spec.value), ns(spec.interval));
    let now = shown(w, process, counts);
    let host = &w.hosts[w.processes[process].host()];
    let (at, interval) = match counts {
        Counts::Host(clock) => {
            let at = if absolute {
                let late = elapsed(host.clock(clock, now).0) - elapsed(value);
                let at = elapsed(host.true_time(clock, Instant(value), now));
                at.saturating_sub(late.max(0))
            } else {
                elapsed(now.saturating_add(host.true_duration(value)))
            };
            (at, host.true_duration(interval_set))
        }
        _ if absolute => (elapsed(value), interval_set),
        _ => (elapsed(now.saturating_add(value)), interval_set),
    };
    let wall = absolute && counts == Counts::Host(ClockId::Realtime);
    let wall = wall.then_some(Instant(value));
    Expiry { at: Some(at), wall, interval, interval_set, ..Expiry::default() }
}

pub(crate) fn gettime(w: &mut World, id: TimerId) -> Result<TimerSpec> {
    let process = w.my_process();
    let counts = find(w, process, id)?.counts;
    let now = shown(w, process, counts);
    let timer = find(w, process, id)?;
    let nobody = timer.target == Target::Nobody;
    if !nobody && !timer.expiry.armed && timer.expiry.interval_set == 0 {
        return Ok(TimerSpec::default());
    }
    // One whose signal is pending, and one that sends none, is shown as if it had gone on (`common_timer_get`).
    if nobody || timer.goes_on && timer.queued {
        timer.forward(now);
    }
    let left = match timer.expiry.left(now) {
        left @ 1.. => left as u64,
        _ => u64::from(!nobody && timer.expiry.at.is_some()),
    };
    Ok(TimerSpec {
        value: Duration::from_nanos(left),
        interval: Duration::from_nanos(timer.expiry.interval_set),
    })
}

pub(crate) fn getoverrun(w: &mut World, id: TimerId) -> Result<i32> {
    let process = w.my_process();
    find(w, process, id).map(|timer| timer.overrun())
}

/// A signal that is pending stays.
pub(crate) fn delete(w: &mut World, id: TimerId) -> Result<()> {
    w.me().timers.remove(id).map(drop).ok_or(Errno::EINVAL)
}

/// The timer is to expire as it is set: at once where that is past.
fn arm(w: &mut World, process: u32, id: TimerId) {
    let Ok(timer) = find(w, process, id) else { return };
    let (counts, expiry) = (timer.counts, timer.expiry);
    let left = expiry.left(shown(w, process, counts));
    if left <= 0 {
        return expires(w, process, id);
    }
    // What is computed is looked at by the tick.
    let after = if matches!(counts, Counts::Host(_)) { left as u64 } else { (left as u64).max(TICK) };
    let number = w.next_number();
    let Ok(timer) = find(w, process, id) else { return };
    (timer.expiry.armed, timer.expiry.number, timer.dormant) = (true, number, false);
    let at = w.run.now().saturating_add(after);
    w.scheduler.plan(at, Event::PosixTimer(process, id.0 as u32, number));
}

/// The time has come for which the setting `number` was planned.
pub(crate) fn due(w: &mut World, process: u32, id: u32, number: u32) {
    let id = TimerId(id as i32);
    let Ok(timer) = find(w, process, id) else { return };
    if !timer.expiry.armed || timer.expiry.number != number {
        return;
    }
    let (counts, expiry) = (timer.counts, timer.expiry);
    if expiry.left(shown(w, process, counts)) <= 0 {
        return expires(w, process, id);
    }
    // Less was computed than could have been. Where all wait, nothing is computed until one of them goes on.
    let waits = |thread: u32| w.scheduler[thread].is_waiting() || w.scheduler[thread].has_ended();
    let dormant = match counts {
        Counts::Host(_) => false,
        Counts::Thread(thread) => waits(thread),
        Counts::Process => {
            let mut all = 0..w.scheduler.len() as u32;
            all.all(|thread| w.scheduler[thread].process() != process || waits(thread))
        }
    };
    if dormant {
        w.dormant_timers = true;
        if let Ok(timer) = find(w, process, id) {
            timer.dormant = true;
        }
    } else {
        arm(w, process, id);
    }
}

/// A thread of the process goes on: what was dormant counts again.
#[cold]
pub(crate) fn goes_on(w: &mut World, process: u32) {
    for id in w.processes[process].timers.those(|timer| timer.dormant) {
        arm(w, process, id);
    }
}

/// `posix_timer_fn`.
fn expires(w: &mut World, process: u32, id: TimerId) {
    let Ok(timer) = find(w, process, id) else { return };
    (timer.expiry.armed, timer.expiry.wall) = (false, None);
    let (target, info, counts) = (timer.target, timer.info, timer.counts);
    if timer.queued {
        return timer.sent();
    }
    let sent = match target {
        Target::Nobody => return,
        Target::Process => signal::send_to_process(w, process, info),
        Target::Thread(thread) if w.scheduler[thread].has_ended() => return,
        Target::Thread(thread) => signal::send_to_thread(w, thread, info),
    };
    // A timer has kept its place in the queue.
    if sent == Ok(true) {
        // The signal may have ended the process.
        if let Ok(timer) = find(w, process, id) {
            timer.sent();
        }
    } else {
        ignored(w, process, id, shown(w, process, counts));
    }
}

/// No signal is sent: a periodic timer goes on, if it is short by the tick.
fn ignored(w: &mut World, process: u32, id: TimerId, now: u64) {
    let Ok(timer) = find(w, process, id) else { return };
    if timer.expiry.interval == 0 {
        return;
    }
    timer.forward(if timer.expiry.interval < TICK { now + TICK } else { now });
    arm(w, process, id);
}

/// A signal was taken from the queue of a thread or, `shared`, of the process: a periodic timer goes on (`posixtimer_rearm`).
pub(crate) fn taken(w: &mut World, process: u32, shared: bool, info: &mut SigInfo) {
    if info.code == SigCode::Timer
        && let Ok(timer) = find(w, process, info.timer)
    {
        let (goes_on, counts) = (timer.goes_on, timer.counts);
        let now = shown(w, process, counts);
        if let Ok(timer) = find(w, process, info.timer) {
            info.overrun = timer.taken(now);
            timer.goes_on = false;
        }
        if goes_on {
            arm(w, process, info.timer);
        }
    }
    if shared && w.processes[process].timers.alarm_goes_on(info.signal) {
        let now = w.run.now();
        w.processes[process].timers.alarm.forward(now);
        arm_alarm(w, process);
    }
}

/// What was pending of `signal` is discarded.
pub(super) fn discarded(w: &mut World, process: u32, signal: Signal) {
    for id in w.processes[process].timers.those(|timer| timer.queued && timer.info.signal == signal) {
        let Ok(timer) = find(w, process, id) else { continue };
        let (goes_on, counts) = (timer.goes_on, timer.counts);
        (timer.queued, timer.goes_on) = (false, false);
        if goes_on {
            ignored(w, process, id, shown(w, process, counts));
        }
    }
}

/// The wall clock of `host` was set: who waits for a moment of it waits for another time.
pub(crate) fn wall_clock_steps(w: &mut World, host: u32) {
    for process in 0..w.processes.len() {
        if w.processes[process].host() != host {
            continue;
        }
        for id in w.processes[process].timers.those(|timer| timer.expiry.wall.is_some()) {
            let now = w.run.now();
            let Some(at) = find(w, process, id).ok().and_then(|timer| timer.expiry.wall) else { continue };
            let at = elapsed(w.hosts[host].true_time(ClockId::Realtime, at, now));
            let Ok(timer) = find(w, process, id) else { continue };
            timer.expiry.at = Some(at);
            if timer.expiry.armed {
                arm(w, process, id);
            }
        }
    }
}

// The interval timer of real time (kernel/time/itimer.c), in microseconds.

fn micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

pub(crate) fn setitimer(w: &mut World, spec: TimerSpec) -> Result<TimerSpec> {
    let old = getitimer(w)?;
    let process = w.my_process();
    let spec = TimerSpec { value: micros(spec.value), interval: micros(spec.interval) };
    let expiry = expiry(w, process, Counts::Host(ClockId::Monotonic), spec, false);
    w.me().timers.alarm = expiry;
    if expiry.at.is_some() {
        arm_alarm(w, process);
    }
    Ok(old)
}

pub(crate) fn getitimer(w: &mut World) -> Result<TimerSpec> {
    let now = w.run.now();
    let alarm = w.me().timers.alarm;
    let left = if alarm.armed { alarm.left(now).max(1_000) as u64 } else { 0 };
    Ok(TimerSpec {
        value: micros(Duration::from_nanos(left)),
        interval: Duration::from_nanos(alarm.interval_set),
    })
}

fn arm_alarm(w: &mut World, process: u32) {
    let (number, now) = (w.next_number(), w.run.now());
    let alarm = &mut w.processes[process].timers.alarm;
    (alarm.armed, alarm.number) = (true, number);
    let at = now.saturating_add(alarm.left(now).max(0) as u64);
    w.scheduler.plan(at, Event::Alarm(process, number));
}

/// `it_real_fn`. A periodic one goes on when SIGALRM is taken: where it is ignored, never.
pub(crate) fn alarm_due(w: &mut World, process: u32, number: u32) {
    let alarm = &mut w.processes[process].timers.alarm;
    if alarm.armed && alarm.number == number {
        alarm.armed = false;
        let _ = signal::send_to_process(w, process, SigInfo::plain(Signal::SIGALRM, SigCode::Kernel));
    }
}
