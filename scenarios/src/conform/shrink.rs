//! Making a program smaller as long as the two kernels still differ over it: first without calls, then with smaller
//! numbers. What it differs in may change; any difference will do, the smallest says the most.

use super::call::{Call, Form, Op};
use super::compare::{Comparer, Difference, Verdict};

/// Comparisons that one shrinking may take.
const BUDGET: u32 = 3_000;

struct Shrinker<'a> {
    comparer: &'a mut Comparer,
    budget: u32,
    calls: Vec<Call>,
    difference: Difference,
}

impl Shrinker<'_> {
    /// Keeps `calls` where they still differ.
    fn attempt(&mut self, calls: Vec<Call>) -> bool {
        if self.budget == 0 || calls == self.calls {
            return false;
        }
        self.budget -= 1;
        match self.comparer.compare(&calls) {
            Verdict::Differs(difference) => {
                self.calls = calls;
                self.calls.truncate(difference.at + 1);
                self.difference = difference;
                true
            }
            _ => false,
        }
    }

    fn delete(&mut self) {
        let mut chunk = (self.calls.len() / 2).max(1);
        loop {
            let mut at = self.calls.len();
            while at > 0 {
                let from = at.saturating_sub(chunk);
                let mut calls = self.calls.clone();
                calls.drain(from..at.min(calls.len()));
                self.attempt(calls);
                at = from.min(self.calls.len());
            }
            if chunk == 1 {
                return;
            }
            chunk /= 2;
        }
    }

    fn lower(&mut self) {
        for at in 0..self.calls.len() {
            for argument in 0..3 {
                let Some(call) = self.calls.get(at).copied() else { return };
                for smaller in simpler(call, argument) {
                    let mut calls = self.calls.clone();
                    calls[at].args[argument] = smaller;
                    if self.attempt(calls) {
                        break;
                    }
                }
            }
        }
    }
}

/// Simpler values of an argument, the simplest first.
fn simpler(call: Call, argument: usize) -> Vec<u64> {
    let value = call.args[argument];
    if call.op == Op::Ring {
        // Too small a queue is another matter.
        return Vec::new();
    }
    match call.op.forms()[argument] {
        Form::Count => [0, 1, 5, 8].into_iter().filter(|&n| n < value).collect(),
        Form::RecvFlags | Form::SendFlags if value != 0 => vec![0],
        Form::Mask => (0..32).map(|bit| value & !(1 << bit)).filter(|&less| less != value).collect(),
        _ => Vec::new(),
    }
}

/// The smallest program found that still differs, with its difference.
pub fn shrink(comparer: &mut Comparer, calls: &[Call], difference: Difference) -> (Vec<Call>, Difference) {
    let calls = calls[..=difference.at].to_vec();
    let mut shrinker = Shrinker { comparer, budget: BUDGET, calls, difference };
    loop {
        let before = shrinker.calls.clone();
        shrinker.delete();
        shrinker.lower();
        if shrinker.calls == before {
            return (shrinker.calls, shrinker.difference);
        }
    }
}
