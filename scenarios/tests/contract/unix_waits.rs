//! AF_UNIX calls that wait: what ends the wait.

use crate::asleep::{Caller, Sleepers};
use crate::unix::close_all;
use eagain_net::*;
use std::time::Duration;

const BLOCK: SocketFlags = SocketFlags::NONE;

fn receive_waits_for_bytes<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(BLOCK).unwrap();
    let caller = Caller::start(k, move |k| k.recv(b, &mut [0; 8], RecvFlags::NONE));
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(3));
    let caller = Caller::start(k, move |k| k.recv(b, &mut [0; 6], RecvFlags::WAITALL));
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    caller.await_sleep(k);
    assert!(!caller.is_over());
    k.send(a, b"def", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(6));
    let caller = Caller::start(k, move |k| k.read(b, &mut [0; 8]));
    k.close(a).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    k.close(b).unwrap();
}

fn send_waits_for_room_and_sends_all<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(BLOCK).unwrap();
    let caller = Caller::start(k, move |k| k.send(a, &vec![1; 400_000], SendFlags::NONE));
    let mut buffer = vec![0; 65_536];
    let mut received = 0;
    while received < 400_000 {
        received += k.recv(b, &mut buffer, RecvFlags::NONE).unwrap();
    }
    assert_eq!(caller.end(k), Ok(400_000));
    let caller = Caller::start(k, move |k| k.send(a, &vec![1; 400_000], SendFlags::NOSIGNAL));
    k.shutdown(b, ShutdownHow::Read).unwrap();
    let sent = caller.end(k).unwrap();
    assert!(sent > 100_000 && sent < 400_000, "what was sent counts for more than the end: {sent}");
    close_all(k, &[a, b]);
}

fn accept_and_connect_wait_for_each_other<K: Sleepers>(k: K) {
    let name = UnixAddr::Abstract(format!("eagain-wait-{}", k.getpid()).into_bytes());
    let l = k.socket(Domain::Unix, BLOCK).unwrap();
    k.unix_bind(l, &name).unwrap();
    k.listen(l, 0).unwrap();
    let caller = Caller::start(k, move |k| k.unix_accept(l, BLOCK).map(|(fd, _)| fd.0 as usize));
    let [one, two, three] = [0; 3].map(|_| k.socket(Domain::Unix, BLOCK).unwrap());
    assert_eq!(k.unix_connect(one, &name), Ok(()));
    let first = Fd(caller.end(k).unwrap() as i32);
    assert_eq!(k.unix_connect(two, &name), Ok(()));
    let to = name.clone();
    let caller = Caller::start(k, move |k| k.unix_connect(three, &to).map(|()| 0));
    let (second, _) = k.unix_accept(l, BLOCK).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    let (third, _) = k.unix_accept(l, BLOCK).unwrap();
    close_all(k, &[one, two, three, first, second, third, l]);
}

fn receive_gives_up_after_its_time<K: Sleepers>(k: K) {
    for kind in [BLOCK, SocketFlags::DGRAM] {
        let (a, b) = k.socketpair(kind).unwrap();
        k.setsockopt(b, SocketOption::RecvTimeout(Some(Duration::from_millis(2)))).unwrap();
        assert_eq!(k.recv(b, &mut [0; 4], RecvFlags::NONE), Err(Errno::EAGAIN));
        k.send(a, b"abc", SendFlags::NONE).unwrap();
        assert_eq!(k.recv(b, &mut [0; 4], RecvFlags::NONE), Ok(3));
        close_all(k, &[a, b]);
    }
}

fn datagram_wakes_who_waits<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(SocketFlags::DGRAM).unwrap();
    let caller = Caller::start(k, move |k| k.unix_recvfrom(b, &mut [0; 8], RecvFlags::NONE).map(|(n, _)| n));
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(3));
    let caller = Caller::start(k, move |k| k.recv(b, &mut [0; 8], RecvFlags::NONE));
    k.shutdown(b, ShutdownHow::Read).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    close_all(k, &[a, b]);
}

crate::bodies! {
    receive_waits_for_bytes
    send_waits_for_room_and_sends_all
    accept_and_connect_wait_for_each_other
    receive_gives_up_after_its_time
    datagram_wakes_who_waits
}
