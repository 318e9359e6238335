//! `getrlimit(2)`: what a process may use, and what its calls say that would use more. Each body puts back what it found.

use crate::asleep::{Caller, Sleepers};
use eagain_net::{
    ClockId, Domain, Errno, Events, Fd, MaskHow, OpenFlags, Owner, PollFd, Resource, Rlimit, SigAction,
    SigCode, SigInfo, SigSet, Signal, SocketFlags, StatusFlags, TimerEvent,
};
use std::time::Duration;

const NONBLOCK: SocketFlags = SocketFlags::NONBLOCK;

/// The limit is as it was when this is dropped, also where a row does not hold.
struct Restored<K: Sleepers>(K, Resource, Rlimit);

impl<K: Sleepers> Drop for Restored<K> {
    fn drop(&mut self) {
        self.0.setrlimit(self.1, self.2).unwrap();
    }
}

/// A soft limit, the hard one as it is.
fn limited<K: Sleepers>(k: K, resource: Resource, soft: u64) -> Restored<K> {
    let before = k.getrlimit(resource).unwrap();
    k.setrlimit(resource, Rlimit { soft, ..before }).unwrap();
    Restored(k, resource, before)
}

/// Runs `body` with a soft limit of descriptors.
fn with_files<K: Sleepers, R>(k: K, soft: u64, body: impl FnOnce() -> R) -> R {
    let _restored = limited(k, Resource::Files, soft);
    body()
}

/// The number that the next call returns.
fn next_number<K: Sleepers>(k: K) -> u64 {
    let fd = k.eventfd(0, NONBLOCK).unwrap();
    k.close(fd).unwrap();
    fd.0 as u64
}

fn limit_that_was_set_is_reported<K: Sleepers>(k: K) {
    for resource in Resource::ALL {
        let before = k.getrlimit(resource).unwrap();
        assert!(before.soft <= before.hard, "{resource:?}: {before:?}");
        let lower = Rlimit { soft: before.soft / 2, ..before };
        k.setrlimit(resource, lower).unwrap();
        assert_eq!(k.getrlimit(resource), Ok(lower), "{resource:?}");
        k.setrlimit(resource, before).unwrap();
        assert_eq!(k.getrlimit(resource), Ok(before), "{resource:?}");
    }
}

fn wrong_limits_are_refused<K: Sleepers>(k: K) {
    let before = k.getrlimit(Resource::Files).unwrap();
    for resource in [Resource::Files, Resource::Core] {
        let Rlimit { hard, .. } = k.getrlimit(resource).unwrap();
        let soft = if hard == Rlimit::INFINITY { continue } else { hard + 1 };
        assert_eq!(k.setrlimit(resource, Rlimit { soft, hard }), Err(Errno::EINVAL));
    }
    assert_eq!(k.setrlimit(Resource::Core, Rlimit { soft: 2, hard: 1 }), Err(Errno::EINVAL));
    // Above `/proc/sys/fs/nr_open` nobody may go.
    let unlimited = Rlimit { soft: before.soft, hard: Rlimit::INFINITY };
    assert_eq!(k.setrlimit(Resource::Files, unlimited), Err(Errno::EPERM));
    assert_eq!(k.getrlimit(Resource::Files), Ok(before));
}

/// The limit is of numbers, not of how many there are.
fn number_at_the_limit_is_not_given<K: Sleepers>(k: K) {
    let low = k.eventfd(0, NONBLOCK).unwrap();
    let first = next_number(k);
    with_files(k, first + 1, || {
        let last = k.dup(low).unwrap();
        assert_eq!(last.0 as u64, first);
        assert_eq!(k.dup(low), Err(Errno::EMFILE));
        k.close(low).unwrap();
        let again = k.dup(last).unwrap();
        assert_eq!(again, low);
        k.close(last).unwrap();
    });
    k.close(low).unwrap();
}

/// Every call that returns a descriptor; in those that check something else before, that is right.
fn every_call_that_returns_a_descriptor_says_emfile<K: Sleepers>(k: K) {
    let event = k.eventfd(0, NONBLOCK).unwrap();
    let dgram = k.socket(Domain::Unix, NONBLOCK | SocketFlags::DGRAM).unwrap();
    let full = with_files(k, 0, || {
        [
            k.dup(event),
            k.socket(Domain::Inet, NONBLOCK),
            k.socket(Domain::Unix, NONBLOCK),
            k.accept4(event, NONBLOCK).map(|(fd, _)| fd),
            k.accept4(dgram, NONBLOCK).map(|(fd, _)| fd),
            k.socketpair(NONBLOCK).map(|(fd, _)| fd),
            k.pipe2(NONBLOCK).map(|(fd, _)| fd),
            k.epoll_create(),
            k.eventfd(0, NONBLOCK),
            k.timerfd_create(eagain_net::ClockId::Monotonic, NONBLOCK),
            k.signalfd(eagain_net::SigSet::EMPTY, NONBLOCK),
            k.open("/", OpenFlags::NONE),
        ]
    });
    assert_eq!(full, [Err(Errno::EMFILE); 12]);
    let others = with_files(k, 0, || {
        [
            k.fcntl_dupfd(event, 0),
            k.dup3(event, dgram),
            k.dup3(event, Fd(-1)),
            k.accept4(Fd(-1), NONBLOCK).map(|(fd, _)| fd),
        ]
    });
    assert_eq!(others, [Errno::EINVAL, Errno::EBADF, Errno::EBADF, Errno::EBADF].map(Err));
    k.close(event).unwrap();
    k.close(dgram).unwrap();
}

/// What is open above the limit goes on.
fn descriptors_above_a_lowered_limit_go_on<K: Sleepers>(k: K) {
    let (one, other) = k.socketpair(NONBLOCK).unwrap();
    with_files(k, 0, || {
        assert_eq!(k.write(one, b"abc"), Ok(3));
        let mut bytes = [0; 9];
        assert_eq!(k.read(other, &mut bytes), Ok(3));
        // `poll` counts entries against it, and not numbers.
        let mut fds = [PollFd::new(one, Events::OUT)];
        assert_eq!(k.poll(&mut fds, Some(Duration::ZERO), None), Err(Errno::EINVAL));
        assert_eq!(k.poll(&mut [], Some(Duration::ZERO), None), Ok(0));
    });
    with_files(k, 1, || {
        let mut fds = [PollFd::new(one, Events::OUT)];
        assert_eq!(k.poll(&mut fds, Some(Duration::ZERO), None), Ok(1));
    });
    k.close(one).unwrap();
    k.close(other).unwrap();
}

/// The rest of what was passed is dropped.
fn passed_descriptors_fill_what_is_free<K: Sleepers>(k: K) {
    let (one, other) = k.socketpair(NONBLOCK).unwrap();
    let event = k.eventfd(0, NONBLOCK).unwrap();
    let first = next_number(k);
    for free in 0..3 {
        k.unix_send_fds(one, b"x", &[event; 2], eagain_net::SendFlags::NONE).unwrap();
        let received = with_files(k, first + free, || {
            k.unix_recv_fds(other, &mut [0; 8], 4, eagain_net::RecvFlags::NONE).unwrap()
        });
        assert_eq!((received.len, received.fds.len() as u64), (1, free));
        for fd in received.fds {
            k.close(fd).unwrap();
        }
    }
    for fd in [one, other, event] {
        k.close(fd).unwrap();
    }
}

/// Who waits asked before; who asks now is refused.
fn poll_that_waits_goes_on_under_a_lowered_limit<K: Sleepers>(k: K) {
    let (one, other) = k.socketpair(NONBLOCK).unwrap();
    let caller = Caller::start(k, move |k| {
        k.poll(&mut [PollFd::new(one, Events::IN)], Some(Duration::from_secs(20)), None)
    });
    with_files(k, 0, || {
        assert_eq!(k.write(other, b"x"), Ok(1));
        assert_eq!(caller.end(k), Ok(1));
    });
    k.close(one).unwrap();
    k.close(other).unwrap();
}

const RT: Signal = Signal(45);
const STANDARD: Signal = Signal::SIGUSR2;

/// No signal has a place in the queue.
fn without_places<K: Sleepers>(k: K) -> (SigSet, Restored<K>) {
    let set = SigSet::of(&[RT, STANDARD, Signal::SIGIO]);
    k.sigprocmask(MaskHow::Block, set).unwrap();
    (set, limited(k, Resource::PendingSignals, 0))
}

fn take<K: Sleepers>(k: K, set: SigSet) -> Result<SigInfo, Errno> {
    k.sigtimedwait(set, Some(Duration::ZERO))
}

fn queue_of_signals_is_full_at_its_limit<K: Sleepers>(k: K) {
    let (set, places) = without_places(k);
    assert_eq!(k.tgkill(k.gettid(), RT), Err(Errno::EAGAIN));
    assert_eq!(k.sigqueue(k.getpid(), RT, 1), Err(Errno::EAGAIN));
    assert_eq!(k.timer_create(ClockId::Monotonic, TimerEvent::None), Err(Errno::EAGAIN));
    assert_eq!(take(k, set), Err(Errno::EAGAIN));
    drop(places);
    assert_eq!(k.tgkill(k.gettid(), RT), Ok(()));
    assert_eq!(take(k, set).map(|info| (info.signal, info.code)), Ok((RT, SigCode::Tkill)));
}

/// A standard signal always comes, without what was said with it; so does a real-time one of `kill(2)`.
fn signal_without_a_place_comes_alone<K: Sleepers>(k: K) {
    let (set, places) = without_places(k);
    for _ in 0..2 {
        assert_eq!(k.tgkill(k.gettid(), STANDARD), Ok(()));
    }
    assert_eq!(take(k, set), Ok(SigInfo::plain(STANDARD, SigCode::User)));
    assert_eq!(take(k, set), Err(Errno::EAGAIN));
    assert_eq!(k.sigpending().unwrap().0 & set.0, 0);
    drop(places);
    assert_eq!(k.tgkill(k.gettid(), STANDARD), Ok(()));
    assert_eq!(take(k, set).map(|info| info.code), Ok(SigCode::Tkill));
}

/// That it is ignored is found out before there is a place to be had.
fn ignored_signal_needs_no_place<K: Sleepers>(k: K) {
    let before = k.sigaction(RT, SigAction::ignore()).unwrap();
    let (_, places) = without_places(k);
    k.sigprocmask(MaskHow::Unblock, SigSet::of(&[RT])).unwrap();
    assert_eq!(k.tgkill(k.gettid(), RT), Ok(()));
    drop(places);
    k.sigaction(RT, before).unwrap();
}

/// `F_SETSIG`: a standard signal has a place in any case, as the kernel sends it; instead of a real-time one comes plain SIGIO.
fn signal_of_a_descriptor_without_a_place<K: Sleepers>(k: K) {
    let (set, _places) = without_places(k);
    let (one, other) = k.socketpair(NONBLOCK).unwrap();
    k.fcntl_setown(one, Owner::ThisThread).unwrap();
    k.fcntl_setfl(one, StatusFlags::NONBLOCK | StatusFlags::ASYNC).unwrap();
    let arrival = |signal| {
        k.fcntl_setsig(one, Some(signal)).unwrap();
        while take(k, set).is_ok() {}
        k.write(other, b"x").unwrap();
        take(k, set).map(|info| (info.signal, info.code, info.fd))
    };
    assert_eq!(arrival(STANDARD), Ok((STANDARD, SigCode::PollIn, one)));
    let (signal, code, _) = arrival(RT).unwrap();
    assert_eq!((signal, code), (Signal::SIGIO, SigCode::Kernel));
    k.close(one).unwrap();
    k.close(other).unwrap();
}

crate::bodies! {
    limit_that_was_set_is_reported
    wrong_limits_are_refused
    number_at_the_limit_is_not_given
    every_call_that_returns_a_descriptor_says_emfile
    descriptors_above_a_lowered_limit_go_on
    passed_descriptors_fill_what_is_free
    poll_that_waits_goes_on_under_a_lowered_limit
    queue_of_signals_is_full_at_its_limit
    signal_without_a_place_comes_alone
    ignored_signal_needs_no_place
    signal_of_a_descriptor_without_a_place
}
