//! Options of sockets with one number or a text: each option of each kind of socket with values in and out of its range, what
//! a connection inherits, and what `TCP_CORK` holds back. Each call is made on both kernels.

use crate::compared::{Log, compared};
use eagain_net::*;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

const VALUES: [i32; 34] = [
    i32::MIN,
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    60,
    87,
    88,
    119,
    120,
    121,
    127,
    128,
    255,
    256,
    300,
    536,
    1151,
    1152,
    1153,
    1460,
    4096,
    4097,
    32_767,
    32_768,
    65_535,
    i32::MAX,
];

/// Whether this process may do on Linux what a simulated one may: `CAP_NET_ADMIN`.
fn is_privileged() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| {
        let fd = Linux.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        let marked = Linux.setsockopt(fd, SocketOption::Number(NumberOption::Mark, 1));
        Linux.close(fd).unwrap();
        marked.is_ok()
    })
}

fn needs_privilege(option: NumberOption, value: i32) -> bool {
    use NumberOption as N;
    match option {
        N::Priority => !(0..=6).contains(&value),
        N::Mark | N::Debug | N::BusyPoll | N::PreferBusyPoll | N::Transparent | N::Transparent6 => true,
        _ => false,
    }
}

/// What `sysctl`, the machine's links and its processors decide.
fn is_the_machines(option: NumberOption) -> bool {
    use NumberOption as N;
    matches!(
        option,
        N::Mtu
            | N::MaxSegment
            | N::WindowClamp
            | N::QuickAck
            | N::IncomingCpu
            | N::AutoFlowLabel
            | N::MaxPacingRate
    )
}

const KINDS: [(Domain, SocketFlags); 6] = [
    (Domain::Inet, SocketFlags::NONE),
    (Domain::Inet6, SocketFlags::NONE),
    (Domain::Inet, SocketFlags::DGRAM),
    (Domain::Inet6, SocketFlags::DGRAM),
    (Domain::Unix, SocketFlags::NONE),
    (Domain::Unix, SocketFlags::DGRAM),
];

/// Each value of each option, on a socket of its own.
fn numbers<K: Kernel>(k: K, log: &Log) {
    for &option in NumberOption::ALL {
        let name = SocketOptionName::Number(option);
        for (domain, kind) in KINDS {
            for value in VALUES {
                if needs_privilege(option, value) && !is_privileged() {
                    continue;
                }
                let fd = k.socket(domain, kind).unwrap();
                let before = k.getsockopt(fd, name);
                let set = k.setsockopt(fd, SocketOption::Number(option, value));
                let what = format!("{} {value} {domain:?} {kind:?}", option.name());
                log.say(what, (before, set, k.getsockopt(fd, name)));
                k.close(fd).unwrap();
            }
        }
    }
}

/// Setting one changes another.
fn together<K: Kernel>(k: K, log: &Log) {
    use NumberOption as N;
    for (domain, kind) in KINDS {
        let fd = k.socket(domain, kind).unwrap();
        let get = |option| k.getsockopt(fd, SocketOptionName::Number(option)).ok();
        for (option, value) in [(N::Timestamp, 1), (N::TimestampNs, 1), (N::Timestamp, 0), (N::Timestamp, 1)]
        {
            let set = k.setsockopt(fd, SocketOption::Number(option, value));
            log.say("time stamps", (set, get(N::Timestamp), get(N::TimestampNs)));
        }
        let _ = k.setsockopt(fd, SocketOption::Number(N::Priority, 3));
        for tos in 0..=255 {
            let set = k.setsockopt(fd, SocketOption::Number(N::Tos, tos));
            log.say("tos", (tos, set, get(N::Tos), get(N::Priority)));
        }
        k.close(fd).unwrap();
    }
}

fn at(domain: Domain) -> SocketAddr {
    if domain == Domain::Inet6 { "[::1]:0".parse().unwrap() } else { "127.0.0.1:0".parse().unwrap() }
}

/// A listener with every option set, and both ends of a connection to it.
fn inherited<K: Kernel>(k: K, log: &Log) {
    for domain in [Domain::Inet, Domain::Inet6] {
        for value in [1, 5, 100] {
            let listener = k.socket(domain, SocketFlags::NONE).unwrap();
            // The first makes `accept` wait for bytes, the others drop what has come as far as this.
            let out = [NumberOption::DeferAccept, NumberOption::MinTtl, NumberOption::MinHopCount];
            for &option in NumberOption::ALL.iter().filter(|option| !out.contains(option)) {
                if !needs_privilege(option, value) || is_privileged() {
                    let _ = k.setsockopt(listener, SocketOption::Number(option, value));
                }
            }
            k.bind(listener, at(domain)).unwrap();
            k.listen(listener, 8).unwrap();
            let caller = k.socket(domain, SocketFlags::NONE).unwrap();
            k.connect(caller, k.getsockname(listener).unwrap()).unwrap();
            let (accepted, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
            for &option in NumberOption::ALL.iter().filter(|&&option| !is_the_machines(option)) {
                let get = |fd| k.getsockopt(fd, SocketOptionName::Number(option));
                let what = format!("{} {value} {domain:?}", option.name());
                log.say(what, (get(listener), get(caller), get(accepted)));
                for fd in [caller, accepted] {
                    // The state decides for some.
                    let set = [0, 1].map(|value| k.setsockopt(fd, SocketOption::Number(option, value)));
                    log.say("connected", (set, get(fd)));
                }
            }
            [listener, caller, accepted].into_iter().for_each(|fd| k.close(fd).unwrap());
        }
        let fd = k.socket(domain, SocketFlags::DGRAM).unwrap();
        let mtu = || k.getsockopt(fd, SocketOptionName::Number(NumberOption::Mtu));
        let before = mtu();
        k.bind(fd, at(domain)).unwrap();
        k.connect(fd, k.getsockname(fd).unwrap()).unwrap();
        log.say("mtu", (before, mtu()));
        k.close(fd).unwrap();
    }
}

fn texts<K: Kernel>(k: K, log: &Log) {
    for (domain, kind) in KINDS {
        for text in ["reno", "", "nosuch", "lo", "nosuchname00000000000"] {
            let fd = k.socket(domain, kind).unwrap();
            let text = OptionText::new(text.as_bytes());
            for option in [SocketOption::Congestion(text), SocketOption::BindToDevice(text)] {
                let set = k.setsockopt(fd, option);
                // Which is the default is the machine's.
                let got = set.and_then(|()| k.getsockopt(fd, option.name()));
                log.say(format!("{domain:?} {kind:?} {option:?}"), (set, got));
            }
            log.say("device", k.getsockopt(fd, SocketOptionName::BindToDevice));
            log.say("congestion", k.getsockopt(fd, SocketOptionName::Congestion).err());
            k.close(fd).unwrap();
        }
    }
}

/// How many bytes have come `after` so long.
fn come<K: Kernel>(k: K, fd: Fd, after: u64) -> Result<usize> {
    k.poll(&mut [PollFd::new(fd, Events::IN)], Some(Duration::from_millis(after)), None)?;
    k.recv(fd, &mut vec![0; 1 << 20], RecvFlags::DONTWAIT)
}

/// `TCP_CORK`, set before and after the connection is there, and what lets the bytes go.
fn corked<K: Kernel>(k: K, log: &Log) {
    use NumberOption::Cork;
    let cork = |fd, on| k.setsockopt(fd, SocketOption::Number(Cork, on)).unwrap();
    for (before, of_listener) in [(true, false), (false, false), (false, true)] {
        let listener = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        cork(listener, i32::from(of_listener));
        k.bind(listener, at(Domain::Inet)).unwrap();
        k.listen(listener, 8).unwrap();
        let caller = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        cork(caller, i32::from(before));
        k.connect(caller, k.getsockname(listener).unwrap()).unwrap();
        let (accepted, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
        let (from, to) = if of_listener { (accepted, caller) } else { (caller, accepted) };
        if !before && !of_listener {
            cork(from, 1);
        }
        let say = |what: &str, after| log.say(format!("{before} {of_listener} {what}"), come(k, to, after));
        let send = |len: usize| assert_eq!(k.send(from, &vec![1; len], SendFlags::NONE), Ok(len));
        send(3);
        say("is held", 1);
        send(4);
        say("is held, too", 1);
        say("leaves after 200 ms", 2000);
        send(5);
        say("is held again", 1);
        cork(from, 1);
        say("is held still", 1);
        cork(from, 0);
        say("leaves", 2000);
        send(5);
        say("is not corked", 2000);
        cork(from, 1);
        send(6);
        k.setsockopt(from, SocketOption::NoDelay(false)).unwrap();
        say("is held, not pushed", 1);
        k.setsockopt(from, SocketOption::NoDelay(true)).unwrap();
        say("is pushed", 2000);
        send(7);
        say("is held although it must not be delayed", 1);
        k.shutdown(from, ShutdownHow::Write).unwrap();
        say("leaves with the end", 2000);
        [listener, caller, accepted].into_iter().for_each(|fd| k.close(fd).unwrap());
    }
}

compared! { numbers together inherited texts corked }
