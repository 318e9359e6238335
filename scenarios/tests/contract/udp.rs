//! UDP over the loopback: addresses, datagrams, errors.

use crate::asleep::{Caller, Sleepers};
use crate::unix::{NONBLOCK, NOW, close_all, events};
use eagain_net::*;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const DGRAM: SocketFlags = NONBLOCK.with(SocketFlags::DGRAM);
const NONE: SendFlags = SendFlags::NONE;

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn made<K: Sleepers>(k: K) -> Fd {
    k.socket(Domain::Inet, DGRAM).unwrap()
}

/// A socket that is bound, and where.
fn bound<K: Sleepers>(k: K) -> (Fd, SocketAddr) {
    let fd = made(k);
    k.bind(fd, any_port()).unwrap();
    (fd, k.getsockname(fd).unwrap())
}

/// An address where nobody receives.
fn nobody<K: Sleepers>(k: K) -> SocketAddr {
    let (fd, at) = bound(k);
    k.close(fd).unwrap();
    at
}

/// What comes, once it is there.
fn received<K: Sleepers>(k: K, fd: Fd, buffer: &mut [u8]) -> Result<(usize, Option<SocketAddr>)> {
    let mut asked = [PollFd::new(fd, Events::IN)];
    k.poll(&mut asked, None, None).unwrap();
    k.recvfrom(fd, buffer, RecvFlags::NONE)
}

fn datagram_is_received_whole_or_cut<K: Sleepers>(k: K) {
    let ((a, at_a), (b, at_b)) = (bound(k), bound(k));
    let mut buffer = [0; 8];
    assert_eq!(events(k, a), Events::OUT);
    assert_eq!(k.recvfrom(b, &mut buffer, RecvFlags::NONE), Err(Errno::EAGAIN));
    for bytes in [&b"abcdef"[..], b"", b"gh"] {
        assert_eq!(k.sendto(a, bytes, NONE, at_b), Ok(bytes.len()));
    }
    assert_eq!(events(k, b), Events::IN | Events::OUT);
    assert_eq!(k.recvfrom(b, &mut buffer[..3], RecvFlags::PEEK | RecvFlags::TRUNC), Ok((6, Some(at_a))));
    assert_eq!(received(k, b, &mut buffer[..3]), Ok((3, Some(at_a))));
    assert_eq!(&buffer[..3], b"abc");
    assert_eq!(received(k, b, &mut buffer), Ok((0, Some(at_a))));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::WAITALL), Ok(2));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::OOB), Err(Errno::EAGAIN));
    assert_eq!(k.read(b, &mut []), Ok(0));
    close_all(k, &[a, b]);
}

fn unbound_sender_gets_a_port<K: Sleepers>(k: K) {
    let (b, at_b) = bound(k);
    let a = made(k);
    assert_eq!(k.getsockname(a), Ok((Ipv4Addr::UNSPECIFIED, 0).into()));
    assert_eq!(k.send(a, b"x", NONE), Err(Errno::EDESTADDRREQ));
    assert_eq!(k.sendto(a, b"x", NONE, local(0)), Err(Errno::EINVAL));
    assert_eq!(k.sendto(a, b"x", NONE, at_b), Ok(1));
    let port = k.getsockname(a).unwrap().port();
    assert!(port != 0);
    assert_eq!(k.getsockname(a), Ok((Ipv4Addr::UNSPECIFIED, port).into()));
    assert_eq!(received(k, b, &mut [0; 4]), Ok((1, Some(local(port)))));
    assert_eq!(k.bind(a, any_port()), Err(Errno::EINVAL));
    close_all(k, &[a, b]);
}

fn connected_socket_receives_from_its_peer_alone<K: Sleepers>(k: K) {
    let ((a, at_a), (b, at_b), (c, _)) = (bound(k), bound(k), bound(k));
    assert_eq!(k.getpeername(a), Err(Errno::ENOTCONN));
    assert_eq!(k.connect(a, at_b), Ok(()));
    assert_eq!((k.getpeername(a), k.getsockname(a)), (Ok(at_b), Ok(at_a)));
    k.sendto(c, b"stranger", NONE, at_a).unwrap();
    k.sendto(b, b"peer", NONE, at_a).unwrap();
    assert_eq!(received(k, a, &mut [0; 9]), Ok((4, Some(at_b))));
    assert_eq!(k.recv(a, &mut [0; 9], RecvFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!(k.send(a, b"to the peer", NONE), Ok(11));
    assert_eq!(received(k, b, &mut [0; 20]), Ok((11, Some(at_a))));
    let d = made(k);
    k.connect(d, at_b).unwrap();
    let at_d = k.getsockname(d).unwrap();
    assert!(at_d.ip() == Ipv4Addr::LOCALHOST && at_d.port() != 0, "{at_d}");
    assert_eq!(k.connect(d, at_a), Ok(()), "it can be connected anew");
    assert_eq!(k.getpeername(d), Ok(at_a));
    close_all(k, &[a, b, c, d]);
}

fn a_connected_socket_gets_econnrefused_where_nobody_listens<K: Sleepers>(k: K) {
    let at = nobody(k);
    let a = made(k);
    assert_eq!(k.sendto(a, b"x", NONE, at), Ok(1));
    assert_eq!(k.sendto(a, b"x", NONE, at), Ok(1), "who is not connected hears nothing of it");
    assert_eq!(events(k, a), Events::OUT);
    k.connect(a, at).unwrap();
    assert_eq!(k.send(a, b"x", NONE), Ok(1));
    assert_eq!(events(k, a), Events::OUT | Events::ERR);
    assert_eq!(k.send(a, b"x", NONE), Err(Errno::ECONNREFUSED));
    assert_eq!(k.send(a, b"x", NONE), Ok(1));
    assert_eq!(k.recv(a, &mut [0; 4], RecvFlags::NONE), Err(Errno::ECONNREFUSED));
    assert_eq!(k.recv(a, &mut [0; 4], RecvFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!(k.send(a, b"x", NONE), Ok(1));
    let error = k.getsockopt(a, SocketOptionName::Error);
    assert_eq!(error, Ok(SocketOption::Error(Some(Errno::ECONNREFUSED))));
    assert_eq!(events(k, a), Events::OUT);
    k.close(a).unwrap();
}

fn ports_are_udps_own<K: Sleepers>(k: K) {
    let (a, at) = bound(k);
    let b = made(k);
    assert_eq!(k.bind(b, at), Err(Errno::EADDRINUSE));
    assert_eq!(k.bind(b, (Ipv4Addr::UNSPECIFIED, at.port()).into()), Err(Errno::EADDRINUSE));
    assert_eq!(k.bind(b, "192.0.2.1:0".parse().unwrap()), Err(Errno::EADDRNOTAVAIL));
    for fd in [a, b] {
        k.setsockopt(fd, SocketOption::ReuseAddr(true)).unwrap();
    }
    assert_eq!(k.bind(b, at), Ok(()));
    close_all(k, &[a, b]);
    let c = made(k);
    assert_eq!(k.bind(c, at), Ok(()), "nothing lingers");
    k.close(c).unwrap();
}

fn what_datagrams_have_not<K: Sleepers>(k: K) {
    let (a, at) = bound(k);
    assert_eq!(k.listen(a, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.accept4(a, NONBLOCK).map(drop), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.setsockopt(a, SocketOption::NoDelay(true)), Err(Errno::ENOPROTOOPT));
    assert_eq!(k.getsockopt(a, SocketOptionName::NoDelay), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.sendto(a, &vec![0; 65_508], NONE, at), Err(Errno::EMSGSIZE));
    assert_eq!(k.sendto(a, &vec![0; 65_507], NONE, at), Ok(65_507));
    assert_eq!(k.send(a, b"x", SendFlags::OOB), Err(Errno::EOPNOTSUPP));
    assert_eq!(k.connect(a, "[::1]:9".parse().unwrap()), Err(Errno::EAFNOSUPPORT));
    assert_eq!(k.unix_bind(a, &UnixAddr::Path("/tmp/eagain-udp".to_owned())), Err(Errno::EAFNOSUPPORT));
    k.close(a).unwrap();
}

fn shut_sockets<K: Sleepers>(k: K) {
    let (a, at) = bound(k);
    assert_eq!(k.shutdown(a, ShutdownHow::Read), Err(Errno::ENOTCONN));
    assert_eq!(events(k, a), Events::IN | Events::OUT | Events::RDHUP);
    assert_eq!(k.recv(a, &mut [0; 4], RecvFlags::NONE), Err(Errno::EAGAIN));
    k.fcntl_setfl(a, StatusFlags::NONE).unwrap();
    assert_eq!(k.recv(a, &mut [0; 4], RecvFlags::NONE), Ok(0));
    k.connect(a, at).unwrap();
    assert_eq!(k.shutdown(a, ShutdownHow::Both), Ok(()));
    assert_eq!(events(k, a), Events::IN | Events::OUT | Events::RDHUP | Events::HUP);
    assert_eq!(k.send(a, b"x", NONE), Err(Errno::EPIPE));
    k.close(a).unwrap();
}

fn full_receive_buffer_loses<K: Sleepers>(k: K) {
    let ((a, _), (b, at)) = (bound(k), bound(k));
    k.setsockopt(b, SocketOption::RecvBuffer(4096)).unwrap();
    for _ in 0..100 {
        assert_eq!(k.sendto(a, &[1; 1000], NONE, at), Ok(1000));
    }
    let mut got = 0;
    while k.recv(b, &mut [0; 1000], RecvFlags::NONE) == Ok(1000) {
        got += 1;
    }
    assert!((1..20).contains(&got), "{got}");
    assert_eq!(k.sendto(a, b"again", NONE, at), Ok(5));
    assert_eq!(k.recv(b, &mut [0; 1000], RecvFlags::NONE), Ok(5));
    close_all(k, &[a, b]);
}

fn every_datagram_is_an_edge<K: Sleepers>(k: K) {
    let ((a, _), (b, at)) = (bound(k), bound(k));
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, b, Events::IN | Events::ET, 1).unwrap();
    let edges = || k.epoll_wait(epoll, &mut [EpollEvent::default(); 4], NOW, None).unwrap();
    assert_eq!(edges(), 0);
    k.sendto(a, b"one", NONE, at).unwrap();
    assert_eq!((edges(), edges()), (1, 0));
    k.sendto(a, b"two", NONE, at).unwrap();
    assert_eq!((edges(), edges()), (1, 0));
    close_all(k, &[a, b, epoll]);
}

fn receive_waits<K: Sleepers>(k: K) {
    let (a, _) = bound(k);
    let b = k.socket(Domain::Inet, SocketFlags::DGRAM).unwrap();
    k.bind(b, any_port()).unwrap();
    let at = k.getsockname(b).unwrap();
    let caller = Caller::start(k, move |k| k.recvfrom(b, &mut [0; 8], RecvFlags::NONE).map(|(n, _)| n));
    k.sendto(a, b"abc", NONE, at).unwrap();
    assert_eq!(caller.end(k), Ok(3));
    k.setsockopt(b, SocketOption::RecvTimeout(Some(Duration::from_millis(2)))).unwrap();
    assert_eq!(k.recvfrom(b, &mut [0; 8], RecvFlags::NONE), Err(Errno::EAGAIN));
    k.setsockopt(b, SocketOption::RecvTimeout(None)).unwrap();
    let caller = Caller::start(k, move |k| k.recv(b, &mut [0; 8], RecvFlags::NONE));
    let _ = k.shutdown(b, ShutdownHow::Read);
    assert_eq!(caller.end(k), Ok(0));
    close_all(k, &[a, b]);
}

fn over_ipv6_too<K: Sleepers>(k: K) {
    let [a, b] = [0; 2].map(|_| k.socket(Domain::Inet6, DGRAM).unwrap());
    let any: SocketAddr = "[::1]:0".parse().unwrap();
    k.bind(a, any).unwrap();
    k.bind(b, any).unwrap();
    let (at_a, at_b) = (k.getsockname(a).unwrap(), k.getsockname(b).unwrap());
    k.sendto(a, b"six", NONE, at_b).unwrap();
    assert_eq!(received(k, b, &mut [0; 8]), Ok((3, Some(at_a))));
    k.connect(b, at_a).unwrap();
    assert_eq!(k.send(b, b"back", NONE), Ok(4));
    assert_eq!(received(k, a, &mut [0; 8]), Ok((4, Some(at_b))));
    close_all(k, &[a, b]);
}

/// Of several with `SO_REUSEPORT` a hash of the sender says which; always the same one.
fn reuseport_spreads_senders<K: Sleepers>(k: K) {
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let mut at: SocketAddr = any.parse().unwrap();
        let domain = if at.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
        let receivers = [(); 4].map(|()| {
            let fd = k.socket(domain, DGRAM).unwrap();
            k.setsockopt(fd, SocketOption::ReusePort(true)).unwrap();
            k.bind(fd, at).unwrap();
            at = k.getsockname(fd).unwrap();
            fd
        });
        let mut reached = [0; 4];
        for _ in 0..64 {
            let sender = k.socket(domain, DGRAM).unwrap();
            for _ in 0..2 {
                assert_eq!(k.sendto(sender, b"x", NONE, at), Ok(1));
            }
            let mut asked = receivers.map(|fd| PollFd::new(fd, Events::IN));
            assert_eq!(k.poll(&mut asked, None, None), Ok(1), "both come to one");
            for (n, &fd) in reached.iter_mut().zip(&receivers) {
                while k.recv(fd, &mut [0; 4], RecvFlags::NONE).is_ok() {
                    *n += 1;
                }
            }
            k.close(sender).unwrap();
        }
        assert_eq!(reached.iter().sum::<i32>(), 128);
        assert!(reached.iter().all(|&n| n > 0), "{reached:?}");
        close_all(k, &receivers);
    }
}

crate::bodies! {
    reuseport_spreads_senders
    datagram_is_received_whole_or_cut
    unbound_sender_gets_a_port
    connected_socket_receives_from_its_peer_alone
    a_connected_socket_gets_econnrefused_where_nobody_listens
    ports_are_udps_own
    what_datagrams_have_not
    shut_sockets
    full_receive_buffer_loses
    every_datagram_is_an_edge
    receive_waits
    over_ipv6_too
}
