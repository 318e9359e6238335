//! A balancer that takes its last backend out of service (k3s 2024): a health probe that comes back too late, because of load,
//! marks the backend down, cuts its connections and leaves nobody to send a request to. Repaired: the last backend stays in
//! service whatever the probe says.

use crate::bugs::common::{Lines, PORT, clients, connect, pause, visit};
use crate::bugs::common_lines::ask;
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "last-backend-taken-out",
    "B80",
    'o',
    ["O1", "O6"],
    "a late health probe cuts all connections to the only backend"
);

const PROBE_EVERY: Duration = Duration::from_millis(20);
const PROBE_LIMIT: Duration = Duration::from_millis(30);

/// Answers each line with the same line, one after the other over all connections.
fn backend<K: Kernel>(k: K) -> Result<()> {
    let processor = Arc::new(Mutex::new(k, ()));
    each_in_a_thread(k, PORT, move |stream| {
        let mut lines = Lines::default();
        while let Ok(Some(line)) = lines.read(&stream) {
            let busy = processor.lock();
            pause(k, "work", Duration::from_millis(20));
            drop(busy);
            if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                break;
            }
        }
    })
}

struct Balancer<K: Kernel> {
    backend: SocketAddr,
    state: Mutex<K, State<K>>,
    defect: bool,
}

struct State<K: Kernel> {
    is_up: bool,
    /// The connections of clients, by descriptor.
    live: BTreeMap<i32, TcpStream<K>>,
}

impl<K: Kernel> Balancer<K> {
    /// Passes lines on, and their answers back.
    fn session(&self, k: K, client: TcpStream<K>) -> Option<()> {
        let mut state = self.state.lock();
        if !state.is_up {
            return None;
        }
        state.live.insert(client.fd().0, client.try_clone().ok()?);
        drop(state);
        let backend = connect(k, self.backend);
        let mut questions = Lines::default();
        while let Ok(Some(question)) = questions.read(&client) {
            let answer = ask(&backend, &question)?;
            client.write_all(format!("{answer}\n").as_bytes()).ok()?;
        }
        self.state.lock().live.remove(&client.fd().0);
        Some(())
    }

    fn probe(&self, k: K) -> Result<()> {
        loop {
            sleep(k, PROBE_EVERY);
            let stream = connect(k, self.backend);
            stream.set_read_timeout(Some(PROBE_LIMIT))?;
            let is_well = ask(&stream, "probe").is_some();
            sometimes!("a probe was late", !is_well);
            let mut state = self.state.lock();
            // There is no other backend to send anything to.
            state.is_up = is_well || !self.defect;
            if !state.is_up {
                for (_, client) in std::mem::take(&mut state.live) {
                    let _ = client.shutdown(ShutdownHow::Both);
                }
            }
        }
    }
}

fn balance<K: Kernel>(k: K, backend: SocketAddr, defect: bool) -> Result<()> {
    let state = Mutex::new(k, State { is_up: true, live: BTreeMap::new() });
    let balancer = Arc::new(Balancer { backend, state, defect });
    let prober = balancer.clone();
    thread::spawn(k, "prober", move || prober.probe(k))?;
    each_in_a_thread(k, PORT, move |client| {
        let _ = balancer.session(k, client);
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("backend");
    let behind = sim.address(host, PORT);
    sim.server(host, "backend", move |k| backend(k).unwrap());
    let host = sim.host("balancer");
    let address = sim.address(host, PORT);
    sim.server(host, "balancer", move |k| balance(k, behind, defect).unwrap());
    clients(sim, 4, move |k| visit(k, address, "O1", "no reply"));
}
