//! What a family's file says: the row, and the text that is made from it.

use super::Family;
use super::swarm::{WEIGHT_MAX, WEIGHT_MIN};
use crate::calls;
use crate::choice::{Distribution, Domain};
use std::fmt;

/// A microsecond, in nanoseconds.
pub(super) const US: u64 = 1_000;
/// A millisecond.
pub(super) const MS: u64 = 1_000_000;
/// A second.
pub(super) const S: u64 = 1_000_000_000;
/// 1,024 bytes.
pub(super) const KIB: u64 = 1 << 10;
/// 1,024 KiB.
pub(super) const MIB: u64 = 1 << 20;

/// One family.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, which is also the domain of its choices.
    pub name: &'static str,
    /// What it changes in the world.
    pub changes: &'static str,
    /// Whose choices these are.
    pub of: Object,
    /// What each choice of the object is about; empty: there is one choice an object.
    pub nth: &'static str,
    /// How likely a fault is.
    pub odds: Odds,
    /// What the value of the choice means.
    pub amount: Amount,
    /// More about the value, and what is drawn besides.
    pub also: &'static str,
    /// The man page or standard that allows it.
    pub allowed_by: &'static str,
    /// The event that records it.
    pub event: calls::Row,
    /// Whether it is on in a scenario that names no families.
    pub usual: bool,
}

/// Who chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // each has the name of what it is
pub enum Object {
    Thread,
    Process,
    Host,
    Network,
    /// A direction of a connection. What it chooses in one step comes from one word, in lanes.
    Direction {
        lane: u64,
    },
    DatagramSocket,
    Ring,
    File,
    Setting,
    Stream,
    DirectionOfStream,
    PairOfHosts,
    OrderedPairOfHosts,
}

/// How likely a fault is: so many times of 65,536, as a function of the weight that the swarm has drawn for the family.
#[derive(Clone, Copy, Debug)]
pub struct Odds {
    times: u32,
    over: u32,
    most: u32,
}

impl Odds {
    /// The weight divided by `over`.
    pub(super) const fn rare(over: u32) -> Odds {
        Odds { times: 1, over, most: 65_536 }
    }

    /// `times` the weight, at most `most` of 65,536.
    pub(super) const fn often(times: u32, most: u32) -> Odds {
        Odds { times, over: 1, most }
    }

    /// `chance` of 65,536 whatever the weight.
    pub(super) const fn always(chance: u32) -> Odds {
        Odds { times: 65_536, over: 1, most: chance }
    }

    /// Of 65,536, for a weight.
    #[inline]
    pub(crate) const fn of(self, weight: u32) -> u32 {
        let chance = weight.saturating_mul(self.times) / self.over;
        if chance < self.most { chance } else { self.most }
    }
}

/// The values of a choice that is not 0.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// There is but one: it happens.
    Happens,
    /// From the first to the second, each order of magnitude equally likely.
    Log(u64, u64, Unit),
    /// From the first to the second, each equally likely.
    Even(u64, u64, Unit),
    /// From 1 up, each of these equally likely.
    OneOf(&'static [&'static str]),
}

/// What an amount counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// Milliseconds.
    Milliseconds,
    /// One more than so many milliseconds.
    MillisecondsPlusOne,
    /// Bytes.
    Bytes,
    /// One more than so many bytes.
    BytesPlusOne,
    /// Bytes a second.
    BytesPerSecond,
    /// Which call of a process or thread, from 1.
    Call,
    /// A number that the row explains.
    Number,
    /// So many of these.
    Of(&'static str),
}

impl Row {
    /// The domain of the family's choices.
    #[inline]
    pub const fn domain(&self) -> Domain {
        Domain(self.name)
    }

    /// How values are distributed, for a weight of the family.
    #[inline]
    pub(crate) const fn distribution(&self, weight: u32) -> Distribution {
        let chance = self.odds.of(weight);
        match self.amount {
            Amount::Happens => Distribution::rarely(chance, 1, 1),
            Amount::Log(low, high, _) => Distribution::rarely_log(chance, low, high),
            Amount::Even(low, high, _) => Distribution::rarely(chance, low, high),
            Amount::OneOf(all) => Distribution::rarely(chance, 1, all.len() as u64),
        }
    }

    /// Who chooses, when: `thread, n-th call`.
    pub fn key(&self) -> String {
        match self.nth {
            "" => format!("{}, once", self.of),
            nth => format!("{}, n-th {nth}", self.of),
        }
    }

    /// How likely a fault is while the family is on, and what its value is: `0.1-25 %, 1 us to 300 ms (log-uniform)`.
    pub fn distribution_text(&self) -> String {
        let parts = [self.odds.to_string(), self.amount.to_string(), self.also.to_owned()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

impl Family {
    /// The family as a paragraph of lines of at most 100 columns: its names, what it changes, its choices, its source.
    pub fn describe(self) -> String {
        let row = self.row();
        let usual = if row.usual { "on by default" } else { "off by default" };
        let mut text = format!("{}: Family::{self:?}, {usual}, event `{}`\n", row.name, row.event.name);
        for line in [
            row.changes.to_owned(),
            format!("{}: {}", row.key(), row.distribution_text()),
            format!("allowed by {}", row.allowed_by),
        ] {
            text.push_str(&wrapped(&line));
        }
        text
    }
}

/// A paragraph, indented, of lines of at most 100 columns.
pub(crate) fn wrapped(text: &str) -> String {
    let mut lines = String::from(" ");
    let mut column = 1;
    for word in text.split(' ') {
        if column + 1 + word.len() > 100 {
            lines.push_str("\n   ");
            column = 3;
        }
        lines.push(' ');
        lines.push_str(word);
        column += 1 + word.len();
    }
    lines + "\n"
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Object::Thread => "thread",
            Object::Process => "process",
            Object::Host => "host",
            Object::Network => "network",
            Object::Direction { .. } => "direction of a connection",
            Object::DatagramSocket => "UDP socket",
            Object::Ring => "ring",
            Object::File => "file",
            Object::Setting => "setting",
            Object::Stream => "stream",
            Object::DirectionOfStream => "direction of a stream",
            Object::PairOfHosts => "pair of hosts",
            Object::OrderedPairOfHosts => "ordered pair of hosts",
        })
    }
}

impl fmt::Display for Odds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] =
            [WEIGHT_MIN, WEIGHT_MAX].map(|weight| f64::from(self.of(weight)) * 100.0 / 65_536.0);
        if low == high {
            return write!(f, "{} %", rounded(low));
        }
        write!(f, "{}-{} %", rounded(low), rounded(high))
    }
}

/// Below 1 to one digit that is not 0, else to an integer.
fn rounded(percent: f64) -> String {
    let digits = (-percent.log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{percent:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').to_owned() }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Amount::Happens => Ok(()),
            Amount::Log(low, high, unit) => write!(f, "{} (log-uniform)", span(low, high, unit)),
            Amount::Even(low, high, unit) => f.write_str(&span(low, high, unit)),
            Amount::OneOf(all) => f.write_str(&all.join(" | ")),
        }
    }
}

fn span(low: u64, high: u64, unit: Unit) -> String {
    let [low, high] = [low, high].map(|value| shown(value, unit));
    match unit {
        Unit::Call => format!("from the {low} to the {high} call"),
        Unit::Of(what) => format!("{low} to {high} {what}"),
        _ => format!("{low} to {high}"),
    }
}

fn shown(value: u64, unit: Unit) -> String {
    let largest = |units: &[(u64, &str)]| {
        let (size, name) = units.iter().find(|(size, _)| value.is_multiple_of(*size)).unwrap_or(&(1, ""));
        format!("{} {name}", value / size)
    };
    match unit {
        Unit::Ns => largest(&[(S, "s"), (MS, "ms"), (US, "us"), (1, "ns")]),
        Unit::Milliseconds => largest(&[(1_000, "s"), (1, "ms")]),
        Unit::Bytes => largest(&[(MIB, "MiB"), (KIB, "KiB"), (1, "B")]),
        Unit::BytesPerSecond => largest(&[(MIB, "MiB/s"), (KIB, "KiB/s"), (1, "B/s")]),
        Unit::Call if value == 1 => "1st".to_owned(),
        Unit::Call => format!("{value}th"),
        Unit::Number | Unit::MillisecondsPlusOne | Unit::BytesPlusOne | Unit::Of(_) => value.to_string(),
    }
}
