//! A host that has disappeared (Linkerd 2024, Deno, ClickHouse): there is neither FIN nor RST. Keep-alive probes are sent
//! on an idle connection only; where a request is unacknowledged the retransmission limit applies, a quarter of an hour.
//! Repaired: the connection has a user timeout, and its end sends the request to the other replica.

use crate::bugs::common::{PORT, connect, pause};
use crate::bugs::common_lines::{ask, echo};
use eagain_net::*;
use eagain_sim::{HostId, Sim, choose, control, fail, sometimes, within};
use std::time::Duration;

crate::bugs::planted!(
    "no-limit-for-a-lost-peer",
    "B76",
    'o',
    ["O6", "O5"],
    "a request to a host that is gone waits for as long as it is retransmitted"
);

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A connection that is kept, and probed where it is idle.
fn kept<K: Kernel>(k: K, replica: SocketAddr, defect: bool) -> Result<TcpStream<K>> {
    let stream = connect(k, replica);
    stream.set_keepalive(true)?;
    stream.set(SocketOption::KeepIdle(5))?;
    stream.set(SocketOption::KeepInterval(2))?;
    stream.set(SocketOption::KeepCount(3))?;
    if !defect {
        stream.set(SocketOption::UserTimeout(10_000))?;
    }
    Ok(stream)
}

/// Asks one replica, and where its connection ends, the other. The first one's host goes some time after it was connected to.
fn client<K: Kernel>(k: K, replicas: [SocketAddr; 2], first: HostId, defect: bool) -> Result<()> {
    let mut kept: Vec<_> = replicas.iter().map(|&replica| kept(k, replica, defect)).collect::<Result<_>>()?;
    thread::spawn(k, "operator", move || {
        sleep(k, Duration::from_millis(choose("until the end", 1, 100)));
        control::switch_off(first);
    })?;
    for round in 0..8 {
        let question = format!("round {round}");
        let answer = within(LIMIT, "an answer", || {
            while let Some(stream) = kept.first() {
                if let Some(answer) = ask(stream, &question) {
                    return Some(answer);
                }
                sometimes!("a replica was given up", true);
                kept.remove(0);
            }
            None
        });
        if answer.as_ref() != Some(&question) {
            fail("O1", "wrong answer", format!("{question:?} was answered by {answer:?}"));
            break;
        }
        pause(k, "think", Duration::from_millis(10));
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let hosts = ["first", "second"].map(|name| sim.host(name));
    for host in hosts {
        sim.server(host, "replica", move |k| echo(k, Duration::from_millis(2)).unwrap());
    }
    let replicas = hosts.map(|host| sim.address(host, PORT));
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, replicas, hosts[0], defect).unwrap());
}
