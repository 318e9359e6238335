//! Many hosts, many clients: as `turmoil_net::fixture::ClientServer` does it, with a task's host kept over all its polls, and
//! packets that keep their order, as those of one TCP connection mostly do (turmoil-net drops what overtakes).

use comparison_work::net::Draws;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::LocalSet;
use turmoil_net::{HostId, KernelConfig, Net, Packet, Transport, Verdict, set_current};

const TICK: Duration = Duration::from_millis(1);

/// What happens to packets.
#[derive(Default)]
pub struct Conditions {
    /// Each takes up to so long.
    pub latency_most: Duration,
    /// So many of a thousand that have data are lost. (A lost acknowledgement alone is not made up for: what is sent again
    /// then is dropped, and not acknowledged.)
    pub lost_in_1000: u64,
}

/// A task that finds its host's kernel.
pub struct Scoped<F> {
    id: HostId,
    task: Pin<Box<F>>,
}

impl<F> Scoped<F> {
    /// Of this host.
    pub fn new(id: HostId, task: F) -> Scoped<F> {
        Scoped { id, task: Box::pin(task) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        set_current(self.id);
        self.task.as_mut().poll(cx)
    }
}

/// Runs until every client has ended.
pub fn run<S, C>(
    config: KernelConfig,
    conditions: Conditions,
    seed: u64,
    clients: usize,
    server: impl Fn(HostId) -> S,
    client: impl Fn(HostId, usize) -> C,
) -> Result<(), String>
where
    S: Future<Output = ()> + 'static,
    C: Future<Output = Result<(), String>> + 'static,
{
    let mut net = Net::with_config(config);
    let host = net.add_host("server");
    let hosts: Vec<_> = (0..clients).map(|which| net.add_host(format!("client-{which}").as_str())).collect();
    if conditions.latency_most > Duration::ZERO || conditions.lost_in_1000 > 0 {
        let draws = Draws::new(!seed);
        net.rule(move |packet: &Packet| {
            let data = matches!(&packet.payload, Transport::Tcp(segment) if !segment.payload.is_empty());
            if draws.choose(0, 999) < conditions.lost_in_1000 && data {
                return Verdict::Drop;
            }
            Verdict::Deliver(Duration::from_millis(draws.choose(0, conditions.latency_most.as_millis() as u64)))
        });
    }
    let guard = net.enter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let tasks = LocalSet::new();
        tasks.spawn_local(Scoped::new(host, server(host)));
        let mut all: Vec<_> = hosts
            .into_iter()
            .enumerate()
            .map(|(which, host)| tasks.spawn_local(Scoped::new(host, client(host, which))))
            .collect();
        let mut now = Duration::ZERO;
        let mut packets = Vec::new();
        let mut number = 0_u64;
        let mut late: BTreeMap<(Duration, u64), Packet> = BTreeMap::new();
        let mut last: BTreeMap<(IpAddr, IpAddr), Duration> = BTreeMap::new();
        loop {
            tasks.run_until(tokio::time::sleep(TICK)).await;
            now += TICK;
            while let Some(first) = late.first_entry().filter(|first| first.key().0 <= now) {
                guard.deliver(first.remove());
            }
            guard.egress_all(&mut packets);
            for packet in packets.drain(..) {
                match guard.evaluate(&packet) {
                    Verdict::Drop => {}
                    Verdict::Pass => guard.deliver(packet),
                    Verdict::Deliver(after) => {
                        let last = last.entry((packet.src, packet.dst)).or_default();
                        *last = (now + after).max(*last);
                        number += 1;
                        late.insert((*last, number), packet);
                    }
                }
            }
            if all.iter().all(|one| one.is_finished()) {
                break;
            }
        }
        for one in all.drain(..) {
            one.await.map_err(|error| error.to_string())??;
        }
        Ok(())
    })
}
