//! Descriptors in control data (`SCM_RIGHTS`, unix(7)): the open files go along, whatever becomes of the numbers.

use crate::asleep::{Caller, Sleepers};
use crate::unix::{NONBLOCK, close_all, events};
use eagain_net::*;

const NONE: RecvFlags = RecvFlags::NONE;
const DGRAM: SocketFlags = NONBLOCK.with(SocketFlags::DGRAM);

/// What came: bytes, how many descriptors, and whether some are missing. The descriptors are closed.
fn came<K: Sleepers>(k: K, result: Result<Received>) -> Result<(usize, usize, bool)> {
    result.map(|received| {
        close_all(k, &received.fds);
        (received.len, received.fds.len(), received.truncated)
    })
}

fn passed_descriptor_is_the_same_open_file<K: Sleepers>(k: K) {
    for flags in [NONBLOCK, DGRAM] {
        let (a, b) = k.socketpair(flags).unwrap();
        let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
        assert_eq!(k.unix_send_fds(a, b"x", &[writer, writer], SendFlags::NONE), Ok(1));
        k.close(writer).unwrap();
        assert_eq!(events(k, reader), Events::NONE, "it is held on its way");
        let received = k.unix_recv_fds(b, &mut [0; 4], 2, NONE).unwrap();
        assert_eq!((received.len, received.truncated, received.fds.len()), (1, false, 2));
        let [one, other] = received.fds[..] else { unreachable!() };
        assert_eq!((k.write(one, b"1"), k.write(other, b"2")), (Ok(1), Ok(1)));
        k.fcntl_setfl(one, StatusFlags::NONE).unwrap();
        assert_eq!(k.fcntl_getfl(other), Ok(StatusFlags::NONE));
        close_all(k, &[one, other]);
        assert_eq!((k.read(reader, &mut [0; 4]), k.read(reader, &mut [0; 4])), (Ok(2), Ok(0)));
        close_all(k, &[a, b, reader]);
    }
}

fn stream_ends_at_bytes_that_carry_descriptors<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
    let none = SendFlags::NONE;
    for (bytes, fds) in [(&b"ab"[..], &[][..]), (b"cd", &[reader]), (b"ef", &[]), (b"gh", &[writer, reader])]
    {
        assert_eq!(k.unix_send_fds(a, bytes, fds, none), Ok(2));
    }
    let mut buffer = [0; 16];
    let peeked = k.unix_recv_fds(b, &mut buffer, 4, RecvFlags::PEEK);
    assert_eq!(came(k, peeked), Ok((4, 1, false)));
    let all = k.unix_recv_fds(b, &mut buffer, 4, RecvFlags::WAITALL);
    assert_eq!((came(k, all), &buffer[..4]), (Ok((4, 1, false)), &b"abcd"[..]));
    // They come with the first of their bytes, and once.
    let part = k.unix_recv_fds(b, &mut buffer[..3], 4, NONE);
    assert_eq!((came(k, part), &buffer[..3]), (Ok((3, 2, false)), &b"efg"[..]));
    assert_eq!(came(k, k.unix_recv_fds(b, &mut buffer, 4, NONE)), Ok((1, 0, false)));
    // A stream of no bytes carries none.
    assert_eq!(k.unix_send_fds(a, b"", &[reader], none), Ok(0));
    assert_eq!(came(k, k.unix_recv_fds(b, &mut buffer, 4, NONE)), Err(Errno::EAGAIN));
    // Who asks for no bytes takes the descriptors.
    assert_eq!(k.unix_send_fds(a, b"i", &[reader], none), Ok(1));
    assert_eq!(came(k, k.unix_recv_fds(b, &mut [], 4, NONE)), Ok((0, 1, false)));
    assert_eq!(came(k, k.unix_recv_fds(b, &mut buffer, 4, NONE)), Ok((1, 0, false)));
    close_all(k, &[a, b, reader, writer]);
}

fn descriptors_without_room_are_closed<K: Sleepers>(k: K) {
    for flags in [NONBLOCK, DGRAM] {
        let (a, b) = k.socketpair(flags).unwrap();
        let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
        for _ in 0..4 {
            assert_eq!(k.unix_send_fds(a, b"x", &[writer, reader], SendFlags::NONE), Ok(1));
        }
        k.close(writer).unwrap();
        let mut buffer = [0; 1];
        assert_eq!(came(k, k.unix_recv_fds(b, &mut buffer, 1, NONE)), Ok((1, 1, true)));
        assert_eq!(came(k, k.unix_recv_fds(b, &mut buffer, 0, NONE)), Ok((1, 0, true)));
        assert_eq!(k.read(b, &mut buffer), Ok(1));
        assert_eq!(events(k, reader), Events::NONE, "one is left");
        // A look without room leaves them where they are.
        assert_eq!(k.recv(b, &mut buffer, RecvFlags::PEEK), Ok(1));
        assert_eq!(events(k, reader), Events::NONE, "it is there still");
        k.close(b).unwrap();
        assert_eq!(events(k, reader), Events::HUP, "what nobody received is closed");
        close_all(k, &[a, reader]);
    }
}

fn what_cannot_be_passed<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(NONBLOCK).unwrap();
    let alone = k.socket(Domain::Unix, NONBLOCK).unwrap();
    let none = SendFlags::NONE;
    assert_eq!(k.unix_send_fds(a, b"x", &[b, Fd(9999)], none), Err(Errno::EBADF));
    assert_eq!(k.unix_send_fds(a, b"x", &[a; 254], none), Err(Errno::EINVAL));
    assert_eq!(k.unix_send_fds(alone, b"x", &[Fd(-1)], none), Err(Errno::EBADF), "they are looked at first");
    assert_eq!(k.unix_send_fds(alone, b"x", &[a], none), Err(Errno::ENOTCONN));
    assert_eq!(k.unix_send_fds(Fd(9999), b"x", &[a], none), Err(Errno::EBADF));
    assert_eq!(k.unix_send_fds(a, b"x", &[a; 253], none), Ok(1));
    assert_eq!(came(k, k.unix_recv_fds(b, &mut [0; 1], 253, NONE)), Ok((1, 253, false)));
    let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
    assert_eq!(k.unix_send_fds(reader, b"x", &[a], none), Err(Errno::ENOTSOCK));
    assert_eq!(came(k, k.unix_recv_fds(reader, &mut [0; 1], 1, NONE)), Err(Errno::ENOTSOCK));
    close_all(k, &[a, b, alone, reader, writer]);
}

fn waiting_receive_gets_descriptors<K: Sleepers>(k: K) {
    let (a, b) = k.socketpair(SocketFlags::NONE).unwrap();
    let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
    let caller = Caller::start(k, move |k| {
        came(k, k.unix_recv_fds(b, &mut [0; 8], 3, NONE)).map(|(len, fds, _)| 10 * len + fds)
    });
    assert_eq!(k.unix_send_fds(a, b"xy", &[reader, writer], SendFlags::NONE), Ok(2));
    assert_eq!(caller.end(k), Ok(22));
    close_all(k, &[a, b, reader, writer]);
}

fn sockets_go_through_each_other<K: Sleepers>(k: K) {
    let (reader, writer) = k.pipe2(NONBLOCK).unwrap();
    let mut last = writer;
    // A chain: each is in the queue of the next. The end of the last closes all of them.
    for _ in 0..50 {
        let (a, b) = k.socketpair(NONBLOCK).unwrap();
        assert_eq!(k.unix_send_fds(a, b"x", &[last], SendFlags::NONE), Ok(1));
        close_all(k, &[a, last]);
        last = b;
    }
    assert_eq!(events(k, reader), Events::NONE);
    k.close(last).unwrap();
    assert_eq!(events(k, reader), Events::HUP);
    k.close(reader).unwrap();
}

crate::bodies! {
    passed_descriptor_is_the_same_open_file
    stream_ends_at_bytes_that_carry_descriptors
    descriptors_without_room_are_closed
    what_cannot_be_passed
    waiting_receive_gets_descriptors
    sockets_go_through_each_other
}
