//! AF_UNIX datagrams.

use crate::asleep::Sleepers;
use crate::unix::{NONBLOCK, at, close_all, events, path};
use eagain_net::*;

const DGRAM: SocketFlags = NONBLOCK.with(SocketFlags::DGRAM);

fn datagram_is_received_whole_or_cut<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(DGRAM).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(events(k, a), Events::OUT);
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Err(Errno::EAGAIN));
    for bytes in [&b"abcdef"[..], b"", b"gh"] {
        assert_eq!(k.send(a, bytes, SendFlags::NONE), Ok(bytes.len()));
    }
    assert_eq!(k.recv(b, &mut buffer[..3], RecvFlags::PEEK), Ok(3));
    assert_eq!(k.recv(b, &mut buffer[..3], RecvFlags::PEEK | RecvFlags::TRUNC), Ok(6));
    assert_eq!((k.recv(b, &mut buffer[..3], RecvFlags::NONE), &buffer[..3]), (Ok(3), &b"abc"[..]));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(0));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::WAITALL), Ok(2));
    let parts = [std::io::IoSlice::new(b"in "), std::io::IoSlice::new(b"one")];
    assert_eq!(k.sendmsg(a, &parts, SendFlags::NONE), Ok(6));
    assert_eq!((k.read(b, &mut buffer), &buffer[..6]), (Ok(6), &b"in one"[..]));
    k.setsockopt(a, SocketOption::SendBuffer(106_496)).unwrap();
    assert_eq!(k.send(a, &vec![0; 212_961], SendFlags::NONE), Err(Errno::EMSGSIZE));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::OOB), Err(Errno::EOPNOTSUPP));
    close_all(k, &[a, b]);
}

fn datagram_names_its_sender<K: Sleepers>(k: K) {
    let (path_a, path_b) = (path(k, "sender"), path(k, "receiver"));
    let [a, b, c] = [0; 3].map(|_| k.socket(Domain::Unix, DGRAM).unwrap());
    let mut buffer = [0; 8];
    assert_eq!(k.send(a, b"x", SendFlags::NONE), Err(Errno::ENOTCONN));
    assert_eq!(k.unix_sendto(a, b"x", SendFlags::NONE, &at(&path_b)), Err(Errno::ENOENT));
    k.unix_bind(a, &at(&path_a)).unwrap();
    k.unix_bind(b, &at(&path_b)).unwrap();
    assert_eq!(k.unix_sendto(a, b"one", SendFlags::NONE, &at(&path_b)), Ok(3));
    assert_eq!(k.unix_sendto(c, b"two", SendFlags::NONE, &at(&path_b)), Ok(3));
    assert_eq!(k.unix_recvfrom(b, &mut buffer, RecvFlags::NONE), Ok((3, at(&path_a))));
    assert_eq!(k.unix_recvfrom(b, &mut buffer, RecvFlags::NONE), Ok((3, UnixAddr::Unnamed)));
    // A receiver that is connected takes those of its peer alone.
    assert_eq!(k.unix_connect(b, &at(&path_a)), Ok(()));
    assert_eq!(k.unix_sendto(c, b"two", SendFlags::NONE, &at(&path_b)), Err(Errno::EPERM));
    assert_eq!(k.unix_connect(c, &at(&path_b)), Err(Errno::EPERM));
    assert_eq!(k.unix_sendto(a, b"three", SendFlags::NONE, &at(&path_b)), Ok(5));
    assert_eq!(k.send(b, b"four", SendFlags::NONE), Ok(4));
    assert_eq!(k.unix_recvfrom(a, &mut buffer, RecvFlags::NONE), Ok((4, at(&path_b))));
    assert_eq!((k.unix_getpeername(b), k.unix_getpeername(a)), (Ok(at(&path_a)), Err(Errno::ENOTCONN)));
    k.unlink(&path_a).unwrap();
    k.unlink(&path_b).unwrap();
    close_all(k, &[a, b, c]);
}

fn peer_that_is_closed_refuses_once<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(DGRAM).unwrap();
    k.send(b, b"left", SendFlags::NONE).unwrap();
    k.close(b).unwrap();
    assert_eq!(events(k, a), Events::IN | Events::OUT);
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::ECONNREFUSED));
    assert_eq!(k.send(a, b"x", SendFlags::NOSIGNAL), Err(Errno::ENOTCONN));
    k.close(a).unwrap();
}

fn shut_datagrams<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(DGRAM).unwrap();
    let mut buffer = [0; 4];
    k.shutdown(b, ShutdownHow::Read).unwrap();
    assert_eq!(events(k, b), Events::IN | Events::OUT | Events::RDHUP);
    assert_eq!(k.send(a, b"x", SendFlags::NONE), Err(Errno::EPIPE));
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Err(Errno::EAGAIN));
    k.fcntl_setfl(b, StatusFlags::NONE).unwrap();
    assert_eq!(k.recv(b, &mut buffer, RecvFlags::NONE), Ok(0), "who would wait sees the end");
    k.shutdown(a, ShutdownHow::Write).unwrap();
    assert_eq!(k.send(a, b"x", SendFlags::NONE), Err(Errno::EPIPE));
    close_all(k, &[a, b]);
}

fn full_queue_of_datagrams<K: Sleepers>(k: K) {
    let path = path(k, "full");
    let [from, to] = [0; 2].map(|_| k.socket(Domain::Unix, DGRAM).unwrap());
    k.unix_bind(to, &at(&path)).unwrap();
    k.unix_connect(from, &at(&path)).unwrap();
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, from, Events::OUT | Events::ET, 1).unwrap();
    let edges = || {
        let mut events = [EpollEvent::default(); 4];
        k.epoll_wait(epoll, &mut events, Some(std::time::Duration::ZERO), None).unwrap()
    };
    assert_eq!(edges(), 1);
    let mut sent = 0;
    while k.send(from, b"x", SendFlags::NONE) == Ok(1) {
        sent += 1;
    }
    assert!(sent >= 2, "{sent}");
    assert_eq!(k.send(from, b"x", SendFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!((events(k, from), edges()), (Events::NONE, 0));
    assert_eq!(k.recv(to, &mut [0; 4], RecvFlags::NONE), Ok(1));
    assert_eq!((events(k, from), edges()), (Events::OUT, 1));
    assert_eq!(k.send(from, b"x", SendFlags::NONE), Ok(1));
    k.unlink(&path).unwrap();
    close_all(k, &[from, to, epoll]);
}

crate::bodies! {
    datagram_is_received_whole_or_cut
    datagram_names_its_sender
    peer_that_is_closed_refuses_once
    shut_datagrams
    full_queue_of_datagrams
}
