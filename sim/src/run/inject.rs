//! The one place where faults happen. A family is asked by [`Run::draw`]; what it changed is recorded and counted by
//! [`Run::injected`], both together; [`Run::inject`] does all of it where the change follows the draw at once. So a
//! family counts exactly as often as the trace has events of it.

use super::Run;
use crate::NONE;
use crate::choice::{Distribution, Domain, Source, Words};
use crate::fault::Family;
use crate::trace::Kind;

/// What a fault changed: the words of its event.
pub(crate) struct Effect {
    /// When, in nanoseconds.
    pub time: u64,
    /// The thread that it concerns, or [`NONE`].
    pub thread: u32,
    pub args: [u64; 4],
}

impl Run {
    /// Asks `family` about one of its objects: the value, of which 0 means that nothing happens. The choice counts in its
    /// stream also while the family is off.
    #[inline]
    pub fn draw(&mut self, family: Family, mut source: impl Source, object: impl Fn() -> String) -> u64 {
        if self.passes(family, &mut source) {
            return 0;
        }
        self.draw_from(family, source, |chance| family.distribution(chance), object)
    }

    /// Whether the next choice of `source` is known to be 0: the family is off, or the drawn word says so. Then it has been
    /// made.
    #[inline(always)]
    pub fn passes(&mut self, family: Family, source: &mut impl Source) -> bool {
        !self.choices.is_watched() && (source.pass(self.choices.era()) || self.looks_zero(family, source))
    }

    #[cold]
    #[inline(never)]
    fn looks_zero(&mut self, family: Family, source: &mut impl Source) -> bool {
        let era = self.choices.era();
        match self.swarm.happens(family, self.now) {
            0 => {
                source.skip();
                if self.swarm.is_drawn() {
                    source.set_known_zero(era);
                }
                true
            }
            happens => source.look_and_pass(happens, era),
        }
    }

    /// Whether no family changes anything about segment `ordinal` of a direction, as far as its words are known.
    #[inline(always)]
    pub fn segment_is_known_zero(&self, words: &mut Words, ordinal: u64) -> bool {
        let era = self.choices.era();
        !self.choices.is_watched()
            && (words.is_known_zero(ordinal, era) || self.segment_looks_zero(words, ordinal))
    }

    #[cold]
    fn segment_looks_zero(&self, words: &mut Words, ordinal: u64) -> bool {
        let era = self.choices.era();
        match self.swarm.of_segment(self.now) {
            Some((chances, sum)) => words.look(ordinal, era, chances, sum),
            None => {
                if self.swarm.is_drawn() {
                    words.set_known_zero(era);
                }
                true
            }
        }
    }

    /// As [`Run::draw`], with a distribution that the family's row does not have: a function of how often, of 65,536.
    #[inline]
    pub fn draw_from(
        &mut self,
        family: Family,
        mut source: impl Source,
        distribution: impl FnOnce(u32) -> Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let chance = self.swarm.chance(family, self.now);
        if chance == 0 && !self.choices.is_watched() {
            source.skip();
            return 0;
        }
        let value =
            source.choose(&mut self.choices, family.domain(), chance != 0, distribution(chance), object);
        self.made(0);
        value
    }

    /// Makes a choice that says more about a fault of `family`: it is drawn only while the family is on.
    pub fn choose_about(
        &mut self,
        family: Family,
        source: impl Source,
        domain: Domain,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let active = self.swarm.chance(family, self.now) != 0;
        let value = source.choose(&mut self.choices, domain, active, distribution, object);
        self.made(0);
        value
    }

    /// Whether `family` has anything to choose now: it is on, or choices are watched.
    #[inline]
    pub fn may(&self, family: Family) -> bool {
        self.swarm.chance(family, self.now) != 0 || self.choices.is_watched()
    }

    /// Records that `family` has changed something, and counts it; the number of the event, which results name as their
    /// cause.
    #[inline]
    pub fn injected(&mut self, family: Family, effect: Effect) -> u64 {
        self.swarm.fired(family);
        let Effect { time, thread, args } = effect;
        if self.feedback.is_some() {
            self.count_fault(family, thread);
        }
        self.trace.event(time, thread, Kind::Fault(family), args)
    }

    /// As [`Run::injected`], of what happens now and concerns no thread.
    pub fn injected_now(&mut self, family: Family, args: [u64; 4]) -> u64 {
        self.injected(family, Effect { time: self.now, thread: NONE, args })
    }

    /// The event of a fault, or `kind` where the scenario itself causes it, now.
    pub fn event_or_fault(&mut self, fault: Option<Family>, kind: Kind, args: [u64; 4]) -> u64 {
        match fault {
            Some(family) => self.injected_now(family, args),
            None => self.event(NONE, kind, args),
        }
    }

    /// Draws, and where that is not 0 applies it: `apply` changes the state and says what is to be recorded, or `None`
    /// where the state was such that nothing changed. The value and the number of its event.
    #[inline]
    pub fn inject(
        &mut self,
        family: Family,
        source: impl Source,
        object: impl Fn() -> String,
        apply: impl FnOnce(u64) -> Option<Effect>,
    ) -> Option<(u64, u64)> {
        let value = self.draw(family, source, object);
        if value == 0 {
            return None;
        }
        let effect = apply(value)?;
        Some((value, self.injected(family, effect)))
    }
}
