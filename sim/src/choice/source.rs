//! Where a choice is drawn from: the next of a sequence, one lane of a step, or a stream that has no second.

use super::{Choices, Distribution, Domain, Group, Words};

/// One choice to come: its place among the choices of its object.
pub(crate) trait Source {
    /// Lets it pass: it counts, and its value is 0.
    fn skip(&mut self);

    /// Lets it pass if it is known to be 0; `true`: it was.
    #[inline]
    fn pass(&mut self, _era: u64) -> bool {
        false
    }

    /// The same, after a look at what was drawn, where something happens `chance` times of 65,536.
    #[inline]
    fn look_and_pass(&mut self, _chance: u32, _era: u64) -> bool {
        false
    }

    /// All that are to come are 0.
    #[inline]
    fn set_known_zero(&mut self, _era: u64) {}

    /// Makes it.
    fn choose(
        self,
        choices: &mut Choices,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64;
}

/// One kind of choice of a [`Group`], in step `ordinal`.
pub(crate) struct Lane<'a> {
    pub words: &'a mut Words,
    pub group: Group,
    pub lane: u64,
    pub ordinal: u64,
}

/// A choice that is made once: its stream has no second.
pub(crate) struct Once;

/// The sequence of choices of one kind by one object; its position is the ordinal of the next. At most one family of faults asks
/// a stream: what is known of the choices to come holds for its chance.
#[derive(Default)]
pub struct Stream {
    pub(super) ordinal: u64,
    pub(super) words: Words,
}

impl Stream {
    /// Whether the next choice is known to be 0; then it has been made.
    #[inline(always)]
    pub(crate) fn pass(&mut self, era: u64) -> bool {
        if !self.words.is_known_zero(self.ordinal, era) {
            return false;
        }
        self.ordinal += 1;
        true
    }

    /// As [`Stream::pass`], after a look at what was drawn, where something happens `chance` times of 65,536.
    pub(crate) fn look_and_pass(&mut self, chance: u32, era: u64) -> bool {
        let known_zero = self.words.look(self.ordinal, era, &[chance, 0, 0, 0, 0, 0], chance);
        self.ordinal += u64::from(known_zero);
        known_zero
    }

    /// All that are to come are 0.
    pub(crate) fn set_known_zero(&mut self, era: u64) {
        self.words.set_known_zero(era);
    }

    /// Lets one choice pass that is benign because its family is off; it counts.
    #[inline]
    pub fn skip(&mut self) {
        self.ordinal += 1;
    }

    /// How many choices were asked of it.
    pub fn count(&self) -> u64 {
        self.ordinal
    }
}

impl Source for &mut Stream {
    #[inline]
    fn skip(&mut self) {
        Stream::skip(self);
    }

    #[inline]
    fn pass(&mut self, era: u64) -> bool {
        Stream::pass(self, era)
    }

    fn look_and_pass(&mut self, chance: u32, era: u64) -> bool {
        Stream::look_and_pass(self, chance, era)
    }

    fn set_known_zero(&mut self, era: u64) {
        Stream::set_known_zero(self, era);
    }

    #[inline]
    fn choose(
        self,
        choices: &mut Choices,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        choices.choose(self, domain, active, distribution, object)
    }
}

impl Source for Lane<'_> {
    #[inline]
    fn skip(&mut self) {}

    #[inline]
    fn choose(
        self,
        choices: &mut Choices,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let Lane { words, group, lane, ordinal } = self;
        choices.choose_lane(words, group, lane, ordinal, domain, active, distribution, object)
    }
}

impl Source for Once {
    fn skip(&mut self) {}

    fn choose(
        self,
        choices: &mut Choices,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        choices.choose(&mut Stream::default(), domain, active, distribution, object)
    }
}
