//! A signal between the look and the wait (HAProxy's wrapper 2016): the handler sets a flag, the loop looks at the flag and
//! then waits without limit; a signal in between has been handled when the wait begins, and nothing ends it. Repaired: the
//! signal is blocked but for the wait itself (`epoll_pwait`).

use crate::bugs::common::{Lines, connect, listen, pause, retry_when_full};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "signal-before-wait",
    "B53",
    'k',
    ["O6", "O14"],
    "SIGTERM between the test of its flag and the wait is never noticed"
);

const LISTENER: u64 = 0;

/// Answers lines until SIGTERM comes.
fn serve<K: Kernel>(k: K, pid: &AtomicI32, defect: bool) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let terminate = SigSet::EMPTY.with(Signal::SIGTERM);
    let before = if defect { SigSet::EMPTY } else { k.sigprocmask(MaskHow::Block, terminate)? };
    k.sigaction(Signal::SIGTERM, SigAction::handler(true, move |_| flag.store(true, SeqCst)))?;
    pid.store(k.getpid(), SeqCst);
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut streams: BTreeMap<u64, TcpStream<K>> = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    while !stop.load(SeqCst) {
        let waited =
            if defect { epoll.wait(&mut events, None) } else { epoll.wait_masked(&mut events, None, before) };
        let n = match waited {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        for event in &events[..n] {
            if event.data == LISTENER {
                let (stream, _) = match listener.accept_nonblocking() {
                    Err(Errno::EAGAIN) => continue,
                    accepted => accepted?,
                };
                last += 1;
                epoll.add(stream.fd(), Events::IN, last)?;
                streams.insert(last, stream);
                continue;
            }
            let mut bytes = [0; 64];
            match streams.get(&event.data).map(|stream| (stream, stream.read(&mut bytes))) {
                Some((stream, Ok(n))) if n > 0 => {
                    stream.set_nonblocking(false)?;
                    let _ = stream.write_all(&bytes[..n]);
                    stream.set_nonblocking(true)?;
                }
                Some((_, Err(Errno::EAGAIN))) => {}
                _ => drop(streams.remove(&event.data)),
            }
        }
    }
    sometimes!("the server stopped", true);
    Ok(())
}

/// Talks to the server for a while, and stops it once all is answered.
fn operate<K: Kernel>(k: K, server: SocketAddr, pid: &AtomicI32) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for _ in 0..choose("questions", 1, 10) {
        if stream.write_all(b"hello\n").is_err() || !matches!(lines.read(&stream), Ok(Some(_))) {
            return fail("O1", "no reply", "the server has gone before it was asked to".to_owned());
        }
    }
    pause(k, "patience", Duration::from_micros(20));
    k.kill(pid.load(SeqCst), Signal::SIGTERM).unwrap();
    // Hanging up would wake the server.
    sleep(k, Duration::from_secs(3600));
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    let pid = Arc::new(AtomicI32::new(0));
    let known = pid.clone();
    // In the foreground: the run ends when the server has.
    sim.client(host, "server", move |k| serve(k, &known, defect).unwrap());
    sim.server(host, "operator", move |k| operate(k, address, &pid));
}
