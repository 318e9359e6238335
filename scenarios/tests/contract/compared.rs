//! Flags, limits and wrong arguments in all their combinations, each call made on both kernels: what Linux says is not written
//! down here, the simulated kernel must say the same. `compared_addresses` does this for addresses.

use crate::{on_linux, on_simulation};
use eagain_net::*;
use eagain_sim::SimKernel;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// What was asked, and what it came to.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl std::fmt::Display, result: impl std::fmt::Debug) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what}: {result:?}"));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How often Linux is asked again where the two differ: under load a byte may not have come yet.
const AGAIN: usize = 3;

/// Both kernels say the same, in more than ten lines. As in `eagain conform`, a line on which Linux differs from itself is no difference,
/// provided that the simulator said what Linux said at some time.
pub(crate) fn same(linux: fn(Linux, &Log), simulation: fn(SimKernel, &Log)) {
    let asked = || {
        let log = Log::default();
        on_linux(|k| linux(k, &log)).unwrap();
        log.lines()
    };
    let (first, other) = (asked(), Log::default());
    let inside = other.clone();
    on_simulation(move |k| simulation(k, &inside)).unwrap();
    let (mut left, other) = (first.clone(), other.lines());
    for _ in 0..AGAIN {
        if left == other {
            break;
        }
        let again = asked();
        if again.len() != first.len() {
            continue;
        }
        for ((line, now), simulated) in left.iter_mut().zip(again).zip(&other) {
            if now == *simulated && line != simulated {
                println!("Linux differs from itself: {line}, then {now}");
                *line = now;
            }
        }
    }
    alike(&left, &other, 10);
}

/// Each line is the same on both, and there are more than `least`.
pub(crate) fn alike(linux: &[String], simulation: &[String], least: usize) {
    let pairs = linux.iter().zip(simulation).filter(|(linux, simulation)| linux != simulation);
    let apart: Vec<String> =
        pairs.map(|(linux, simulation)| format!("on Linux  {linux}\nsimulated {simulation}")).collect();
    assert!(apart.is_empty(), "{}", apart.join("\n"));
    assert!(
        linux.len() == simulation.len() && linux.len() > least,
        "{} lines, {} lines",
        linux.len(),
        simulation.len()
    );
}

fn pair<K: Kernel>(k: K) -> (Fd, Fd, Fd) {
    let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(l, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    k.listen(l, 16).unwrap();
    let c = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.connect(c, k.getsockname(l).unwrap()).unwrap();
    (c, k.accept4(l, SocketFlags::NONE).unwrap().0, l)
}

/// Every set of these flags.
pub(crate) fn every<T: Copy>(flags: &[T], none: T, with: impl Fn(T, T) -> T) -> Vec<T> {
    let sets = 0..1_usize << flags.len();
    let of = |set: usize| flags.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1);
    sets.map(|set| of(set).fold(none, |all, (_, &flag)| with(all, flag))).collect()
}

/// `recv` with every set of flags, of bytes alone, before an urgent mark, at it and behind it; then all that is left.
fn receiving<K: Kernel>(k: K, log: &Log) {
    let flags = [RecvFlags::PEEK, RecvFlags::TRUNC, RecvFlags::WAITALL, RecvFlags::OOB];
    for flags in every(&flags, RecvFlags::DONTWAIT, RecvFlags::with) {
        for (urgent, read) in [(false, 0), (true, 0), (true, 2), (true, 3)] {
            for room in [0, 1, 5, 9] {
                let (a, b, l) = pair(k);
                k.setsockopt(a, SocketOption::NoDelay(true)).unwrap();
                k.send(a, b"ab", SendFlags::NONE).unwrap();
                k.send(a, b"u", if urgent { SendFlags::OOB } else { SendFlags::NONE }).unwrap();
                k.send(a, b"cdefgh", SendFlags::NONE).unwrap();
                let mut bytes = [b'.'; 9];
                while read > 0
                    && k.recv(b, &mut bytes[..1], RecvFlags::DONTWAIT) == Ok(1)
                    && bytes[0] < b'a' + read - 1
                {}
                bytes.fill(b'.');
                let result = k.recv(b, &mut bytes[..room], flags);
                log.say(
                    format!("{flags:?} {urgent} {read} {room}"),
                    (result, String::from_utf8_lossy(&bytes)),
                );
                while let Ok(n @ 1..) = k.recv(b, &mut bytes, RecvFlags::DONTWAIT) {
                    log.say("then", String::from_utf8_lossy(&bytes[..n]));
                }
                for fd in [a, b, l] {
                    k.setsockopt(fd, SocketOption::Linger(Some(0))).unwrap();
                    k.close(fd).unwrap();
                }
            }
        }
    }
}

/// Descriptors of every kind.
fn every_kind<K: Kernel>(k: K) -> Vec<(&'static str, Fd)> {
    let (a, _, l) = pair(k);
    let path = format!("/var/tmp/eagain-compared-{}", k.getpid());
    let [file, read, write] =
        [OpenFlags::RDWR | OpenFlags::CREAT, OpenFlags::NONE, OpenFlags::WRONLY | OpenFlags(0o4000)]
            .map(|flags| k.open(&path, flags).unwrap());
    k.unlink(&path).unwrap();
    vec![
        ("socket", a),
        ("listener", l),
        ("fresh", k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap()),
        ("eventfd", k.eventfd(0, SocketFlags::NONBLOCK).unwrap()),
        ("timerfd", k.timerfd_create(ClockId::Monotonic, SocketFlags::NONBLOCK).unwrap()),
        ("signalfd", k.signalfd(SigSet::EMPTY, SocketFlags::NONBLOCK).unwrap()),
        ("epoll", k.epoll_create().unwrap()),
        ("file", file),
        ("read", read),
        ("write", write),
        ("nothing", Fd(-1)),
    ]
}

/// `UIO_MAXIOV`, and nothing at all.
fn parts<K: Kernel>(k: K, log: &Log) {
    for (name, fd) in every_kind(k) {
        log.say(format!("flags of {name}"), k.fcntl_getfl(fd));
        for n in [0, 1024, 1025] {
            let none = [IoSlice::new(&[]); 1025];
            log.say(format!("writev {name} {n}"), k.writev(fd, &none[..n]));
            log.say(format!("sendmsg {name} {n}"), k.sendmsg(fd, &none[..n], SendFlags::NOSIGNAL));
            let mut none: Vec<IoSliceMut<'_>> = (0..n).map(|_| IoSliceMut::new(&mut [])).collect();
            log.say(format!("readv {name} {n}"), k.readv(fd, &mut none));
        }
    }
}

fn flags_of_new_descriptors<K: Kernel>(k: K, log: &Log) {
    for bits in [0, 1, 2, 4, 8, 0o4000, 0o2000000, 0o4001, 0o100, i32::MIN] {
        let flags = SocketFlags(bits);
        log.say(
            format!("eventfd {bits}"),
            k.eventfd(3, flags).map(|fd| (k.read(fd, &mut [0; 8]), k.fcntl_getfl(fd))),
        );
        log.say(
            format!("timerfd {bits}"),
            k.timerfd_create(ClockId::Monotonic, flags).map(|fd| k.fcntl_getfl(fd)),
        );
        log.say(format!("signalfd {bits}"), k.signalfd(SigSet::EMPTY, flags).map(|fd| k.fcntl_getfl(fd)));
        log.say(format!("socket {bits}"), k.socket(Domain::Inet, flags).map(|fd| k.fcntl_getfl(fd)));
    }
}

/// Sets in sets in sets, from the inside and from the outside, with something to watch or without; and in circles.
fn nesting<K: Kernel>(k: K, log: &Log) {
    for (n, down, leaf) in (2..9).flat_map(|n| [(n, false, 0), (n, true, 0), (n, false, 1), (n, true, 2)]) {
        let sets: Vec<Fd> = (0..n).map(|_| k.epoll_create().unwrap()).collect();
        let event = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
        let add = |outer: Fd, inner: Fd| k.epoll_ctl(outer, EpollOp::Add, inner, Events::IN, 0);
        if leaf == 1 {
            log.say("leaf", add(sets[0], event));
        }
        for at in 1..n {
            let at = if down { n - at } else { at };
            log.say(format!("{n} {down} {leaf} {at}"), add(sets[at], sets[at - 1]));
        }
        if leaf == 2 {
            log.say("leaf", add(sets[0], event));
        }
        let mut events = [EpollEvent::default(); 2];
        log.say("wait", k.epoll_wait(sets[n - 1], &mut events, NOW, None));
        log.say("circle", (add(sets[0], sets[n - 1]), add(sets[n - 1], sets[0]), add(sets[1], sets[0])));
        for fd in sets.into_iter().chain([event]) {
            k.close(fd).unwrap();
        }
    }
    let sets: Vec<Fd> = (0..8).map(|_| k.epoll_create().unwrap()).collect();
    for (outer, inner) in [(1, 0), (2, 1), (3, 2), (5, 4), (6, 5), (7, 6), (4, 3), (3, 7), (0, 7)] {
        let result = k.epoll_ctl(sets[outer], EpollOp::Add, sets[inner], Events::IN, 0);
        log.say(format!("{inner} in {outer}"), result);
    }
}

/// Numbers that are no signal's or glibc's own; what a disposition is after it was set, and after its signal came.
fn signals<K: Kernel>(k: K, log: &Log) {
    for number in [0, -1, 9, 19, 32, 33, 34, 64, 65] {
        log.say(format!("sigaction {number}"), k.sigaction(Signal(number), SigAction::ignore()));
        log.say("again", k.sigaction(Signal(number), SigAction::default_action()));
    }
    let before = k.sigprocmask(MaskHow::SetMask, SigSet::FULL).unwrap();
    log.say("all blocked", k.sigprocmask(MaskHow::SetMask, before));
    let flags =
        [SigActionFlags::RESTART, SigActionFlags::NODEFER, SigActionFlags::RESETHAND, SigActionFlags(7)];
    let usr1 = Signal::SIGUSR1;
    for flags in every(&flags, SigActionFlags::NONE, SigActionFlags::with) {
        for mask in [SigSet::EMPTY, SigSet::FULL, SigSet::EMPTY.with(Signal::SIGUSR2)] {
            for disposition in [Disposition::Default, Disposition::Ignore] {
                k.sigaction(usr1, SigAction { disposition, flags, mask }).unwrap();
                log.say("set", k.sigaction(usr1, SigAction::default_action()));
            }
            let inside = log.clone();
            let handler =
                move |_: &SigInfo| inside.say("inside", k.sigprocmask(MaskHow::Block, SigSet::EMPTY));
            let disposition = Disposition::Handler(Arc::new(handler));
            k.sigaction(usr1, SigAction { disposition, flags, mask }).unwrap();
            log.say(format!("{flags:?} {mask:?}"), k.tgkill(k.gettid(), usr1));
            k.sched_yield();
            log.say("handled", k.sigaction(usr1, SigAction::default_action()));
        }
    }
    let ended = k.spawn("ended", Box::new(|| {})).unwrap();
    k.join(ended).unwrap();
    for number in [0, -1, 10, 32, 65] {
        for (name, thread) in
            [("0", ThreadId(0)), ("-1", ThreadId(-1)), ("none", ThreadId(0x3fff_fff0)), ("ended", ended)]
        {
            log.say(format!("tgkill {name} {number}"), k.tgkill(thread, Signal(number)));
        }
        for pid in [0, -1, 0x3fff_fff0] {
            log.say(format!("kill {pid} {number}"), k.kill(pid, Signal(number)));
        }
    }
    for number in [0, -1, 65] {
        let own = (k.tgkill(k.gettid(), Signal(number)), k.kill(k.getpid(), Signal(number)));
        log.say(format!("own {number}"), (own, k.sigqueue(k.getpid(), Signal(number), 1)));
    }
    let (socket, ..) = pair(k);
    for number in [0, -1, 9, 32, 64, 65] {
        log.say(format!("F_SETSIG {number}"), k.fcntl_setsig(socket, Some(Signal(number))));
    }
}

/// Waking and requeueing so many of three: whom it was is seen by waking all others. Each wakes for that alone.
fn waking<K: Kernel>(k: K, log: &Log) {
    for (wake, requeue) in [
        (0, None),
        (1, None),
        (2, None),
        (u32::MAX, None),
        (0, Some(0)),
        (0, Some(1)),
        (1, Some(9)),
        (9, Some(1)),
    ] {
        let words = Arc::new([AtomicU32::new(1), AtomicU32::new(1)]);
        let waits =
            |words: Arc<[AtomicU32; 2]>| move || k.futex_wait(&words[0], 1, FutexTimeout::Never).unwrap();
        let threads: Vec<_> =
            (0..3).map(|_| k.spawn("waits", Box::new(waits(words.clone()))).unwrap()).collect();
        // That all three wait is seen by moving them to another word and back.
        let moved = |from: usize, to: usize| k.futex_cmp_requeue(&words[from], 1, 0, 9, &words[to]).unwrap();
        let mut asleep = 0;
        while asleep < 3 {
            asleep += moved(0, 1);
            k.sched_yield();
        }
        moved(1, 0);
        log.say(
            format!("{wake} {requeue:?}"),
            match requeue {
                None => k.futex_wake(&words[0], wake),
                Some(requeue) => k.futex_cmp_requeue(&words[0], 1, wake, requeue, &words[1]),
            },
        );
        log.say("left", (k.futex_wake(&words[0], 9), k.futex_wake(&words[1], 9)));
        threads.into_iter().for_each(|thread| k.join(thread).unwrap());
    }
}

macro_rules! compared {
    ($($name:ident)*) => {
        mod both {
            $(#[test] fn $name() { $crate::compared::same(super::$name, super::$name); })*
        }
    };
}
pub(crate) use compared;

/// What the options of dead peers may be set to.
fn options<K: Kernel>(k: K, log: &Log) {
    use SocketOption as O;
    let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    for of in [O::KeepIdle, O::KeepInterval, O::KeepCount, O::UserTimeout] {
        let name = of(0).name();
        log.say("at first", k.getsockopt(fd, name));
        for value in [0, 1, 127, 128, 32_767, 32_768, 1 << 30, u32::MAX] {
            log.say(format!("{name:?} {value}"), (k.setsockopt(fd, of(value)), k.getsockopt(fd, name)));
        }
    }
}

compared! { options receiving parts flags_of_new_descriptors nesting signals waking }
