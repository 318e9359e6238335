//! The numbers of one random program, each a function of its seed. What is made of them is said in `generate`, `files` and `waiting`.

use eagain_sim::choice::{Base, Choices, Distribution, Domain, Overrides, Stream};

const PROGRAM: Domain = Domain("conform.program");

/// Numbers drawn for one program.
pub struct Draw {
    choices: Choices,
    stream: Stream,
}

impl Draw {
    /// What is drawn is a function of the seed.
    pub fn new(seed: u64) -> Draw {
        Draw { choices: Choices::new(Base::Seed(seed), &Overrides::new()), stream: Stream::default() }
    }

    /// One of `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let any = Distribution::uniform(0, n.max(1) - 1);
        self.choices.choose(&mut self.stream, PROGRAM, true, any, || "program".to_owned())
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick(&mut self, from: &[u64]) -> u64 {
        *self.one_of(from)
    }

    /// One of these, of which there is at least one.
    pub fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
