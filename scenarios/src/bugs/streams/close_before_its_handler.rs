//! A close that nobody was looking at (nginx 2021): a refused login is answered after a delay, and a handler is installed that
//! frees the session where the client does not wait for it. But the edge of the client's end came before, with the request, and
//! there is no other. Repaired: where the socket was ready already, the new handler is called at once.

use crate::bugs::common::{Lines, connect, listen, pause, retry_when_full};
use crate::bugs::common_replies::server;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "close-before-its-handler",
    "B03",
    'a',
    ["O5"],
    "a client that leaves right after its request keeps its session for the whole delay"
);

const LISTENER: u64 = 0;
/// How long a refusal takes.
const DELAY: Duration = Duration::from_secs(90);

struct Session<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    /// An edge has come, and no `EAGAIN` since.
    ready: bool,
    /// When the refusal is due.
    refused: Option<Instant>,
}

impl<K: Kernel> Session<K> {
    /// Handles what has come, `sessions` being how many there are. `false`: the client has gone.
    fn handle(&mut self, sessions: usize, defect: bool) -> Result<bool> {
        while self.ready && self.refused.is_none() {
            let mut bytes = [0; 64];
            match self.stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
                Ok(n) => self.lines.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => self.ready = false,
                Err(errno) => return Err(errno),
            }
            match self.lines.next().as_deref() {
                Some("login wrong") => self.refused = Some(now(self.stream.kernel()) + DELAY),
                Some("sessions") if !self.reply(&format!("{sessions}\n")) => return Ok(false),
                Some("login right") if !self.reply("welcome\n") => return Ok(false),
                _ => {}
            }
        }
        sometimes!("ready when the delay begins", self.ready);
        Ok(defect || self.wait_for_close())
    }

    /// The handler of the delay. `false`: the client has gone.
    fn wait_for_close(&mut self) -> bool {
        if !self.ready || self.refused.is_none() {
            return true;
        }
        match self.stream.recv(&mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::EAGAIN) => self.ready = false,
            Ok(n) if n > 0 => {}
            _ => return false,
        }
        true
    }

    /// Whether the client took it.
    fn reply(&self, line: &str) -> bool {
        self.stream.write_all(line.as_bytes()).is_ok()
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut sessions: BTreeMap<u64, Session<K>> = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let next = sessions.values().filter_map(|session| session.refused).min();
        let n = match epoll.wait(&mut events, next.map(|due| due - now(k))) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        for event in &events[..n] {
            if event.data == LISTENER {
                if let Ok((stream, _)) = listener.accept() {
                    last += 1;
                    epoll.add(stream.fd(), Events::IN | Events::RDHUP | Events::ET, last)?;
                    let (lines, refused) = (Lines::default(), None);
                    sessions.insert(last, Session { stream, lines, ready: false, refused });
                }
                continue;
            }
            let count = sessions.len();
            let Some(session) = sessions.get_mut(&event.data) else { continue };
            session.ready = true;
            let stays = match session.refused {
                Some(_) => session.wait_for_close(),
                None => session.handle(count, defect)?,
            };
            if !stays {
                sessions.remove(&event.data);
            }
        }
        // Who is refused gets an answer that says so, and has to go.
        sessions.retain(|_, session| {
            let due = session.refused.is_some_and(|due| due <= now(k));
            if due {
                session.reply("refused\n");
            }
            !due
        });
    }
}

/// Logs in, waits for the answer or does not; then the number of sessions has to be that of those who are there.
fn visit<K: Kernel>(k: K, server: SocketAddr) {
    for _ in 0..3 {
        let stream = connect(k, server);
        let right = choose("wrong password", 0, 1) == 0;
        let login: &[u8] = if right { b"login right\n" } else { b"login wrong\n" };
        stream.write_all(login).unwrap();
        if choose("impatient", 0, 1) == 0 {
            let answer = Lines::default().read(&stream);
            let expected = if right { "welcome" } else { "refused" };
            if answer.as_ref().ok().and_then(|line| line.as_deref()) != Some(expected) {
                fail("O1", "wrong reply", format!("{answer:?} instead of {expected}"));
            }
        } else {
            pause(k, "leave", Duration::from_millis(1));
        }
    }
    let (status, mut lines) = (connect(k, server), Lines::default());
    let begun = now(k);
    loop {
        status.write_all(b"sessions\n").unwrap();
        match lines.read(&status) {
            Ok(Some(count)) if count == "1" => return,
            Ok(Some(count)) if now(k) - begun > Duration::from_secs(30) => {
                return fail("O5", "sessions", format!("{count} sessions 30 s after all but one have gone"));
            }
            _ => sleep(k, Duration::from_secs(1)),
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    let host = sim.host("client");
    sim.client(host, "client", move |k| visit(k, address));
}
