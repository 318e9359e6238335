//! What is made of several sets: intersections, unions and differences, answered or stored.

use super::container::{numbered_keys, read_all, store};
use super::{ALL_KEYS, Call, Command, READ, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::resp::number::parse_integer;
use crate::storage_unit::value::Set;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("set", "sinter", -2, READ, ALL_KEYS, |call| answer(call, Operation::Intersection)),
    Command::new("set", "sunion", -2, READ, ALL_KEYS, |call| answer(call, Operation::Union)),
    Command::new("set", "sdiff", -2, READ, ALL_KEYS, |call| answer(call, Operation::Difference)),
    Command::new("set", "sinterstore", -3, WRITE_OOM, ALL_KEYS, |call| keep(call, Operation::Intersection)),
    Command::new("set", "sunionstore", -3, WRITE_OOM, ALL_KEYS, |call| keep(call, Operation::Union)),
    Command::new("set", "sdiffstore", -3, WRITE_OOM, ALL_KEYS, |call| keep(call, Operation::Difference)),
    Command::new("set", "sintercard", -3, READ, super::NO_KEYS, sintercard).numbered(1),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

/// The members that all sets have, in the order of the smallest; at most `count_max`.
fn intersection<'a>(sets: &[Option<&'a Set>], count_max: usize) -> Vec<&'a [u8]> {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    sets.sort_by_key(|set| set.members().len());
    let Some((smallest, others)) = sets.split_first() else { return Vec::new() };
    let members = smallest.members().iter().map(|(member, ())| member.as_slice());
    members.filter(|member| others.iter().all(|set| set.has(member))).take(count_max).collect()
}

impl Operation {
    /// The result for the sets whose keys are the words from `first` on.
    fn of(self, call: &mut Call<'_, '_>, first: usize) -> Result<Set, CommandError> {
        let (keys, now_ms) = (call.arguments.from(first), call.now_ms);
        let keyspace = call.keyspace();
        let mut result = Set::new(keyspace.hash_key());
        let sets: Vec<Option<&Set>> = read_all(keyspace, keys, now_ms)?;
        match self {
            Operation::Intersection => {
                intersection(&sets, usize::MAX).iter().for_each(|member| _ = result.insert(member));
            }
            Operation::Union => {
                for set in sets.into_iter().flatten() {
                    set.members().iter().for_each(|(member, ())| _ = result.insert(member));
                }
            }
            Operation::Difference => {
                let (first, others) = sets.split_first().map_or((&None, &[][..]), |both| both);
                let without = |member: &&[u8]| !others.iter().flatten().any(|set| set.has(member));
                let members = first.iter().flat_map(|set| set.members().iter());
                let members = members.map(|(member, ())| member.as_slice()).filter(without);
                members.for_each(|member| _ = result.insert(member));
            }
        }
        Ok(result)
    }
}

fn answer(call: &mut Call<'_, '_>, operation: Operation) -> Outcome {
    let result = operation.of(call, 1)?;
    call.reply.set(result.members().len());
    result.members().iter().for_each(|(member, ())| call.reply.bulk(member));
    Ok(())
}

fn keep(call: &mut Call<'_, '_>, operation: Operation) -> Outcome {
    let result = operation.of(call, 2)?;
    call.reply.count(result.members().len());
    store(call, call.at(1), result);
    Ok(())
}

fn sintercard(call: &mut Call<'_, '_>) -> Outcome {
    let too_few = CommandError::Said("ERR numkeys should be greater than 0");
    let too_many = CommandError::Said("ERR Number of keys can't be greater than number of args");
    let keys = numbered_keys(call, 1, too_few, too_many)?;
    let limit = limit_after(call, keys + 2)?;
    let keyspace = call.databases.at(call.session.database);
    let sets = read_all(keyspace, call.arguments.from(2).take(keys), call.now_ms)?;
    call.reply.count(intersection(&sets, limit).len());
    Ok(())
}

/// `LIMIT` with its number, which may stand at `next`; 0 and no word at all are no limit.
pub(super) fn limit_after(call: &Call<'_, '_>, next: usize) -> Result<usize, CommandError> {
    let mut limit = usize::MAX;
    for at in (next..call.len()).step_by(2) {
        if !call.is(at, "limit") || at + 1 >= call.len() {
            return Err(CommandError::Syntax);
        }
        let negative = CommandError::Said("ERR LIMIT can't be negative");
        let given = parse_integer(call.at(at + 1)).and_then(|limit| usize::try_from(limit).ok());
        limit = given.ok_or(negative)?;
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}
