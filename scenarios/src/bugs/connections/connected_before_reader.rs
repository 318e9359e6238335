//! Connected, and nobody reads yet (libuv 2019): connecting watches the descriptor for input as well, level-triggered. A server
//! that speaks first makes it readable before the application has begun to read, and the loop turns at full speed until then.
//! Repaired: input is watched from when somebody reads.

use crate::bugs::common::{Lines, PORT, clients, pause, retry_when_full};
use crate::bugs::common_lines::echo_lines;
use crate::bugs::common_services::write_short;
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail};
use std::time::Duration;

crate::bugs::planted!(
    "connected-before-reader",
    "B34",
    'g',
    ["O3"],
    "input is watched from connect on, and nobody reads it yet"
);

const GREETING: &str = "ready";
const QUESTIONS: [&str; 3] = ["first", "second", "third"];

#[derive(PartialEq)]
enum State {
    Connecting,
    /// Connected; the application reads from then on.
    Preparing(Instant),
    Reading,
}

/// Greets, then answers each line.
fn serve<K: Kernel>(k: K) -> Result<()> {
    each_in_a_thread(k, PORT, move |stream| {
        pause(k, "greet", Duration::from_millis(2));
        if stream.write_all(format!("{GREETING}\n").as_bytes()).is_ok() {
            echo_lines(k, &stream, Duration::from_millis(2));
        }
    })
}

/// Connects, prepares itself, hears the greeting, and asks one question after the other.
fn talk<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let (mut stream, _) = TcpStream::connect_nonblocking(k, server)?;
    let from_connect_on = if defect { Events::IN } else { Events::NONE };
    epoll.add(stream.fd(), Events::OUT | from_connect_on, 0)?;
    let mut state = State::Connecting;
    let mut lines = Lines::default();
    let mut heard = Vec::new();
    let mut events = [EpollEvent::default(); 4];
    while heard.len() < 1 + QUESTIONS.len() {
        let timeout = match state {
            State::Preparing(until) => Some(until - now(k)),
            _ => None,
        };
        let n = match epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        match state {
            State::Connecting if n > 0 => {
                if stream.take_error()?.is_some() {
                    // It does not listen yet.
                    sleep(k, Duration::from_millis(1));
                    stream = TcpStream::connect_nonblocking(k, server)?.0;
                    epoll.add(stream.fd(), Events::OUT | from_connect_on, 0)?;
                    continue;
                }
                epoll.modify(stream.fd(), from_connect_on, 0)?;
                let preparing = Duration::from_micros(choose("preparing", 0, 40_000));
                state = State::Preparing(now(k) + preparing);
            }
            State::Preparing(until) if now(k) >= until => {
                epoll.modify(stream.fd(), Events::IN, 0)?;
                state = State::Reading;
            }
            State::Reading if n > 0 => {
                let mut bytes = [0; 64];
                match stream.read(&mut bytes) {
                    Ok(n) if n > 0 => lines.feed(&bytes[..n]),
                    Err(Errno::EAGAIN) => {}
                    end => return fail_with(format!("{end:?}")),
                }
                while let Some(line) = lines.next() {
                    if let Some(question) = QUESTIONS.get(heard.len()) {
                        write_short(&stream, question)?;
                    }
                    heard.push(line);
                }
            }
            _ => {}
        }
    }
    if heard[0] != GREETING || heard[1..] != QUESTIONS {
        return fail_with(format!("{heard:?}"));
    }
    Ok(())
}

fn fail_with(heard: String) -> Result<()> {
    fail("O1", "wrong reply", format!("{QUESTIONS:?} were answered by {heard}"));
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", |k| serve(k).unwrap());
    clients(sim, 2, move |k| talk(k, address, defect).unwrap());
}
