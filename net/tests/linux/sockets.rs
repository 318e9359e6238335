//! Streams and listeners: addresses, options, ends and errors.

use crate::pair;
use eagain_net::util::{LineReader, accept_retry, connect_retry, epoll_wait_retry};
use eagain_net::{
    Descriptors, Epoll, EpollEvent, Errno, Linux, ListenOptions, RecvFlags, ShutdownHow, SigAction, Signal,
    Signals, SocketOption, SocketOptionName, StatusFlags, TcpListener, TcpStream, Threads, any_port, now,
    sleep,
};
use std::io::IoSlice;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

#[test]
fn bytes_cross_and_the_end_is_seen() {
    let (client, server) = pair();
    assert_eq!(client.writev(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]), Ok(4));
    let mut buffer = [0; 8];
    assert_eq!(server.peek(&mut buffer), Ok(4));
    assert_eq!(server.read(&mut buffer), Ok(4));
    assert_eq!(&buffer[..4], b"abcd");
    client.shutdown(ShutdownHow::Write).unwrap();
    assert_eq!(server.read(&mut buffer), Ok(0));
    assert_eq!(server.write(b"still"), Ok(5));
    assert_eq!(client.read(&mut buffer), Ok(5));
}

#[test]
fn a_nonblocking_read_of_nothing_is_eagain() {
    let (_client, server) = pair();
    server.set_nonblocking(true).unwrap();
    assert_eq!(Linux.fcntl_getfl(server.fd()), Ok(StatusFlags::NONBLOCK));
    assert_eq!(server.read(&mut [0; 1]), Err(Errno::EAGAIN));
    server.set_nonblocking(false).unwrap();
    assert_eq!(server.recv(&mut [0; 1], RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

#[test]
fn a_reset_is_reported_once_and_then_the_pipe_is_broken() {
    let (client, server) = pair();
    client.set_linger(Some(0)).unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0; 1]), Err(Errno::ECONNRESET));
    assert_eq!(server.read(&mut [0; 1]), Ok(0));
    assert_eq!(server.write(b"x"), Err(Errno::EPIPE));
    assert_eq!(server.take_error(), Ok(None));
}

#[test]
fn options_come_back_as_they_were_set() {
    let (client, _server) = pair();
    let same = [
        SocketOption::ReuseAddr(true),
        SocketOption::NoDelay(true),
        SocketOption::KeepAlive(true),
        SocketOption::Linger(Some(3)),
        SocketOption::Linger(None),
        SocketOption::RecvLowAt(7),
        SocketOption::RecvTimeout(Some(Duration::from_millis(1500))),
        SocketOption::SendTimeout(None),
    ];
    for option in same {
        client.set(option).unwrap();
        assert_eq!(client.get(option.name()), Ok(option));
    }
    // socket(7): the kernel doubles it.
    client.set_send_buffer(65536).unwrap();
    assert_eq!(client.get(SocketOptionName::SendBuffer), Ok(SocketOption::SendBuffer(131_072)));
    assert_eq!(client.set(SocketOption::Error(None)), Err(Errno::ENOPROTOOPT));
}

#[test]
fn a_refused_connection_is_reported_by_so_error() {
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(TcpStream::connect(Linux, address).unwrap_err(), Errno::ECONNREFUSED);
    let (stream, connected) = TcpStream::connect_nonblocking(Linux, address).unwrap();
    assert!(!connected, "refusals of non-blocking sockets come later");
    assert_eq!(stream.take_error(), Ok(Some(Errno::ECONNREFUSED)));
    assert_eq!(stream.peer_addr(), Err(Errno::ENOTCONN));
}

#[test]
fn an_ipv6_address_survives_the_way() {
    let any = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let listener = match TcpListener::bind(Linux, any) {
        Ok(listener) => listener,
        Err(e) => return crate::skipped(&format!("no IPv6 loopback here: {e}")),
    };
    let client = TcpStream::connect(Linux, listener.local_addr().unwrap()).unwrap();
    let (_server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[test]
fn a_nonblocking_listener_without_connections_is_eagain() {
    let listener = TcpListener::bind_with(Linux, any_port(), &ListenOptions::nonblocking()).unwrap();
    assert_eq!(listener.accept().unwrap_err(), Errno::EAGAIN);
}

#[test]
fn an_address_in_use_is_refused() {
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let again = TcpListener::bind(Linux, listener.local_addr().unwrap());
    assert_eq!(again.unwrap_err(), Errno::EADDRINUSE);
}

#[test]
fn a_stream_is_a_reader_and_a_writer_of_std_and_errors_keep_their_kind() {
    let (client, mut server) = crate::pair();
    std::io::Write::write_all(&mut &client, b"through std").unwrap();
    client.shutdown(ShutdownHow::Write).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut server, &mut text).unwrap();
    assert_eq!(text, "through std");
    let error = std::io::Error::from(TcpStream::connect(Linux, closed_port()).unwrap_err());
    assert_eq!((error.kind(), error.raw_os_error()), (std::io::ErrorKind::ConnectionRefused, Some(111)));
}

fn closed_port() -> SocketAddr {
    TcpListener::bind(Linux, any_port()).unwrap().local_addr().unwrap()
}

#[test]
fn connecting_goes_on_until_somebody_listens_or_the_attempts_are_used_up() {
    let options = ListenOptions::default();
    let listener = TcpListener::bind_only(Linux, any_port(), &options).unwrap();
    let address = listener.local_addr().unwrap();
    let pause = Duration::from_millis(1);
    assert_eq!(connect_retry(Linux, address, 3, pause).unwrap_err(), Errno::ECONNREFUSED);
    let client = std::thread::spawn(move || connect_retry(Linux, address, 1_000_000, pause).unwrap());
    listener.listen(16).unwrap();
    let (_server, peer) = accept_retry(&listener).unwrap();
    assert_eq!(client.join().unwrap().local_addr(), Ok(peer));
}

#[test]
fn lines_are_read_whole_and_bounded() {
    let (client, server) = crate::pair();
    let mut lines = LineReader::new(server, 5);
    client.write_all(b"12345\n\nab").unwrap();
    assert_eq!(lines.read_line(), Ok(Some(b"12345".to_vec())));
    assert_eq!(lines.read_line(), Ok(Some(Vec::new())));
    client.write_all(b"c\nrest").unwrap();
    client.shutdown(ShutdownHow::Write).unwrap();
    assert_eq!(lines.read_line(), Ok(Some(b"abc".to_vec())));
    assert_eq!(lines.read_line(), Err(Errno::EPROTO));
    for too_long in [&b"123456\n"[..], b"1234567"] {
        let (client, server) = crate::pair();
        client.write_all(too_long).unwrap();
        assert_eq!(LineReader::new(server, 5).read_line(), Err(Errno::EMSGSIZE));
    }
    let (client, server) = crate::pair();
    drop(client);
    assert_eq!(LineReader::new(server, 5).read_line(), Ok(None));
}

#[test]
fn a_wait_goes_on_after_a_signal_until_its_time_is_over() {
    let signal = Signal(Signal::SIGRTMIN.0 + 18);
    let handled = Arc::new(AtomicU64::new(0));
    let count = handled.clone();
    let handler = SigAction::handler(false, move |_| {
        count.fetch_add(1, SeqCst);
    });
    Linux.sigaction(signal, handler).unwrap();
    let (epoll, waiter) = (Epoll::new(Linux).unwrap(), Linux.gettid());
    let done = Arc::new(AtomicBool::new(false));
    let stop = done.clone();
    let sender = std::thread::spawn(move || {
        while !stop.load(SeqCst) {
            Linux.tgkill(waiter, signal).unwrap();
            sleep(Linux, Duration::from_millis(1));
        }
    });
    let (start, time) = (now(Linux), Duration::from_millis(50));
    let waited = epoll_wait_retry(&epoll, &mut [EpollEvent::default(); 1], Some(time));
    let took = now(Linux) - start;
    done.store(true, SeqCst);
    sender.join().unwrap();
    assert_eq!(waited, Ok(0));
    assert!(took >= time && handled.load(SeqCst) > 0, "{took:?}, {handled:?}");
}
