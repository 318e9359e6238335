//! Sorted sets: members taken from the end with the lowest or the highest scores.

use super::container::{edit, lookup, numbered_keys};
use super::sorted_set::put_members;
use super::{Call, Command, NO_KEYS, ONE_KEY, WRITE, WRITE_FAST};
use crate::error::{CommandError, Outcome};
use crate::resp::number::parse_integer;
use crate::storage_unit::SmallBytes;
use crate::storage_unit::keyspace::Found;
use crate::storage_unit::value::SortedSet;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("sorted-set", "zpopmin", -2, WRITE_FAST, ONE_KEY, |call| pop(call, End::Lowest)),
    Command::new("sorted-set", "zpopmax", -2, WRITE_FAST, ONE_KEY, |call| pop(call, End::Highest)),
    Command::new("sorted-set", "zmpop", -4, WRITE, NO_KEYS, zmpop).numbered(1),
];

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Lowest,
    Highest,
}

impl End {
    /// The end that the word at `index` names.
    pub(super) fn at(call: &Call<'_, '_>, index: usize) -> Result<End, CommandError> {
        if index < call.len() && call.is(index, "min") {
            Ok(End::Lowest)
        } else if index < call.len() && call.is(index, "max") {
            Ok(End::Highest)
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// Takes up to `count` members of what was found.
    pub(super) fn take(
        self,
        call: &mut Call<'_, '_>,
        found: Found,
        count: usize,
    ) -> Result<Vec<(SmallBytes, f64)>, CommandError> {
        edit(call, found, |set: &mut SortedSet| {
            let count = count.min(set.len());
            let next = |_| set.remove_rank(if self == End::Lowest { 0 } else { set.len() - 1 });
            (0..count).map(next).collect()
        })
    }
}

fn pop(call: &mut Call<'_, '_>, end: End) -> Outcome {
    let count = match call.len() {
        2 => None,
        3 => Some(call.positive(2)?),
        _ => return Err(CommandError::Syntax),
    };
    let found = lookup::<SortedSet>(call, call.at(1))?.filter(|_| count != Some(0));
    let Some(found) = found else {
        call.reply.array(0);
        return Ok(());
    };
    let taken = end.take(call, found, count.unwrap_or(1))?;
    if count.is_none() {
        call.reply.array(2);
        for (member, score) in &taken {
            call.reply.bulk(member);
            call.reply.double(*score);
        }
        return Ok(());
    }
    put_members(&mut call.reply, taken.iter().map(|(member, score)| (member.as_slice(), *score)), true);
    Ok(())
}

/// What `ZMPOP` and `BZMPOP` answer: the key, and an array of members with their scores.
pub(super) fn put_key_and_members(call: &mut Call<'_, '_>, key: &[u8], taken: &[(SmallBytes, f64)]) {
    call.reply.array(2);
    call.reply.bulk(key);
    call.reply.array(taken.len());
    for (member, score) in taken {
        call.reply.array(2);
        call.reply.bulk(member);
        call.reply.double(*score);
    }
}

/// How many keys, which end and how many members the words from `first` on ask for.
pub(super) fn read_mpop(call: &Call<'_, '_>, first: usize) -> Result<(usize, End, usize), CommandError> {
    let too_few = CommandError::Said("ERR numkeys should be greater than 0");
    let keys = numbered_keys(call, first, too_few, CommandError::Syntax)?;
    let side = first + 1 + keys;
    let end = End::at(call, side)?;
    Ok((keys, end, count_after(call, side + 1)?))
}

/// `COUNT` with its number, which may stand at `next`, once.
pub(super) fn count_after(call: &Call<'_, '_>, next: usize) -> Result<usize, CommandError> {
    match call.len() - next {
        0 => Ok(1),
        2 if call.is(next, "count") => {
            let count = parse_integer(call.at(next + 1)).and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count > 0);
            count.ok_or(CommandError::Said("ERR count should be greater than 0"))
        }
        _ => Err(CommandError::Syntax),
    }
}

fn zmpop(call: &mut Call<'_, '_>) -> Outcome {
    let (keys, end, count) = read_mpop(call, 1)?;
    for key in call.arguments.from(2).take(keys) {
        if let Some(found) = lookup::<SortedSet>(call, key)? {
            let taken = end.take(call, found, count)?;
            put_key_and_members(call, key, &taken);
            return Ok(());
        }
    }
    call.reply.null_array();
    Ok(())
}
