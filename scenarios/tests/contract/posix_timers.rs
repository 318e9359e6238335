//! Timers that send signals: `timer_create(2)`, `setitimer(2)`. Each body blocks the signals and takes them, since a handler on Linux may
//! run on another thread; and no time is waited for but by the timer itself.

use crate::asleep::Sleepers;
use eagain_net::{
    ClockId, Errno, MaskHow, SigAction, SigCode, SigInfo, SigSet, Signal, SocketFlags, ThreadId, TimerEvent,
    TimerId, TimerSpec, now,
};
use std::time::Duration;

const SIGNAL: Signal = Signal(45);
const TICK: Duration = Duration::from_millis(2);
const HOUR: Duration = Duration::from_secs(3600);
const LONG: Option<Duration> = Some(Duration::from_secs(20));
const NOW: Option<Duration> = Some(Duration::ZERO);
const ALL: &[Signal] = &[SIGNAL, Signal(46), Signal::SIGALRM, Signal::SIGUSR1];

fn once(value: Duration) -> TimerSpec {
    TimerSpec { value, interval: Duration::ZERO }
}

fn every(interval: Duration) -> TimerSpec {
    TimerSpec { value: interval, interval }
}

/// A thread's own: those of a process might go to another thread of the tests.
fn to_me<K: Sleepers>(k: K, signal: Signal, value: u64) -> TimerEvent {
    TimerEvent::Thread(k.gettid(), signal, value)
}

fn blocked<K: Sleepers>(k: K) -> SigSet {
    let set = SigSet::of(ALL);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    set
}

/// Returns once a signal of `set` is pending.
fn await_pending<K: Sleepers>(k: K, set: SigSet) {
    while k.sigpending().unwrap().0 & set.0 == 0 {
        k.nanosleep(TICK / 10).unwrap();
    }
}

fn timer_sends_its_signal_once_with_its_value<K: Sleepers>(k: K) {
    let set = blocked(k);
    for clock in [ClockId::Monotonic, ClockId::Realtime] {
        let timer = k.timer_create(clock, to_me(k, SIGNAL, 0x1234_5678_9abc)).unwrap();
        assert_eq!(k.timer_gettime(timer), Ok(TimerSpec::default()));
        let began = now(k);
        assert_eq!(k.timer_settime(timer, once(TICK), false), Ok(TimerSpec::default()));
        let info = k.sigtimedwait(set, LONG).unwrap();
        assert!(now(k) - began >= TICK, "early");
        let expected =
            SigInfo { value: 0x1234_5678_9abc, timer, overrun: 0, ..SigInfo::plain(SIGNAL, SigCode::Timer) };
        assert_eq!(info, expected);
        assert_eq!(k.timer_gettime(timer), Ok(TimerSpec::default()));
        assert_eq!(k.timer_getoverrun(timer), Ok(0));
        assert_eq!(k.sigtimedwait(set, Some(TICK * 2)), Err(Errno::EAGAIN));
        k.timer_delete(timer).unwrap();
    }
}

fn expiries_that_nobody_has_taken_are_an_overrun<K: Sleepers>(k: K) {
    let set = blocked(k);
    let timer = k.timer_create(ClockId::Monotonic, to_me(k, SIGNAL, 0)).unwrap();
    k.timer_settime(timer, every(TICK), false).unwrap();
    await_pending(k, set);
    k.nanosleep(TICK * 5).unwrap();
    // What is pending is shown as if it had gone on.
    let left = k.timer_gettime(timer).unwrap();
    assert!(left.value <= TICK && left.interval == TICK, "{left:?}");
    assert_eq!(k.timer_getoverrun(timer), Ok(0));
    let first = k.sigtimedwait(set, LONG).unwrap();
    assert!((4..2_000).contains(&first.overrun), "{first:?}");
    assert_eq!(k.timer_getoverrun(timer), Ok(first.overrun));
    // It goes on when its signal is taken.
    let second = k.sigtimedwait(set, LONG).unwrap();
    assert_eq!((second.signal, second.timer), (SIGNAL, timer));
    k.timer_settime(timer, TimerSpec::default(), false).unwrap();
    assert_eq!(k.timer_getoverrun(timer), Ok(0));
    k.timer_delete(timer).unwrap();
    let _ = k.sigtimedwait(set, NOW);
}

fn absolute_time_in_the_past_expires_at_once_and_is_an_overrun<K: Sleepers>(k: K) {
    let set = blocked(k);
    for clock in [ClockId::Monotonic, ClockId::Realtime] {
        let timer = k.timer_create(clock, to_me(k, SIGNAL, 0)).unwrap();
        let past = Duration::from_nanos(k.clock_gettime(clock).0).saturating_sub(TICK * 100);
        k.timer_settime(timer, TimerSpec { value: past, interval: TICK * 10 }, true).unwrap();
        let info = k.sigtimedwait(set, LONG).unwrap();
        assert!((10..1_000).contains(&info.overrun), "{info:?}");
        k.timer_settime(timer, once(HOUR), false).unwrap();
        let _ = k.sigtimedwait(set, NOW);
        k.timer_settime(timer, once(Duration::from_nanos(1)), true).unwrap();
        assert_eq!(k.sigtimedwait(set, LONG).map(|info| info.overrun), Ok(0));
        k.timer_delete(timer).unwrap();
    }
}

fn setting_returns_what_was_left_and_zero_switches_off<K: Sleepers>(k: K) {
    let set = blocked(k);
    let timer = k.timer_create(ClockId::Monotonic, to_me(k, SIGNAL, 0)).unwrap();
    k.timer_settime(timer, TimerSpec { value: HOUR, interval: TICK }, false).unwrap();
    let left = k.timer_gettime(timer).unwrap();
    assert!(left.value <= HOUR && left.value > HOUR / 2 && left.interval == TICK, "{left:?}");
    let old = k.timer_settime(timer, TimerSpec { value: Duration::ZERO, interval: TICK }, false).unwrap();
    assert!(old.value <= left.value && old.value > HOUR / 2 && old.interval == TICK, "{old:?}");
    assert_eq!(k.timer_gettime(timer), Ok(TimerSpec::default()));
    assert_eq!(k.sigtimedwait(set, NOW), Err(Errno::EAGAIN));
    k.timer_delete(timer).unwrap();
}

fn timer_that_sends_nothing_is_asked<K: Sleepers>(k: K) {
    let set = blocked(k);
    let timer = k.timer_create(ClockId::Monotonic, TimerEvent::None).unwrap();
    k.timer_settime(timer, once(TICK), false).unwrap();
    k.nanosleep(TICK).unwrap();
    assert_eq!(k.timer_gettime(timer), Ok(TimerSpec::default()));
    k.timer_settime(timer, every(HOUR), false).unwrap();
    let past = TimerSpec { value: Duration::from_nanos(1), interval: HOUR };
    k.timer_settime(timer, past, true).unwrap();
    let left = k.timer_gettime(timer).unwrap();
    assert!(!left.value.is_zero() && left.value <= HOUR && left.interval == HOUR, "{left:?}");
    assert_eq!(k.sigtimedwait(set, NOW), Err(Errno::EAGAIN));
    k.timer_delete(timer).unwrap();
}

fn timers_of_one_standard_signal_each_have_theirs<K: Sleepers>(k: K) {
    let set = blocked(k);
    let event = to_me(k, Signal::SIGUSR1, 0);
    let timers = [(); 2].map(|()| k.timer_create(ClockId::Monotonic, event).unwrap());
    for timer in timers {
        k.timer_settime(timer, once(Duration::from_nanos(1)), true).unwrap();
        await_pending(k, set);
    }
    k.nanosleep(TICK).unwrap();
    // And one of another kind is lost beside them.
    k.tgkill(k.gettid(), Signal::SIGUSR1).unwrap();
    let taken = [(); 2].map(|()| k.sigtimedwait(set, NOW).map(|info| info.timer));
    assert_eq!(taken, timers.map(Ok));
    assert_eq!(k.sigtimedwait(set, NOW), Err(Errno::EAGAIN));
    for timer in timers {
        k.timer_delete(timer).unwrap();
    }
}

fn timer_of_a_signalfd_has_its_number_and_overrun<K: Sleepers>(k: K) {
    let set = blocked(k);
    let fd = k.signalfd(set, SocketFlags::NONE).unwrap();
    // The second: the number of the first may be 0, as what is missing in a record is.
    let first = k.timer_create(ClockId::Monotonic, TimerEvent::None).unwrap();
    let timer = k.timer_create(ClockId::Monotonic, to_me(k, SIGNAL, 7)).unwrap();
    let past = TimerSpec { value: Duration::from_nanos(1), interval: TICK * 10 };
    k.timer_settime(timer, past, true).unwrap();
    let mut record = [0; SigInfo::RECORD_LEN];
    assert_eq!(k.read(fd, &mut record), Ok(SigInfo::RECORD_LEN));
    let info = SigInfo::from_record(&record).unwrap();
    let overrun = k.timer_getoverrun(timer).unwrap();
    assert!(overrun > 0, "the clock shows less than one interval");
    let expected = SigInfo { value: 7, timer, overrun, ..SigInfo::plain(SIGNAL, SigCode::Timer) };
    assert_eq!(info, expected);
    for timer in [first, timer] {
        k.timer_delete(timer).unwrap();
    }
    let _ = k.sigtimedwait(set, NOW);
    k.close(fd).unwrap();
}

fn what_is_no_timer_no_signal_and_no_thread_is_refused<K: Sleepers>(k: K) {
    // Above every number that Linux gives, and it fits into that of a clock.
    let nobody = ThreadId((1 << 28) - 1);
    for event in [
        TimerEvent::Signal(Signal(0), 0),
        TimerEvent::Signal(Signal(65), 0),
        TimerEvent::Thread(k.gettid(), Signal(65), 0),
        TimerEvent::Thread(nobody, SIGNAL, 0),
    ] {
        assert_eq!(k.timer_create(ClockId::Monotonic, event), Err(Errno::EINVAL), "{event:?}");
    }
    assert_eq!(k.timer_create(ClockId::CpuOf(nobody), TimerEvent::None), Err(Errno::EINVAL));
    let timer = k.timer_create(ClockId::Monotonic, TimerEvent::None).unwrap();
    k.timer_delete(timer).unwrap();
    for timer in [timer, TimerId(-1), TimerId(i32::MAX)] {
        assert_eq!(k.timer_settime(timer, once(TICK), false), Err(Errno::EINVAL));
        assert_eq!(k.timer_gettime(timer), Err(Errno::EINVAL));
        assert_eq!(k.timer_getoverrun(timer), Err(Errno::EINVAL));
        assert_eq!(k.timer_delete(timer), Err(Errno::EINVAL));
    }
    assert_eq!(k.timerfd_create(ClockId::ThreadCpu, SocketFlags::NONE), Err(Errno::EINVAL));
}

/// Nothing is computed while it sleeps.
fn processor_time_passes_while_its_thread_computes<K: Sleepers>(k: K) {
    let set = blocked(k);
    for clock in [ClockId::ThreadCpu, ClockId::CpuOf(k.gettid()), ClockId::ProcessCpu] {
        let timer = k.timer_create(clock, to_me(k, SIGNAL, 0)).unwrap();
        let began = k.clock_gettime(clock);
        k.timer_settime(timer, once(TICK * 3), false).unwrap();
        if clock != ClockId::ProcessCpu {
            k.nanosleep(TICK * 10).unwrap();
            assert_eq!(k.sigtimedwait(set, NOW), Err(Errno::EAGAIN), "{clock:?} while it slept");
        }
        while k.sigtimedwait(set, NOW) == Err(Errno::EAGAIN) {}
        assert!(k.clock_gettime(clock) - began >= TICK * 3, "{clock:?} is early");
        k.timer_delete(timer).unwrap();
    }
}

/// The alarm is the process's: its signal is for whichever thread takes it, here for a handler.
fn alarm_sends_sigalrm_again_and_again<K: Sleepers>(k: K) {
    let handler = crate::asleep::Handler::new(k, Signal::SIGALRM, true);
    assert_eq!(k.getitimer(), Ok(TimerSpec::default()));
    assert_eq!(k.setitimer(every(TICK)), Ok(TimerSpec::default()));
    while handler.count() < 3 {
        // The handler may end it.
        let _ = k.nanosleep(TICK / 10);
    }
    let old = k.setitimer(once(HOUR)).unwrap();
    assert!(old.value <= TICK && old.interval == TICK, "{old:?}");
    let left = k.getitimer().unwrap();
    assert!(left.value <= HOUR && left.value > HOUR / 2 && left.interval.is_zero(), "{left:?}");
    k.setitimer(TimerSpec::default()).unwrap();
    assert_eq!(k.getitimer(), Ok(TimerSpec::default()));
    k.sigaction(Signal::SIGALRM, SigAction::ignore()).unwrap();
}

crate::bodies! {
    timer_sends_its_signal_once_with_its_value
    expiries_that_nobody_has_taken_are_an_overrun
    absolute_time_in_the_past_expires_at_once_and_is_an_overrun
    setting_returns_what_was_left_and_zero_switches_off
    timer_that_sends_nothing_is_asked
    timers_of_one_standard_signal_each_have_theirs
    timer_of_a_signalfd_has_its_number_and_overrun
    what_is_no_timer_no_signal_and_no_thread_is_refused
    processor_time_passes_while_its_thread_computes
    alarm_sends_sigalrm_again_and_again
}
