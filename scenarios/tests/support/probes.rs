//! One small use of each call that should work.

use eagain_net::*;
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// A use of a call.
pub(crate) struct Probe<K> {
    pub(crate) family: &'static str,
    pub(crate) call: &'static str,
    pub(crate) run: fn(K, &str) -> Result<()>,
}

const NOW: Option<Duration> = Some(Duration::ZERO);

fn listener<K: Kernel>(k: K, domain: Domain) -> Result<(Fd, SocketAddr)> {
    let fd = k.socket(domain, SocketFlags::NONBLOCK)?;
    let address = match domain {
        Domain::Inet | Domain::Unix => any_port(),
        Domain::Inet6 => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0)),
    };
    k.bind(fd, address)?;
    k.listen(fd, 1)?;
    let address = k.getsockname(fd)?;
    Ok((fd, address))
}

/// Does something with two ends of a connection.
fn paired<K: Kernel, T>(k: K, domain: Domain, act: impl FnOnce(Fd, Fd) -> Result<T>) -> Result<()> {
    let (listener, address) = listener(k, domain)?;
    let client = k.socket(domain, SocketFlags::NONE)?;
    k.connect(client, address)?;
    let (server, _) = k.accept4(listener, SocketFlags::NONE)?;
    let result = act(client, server);
    for fd in [listener, client, server] {
        k.close(fd)?;
    }
    result.map(drop)
}

fn unix_pair<K: Kernel, T>(k: K, flags: SocketFlags, act: impl FnOnce(Fd, Fd) -> Result<T>) -> Result<()> {
    let (a, b) = k.socketpair(flags)?;
    let result = act(a, b);
    k.close(a)?;
    k.close(b)?;
    result.map(drop)
}

/// A lock of a byte.
const RECORD: RecordLock =
    RecordLock { kind: FileLock::Exclusive, owner: LockOwner::OpenFile, start: 0, len: 1 };

/// Does something with a listener and who has called it.
fn unix_listener<K: Kernel, T>(k: K, folder: &str, act: impl FnOnce(Fd, Fd) -> Result<T>) -> Result<()> {
    let address = UnixAddr::Path(format!("{folder}/listener"));
    let _ = k.unlink(&address.to_string());
    let (listener, caller) =
        (k.socket(Domain::Unix, SocketFlags::NONE)?, k.socket(Domain::Unix, SocketFlags::NONE)?);
    k.unix_bind(listener, &address)?;
    k.listen(listener, 1)?;
    k.unix_connect(caller, &address)?;
    let result = act(listener, caller);
    k.close(listener)?;
    k.close(caller)?;
    result.map(drop)
}

/// Does something with a socket that a datagram was sent to.
fn unix_datagram<K: Kernel, T>(k: K, folder: &str, act: impl FnOnce(Fd) -> Result<T>) -> Result<()> {
    let address = UnixAddr::Path(format!("{folder}/datagram"));
    let _ = k.unlink(&address.to_string());
    let (from, to) =
        (k.socket(Domain::Unix, SocketFlags::DGRAM)?, k.socket(Domain::Unix, SocketFlags::DGRAM)?);
    k.unix_bind(to, &address)?;
    k.unix_sendto(from, b"abc", SendFlags::NONE, &address)?;
    let result = act(to);
    k.close(from)?;
    k.close(to)?;
    result.map(drop)
}

/// Does something with a socket that a datagram was sent to.
fn datagram<K: Kernel, T>(k: K, act: impl FnOnce(Fd) -> Result<T>) -> Result<()> {
    let [from, to] =
        [k.socket(Domain::Inet, SocketFlags::DGRAM)?, k.socket(Domain::Inet, SocketFlags::DGRAM)?];
    k.bind(to, any_port())?;
    k.sendto(from, b"abc", SendFlags::NONE, k.getsockname(to)?)?;
    let result = act(to);
    k.close(from)?;
    k.close(to)?;
    result.map(drop)
}

fn with<K: Kernel, T>(k: K, fd: Result<Fd>, act: impl FnOnce(Fd) -> Result<T>) -> Result<()> {
    let fd = fd?;
    let result = act(fd);
    k.close(fd)?;
    result.map(drop)
}

fn with_timer<K: Kernel>(k: K, act: impl FnOnce(TimerId) -> Result<()>) -> Result<()> {
    let timer = k.timer_create(ClockId::Monotonic, TimerEvent::None)?;
    act(timer)?;
    k.timer_delete(timer)
}

fn event<K: Kernel>(k: K) -> Result<Fd> {
    k.eventfd(1, SocketFlags::NONBLOCK)
}

fn file<K: Kernel>(k: K, folder: &str) -> Result<Fd> {
    k.open(&format!("{folder}/file"), OpenFlags::RDWR | OpenFlags::CREAT)
}

fn option<K: Kernel>(k: K, domain: Domain, option: SocketOption) -> Result<()> {
    with(k, k.socket(domain, SocketFlags::NONE), |fd| {
        k.setsockopt(fd, option)?;
        k.getsockopt(fd, option.name())
    })
}

fn aio<K: Kernel>(k: K, folder: &str) -> Result<(Fd, AioId)> {
    let fd = file(k, folder)?;
    let id = k.aio_write(fd, vec![1; 9], 0, 0, SigEvent::None).map_err(|(errno, _)| errno)?;
    k.aio_suspend(&[id], None)?;
    Ok((fd, id))
}

fn ring<K: Kernel>(k: K) -> Result<K::Ring> {
    k.io_uring_setup(RingParams { entries: 4, cq_entries: 0, defer_taskrun: false })
}

macro_rules! probes {
    ($($family:literal { $($call:literal => |$k:ident, $folder:tt| $body:expr;)* })*) => {
        /// Every call, with a use of it.
        pub(crate) fn probes<K: Kernel>() -> Vec<Probe<K>> {
            vec![$($(Probe { family: $family, call: $call, run: |$k: K, $folder: &str| $body },)*)*]
        }
    };
}

probes! {
    "Descriptors" {
        "close" => |k, _| k.close(event(k)?);
        "dup" => |k, _| with(k, event(k), |fd| k.close(k.dup(fd)?));
        "fcntl_dupfd" => |k, _| with(k, event(k), |fd| k.close(k.fcntl_dupfd(fd, 10)?));
        "dup3" => |k, _| with(k, event(k), |fd| k.close(k.dup3(fd, k.dup(fd)?)?));
        "read" => |k, _| with(k, event(k), |fd| k.read(fd, &mut [0; 8]));
        "write" => |k, _| with(k, event(k), |fd| k.write(fd, &[0; 8]));
        "readv" => |k, _| with(k, event(k), |fd| k.readv(fd, &mut [IoSliceMut::new(&mut [0; 8])]));
        "writev" => |k, _| paired(k, Domain::Inet, |client, _| k.writev(client, &[IoSlice::new(b"abc")]));
        "fcntl_getfl" => |k, _| with(k, event(k), |fd| k.fcntl_getfl(fd));
        "fcntl_setfl" => |k, _| with(k, event(k), |fd| k.fcntl_setfl(fd, StatusFlags::NONBLOCK));
    }
    "Pipes" {
        "pipe2" => |k, _| {
            let (reader, writer) = k.pipe2(SocketFlags::NONE)?;
            k.write(writer, b"abc")?;
            k.read(reader, &mut [0; 9])?;
            k.close(reader)?;
            k.close(writer)
        };
        "fcntl_getpipe_sz" => |k, _| {
            let (reader, writer) = k.pipe2(SocketFlags::NONE)?;
            k.close(writer)?;
            with(k, Ok(reader), |fd| k.fcntl_getpipe_sz(fd))
        };
        "fcntl_setpipe_sz" => |k, _| {
            let (reader, writer) = k.pipe2(SocketFlags::NONE)?;
            k.close(writer)?;
            with(k, Ok(reader), |fd| k.fcntl_setpipe_sz(fd, 4096))
        };
    }
    "Sockets" {
        "socket" => |k, _| k.close(k.socket(Domain::Inet, SocketFlags::NONE)?);
        "socket AF_INET6" => |k, _| paired(k, Domain::Inet6, |_, _| Ok(()));
        "bind" => |k, _| with(k, k.socket(Domain::Inet, SocketFlags::NONE), |fd| k.bind(fd, any_port()));
        "listen" => |k, _| k.close(listener(k, Domain::Inet)?.0);
        "accept4" => |k, _| paired(k, Domain::Inet, |_, _| Ok(()));
        "connect" => |k, _| paired(k, Domain::Inet, |_, _| Ok(()));
        "disconnect" => |k, _| paired(k, Domain::Inet, |client, _| k.disconnect(client));
        "recv" => |k, _| paired(k, Domain::Inet, |client, server| {
            k.send(client, b"abc", SendFlags::NONE)?;
            k.recv(server, &mut [0; 9], RecvFlags::NONE)
        });
        "recv MSG_PEEK" => |k, _| paired(k, Domain::Inet, |client, server| {
            k.send(client, b"abc", SendFlags::NONE)?;
            k.recv(server, &mut [0; 9], RecvFlags::PEEK)
        });
        "recv MSG_TRUNC" => |k, _| paired(k, Domain::Inet, |client, server| {
            k.send(client, b"abc", SendFlags::NONE)?;
            k.recv(server, &mut [0; 9], RecvFlags::TRUNC)
        });
        "recv MSG_WAITALL" => |k, _| paired(k, Domain::Inet, |client, server| {
            k.send(client, b"abc", SendFlags::NONE)?;
            k.recv(server, &mut [0; 3], RecvFlags::WAITALL)
        });
        "recv MSG_OOB" => |k, _| paired(k, Domain::Inet, |client, server| {
            k.send(client, b"a", SendFlags::OOB)?;
            k.poll(&mut [PollFd::new(server, Events::PRI)], None, None)?;
            k.recv(server, &mut [0; 1], RecvFlags::OOB)
        });
        "send" => |k, _| paired(k, Domain::Inet, |client, _| k.send(client, b"abc", SendFlags::NOSIGNAL));
        "send MSG_OOB" => |k, _| paired(k, Domain::Inet, |client, _| k.send(client, b"a", SendFlags::OOB));
        "sendmsg" => |k, _| paired(k, Domain::Inet, |client, _| {
            k.sendmsg(client, &[IoSlice::new(b"a"), IoSlice::new(b"b")], SendFlags::NONE)
        });
        "shutdown" => |k, _| paired(k, Domain::Inet, |client, _| k.shutdown(client, ShutdownHow::Both));
        "getsockname" => |k, _| paired(k, Domain::Inet, |client, _| k.getsockname(client));
        "getpeername" => |k, _| paired(k, Domain::Inet, |client, _| k.getpeername(client));
        "setsockopt SO_REUSEADDR" => |k, _| option(k, Domain::Inet, SocketOption::ReuseAddr(true));
        "setsockopt SO_REUSEPORT" => |k, _| option(k, Domain::Inet, SocketOption::ReusePort(true));
        "setsockopt SO_SNDBUF" => |k, _| option(k, Domain::Inet, SocketOption::SendBuffer(9000));
        "setsockopt SO_RCVBUF" => |k, _| option(k, Domain::Inet, SocketOption::RecvBuffer(9000));
        "setsockopt SO_RCVLOWAT" => |k, _| option(k, Domain::Inet, SocketOption::RecvLowAt(9));
        "setsockopt SO_LINGER" => |k, _| option(k, Domain::Inet, SocketOption::Linger(Some(0)));
        "setsockopt TCP_NODELAY" => |k, _| option(k, Domain::Inet, SocketOption::NoDelay(true));
        "setsockopt SO_KEEPALIVE" => |k, _| option(k, Domain::Inet, SocketOption::KeepAlive(true));
        "setsockopt TCP_KEEPIDLE" => |k, _| option(k, Domain::Inet, SocketOption::KeepIdle(9));
        "setsockopt TCP_KEEPINTVL" => |k, _| option(k, Domain::Inet, SocketOption::KeepInterval(9));
        "setsockopt TCP_KEEPCNT" => |k, _| option(k, Domain::Inet, SocketOption::KeepCount(9));
        "setsockopt TCP_USER_TIMEOUT" => |k, _| option(k, Domain::Inet, SocketOption::UserTimeout(9));
        "setsockopt IPV6_V6ONLY" => |k, _| option(k, Domain::Inet6, SocketOption::V6Only(true));
        "setsockopt SO_RCVTIMEO" => |k, _| option(k, Domain::Inet, SocketOption::RecvTimeout(Some(Duration::from_secs(1))));
        "setsockopt SO_SNDTIMEO" => |k, _| option(k, Domain::Inet, SocketOption::SendTimeout(Some(Duration::from_secs(1))));
        "setsockopt TCP_CORK" => |k, _| option(k, Domain::Inet, SocketOption::Number(NumberOption::Cork, 1));
        "setsockopt SO_MARK" => |k, _| option(k, Domain::Inet, SocketOption::Number(NumberOption::Mark, 0));
        "setsockopt TCP_CONGESTION" => |k, _| option(k, Domain::Inet, SocketOption::Congestion(OptionText::new(b"reno")));
        "setsockopt SO_BINDTODEVICE" => |k, _| option(k, Domain::Inet, SocketOption::BindToDevice(OptionText::new(b"lo")));
        "setsockopt SO_ERROR" => |k, _| option(k, Domain::Inet, SocketOption::Error(None));
        "getsockopt SO_ERROR" => |k, _| {
            with(k, k.socket(Domain::Inet, SocketFlags::NONE), |fd| k.getsockopt(fd, SocketOptionName::Error))
        };
    }
    "Datagrams" {
        "socket SOCK_DGRAM" => |k, _| k.close(k.socket(Domain::Inet, SocketFlags::DGRAM)?);
        "sendto" => |k, _| datagram(k, |_| Ok(()));
        "recvfrom" => |k, _| datagram(k, |fd| k.recvfrom(fd, &mut [0; 9], RecvFlags::NONE));
        "sendmsg_control" => |k, _| datagram(k, |fd| {
            let to = Some(k.getsockname(fd)?);
            k.sendmsg_control(fd, b"abc", SendFlags::NONE, to, &[Control::Ttl(9)])
        });
        "recvmsg_control" => |k, _| datagram(k, |fd| k.recvmsg_control(fd, &mut [0; 9], RecvFlags::NONE));
    }
    "AF_UNIX" {
        "socketpair" => |k, _| unix_pair(k, SocketFlags::NONE, |_, _| Ok(()));
        "socketpair SOCK_DGRAM" => |k, _| unix_pair(k, SocketFlags::DGRAM, |_, _| Ok(()));
        "unix_bind" => |k, folder| unix_listener(k, folder, |_, _| Ok(()));
        "unix_bind abstract" => |k, _| with(k, k.socket(Domain::Unix, SocketFlags::NONE), |fd| k.unix_bind(fd, &UnixAddr::Unnamed));
        "unix_connect" => |k, folder| unix_listener(k, folder, |_, c| k.unix_getpeername(c));
        "unix_accept" => |k, folder| unix_listener(k, folder, |l, _| k.close(k.unix_accept(l, SocketFlags::NONE)?.0));
        "unix_sendto" => |k, folder| unix_datagram(k, folder, |_| Ok(()));
        "unix_recvfrom" => |k, folder| unix_datagram(k, folder, |fd| k.unix_recvfrom(fd, &mut [0; 9], RecvFlags::NONE));
        "unix_send_fds" => |k, _| unix_pair(k, SocketFlags::NONE, |a, b| k.unix_send_fds(a, b"x", &[b], SendFlags::NONE));
        "unix_recv_fds" => |k, _| unix_pair(k, SocketFlags::NONE, |a, b| {
            k.unix_send_fds(a, b"x", &[b], SendFlags::NONE)?;
            k.unix_recv_fds(b, &mut [0; 9], 1, RecvFlags::NONE)?.fds.into_iter().try_for_each(|fd| k.close(fd))
        });
        "unix_getsockname" => |k, _| unix_pair(k, SocketFlags::NONE, |a, _| k.unix_getsockname(a));
        "unix_getpeername" => |k, _| unix_pair(k, SocketFlags::NONE, |a, _| k.unix_getpeername(a));
    }
    "Readiness" {
        "epoll_create" => |k, _| k.close(k.epoll_create()?);
        "epoll_ctl" => |k, _| with(k, k.epoll_create(), |set| with(k, event(k), |fd| {
            k.epoll_ctl(set, EpollOp::Add, fd, Events::IN, 0)?;
            k.epoll_ctl(set, EpollOp::Mod, fd, Events::IN | Events::ET | Events::ONESHOT, 0)?;
            k.epoll_ctl(set, EpollOp::Del, fd, Events::NONE, 0)
        }));
        "epoll_ctl EPOLLEXCLUSIVE" => |k, _| with(k, k.epoll_create(), |set| with(k, event(k), |fd| {
            k.epoll_ctl(set, EpollOp::Add, fd, Events::IN | Events::EXCLUSIVE, 0)
        }));
        "epoll_wait" => |k, _| {
            with(k, k.epoll_create(), |set| k.epoll_wait(set, &mut [EpollEvent::default()], NOW, Some(SigSet::FULL)))
        };
        "poll" => |k, _| with(k, event(k), |fd| k.poll(&mut [PollFd::new(fd, Events::IN)], NOW, Some(SigSet::FULL)));
        "select" => |k, _| with(k, event(k), |fd| {
            let mut read = FdSet::default();
            let fits = read.insert(fd);
            k.select(fd.0 + i32::from(fits), Some(&mut read), None, None, NOW, Some(SigSet::FULL))
        });
        "select beyond FD_SETSIZE" => |k, _| k.select(1025, None, None, None, NOW, None).map(drop);
        "eventfd" => |k, _| k.close(event(k)?);
    }
    "Signals" {
        "getpid" => |k, _| if k.getpid() > 0 { Ok(()) } else { Err(Errno::ESRCH) };
        "sigaction" => |k, _| k.sigaction(Signal(60), SigAction::ignore()).map(drop);
        "sigprocmask" => |k, _| k.sigprocmask(MaskHow::Block, SigSet::of(&[Signal(60), Signal(61)])).map(drop);
        "sigpending" => |k, _| k.sigpending().map(drop);
        "tgkill" => |k, _| k.tgkill(k.gettid(), Signal(61));
        "sigtimedwait" => |k, _| k.sigtimedwait(SigSet::of(&[Signal(61)]), NOW).map(drop);
        "signalfd" => |k, _| k.close(k.signalfd(SigSet::of(&[Signal(61)]), SocketFlags::NONE)?);
        "kill" => |k, _| k.kill(k.getpid(), Signal::SIGWINCH);
        "sigqueue" => |k, _| k.sigqueue(k.getpid(), Signal::SIGWINCH, 7);
        "fcntl_setown" => |k, _| paired(k, Domain::Inet, |fd, _| k.fcntl_setown(fd, Owner::ThisThread));
        "fcntl_setsig" => |k, _| paired(k, Domain::Inet, |fd, _| k.fcntl_setsig(fd, Some(Signal(61))));
    }
    "Clocks and timers" {
        "clock_gettime" => |k, _| {
            let moments = [ClockId::Monotonic, ClockId::Realtime].map(|clock| k.clock_gettime(clock));
            if moments.iter().all(|moment| moment.0 > 0) { Ok(()) } else { Err(Errno::EINVAL) }
        };
        "nanosleep" => |k, _| k.nanosleep(Duration::from_nanos(1));
        "timerfd_create" => |k, _| k.close(k.timerfd_create(ClockId::Realtime, SocketFlags::NONE)?);
        "timerfd_settime" => |k, _| with(k, k.timerfd_create(ClockId::Monotonic, SocketFlags::NONE), |fd| {
            k.timerfd_settime(fd, TimerSpec::default(), true)
        });
        "timerfd_gettime" => |k, _| {
            with(k, k.timerfd_create(ClockId::Monotonic, SocketFlags::NONE), |fd| k.timerfd_gettime(fd))
        };
        "timer_create" => |k, _| with_timer(k, |_| Ok(()));
        "timer_settime" => |k, _| with_timer(k, |timer| k.timer_settime(timer, TimerSpec::default(), true).map(drop));
        "timer_gettime" => |k, _| with_timer(k, |timer| k.timer_gettime(timer).map(drop));
        "timer_getoverrun" => |k, _| with_timer(k, |timer| k.timer_getoverrun(timer).map(drop));
        "timer_delete" => |k, _| with_timer(k, |_| Ok(()));
        "setitimer" => |k, _| k.setitimer(TimerSpec::default()).map(drop);
        "getitimer" => |k, _| k.getitimer().map(drop);
    }
    "Threads" {
        "spawn" => |k, _| k.spawn("probe", Box::new(|| {})).and_then(|thread| k.join(thread));
        "join" => |k, _| k.spawn("probe", Box::new(|| {})).and_then(|thread| k.join(thread));
        "detach" => |k, _| k.spawn("probe", Box::new(|| {})).and_then(|thread| k.detach(thread));
        "gettid" => |k, _| if k.gettid().0 > 0 { Ok(()) } else { Err(Errno::ESRCH) };
        "sched_yield" => |k, _| { k.sched_yield(); Ok(()) };
        "futex_wait" => |k, _| match k.futex_wait(&AtomicU32::new(0), 0, FutexTimeout::Relative(Duration::ZERO)) {
            Err(Errno::ETIMEDOUT) | Ok(()) => Ok(()),
            other => other,
        };
        "futex_wake" => |k, _| k.futex_wake(&AtomicU32::new(0), 1).map(drop);
        "futex_cmp_requeue" => |k, _| {
            k.futex_cmp_requeue(&AtomicU32::new(0), 0, 1, 1, &AtomicU32::new(0)).map(drop)
        };
    }
    "Files" {
        "mkdir" => |k, folder| match k.mkdir(&format!("{folder}/folder")) {
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        };
        "rmdir" => |k, folder| {
            k.mkdir(&format!("{folder}/empty"))?;
            k.rmdir(&format!("{folder}/empty"))
        };
        "open" => |k, folder| k.close(file(k, folder)?);
        "lseek" => |k, folder| with(k, file(k, folder), |fd| k.lseek(fd, std::io::SeekFrom::End(0)));
        "pread" => |k, folder| with(k, file(k, folder), |fd| k.pread(fd, &mut [0; 9], 0));
        "pwrite" => |k, folder| with(k, file(k, folder), |fd| k.pwrite(fd, b"abc", 1));
        "fsync" => |k, folder| with(k, file(k, folder), |fd| k.fsync(fd));
        "fdatasync" => |k, folder| with(k, file(k, folder), |fd| k.fdatasync(fd));
        "flock" => |k, folder| with(k, file(k, folder), |fd| k.flock(fd, FileLock::Exclusive));
        "flock_wait" => |k, folder| with(k, file(k, folder), |fd| k.flock_wait(fd, FileLock::Exclusive));
        "fcntl_setlk" => |k, folder| with(k, file(k, folder), |fd| k.fcntl_setlk(fd, RECORD));
        "fcntl_setlkw" => |k, folder| with(k, file(k, folder), |fd| k.fcntl_setlkw(fd, RECORD));
        "fcntl_getlk" => |k, folder| with(k, file(k, folder), |fd| k.fcntl_getlk(fd, RECORD));
        "ftruncate" => |k, folder| with(k, file(k, folder), |fd| k.ftruncate(fd, 2));
        "fstat" => |k, folder| with(k, file(k, folder), |fd| k.fstat(fd));
        "stat" => |k, folder| k.stat(folder).map(drop);
        "chmod" => |k, folder| k.chmod(folder, 0o755);
        "fchmod" => |k, folder| with(k, file(k, folder), |fd| k.fchmod(fd, 0o644));
        "utimensat" => |k, folder| k.utimensat(folder, [FileTime::Now, FileTime::Omit]);
        "futimens" => |k, folder| with(k, file(k, folder), |fd| k.futimens(fd, [FileTime::Now; 2]));
        "mkfifo" => |k, folder| {
            k.mkfifo(&format!("{folder}/fifo"))?;
            k.unlink(&format!("{folder}/fifo"))
        };
        "link" => |k, folder| {
            k.close(file(k, folder)?)?;
            k.link(&format!("{folder}/file"), &format!("{folder}/link"))
        };
        "rename" => |k, folder| {
            k.close(file(k, folder)?)?;
            k.rename(&format!("{folder}/file"), &format!("{folder}/other"))
        };
        "unlink" => |k, folder| k.unlink(&format!("{folder}/other"));
        "read_dir" => |k, folder| k.read_dir(folder).map(drop);
    }
    "Limits" {
        "getrlimit" => |k, _| k.getrlimit(Resource::Files).map(drop);
        "setrlimit" => |k, _| k.setrlimit(Resource::Files, k.getrlimit(Resource::Files)?);
    }
    "Entropy" {
        "getrandom" => |k, _| k.getrandom(&mut [0; 16]);
    }
    "Rings (io_uring)" {
        "io_uring_setup" => |k, _| ring(k).map(drop);
        "enter" => |k, _| {
            let mut ring = ring(k)?;
            let nop = Submission { user_data: 1, operation: Operation::Nop, flags: SubmissionFlags::NONE };
            ring.push(nop).map_err(|(errno, _)| errno)?;
            ring.enter(1, None, None).map(drop)
        };
    }
    "Asynchronous I/O (aio)" {
        "aio_read" => |k, folder| {
            let fd = file(k, folder)?;
            let id = k.aio_read(fd, vec![0; 9], 0, SigEvent::None).map_err(|(errno, _)| errno)?;
            k.aio_suspend(&[id], None)?;
            let _ = k.aio_return(id)?;
            k.close(fd)
        };
        "aio_write" => |k, folder| aio(k, folder).and_then(|(fd, id)| { let _ = k.aio_return(id)?; k.close(fd) });
        "aio_error" => |k, folder| aio(k, folder).and_then(|(fd, id)| { k.aio_error(id)?; let _ = k.aio_return(id)?; k.close(fd) });
        "aio_return" => |k, folder| aio(k, folder).and_then(|(fd, id)| { let _ = k.aio_return(id)?; k.close(fd) });
        "aio_cancel" => |k, folder| aio(k, folder).and_then(|(fd, id)| { k.aio_cancel(fd, Some(id))?; let _ = k.aio_return(id)?; k.close(fd) });
        "aio_suspend" => |k, folder| aio(k, folder).and_then(|(fd, id)| { let _ = k.aio_return(id)?; k.close(fd) });
    }
}
