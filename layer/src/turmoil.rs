//! A scenario whose world is turmoil. Its own randomness is made irrelevant (fixed latency, no failures, no random order,
//! a fixed seed); what goes wrong between hosts, and when one crashes, is made of our choices through its API. So a run
//! replays and shrinks there too, and streams have the layer's faults on top.
//!
//! | choice | through turmoil's |
//! |---|---|
//! | `net.partition`, `net.one-way` | `partition`, `partition_oneway`, and `repair` when it is over |
//! | `net.hold` | `hold`, `release` |
//! | `host.crash` | `crash`, `bounce` |
//!
//! turmoil's TCP does not send again what a partition took: a stream that lost a segment stays silent for good. Programs
//! that meet partitions need timeouts and have to connect anew; where a scenario has none, leave those families out. And turmoil
//! 0.7.2 loses the end of a stream that comes to a full queue (`tcp_capacity` segments, a write each): where ends matter and
//! readers are slow, [`on_turmoil_with`] gives it a larger one.

use crate::layer::{FAULTS, Layer};
use crate::runtime::{QUIET_AFTER, STUCK_AFTER};
use eagain_sim::choice::Stream;
use eagain_sim::fault::Family;
use eagain_sim::trace::Kind;
use eagain_sim::{Actor, Oracle, Sim};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

/// How often network faults are drawn.
const INTERVAL: Duration = Duration::from_millis(50);
/// One way between two hosts.
const LATENCY: Duration = Duration::from_millis(1);

/// A turmoil world under construction.
pub struct World {
    layer: Layer,
    turmoil: turmoil::Sim<'static>,
    hosts: Vec<String>,
    /// Those whose end the run waits for, and whether it has come.
    clients: Vec<(String, Rc<Cell<bool>>)>,
    links: Vec<Link>,
    crashes: Vec<Crash>,
    /// The host or client whose program is polled, or ended with an error or a panic.
    whose: Whose,
}

/// A name of a host or client.
type Whose = Rc<RefCell<Option<String>>>;

thread_local! {
    /// Hosts of the world that runs on this thread to or from which something is lost, each with the sentence that says so.
    static LOSING: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Why a connection to `host` was refused, as turmoil does where nobody listens, and where what was sent is lost.
pub(crate) fn why_refused(host: &str) -> String {
    let losing = LOSING.with_borrow(|losing| losing.get(host).cloned());
    losing.unwrap_or_else(|| "nobody listens there".to_owned())
}

/// `program`, which says whose it is while it is polled, and when it has failed.
async fn named(
    whose: Whose,
    name: String,
    program: impl Future<Output = turmoil::Result>,
) -> turmoil::Result {
    let mut program = std::pin::pin!(program);
    std::future::poll_fn(|cx| {
        whose.replace(Some(name.clone()));
        let polled = program.as_mut().poll(cx);
        if !matches!(polled, Poll::Ready(Err(_))) {
            whose.replace(None);
        }
        polled
    })
    .await
}

/// Two hosts and what is between them.
struct Link {
    ends: (usize, usize),
    trouble: Option<Trouble>,
    until: Duration,
    partition: Stream,
    one_way: [Stream; 2],
    hold: Stream,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Partitioned,
    Held,
}

/// A host that may lose its programs.
struct Crash {
    host: usize,
    down_until: Option<Duration>,
    stream: Stream,
}

impl World {
    /// The layer of this world.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }

    /// turmoil itself, for what is not here. Whatever it is passed should not depend on anything but the layer's choices.
    pub fn turmoil(&mut self) -> &mut turmoil::Sim<'static> {
        &mut self.turmoil
    }

    /// A host that runs for as long as the world. `program` is called again when the host starts anew.
    pub fn host<F: Future<Output = turmoil::Result> + 'static>(
        &mut self,
        name: &str,
        program: impl Fn() -> F + 'static,
    ) {
        let (whose, named_so) = (Rc::clone(&self.whose), name.to_owned());
        self.turmoil.host(name, move || named(Rc::clone(&whose), named_so.clone(), program()));
        self.enter(name);
    }

    /// As [`World::host`], with a host that `host.crash` may take down.
    pub fn host_that_crashes<F: Future<Output = turmoil::Result> + 'static>(
        &mut self,
        name: &str,
        program: impl Fn() -> F + 'static,
    ) {
        self.host(name, program);
        let host = self.hosts.len() - 1;
        self.crashes.push(Crash { host, down_until: None, stream: Stream::default() });
    }

    /// A host whose end the run waits for.
    pub fn client(&mut self, name: &str, program: impl Future<Output = turmoil::Result> + 'static) {
        let ended = Rc::new(Cell::new(false));
        self.clients.push((name.to_owned(), Rc::clone(&ended)));
        let program = named(Rc::clone(&self.whose), name.to_owned(), program);
        self.turmoil.client(name, async move {
            let result = program.await;
            ended.set(true);
            result
        });
        self.enter(name);
    }

    fn enter(&mut self, name: &str) {
        let new = self.hosts.len();
        for other in 0..new {
            self.links.push(Link {
                ends: (other, new),
                trouble: None,
                until: Duration::ZERO,
                partition: Stream::default(),
                one_way: Default::default(),
                hold: Stream::default(),
            });
        }
        self.hosts.push(name.to_owned());
    }

    fn run(&mut self) {
        let world = self.layer.world().clone();
        let mut next_look = Duration::ZERO;
        loop {
            let now = self.turmoil.elapsed();
            world.advance(now);
            if now >= next_look {
                next_look = now + INTERVAL;
                self.network_faults(now);
            }
            match self.turmoil.step() {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    let whose = self.whose.take().unwrap_or_else(|| "a host".to_owned());
                    if error.downcast_ref::<tokio::task::JoinError>().is_some() {
                        return world.panicked(&whose);
                    }
                    return world.fail(
                        Oracle::Survival,
                        "host",
                        format!("{whose} ended with an error: {error}"),
                    );
                }
            }
            if world.failed() {
                return;
            }
            if now > QUIET_AFTER + STUCK_AFTER {
                let left = self.clients.iter().filter(|(_, ended)| !ended.get());
                let left: Vec<&str> = left.map(|(name, _)| name.as_str()).collect();
                let message = format!(
                    "{} did not end within {} s after faults had stopped",
                    left.join(", "),
                    STUCK_AFTER.as_secs()
                );
                return world.fail(Oracle::Liveness, "stuck", message);
            }
        }
    }

    /// One look at all links and hosts: what is over is mended, what comes is begun.
    fn network_faults(&mut self, now: Duration) {
        let World { layer, turmoil, hosts, links, crashes, .. } = self;
        let world = layer.world();
        let quiet = now >= QUIET_AFTER;
        let ms = Duration::from_millis;
        for link in links {
            let (a, b) = (hosts[link.ends.0].as_str(), hosts[link.ends.1].as_str());
            if link.trouble.is_some() && (now >= link.until || quiet) {
                match link.trouble.take() {
                    Some(Trouble::Held) => turmoil.release(a, b),
                    _ => turmoil.repair(a, b),
                }
                LOSING.with_borrow_mut(|losing| [a, b].map(|host| losing.remove(host)));
                world.event(Actor::NOBODY, Kind::NetHealed, [world.text(a), world.text(b), 0, 0]);
            }
            // Every link is asked for everything at every look, so that ordinals are times.
            let pair = || format!("{a}-{b}");
            let cut = world.choose_fault(Family::NetPartition, &mut link.partition, pair);
            let held = world.choose_fault(Family::NetHold, &mut link.hold, pair);
            let [there, back] = &mut link.one_way;
            let there = world.choose_fault(Family::NetOneWay, there, || format!("{a}>{b}"));
            let back = world.choose_fault(Family::NetOneWay, back, || format!("{b}>{a}"));
            if link.trouble.is_some() {
                continue;
            }
            let (for_ms, trouble, family, from, to) = if cut > 0 {
                turmoil.partition(a, b);
                (cut, Trouble::Partitioned, Family::NetPartition, a, b)
            } else if there > 0 {
                turmoil.partition_oneway(a, b);
                (there, Trouble::Partitioned, Family::NetOneWay, a, b)
            } else if back > 0 {
                turmoil.partition_oneway(b, a);
                (back, Trouble::Partitioned, Family::NetOneWay, b, a)
            } else if held > 0 {
                turmoil.hold(a, b);
                (held, Trouble::Held, Family::NetHold, a, b)
            } else {
                continue;
            };
            if trouble == Trouble::Partitioned {
                let name = family.row().name;
                let why = match family {
                    Family::NetOneWay => format!("what {from} sends to {to} is lost ({name})"),
                    _ => format!("what {from} and {to} send each other is lost ({name})"),
                };
                LOSING
                    .with_borrow_mut(|losing| [a, b].map(|host| losing.insert(host.to_owned(), why.clone())));
            }
            link.trouble = Some(trouble);
            link.until = now + ms(for_ms);
            let args = [world.text(from), world.text(to), for_ms * 1_000_000, 0];
            world.fault(family, Actor::NOBODY, args);
        }
        for crash in crashes {
            let name = hosts[crash.host].as_str();
            let down = world.choose_fault(Family::HostCrash, &mut crash.stream, || name.to_owned());
            match crash.down_until {
                Some(until) if now >= until || quiet => {
                    crash.down_until = None;
                    turmoil.bounce(name);
                    world.event(Actor::NOBODY, Kind::HostStarted, [world.text(name), 0, 0, 0]);
                }
                // A program that has ended by itself stays so.
                None if down > 0 && turmoil.is_host_running(name) => {
                    crash.down_until = Some(now + ms(down));
                    turmoil.crash(name);
                    let args = [world.text(name), down * 1_000_000, 0, 0];
                    world.fault(Family::HostCrash, Actor::NOBODY, args);
                }
                _ => {}
            }
        }
    }
}

/// Builds a turmoil world and runs it as the world of this scenario, until every client has ended. The families are [`FAULTS`]
/// and those of [`Sim::also`], such as `net.partition` and `host.crash`, or those that the scenario has chosen ([`Sim::faults`]).
#[track_caller]
pub fn on_turmoil(sim: &mut Sim, build: impl FnOnce(&mut World)) {
    on_turmoil_with(sim, turmoil::Builder::new(), build);
}

/// As [`on_turmoil`], with settings of turmoil's own (tick, capacity). Latency, failures, order, seed and duration are set
/// here.
#[track_caller]
pub fn on_turmoil_with(sim: &mut Sim, mut settings: turmoil::Builder, build: impl FnOnce(&mut World)) {
    sim.quiet_after(QUIET_AFTER.as_nanos() as u64);
    sim.default_faults(FAULTS);
    let layer = Layer::of(sim.external());
    layer.world().set_clock(Box::new(turmoil::sim_elapsed));
    let turmoil = settings
        .rng_seed(0)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .fail_rate(0.0)
        .repair_rate(1.0)
        .simulation_duration(QUIET_AFTER + 2 * STUCK_AFTER)
        .build();
    let _entered = layer.enter();
    let mut world = World {
        layer,
        turmoil,
        hosts: Vec::new(),
        clients: Vec::new(),
        links: Vec::new(),
        crashes: Vec::new(),
        whose: Whose::default(),
    };
    LOSING.take();
    world.layer.world().explain_panics(explained);
    build(&mut world);
    world.run();
}

/// What a panic of a program means here, where its text does not say it.
fn explained(text: &str) -> Option<&'static str> {
    // A socket of the machine: its runtime has none.
    text.contains("IO is disabled").then_some(
        "a type of `tokio::net` is used under turmoil, which has no sockets of the machine: import it from `eagain_layer::net`",
    )
}
