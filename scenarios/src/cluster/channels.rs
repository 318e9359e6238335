//! Publishers and listeners of a cluster with two access servers, while servers are killed and hosts cannot reach each other. What may
//! be lost: whatever is published while a server or a connection on its way is down. What never happens: a message that comes
//! twice, one that was refused and comes, two listeners that hear the same messages in another order, a publisher whose
//! answered messages come in another order. When faults have stopped every listener hears again, and then nothing is lost.

use super::run::{cut, pause};
use super::servers::{Cluster, cluster, forwarding};
use crate::client::line::Line;
use crate::durability::client::CLUSTER_TIMEOUT;
use crate::durability::server::{PORT, QUIET_NS, SHIPPED, Serve, server};
use crate::resp::{Frame, encode};
use eagain_net::{Instant, SocketAddr, TcpStream, now, sleep};
use eagain_server::config::Role;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, SimKernel, USUAL_FAULTS, choose, control, fail, sometimes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

crate::durability::scenario!(
    "cluster-channels",
    "publishers and listeners of a cluster: messages may be lost with a server, and never come twice or in another order"
);

const PUBLISHERS: u64 = 2;
/// Half of them at each access server, one of them by a pattern.
const LISTENERS: usize = 4;
/// Pipelines of messages that each publisher sends while faults are there.
const ROUNDS: u64 = 30;
/// Messages that all have to hear when everything works again.
const LAST: u64 = 10;
/// Every channel has a home; these have different ones.
const CHANNELS: [&[u8]; 2] = [b"news", b"views"];
const PATTERN: &[u8] = b"[nv]*ews";
/// A listener that hears nothing for so long connects anew; publishers say something more often in the end.
const SILENCE: Duration = Duration::from_secs(3);
/// So long a patient one waits: its servers have to see to it that it hears again.
const LONG_SILENCE: Duration = Duration::from_secs(200);
/// What has stalled when faults end goes on within this; clocks do not all begin at the same time.
const STALLED_MAX: Duration = Duration::from_secs(6);
/// Within this, from the end of faults on, everybody has to hear again.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

/// What became of a message, as its publisher sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A number came.
    Sent,
    /// An error which says that it was not executed.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// A message: where, who, and the number.
type Message = (usize, u64, u64);

#[derive(Default)]
struct Seen {
    fates: BTreeMap<Message, Fate>,
    heard: [Vec<Message>; LISTENERS],
    /// Who has heard what was published last, in the end.
    well: BTreeSet<usize>,
    newest: Option<Message>,
    is_over: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Seen>>);

impl Shared {
    // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn body(sim: &mut Sim) {
    run(sim, SHIPPED);
}

/// The scenario, with these servers.
pub fn run(sim: &mut Sim, serve: Serve) {
    sim.faults(&[USUAL_FAULTS, &[Family::ProcessKill, Family::Partition]].concat());
    crate::with_tightest_buffers(sim);
    sim.quiet_after(QUIET_NS);
    let cluster = cluster(sim, serve);
    let logics: Vec<SocketAddr> = cluster.logics.iter().map(|logic| sim.address(logic.host, PORT)).collect();
    let host = sim.host("access-2");
    let second = sim.address(host, PORT);
    server(sim, host, "access-2", forwarding(Role::Access, &logics), serve);
    let access = [cluster.address, second];
    let shared = Shared::default();
    for listener in 0..LISTENERS {
        let (name, shared) = (format!("listener-{listener}"), shared.clone());
        let host = sim.host(&name);
        sim.client(host, &name, move |k| listen(k, access[listener % 2], listener, &shared));
    }
    for publisher in 0..PUBLISHERS {
        let (name, shared) = (format!("publisher-{publisher}"), shared.clone());
        let host = sim.host(&name);
        sim.client(host, &name, move |k| publish(k, access[publisher as usize % 2], publisher, &shared));
    }
    nemesis(sim, &cluster);
    sim.run();
    check(sim, &shared.lock());
}

/// Kills servers, cuts hosts off from each other, or both: one logic server is behind while the other is killed.
fn nemesis(sim: &mut Sim, cluster: &Cluster) {
    let (servers, cluster) = (cluster.all(), cluster.clone());
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("strikes", 0, 6) {
            pause(k, "before", 6, 14);
            let one = &servers[choose("one", 0, 4) as usize];
            let other = &servers[choose("other", 0, 4) as usize];
            match choose("how", 0, 4) {
                0 => control::kill(one.process),
                how @ 1..=3 => cut(how - 1, one.host, other.host),
                _ => {
                    let behind = choose("behind", 0, 1) as usize;
                    for storage in &cluster.storages {
                        control::partition_one_way(storage.host, cluster.logics[behind].host);
                    }
                    pause(k, "until the kill", 6, 13);
                    control::kill(cluster.logics[1 - behind].process);
                }
            }
            pause(k, "long", 3, 14);
            control::heal_all();
        }
    });
}

// ---- Clients -----------------------------------------------------------------------------------------------------

/// A connection, until it breaks or is silent for too long.
fn connect(k: SimKernel, server: SocketAddr, timeout: Duration, number: u64) -> Option<Line> {
    let stream = TcpStream::connect(k, server).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    stream.set_write_timeout(Some(timeout)).ok()?;
    Some(Line::over(stream, number))
}

/// Some are long, so that pipelines leave in pieces.
fn text((_, publisher, number): Message) -> Vec<u8> {
    let dots = if number % 4 == 0 { 300 } else { 0 };
    format!("{publisher}:{number}:{}", ".".repeat(dots)).into_bytes()
}

/// Publishes these, one pipeline, and notes down what became of them.
fn pipeline(line: &mut Option<Line>, messages: &[Message], shared: &Shared) -> bool {
    shared.lock().fates.extend(messages.iter().map(|message| (*message, Fate::Unknown)));
    let Some(connected) = line else { return false };
    let encoded = |message: &Message| encode(&[b"PUBLISH", CHANNELS[message.0], &text(*message)]);
    let bytes: Vec<u8> = messages.iter().flat_map(encoded).collect();
    let mut is_well = connected.stream.write_all(&bytes).is_ok();
    for message in messages {
        if !is_well {
            *line = None;
            return false;
        }
        let fate = match line.as_mut().and_then(Line::hear) {
            Some(Frame::Integer(receivers)) if (0..=LISTENERS as i64).contains(&receivers) => Fate::Sent,
            Some(Frame::Error(error)) if error.starts_with(b"CLUSTERDOWN") => Fate::Refused,
            Some(Frame::Error(error)) if error.starts_with(b"UNKNOWN") => Fate::Unknown,
            Some(other) => {
                fail("O2", "other reply", format!("a message came to {other:?}"));
                return false;
            }
            None => {
                is_well = false;
                continue;
            }
        };
        shared.lock().fates.insert(*message, fate);
    }
    if !is_well {
        *line = None;
    }
    is_well
}

fn publish(k: SimKernel, access: SocketAddr, publisher: u64, shared: &Shared) {
    let (mut line, mut number) = (None, 0);
    let mut next = |channel| {
        number += 1;
        (channel, publisher, number)
    };
    for _ in 0..ROUNDS {
        if line.is_none() {
            line = connect(k, access, CLUSTER_TIMEOUT, publisher);
        }
        let messages: Vec<Message> = (0..choose("pipeline", 1, 6))
            .map(|_| next(choose("channel", 0, CHANNELS.len() as u64 - 1) as usize))
            .collect();
        pipeline(&mut line, &messages, shared);
        pause(k, "rest", 0, 13);
    }
    if publisher > 0 {
        return;
    }
    // When faults have stopped, first until everybody hears, then what all have to hear.
    let quiet = Instant(0) + Duration::from_nanos(QUIET_NS) + STALLED_MAX;
    sleep(k, quiet - now(k));
    loop {
        if line.is_none() {
            line = connect(k, access, CLUSTER_TIMEOUT, publisher);
        }
        // Who hears what is published now, hears what comes next too.
        let message = next(0);
        let mut seen = shared.lock();
        seen.well.clear();
        seen.newest = Some(message);
        drop(seen);
        let is_sent =
            pipeline(&mut line, &[message], shared) && shared.lock().fates.get(&message) == Some(&Fate::Sent);
        sleep(k, Duration::from_millis(500));
        let well = shared.lock().well.clone();
        if is_sent && well.len() == LISTENERS {
            break;
        }
        if now(k) - quiet > HEALED_WITHIN {
            return fail("O6", "not healed", format!("only {well:?} hear anything for {HEALED_WITHIN:?}"));
        }
    }
    for _ in 0..LAST {
        let message = next(0);
        if !pipeline(&mut line, &[message], shared) || shared.lock().fates.get(&message) != Some(&Fate::Sent)
        {
            return fail("O6", "not healed", "a message is refused when everything works again".to_owned());
        }
    }
    // Longer than any message is on its way.
    sleep(k, STALLED_MAX);
    shared.lock().is_over = true;
    // Who waits patiently is to see it.
    pipeline(&mut line, &[next(0)], shared);
}

fn listen(k: SimKernel, access: SocketAddr, listener: usize, shared: &Shared) {
    let by_pattern = listener == 0;
    let silence = if listener < 2 { SILENCE } else { LONG_SILENCE };
    while !shared.lock().is_over {
        if let Some(mut line) = connect(k, access, silence, listener as u64) {
            hear_all(&mut line, by_pattern, listener, shared);
        }
        sleep(k, Duration::from_millis(20 << choose("pause", 0, 4)));
    }
}

/// Until the end of the connection.
fn hear_all(line: &mut Line, by_pattern: bool, listener: usize, shared: &Shared) -> Option<()> {
    let is_sent = match by_pattern {
        true => line.send(&[b"PSUBSCRIBE", PATTERN]),
        false => line.send(&[b"SUBSCRIBE", CHANNELS[0], CHANNELS[1]]),
    };
    if !is_sent {
        return None;
    }
    for count in 1..=if by_pattern { 1 } else { 2 } {
        match line.hear()? {
            Frame::Array(parts) if parts.last() == Some(&Frame::Integer(count)) => {}
            Frame::Error(error) if error.starts_with(b"CLUSTERDOWN") => {
                sometimes!("a subscription was refused", true);
                return None;
            }
            other => {
                fail("O2", "other reply", format!("a subscription came to {other:?}"));
                return None;
            }
        }
    }
    loop {
        let frame = line.hear()?;
        let Some(message) = message_of(&frame, by_pattern) else {
            fail("O2", "no message", format!("listener {listener} got {frame:?}"));
            return None;
        };
        let mut seen = shared.lock();
        if seen.is_over {
            return None;
        }
        seen.heard[listener].push(message);
        if seen.newest == Some(message) {
            seen.well.insert(listener);
        }
    }
}

fn message_of(frame: &Frame, by_pattern: bool) -> Option<Message> {
    let Frame::Array(parts) = frame else { return None };
    let [Frame::Bulk(kind), parts @ ..] = &parts[..] else { return None };
    let parts = match by_pattern {
        true => parts.strip_prefix(&[Frame::Bulk(PATTERN.to_vec())])?,
        false => parts,
    };
    let expected: &[u8] = if by_pattern { b"pmessage" } else { b"message" };
    let [Frame::Bulk(channel), Frame::Bulk(text)] = parts else { return None };
    let channel = CHANNELS.iter().position(|name| name == channel)?;
    let mut numbers = std::str::from_utf8(text).ok()?.split(':').map(|number| number.parse().ok());
    let message = (channel, numbers.next()??, numbers.next()??);
    (kind == expected && *text == self::text(message)).then_some(message)
}

// ---- What has to hold --------------------------------------------------------------------------------------------

fn check(sim: &mut Sim, seen: &Seen) {
    if sim.failed() {
        return;
    }
    if let Err((oracle, what, message)) = judge(seen) {
        sim.fail(oracle, what, message);
    }
}

fn judge(seen: &Seen) -> Result<(), (&'static str, &'static str, String)> {
    let last = seen.fates.keys().filter(|(_, publisher, _)| *publisher == 0).collect::<Vec<_>>();
    for (listener, all) in seen.heard.iter().enumerate() {
        for channel in 0..CHANNELS.len() {
            let heard: Vec<Message> = all.iter().filter(|message| message.0 == channel).copied().collect();
            if heard.iter().collect::<BTreeSet<_>>().len() < heard.len() {
                return Err(("O1", "message twice", format!("listener {listener}: {heard:?}")));
            }
            let refused = |message: &&Message| seen.fates.get(*message) != Some(&Fate::Unknown);
            if let Some(message) =
                heard.iter().find(|message| seen.fates.get(*message) == Some(&Fate::Refused))
            {
                let message = format!("listener {listener} heard {message:?}, which was refused");
                return Err(("O2", "refused message came", message));
            }
            for publisher in 0..PUBLISHERS {
                let its = heard.iter().filter(|message| message.1 == publisher).filter(refused);
                if !its.is_sorted() {
                    let message = format!("listener {listener}, publisher {publisher}: {heard:?}");
                    return Err(("O2", "other order", message));
                }
            }
            let place: BTreeMap<Message, usize> = heard.iter().copied().zip(0..).collect();
            for (other, theirs) in seen.heard.iter().enumerate().skip(listener + 1) {
                if !theirs.iter().filter_map(|message| place.get(message)).is_sorted() {
                    let message =
                        format!("listeners {listener} and {other} disagree: {heard:?} and {theirs:?}");
                    return Err(("O2", "other order", message));
                }
            }
        }
        let mut last = last.iter().rev().filter(|message| message.0 == 0).skip(1).take(LAST as usize);
        if let Some(message) = last.find(|message| !all.contains(message)) {
            let message =
                format!("listener {listener} has not heard {message:?}, when everything worked again");
            return Err(("O1", "message lost", message));
        }
    }
    Ok(())
}
