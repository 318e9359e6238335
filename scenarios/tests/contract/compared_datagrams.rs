//! UDP's addresses of both families, and the options of sockets of every kind, each call made on both kernels: who may bind,
//! who is reached, what both ends are called, which option a socket has.

use crate::compared::{Log, compared};
use crate::compared_addresses::{ADDRESSES, address, domain, free_port, text_of};
use eagain_net::*;
use std::net::SocketAddr;
use std::time::Duration;

const DGRAM: SocketFlags = SocketFlags::NONBLOCK.with(SocketFlags::DGRAM);

fn socket<K: Kernel>(k: K, domain: Domain) -> Fd {
    k.socket(domain, DGRAM).unwrap()
}

fn receiver<K: Kernel>(k: K, at: &str, only: bool) -> (Fd, SocketAddr) {
    let fd = socket(k, domain(at));
    let _ = k.setsockopt(fd, SocketOption::V6Only(only));
    k.bind(fd, address(at, free_port(k, DGRAM))).unwrap();
    (fd, k.getsockname(fd).unwrap())
}

/// The sender of what has come.
fn come<K: Kernel>(k: K, fd: Fd) -> Option<(usize, SocketAddr)> {
    let mut asked = [PollFd::new(fd, Events::IN)];
    k.poll(&mut asked, Some(Duration::from_millis(1)), None).unwrap();
    k.recvfrom(fd, &mut [0; 8], RecvFlags::NONE).ok().and_then(|(n, from)| Some((n, from?)))
}

fn close<K: Kernel>(k: K, fds: impl IntoIterator<Item = Fd>) {
    fds.into_iter().for_each(|fd| k.close(fd).unwrap());
}

/// Sends to an address, then calls it, sends again, and is answered.
fn exchange<K: Kernel>(k: K, log: &Log, what: &str, sender: Fd, to: SocketAddr, receiver: Fd) {
    let names = || (text_of(k.getsockname(sender)), text_of(k.getpeername(sender)));
    log.say(format!("{what}: sends"), (k.sendto(sender, b"x", SendFlags::NONE, to), names()));
    log.say("comes", come(k, receiver).map(|(n, from)| (n, text_of(Ok(from)))));
    log.say("is connected", (k.connect(sender, to), names()));
    log.say("sends again", k.send(sender, b"yy", SendFlags::NONE).ok());
    if let Some((n, from)) = come(k, receiver) {
        log.say("comes again", (n, text_of(Ok(from))));
        log.say("answers", k.sendto(receiver, b"zzz", SendFlags::NONE, from));
        log.say("is answered", come(k, sender).map(|(n, from)| (n, text_of(Ok(from)))));
    }
    let _ = k.getsockopt(sender, SocketOptionName::Error);
    log.say("is connected elsewhere", (k.connect(sender, "[::1]:9".parse().unwrap()), names()));
}

/// From every address to every address of a socket at every address.
fn sending<K: Kernel>(k: K, log: &Log) {
    for (at, only) in ADDRESSES.into_iter().flat_map(|at| [(at, false), (at, true)]) {
        if only && (at.contains("ffff") || domain(at) == Domain::Inet) {
            continue;
        }
        let (fd, name) = receiver(k, at, only);
        log.say(at, text_of(Ok(name)));
        for to in ADDRESSES {
            let same_family = ADDRESSES.into_iter().filter(|from| domain(from) == domain(to)).map(Some);
            for from in same_family.chain([None]) {
                let sender = socket(k, domain(to));
                from.into_iter().for_each(|from| k.bind(sender, address(from, 0)).unwrap());
                let what = format!("{from:?} to {to} at {at} {only}");
                exchange(k, log, &what, sender, address(to, name.port()), fd);
                close(k, [sender]);
            }
        }
        // Senders that want nothing to do with IPv4, and a socket of IPv6 that is given an address of IPv4.
        for (to, only_too) in ADDRESSES.into_iter().flat_map(|to| [(to, false), (to, true)]) {
            let sender = socket(k, Domain::Inet6);
            k.setsockopt(sender, SocketOption::V6Only(only_too)).unwrap();
            let what = format!("only {only_too} to {to} at {at} {only}");
            exchange(k, log, &what, sender, address(to, name.port()), fd);
            close(k, [sender]);
        }
        close(k, [fd]);
    }
}

/// A second socket at the port of one that is bound, and which of both receives.
fn binding<K: Kernel>(k: K, log: &Log) {
    let pairs = ADDRESSES.into_iter().flat_map(|at| ADDRESSES.map(|to| (at, to)));
    for ((at, to), only) in pairs.flat_map(|pair| [(pair, false), (pair, true)]) {
        if only && (at.contains("ffff") || to.contains("ffff")) {
            continue;
        }
        for bits in 0..16 {
            let [reuse, reuse_too, port, port_too] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
            let (one, other) = (socket(k, domain(at)), socket(k, domain(to)));
            for (fd, reuse, port) in [(one, reuse, port), (other, reuse_too, port_too)] {
                k.setsockopt(fd, SocketOption::ReuseAddr(reuse)).unwrap();
                k.setsockopt(fd, SocketOption::ReusePort(port)).unwrap();
                let _ = k.setsockopt(fd, SocketOption::V6Only(only));
            }
            k.bind(one, address(at, free_port(k, DGRAM))).unwrap();
            let name = k.getsockname(one).unwrap();
            let bound = k.bind(other, address(to, name.port()));
            log.say(format!("{at} {to} {only} {bits}"), bound);
            // Of equal ones with `SO_REUSEPORT` a hash says which.
            if bound.is_ok() && bits == 3 {
                for target in ["127.0.0.1", "::1", "127.0.0.2"] {
                    let sender = socket(k, domain(target));
                    let sent = k.sendto(sender, b"x", SendFlags::NONE, address(target, name.port()));
                    log.say(target, (sent, come(k, one).is_some(), come(k, other).is_some()));
                    close(k, [sender]);
                }
            }
            close(k, [one, other]);
        }
    }
}

/// `IPV6_V6ONLY` counts for what is bound later.
fn v6_only<K: Kernel>(k: K, log: &Log) {
    for (only, at) in ADDRESSES.into_iter().flat_map(|at| [(false, at), (true, at)]) {
        let fd = socket(k, domain(at));
        log.say(at, (k.setsockopt(fd, SocketOption::V6Only(only)), k.bind(fd, address(at, 0))));
        let set = k.setsockopt(fd, SocketOption::V6Only(!only));
        log.say("set again", (set, k.getsockopt(fd, SocketOptionName::V6Only)));
        close(k, [fd]);
    }
    let strange = ["198.51.100.1", "255.255.255.255", "224.0.0.1", "::ffff:224.0.0.1", "2001:db8::1"];
    let strange = strange.into_iter().chain(["ff02::1", "ff0e::1", "fe80::1", "::2", "::ffff:198.51.100.1"]);
    for (family, at) in strange.flat_map(|at| [(Domain::Inet, at), (Domain::Inet6, at)]) {
        let fd = socket(k, family);
        log.say(format!("bind {family:?} {at}"), (k.bind(fd, address(at, 0)), text_of(k.getsockname(fd))));
        close(k, [fd]);
    }
    for (family, to) in
        [(Domain::Inet, "[::1]:9"), (Domain::Inet6, "127.0.0.1:9"), (Domain::Inet, "127.0.0.1:0")]
    {
        let fd = socket(k, family);
        let connected = k.connect(fd, to.parse().unwrap());
        let named = k.getsockname(fd).map(|at| at.port() != 0);
        log.say(format!("{family:?} {to}"), (connected, named, k.send(fd, b"x", SendFlags::NONE)));
        close(k, [fd]);
    }
}

/// Each option of each kind of socket.
fn options<K: Kernel>(k: K, log: &Log) {
    use SocketOption as O;
    let second = Some(Duration::from_secs(1));
    let all =
        [O::ReuseAddr(true), O::ReusePort(true), O::ReusePort(false), O::NoDelay(true), O::KeepAlive(true)];
    let tcp = [O::KeepIdle(5), O::KeepInterval(5), O::KeepCount(5), O::UserTimeout(5), O::KeepIdle(0)];
    let more = [O::V6Only(true), O::V6Only(false), O::Linger(Some(3)), O::Linger(None), O::RecvLowAt(3)];
    let last = [O::RecvTimeout(second), O::SendTimeout(second), O::SendBuffer(9000), O::RecvBuffer(9000)];
    for domain in [Domain::Inet, Domain::Inet6, Domain::Unix] {
        for kind in [SocketFlags::NONE, SocketFlags::DGRAM] {
            let fd = k.socket(domain, kind).unwrap();
            for &option in all.iter().chain(&tcp).chain(&more).chain(&last) {
                let what = format!("{domain:?} {kind:?} {option:?}");
                log.say(what, (k.setsockopt(fd, option), k.getsockopt(fd, option.name())));
            }
            log.say("error", k.getsockopt(fd, SocketOptionName::Error));
            close(k, [fd]);
        }
    }
}

compared! { sending binding v6_only options }
