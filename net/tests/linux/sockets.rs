//! Streams and listeners: addresses, options, ends and errors.

use crate::pair;
use eagain_net::{
    Descriptors, Errno, Linux, ListenOptions, RecvFlags, ShutdownHow, SocketOption, SocketOptionName,
    StatusFlags, TcpListener, TcpStream, any_port,
};
use std::io::IoSlice;
use std::net::{Ipv6Addr, SocketAddr};
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
fn a_refused_connection_is_told_by_so_error() {
    let listener = TcpListener::bind(Linux, any_port()).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(TcpStream::connect(Linux, address).unwrap_err(), Errno::ECONNREFUSED);
    let stream = TcpStream::connect_nonblocking(Linux, address).unwrap();
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
