//! Control data of datagrams: what options and messages say of a header, and what is received of it, on both kernels.

use crate::compared::{Log, compared};
use eagain_net::*;
use std::net::{IpAddr, SocketAddr};

const DGRAM: SocketFlags = SocketFlags::NONBLOCK.with(SocketFlags::DGRAM);

fn set<K: Kernel>(k: K, fd: Fd, option: NumberOption, value: i32) {
    let _ = k.setsockopt(fd, SocketOption::Number(option, value));
}

fn receiver<K: Kernel>(k: K, at: &str) -> (Fd, SocketAddr) {
    let at: SocketAddr = at.parse().unwrap();
    let fd = k.socket(if at.is_ipv4() { Domain::Inet } else { Domain::Inet6 }, DGRAM).unwrap();
    k.bind(fd, at).unwrap();
    let mut name = k.getsockname(fd).unwrap();
    if name.ip().is_unspecified() {
        name.set_ip(if at.is_ipv4() { IpAddr::from([127, 0, 0, 1]) } else { "::1".parse().unwrap() });
    }
    (fd, name)
}

/// What has come, without the time of it, and whether the port is the sender's.
fn received<K: Kernel>(k: K, fd: Fd, flags: RecvFlags, sender: Fd) -> Result<(usize, bool, Vec<String>)> {
    k.poll(&mut [PollFd::new(fd, Events::IN)], None, None).unwrap();
    let message = k.recvmsg_control(fd, &mut [0; 4], flags)?;
    let port = k.getsockname(sender)?.port();
    let control = message.control.iter().map(|control| match control {
        Control::Timestamp(_) => "Timestamp".to_owned(),
        Control::TimestampNs(_) => "TimestampNs".to_owned(),
        other => format!("{other:?}"),
    });
    Ok((message.len, message.from.is_some_and(|from| from.port() == port), control.collect()))
}

const ASKS: [NumberOption; 8] = {
    use NumberOption as N;
    [
        N::Timestamp,
        N::TimestampNs,
        N::PktInfo,
        N::RecvTtl,
        N::RecvTos,
        N::RecvPktInfo6,
        N::RecvHopLimit,
        N::RecvTClass,
    ]
};

/// Each option that asks for something alone and all of them, from sockets of both families with values of their own.
fn asked_for<K: Kernel>(k: K, log: &Log) {
    for at in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "[::ffff:127.0.0.1]:0"] {
        for asked in (0..=ASKS.len()).map(|nth| ASKS.get(nth).copied()) {
            let (fd, to) = receiver(k, at);
            for option in ASKS.into_iter().filter(|&option| asked.is_none_or(|asked| asked == option)) {
                set(k, fd, option, 1);
            }
            let mut families = vec![to];
            if at == "[::]:0" {
                families.push(SocketAddr::from(([127, 0, 0, 1], to.port())));
            }
            for to in families {
                let domain = if to.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
                let sender = k.socket(domain, DGRAM).unwrap();
                set(k, sender, NumberOption::Ttl, 7);
                set(k, sender, NumberOption::Tos, 0x2a);
                set(k, sender, NumberOption::UnicastHops, 9);
                set(k, sender, NumberOption::TClass, 0x3c);
                k.sendto(sender, b"abc", SendFlags::NONE, to).unwrap();
                let what = format!("{at} {} {asked:?}", to.is_ipv4());
                log.say(&what, received(k, fd, RecvFlags::PEEK, sender));
                log.say(&what, received(k, fd, RecvFlags::NONE, sender));
                log.say("nothing", k.recvmsg_control(fd, &mut [0; 4], RecvFlags::NONE));
                k.close(sender).unwrap();
            }
            k.close(fd).unwrap();
        }
    }
}

/// Each message, with values in and out of range, to both families, connected or not; one that is cut.
fn sent_along<K: Kernel>(k: K, log: &Log) {
    for at in ["127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        let (fd, to) = receiver(k, at);
        ASKS.into_iter().skip(2).for_each(|option| set(k, fd, option, 1));
        let values = [-2, -1, 0, 1, 64, 255, 256];
        let numbers = [Control::Ttl, Control::Tos, Control::HopLimit, Control::TClass];
        // The kernel takes one byte of this, which says nothing of what is out of range.
        let fits = |control: &Control| !matches!(control, Control::Tos(tos) if !(0..256).contains(tos));
        let each = numbers.into_iter().flat_map(|of| values.map(of)).filter(fits);
        let sources = ["0.0.0.0", "127.0.0.1", "127.0.0.9", "198.51.100.1"].map(|local| Control::PktInfo {
            interface: 0,
            local: local.parse().unwrap(),
            to: [9, 9, 9, 9].into(),
        });
        let sources6 = ["::", "::1", "2001:db8::1"]
            .map(|local| Control::PktInfo6 { interface: 0, local: local.parse().unwrap() });
        for control in each.chain(sources).chain(sources6) {
            for connected in [false, true] {
                let sender =
                    k.socket(if to.is_ipv4() { Domain::Inet } else { Domain::Inet6 }, DGRAM).unwrap();
                if connected {
                    k.connect(sender, to).unwrap();
                }
                let address = Some(to).filter(|_| !connected);
                let sent = k.sendmsg_control(sender, b"abcdefgh", SendFlags::NONE, address, &[control]);
                log.say(format!("{at} {connected} {control:?}"), sent);
                if sent.is_ok() {
                    log.say("received", received(k, fd, RecvFlags::TRUNC, sender));
                }
                k.close(sender).unwrap();
            }
        }
        let sender = k.socket(if to.is_ipv4() { Domain::Inet } else { Domain::Inet6 }, DGRAM).unwrap();
        log.say("to nobody", k.sendmsg_control(sender, b"x", SendFlags::NONE, None, &[Control::Ttl(3)]));
        k.close(sender).unwrap();
        k.close(fd).unwrap();
    }
}

compared! { asked_for sent_along }
