//! AF_UNIX: names, streams, readiness and ends. Datagrams are in `unix_datagrams`, calls that wait in `unix_waits`.

use crate::asleep::Sleepers;
use eagain_net::*;
use std::time::Duration;

pub(crate) const NOW: Option<Duration> = Some(Duration::ZERO);
pub(crate) const NONBLOCK: SocketFlags = SocketFlags::NONBLOCK;

/// A path that no other row has.
pub(crate) fn path<K: Sleepers>(k: K, row: &str) -> String {
    let _ = k.mkdir("/tmp");
    format!("/tmp/eagain-unix-{row}-{}", k.getpid())
}

pub(crate) fn at(path: &str) -> UnixAddr {
    UnixAddr::Path(path.to_owned())
}

/// What `poll(2)` says of a descriptor when asked for everything.
pub(crate) fn events<K: Sleepers>(k: K, fd: Fd) -> Events {
    let mut asked = [PollFd::new(fd, Events::IN | Events::OUT | Events::PRI | Events::RDHUP)];
    k.poll(&mut asked, NOW, None).unwrap();
    asked[0].revents
}

pub(crate) fn close_all<K: Sleepers>(k: K, fds: &[Fd]) {
    for &fd in fds {
        k.close(fd).unwrap();
    }
}

fn pair_carries_bytes_and_ends<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!(k.recv(b, &mut [], RecvFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!(k.read(b, &mut []), Ok(0));
    assert_eq!((k.send(a, b"", SendFlags::NONE), events(k, b)), (Ok(0), Events::OUT));
    assert_eq!(k.send(a, b"one", SendFlags::NONE), Ok(3));
    assert_eq!(k.write(a, b"two"), Ok(3));
    assert_eq!(events(k, b), Events::IN | Events::OUT);
    assert_eq!(k.recv(b, &mut [], RecvFlags::NONE), Ok(0));
    assert_eq!((k.recv(b, &mut buffer, RecvFlags::PEEK), &buffer[..6]), (Ok(6), &b"onetwo"[..]));
    assert_eq!((k.recv(b, &mut buffer[..4], RecvFlags::NONE), &buffer[..4]), (Ok(4), &b"onet"[..]));
    assert_eq!((k.read(b, &mut buffer), &buffer[..2]), (Ok(2), &b"wo"[..]));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::OOB), Err(Errno::EINVAL));
    assert_eq!(k.send(a, b"last", SendFlags::NONE), Ok(4));
    k.close(a).unwrap();
    assert_eq!(events(k, b), Events::IN | Events::OUT | Events::HUP | Events::RDHUP);
    assert_eq!(k.send(b, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(4));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(0));
    assert_eq!(k.unix_getpeername(b), Ok(UnixAddr::Unnamed));
    k.close(b).unwrap();
}

fn close_with_unread_bytes_resets_the_peer<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let mut buffer = [0; 16];
    k.send(a, b"unread", SendFlags::NONE).unwrap();
    k.send(b, b"sent", SendFlags::NONE).unwrap();
    k.close(b).unwrap();
    assert_eq!(events(k, a), Events::IN | Events::OUT | Events::ERR | Events::HUP | Events::RDHUP);
    assert_eq!(k.recv(a, &mut buffer, RecvFlags::NONE), Ok(4));
    assert_eq!(k.recv(a, &mut buffer, RecvFlags::NONE), Err(Errno::ECONNRESET));
    assert_eq!(k.recv(a, &mut buffer, RecvFlags::NONE), Ok(0));
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    k.close(a).unwrap();
}

fn broken_pair_sends_sigpipe<K: Sleepers>(k: K) {
    let set = SigSet::of(&[Signal::SIGPIPE]);
    let before = k.sigprocmask(MaskHow::Block, set).unwrap();
    let old = k.sigaction(Signal::SIGPIPE, SigAction::default_action()).unwrap();
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    k.close(b).unwrap();
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    assert!(!k.sigpending().unwrap().contains(Signal::SIGPIPE));
    assert_eq!(k.write(a, b"x"), Err(Errno::EPIPE));
    assert_eq!(k.sigtimedwait(set, NOW).map(|info| info.signal), Ok(Signal::SIGPIPE));
    k.close(a).unwrap();
    k.sigaction(Signal::SIGPIPE, old).unwrap();
    k.sigprocmask(MaskHow::SetMask, before).unwrap();
}

fn shutdown_ends_one_direction<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let mut buffer = [0; 16];
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    assert_eq!(k.shutdown(a, ShutdownHow::Write), Ok(()));
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    assert_eq!((events(k, a), events(k, b)), (Events::OUT, Events::IN | Events::OUT | Events::RDHUP));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(3));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(0));
    assert_eq!(k.send(b, b"back", SendFlags::NONE), Ok(4));
    assert_eq!(k.shutdown(b, ShutdownHow::Read), Ok(()));
    assert_eq!(k.shutdown(a, ShutdownHow::Read), Ok(()));
    assert_eq!(k.recv(a, &mut buffer, RecvFlags::NONE), Ok(4));
    assert_eq!(k.recv(a, &mut buffer, RecvFlags::NONE), Ok(0));
    assert_eq!(k.send(b, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    let ended = Events::IN | Events::OUT | Events::HUP | Events::RDHUP;
    assert_eq!((events(k, a), events(k, b)), (ended, ended));
    close_all(k, &[a, b]);
    let alone = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.shutdown(alone, ShutdownHow::Both), Ok(()));
    k.close(alone).unwrap();
}

/// How much a stream takes in writes of so many bytes, as Linux 6.18 counts it.
fn full_buffer_counts_memory_and_not_bytes<K: Sleepers>(k: K) {
    for (size, taken) in [(1, 278), (100, 27_800), (1000, 93_000), (4096, 180_224), (200_000, 236_544)] {
        let (a, b) = k.socketpair(NONBLOCK).unwrap();
        k.setsockopt(a, SocketOption::SendBuffer(106_496)).unwrap();
        let bytes = vec![7; size];
        let mut sent = 0;
        let error = loop {
            match k.send(a, &bytes, SendFlags::NONE) {
                Ok(n) => sent += n,
                Err(errno) => break errno,
            }
        };
        assert_eq!((error, sent), (Errno::EAGAIN, taken), "{size}");
        assert_eq!((events(k, a), events(k, b)), (Events::NONE, Events::IN | Events::OUT));
        // It is writable again when a quarter is in use.
        let mut received = 0;
        let mut buffer = vec![0; size.min(4096)];
        while events(k, a) == Events::NONE {
            received += k.recv(b, &mut buffer, RecvFlags::NONE).unwrap();
        }
        assert!(received > sent / 2 && received < sent, "{received} of {sent}");
        close_all(k, &[a, b]);
    }
}

fn edges_of_a_pair<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let epoll = k.epoll_create().unwrap();
    let all = Events::IN | Events::OUT | Events::RDHUP | Events::ET;
    k.epoll_ctl(epoll, EpollOp::Add, b, all, 7).unwrap();
    let wait = || {
        let mut events = [EpollEvent::default(); 4];
        let n = k.epoll_wait(epoll, &mut events, NOW, None).unwrap();
        events[..n].iter().map(|event| event.events).collect::<Vec<_>>()
    };
    let mut buffer = [0; 2];
    assert_eq!((wait(), wait()), (vec![Events::OUT], vec![]));
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    assert_eq!((wait(), wait()), (vec![Events::IN | Events::OUT], vec![]));
    k.recv(b, &mut buffer, RecvFlags::NONE).unwrap();
    assert_eq!(wait(), []);
    k.send(a, b"d", SendFlags::NONE).unwrap();
    assert_eq!((wait(), wait()), (vec![Events::IN | Events::OUT], vec![]));
    // The peer reads what was sent: there is room, also where there was before.
    k.send(b, b"e", SendFlags::NONE).unwrap();
    assert_eq!(wait(), []);
    k.recv(a, &mut buffer, RecvFlags::NONE).unwrap();
    assert_eq!((wait(), wait()), (vec![Events::IN | Events::OUT], vec![]));
    k.shutdown(a, ShutdownHow::Write).unwrap();
    assert_eq!((wait(), wait()), (vec![Events::IN | Events::OUT | Events::RDHUP], vec![]));
    k.close(a).unwrap();
    assert_eq!((wait(), wait()), (vec![Events::IN | Events::OUT | Events::RDHUP | Events::HUP], vec![]));
    close_all(k, &[b, epoll]);
}

fn path_is_bound_once_and_outlives_its_socket<K: Sleepers>(k: K) {
    let path = path(k, "path");
    let address = at(&path);
    let l = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(events(k, l), Events::OUT | Events::HUP);
    assert_eq!(k.unix_getsockname(l), Ok(UnixAddr::Unnamed));
    assert_eq!(k.unix_getpeername(l), Err(Errno::ENOTCONN));
    assert_eq!(k.listen(l, 4), Err(Errno::EINVAL));
    assert_eq!(k.unix_bind(l, &at("/no-such-directory/socket")), Err(Errno::ENOENT));
    assert_eq!(k.unix_bind(l, &address), Ok(()));
    assert_eq!(k.unix_bind(l, &address), Err(Errno::EADDRINUSE));
    assert_eq!(k.unix_bind(l, &at(&format!("{path}-other"))), Err(Errno::EINVAL));
    assert_eq!(k.open(&format!("{path}-other"), OpenFlags::NONE), Err(Errno::ENOENT));
    assert_eq!(k.unix_getsockname(l), Ok(address.clone()));
    assert_eq!(k.open(&path, OpenFlags::RDWR), Err(Errno::ENXIO));
    let c = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_connect(c, &address), Err(Errno::ECONNREFUSED), "it does not listen yet");
    assert_eq!(k.listen(l, 4), Ok(()));
    assert_eq!(events(k, l), Events::NONE);
    assert_eq!(k.unix_accept(l, NONBLOCK), Err(Errno::EAGAIN));
    assert_eq!(k.unix_connect(c, &address), Ok(()));
    assert_eq!(k.unix_connect(c, &address), Err(Errno::EISCONN));
    assert_eq!((events(k, l), events(k, c)), (Events::IN, Events::OUT));
    assert_eq!(k.send(c, b"early", SendFlags::NONE), Ok(5));
    let (s, peer) = k.unix_accept(l, NONBLOCK).unwrap();
    assert_eq!(peer, UnixAddr::Unnamed);
    assert_eq!((k.unix_getsockname(s), k.unix_getpeername(c)), (Ok(address.clone()), Ok(address.clone())));
    let mut buffer = [0; 8];
    assert_eq!(k.recv(s, &mut buffer, RecvFlags::NONE), Ok(5));
    close_all(k, &[s, c, l]);
    let c = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(
        k.unix_connect(c, &address),
        Err(Errno::ECONNREFUSED),
        "the path is there, and nobody behind it"
    );
    let again = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_bind(again, &address), Err(Errno::EADDRINUSE));
    k.unlink(&path).unwrap();
    assert_eq!(k.unix_connect(c, &address), Err(Errno::ENOENT));
    assert_eq!(k.unix_bind(again, &address), Ok(()));
    // A path that leads elsewhere now: who holds the old socket keeps it.
    k.unlink(&path).unwrap();
    let third = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_bind(third, &address), Ok(()));
    k.listen(third, 1).unwrap();
    assert_eq!(k.unix_connect(c, &address), Ok(()));
    assert_eq!((events(k, third), events(k, again)), (Events::IN, Events::OUT | Events::HUP));
    k.unlink(&path).unwrap();
    close_all(k, &[third, again, c]);
}

/// Nothing has been asked of the file system before.
fn path_nobody_made_is_enoent<K: Sleepers>(k: K) {
    let c = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_connect(c, &at("/no/such/socket")), Err(Errno::ENOENT));
    assert_eq!(k.unix_connect(c, &at("/tmp")), Err(Errno::ECONNREFUSED));
    k.close(c).unwrap();
}

fn path_of_another_kind_is_refused<K: Sleepers>(k: K) {
    let path = path(k, "kind");
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    let stream = k.socket(Domain::Unix, NONBLOCK).unwrap();
    let datagrams = k.socket(Domain::Unix, NONBLOCK | SocketFlags::DGRAM).unwrap();
    assert_eq!(k.unix_connect(stream, &at(&path)), Err(Errno::ECONNREFUSED));
    assert_eq!(k.unix_bind(datagrams, &at(&path)), Err(Errno::EADDRINUSE));
    assert_eq!(k.unix_connect(stream, &at(&format!("{path}/x"))), Err(Errno::ENOTDIR));
    k.unlink(&path).unwrap();
    k.unix_bind(datagrams, &at(&path)).unwrap();
    assert_eq!(k.unix_connect(stream, &at(&path)), Err(Errno::EPROTOTYPE));
    assert_eq!(k.listen(datagrams, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.unix_accept(datagrams, NONBLOCK), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.unix_accept(stream, NONBLOCK), Err(Errno::EINVAL));
    assert_eq!(k.recv(stream, &mut [0; 4], RecvFlags::NONE), Err(Errno::EINVAL));
    assert_eq!(k.send(stream, b"x", SendFlags::NONE), Err(Errno::ENOTCONN));
    assert_eq!(k.unix_sendto(stream, b"x", SendFlags::NONE, &at(&path)), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.bind(stream, any_port()), Err(Errno::EINVAL));
    assert_eq!(k.connect(stream, any_port()), Err(Errno::EINVAL));
    assert_eq!(k.getsockname(stream), Err(Errno::EAFNOSUPPORT));
    assert_eq!(k.setsockopt(stream, SocketOption::NoDelay(true)), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.unix_bind(file, &at("/tmp/x")), Err(Errno::ENOTSOCK));
    assert_eq!(k.unix_connect(stream, &UnixAddr::Unnamed), Err(Errno::EINVAL));
    k.unlink(&path).unwrap();
    close_all(k, &[file, stream, datagrams]);
}

fn abstract_name_is_free_when_its_socket_is_closed<K: Sleepers>(k: K) {
    let name = UnixAddr::Abstract(format!("eagain-abstract-{}", k.getpid()).into_bytes());
    let [l, other, c] = [0; 3].map(|_| k.socket(Domain::Unix, NONBLOCK).unwrap());
    let datagrams = k.socket(Domain::Unix, NONBLOCK | SocketFlags::DGRAM).unwrap();
    assert_eq!(k.unix_connect(c, &name), Err(Errno::ECONNREFUSED));
    assert_eq!(k.unix_bind(l, &name), Ok(()));
    assert_eq!(k.unix_bind(l, &name), Err(Errno::EINVAL));
    assert_eq!(k.unix_bind(other, &name), Err(Errno::EADDRINUSE));
    assert_eq!(k.unix_connect(datagrams, &name), Err(Errno::ECONNREFUSED), "names are those of a type");
    assert_eq!(k.unix_bind(datagrams, &name), Ok(()));
    assert_eq!(k.unix_getsockname(l), Ok(name.clone()));
    k.listen(l, 1).unwrap();
    assert_eq!(k.unix_connect(c, &name), Ok(()));
    k.close(l).unwrap();
    assert_eq!(k.recv(c, &mut [0; 1], RecvFlags::NONE), Err(Errno::ECONNRESET), "it was never accepted");
    assert_eq!(k.unix_getpeername(c), Ok(name.clone()));
    assert_eq!(k.unix_bind(other, &name), Ok(()));
    // An address of the kernel's choice.
    let free = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_bind(free, &UnixAddr::Unnamed), Ok(()));
    assert!(matches!(k.unix_getsockname(free), Ok(UnixAddr::Abstract(name)) if name.len() == 5));
    assert_eq!(k.unix_bind(free, &UnixAddr::Unnamed), Ok(()));
    close_all(k, &[c, other, datagrams, free]);
}

fn full_queue_of_a_listener_is_eagain<K: Sleepers>(k: K) {
    let name = UnixAddr::Abstract(format!("eagain-queue-{}", k.getpid()).into_bytes());
    let l = k.socket(Domain::Unix, NONBLOCK).unwrap();
    k.unix_bind(l, &name).unwrap();
    k.listen(l, 1).unwrap();
    let callers: [Fd; 3] = [0; 3].map(|_| k.socket(Domain::Unix, NONBLOCK).unwrap());
    let results = callers.map(|c| k.unix_connect(c, &name));
    assert_eq!(results, [Ok(()), Ok(()), Err(Errno::EAGAIN)], "one more than the backlog");
    let (s, _) = k.unix_accept(l, NONBLOCK).unwrap();
    assert_eq!(k.unix_connect(callers[2], &name), Ok(()));
    k.shutdown(l, ShutdownHow::Read).unwrap();
    let late = k.socket(Domain::Unix, NONBLOCK).unwrap();
    assert_eq!(k.unix_connect(late, &name), Err(Errno::ECONNREFUSED));
    close_all(k, &callers);
    close_all(k, &[s, l, late]);
}

fn descriptors_of_a_pair_are_the_lowest_two<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(SocketFlags::NONE).unwrap();
    assert!(a.0 < b.0);
    assert_eq!(k.fcntl_getfl(a), Ok(StatusFlags::NONE));
    k.close(a).unwrap();
    let (c, d) = k.socketpair(NONBLOCK).unwrap();
    assert_eq!((c, k.fcntl_getfl(d)), (a, Ok(StatusFlags::NONBLOCK)));
    assert_eq!(k.socketpair(SocketFlags::SEMAPHORE), Err(Errno::EINVAL));
    let twice = k.dup(c).unwrap();
    k.close(c).unwrap();
    assert_eq!(events(k, d), Events::OUT, "the duplicate keeps it open");
    k.close(twice).unwrap();
    assert_eq!(events(k, d), Events::IN | Events::OUT | Events::HUP | Events::RDHUP);
    close_all(k, &[b, d]);
}

fn ring_accepts_from_a_path<K: Sleepers>(k: K) {
    // A host that allows no rings has nothing to be compared.
    let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
    let Ok(mut ring) = Ring::new(k, params) else { return };
    let name = path(k, "ring");
    let listener = k.socket(Domain::Unix, SocketFlags::NONE).unwrap();
    k.unix_bind(listener, &at(&name)).unwrap();
    k.listen(listener, 4).unwrap();
    assert!(ring.accept_multishot(7, listener, SocketFlags::NONE).is_ok());
    let (mut done, mut fds) = (Vec::new(), vec![listener]);
    assert_eq!((ring.enter(0, NOW), ring.reap(&mut done)), (Ok(1), 0));
    for _ in 0..2 {
        let client = k.socket(Domain::Unix, SocketFlags::NONE).unwrap();
        assert_eq!(k.unix_connect(client, &at(&name)), Ok(()));
        assert_eq!((ring.enter(1, None).is_ok(), ring.reap(&mut done)), (true, 1));
        let accepted = done.pop().unwrap();
        assert!(accepted.flags.contains(CompletedFlags::MORE));
        let served = Fd(accepted.value().unwrap() as i32);
        assert_eq!(k.send(client, b"here", SendFlags::NONE), Ok(4));
        assert_eq!(k.recv(served, &mut [0; 8], RecvFlags::NONE), Ok(4));
        fds.extend([client, served]);
    }
    drop(ring);
    close_all(k, &fds);
    k.unlink(&name).unwrap();
}

crate::bodies! {
    pair_carries_bytes_and_ends
    ring_accepts_from_a_path
    close_with_unread_bytes_resets_the_peer
    broken_pair_sends_sigpipe
    shutdown_ends_one_direction
    full_buffer_counts_memory_and_not_bytes
    edges_of_a_pair
    path_is_bound_once_and_outlives_its_socket
    path_nobody_made_is_enoent
    path_of_another_kind_is_refused
    abstract_name_is_free_when_its_socket_is_closed
    full_queue_of_a_listener_is_eagain
    descriptors_of_a_pair_are_the_lowest_two
}
