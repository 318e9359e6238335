//! An echo server on a ring, under faults.

mod common;

use common::sweep;
use eagain_net::*;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

/// An echo server on one ring, with multishot accept and a receive and a send at a time for each connection.
fn serve(k: SimKernel, port: u16) {
    const ACCEPT: u64 = 0;
    let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(l, SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
    k.listen(l, 16).unwrap();
    let mut r = Ring::new(k, RingParams { entries: 64, cq_entries: 0, defer_taskrun: true }).unwrap();
    r.accept_multishot(ACCEPT, l, SocketFlags::NONBLOCK).unwrap();
    let mut all = Vec::new();
    loop {
        match r.enter(1, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => panic!("{errno}"),
        }
        r.reap(&mut all);
        for c in all.drain(..) {
            let (fd, sending) = (Fd((c.user_data >> 1) as i32), c.user_data & 1 == 1);
            match (c.user_data, c.value(), c.buffer) {
                (ACCEPT, Ok(fd), _) => r.recv((fd as u64) << 1, Fd(fd as i32), vec![0; 100]).unwrap(),
                (ACCEPT, Err(errno), _) => panic!("accept: {errno}"),
                (user_data, Err(Errno::EAGAIN), Some(_)) if !sending => {
                    r.recv(user_data, fd, vec![0; 100]).unwrap();
                }
                (_, Ok(0) | Err(_), _) => k.close(fd).unwrap(),
                (user_data, Ok(n), Some(buffer)) if !sending => {
                    let all = buffer[..n].to_vec();
                    r.send_all(user_data | 1, fd, all, 0).unwrap();
                }
                (user_data, Ok(_), Some(mut buffer)) => {
                    buffer.resize(100, 0);
                    r.recv(user_data & !1, fd, buffer).unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn echo(sim: &mut Sim) {
    use eagain_sim::fault::Family;
    let mut faults = eagain_sim::USUAL_FAULTS.to_vec();
    faults.push(Family::RingAgain);
    sim.faults(&faults);
    let host = sim.host("server");
    let server = sim.address(host, 7);
    sim.server(host, "server", |k| serve(k, 7));
    for client in 0..3 {
        let host = sim.host(&format!("client-{client}"));
        sim.client(host, &format!("client-{client}"), move |k| {
            let fd = loop {
                let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
                if k.connect(fd, server).is_ok() {
                    break fd;
                }
                k.close(fd).unwrap();
                k.nanosleep(Duration::from_millis(1)).unwrap();
            };
            for round in 0..8_u8 {
                let sent: Vec<u8> = (0..150).map(|at| at ^ round).collect();
                let mut at = 0;
                while at < sent.len() {
                    at += k.send(fd, &sent[at..], SendFlags::NOSIGNAL).unwrap();
                }
                let mut got = Vec::new();
                while got.len() < sent.len() {
                    let mut buffer = [0; 64];
                    let n = k.recv(fd, &mut buffer, RecvFlags::NONE).unwrap();
                    assert_ne!(n, 0);
                    got.extend_from_slice(&buffer[..n]);
                }
                assert_eq!(got, sent);
            }
            k.close(fd).unwrap();
        });
    }
}

#[test]
fn an_echo_server_on_a_ring_holds_under_faults() {
    sweep(echo, 0..200, &["ring.late", "ring.order", "ring.short", "ring.again"]);
}
