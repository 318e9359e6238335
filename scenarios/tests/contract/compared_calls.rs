//! Every call, with every set of flags and at the edges of its arguments, on a descriptor of every kind in every state: what it comes
//! to, and what the descriptor is like afterwards. Nothing waits.

use crate::compared::{Log, every};
use crate::compared_addresses::{address, text_of};
use crate::compared_states::{Maker, State, is_alike, nowhere};
use eagain_net::*;
use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
const BLOCK: SocketFlags = SocketFlags::NONE;
const ALL: Events = Events(0x2007);

/// A call, and what it came to.
pub(crate) type Call<K> = (String, Box<dyn Fn(Maker<K>, Fd) -> String>);

pub(crate) fn call<K, T: std::fmt::Debug>(
    calls: &mut Vec<Call<K>>,
    name: impl std::fmt::Display,
    make: impl Fn(Maker<K>, Fd) -> T + 'static,
) {
    calls.push((name.to_string(), Box::new(move |m: Maker<K>, fd| format!("{:?}", make(m, fd)))));
}

/// Without the number of a descriptor that it gives: it is closed.
fn gone<K: Kernel>(k: K, fd: Result<Fd>) -> Result<()> {
    fd.map(|fd| k.close(fd).unwrap())
}

fn got(result: Result<usize>, buffer: &[u8]) -> (Result<usize>, String) {
    (result, String::from_utf8_lossy(&buffer[..result.unwrap_or(0).min(buffer.len())]).into_owned())
}

/// Reading, writing, receiving and sending.
pub(crate) fn transfers<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    for room in [0, 1, 7, 8, 9, 128, 200] {
        call(to, format!("read {room}"), move |m: Maker<K>, fd| {
            let mut buffer = vec![0; room];
            let result = m.k.read(fd, &mut buffer);
            // A record of a signal names its sender.
            got(result, &buffer[..room.min(9)])
        });
        call(to, format!("write {room}"), move |m: Maker<K>, fd| m.k.write(fd, &vec![0; room]));
        call(to, format!("pread {room}"), move |m: Maker<K>, fd| {
            let mut buffer = vec![0; room];
            got(m.k.pread(fd, &mut buffer, 3), &buffer)
        });
        call(to, format!("pwrite {room}"), move |m: Maker<K>, fd| m.k.pwrite(fd, &vec![b'w'; room], 3));
    }
    for parts in [[0, 0], [0, 8], [4, 4], [8, 8], [1, 0]] {
        call(to, format!("readv {parts:?}"), move |m: Maker<K>, fd| {
            let [mut one, mut other] = parts.map(|len| vec![b'.'; len]);
            let result = m.k.readv(fd, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]);
            (result, String::from_utf8_lossy(&[one, other].concat()).into_owned())
        });
        call(to, format!("writev {parts:?}"), move |m: Maker<K>, fd| {
            let [one, other] = parts.map(|len| vec![0; len]);
            m.k.writev(fd, &[IoSlice::new(&one), IoSlice::new(&other)])
        });
        call(to, format!("sendmsg {parts:?}"), move |m: Maker<K>, fd| {
            let [one, other] = parts.map(|len| vec![0; len]);
            m.k.sendmsg(fd, &[IoSlice::new(&one), IoSlice::new(&other)], SendFlags::NOSIGNAL)
        });
    }
    call(to, "readv none", |m: Maker<K>, fd| m.k.readv(fd, &mut []));
    call(to, "writev none", |m: Maker<K>, fd| m.k.writev(fd, &[]));
    call(to, "sendmsg none", |m: Maker<K>, fd| m.k.sendmsg(fd, &[], SendFlags::NOSIGNAL));
    let flags = [RecvFlags::PEEK, RecvFlags::TRUNC, RecvFlags::WAITALL, RecvFlags::OOB, RecvFlags::DONTWAIT];
    for flags in every(&flags, RecvFlags::NONE, RecvFlags::with) {
        for room in [0, 4, 9] {
            call(to, format!("recv {flags:?} {room}"), move |m: Maker<K>, fd| {
                let mut buffer = vec![b'.'; room];
                got(m.k.recv(fd, &mut buffer, flags), &buffer)
            });
            call(to, format!("recvfrom {flags:?} {room}"), move |m: Maker<K>, fd| {
                let mut buffer = vec![b'.'; room];
                let result = m.k.recvfrom(fd, &mut buffer, flags);
                let from = result.map(|(_, from)| from.map(|from| from.ip()));
                (got(result.map(|(n, _)| n), &buffer), from)
            });
        }
    }
    // Without MSG_MORE, which changes when bytes leave.
    for flags in
        every(&[SendFlags::DONTWAIT, SendFlags::OOB, SendFlags::NOSIGNAL], SendFlags::NONE, SendFlags::with)
    {
        for len in [0, 1, 9] {
            call(to, format!("send {flags:?} {len}"), move |m: Maker<K>, fd| {
                // Streams of AF_UNIX have urgent data on Linux, and not in the simulation.
                let left_out = m.domain == Domain::Unix && flags.contains(SendFlags::OOB);
                if left_out { Ok(0) } else { m.k.send(fd, &vec![b's'; len], flags) }
            });
        }
    }
    for bits in [0x4, 0x8, 0x80, 0x100, 0x200, 0x400, 0x1000, 0x10000, 0x40000] {
        call(to, format!("send {bits:#x}"), move |m: Maker<K>, fd| {
            m.k.send(fd, b"s", SendFlags(bits | 0x4000))
        });
        call(to, format!("recv {bits:#x}"), move |m: Maker<K>, fd| {
            let mut buffer = [b'.'; 4];
            got(m.k.recv(fd, &mut buffer, RecvFlags(bits)), &buffer)
        });
    }
    for flags in [SendFlags::NOSIGNAL, SendFlags::OOB] {
        for len in [0, 3] {
            call(to, format!("sendto nowhere {flags:?} {len}"), move |m: Maker<K>, fd| {
                m.k.sendto(fd, &b"abc"[..len], flags, nowhere(m, SocketFlags::DGRAM))
            });
            call(to, format!("sendto port 0 {flags:?} {len}"), move |m: Maker<K>, fd| {
                m.k.sendto(fd, &b"abc"[..len], flags, address("127.0.0.1", 0))
            });
            call(to, format!("sendto ::1 {flags:?} {len}"), move |m: Maker<K>, fd| {
                m.k.sendto(fd, &b"abc"[..len], flags, address("::1", 9))
            });
        }
    }
    calls
}

/// The life of sockets, their names and options.
pub(crate) fn lives<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    for how in [ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both] {
        call(to, format!("shutdown {how:?}"), move |m: Maker<K>, fd| m.k.shutdown(fd, how));
        call(to, format!("shutdown {how:?} twice"), move |m: Maker<K>, fd| {
            (m.k.shutdown(fd, how), m.k.shutdown(fd, how))
        });
    }
    for backlog in [-1, 0, 1, 4096] {
        call(to, format!("listen {backlog}"), move |m: Maker<K>, fd| {
            (m.k.listen(fd, backlog), text_of(m.k.getsockname(fd)).split(' ').count())
        });
    }
    for bits in [0, 1, 2, 0o4000, 0o2000000, 0o2004000, 0o10] {
        call(to, format!("accept4 {bits:#o}"), move |m: Maker<K>, fd| {
            let made = m.k.accept4(fd, SocketFlags(bits));
            let flags = made.map(|(new, _)| m.k.fcntl_getfl(new));
            (gone(m.k, made.map(|(new, _)| new)), made.map(|(_, from)| from.ip()), flags)
        });
    }
    for ip in
        ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "240.0.0.1", "8.8.8.8", "255.255.255.255"]
    {
        call(to, format!("bind {ip}"), move |m: Maker<K>, fd| {
            (m.k.bind(fd, address(ip, 0)), text_of(m.k.getsockname(fd)))
        });
    }
    for ip in ["127.0.0.1", "::1", "0.0.0.0", "::"] {
        call(to, format!("connect {ip} nowhere"), move |m: Maker<K>, fd| {
            let port = nowhere(m, BLOCK).port();
            let one = m.k.connect(fd, address(ip, port));
            (one, m.k.connect(fd, address(ip, port)), text_of(m.k.getpeername(fd)))
        });
        call(to, format!("connect {ip} port 0"), move |m: Maker<K>, fd| m.k.connect(fd, address(ip, 0)));
    }
    call(to, "connect to a listener", |m: Maker<K>, fd| {
        let (l, at) = m.bound(SocketFlags::NONBLOCK);
        m.k.listen(l, 4).unwrap();
        let results = [(); 3].map(|()| m.k.connect(fd, at));
        let peer = m.k.accept4(l, BLOCK).map(|(new, _)| {
            m.k.setsockopt(new, SocketOption::Linger(Some(0))).unwrap();
            new
        });
        let said = (results, text_of(m.k.getpeername(fd)), gone(m.k, peer));
        m.k.close(l).unwrap();
        said
    });
    call(to, "getsockname", |m: Maker<K>, fd| text_of(m.k.getsockname(fd)));
    call(to, "getpeername", |m: Maker<K>, fd| text_of(m.k.getpeername(fd)));
    use SocketOptionName as N;
    // Buffers begin as the machine has them; of the last two see `compared_options`.
    let out = [N::SendBuffer, N::RecvBuffer, N::Congestion, N::BindToDevice];
    for name in N::OWN.map(|(name, ..)| name).into_iter().filter(|name| !out.contains(name)) {
        call(to, format!("getsockopt {name:?}"), move |m: Maker<K>, fd| {
            (m.k.getsockopt(fd, name), m.k.getsockopt(fd, name))
        });
    }
    use SocketOption as O;
    let mut options = Vec::new();
    options.extend([true, false].into_iter().flat_map(|on| {
        [O::ReuseAddr(on), O::ReusePort(on), O::NoDelay(on), O::KeepAlive(on), O::V6Only(on)]
    }));
    for n in [0, 1, 2, 127, 128, 4096, 32_767, 32_768, 1 << 31, u32::MAX] {
        options.extend([O::RecvLowAt(n), O::Linger(Some(n)), O::SendBuffer(n), O::RecvBuffer(n)]);
        options.extend([O::KeepIdle(n), O::KeepInterval(n), O::KeepCount(n), O::UserTimeout(n)]);
    }
    options.push(O::Linger(None));
    for time in
        [0, 1, 999, 1_000, 3_999_999, 4_000_000, 5_000_000_000, 1_234_567_891].map(Duration::from_nanos)
    {
        options.extend([O::RecvTimeout(Some(time)), O::SendTimeout(Some(time))]);
    }
    options.extend([O::RecvTimeout(None), O::SendTimeout(Some(Duration::MAX)), O::Error(None)]);
    for option in options {
        call(to, format!("setsockopt {option:?}"), move |m: Maker<K>, fd| {
            (m.k.setsockopt(fd, option), m.k.getsockopt(fd, option.name()))
        });
    }
    calls
}

/// Descriptors, files, readiness, timers and signals.
pub(crate) fn descriptors<K: Kernel>() -> Vec<Call<K>> {
    let mut calls = Vec::new();
    let to = &mut calls;
    call(to, "close twice", |m: Maker<K>, fd| {
        let other = m.k.dup(fd);
        other.map(|other| (m.k.close(other), m.k.close(other)))
    });
    call(to, "dup", |m: Maker<K>, fd| gone(m.k, m.k.dup(fd)));
    for least in [-1, 0, 100, 1 << 30] {
        call(to, format!("F_DUPFD {least}"), move |m: Maker<K>, fd| {
            let new = m.k.fcntl_dupfd(fd, least);
            (new.map(|new| new.0 >= least), gone(m.k, new))
        });
    }
    for target in [-1, 300, 1 << 30] {
        call(to, format!("dup3 {target}"), move |m: Maker<K>, fd| gone(m.k, m.k.dup3(fd, Fd(target))));
    }
    call(to, "dup3 itself", |m: Maker<K>, fd| m.k.dup3(fd, fd).map(|_| ()));
    for bits in [0, 0o4000, 0o20000, 0o24000, 0o2000, 1, 2, -1] {
        call(to, format!("F_SETFL {bits:#o}"), move |m: Maker<K>, fd| {
            let set = m.k.fcntl_setfl(fd, StatusFlags(bits));
            let said = (set, m.k.fcntl_getfl(fd));
            let _ = m.k.fcntl_setfl(fd, StatusFlags::NONBLOCK);
            said
        });
    }
    call(to, "F_GETFL", |m: Maker<K>, fd| m.k.fcntl_getfl(fd));
    for owner in [Owner::None, Owner::ThisThread, Owner::ThisProcess] {
        call(to, format!("F_SETOWN {owner:?}"), move |m: Maker<K>, fd| m.k.fcntl_setown(fd, owner));
    }
    for signal in [None, Some(0), Some(29), Some(40), Some(65), Some(-1)] {
        call(to, format!("F_SETSIG {signal:?}"), move |m: Maker<K>, fd| {
            m.k.fcntl_setsig(fd, signal.map(Signal))
        });
    }
    for seek in [0, 4, 10, 99, i64::MAX as u64].map(std::io::SeekFrom::Start) {
        call(to, format!("lseek {seek:?}"), move |m: Maker<K>, fd| {
            let mut buffer = [0; 4];
            (
                m.k.lseek(fd, seek),
                m.k.fstat(fd).is_ok_and(|stat| !stat.is_dir) && m.k.read(fd, &mut buffer).is_ok(),
            )
        });
    }
    for by in [0, -1, 1, -11, i64::MIN, i64::MAX] {
        for seek in [std::io::SeekFrom::Current(by), std::io::SeekFrom::End(by)] {
            call(to, format!("lseek {seek:?}"), move |m: Maker<K>, fd| {
                m.k.lseek(fd, seek)
                    .map(|at| at.min(1 << 40))
                    .map_err(|errno| (errno, m.k.fstat(fd).map(|stat| stat.is_dir)))
            });
        }
    }
    call(to, "fsync", |m: Maker<K>, fd| m.k.fsync(fd));
    call(to, "fdatasync", |m: Maker<K>, fd| m.k.fdatasync(fd));
    for lock in [FileLock::Exclusive, FileLock::Shared, FileLock::Unlock] {
        call(to, format!("flock {lock:?}"), move |m: Maker<K>, fd| {
            (m.k.flock(fd, lock), m.k.flock(fd, lock))
        });
    }
    // Exclusive ones are rows of `locks`: what is anonymous, and what is a device, has one inode for the whole machine.
    for kind in [FileLock::Shared, FileLock::Unlock] {
        for owner in [LockOwner::Process, LockOwner::OpenFile] {
            call(to, format!("fcntl_setlk {kind:?} {owner:?}"), move |m: Maker<K>, fd| {
                let lock = RecordLock { kind, owner, start: 3, len: 4 };
                let asked = RecordLock { kind: FileLock::Shared, ..lock };
                (m.k.fcntl_setlk(fd, lock), m.k.fcntl_setlkw(fd, lock), m.k.fcntl_getlk(fd, asked))
            });
        }
    }
    call(to, "fstat", |m: Maker<K>, fd| {
        m.k.fstat(fd).map(|stat| (stat.mode, if stat.is_dir { (0, 0) } else { (stat.len, stat.links) }))
    });
    let at = FileTime::At(Instant(1_000_000_000_000_000_007));
    for times in [[FileTime::Omit; 2], [FileTime::Omit, FileTime::Now], [at; 2]] {
        call(to, format!("futimens {times:?}"), move |m: Maker<K>, fd| {
            // Counters, timers and sets have taken it before Linux 6.16, without an effect.
            m.k.futimens(fd, times)
                .or_else(|errno| if errno == Errno::EOPNOTSUPP { Ok(()) } else { Err(errno) })
        });
    }
    for len in [0, 3, 20, 1 << 40, u64::MAX] {
        call(to, format!("ftruncate {len}"), move |m: Maker<K>, fd| {
            (m.k.ftruncate(fd, len), m.k.fstat(fd).map(|stat| if stat.is_dir { 0 } else { stat.len }))
        });
    }
    for offset in [0, 5, 10, 11, i64::MAX as u64, 1 << 63, u64::MAX] {
        for room in [0, 4] {
            call(to, format!("pread {room} at {offset}"), move |m: Maker<K>, fd| {
                let mut buffer = [b'.'; 4];
                got(m.k.pread(fd, &mut buffer[..room], offset), &buffer)
            });
            call(to, format!("pwrite {room} at {offset}"), move |m: Maker<K>, fd| {
                m.k.pwrite(fd, &b"wxyz"[..room], offset)
            });
        }
    }
    let times = [(0, false), (0, true), (1, true), (999_999_999, false), (1 << 39, false)];
    for (value, absolute) in
        times.map(|(nanoseconds, absolute)| (Duration::from_nanos(nanoseconds), absolute))
    {
        for interval in [Duration::ZERO, Duration::from_secs(900)] {
            call(to, format!("timerfd_settime {value:?} {interval:?} {absolute}"), move |m: Maker<K>, fd| {
                let coarse =
                    |spec: TimerSpec| (spec.value.as_secs() > 400, spec.value.is_zero(), spec.interval);
                let old = m.k.timerfd_settime(fd, TimerSpec { value, interval }, absolute).map(coarse);
                (old, m.k.timerfd_gettime(fd).map(|spec| spec.interval))
            });
        }
    }
    call(to, "timerfd_gettime", |m: Maker<K>, fd| m.k.timerfd_gettime(fd).map(|spec| spec.interval));
    let masks = [Events::NONE, ALL, Events::IN, Events::OUT, Events::PRI, Events::RDHUP];
    let beside =
        [Events::NONE, Events::ET, Events::ONESHOT, Events::EXCLUSIVE, Events::EXCLUSIVE | Events::ET];
    for events in masks.into_iter().flat_map(|mask| beside.map(|beside| mask | beside)) {
        call(to, format!("epoll_ctl {events:?}"), move |m: Maker<K>, fd| {
            let k = m.k;
            let set = k.epoll_create().unwrap();
            let add = k.epoll_ctl(set, EpollOp::Add, fd, events, 7);
            let again = k.epoll_ctl(set, EpollOp::Add, fd, events, 7);
            let mut found = [EpollEvent::default(); 2];
            let mut wait = || k.epoll_wait(set, &mut found, NOW, None).map(|n| (n, found[0].events));
            let first = (wait(), wait());
            let modify = k.epoll_ctl(set, EpollOp::Mod, fd, events, 8);
            let second = (wait(), wait());
            let delete = [(); 2].map(|()| k.epoll_ctl(set, EpollOp::Del, fd, Events::NONE, 0));
            k.close(set).unwrap();
            ((add, again), first, (modify, second), delete)
        });
    }
    for op in [EpollOp::Add, EpollOp::Mod, EpollOp::Del] {
        call(to, format!("as a set {op:?}"), move |m: Maker<K>, fd| {
            let event = m.k.eventfd(0, BLOCK).unwrap();
            let said = (
                m.k.epoll_ctl(fd, op, event, Events::IN, 1),
                m.k.epoll_ctl(fd, op, fd, Events::IN, 1),
                m.k.epoll_ctl(fd, op, Fd(-1), Events::IN, 1),
            );
            m.k.close(event).unwrap();
            said
        });
    }
    for room in [0, 1, 3] {
        call(to, format!("epoll_wait {room}"), move |m: Maker<K>, fd| {
            let mut found = [EpollEvent::default(); 3];
            let n = m.k.epoll_wait(fd, &mut found[..room], NOW, None);
            (n, found[0].events)
        });
    }
    for mask in [Events::RDNORM, Events::RDBAND, Events::WRNORM, Events::WRBAND] {
        call(to, format!("poll {mask:?}"), move |m: Maker<K>, fd| {
            let mut fds = [PollFd::new(fd, mask), PollFd::new(fd, mask | Events::IN | Events::OUT)];
            (m.k.poll(&mut fds, NOW, None), fds.map(|fd| fd.revents))
        });
    }
    for mask in masks {
        call(to, format!("poll {mask:?}"), move |m: Maker<K>, fd| {
            let mut fds = [PollFd::new(fd, mask), PollFd::new(fd, ALL)];
            (m.k.poll(&mut fds, NOW, None), fds.map(|fd| fd.revents))
        });
    }
    call(to, "select", |m: Maker<K>, fd| {
        let mut sets = [(); 3].map(|()| FdSet::default());
        let inside = sets.iter_mut().map(|set| set.insert(fd)).collect::<Vec<_>>();
        let [read, write, except] = &mut sets;
        let n = m.k.select(fd.0.clamp(0, 1000) + 1, Some(read), Some(write), Some(except), NOW, None);
        (inside, n, sets.map(|set| set.contains(fd)))
    });
    for flags in [BLOCK, SocketFlags::NONBLOCK, SocketFlags(8)] {
        call(to, format!("unix_accept {flags:?}"), move |m: Maker<K>, fd| {
            let made = m.k.unix_accept(fd, flags);
            gone(m.k, made.map(|(new, _)| new))
        });
    }
    call(to, "unix_bind", |m: Maker<K>, fd| {
        (m.k.unix_bind(fd, &UnixAddr::Unnamed), m.k.unix_bind(fd, &UnixAddr::Unnamed))
    });
    call(to, "unix_getsockname", |m: Maker<K>, fd| {
        m.k.unix_getsockname(fd).map(|name| name == UnixAddr::Unnamed)
    });
    call(to, "unix_getpeername", |m: Maker<K>, fd| {
        m.k.unix_getpeername(fd).map(|name| name == UnixAddr::Unnamed)
    });
    for name in [
        UnixAddr::Abstract(b"eagain nobody".to_vec()),
        UnixAddr::Path("/nowhere/at/all".to_owned()),
        UnixAddr::Unnamed,
    ] {
        let (one, other) = (name.clone(), name.clone());
        call(to, format!("unix_connect {name:?}"), move |m: Maker<K>, fd| m.k.unix_connect(fd, &one));
        call(to, format!("unix_sendto {name:?}"), move |m: Maker<K>, fd| {
            m.k.unix_sendto(fd, b"x", SendFlags::NOSIGNAL, &other)
        });
    }
    for (name, passed) in [("none", None), ("itself", Some(true)), ("nothing", Some(false))] {
        for bytes in [0, 3] {
            call(to, format!("unix_send_fds {name} {bytes}"), move |m: Maker<K>, fd| {
                let fds: Vec<Fd> =
                    passed.map(|itself| if itself { fd } else { Fd(9999) }).into_iter().collect();
                m.k.unix_send_fds(fd, &[b's'; 3][..bytes], &fds, SendFlags::NOSIGNAL)
            });
        }
    }
    for room in [0, 9] {
        for flags in [RecvFlags::NONE, RecvFlags::PEEK, RecvFlags::OOB] {
            call(to, format!("unix_recv_fds {room} {flags:?}"), move |m: Maker<K>, fd| {
                let mut buffer = vec![b'.'; room];
                let result = m.k.unix_recv_fds(fd, &mut buffer, 1, flags | RecvFlags::DONTWAIT);
                let result = result.map(|received| {
                    (received.len, received.fds.len(), received.truncated, received.from == UnixAddr::Unnamed)
                });
                (result, String::from_utf8_lossy(&buffer).into_owned())
            });
        }
    }
    call(to, "unix_recvfrom", |m: Maker<K>, fd| {
        let mut buffer = [b'.'; 9];
        let result = m.k.unix_recvfrom(fd, &mut buffer, RecvFlags::DONTWAIT);
        (
            result.map(|(n, from)| (n, from == UnixAddr::Unnamed)),
            String::from_utf8_lossy(&buffer).into_owned(),
        )
    });
    calls
}

/// Makes a call, and says what it came to and what the descriptor is like then; `how`, where it was made.
pub(crate) fn make<K: Kernel>(m: Maker<K>, log: &Log, how: &str, fd: Fd, (name, call): &Call<K>) {
    let k = m.k;
    log.say(format!("{how}: {name}"), call(m, fd));
    let mut fds = [PollFd::new(fd, ALL)];
    k.poll(&mut fds, NOW, None).unwrap();
    log.say(format!("{how}: {name}, then"), fds[0].revents);
}

pub(crate) fn end<K: Kernel>(k: K, log: &Log, made: Vec<Fd>) {
    let mut buffer = [b'.'; 12];
    let error = k.getsockopt(made[0], SocketOptionName::Error);
    log.say("left", (error, got(k.recv(made[0], &mut buffer, RecvFlags::DONTWAIT), &buffer)));
    for fd in made.into_iter().filter(|fd| *fd != Fd(i32::MAX)) {
        let _ = k.setsockopt(fd, SocketOption::Linger(Some(0)));
        let _ = k.close(fd);
    }
}

/// Makes each call in each state.
pub(crate) fn product<K: Kernel>(m: Maker<K>, log: &Log, states: Vec<State<K>>, calls: Vec<Call<K>>) {
    m.k.sigaction(Signal::SIGPIPE, SigAction::ignore()).unwrap();
    for (state, begin) in &states {
        for call in calls.iter().filter(|(name, _)| is_alike(m, state, name)) {
            let made = begin(m);
            let _ = m.k.fcntl_setfl(made[0], StatusFlags::NONBLOCK);
            make(m, log, state, made[0], call);
            end(m.k, log, made);
        }
    }
}

/// Makes a test of each product.
macro_rules! products {
    ($($name:ident: $domain:ident $states:ident $calls:ident;)*) => {
        $(fn $name<K: Kernel>(k: K, log: &Log) {
            let maker = $crate::compared_states::Maker { k, domain: Domain::$domain };
            $crate::compared_calls::product(maker, log, $crate::compared_states::$states(), $calls());
        })*
        $crate::compared::compared! { $($name)* }
    };
}
pub(crate) use products;

products! {
    connections_transfer: Inet connections transfers;
    connections_live: Inet connections lives;
    connections_as_descriptors: Inet connections descriptors;
    connections_of_6_live: Inet6 connections lives;
    connections_of_6_transfer: Inet6 connections transfers;
    datagrams_transfer: Inet datagrams transfers;
    datagrams_live: Inet datagrams lives;
    datagrams_as_descriptors: Inet datagrams descriptors;
    datagrams_of_6_transfer: Inet6 datagrams transfers;
    datagrams_of_6_live: Inet6 datagrams lives;
    unix_sockets_transfer: Unix unix transfers;
    unix_sockets_live: Unix unix lives;
    unix_sockets_as_descriptors: Unix unix descriptors;
    others_transfer: Inet others transfers;
    others_live: Inet others lives;
    others_as_descriptors: Unix others descriptors;
}
