//! timerfd (fs/timerfd.c).

use super::descriptor;
use super::descriptor::check_flags;
use crate::object::{Object, TimerFd, TimerSetting};
use crate::scheduler::Event;
use crate::world::World;
use eagain_net::{ClockId, Errno, Events, Fd, Instant, Result, SocketFlags, TimerSpec};
use std::time::Duration;

pub(crate) fn create(w: &mut World, clock: ClockId, flags: SocketFlags) -> Result<Fd> {
    check_flags(flags)?;
    if clock.is_of_cpu() {
        return Err(Errno::EINVAL);
    }
    w.check_fd_free()?;
    let host = w.my_host();
    let timer = TimerFd::new(clock, host);
    Ok(descriptor::open_file(w, Object::Timer(Box::new(timer)), flags.contains(SocketFlags::NONBLOCK)))
}

fn find_timer(w: &mut World, fd: Fd) -> Result<(u32, &mut TimerFd)> {
    let file = w.file(fd)?;
    match &mut w.files[file].object {
        Object::Timer(timer) => Ok((file, timer)),
        _ => Err(Errno::EINVAL),
    }
}

pub(crate) fn settime(w: &mut World, fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
    let old = gettime(w, fd)?;
    let now = w.run.now();
    let (_, timer) = find_timer(w, fd)?;
    let (host, clock) = timer.clock();
    let nanoseconds = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
    let owner = &w.hosts[host];
    let next = (!spec.value.is_zero()).then(|| {
        if absolute {
            owner.true_time(clock, Instant(nanoseconds(spec.value)), now)
        } else {
            now.saturating_add(owner.true_duration(nanoseconds(spec.value)))
        }
    });
    // An absolute time in the past counts every firing that was missed.
    let mut missed = 0;
    let interval = owner.true_duration(nanoseconds(spec.interval));
    let mut first = next;
    if absolute && next == Some(now) {
        let late = owner.clock(clock, now).0.saturating_sub(nanoseconds(spec.value));
        missed = 1 + late.checked_div(interval).unwrap_or(0);
        first = (interval > 0).then(|| now + interval - late % interval);
    }
    let number = w.next_number();
    let wall = absolute && clock == ClockId::Realtime && first == next;
    let setting = TimerSetting {
        number,
        next: first,
        wall: wall.then(|| Instant(nanoseconds(spec.value))),
        interval: if spec.value.is_zero() { 0 } else { interval },
        interval_set: nanoseconds(spec.interval),
        ahead: match interval {
            0 => first.map_or(0, |at| at - now),
            interval => interval,
        },
    };
    let (file, timer) = find_timer(w, fd)?;
    timer.set(setting, missed);
    if let Some(at) = first {
        w.scheduler.plan(at, Event::Timer(file, number));
    }
    if missed > 0 {
        w.notify(file, Events::IN, None);
    }
    Ok(old)
}

pub(crate) fn gettime(w: &mut World, fd: Fd) -> Result<TimerSpec> {
    let now = w.run.now();
    let (_, timer) = find_timer(w, fd)?;
    let setting = timer.setting();
    Ok(TimerSpec {
        value: Duration::from_nanos(setting.next.map_or(0, |at| at.saturating_sub(now).max(1))),
        interval: Duration::from_nanos(setting.interval_set),
    })
}

/// A timer's time has come. A periodic one that nobody reads counts on, but wakes nobody a second time (T5).
pub(crate) fn fires(w: &mut World, file: u32, number: u32) {
    let Some(open) = w.files.get_mut(file) else { return };
    let Object::Timer(timer) = &mut open.object else { return };
    let Some((next, first)) = timer.fire(number) else { return };
    if let Some(next) = next {
        w.scheduler.plan(next, Event::Timer(file, number));
    }
    if first {
        w.notify(file, Events::IN, None);
    }
}
