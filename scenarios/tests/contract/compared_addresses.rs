//! Addresses of both families in all their combinations, each call made on both kernels: who may bind, who is reached, and what
//! both ends are called.

use crate::compared::{Log, compared};
use eagain_net::*;
use std::net::SocketAddr;

/// Addresses that a socket can be bound to, and connected to.
pub(crate) const ADDRESSES: [&str; 8] = [
    "127.0.0.1",
    "0.0.0.0",
    "127.0.0.2",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.2",
];

pub(crate) fn address(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port)
}

pub(crate) fn domain(ip: &str) -> Domain {
    if ip.contains(':') { Domain::Inet6 } else { Domain::Inet }
}

fn socket<K: Kernel>(k: K, domain: Domain) -> Fd {
    k.socket(domain, SocketFlags::NONE).unwrap()
}

/// Without the port, which is another each time.
pub(crate) fn text_of(address: Result<SocketAddr>) -> String {
    address.map_or_else(
        |errno| format!("{errno:?}"),
        |at| format!("{}{}", at.ip(), if at.port() == 0 { " 0" } else { "" }),
    )
}

/// A port that is free at every address. One that Linux chooses for one address may be in use at another, by a connection in TIME_WAIT
/// or by another process.
pub(crate) fn free_port<K: Kernel>(k: K, flags: SocketFlags) -> u16 {
    let all = k.socket(Domain::Inet6, flags).unwrap();
    k.bind(all, address("::", 0)).unwrap();
    let port = k.getsockname(all).unwrap().port();
    k.close(all).unwrap();
    port
}

fn listener<K: Kernel>(k: K, at: &str, only: bool) -> (Fd, u16) {
    let l = k.socket(domain(at), SocketFlags::NONBLOCK).unwrap();
    let _ = k.setsockopt(l, SocketOption::V6Only(only));
    k.bind(l, address(at, free_port(k, SocketFlags::NONE))).unwrap();
    k.listen(l, 8).unwrap();
    (l, k.getsockname(l).unwrap().port())
}

/// A socket that is to call `to` from `from`. Where the listener is at another address, Linux may choose the listener's port for it
/// too (once in some 14,000 times), and then it would call itself.
fn caller<K: Kernel>(k: K, to: &str, from: Option<&str>, listener_port: u16) -> Fd {
    loop {
        let caller = socket(k, domain(to));
        let Some(from) = from else { return caller };
        k.bind(caller, address(from, 0)).unwrap();
        if k.getsockname(caller).unwrap().port() != listener_port {
            return caller;
        }
        k.close(caller).unwrap();
    }
}

/// Calls `to`, and says what both ends are called.
fn calls<K: Kernel>(k: K, log: &Log, what: &str, caller: Fd, to: SocketAddr, l: Fd) {
    let result = k.connect(caller, to);
    log.say(what, (result, text_of(k.getsockname(caller)), text_of(k.getpeername(caller))));
    if let Ok((accepted, from)) = k.accept4(l, SocketFlags::NONE) {
        log.say(
            "accepted",
            (text_of(Ok(from)), text_of(k.getsockname(accepted)), text_of(k.getpeername(accepted))),
        );
        k.setsockopt(accepted, SocketOption::Linger(Some(0))).unwrap();
        k.close(accepted).unwrap();
    }
    k.close(caller).unwrap();
}

/// From every address to every address of a listener at every address.
fn connecting<K: Kernel>(k: K, log: &Log) {
    for at in ADDRESSES {
        let (l, port) = listener(k, at, false);
        log.say(at, text_of(k.getsockname(l)));
        for to in ADDRESSES {
            let same_family = ADDRESSES.into_iter().filter(|from| domain(from) == domain(to)).map(Some);
            for from in same_family.chain([None]) {
                let caller = caller(k, to, from, port);
                calls(k, log, &format!("{from:?} to {to} at {at}"), caller, address(to, port), l);
            }
        }
        k.close(l).unwrap();
    }
}

/// A second socket at the port of one that is bound, or listens.
fn binding<K: Kernel>(k: K, log: &Log) {
    for (at, to) in ADDRESSES.into_iter().flat_map(|at| ADDRESSES.map(|to| (at, to))) {
        for bits in 0..8 {
            let [reuse, reuse_too, listens] = [1, 2, 4].map(|bit| bits & bit != 0);
            let (one, other) = (socket(k, domain(at)), socket(k, domain(to)));
            k.setsockopt(one, SocketOption::ReuseAddr(reuse)).unwrap();
            k.bind(one, address(at, free_port(k, SocketFlags::NONE))).unwrap();
            if listens {
                k.listen(one, 1).unwrap();
            }
            k.setsockopt(other, SocketOption::ReuseAddr(reuse_too)).unwrap();
            let bound = k.bind(other, address(to, k.getsockname(one).unwrap().port()));
            log.say(
                format!("{at} {to} {bits}"),
                (bound, bound.map(|()| (k.listen(one, 1), k.listen(other, 1)))),
            );
            k.close(one).unwrap();
            k.close(other).unwrap();
        }
    }
}

fn v6_only<K: Kernel>(k: K, log: &Log) {
    for (only, at) in
        [(false, "::"), (true, "::"), (false, "::1"), (true, "::1"), (false, "::ffff:127.0.0.1")]
    {
        let (l, port) = listener(k, at, only);
        log.say(
            at,
            (k.setsockopt(l, SocketOption::V6Only(!only)), k.getsockopt(l, SocketOptionName::V6Only)),
        );
        for (to, only_too) in ADDRESSES.into_iter().flat_map(|to| [(to, false), (to, true)]) {
            let other = socket(k, domain(to));
            let set = k.setsockopt(other, SocketOption::V6Only(only_too));
            log.say(format!("{only} {at} and {to} {only_too}"), (set, k.bind(other, address(to, port))));
            k.close(other).unwrap();
            let caller = socket(k, domain(to));
            let _ = k.setsockopt(caller, SocketOption::V6Only(only_too));
            calls(k, log, "calls", caller, address(to, port), l);
        }
        k.close(l).unwrap();
    }
    let only = socket(k, Domain::Inet6);
    k.setsockopt(only, SocketOption::V6Only(true)).unwrap();
    log.say("mapped", (k.bind(only, address("::ffff:127.0.0.1", 0)), text_of(k.getsockname(only))));
    let v4 = socket(k, Domain::Inet);
    log.say(
        "IPv4",
        (k.setsockopt(v4, SocketOption::V6Only(true)), k.getsockopt(v4, SocketOptionName::V6Only)),
    );
}

/// Addresses that are nobody's, or no single host's.
fn elsewhere<K: Kernel>(k: K, log: &Log) {
    let strange = [
        "198.51.100.1",
        "255.255.255.255",
        "224.0.0.1",
        "127.255.255.255",
        "2001:db8::1",
        "::ffff:198.51.100.1",
    ];
    let strange = strange.into_iter().chain(["ff02::1", "fe80::1", "127.0.0.1", "::1", "::2", "::127.0.0.1"]);
    for (family, at) in strange.flat_map(|at| [(Domain::Inet, at), (Domain::Inet6, at)]) {
        let fd = socket(k, family);
        log.say(format!("bind {family:?} {at}"), (k.bind(fd, address(at, 0)), text_of(k.getsockname(fd))));
        k.close(fd).unwrap();
    }
    // What a router might know is not asked.
    let strange = ["255.255.255.255", "224.0.0.1", "ff02::1", "fe80::1", "::ffff:255.255.255.255"];
    for (family, at) in strange.into_iter().flat_map(|at| [(Domain::Inet, at), (Domain::Inet6, at)]) {
        for from in ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
            for bound in [false, true] {
                let fd = socket(k, family);
                if bound && k.bind(fd, address(from, 0)).is_err() {
                    k.close(fd).unwrap();
                    continue;
                }
                let result = k.connect(fd, address(at, 9));
                log.say(
                    format!("{family:?} {from} {bound} to {at}"),
                    (result, text_of(k.getsockname(fd)), text_of(k.getpeername(fd))),
                );
                k.close(fd).unwrap();
            }
        }
    }
    for (at, port) in [("127.0.0.1", 0), ("::1", 0), ("::1", 1), ("::ffff:127.0.0.1", 1)] {
        let fd = socket(k, domain(at));
        log.say("fresh", text_of(k.getsockname(fd)));
        log.say(
            format!("refused {at} {port}"),
            (k.connect(fd, address(at, port)), text_of(k.getsockname(fd))),
        );
        log.say("listens", (k.listen(fd, 1), text_of(k.getsockname(fd))));
        log.say("does not", (k.shutdown(fd, ShutdownHow::Both), text_of(k.getsockname(fd))));
        k.close(fd).unwrap();
    }
}

/// Two connections between the same two addresses and ports.
fn twice<K: Kernel>(k: K, log: &Log) {
    for at in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        for flags in [SocketFlags::NONE, SocketFlags::NONBLOCK] {
            let (l, port) = listener(k, at, false);
            let (one, other) = (socket(k, domain(at)), k.socket(domain(at), flags).unwrap());
            for fd in [one, other] {
                k.setsockopt(fd, SocketOption::ReuseAddr(true)).unwrap();
            }
            k.bind(one, address(at, 0)).unwrap();
            log.say("bound twice", k.bind(other, k.getsockname(one).unwrap()));
            log.say("one", k.connect(one, address(at, port)));
            log.say("other", (k.connect(other, address(at, port)), k.connect(other, address(at, port))));
            log.say(
                "error",
                (
                    k.getsockopt(other, SocketOptionName::Error),
                    text_of(k.getsockname(other)),
                    text_of(k.getpeername(other)),
                ),
            );
            for fd in [l, one, other] {
                k.close(fd).unwrap();
            }
        }
    }
}

compared! { connecting binding v6_only elsewhere twice }
