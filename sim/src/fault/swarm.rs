//! Which families are on in this run, and how strong.

use super::Family;
use std::cell::Cell;

use crate::choice::{Choices, Distribution, Domain, Group, LANES, Words};

/// The choices of which families are on, and how strongly.
pub(crate) const SWARM: Domain = Domain("swarm");

/// The weights of a family that is on, of 65,536.
pub(super) const WEIGHT_MIN: u32 = 64;
pub(crate) const WEIGHT_MAX: u32 = 16_384;

/// The families of segments, by bit.
const OF_SEGMENTS: u64 = {
    let (mut at, mut bits) = (0, 0);
    while at < Family::COUNT {
        let family = Family::ALL[at];
        assert!(!family.is_of_segments() || family.lane() < LANES as u64, "a lane that no segment has");
        bits |= (family.is_of_segments() as u64) << at;
        at += 1;
    }
    bits
};

/// The state of every family in one run.
pub(crate) struct Swarm {
    /// How often, of 65,536; 0: the family is off.
    chance: [u32; Family::COUNT],
    /// How often, of 65,536, a value of it is not 0.
    happens: [u32; Family::COUNT],
    /// How often it changed something.
    fired: [u64; Family::COUNT],
    /// Families that were asked, by bit: the run came to where they choose.
    asked: Cell<u64>,
    /// Families that the scenario named besides the usual ones, by bit: each must have its chance.
    pub named: u64,
    /// All families that are to be on have been drawn: which are off stays as it is.
    drawn: bool,
    wire: bool,
    any: bool,
    /// How often, of 65,536, something happens to a segment, by lane; and these folded into one word.
    segment: ([u32; LANES], u32),
    /// The family that was drawn before the others.
    early: Option<Family>,
    /// From this time on nothing is injected any more: the quiet tail.
    pub quiet_from: u64,
}

impl Swarm {
    /// All off.
    pub fn none() -> Swarm {
        Swarm {
            chance: [0; Family::COUNT],
            happens: [0; Family::COUNT],
            fired: [0; Family::COUNT],
            asked: Cell::new(0),
            named: 0,
            drawn: false,
            wire: false,
            any: false,
            segment: ([0; LANES], 0),
            early: None,
            quiet_from: u64::MAX,
        }
    }

    /// Draws the mix of one run out of the families that the scenario allows: about half of them are off, the weights
    /// of the others span two orders of magnitude.
    pub fn draw(&mut self, choices: &mut Choices, allowed: &[Family]) {
        let mut words = Words::default();
        for &family in allowed {
            if self.early.is_none_or(|early| early != family) {
                self.draw_one(choices, &mut words, family);
            }
        }
        self.drawn = true;
    }

    /// Draws one family before the others: one that the building of the world asks. How often, of 65,536.
    pub fn draw_early(&mut self, choices: &mut Choices, family: Family) -> u32 {
        if self.early.replace(family).is_none() {
            self.draw_one(choices, &mut Words::default(), family);
        }
        self.chance[family as usize]
    }

    fn draw_one(&mut self, choices: &mut Choices, words: &mut Words, family: Family) {
        let weight = choices.choose_lane(
            words,
            Group { domain: SWARM },
            family as u64,
            0,
            SWARM,
            true,
            Distribution::rarely_log(32_768, WEIGHT_MIN.into(), WEIGHT_MAX.into()),
            || family.domain().0.to_owned(),
        );
        let happens = if weight == 0 { 0 } else { family.distribution(weight as u32).chance() };
        (self.chance[family as usize], self.happens[family as usize]) = (weight as u32, happens);
        self.any |= weight != 0;
        if weight != 0 && family.is_of_segments() {
            self.segment.0[family.lane() as usize] = happens;
            self.segment.1 = self.segment.0.iter().fold(0, |sum, &chance| sum.rotate_left(5) ^ chance);
        }
        self.wire |= weight != 0 && family.is_of_connections();
    }

    /// How often, of 65,536, at time `now`.
    #[inline]
    pub fn chance(&self, family: Family, now: u64) -> u32 {
        self.asked.set(self.asked.get() | 1 << family as u64);
        if now >= self.quiet_from { 0 } else { self.chance[family as usize] }
    }

    /// How often, of 65,536, a value of the family is not 0 at time `now`.
    #[inline]
    pub fn happens(&self, family: Family, now: u64) -> u32 {
        self.asked.set(self.asked.get() | 1 << family as u64);
        if now >= self.quiet_from { 0 } else { self.happens[family as usize] }
    }

    /// How often something happens to a segment, by lane, and what distinguishes these chances from others; `None`: nothing does.
    /// All families of segments count as asked.
    #[inline]
    pub fn of_segment(&self, now: u64) -> Option<(&[u32; LANES], u32)> {
        self.asked.set(self.asked.get() | OF_SEGMENTS);
        let (chances, sum) = &self.segment;
        (now < self.quiet_from && *chances != [0; LANES]).then_some((chances, *sum))
    }

    /// When the quiet tail begins; 0 where nothing is on.
    #[inline]
    pub fn quiet_from_or_zero(&self) -> u64 {
        if self.any { self.quiet_from } else { 0 }
    }

    /// Whether the mix was drawn: a family that is off stays so.
    #[inline]
    pub fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// Whether any family of the wire is on.
    #[inline]
    pub fn wire_is_on(&self) -> bool {
        self.wire
    }

    /// Counts that a family changed something.
    #[inline]
    pub fn fired(&mut self, family: Family) {
        self.fired[family as usize] += 1;
    }

    /// The families that are on or fired, with how often they fired. Of the usual ones only those that the run came to ask:
    /// a program without rings has no faults of rings, and that is not worth a warning.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Family::ALL
            .iter()
            .map(|&family| (family, family as usize))
            .filter(|&(_, at)| {
                let concerned = (self.named | self.asked.get()) >> at & 1 == 1;
                self.chance[at] != 0 && concerned || self.fired[at] != 0
            })
            .map(|(family, at)| (family.row().name, self.fired[at]))
    }
}
