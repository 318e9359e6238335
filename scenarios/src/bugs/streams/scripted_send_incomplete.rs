//! A health check in steps (HAProxy 2013): a scripted send that met `EAGAIN`, or was short, counts as done. The check goes
//! on to wait for the reply to a request that never left whole.

use crate::bugs::common::{Lines, connect, listen};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};

crate::bugs::planted!(
    "scripted-send-incomplete",
    "B17",
    'd',
    ["O6"],
    "a send that would block, or was short, counts as done"
);

/// One step of the dialogue.
enum Step {
    Send(Vec<u8>),
    Expect(&'static str),
}

/// Makes the steps one after the other over a non-blocking stream, waiting with poll.
fn check<K: Kernel>(k: K, server: SocketAddr, script: Vec<Step>, defect: bool) -> Result<()> {
    let stream = connect(k, server);
    stream.set_nonblocking(true)?;
    let mut lines = Lines::default();
    for mut step in script {
        loop {
            let wanted = match &mut step {
                Step::Send(bytes) => {
                    let sent = match stream.write(bytes) {
                        Err(Errno::EAGAIN) => 0,
                        sent => sent?,
                    };
                    sometimes!("a scripted send was short", sent < bytes.len());
                    bytes.drain(..sent);
                    if bytes.is_empty() || defect {
                        break;
                    }
                    Events::OUT
                }
                Step::Expect(answer) => {
                    let mut bytes = [0; 64];
                    match stream.read(&mut bytes) {
                        Ok(0) => return Err(Errno::ECONNRESET),
                        Ok(n) => lines.feed(&bytes[..n]),
                        Err(Errno::EAGAIN) => {}
                        Err(errno) => return Err(errno),
                    }
                    match lines.next() {
                        Some(line) if line == *answer => break,
                        Some(line) => {
                            fail("O1", "wrong reply", format!("{line:?} instead of {answer:?}"));
                        }
                        None => {}
                    }
                    Events::IN
                }
            };
            match k.poll(&mut [PollFd::new(stream.fd(), wanted)], None, None) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}

/// Says `ok` and the length to each line, one client after the other.
fn serve<K: Kernel>(k: K) -> Result<()> {
    let listener = listen(k)?;
    listener.set_nonblocking(false)?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            if stream.write_all(format!("ok {}\n", line.len()).as_bytes()).is_err() {
                break;
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", |k| serve(k).unwrap());
    let host = sim.host("checker");
    sim.client(host, "checker", move |k| {
        for _ in 0..choose("checks", 1, 4) {
            let line = |length: usize| Step::Send([vec![b'x'; length], vec![b'\n']].concat());
            let script = vec![line(1000), Step::Expect("ok 1000"), line(4), Step::Expect("ok 4")];
            check(k, address, script, defect).unwrap();
        }
    });
}
