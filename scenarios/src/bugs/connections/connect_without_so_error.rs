//! Writable is not connected (Crystal 2019 and many small libraries): after `EINPROGRESS` the socket becomes writable, and
//! nobody asks `SO_ERROR`. A refused backend looks like a good one, so that the healthy one behind it is never tried.

use crate::bugs::common::{Lines, anywhere, connect, pause};
use eagain_net::*;
use eagain_sim::{Sim, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "connect-without-so-error",
    "B31",
    'g',
    ["O1"],
    "a refused connect counts as made, and the healthy backend is not tried"
);

/// Answers each line of each connection, one after the other.
fn backend<K: Kernel>(k: K, port: u16) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(port))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                break;
            }
        }
    }
}

/// A connection to the first backend that takes one.
fn dial<K: Kernel>(k: K, backends: &[SocketAddr], defect: bool) -> Result<TcpStream<K>> {
    let mut error = Errno::ECONNREFUSED;
    for &backend in backends {
        let (stream, _) = TcpStream::connect_nonblocking(k, backend)?;
        loop {
            let mut asked = [PollFd::new(stream.fd(), Events::OUT)];
            match k.poll(&mut asked, None, None) {
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        match if defect { None } else { stream.take_error()? } {
            None => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Some(errno) => error = errno,
        }
        sometimes!("the next backend is tried", true);
    }
    Err(error)
}

fn ask<K: Kernel>(k: K, backends: [SocketAddr; 2], defect: bool) {
    // The second backend is known to be there.
    drop(connect(k, backends[1]));
    for round in 0..3 {
        pause(k, "between", Duration::from_millis(5));
        let question = format!("round {round}");
        let answer = dial(k, &backends, defect).and_then(|stream| {
            stream.write_all(format!("{question}\n").as_bytes())?;
            Lines::default().read(&stream)
        });
        if answer != Ok(Some(question)) {
            fail("O1", "no reply", format!("a healthy backend is there, but the answer is {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let first = sim.host("first");
    let second = sim.host("second");
    let backends = [sim.address(first, 7001), sim.address(second, 7002)];
    sim.server(first, "first", |k| {
        pause(k, "starts late", Duration::from_millis(20));
        backend(k, 7001).unwrap();
    });
    sim.server(second, "second", |k| backend(k, 7002).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| ask(k, backends, defect));
}
