//! Two of the peers' programs with blocking calls on our kernel; the other four are among `cargo eagain bugs`.

use comparison_work::bugs::Bug;
use comparison_work::bugs::kit::{Lines, reply};
use eagain_net::*;
use eagain_sim::run::Scenario;
use eagain_sim::{Oracle, PlantedBug, Sim, SimKernel, choose, fail};
use std::time::Duration;

const PORT: u16 = 7;

/// Connects, again after a while where nobody listens yet.
fn connect<K: Kernel>(k: K, server: SocketAddr) -> TcpStream<K> {
    loop {
        match TcpStream::connect(k, server) {
            Ok(stream) => return stream,
            Err(_) => sleep(k, Duration::from_millis(1)),
        }
    }
}

/// A pause of the workload, of up to so many microseconds.
fn pause<K: Kernel>(k: K, name: &'static str, most: u64) {
    match choose(name, 0, most) {
        0 => {}
        pause => sleep(k, Duration::from_micros(pause)),
    }
}

/// The finding; the client ends.
fn broken(site: &str, message: String) -> Result<()> {
    fail("O2", site, message);
    Ok(())
}

/// Again after a signal.
fn read<K: Kernel>(stream: &TcpStream<K>, bytes: &mut [u8]) -> Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(Errno::EINTR) => {}
            read => return read,
        }
    }
}

/// Accepts for ever, a thread a connection.
fn each_connection<K: Kernel>(
    k: K,
    session: fn(K, &TcpStream<K>, bool) -> Result<()>,
    defect: bool,
) -> Result<()> {
    let listener = TcpListener::bind(k, SocketAddr::from(([0, 0, 0, 0], PORT)))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        thread::spawn(k, "session", move || {
            let _ = session(k, &stream, defect);
        })?;
    }
}

/// A server that takes what one read gives for one request.
fn read_once<K: Kernel>(_: K, stream: &TcpStream<K>, defect: bool) -> Result<()> {
    let mut lines = Lines::default();
    let mut bytes = [0; 4096];
    loop {
        let got = read(stream, &mut bytes)?;
        if got == 0 {
            return Ok(());
        }
        let mut requests = Vec::new();
        if defect {
            requests.push(String::from_utf8_lossy(bytes[..got].trim_ascii_end()).into_owned());
        } else {
            lines.feed(&bytes[..got]);
            requests.extend(std::iter::from_fn(|| lines.line()));
        }
        for request in requests {
            stream.write_all(format!("ok {}\n", request.len()).as_bytes())?;
        }
    }
}

fn ask_lines<K: Kernel>(k: K, server: SocketAddr, _: bool) -> Result<()> {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for _ in 0..8 {
        pause(k, "think", 2000);
        let length = choose("length", 1, 1000) as usize;
        stream.write_all(&[vec![b'x'; length], vec![b'\n']].concat())?;
        let answer = loop {
            if let Some(line) = lines.line() {
                break line;
            }
            let mut bytes = [0; 256];
            let got = read(&stream, &mut bytes)?;
            lines.feed(&bytes[..got]);
            if got == 0 {
                return broken("reply", "hung up".to_owned());
            }
        };
        if answer != format!("ok {length}") {
            return broken("reply", format!("{answer:?} instead of ok {length}"));
        }
    }
    Ok(())
}

/// Answers each byte `b` by a frame: two bytes that say how long it is, and so many.
fn frames<K: Kernel>(k: K, stream: &TcpStream<K>, _: bool) -> Result<()> {
    let mut question = [0];
    while read(stream, &mut question)? == 1 {
        let body = reply(usize::from(question[0]));
        stream.write_all(&(body.len() as u16).to_be_bytes())?;
        pause(k, "work", 5000);
        stream.write_all(&body)?;
    }
    Ok(())
}

/// A read that is given up midway, by a timeout of the socket, and loses what it had.
fn ask_frames<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let stream = connect(k, server);
    for _ in 0..6 {
        let question = choose("question", 1, 255) as u8;
        stream.write_all(&[question])?;
        let mut frame: Vec<u8> = Vec::new();
        let got = loop {
            stream.set_read_timeout(Some(Duration::from_micros(choose("patience", 1000, 20_000))))?;
            let want = match frame.first_chunk() {
                Some(&length) => 2 + usize::from(u16::from_be_bytes(length)),
                None => 2,
            };
            if frame.len() == want && want > 2 {
                break frame.split_off(2);
            }
            let mut bytes = [0; 256];
            let most = (want - frame.len()).min(bytes.len());
            match read(&stream, &mut bytes[..most]) {
                Ok(0) => return broken("frame", "hung up".to_owned()),
                Ok(got) => frame.extend_from_slice(&bytes[..got]),
                Err(Errno::EAGAIN) if defect => frame.clear(),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        };
        if got != reply(usize::from(question)) {
            return broken("frame", "another frame".to_owned());
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, bug: Bug, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let session = if bug == Bug::ReadOnce { read_once } else { frames };
    sim.server(host, "server", move |k| each_connection(k, session, defect).unwrap());
    let ask: fn(SimKernel, SocketAddr, bool) -> Result<()> =
        if bug == Bug::ReadOnce { ask_lines } else { ask_frames };
    for which in 0..bug.clients() {
        let name = format!("client-{which}");
        let host = sim.host(&name);
        sim.client(host, &name, move |k| ask(k, address, defect).unwrap());
    }
}

macro_rules! planted {
    ($bug:path, $name:literal) => {
        PlantedBug {
            name: $name,
            source: "comparison",
            class: $bug.class(),
            about: "the peers' program with blocking calls",
            oracles: &[Oracle::ByteIntegrity, Oracle::Liveness],
            defect: Scenario {
                name: $name,
                about: "the defect",
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, $bug, true),
            },
            twin: Scenario {
                name: concat!($name, "-twin"),
                about: "repaired",
                knobs: &[],
                seeds: 64,
                body: |sim| build(sim, $bug, false),
            },
        }
    };
}

/// Those two.
pub const PLANTED: &[PlantedBug] =
    &[planted!(Bug::ReadOnce, "read-once-framing"), planted!(Bug::Cancelled, "cancelled-read")];
