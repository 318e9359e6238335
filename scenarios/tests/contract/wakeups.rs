//! Several who wait for one thing without an epoll set: none of them is left asleep while there is something for it
//! (fs/pipe.c: `wake_next_reader`, `wake_next_writer`; net/core/datagram.c: `receiver_wake_function`).

use crate::asleep::{Caller, Sleepers};
use crate::unix::close_all;
use eagain_net::*;
use std::net::SocketAddr;

const BLOCK: SocketFlags = SocketFlags::NONE;

fn reader<K: Sleepers>(k: K, fd: Fd, most: usize) -> Caller {
    Caller::start(k, move |k| k.read(fd, &mut vec![0; most]))
}

fn writer<K: Sleepers>(k: K, fd: Fd, len: usize) -> Caller {
    Caller::start(k, move |k| k.write(fd, &vec![2; len]))
}

/// One read makes room for both, and says so once.
fn writers_of_a_full_pipe_wake_each_other<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(BLOCK).unwrap();
    assert_eq!(k.write(w, &vec![1; 65_536]), Ok(65_536));
    let writers = [writer(k, w, 1), writer(k, w, 1), writer(k, w, 4096)];
    assert_eq!(k.read(r, &mut vec![0; 65_536]), Ok(65_536));
    assert_eq!(writers.map(|writer| writer.end(k)), [Ok(1), Ok(1), Ok(4096)]);
    close_all(k, &[r, w]);
}

/// One write has something for all, and says so once.
fn readers_of_an_empty_pipe_wake_each_other<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(BLOCK).unwrap();
    let readers = [reader(k, r, 1), reader(k, r, 1), reader(k, r, 8)];
    assert_eq!(k.write(w, b"abcd"), Ok(4));
    assert_eq!(readers.map(|reader| reader.end(k)), [Ok(1), Ok(1), Ok(2)]);
    close_all(k, &[r, w]);
}

/// Who finds nothing left of it goes to sleep again, and is woken by the next.
fn reader_who_is_woken_for_nothing_waits_on<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(BLOCK).unwrap();
    let (first, second) = (reader(k, r, 8), reader(k, r, 8));
    assert_eq!(k.write(w, b"ab"), Ok(2));
    assert_eq!(first.end(k), Ok(2));
    second.await_sleep(k);
    assert!(!second.is_over());
    assert_eq!(k.write(w, b"c"), Ok(1));
    assert_eq!(second.end(k), Ok(1));
    close_all(k, &[r, w]);
}

/// A write that sleeps again and again lets the others go on when it is over.
fn long_write_of_several_wakes_the_others<K: Sleepers>(k: K) {
    let (r, w) = k.pipe2(BLOCK).unwrap();
    let writers = [100_000, 100_000, 3000].map(|len| writer(k, w, len));
    let mut read = 0;
    while read < 203_000 {
        read += k.read(r, &mut vec![0; 50_000]).unwrap();
    }
    assert_eq!(writers.map(|writer| writer.end(k)), [Ok(100_000), Ok(100_000), Ok(3000)]);
    close_all(k, &[r, w]);
}

/// Each datagram wakes one, the bytes of a stream wake all.
fn receivers_of_a_pair_are_all_served<K: Sleepers>(k: K) {
    for kind in [BLOCK, SocketFlags::DGRAM] {
        let (a, b) = k.socketpair(kind).unwrap();
        let receivers = [(); 3].map(|()| reader(k, b, 1));
        for piece in [&b"a"[..], b"b", b"c"] {
            k.send(a, piece, SendFlags::NONE).unwrap();
        }
        assert_eq!(receivers.map(|receiver| receiver.end(k)), [Ok(1); 3]);
        close_all(k, &[a, b]);
    }
    let (a, b) = k.socketpair(BLOCK).unwrap();
    let receivers = [(); 3].map(|()| reader(k, b, 1));
    k.send(a, b"abc", SendFlags::NONE).unwrap();
    assert_eq!(receivers.map(|receiver| receiver.end(k)), [Ok(1); 3]);
    close_all(k, &[a, b]);
}

/// One call that receives makes room for all.
fn senders_of_a_pair_are_all_served<K: Sleepers>(k: K) {
    for kind in [BLOCK, SocketFlags::DGRAM] {
        let (a, b) = k.socketpair(kind).unwrap();
        let mut sent = 0;
        while k.send(a, &[1; 1000], SendFlags::DONTWAIT) == Ok(1000) {
            sent += 1000;
        }
        let senders = [writer(k, a, 1000), writer(k, a, 1000)];
        let mut left = sent + 2000;
        while left > 0 {
            left -= k.recv(b, &mut [0; 1000], RecvFlags::NONE).unwrap();
        }
        assert_eq!(senders.map(|sender| sender.end(k)), [Ok(1000); 2]);
        close_all(k, &[a, b]);
    }
}

fn udp<K: Sleepers>(k: K) -> (Fd, SocketAddr) {
    let fd = k.socket(Domain::Inet, SocketFlags::DGRAM).unwrap();
    k.bind(fd, any_port()).unwrap();
    (fd, k.getsockname(fd).unwrap())
}

fn receivers_of_udp_are_all_served<K: Sleepers>(k: K) {
    let ((a, _), (b, at)) = (udp(k), udp(k));
    let receivers = [(); 3].map(|()| reader(k, b, 8));
    for _ in 0..3 {
        assert_eq!(k.sendto(a, b"abc", SendFlags::NONE, at), Ok(3));
    }
    assert_eq!(receivers.map(|receiver| receiver.end(k)), [Ok(3); 3]);
    close_all(k, &[a, b]);
}

/// Who waits for a datagram gets the error that nobody is there.
fn error_ends_the_wait_for_a_datagram<K: Sleepers>(k: K) {
    let ((a, _), (b, at)) = (udp(k), udp(k));
    k.close(b).unwrap();
    k.connect(a, at).unwrap();
    let receiver = reader(k, a, 8);
    assert_eq!(k.send(a, b"x", SendFlags::NONE), Ok(1));
    assert_eq!(receiver.end(k), Err(Errno::ECONNREFUSED));
    // The library's thread waits in the same call.
    let id = k.aio_read(a, vec![0; 8], 0, SigEvent::None).unwrap();
    k.nanosleep(std::time::Duration::from_millis(5)).unwrap();
    assert_eq!(k.send(a, b"x", SendFlags::NONE), Ok(1));
    k.aio_suspend(&[id], None).unwrap();
    assert_eq!(k.aio_return(id).unwrap().0, Err(Errno::ECONNREFUSED));
    k.close(a).unwrap();
}

/// The other end of a pair of datagrams takes another peer, and what it had not received is lost.
fn error_ends_the_wait_of_a_pair<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(SocketFlags::DGRAM).unwrap();
    let name = UnixAddr::Abstract(format!("eagain-wakeups-{}", k.getpid()).into_bytes());
    let c = k.socket(Domain::Unix, SocketFlags::DGRAM).unwrap();
    k.unix_bind(c, &name).unwrap();
    assert_eq!(k.send(a, b"lost", SendFlags::NONE), Ok(4));
    let receiver = reader(k, a, 8);
    assert_eq!(k.unix_connect(b, &name), Ok(()));
    assert_eq!(receiver.end(k), Err(Errno::ECONNRESET));
    close_all(k, &[a, b, c]);
}

crate::bodies! {
    writers_of_a_full_pipe_wake_each_other
    readers_of_an_empty_pipe_wake_each_other
    reader_who_is_woken_for_nothing_waits_on
    long_write_of_several_wakes_the_others
    receivers_of_a_pair_are_all_served
    senders_of_a_pair_are_all_served
    receivers_of_udp_are_all_served
    error_ends_the_wait_for_a_datagram
    error_ends_the_wait_of_a_pair
}
