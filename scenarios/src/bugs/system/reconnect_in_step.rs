//! Clients that come back all at once (NATS 2020, Teleport 2021): who has lost its connection tries again after a fixed time. After
//! a restart all try together; a handshake costs the server something, most attempts have timed out by their turn, and are
//! repeated together. Repaired: the delay grows, and a part of it is random.

use crate::bugs::common::{Lines, PORT, allow, anywhere, clients};
use crate::bugs::common_lines::ask;
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, choose, fail, sometimes, within};
use std::time::Duration;

crate::bugs::planted!(
    "reconnect-in-step",
    "B79",
    'o',
    ["O6", "O13"],
    "all clients reconnect after the same delay, and time out together"
);

/// What the server's side of a handshake takes.
const HANDSHAKE: Duration = Duration::from_millis(50);
/// How long a client waits for a reply.
const TIMEOUT: Duration = Duration::from_millis(100);
const DELAY: Duration = Duration::from_millis(100);
const DELAY_MOST: Duration = Duration::from_secs(5);
/// In this time a client has to be connected again.
const LIMIT: Duration = Duration::from_secs(60);

/// Shakes hands with one client after the other, and answers each line of theirs.
fn serve<K: Kernel>(k: K) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut lines = Lines::default();
        if !matches!(lines.read(&stream), Ok(Some(_))) {
            continue;
        }
        sleep(k, HANDSHAKE);
        if stream.write_all(b"welcome\n").is_err() {
            continue;
        }
        stream.set_read_timeout(None)?;
        thread::spawn(k, "session", move || {
            while let Ok(Some(_)) = lines.read(&stream) {
                if stream.write_all(b"alive\n").is_err() {
                    break;
                }
            }
        })?;
    }
}

fn shake_hands<K: Kernel>(k: K, server: SocketAddr) -> Option<TcpStream<K>> {
    let stream = TcpStream::connect(k, server).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    ask(&stream, "hello").map(|_| stream)
}

fn reconnect<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<TcpStream<K>> {
    let mut delay = DELAY;
    loop {
        if let Some(stream) = shake_hands(k, server) {
            return Ok(stream);
        }
        if defect {
            sleep(k, delay);
        } else {
            let mut random = [0; 4];
            k.getrandom(&mut random)?;
            sleep(
                k,
                delay / 2 + (delay / 2).mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)),
            );
            delay = (delay * 2).min(DELAY_MOST);
        }
    }
}

/// Keeps a connection for a while.
fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    sleep(k, Duration::from_millis(choose("start", 1, 3_000)));
    let ends = now(k) + Duration::from_secs(10);
    while now(k) < ends {
        let connected = within(LIMIT, "connected again", || reconnect(k, server, defect));
        let stream = connected?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        while now(k) < ends && ask(&stream, "there?").is_some() {
            sleep(k, Duration::from_millis(500));
        }
        sometimes!("a connection was lost", now(k) < ends);
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::ProcessKill]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server_restarting(host, "server", move |k, _| serve(k).unwrap());
    clients(sim, 10, move |k| {
        if let Err(errno) = client(k, address, defect) {
            fail("O16", "client ended", format!("{errno}"));
        }
    });
}
