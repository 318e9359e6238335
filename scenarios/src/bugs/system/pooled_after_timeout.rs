//! A connection that goes back to its pool with a reply still to come (redis-py 2023): the caller gave up waiting, the
//! next one reads the answer to the question before, and so on for ever. Repaired: who gives up closes.

use crate::bugs::common::{Lines, anywhere, connect, pause};
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, fail, sometimes};
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "pooled-after-timeout",
    "B73",
    'o',
    ["O1", "O7"],
    "a connection with a reply outstanding is used for the next question"
);

const TIMEOUT: Duration = Duration::from_millis(20);

/// Connections that nobody uses at the moment.
struct Pool<K: Kernel> {
    server: SocketAddr,
    idle: Mutex<K, Vec<TcpStream<K>>>,
}

impl<K: Kernel> Pool<K> {
    /// Asks over a pooled connection. `None`: no answer in time.
    fn ask(&self, k: K, question: &str, defect: bool) -> Option<String> {
        let pooled = self.idle.lock().pop();
        let stream = pooled.unwrap_or_else(|| connect(k, self.server));
        stream.set_read_timeout(Some(TIMEOUT)).ok()?;
        stream.write_all(format!("{question}\n").as_bytes()).ok()?;
        let answer = Lines::default().read(&stream);
        sometimes!("a question timed out", answer == Err(Errno::EAGAIN));
        if answer.is_ok() || defect {
            self.idle.lock().push(stream);
        }
        answer.ok().flatten()
    }
}

/// Answers each line, a thread a connection.
fn serve<K: Kernel>(k: K) -> Result<()> {
    let listener = TcpListener::bind(k, anywhere(crate::bugs::common::PORT))?;
    loop {
        let stream = match listener.accept() {
            Err(Errno::EINTR) => continue,
            accepted => accepted?.0,
        };
        thread::spawn(k, "session", move || {
            let mut lines = Lines::default();
            while let Ok(Some(line)) = lines.read(&stream) {
                pause(k, "work", Duration::from_millis(2));
                if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
        })?;
    }
}

fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let pool = Arc::new(Pool { server, idle: Mutex::new(k, Vec::new()) });
    let callers: Vec<_> = (0..3)
        .map(|caller| {
            let pool = pool.clone();
            thread::spawn(k, "caller", move || {
                for round in 0..6 {
                    let question = format!("caller {caller} round {round}");
                    if let Some(answer) = pool.ask(k, &question, defect).filter(|answer| *answer != question)
                    {
                        fail("O1", "wrong reply", format!("{question:?} was answered by {answer:?}"));
                    }
                }
            })
        })
        .collect::<Result<_>>()?;
    for caller in callers {
        caller.join();
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", |k| serve(k).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, address, defect).unwrap());
}
