//! A scenario about one server, as data: who comes, what may go wrong, and what is special about the server. The same script
//! is run by `crate::run` on the simulated kernel and on tokio.

use crate::client::Behaviour;
use crate::history::History;
use eagain_server::config::Config;
use eagain_sim::fault::Family;
use eagain_sim::run::{Knob, KnobValues};
use eagain_sim::{ProcessId, Sim};
use std::time::Duration;

/// The knobs of every scenario about the server.
pub const KNOBS: &[Knob] = &[
    Knob {
        name: "model",
        about: "how the server learns that something can be read or written",
        values: KnobValues::Words(&[
            "epoll",
            "blocking",
            "nonblocking",
            "select",
            "poll",
            "epoll-edge",
            "epoll-oneshot",
            "sigio",
            "aio",
            "io_uring",
            "tokio",
        ]),
    },
    Knob {
        name: "pattern",
        about: "who reads, thinks and writes",
        values: KnobValues::Words(&["reactor", "proactor"]),
    },
    Knob {
        name: "workers",
        about: "threads of the logic unit; 0: logic runs on the I/O thread",
        values: KnobValues::Number { low: 0, high: 16, default: 2 },
    },
    Knob {
        name: "loops",
        about: "I/O threads, each with its own listener and connections",
        values: KnobValues::Number { low: 1, high: 8, default: 1 },
    },
    Knob {
        name: "clients",
        about: "how many clients come",
        values: KnobValues::Number { low: 1, high: 64, default: 3 },
    },
];

/// Where the server listens.
pub const PORT: u16 = 6379;

/// A scenario.
pub struct Script {
    /// Lower case and hyphens.
    pub name: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// On the simulated kernel. `None`: it does not run there.
    pub kernel: Option<Setup>,
    /// On tokio. `None`: it does not run there.
    pub tokio: Option<Setup>,
    /// The server keeps its data for as long as the run: nothing ends it.
    pub keeps_data: bool,
    /// What has to hold of the history, beside what every scenario has in common.
    pub check: fn(&mut Sim, &History),
}

/// What a script is on one of the two.
#[derive(Clone, Copy)]
pub struct Setup {
    /// What may go wrong.
    pub faults: Faults,
    /// What is special about the server.
    pub config: fn(&mut Config),
    /// What is special about the server's host and process; on the simulated kernel.
    pub host: fn(&mut Sim, ProcessId),
    /// Who comes, in the order of their numbers.
    pub clients: &'static [Clients],
    /// An operator stops the server under load.
    pub is_stopped: bool,
    /// How long the observer stays on the simulated kernel when every client has gone, before what is left is counted.
    pub observed_for: Duration,
}

/// Families of faults.
#[derive(Clone, Copy)]
pub enum Faults {
    /// `USUAL_FAULTS` on the simulated kernel, [`USUAL_ON_TOKIO`] on tokio; and these.
    UsualAnd(&'static [Family]),
    /// These alone.
    Only(&'static [Family]),
}

/// What may go wrong with streams, and on the way: nothing is lost.
pub const USUAL_ON_TOKIO: &[Family] = &[
    Family::StreamShortRead,
    Family::StreamShortWrite,
    Family::StreamNotReady,
    Family::StreamStall,
    Family::NetHold,
];

/// What may go wrong with streams and takes no time.
pub const SHORT_STREAMS: &[Family] = &[Family::StreamShortRead, Family::StreamShortWrite];

/// Some clients of the same behaviour: `times` the knob `clients` and `more`, at most `most`.
#[derive(Clone, Copy)]
pub struct Clients {
    /// What each of them does.
    pub behaviour: Behaviour,
    /// For each that the knob asks for.
    pub times: u64,
    /// Besides; it may be negative.
    pub more: i64,
    /// However many the knob asks for.
    pub most: u64,
    /// Its host may disappear at any of its calls (the family `host.gone`); how its connection ends does not matter.
    pub may_disappear: bool,
}

/// A single client.
pub const fn one(behaviour: Behaviour) -> Clients {
    Clients { times: 0, more: 1, ..times(0, behaviour) }
}

/// As many clients as the knob asks for.
pub const fn all(behaviour: Behaviour) -> Clients {
    times(1, behaviour)
}

/// As many clients as the knob asks for, less one.
pub const fn others(behaviour: Behaviour) -> Clients {
    Clients { more: -1, ..times(1, behaviour) }
}

/// `times` clients for each that the knob asks for.
pub const fn times(times: u64, behaviour: Behaviour) -> Clients {
    Clients { behaviour, times, more: 0, most: u64::MAX, may_disappear: false }
}

impl Clients {
    /// How many they are where the knob is at `knob`.
    pub fn count(&self, knob: u64) -> u64 {
        (knob * self.times).saturating_add_signed(self.more).min(self.most)
    }

    /// The same, on hosts that may disappear.
    pub const fn may_disappear(self) -> Clients {
        Clients { may_disappear: true, ..self }
    }
}

impl Setup {
    /// Nobody comes, and nothing is special.
    pub const USUAL: Setup = Setup {
        faults: Faults::UsualAnd(&[]),
        config: |_| {},
        host: |_, _| {},
        clients: &[],
        is_stopped: false,
        // Longer than the server waits for anybody.
        observed_for: Duration::from_secs(10),
    };
}

impl Faults {
    /// All of them, where `usual` are the usual ones.
    pub fn families(self, usual: &[Family]) -> Vec<Family> {
        match self {
            Faults::UsualAnd(more) => [usual, more].concat(),
            Faults::Only(families) => families.to_vec(),
        }
    }
}

impl Script {
    /// The same on both.
    pub const fn on_both(name: &'static str, about: &'static str, setup: Setup) -> Script {
        Script { tokio: Some(setup), ..Script::on_kernel(name, about, setup) }
    }

    /// On the simulated kernel alone.
    pub const fn on_kernel(name: &'static str, about: &'static str, setup: Setup) -> Script {
        Script { name, about, kernel: Some(setup), tokio: None, keeps_data: true, check: |_, _| {} }
    }

    /// On tokio alone.
    pub const fn on_tokio(name: &'static str, about: &'static str, setup: Setup) -> Script {
        Script { name, about, kernel: None, tokio: Some(setup), keeps_data: true, check: |_, _| {} }
    }
}
