//! What is made of several sorted sets: intersections, unions and differences, with scores that are weighted and put
//! together, answered or stored. A set takes part as one whose scores are all 1.

use super::container::{numbered_keys, store};
use super::set_algebra::limit_after;
use super::sorted_set::put_members;
use super::{Call, Command, NO_KEYS, ONE_KEY, READ, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal;
use crate::storage_unit::value::{Set, SortedSet};
use crate::storage_unit::{SmallBytes, Value};

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("sorted-set", "zunion", -3, READ, NO_KEYS, |call| answer(call, Operation::Union))
        .numbered(1),
    Command::new("sorted-set", "zinter", -3, READ, NO_KEYS, |call| answer(call, Operation::Intersection))
        .numbered(1),
    Command::new("sorted-set", "zdiff", -3, READ, NO_KEYS, |call| answer(call, Operation::Difference))
        .numbered(1),
    Command::new("sorted-set", "zunionstore", -4, WRITE_OOM, ONE_KEY, |call| keep(call, Operation::Union))
        .numbered(2),
    Command::new("sorted-set", "zinterstore", -4, WRITE_OOM, ONE_KEY, |call| {
        keep(call, Operation::Intersection)
    })
    .numbered(2),
    Command::new("sorted-set", "zdiffstore", -4, WRITE_OOM, ONE_KEY, |call| {
        keep(call, Operation::Difference)
    })
    .numbered(2),
    Command::new("sorted-set", "zintercard", -3, READ, NO_KEYS, zintercard).numbered(1),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// How scores of one member are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Least,
    Most,
}

impl Aggregate {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Aggregate::Sum => number(left + right),
            Aggregate::Least => left.min(right),
            Aggregate::Most => left.max(right),
        }
    }
}

/// What has no meaning, such as the sum of the two infinities, is 0, as in Redis.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// One of the sets that take part.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Nothing,
    Plain(&'a Set),
    Sorted(&'a SortedSet),
}

impl<'a> Source<'a> {
    fn of(value: Option<&'a Value>) -> Result<Self, CommandError> {
        match value {
            None => Ok(Source::Nothing),
            Some(Value::Set(set)) => Ok(Source::Plain(set)),
            Some(Value::SortedSet(set)) => Ok(Source::Sorted(set)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    fn len(self) -> usize {
        match self {
            Source::Nothing => 0,
            Source::Plain(set) => set.members().len(),
            Source::Sorted(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Nothing => None,
            Source::Plain(set) => set.has(member).then_some(1.0),
            Source::Sorted(set) => set.score(member),
        }
    }

    fn members(self) -> Box<dyn Iterator<Item = (&'a SmallBytes, f64)> + 'a> {
        match self {
            Source::Nothing => Box::new(std::iter::empty()),
            Source::Plain(set) => Box::new(set.members().iter().map(|(member, ())| (member, 1.0))),
            Source::Sorted(set) => Box::new(set.members().iter().map(|(member, score)| (member, *score))),
        }
    }
}

/// What is to be made, and of how many keys.
#[derive(Debug)]
struct Task {
    operation: Operation,
    /// The word with the number of keys.
    numbered: usize,
    keys: usize,
    /// One for each key.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// How many keys the word at `numbered` says, and that follow it.
fn keys(call: &Call<'_, '_>, numbered: usize) -> Result<usize, CommandError> {
    let name = String::from_utf8_lossy(call.at(0)).to_ascii_lowercase();
    let too_few = CommandError::Text(format!("ERR at least 1 input key is needed for '{name}' command"));
    call.integer(numbered)?;
    numbered_keys(call, numbered, too_few, CommandError::Syntax)
}

impl Task {
    fn read(call: &Call<'_, '_>, operation: Operation, numbered: usize) -> Result<Task, CommandError> {
        let keys = keys(call, numbered)?;
        let (mut weights, mut aggregate, mut with_scores) = (vec![1.0; keys], Aggregate::Sum, false);
        let combines = operation != Operation::Difference;
        let mut next = numbered + 1 + keys;
        while next < call.len() {
            let left = call.len() - next - 1;
            if combines && left >= keys && call.is(next, "weights") {
                for (at, weight) in weights.iter_mut().enumerate() {
                    let text = call.at(next + 1 + at);
                    let wrong = CommandError::Said("ERR weight value is not a float");
                    *weight = decimal::double(text).ok_or(wrong)?;
                }
                next += keys;
            } else if combines && left >= 1 && call.is(next, "aggregate") {
                aggregate = match call.at(next + 1).to_ascii_lowercase().as_slice() {
                    b"sum" => Aggregate::Sum,
                    b"min" => Aggregate::Least,
                    b"max" => Aggregate::Most,
                    _ => return Err(CommandError::Syntax),
                };
                next += 1;
            } else if numbered == 1 && call.is(next, "withscores") {
                with_scores = true;
            } else {
                return Err(CommandError::Syntax);
            }
            next += 1;
        }
        Ok(Task { operation, numbered, keys, weights, aggregate, with_scores })
    }

    fn result(&self, call: &mut Call<'_, '_>) -> Result<SortedSet, CommandError> {
        let (arguments, now_ms) = (call.arguments, call.now_ms);
        let keys = arguments.from(self.numbered + 1).take(self.keys);
        let keyspace = call.keyspace();
        keys.clone().for_each(|key| _ = keyspace.lookup_read(key, now_ms));
        let mut result = SortedSet::new(keyspace.hash_key());
        let sources = keys.map(|key| Source::of(keyspace.stored(key).map(|(value, _)| value)));
        let mut sources: Vec<_> = sources.collect::<Result<Vec<_>, _>>()?;
        if self.operation == Operation::Difference {
            let first = sources.remove(0);
            let members = first.members();
            let without = members.filter(|(member, _)| sources.iter().all(|set| set.score(member).is_none()));
            without.for_each(|(member, score)| _ = result.insert(member, score));
            return Ok(result);
        }
        // In the order of size, as Redis does it: the order of addition shows in the last digit of a sum.
        let mut weighted: Vec<_> = sources.into_iter().zip(self.weights.iter().copied()).collect();
        weighted.sort_by_key(|(source, _)| source.len());
        match self.operation {
            Operation::Intersection => {
                let Some(((first, weight), others)) = weighted.split_first() else { return Ok(result) };
                for (member, score) in first.members() {
                    let sum = others.iter().try_fold(number(score * weight), |sum, (other, weight)| {
                        Some(self.aggregate.of(sum, number(other.score(member)? * weight)))
                    });
                    if let Some(sum) = sum {
                        result.insert(member, sum);
                    }
                }
            }
            _ => {
                for (source, weight) in weighted {
                    for (member, score) in source.members() {
                        let score = number(score * weight);
                        let sum = result.score(member).map_or(score, |sum| self.aggregate.of(sum, score));
                        result.insert(member, sum);
                    }
                }
            }
        }
        Ok(result)
    }
}

fn answer(call: &mut Call<'_, '_>, operation: Operation) -> Outcome {
    let task = Task::read(call, operation, 1)?;
    let result = task.result(call)?;
    let members = result.range(0..result.len()).map(|(member, score)| (member.as_slice(), score));
    put_members(&mut call.reply, members, task.with_scores);
    Ok(())
}

fn keep(call: &mut Call<'_, '_>, operation: Operation) -> Outcome {
    let result = Task::read(call, operation, 2)?.result(call)?;
    call.reply.count(result.len());
    store(call, call.at(1), result);
    Ok(())
}

fn zintercard(call: &mut Call<'_, '_>) -> Outcome {
    let keys = keys(call, 1)?;
    let limit = limit_after(call, keys + 2)?;
    let task = Task {
        operation: Operation::Intersection,
        numbered: 1,
        keys,
        weights: vec![1.0; keys],
        aggregate: Aggregate::Sum,
        with_scores: false,
    };
    let count = task.result(call)?.len().min(limit);
    call.reply.count(count);
    Ok(())
}
