//! The connections of a trace, put together from the events of the network. The forms that show connections share this.

use super::TraceLog;
use super::{Arg, Event, Kind};
use std::collections::BTreeMap;

/// How far a connection came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Its first segment is on the way, or was dropped.
    SynSent,
    /// There was no listener.
    Refused,
    /// Both ends know of it.
    Established,
    /// One direction has ended.
    HalfClosed,
    /// Both directions have ended.
    Closed,
    /// A reset ended it.
    Reset,
}

impl State {
    /// As netstat writes it.
    pub fn name(self) -> &'static str {
        match self {
            State::SynSent => "SYN_SENT",
            State::Refused => "REFUSED",
            State::Established => "ESTABLISHED",
            State::HalfClosed => "HALF_CLOSED",
            State::Closed => "CLOSED",
            State::Reset => "RESET",
        }
    }

    /// Whether it has ended.
    fn is_over(self) -> bool {
        matches!(self, State::Refused | State::Closed | State::Reset)
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Who connected, and to whom: addresses as events write them.
    pub ends: [u64; 2],
    /// How it ended, or its state at the end.
    pub state: State,
    /// Bytes that arrived: from the first end, from the second.
    pub bytes: [u64; 2],
    /// In how many segments.
    pub segments: [u64; 2],
    /// Which directions have ended.
    pub ended: [bool; 2],
    /// How many faults hit it.
    pub faults: u64,
    /// The times of its first and last event.
    pub time: [u64; 2],
}

/// The two addresses of an event of the wire, from and to.
pub fn ends(event: &Event) -> Option<[u64; 2]> {
    let on_wire = matches!(event.kind.args(), [Arg::Address, Arg::Address, ..]);
    on_wire.then_some([event.args[0], event.args[1]])
}

/// Follows connections event by event.
#[derive(Default)]
pub struct Follower {
    /// All so far, in the order of their first events.
    pub all: Vec<Connection>,
    /// The last connection between two addresses, whichever connected.
    last: BTreeMap<[u64; 2], usize>,
}

impl Follower {
    /// The connection that an event of the wire belongs to, and the direction (0: from the end that connected).
    pub fn follow(&mut self, event: &Event) -> Option<(usize, usize)> {
        let [from, to] = ends(event)?;
        let pair = [from.min(to), from.max(to)];
        let index = match self.last.get(&pair) {
            // A port is used again.
            Some(&index) if !(self.all[index].state.is_over() && event.kind == Kind::Syn) => index,
            _ => {
                self.all.push(Connection {
                    ends: [from, to],
                    state: State::SynSent,
                    bytes: [0; 2],
                    segments: [0; 2],
                    ended: [false; 2],
                    faults: 0,
                    time: [event.time; 2],
                });
                self.last.insert(pair, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let connection = &mut self.all[index];
        if event.kind == Kind::Syn && connection.ends != [from, to] {
            // Its first event was a fault on the way back.
            connection.ends = [from, to];
        }
        let side = usize::from(connection.ends[0] != from);
        connection.add(event, side);
        Some((index, side))
    }
}

impl Connection {
    fn add(&mut self, event: &Event, side: usize) {
        self.time[1] = event.time;
        match event.kind {
            Kind::Refused => self.state = State::Refused,
            Kind::Established => self.state = State::Established,
            Kind::Arrived => {
                self.bytes[side] += event.args[2];
                self.segments[side] += 1;
            }
            Kind::Fin if self.state != State::Reset => {
                self.ended[side] = true;
                self.state = if self.ended == [true; 2] { State::Closed } else { State::HalfClosed };
            }
            Kind::Rst => self.state = State::Reset,
            kind if kind.is_fault() => self.faults += 1,
            _ => {}
        }
    }
}

/// All connections of a trace, in the order of their first events.
pub fn connections(log: &TraceLog) -> Vec<Connection> {
    let mut follower = Follower::default();
    for event in &log.events {
        follower.follow(event);
    }
    follower.all
}
