//! `connect(2)` with `AF_UNSPEC`, of sockets of every kind in every state, and the size of a pipe: each call on both kernels.

use crate::compared::{Log, compared};
use eagain_net::*;
use std::net::SocketAddr;
use std::time::Duration;

fn named<K: Kernel>(k: K, fd: Fd) -> (Result<(bool, bool)>, Result<bool>) {
    let here = k.getsockname(fd).map(|at| (at.ip().is_unspecified(), at.port() == 0));
    (here, k.getpeername(fd).map(|_| true))
}

fn events<K: Kernel>(k: K, fd: Fd) -> Events {
    let mut asked = [PollFd::new(fd, Events::IN | Events::OUT | Events::RDHUP)];
    k.poll(&mut asked, Some(Duration::ZERO), None).unwrap();
    asked[0].revents
}

fn listener<K: Kernel>(k: K, at: &str) -> Fd {
    let at: SocketAddr = at.parse().unwrap();
    let domain = if at.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
    let fd = k.socket(domain, SocketFlags::NONE).unwrap();
    k.bind(fd, at).unwrap();
    k.listen(fd, 4).unwrap();
    fd
}

const STATES: [&str; 10] = [
    "fresh",
    "bound",
    "at a port",
    "listening",
    "connected",
    "written to",
    "shut",
    "ended",
    "both ended",
    "refused",
];

/// Streams: fresh, bound, listening, connected, refused, shut by one end and by both; what both ends see, and that it connects again.
fn streams<K: Kernel>(k: K, log: &Log) {
    for (at, domain) in [("127.0.0.1:0", Domain::Inet), ("[::1]:0", Domain::Inet6)] {
        let other = listener(k, at);
        let to = k.getsockname(other).unwrap();
        for state in STATES {
            let fd = k.socket(domain, SocketFlags::NONBLOCK).unwrap();
            let mut peer = None;
            match state {
                "bound" | "at a port" | "listening" => {
                    let mut at: SocketAddr = at.parse().unwrap();
                    if state == "at a port" {
                        let free = listener(k, &at.to_string());
                        at = k.getsockname(free).unwrap();
                        k.close(free).unwrap();
                    }
                    k.bind(fd, at).unwrap();
                    if state == "listening" {
                        k.listen(fd, 4).unwrap();
                    }
                }
                "refused" => {
                    let free = listener(k, at);
                    let nowhere = k.getsockname(free).unwrap();
                    k.close(free).unwrap();
                    let _ = k.connect(fd, nowhere);
                    k.poll(&mut [PollFd::new(fd, Events::OUT)], None, None).unwrap();
                }
                "connected" | "written to" | "shut" | "ended" | "both ended" => {
                    let _ = k.connect(fd, to);
                    peer = Some(k.accept4(other, SocketFlags::NONBLOCK).unwrap().0);
                    k.poll(&mut [PollFd::new(fd, Events::OUT)], None, None).unwrap();
                    let peer = peer.unwrap();
                    if state == "written to" {
                        k.send(peer, b"abc", SendFlags::NONE).unwrap();
                        k.poll(&mut [PollFd::new(fd, Events::IN)], None, None).unwrap();
                    }
                    if state == "ended" || state == "both ended" {
                        k.shutdown(peer, ShutdownHow::Write).unwrap();
                        k.poll(&mut [PollFd::new(fd, Events::IN)], None, None).unwrap();
                    }
                    if state == "shut" || state == "both ended" {
                        k.shutdown(fd, ShutdownHow::Write).unwrap();
                    }
                    if state == "both ended" {
                        // Until the last acknowledgement has come.
                        k.poll(&mut [PollFd::new(fd, Events::NONE)], None, None).unwrap();
                    }
                }
                _ => {}
            }
            log.say(format!("{at} {state}"), (k.disconnect(fd), named(k, fd), events(k, fd)));
            log.say("error", k.getsockopt(fd, SocketOptionName::Error));
            if let Some(peer) = peer {
                k.poll(&mut [PollFd::new(peer, Events::IN)], None, None).unwrap();
                log.say("the peer", (events(k, peer), k.recv(peer, &mut [0; 9], RecvFlags::NONE)));
                k.close(peer).unwrap();
            }
            log.say("receives", k.recv(fd, &mut [0; 9], RecvFlags::NONE));
            log.say("again", k.disconnect(fd));
            let _ = k.connect(fd, to);
            k.poll(&mut [PollFd::new(fd, Events::OUT)], None, None).unwrap();
            let (peer, _) = k.accept4(other, SocketFlags::NONBLOCK).unwrap();
            k.send(fd, b"xy", SendFlags::NONE).unwrap();
            k.poll(&mut [PollFd::new(peer, Events::IN)], None, None).unwrap();
            log.say("connects again", k.recv(peer, &mut [0; 9], RecvFlags::NONE));
            [fd, peer].into_iter().for_each(|fd| k.close(fd).unwrap());
        }
        k.close(other).unwrap();
    }
}

/// Datagrams: of whom it receives afterwards, and what it keeps of its address.
fn datagrams<K: Kernel>(k: K, log: &Log) {
    let kind = SocketFlags::DGRAM | SocketFlags::NONBLOCK;
    for (at, domain) in [("127.0.0.1:0", Domain::Inet), ("[::1]:0", Domain::Inet6)] {
        let other = k.socket(domain, kind).unwrap();
        k.bind(other, at.parse().unwrap()).unwrap();
        let to = k.getsockname(other).unwrap();
        for bound in [None, Some(at), Some("any")] {
            let fd = k.socket(domain, kind).unwrap();
            log.say("fresh", (k.disconnect(fd), named(k, fd)));
            let any = if domain == Domain::Inet { "0.0.0.0:0" } else { "[::]:0" };
            bound.into_iter().for_each(|at| {
                k.bind(fd, if at == "any" { any } else { at }.parse().unwrap()).unwrap();
            });
            k.connect(fd, to).unwrap();
            log.say(format!("{bound:?}"), (k.disconnect(fd), named(k, fd)));
            log.say("sends", k.send(fd, b"x", SendFlags::NONE));
            log.say("again", (k.disconnect(fd), named(k, fd)));
            k.connect(fd, to).unwrap();
            log.say("sends", k.send(fd, b"x", SendFlags::NONE));
            k.close(fd).unwrap();
        }
        k.close(other).unwrap();
    }
    for kind in [SocketFlags::NONBLOCK, kind] {
        let (a, b) = k.socketpair(kind).unwrap();
        k.send(b, b"abc", SendFlags::NONE).unwrap();
        log.say(format!("unix {kind:?}"), (k.disconnect(a), events(k, a), events(k, b)));
        log.say(
            "receives",
            (k.recv(a, &mut [0; 9], RecvFlags::NONE), k.recv(b, &mut [0; 9], RecvFlags::NONE)),
        );
        log.say("sends", (k.send(a, b"x", SendFlags::NOSIGNAL), k.send(b, b"x", SendFlags::NOSIGNAL)));
        [a, b].into_iter().for_each(|fd| k.close(fd).unwrap());
    }
    log.say("nothing", k.disconnect(Fd(-1)));
    let (reader, writer) = k.pipe2(SocketFlags::NONE).unwrap();
    log.say("a pipe", (k.disconnect(reader), k.disconnect(writer)));
    [reader, writer].into_iter().for_each(|fd| k.close(fd).unwrap());
}

/// A pipe that is made smaller and larger, empty and with something in it.
fn pipes<K: Kernel>(k: K, log: &Log) {
    for queued in [0, 1, 4096, 4097, 20_000, 65_536] {
        for size in
            [0, 1, 4096, 4097, 8192, 10_000, 65_536, 65_537, 1 << 20, 1 << 31, (1 << 31) + 1, u32::MAX]
        {
            // Above it the machine's limit and privileges count.
            if (1 << 20) < size && size <= 1 << 31 {
                continue;
            }
            let (reader, writer) = k.pipe2(SocketFlags::NONBLOCK).unwrap();
            let first = k.fcntl_getpipe_sz(reader);
            let filled = k.write(writer, &vec![1; queued]);
            let set = k.fcntl_setpipe_sz(writer, size);
            let then = (k.fcntl_getpipe_sz(reader), events(k, writer));
            log.say(format!("{queued} {size}"), (first, filled, set, then));
            log.say("takes", k.write(writer, &vec![2; 2 << 20]));
            log.say("gives", k.read(reader, &mut vec![0; 4 << 20]));
            [reader, writer].into_iter().for_each(|fd| k.close(fd).unwrap());
        }
    }
    let fd = k.eventfd(0, SocketFlags::NONE).unwrap();
    log.say("no pipe", (k.fcntl_getpipe_sz(fd), k.fcntl_setpipe_sz(fd, 1), k.fcntl_getpipe_sz(Fd(-1))));
    k.close(fd).unwrap();
}

compared! { streams datagrams pipes }
