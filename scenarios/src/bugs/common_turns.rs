//! How much an event loop does between two looks at what is ready: whoever becomes ready in between waits for the end of it (O13).

use eagain_sim::fail;
use std::collections::BTreeMap;

/// What a socket holds in each direction, where bytes are what is given.
pub const BUFFER: u32 = 64 << 10;
/// What nobody may be given in a turn: more than both buffers of a connection hold.
pub const TOO_MUCH: u64 = 192 << 10;
/// The most that is sent in one piece.
pub const LONGEST: u64 = 512 << 10;

/// One turn of a loop.
pub struct Turn {
    /// What is counted.
    unit: &'static str,
    /// What one connection or timer may be given in a turn.
    most: u64,
    given: BTreeMap<u64, u64>,
}

impl Turn {
    /// A turn in which nobody is given more than `most` of `unit`.
    pub fn of(most: u64, unit: &'static str) -> Turn {
        Turn { unit, most, given: BTreeMap::new() }
    }

    /// The loop looks at what is ready: a new turn begins.
    pub fn begin(&mut self) {
        self.given.clear();
    }

    /// `who` is given so much.
    pub fn give(&mut self, who: u64, amount: u64) {
        let given = self.given.entry(who).or_default();
        *given += amount;
        if *given > self.most {
            let message = format!("{who} was given {given} {} in one turn, and the others wait", self.unit);
            fail("O13", "turn too long", message);
        }
    }
}
