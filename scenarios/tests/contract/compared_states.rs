//! Descriptors of every kind in every state that calls can bring them to, for `compared_calls`.

use crate::compared_addresses::{address, free_port};
use eagain_net::*;
use std::net::SocketAddr;
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const NB: SocketFlags = SocketFlags::NONBLOCK;
const BLOCK: SocketFlags = SocketFlags::NONE;

/// A descriptor, and what else has to be closed.
pub(crate) type Made = Vec<Fd>;

/// What the states are made with.
#[derive(Clone, Copy)]
pub(crate) struct Maker<K> {
    pub(crate) k: K,
    pub(crate) domain: Domain,
}

impl<K: Kernel> Maker<K> {
    /// Whoever is about Unix sockets has others of IPv4.
    pub(crate) fn inet(&self) -> Domain {
        if self.domain == Domain::Inet6 { Domain::Inet6 } else { Domain::Inet }
    }

    fn socket(&self, flags: SocketFlags) -> Fd {
        let fd = self.k.socket(self.inet(), flags).unwrap();
        let _ = self.k.setsockopt(fd, SocketOption::NoDelay(true));
        fd
    }

    pub(crate) fn bound(&self, flags: SocketFlags) -> (Fd, SocketAddr) {
        let fd = self.socket(flags);
        let home = if self.inet() == Domain::Inet { "127.0.0.1" } else { "::1" };
        self.k.bind(fd, address(home, 0)).unwrap();
        (fd, self.k.getsockname(fd).unwrap())
    }

    fn listener(&self) -> (Fd, SocketAddr) {
        let (fd, at) = self.bound(NB);
        self.k.listen(fd, 4).unwrap();
        (fd, at)
    }

    /// An end, the other, and the listener.
    fn pair(&self) -> [Fd; 3] {
        let (l, at) = self.listener();
        let c = self.socket(BLOCK);
        self.k.connect(c, at).unwrap();
        let (s, _) = self.k.accept4(l, NB).unwrap();
        self.k.setsockopt(s, SocketOption::NoDelay(true)).unwrap();
        [c, s, l]
    }

    fn send(&self, fd: Fd, bytes: &[u8], flags: SendFlags) {
        self.k.send(fd, bytes, flags | SendFlags::NOSIGNAL).unwrap();
    }

    fn datagrams(&self) -> (Fd, Fd) {
        let ((a, to), (b, from)) = (self.bound(NB | SocketFlags::DGRAM), self.bound(NB | SocketFlags::DGRAM));
        self.k.connect(a, from).unwrap();
        self.k.connect(b, to).unwrap();
        (a, b)
    }
}

/// Where nobody listens.
pub(crate) fn nowhere<K: Kernel>(m: Maker<K>, flags: SocketFlags) -> SocketAddr {
    let home = if m.inet() == Domain::Inet { "127.0.0.1" } else { "::1" };
    address(home, free_port(m.k, flags))
}

pub(crate) type State<K> = (&'static str, fn(Maker<K>) -> Made);

/// States of TCP.
pub(crate) fn connections<K: Kernel>() -> Vec<State<K>> {
    vec![
        ("fresh", |m| vec![m.socket(NB)]),
        ("bound", |m| vec![m.bound(NB).0]),
        ("listening", |m| vec![m.listener().0]),
        ("listening, queue", |m| {
            let (l, at) = m.listener();
            let c = m.socket(BLOCK);
            m.k.connect(c, at).unwrap();
            m.send(c, b"ab", SendFlags::NONE);
            vec![l, c]
        }),
        ("listening, shut", |m| {
            let (l, _) = m.listener();
            m.k.shutdown(l, ShutdownHow::Read).unwrap();
            vec![l]
        }),
        ("refused", |m| {
            let (fd, at) = (m.socket(NB), nowhere(m, BLOCK));
            assert_eq!(m.k.connect(fd, at), Err(Errno::EINPROGRESS));
            vec![fd]
        }),
        ("refused, known", |m| {
            let (fd, at) = (m.socket(NB), nowhere(m, BLOCK));
            assert_eq!(m.k.connect(fd, at), Err(Errno::EINPROGRESS));
            m.k.getsockopt(fd, SocketOptionName::Error).unwrap();
            vec![fd]
        }),
        ("connecting done", |m| {
            let ((l, at), fd) = (m.listener(), m.socket(NB));
            assert_eq!(m.k.connect(fd, at), Err(Errno::EINPROGRESS));
            vec![fd, l]
        }),
        ("connected", |m| m.pair().into()),
        ("accepted", |m| {
            let [c, s, l] = m.pair();
            vec![s, c, l]
        }),
        ("data", |m| {
            let [c, s, l] = m.pair();
            m.send(c, b"abcdef", SendFlags::NONE);
            vec![s, c, l]
        }),
        ("urgent", |m| {
            let [c, s, l] = m.pair();
            m.send(c, b"ab", SendFlags::NONE);
            m.send(c, b"u", SendFlags::OOB);
            m.send(c, b"cd", SendFlags::NONE);
            vec![s, c, l]
        }),
        ("low water", |m| {
            let [c, s, l] = m.pair();
            m.k.setsockopt(s, SocketOption::RecvLowAt(5)).unwrap();
            m.send(c, b"abc", SendFlags::NONE);
            vec![s, c, l]
        }),
        ("fin", |m| {
            let [c, s, l] = m.pair();
            m.k.shutdown(c, ShutdownHow::Write).unwrap();
            vec![s, c, l]
        }),
        ("data, fin", |m| {
            let [c, s, l] = m.pair();
            m.send(c, b"abcdef", SendFlags::NONE);
            m.k.close(c).unwrap();
            vec![s, l]
        }),
        ("peer closed", |m| {
            let [c, s, l] = m.pair();
            m.k.close(c).unwrap();
            vec![s, l]
        }),
        ("peer closed, written to", |m| {
            let [c, s, l] = m.pair();
            m.k.close(c).unwrap();
            m.send(s, b"x", SendFlags::NONE);
            vec![s, l]
        }),
        ("shut wr", |m| {
            let [c, s, l] = m.pair();
            m.k.shutdown(s, ShutdownHow::Write).unwrap();
            vec![s, c, l]
        }),
        ("shut rd", |m| {
            let [c, s, l] = m.pair();
            m.k.shutdown(s, ShutdownHow::Read).unwrap();
            vec![s, c, l]
        }),
        ("data, shut rd", |m| {
            let [c, s, l] = m.pair();
            m.send(c, b"abc", SendFlags::NONE);
            m.k.shutdown(s, ShutdownHow::Read).unwrap();
            vec![s, c, l]
        }),
        ("shut both", |m| {
            let [c, s, l] = m.pair();
            m.k.shutdown(s, ShutdownHow::Both).unwrap();
            vec![s, c, l]
        }),
        ("both shut wr", |m| {
            let [c, s, l] = m.pair();
            m.k.shutdown(s, ShutdownHow::Write).unwrap();
            m.k.shutdown(c, ShutdownHow::Write).unwrap();
            vec![s, c, l]
        }),
        ("reset", |m| {
            let [c, s, l] = m.pair();
            m.k.setsockopt(c, SocketOption::Linger(Some(0))).unwrap();
            m.k.close(c).unwrap();
            vec![s, l]
        }),
        ("data, reset", |m| {
            let [c, s, l] = m.pair();
            m.send(c, b"abc", SendFlags::NONE);
            m.send(s, b"unread", SendFlags::NONE);
            m.k.close(c).unwrap();
            vec![s, l]
        }),
        ("reset, known", |m| {
            let [c, s, l] = m.pair();
            m.k.setsockopt(c, SocketOption::Linger(Some(0))).unwrap();
            m.k.close(c).unwrap();
            m.k.getsockopt(s, SocketOptionName::Error).unwrap();
            vec![s, l]
        }),
    ]
}

/// States of UDP.
pub(crate) fn datagrams<K: Kernel>() -> Vec<State<K>> {
    const UDP: SocketFlags = SocketFlags(0o4000 | 2);
    vec![
        ("udp fresh", |m| vec![m.socket(UDP)]),
        ("udp bound", |m| vec![m.bound(UDP).0]),
        ("udp connected", |m| {
            let (a, b) = m.datagrams();
            vec![a, b]
        }),
        ("udp data", |m| {
            let (a, b) = m.datagrams();
            m.send(b, b"abcdef", SendFlags::NONE);
            m.send(b, b"", SendFlags::NONE);
            m.send(b, b"gh", SendFlags::NONE);
            vec![a, b]
        }),
        ("udp empty one", |m| {
            let (a, b) = m.datagrams();
            m.send(b, b"", SendFlags::NONE);
            vec![a, b]
        }),
        ("udp refused", |m| {
            let (a, b) = m.datagrams();
            m.k.close(b).unwrap();
            m.send(a, b"x", SendFlags::NONE);
            vec![a]
        }),
        ("udp shut rd", |m| {
            let (a, b) = m.datagrams();
            m.send(b, b"abc", SendFlags::NONE);
            m.k.shutdown(a, ShutdownHow::Read).unwrap();
            vec![a, b]
        }),
        ("udp shut wr", |m| {
            let (a, b) = m.datagrams();
            m.k.shutdown(a, ShutdownHow::Write).unwrap();
            vec![a, b]
        }),
        ("udp shut both", |m| {
            let (a, b) = m.datagrams();
            m.k.shutdown(a, ShutdownHow::Both).unwrap();
            vec![a, b]
        }),
    ]
}

fn couple<K: Kernel>(k: K, flags: SocketFlags) -> [Fd; 2] {
    let (a, b) = k.socketpair(NB | flags).unwrap();
    [a, b]
}

/// States of Unix sockets.
pub(crate) fn unix<K: Kernel>() -> Vec<State<K>> {
    const DGRAM: SocketFlags = SocketFlags::DGRAM;
    vec![
        ("unix fresh", |m| vec![m.k.socket(Domain::Unix, NB).unwrap()]),
        ("unix bound", |m| {
            let fd = m.k.socket(Domain::Unix, NB).unwrap();
            m.k.unix_bind(fd, &UnixAddr::Unnamed).unwrap();
            vec![fd]
        }),
        ("unix listening", |m| {
            let fd = m.k.socket(Domain::Unix, NB).unwrap();
            m.k.unix_bind(fd, &UnixAddr::Unnamed).unwrap();
            m.k.listen(fd, 1).unwrap();
            vec![fd]
        }),
        ("unix listening, queue", |m| {
            let [fd, c] = [(); 2].map(|()| m.k.socket(Domain::Unix, NB).unwrap());
            m.k.unix_bind(fd, &UnixAddr::Unnamed).unwrap();
            m.k.listen(fd, 1).unwrap();
            m.k.unix_connect(c, &m.k.unix_getsockname(fd).unwrap()).unwrap();
            vec![fd, c]
        }),
        ("unix to be accepted", |m| {
            let [fd, c] = [(); 2].map(|()| m.k.socket(Domain::Unix, NB).unwrap());
            m.k.unix_bind(fd, &UnixAddr::Unnamed).unwrap();
            m.k.listen(fd, 1).unwrap();
            m.k.unix_connect(c, &m.k.unix_getsockname(fd).unwrap()).unwrap();
            vec![c, fd]
        }),
        ("unix never accepted", |m| {
            let [fd, c] = [(); 2].map(|()| m.k.socket(Domain::Unix, NB).unwrap());
            m.k.unix_bind(fd, &UnixAddr::Unnamed).unwrap();
            m.k.listen(fd, 1).unwrap();
            m.k.unix_connect(c, &m.k.unix_getsockname(fd).unwrap()).unwrap();
            m.k.close(fd).unwrap();
            vec![c]
        }),
        ("unix", |m| couple(m.k, BLOCK).into()),
        ("unix data", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.send(b, b"abcdef", SendFlags::NONE);
            vec![a, b]
        }),
        ("unix peer closed", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.k.close(b).unwrap();
            vec![a]
        }),
        ("unix data, peer closed", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.send(b, b"abc", SendFlags::NONE);
            m.send(a, b"unread", SendFlags::NONE);
            m.k.close(b).unwrap();
            vec![a]
        }),
        ("unix shut rd", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.send(b, b"abc", SendFlags::NONE);
            m.k.shutdown(a, ShutdownHow::Read).unwrap();
            vec![a, b]
        }),
        ("unix shut wr", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.k.shutdown(a, ShutdownHow::Write).unwrap();
            vec![a, b]
        }),
        ("unix peer shut rd", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.k.shutdown(b, ShutdownHow::Read).unwrap();
            vec![a, b]
        }),
        ("unix peer shut wr", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.k.shutdown(b, ShutdownHow::Write).unwrap();
            vec![a, b]
        }),
        ("unix shut both", |m| {
            let [a, b] = couple(m.k, BLOCK);
            m.k.shutdown(a, ShutdownHow::Both).unwrap();
            vec![a, b]
        }),
        ("unix datagrams fresh", |m| vec![m.k.socket(Domain::Unix, NB | DGRAM).unwrap()]),
        ("unix datagrams", |m| couple(m.k, DGRAM).into()),
        ("unix datagrams, data", |m| {
            let [a, b] = couple(m.k, DGRAM);
            m.send(b, b"abcdef", SendFlags::NONE);
            m.send(b, b"", SendFlags::NONE);
            m.send(b, b"gh", SendFlags::NONE);
            vec![a, b]
        }),
        ("unix datagrams, peer closed", |m| {
            let [a, b] = couple(m.k, DGRAM);
            m.send(b, b"abc", SendFlags::NONE);
            m.k.close(b).unwrap();
            vec![a]
        }),
        ("unix datagrams, shut rd", |m| {
            let [a, b] = couple(m.k, DGRAM);
            m.k.shutdown(a, ShutdownHow::Read).unwrap();
            vec![a, b]
        }),
        ("unix datagrams, shut wr", |m| {
            let [a, b] = couple(m.k, DGRAM);
            m.k.shutdown(a, ShutdownHow::Write).unwrap();
            vec![a, b]
        }),
    ]
}

fn pipe<K: Kernel>(k: K) -> [Fd; 2] {
    let (reader, writer) = k.pipe2(NB).unwrap();
    [reader, writer]
}

fn event<K: Kernel>(k: K, value: u64, flags: SocketFlags) -> Made {
    let fd = k.eventfd(0, NB | flags).unwrap();
    if value > 0 {
        k.write(fd, &value.to_ne_bytes()).unwrap();
    }
    vec![fd]
}

fn timer<K: Kernel>(k: K, value: Duration, absolute: bool) -> Made {
    let fd = k.timerfd_create(ClockId::Monotonic, NB).unwrap();
    k.timerfd_settime(fd, TimerSpec { value, interval: Duration::ZERO }, absolute).unwrap();
    vec![fd]
}

/// A file with ten bytes in it, opened so: under `/var/tmp`, as in `files.rs`.
fn file<K: Kernel>(k: K, flags: OpenFlags) -> Made {
    let path = format!("/var/tmp/eagain-states-{}", k.getpid());
    let fd = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    k.write(fd, b"0123456789").unwrap();
    k.close(fd).unwrap();
    let fd = k.open(&path, flags).unwrap();
    k.unlink(&path).unwrap();
    vec![fd]
}

/// States of what is no socket.
pub(crate) fn others<K: Kernel>() -> Vec<State<K>> {
    vec![
        ("pipe", |m| pipe(m.k).into()),
        ("pipe, data", |m| {
            let [reader, writer] = pipe(m.k);
            m.k.write(writer, b"abcdef").unwrap();
            vec![reader, writer]
        }),
        ("pipe, ended", |m| {
            let [reader, writer] = pipe(m.k);
            m.k.write(writer, b"abc").unwrap();
            m.k.close(writer).unwrap();
            vec![reader]
        }),
        ("pipe, writer", |m| {
            let [reader, writer] = pipe(m.k);
            vec![writer, reader]
        }),
        ("pipe, full", |m| {
            let [reader, writer] = pipe(m.k);
            while m.k.write(writer, &[7; 4096]).is_ok() {}
            vec![writer, reader]
        }),
        ("pipe, nearly full", |m| {
            let [reader, writer] = pipe(m.k);
            while m.k.write(writer, &[7; 4096]).is_ok() {}
            m.k.read(reader, &mut [0; 4096]).unwrap();
            m.k.write(writer, &[7; 4090]).unwrap();
            vec![writer, reader]
        }),
        ("pipe, broken", |m| {
            let [reader, writer] = pipe(m.k);
            m.k.close(reader).unwrap();
            vec![writer]
        }),
        ("counter", |m| event(m.k, 0, BLOCK)),
        ("counter of 3", |m| event(m.k, 3, BLOCK)),
        ("semaphore of 3", |m| event(m.k, 3, SocketFlags::SEMAPHORE)),
        ("counter, full", |m| event(m.k, u64::MAX - 1, BLOCK)),
        ("timer", |m| timer(m.k, Duration::ZERO, false)),
        ("timer, far", |m| timer(m.k, Duration::from_secs(1000), false)),
        ("timer, over", |m| timer(m.k, Duration::from_nanos(1), true)),
        ("signalfd", |m| vec![m.k.signalfd(SigSet::of(&[Signal::SIGIO]), NB).unwrap()]),
        ("set", |m| vec![m.k.epoll_create().unwrap()]),
        ("set, ready", |m| {
            let (set, one) = (m.k.epoll_create().unwrap(), event(m.k, 1, BLOCK)[0]);
            m.k.epoll_ctl(set, EpollOp::Add, one, Events::IN, 1).unwrap();
            vec![set, one]
        }),
        ("set, taken", |m| {
            let (set, one) = (m.k.epoll_create().unwrap(), event(m.k, 1, BLOCK)[0]);
            m.k.epoll_ctl(set, EpollOp::Add, one, Events::IN | Events::ONESHOT, 1).unwrap();
            m.k.epoll_wait(set, &mut [EpollEvent::default()], NOW, None).unwrap();
            vec![set, one]
        }),
        ("file", |m| file(m.k, OpenFlags::RDWR)),
        ("file, read", |m| file(m.k, OpenFlags::NONE)),
        ("file, written", |m| file(m.k, OpenFlags::WRONLY)),
        ("file, appended", |m| file(m.k, OpenFlags::RDWR | OpenFlags::APPEND)),
        ("file, emptied", |m| file(m.k, OpenFlags::RDWR | OpenFlags::TRUNC)),
        ("null", |m| vec![m.k.open("/dev/null", OpenFlags::RDWR).unwrap()]),
        ("null, for neither", |m| vec![m.k.open("/dev/null", OpenFlags(3)).unwrap()]),
        ("zero, read", |m| vec![m.k.open("/dev/zero", OpenFlags::NONE).unwrap()]),
        ("directory", |m| vec![m.k.open("/var/tmp", OpenFlags::DIRECTORY).unwrap()]),
        ("closed", |m| {
            let fd = event(m.k, 0, BLOCK)[0];
            m.k.close(fd).unwrap();
            vec![fd]
        }),
        ("-1", |_| vec![Fd(-1)]),
        ("too high", |_| vec![Fd(i32::MAX)]),
    ]
}

/// Whether both kernels have what a call is about.
pub(crate) fn is_alike<K>(m: Maker<K>, state: &str, name: &str) -> bool {
    let begins = |with: &str| name.starts_with(with);
    let differs = match state {
        // An address of another family is no address of a trait.
        unix if unix.starts_with("unix") => begins("accept4") || begins("ring accept"),
        _ if begins("unix_") => m.domain != Domain::Unix,
        // Where a directory ends each file system says itself.
        "directory" => begins("lseek"),
        // The number would be the ring's.
        "closed" => begins("ring "),
        _ => false,
    };
    !differs
}
