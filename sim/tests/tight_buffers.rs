//! Buffers that faults make small are never smaller than Linux's smallest can behave.

mod common;

use common::sweep;
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const TIGHT: &[Family] = &[Family::SendBuffer, Family::RecvBuffer, Family::WireStall, Family::WireDelay];

fn between(sim: &mut Sim, server: fn(SimKernel, Fd), client: fn(SimKernel, Fd)) {
    sim.faults(TIGHT);
    let (host, other) = (sim.host("server"), sim.host("client"));
    let address = sim.address(host, 7);
    sim.server(host, "server", move |k| {
        let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        k.bind(l, SocketAddr::from(([0, 0, 0, 0], 7))).unwrap();
        k.listen(l, 4).unwrap();
        let (fd, _) = k.accept4(l, SocketFlags::NONE).unwrap();
        server(k, fd);
    });
    sim.client(other, "client", move |k| {
        let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
        while k.connect(fd, address).is_err() {
            k.nanosleep(Duration::from_millis(10)).unwrap();
        }
        client(k, fd);
    });
}

#[test]
fn send_on_an_idle_connection_takes_a_segment() {
    fn client(k: SimKernel, fd: Fd) {
        for _ in 0..3 {
            assert_eq!(k.send(fd, &[0; 500], SendFlags::DONTWAIT), Ok(500));
            k.recv(fd, &mut [0; 1], RecvFlags::NONE).unwrap();
            k.nanosleep(Duration::from_secs(1)).unwrap();
        }
    }
    fn server(k: SimKernel, fd: Fd) {
        let (mut bytes, mut got) = ([0; 600], 0);
        while let Ok(n @ 1..) = k.recv(fd, &mut bytes, RecvFlags::NONE) {
            got += n;
            if got % 500 == 0 {
                k.send(fd, b"!", SendFlags::NOSIGNAL).unwrap();
            }
        }
    }
    sweep(|sim| between(sim, server, client), 0..300, &["buffer.send", "buffer.recv"]);
}

/// An urgent byte that nobody takes, then a low-water mark: each waits for more than one byte.
#[test]
fn reader_that_waits_for_more_than_the_buffer_has_room_for_gets_it() {
    fn server(k: SimKernel, fd: Fd) {
        k.send(fd, b"!", SendFlags::OOB).unwrap();
        for _ in 0..3 {
            k.send(fd, &[7; 300], SendFlags::NONE).unwrap();
        }
        let _ = k.recv(fd, &mut [0; 1], RecvFlags::NONE);
    }
    fn client(k: SimKernel, fd: Fd) {
        let epoll = k.epoll_create().unwrap();
        k.epoll_ctl(epoll, EpollOp::Add, fd, Events::IN, 0).unwrap();
        k.epoll_wait(epoll, &mut [EpollEvent::default()], None, None).unwrap();
        k.setsockopt(fd, SocketOption::RecvLowAt(900)).unwrap();
        k.epoll_wait(epoll, &mut [EpollEvent::default()], None, None).unwrap();
        assert_eq!(k.recv(fd, &mut [0; 900], RecvFlags::WAITALL), Ok(900));
    }
    sweep(|sim| between(sim, server, client), 0..300, &["buffer.send", "buffer.recv"]);
}
