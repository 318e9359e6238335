//! What ends a wait for a stream before all is there: `SO_RCVTIMEO` and `SO_SNDTIMEO`, kept in ticks (net/core/sock.c:
//! `sock_set_timeout`), and what `SO_RCVLOWAT` and `MSG_WAITALL` have got by then (net/ipv4/tcp.c: `tcp_recvmsg_locked`).

use crate::asleep::{Caller, Handler, Sleepers};
use crate::blocking::{close_all, listener, pair};
use eagain_net::{
    Domain, Errno, Fd, RecvFlags, Result, SendFlags, ShutdownHow, Signal, SocketAddr, SocketFlags,
    SocketOption, SocketOptionName,
};
use std::time::Duration;

const SIGNAL: Signal = Signal::SIGUSR1;
const SOON: Option<Duration> = Some(Duration::from_millis(30));
const LONG: Option<Duration> = Some(Duration::from_secs(20));

/// A listener whose backlog is full, who has filled it, and its address.
fn full<K: Sleepers>(k: K) -> (Fd, Fd, SocketAddr) {
    let (listener, address) = listener(k, 0);
    let first = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.connect(first, address).unwrap();
    (listener, first, address)
}

fn accept<K: Sleepers>(listener: Fd) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| k.accept4(listener, SocketFlags::NONE).map(|(fd, _)| fd.0 as usize)
}

fn accept_gives_up_after_so_rcvtimeo<K: Sleepers>(k: K) {
    let (listener, _) = listener(k, 1);
    k.setsockopt(listener, SocketOption::RecvTimeout(SOON)).unwrap();
    assert_eq!(accept(listener)(k), Err(Errno::EAGAIN));
    // Who has a timeout is not made again after a handler.
    k.setsockopt(listener, SocketOption::RecvTimeout(LONG)).unwrap();
    let handler = Handler::new(k, SIGNAL, true);
    let caller = Caller::start(k, accept(listener));
    handler.raise(k, caller.thread, SIGNAL);
    assert_eq!(caller.end(k), Err(Errno::EINTR));
    k.close(listener).unwrap();
}

fn connect_gives_up_after_so_sndtimeo<K: Sleepers>(k: K) {
    let (listener, first, address) = full(k);
    let second = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.setsockopt(second, SocketOption::SendTimeout(SOON)).unwrap();
    assert_eq!(k.connect(second, address), Err(Errno::EINPROGRESS));
    assert_eq!(k.connect(second, address), Err(Errno::EALREADY));
    k.setsockopt(second, SocketOption::SendTimeout(LONG)).unwrap();
    let handler = Handler::new(k, SIGNAL, true);
    let caller = Caller::start(k, move |k: K| k.connect(second, address).map(|()| 0));
    handler.raise(k, caller.thread, SIGNAL);
    assert_eq!(caller.end(k), Err(Errno::EINTR));
    let (fd, _) = k.accept4(listener, SocketFlags::NONE).unwrap();
    assert_eq!(k.connect(second, address), Ok(()), "the SYN that is sent again");
    close_all(k, &[first, second, fd, listener]);
}

fn what_waits_for_a_connection_gives_up_too<K: Sleepers>(k: K) {
    let (listener, first, address) = full(k);
    let second = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    assert_eq!(k.connect(second, address), Err(Errno::EINPROGRESS));
    k.fcntl_setfl(second, eagain_net::StatusFlags::NONE).unwrap();
    k.setsockopt(second, SocketOption::SendTimeout(SOON)).unwrap();
    k.setsockopt(second, SocketOption::RecvTimeout(SOON)).unwrap();
    assert_eq!(k.send(second, b"abc", SendFlags::NONE), Err(Errno::EAGAIN));
    assert_eq!(k.recv(second, &mut [0; 3], RecvFlags::NONE), Err(Errno::EAGAIN));
    close_all(k, &[first, second, listener]);
}

fn shutdown_ends_what_waits_for_a_connection<K: Sleepers>(k: K) {
    let (listener, first, address) = full(k);
    let second = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k: K| k.connect(second, address).map(|()| 0));
    k.shutdown(second, ShutdownHow::Both).unwrap();
    assert_eq!(caller.end(k), Err(Errno::ECONNRESET));
    let third = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    assert_eq!(k.connect(third, address), Err(Errno::EINPROGRESS));
    k.fcntl_setfl(third, eagain_net::StatusFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k: K| k.recv(third, &mut [0; 3], RecvFlags::NONE));
    k.shutdown(third, ShutdownHow::Both).unwrap();
    assert_eq!(caller.end(k), Err(Errno::ECONNRESET));
    close_all(k, &[first, second, third, listener]);
}

fn shutdown_ends_every_accept_that_waits<K: Sleepers>(k: K) {
    let (listener, _) = listener(k, 1);
    let callers = [(); 3].map(|()| Caller::start(k, accept(listener)));
    k.shutdown(listener, ShutdownHow::Both).unwrap();
    for caller in callers {
        assert_eq!(caller.end(k), Err(Errno::EINVAL));
    }
    k.close(listener).unwrap();
}

fn a_timeout_that_is_set_meanwhile_is_for_later_calls<K: Sleepers>(k: K) {
    let (client, server) = pair(k);
    let handler = Handler::new(k, SIGNAL, true);
    let caller = Caller::start(k, recv(server, RecvFlags::NONE));
    k.setsockopt(server, SocketOption::RecvTimeout(LONG)).unwrap();
    handler.raise(k, caller.thread, SIGNAL);
    // It had none, so it is made again; then it has one.
    caller.await_sleep(k);
    handler.raise(k, caller.thread, SIGNAL);
    assert_eq!(caller.end(k), Err(Errno::EINTR));
    close_all(k, &[client, server]);
}

/// What wakes goes by the mark that is set, what is enough by the one that was.
fn a_low_water_mark_that_is_set_meanwhile_is_for_later_calls<K: Sleepers>(k: K) {
    let (client, server) = marked(k, 20, None);
    let caller = Caller::start(k, recv(server, RecvFlags::NONE));
    k.setsockopt(server, SocketOption::RecvLowAt(2)).unwrap();
    k.send(client, &[1; 7], SendFlags::NONE).unwrap();
    caller.await_sleep(k);
    assert!(!caller.is_over(), "7 are not 20");
    k.send(client, &[1; 13], SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(20));
    close_all(k, &[client, server]);
    let (client, server) = marked(k, 1, None);
    let caller = Caller::start(k, recv(server, RecvFlags::NONE));
    k.setsockopt(server, SocketOption::RecvLowAt(5)).unwrap();
    k.send(client, &[1; 2], SendFlags::NONE).unwrap();
    caller.await_sleep(k);
    assert!(!caller.is_over(), "nobody is woken");
    k.shutdown(server, ShutdownHow::Write).unwrap();
    assert_eq!(caller.end(k), Ok(2));
    close_all(k, &[client, server]);
}

/// `while (len > 0)`: it waits once.
fn a_receive_of_nothing_ends_with_whatever_wakes_it<K: Sleepers>(k: K) {
    let nothing = |fd: Fd| move |k: K| k.recv(fd, &mut [], RecvFlags::NONE);
    let (client, server) = pair(k);
    let handler = Handler::new(k, SIGNAL, true);
    let caller = Caller::start(k, nothing(server));
    handler.raise(k, caller.thread, SIGNAL);
    assert_eq!(caller.end(k), Ok(0));
    let caller = Caller::start(k, nothing(server));
    k.shutdown(server, ShutdownHow::Write).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    k.setsockopt(server, SocketOption::RecvTimeout(SOON)).unwrap();
    assert_eq!(nothing(server)(k), Ok(0), "not EAGAIN");
    assert_eq!(k.recv(server, &mut [], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
    close_all(k, &[client, server]);
    // Room to send is for whoever waits on the socket.
    let (client, server) = pair(k);
    let at_once = |fd: Fd| k.send(fd, &[0; 16384], SendFlags::DONTWAIT);
    while at_once(server).is_ok() {}
    let caller = Caller::start(k, nothing(server));
    while k.recv(client, &mut [0; 16384], RecvFlags::DONTWAIT).is_ok() {}
    assert_eq!(caller.end(k), Ok(0));
    close_all(k, &[client, server]);
    // Also where there is no connection any more that could be made.
    let (listener, first, address) = full(k);
    let second = k.socket(Domain::Inet, SocketFlags::NONBLOCK).unwrap();
    assert_eq!(k.connect(second, address), Err(Errno::EINPROGRESS));
    k.fcntl_setfl(second, eagain_net::StatusFlags::NONE).unwrap();
    let caller = Caller::start(k, nothing(second));
    k.shutdown(second, ShutdownHow::Read).unwrap();
    assert_eq!(caller.end(k), Ok(0));
    close_all(k, &[first, second, listener]);
}

/// A receive of up to 20 bytes; what it got.
fn recv<K: Sleepers>(fd: Fd, flags: RecvFlags) -> impl FnOnce(K) -> Result<usize> + Send + 'static {
    move |k| k.recv(fd, &mut [0; 20], flags)
}

fn marked<K: Sleepers>(k: K, mark: u32, timeout: Option<Duration>) -> (Fd, Fd) {
    let (client, server) = pair(k);
    k.setsockopt(client, SocketOption::NoDelay(true)).unwrap();
    k.setsockopt(server, SocketOption::RecvLowAt(mark)).unwrap();
    k.setsockopt(server, SocketOption::RecvTimeout(timeout)).unwrap();
    (client, server)
}

fn a_recv_below_the_low_water_mark_gets_what_is_there_in_time<K: Sleepers>(k: K) {
    for flags in [RecvFlags::NONE, RecvFlags::TRUNC, RecvFlags::PEEK, RecvFlags::WAITALL] {
        let (client, server) = marked(k, 10, SOON);
        k.send(client, b"abc", SendFlags::NONE).unwrap();
        assert_eq!(recv(server, flags)(k), Ok(3), "{flags:?}");
        let left = if flags == RecvFlags::PEEK { Ok(3) } else { Err(Errno::EAGAIN) };
        assert_eq!(k.recv(server, &mut [0; 9], RecvFlags::DONTWAIT), left, "{flags:?}");
        close_all(k, &[client, server]);
    }
}

fn a_recv_below_the_low_water_mark_gets_what_is_there_at_a_signal<K: Sleepers>(k: K) {
    for restart in [false, true] {
        let (client, server) = marked(k, 10, None);
        let handler = Handler::new(k, SIGNAL, restart);
        k.send(client, b"abc", SendFlags::NONE).unwrap();
        let caller = Caller::start(k, recv(server, RecvFlags::NONE));
        handler.raise(k, caller.thread, SIGNAL);
        assert_eq!(caller.end(k), Ok(3));
        close_all(k, &[client, server]);
    }
}

/// It has taken what was there: nobody else gets that, and the mark counts anew for what is to wake it.
fn a_recv_takes_what_is_below_the_mark_before_it_waits<K: Sleepers>(k: K) {
    for (more, woken) in [(7, false), (10, true)] {
        let (client, server) = marked(k, 10, Some(Duration::from_millis(200)));
        k.send(client, b"abc", SendFlags::NONE).unwrap();
        let caller = Caller::start(k, recv(server, RecvFlags::NONE));
        assert_eq!(k.recv(server, &mut [0; 9], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
        let before = k.clock_gettime(eagain_net::ClockId::Monotonic);
        k.send(client, &vec![7; more], SendFlags::NONE).unwrap();
        assert_eq!(caller.end(k), Ok(3 + more));
        let took = k.clock_gettime(eagain_net::ClockId::Monotonic) - before;
        assert!(woken || took >= Duration::from_millis(100), "{more}: after {took:?}");
        close_all(k, &[client, server]);
    }
}

fn a_look_below_the_mark_waits_for_the_rest<K: Sleepers>(k: K) {
    for flags in [RecvFlags::PEEK, RecvFlags::PEEK | RecvFlags::WAITALL] {
        let (client, server) = marked(k, if flags == RecvFlags::PEEK { 20 } else { 1 }, None);
        k.send(client, &[1; 3], SendFlags::NONE).unwrap();
        let caller = Caller::start(k, recv(server, flags));
        k.send(client, &[2; 17], SendFlags::NONE).unwrap();
        assert_eq!(caller.end(k), Ok(20));
        let mut all = [0; 30];
        assert_eq!(k.recv(server, &mut all, RecvFlags::DONTWAIT), Ok(20));
        assert_eq!(all[..20], [[1; 3].as_slice(), &[2; 17]].concat());
        close_all(k, &[client, server]);
    }
}

/// What another has taken meanwhile was seen, and the look begins anew at what is first now.
fn a_look_that_waits_is_overtaken<K: Sleepers>(k: K) {
    let (client, server) = marked(k, 1, None);
    k.send(client, b"abc", SendFlags::NONE).unwrap();
    let caller = Caller::start(k, move |k| {
        let mut bytes = [0; 10];
        let n = k.recv(server, &mut bytes, RecvFlags::PEEK | RecvFlags::WAITALL)?;
        assert_eq!(&bytes, b"abccdefghi");
        Ok(n)
    });
    assert_eq!(k.recv(server, &mut [0; 2], RecvFlags::DONTWAIT), Ok(2));
    k.send(client, b"defghij", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(10));
    assert_eq!(k.recv(server, &mut [0; 30], RecvFlags::DONTWAIT), Ok(8));
    close_all(k, &[client, server]);
}

fn timeouts_are_kept_in_ticks<K: Sleepers>(k: K) {
    let socket = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let set = |time: Duration| {
        k.setsockopt(socket, SocketOption::RecvTimeout(Some(time))).unwrap();
        match k.getsockopt(socket, SocketOptionName::RecvTimeout) {
            Ok(SocketOption::RecvTimeout(time)) => time,
            other => panic!("{other:?}"),
        }
    };
    let tick = set(Duration::from_nanos(1)).unwrap();
    assert!(tick >= Duration::from_millis(1), "{tick:?}");
    assert_eq!(set(tick), Some(tick));
    assert_eq!(set(tick + Duration::from_micros(1)), Some(2 * tick));
    assert_eq!(set(Duration::from_secs(3) + 3 * tick), Some(Duration::from_secs(3) + 3 * tick));
    assert_eq!(set(Duration::ZERO), None);
    let year = Duration::from_secs(365 * 86_400);
    assert_eq!(set(1_000_000 * year), Some(1_000_000 * year));
    assert_eq!(set(Duration::MAX), None, "for ever");
    k.close(socket).unwrap();
}

fn a_timeout_of_a_million_years_waits<K: Sleepers>(k: K) {
    let (client, server) = marked(k, 1, Some(Duration::from_secs(1_000_000 * 365 * 86_400)));
    let caller = Caller::start(k, recv(server, RecvFlags::NONE));
    assert!(!caller.is_over());
    k.send(client, b"abc", SendFlags::NONE).unwrap();
    assert_eq!(caller.end(k), Ok(3));
    close_all(k, &[client, server]);
}

crate::rows! {
    a_look_that_discards_leaves_the_stream_alone: "
        server l 2
        pair c s l
        send c 11
        recv s 5 peek|trunc = 5
        recv s 20 peek|trunc = 11
        recv s 20 = 11
    ";
}

mod threads {
    use super::*;
    crate::bodies! {
        accept_gives_up_after_so_rcvtimeo
        connect_gives_up_after_so_sndtimeo
        what_waits_for_a_connection_gives_up_too
        shutdown_ends_what_waits_for_a_connection
        shutdown_ends_every_accept_that_waits
        a_timeout_that_is_set_meanwhile_is_for_later_calls
        a_receive_of_nothing_ends_with_whatever_wakes_it
        a_low_water_mark_that_is_set_meanwhile_is_for_later_calls
        a_recv_below_the_low_water_mark_gets_what_is_there_in_time
        a_recv_below_the_low_water_mark_gets_what_is_there_at_a_signal
        a_recv_takes_what_is_below_the_mark_before_it_waits
        a_look_below_the_mark_waits_for_the_rest
        a_look_that_waits_is_overtaken
        timeouts_are_kept_in_ticks
        a_timeout_of_a_million_years_waits
    }
}
