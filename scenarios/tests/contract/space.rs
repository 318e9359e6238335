//! Sections 1 and 6: buffers that fill, and the edge that follows. How much fits is each kernel's own affair.

use crate::asleep::Sleepers;
use eagain_net::{
    Domain, EpollEvent, EpollOp, Errno, Events, Fd, NumberOption, PollFd, RecvFlags, SendFlags, ShutdownHow,
    SocketFlags, SocketOption, any_port,
};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Two ends of a connection with buffers of this size (as it is asked for).
fn pair<K: Sleepers>(k: K, size: u32) -> (Fd, Fd) {
    let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    let client = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    for fd in [listener, client] {
        k.setsockopt(fd, SocketOption::SendBuffer(size)).unwrap();
        k.setsockopt(fd, SocketOption::RecvBuffer(size)).unwrap();
        k.setsockopt(fd, SocketOption::NoDelay(true)).unwrap();
    }
    k.bind(listener, any_port()).unwrap();
    k.listen(listener, 1).unwrap();
    assert_eq!(k.connect(client, k.getsockname(listener).unwrap()), Err(Errno::EINPROGRESS));
    let (server, _) = k.accept4(listener, SocketFlags::NONBLOCK).unwrap();
    k.close(listener).unwrap();
    (client, server)
}

/// Writes until there is no room; how much went in, and whether the last write was short rather than refused.
fn fill<K: Sleepers>(k: K, fd: Fd, piece: usize) -> (usize, bool) {
    let bytes = vec![1; piece];
    let mut total = 0;
    loop {
        match k.send(fd, &bytes, SendFlags::NONE) {
            Ok(n) => {
                total += n;
                if n < piece {
                    return (total, true);
                }
            }
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                return (total, false);
            }
        }
    }
}

/// Reads all there is, and what comes after, in steps; how much.
fn drain<K: Sleepers>(k: K, fd: Fd, total: usize, mut each: impl FnMut()) {
    let mut read = 0;
    while read < total {
        match k.recv(fd, &mut [0; 700], RecvFlags::NONE) {
            Ok(n) => read += n,
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                // What the closed window held back comes with the next acknowledgement.
                assert_eq!(
                    k.poll(&mut [PollFd::new(fd, Events::IN)], Some(Duration::from_secs(20)), None),
                    Ok(1)
                );
            }
        }
        each();
    }
}

fn edges<K: Sleepers>(k: K, epoll: Fd) -> usize {
    k.epoll_wait(epoll, &mut [EpollEvent::default()], NOW, None).unwrap()
}

fn watch<K: Sleepers>(k: K, fd: Fd) -> Fd {
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, fd, Events::OUT | Events::ET, 0).unwrap();
    epoll
}

fn full_buffer_that_is_drained_is_one_edge<K: Sleepers>(k: K) {
    for size in [4096, 20_000, 65_536] {
        let (client, server) = pair(k, size);
        // What is refused whole, not cut: pieces as small as can be.
        let (total, _) = fill(k, client, 100);
        assert_eq!(k.send(client, &[1; 100], SendFlags::NONE), Err(Errno::EAGAIN));
        let epoll = watch(k, client);
        assert_eq!(edges(k, epoll), 0);
        let mut count = 0;
        drain(k, server, total, || count += edges(k, epoll));
        assert_eq!(count, 1, "of {total} bytes in buffers of {size}");
        for fd in [client, server, epoll] {
            k.close(fd).unwrap();
        }
    }
}

fn short_write_is_followed_by_an_edge<K: Sleepers>(k: K) {
    let (client, server) = pair(k, 20_000);
    let epoll = watch(k, client);
    assert_eq!(edges(k, epoll), 1);
    let n = k.send(client, &vec![1; 1 << 20], SendFlags::NONE).unwrap();
    assert!(n < 1 << 20);
    let mut count = 0;
    drain(k, server, n, || count += edges(k, epoll));
    assert_eq!(count, 1);
    for fd in [client, server, epoll] {
        k.close(fd).unwrap();
    }
}

fn poll_says_writable_again_before_all_is_drained<K: Sleepers>(k: K) {
    let (client, server) = pair(k, 20_000);
    let (total, _) = fill(k, client, 100);
    let out = |k: K| k.poll(&mut [PollFd::new(client, Events::OUT)], NOW, None).unwrap();
    assert_eq!(out(k), 0);
    let (mut read, mut writable_at) = (0, None);
    drain(k, server, total, || {
        read += 1;
        if writable_at.is_none() && out(k) == 1 {
            writable_at = Some(read);
        }
    });
    assert!(writable_at.is_some_and(|at| at < read), "{writable_at:?} of {read}");
    assert_eq!(out(k), 1);
    for fd in [client, server] {
        k.close(fd).unwrap();
    }
}

/// Closed with megabytes queued: the peer reads every byte, then the end.
fn what_was_queued_arrives_after_close<K: Sleepers>(k: K) {
    let (client, server) = pair(k, 400_000);
    let (total, _) = fill(k, client, 1000);
    k.close(client).unwrap();
    drain(k, server, total, || {});
    let _ = k.poll(&mut [PollFd::new(server, Events::RDHUP)], Some(Duration::from_secs(20)), None);
    assert_eq!(k.recv(server, &mut [0; 9], RecvFlags::NONE), Ok(0));
    k.close(server).unwrap();
}

/// Closed with one unread byte: what was queued and not sent is lost; what had arrived is read, then the reset.
fn what_was_queued_is_lost_by_a_reset<K: Sleepers>(k: K) {
    for linger in [false, true] {
        let (client, server) = pair(k, 20_000);
        if linger {
            k.setsockopt(client, SocketOption::Linger(Some(0))).unwrap();
        } else {
            assert_eq!(k.send(server, &[1], SendFlags::NONE), Ok(1));
        }
        let (total, _) = fill(k, client, 1000);
        k.close(client).unwrap();
        let mut read = 0;
        let end = loop {
            match k.recv(server, &mut [0; 700], RecvFlags::NONE) {
                Ok(n) => read += n,
                Err(errno) => break errno,
            }
        };
        assert_eq!(end, Errno::ECONNRESET);
        assert!((1..total).contains(&read), "{read} of {total}");
        k.close(server).unwrap();
    }
}

fn a_full_buffer_is_readable_below_the_low_water_mark<K: Sleepers>(k: K) {
    let (client, server) = pair(k, 65_536);
    k.setsockopt(server, SocketOption::RecvLowAt(60_000)).unwrap();
    k.setsockopt(server, SocketOption::RecvBuffer(4096)).unwrap();
    let epoll = k.epoll_create().unwrap();
    k.epoll_ctl(epoll, EpollOp::Add, server, Events::IN | Events::ET, 0).unwrap();
    k.send(client, &[1], SendFlags::NONE).unwrap();
    assert_eq!(k.poll(&mut [PollFd::new(server, Events::IN)], NOW, None), Ok(0), "one byte is not enough");
    fill(k, client, 1000);
    assert_eq!(k.poll(&mut [PollFd::new(server, Events::IN)], NOW, None), Ok(1));
    assert_eq!(edges(k, epoll), 1);
    for fd in [epoll, client, server] {
        k.close(fd).unwrap();
    }
}

/// A connection whose receiver holds less than its sender, both full, and how much was written.
fn full_pair<K: Sleepers>(k: K) -> (Fd, Fd, usize) {
    let (client, server) = pair(k, 20_000);
    k.setsockopt(client, SocketOption::SendBuffer(200_000)).unwrap();
    let (zeros, mut total) = (vec![0; 16_384], 0);
    loop {
        match k.send(client, &zeros, SendFlags::NONE) {
            Ok(n) => total += n,
            Err(_) => {
                // What has arrived may be acknowledged so late (`TCP_DELACK_MIN`, 40 ms).
                let mut fds = [PollFd::new(client, Events::OUT)];
                if k.poll(&mut fds, Some(Duration::from_millis(50)), None) == Ok(0) {
                    return (client, server, total);
                }
            }
        }
    }
}

/// Reads until there is nothing, or the end; how much it was.
fn read_all<K: Sleepers>(k: K, fd: Fd) -> usize {
    let (mut buffer, mut total) = (vec![0; 65_536], 0);
    while let Ok(n @ 1..) = k.recv(fd, &mut buffer, RecvFlags::NONE) {
        total += n;
    }
    total
}

/// By then a sender that waits for the window has asked for it (`tcp_probe_timer`, after 200 ms).
const PROBED: Duration = Duration::from_secs(2);

/// `__tcp_cleanup_rbuf`: it announces no window; the sender goes on when it has asked.
fn reading_from_a_socket_shut_for_reading_announces_no_window<K: Sleepers>(k: K) {
    let (client, server, total) = full_pair(k);
    k.shutdown(server, ShutdownHow::Read).unwrap();
    let first = read_all(k, server);
    assert!((1..total).contains(&first), "{first} of {total}");
    k.nanosleep(PROBED).unwrap();
    assert!(read_all(k, server) > 0);
    for fd in [client, server] {
        k.close(fd).unwrap();
    }
}

/// Nor does anything else that makes the sender look, as its end does: it knows no window.
fn end_waits_for_the_window_of_a_socket_shut_for_reading<K: Sleepers>(k: K) {
    let (client, server, _) = full_pair(k);
    k.shutdown(server, ShutdownHow::Read).unwrap();
    assert!(read_all(k, server) > 0);
    k.shutdown(client, ShutdownHow::Write).unwrap();
    k.nanosleep(Duration::from_millis(10)).unwrap();
    assert_eq!(read_all(k, server), 0);
    k.nanosleep(PROBED).unwrap();
    assert!(read_all(k, server) > 0);
    for fd in [client, server] {
        k.close(fd).unwrap();
    }
}

/// `TCP_NAGLE_PUSH`: what is written behind what was pushed and has not left is in one segment with it, and leaves too.
fn corked_bytes_leave_with_those_pushed_before_them<K: Sleepers>(k: K) {
    for push in [true, false] {
        let (client, server, total) = full_pair(k);
        k.setsockopt(client, SocketOption::SendBuffer(1 << 20)).unwrap();
        k.setsockopt(client, SocketOption::Number(NumberOption::Cork, 1)).unwrap();
        assert_eq!(k.send(client, &[2; 10], SendFlags::NONE), Ok(10));
        if push {
            k.setsockopt(client, SocketOption::NoDelay(true)).unwrap();
        }
        assert_eq!(k.send(client, &[3; 7], SendFlags::NONE), Ok(7));
        let mut read = 0;
        // Shorter than what is held is held for.
        while k.poll(&mut [PollFd::new(server, Events::IN)], Some(Duration::from_millis(100)), None) == Ok(1)
        {
            read += k.recv(server, &mut [0; 700], RecvFlags::NONE).unwrap();
        }
        assert_eq!(read == total + 17, push);
        for fd in [client, server] {
            k.close(fd).unwrap();
        }
    }
}

/// What the sender then sends resets a connection that is shut both ways.
fn window_of_a_socket_shut_both_ways_resets_the_sender<K: Sleepers>(k: K) {
    let (client, server, _) = full_pair(k);
    k.shutdown(server, ShutdownHow::Both).unwrap();
    read_all(k, server);
    let mut fds = [PollFd::new(client, Events::NONE)];
    assert_eq!(k.poll(&mut fds, Some(PROBED), None), Ok(1));
    assert_eq!(fds[0].revents, Events::ERR | Events::HUP);
    // That of the end which came first.
    assert_eq!(k.send(client, b"x", SendFlags::NOSIGNAL), Err(Errno::EPIPE));
    for fd in [client, server] {
        k.close(fd).unwrap();
    }
}

crate::bodies! {
    reading_from_a_socket_shut_for_reading_announces_no_window
    end_waits_for_the_window_of_a_socket_shut_for_reading
    corked_bytes_leave_with_those_pushed_before_them
    window_of_a_socket_shut_both_ways_resets_the_sender
    a_full_buffer_is_readable_below_the_low_water_mark
    full_buffer_that_is_drained_is_one_edge
    short_write_is_followed_by_an_edge
    poll_says_writable_again_before_all_is_drained
    what_was_queued_arrives_after_close
    what_was_queued_is_lost_by_a_reset
}
