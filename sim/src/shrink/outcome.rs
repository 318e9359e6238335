//! What shrinking came to.

use crate::choice::{Key, Overrides};

/// Which limit ended the search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// The number of attempts.
    Runs,
    /// The time.
    Time,
}

/// The result of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Whether the choices that were given fail at all on the zero base. Where not, nothing was shrunk.
    pub reproduced: bool,
    /// How many choices were given.
    pub before: usize,
    /// The choices that are left, in the order in which they are made: the explanation.
    pub choices: Vec<(Key, u64)>,
    /// How many attempts it took.
    pub runs: u64,
    /// The limit that ended the search early; without one, no single choice can be zeroed.
    pub bound: Option<Bound>,
}

impl Outcome {
    /// What is left, as overrides of the zero base.
    pub fn overrides(&self) -> Overrides {
        self.choices.iter().cloned().collect()
    }

    /// Whether what is shown is a shrunk run: the choices make it again, and it was tried with fewer.
    pub fn is_shrunk(&self) -> bool {
        self.reproduced && (self.runs > 1 || self.bound != Some(Bound::Runs))
    }

    /// A line for people: `412 choices -> 3 in 97 runs`.
    pub fn line(&self) -> String {
        if !self.reproduced {
            return format!("the {} choices do not fail on the zero base; not shrunk", self.before);
        }
        let (choices, end) =
            (if self.before == 1 { "choice" } else { "choices" }, if self.runs == 1 { "" } else { "s" });
        if !self.is_shrunk() {
            return format!("{} {choices}, not shrunk", self.before);
        }
        let bound = match self.bound {
            None => "",
            Some(Bound::Runs) => "; stopped at the limit of runs, more may go",
            Some(Bound::Time) => "; stopped at the limit of time, more may go: `shrink` with a longer --time",
        };
        let (left, runs) = (self.choices.len(), self.runs);
        let alone = if left == 0 { ": fails without any fault" } else { "" };
        format!("{} {choices} -> {left} in {runs} run{end}{alone}{bound}", self.before)
    }
}
