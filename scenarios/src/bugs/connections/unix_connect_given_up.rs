//! `EAGAIN` of a non-blocking connect to a UNIX socket (hiredis 2021 and 2024, lighttpd 2024): the listener's queue is full, and
//! nothing will ever say that there is room. Code that knows `EINPROGRESS` of TCP takes it for a fatal error, and the request is
//! given up although the server is there. Repaired: connected again a little later.

use crate::bugs::common::{Lines, pause};
use crate::bugs::common_services::{echo_unix, unix_address, unix_socket};
use eagain_net::*;
use eagain_sim::{Sim, SimKernel, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "unix-connect-given-up",
    "B32",
    'g',
    ["O6"],
    "a full queue of a UNIX listener ends the request"
);

const BACKLOG: i32 = 3;

fn dial<K: Kernel>(k: K, defect: bool) -> Result<TcpStream<K>> {
    loop {
        let stream = TcpStream::from(unix_socket(k, SocketFlags::NONBLOCK)?);
        match k.unix_connect(stream.fd(), &unix_address()) {
            Ok(()) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            // It does not listen yet.
            Err(Errno::ECONNREFUSED) => {}
            Err(Errno::EAGAIN) if !defect => sometimes!("the queue was full", true),
            Err(errno) => return Err(errno),
        }
        sleep(k, Duration::from_millis(1));
    }
}

/// One connection after the other, a question each.
fn ask<K: Kernel>(k: K, defect: bool) {
    for round in 0..4 {
        pause(k, "think", Duration::from_millis(4));
        let question = format!("round {round}");
        let answer = dial(k, defect).and_then(|stream| {
            stream.write_all(format!("{question}\n").as_bytes())?;
            Lines::default().read(&stream)
        });
        if answer != Ok(Some(question)) {
            return fail(
                "O6",
                "request given up",
                format!("the server is there, and round {round}: {answer:?}"),
            );
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("machine");
    sim.server(host, "server", |k| echo_unix(k, BACKLOG, Duration::from_millis(1)).unwrap());
    for client in 0..6 {
        sim.client(host, &format!("client-{client}"), move |k: SimKernel| ask(k, defect));
    }
}
