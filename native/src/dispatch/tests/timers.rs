//! Timers that send signals, as C has them; and libc's mutexes, which have to wake who waits.

use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};

static COUNT: AtomicI32 = AtomicI32::new(0);
static VALUE: AtomicU64 = AtomicU64::new(0);
static CODE: AtomicI32 = AtomicI32::new(0);

extern "C" fn handle(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    COUNT.fetch_add(1, SeqCst);
    // SAFETY: a handler is given a valid one.
    unsafe {
        VALUE.store((*info).si_value().sival_ptr as u64, SeqCst);
        CODE.store((*info).si_code, SeqCst);
    }
}

fn errno(result: c_int) -> Option<i32> {
    (result == -1).then(|| std::io::Error::last_os_error().raw_os_error()).flatten()
}

const MILLISECOND: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
const OFF: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
const MINUTE: libc::timespec = libc::timespec { tv_sec: 60, tv_nsec: 0 };

pub fn timers() {
    // SAFETY: the pointers are valid for what each call does with them; what is none is looked at only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (action.sa_sigaction, action.sa_flags) = (handle as *const () as usize, libc::SA_SIGINFO);
        for signal in [libc::SIGUSR1, libc::SIGALRM] {
            assert_eq!(libc::sigaction(signal, &action, null_mut()), 0);
        }
        let mut event: libc::sigevent = std::mem::zeroed();
        (event.sigev_notify, event.sigev_signo) = (libc::SIGEV_SIGNAL, libc::SIGUSR1);
        event.sigev_value.sival_ptr = 0x1234_5678_9abc as *mut c_void;
        let mut timer: libc::timer_t = null_mut();
        let create = |clock, event: *mut libc::sigevent, timer: *mut libc::timer_t| {
            errno(libc::timer_create(clock, event, timer))
        };
        assert_eq!(create(libc::CLOCK_BOOTTIME, &mut event, &mut timer), None);
        let mut spec = libc::itimerspec { it_interval: OFF, it_value: MILLISECOND };
        let mut left = spec;
        assert_eq!(libc::timer_settime(timer, 0, &spec, &mut left), 0);
        assert_eq!((left.it_value.tv_sec, left.it_value.tv_nsec), (0, 0));
        assert_eq!(errno(libc::nanosleep(&MINUTE, null_mut())), Some(libc::EINTR));
        let seen = (COUNT.load(SeqCst), VALUE.load(SeqCst), CODE.load(SeqCst));
        assert_eq!(seen, (1, 0x1234_5678_9abc, libc::SI_TIMER));
        assert_eq!(libc::timer_getoverrun(timer), 0);

        assert_eq!(errno(libc::timer_settime(timer, 0, null(), null_mut())), Some(libc::EINVAL));
        spec.it_value.tv_nsec = 1_000_000_000;
        assert_eq!(errno(libc::timer_settime(timer, 0, &spec, null_mut())), Some(libc::EINVAL));
        assert_eq!(libc::timer_gettime(timer, &mut left), 0);
        assert_eq!(libc::timer_delete(timer), 0);
        assert_eq!(errno(libc::timer_delete(timer)), Some(libc::EINVAL));
        assert_eq!(create(99, &mut event, &mut timer), Some(libc::EINVAL));
        assert_eq!(create(libc::CLOCK_MONOTONIC_RAW, &mut event, &mut timer), Some(libc::EOPNOTSUPP));
        event.sigev_notify = 77;
        assert_eq!(create(libc::CLOCK_MONOTONIC, &mut event, &mut timer), Some(libc::EINVAL));
        // By number a timer is an integer.
        let mut number = [-1, -1];
        assert_eq!(
            libc::syscall(libc::SYS_timer_create, libc::CLOCK_REALTIME, null::<u8>(), &mut number[0]),
            0
        );
        assert!(number[0] > 0 && number[1] == -1, "{number:?}");
        assert_eq!(libc::syscall(libc::SYS_timer_delete, number[0]), 0);
    }
}

pub fn alarms() {
    // SAFETY: as above.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (action.sa_sigaction, action.sa_flags) = (handle as *const () as usize, libc::SA_SIGINFO);
        assert_eq!(libc::sigaction(libc::SIGALRM, &action, null_mut()), 0);
        assert_eq!(libc::alarm(10), 0);
        let mut now: libc::itimerval = std::mem::zeroed();
        assert_eq!(libc::getitimer(libc::ITIMER_REAL, &mut now), 0);
        assert_eq!((now.it_value.tv_sec, now.it_interval.tv_usec), (9, 0));
        // 9 and a half seconds and more are 10.
        assert_eq!((libc::alarm(1), COUNT.load(SeqCst)), (10, 0));
        assert_eq!(errno(libc::nanosleep(&MINUTE, null_mut())), Some(libc::EINTR));
        assert_eq!((COUNT.load(SeqCst), CODE.load(SeqCst)), (1, libc::SI_KERNEL));
        assert_eq!(libc::alarm(0), 0);
        let tick = libc::timeval { tv_sec: 0, tv_usec: 1_000 };
        let every = libc::itimerval { it_interval: tick, it_value: tick };
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &every, null_mut()), 0);
        for _ in 0..3 {
            assert_eq!(errno(libc::nanosleep(&MINUTE, null_mut())), Some(libc::EINTR));
        }
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, null(), &mut now), 0);
        assert_eq!((COUNT.load(SeqCst), now.it_interval.tv_usec), (4, 1_000));
        let odd = libc::timeval { tv_sec: 0, tv_usec: 1_000_000 };
        let odd = libc::itimerval { it_value: odd, ..every };
        assert_eq!(errno(libc::setitimer(libc::ITIMER_REAL, &odd, null_mut())), Some(libc::EINVAL));
        assert_eq!(errno(libc::getitimer(9, &mut now)), Some(libc::EINVAL));

        // What a thread computes is not the time that passes.
        let mut clock = 0;
        assert_eq!(libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock), 0);
        let mut times = [OFF; 2];
        assert_eq!(libc::clock_gettime(clock, &mut times[0]), 0);
        assert_eq!(libc::nanosleep(&MINUTE, null_mut()), 0);
        assert_eq!(libc::clock_gettime(clock, &mut times[1]), 0);
        let computed = times.map(|time| time.tv_sec * 1_000_000_000 + time.tv_nsec);
        assert!(computed[0] < computed[1] && computed[1] < 1_000_000_000, "{computed:?}");
        // CPUCLOCK_SCHED of a thread that is not there.
        assert_eq!(errno(libc::clock_gettime(!77 << 3 | 6, &mut times[0])), Some(libc::EINVAL));
    }
}

/// libc leaves out the wake where it believes that there is one thread alone.
pub fn mutexes() {
    struct Mutex(std::cell::UnsafeCell<libc::pthread_mutex_t>);
    // SAFETY: it is for threads.
    unsafe impl Sync for Mutex {}
    static MUTEX: Mutex = Mutex(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
    let hold = || {
        // SAFETY: a mutex that lives for ever.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(MUTEX.0.get()), 0);
            std::thread::sleep(std::time::Duration::from_millis(1));
            assert_eq!(libc::pthread_mutex_unlock(MUTEX.0.get()), 0);
        }
    };
    let threads = [(); 3].map(|()| std::thread::spawn(hold));
    for thread in threads {
        thread.join().unwrap();
    }
}
