//! Lists: strings in order, added and taken at both ends. What moves items between lists is in `list_move`,
//! what waits for an item in `list_wait`.

use super::container::{edit, edit_or_create, lookup, read};
use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE, WRITE_FAST, WRITE_OOM, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::call::range;
use crate::storage_unit::Value;
use crate::storage_unit::value::List;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("list", "lpush", -3, WRITE_OOM_FAST, ONE_KEY, |call| push(call, End::Front, false)),
    Command::new("list", "rpush", -3, WRITE_OOM_FAST, ONE_KEY, |call| push(call, End::Back, false)),
    Command::new("list", "lpushx", -3, WRITE_OOM_FAST, ONE_KEY, |call| push(call, End::Front, true)),
    Command::new("list", "rpushx", -3, WRITE_OOM_FAST, ONE_KEY, |call| push(call, End::Back, true)),
    Command::new("list", "lpop", -2, WRITE_FAST, ONE_KEY, |call| pop(call, End::Front, "lpop")),
    Command::new("list", "rpop", -2, WRITE_FAST, ONE_KEY, |call| pop(call, End::Back, "rpop")),
    Command::new("list", "llen", 2, READ_FAST, ONE_KEY, llen),
    Command::new("list", "lindex", 3, READ, ONE_KEY, lindex),
    Command::new("list", "lrange", 4, READ, ONE_KEY, lrange),
    Command::new("list", "lset", 4, WRITE_OOM, ONE_KEY, lset),
    Command::new("list", "ltrim", 4, WRITE, ONE_KEY, ltrim),
    Command::new("list", "lrem", 4, WRITE, ONE_KEY, lrem),
    Command::new("list", "linsert", 5, WRITE_OOM, ONE_KEY, linsert),
    Command::new("list", "lpos", -3, READ, ONE_KEY, lpos),
];

/// One of the two ends of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

impl End {
    pub(super) fn take(self, list: &mut List) -> Option<crate::storage_unit::SmallBytes> {
        match self {
            End::Front => list.pop_front(),
            End::Back => list.pop_back(),
        }
    }

    pub(super) fn put(self, list: &mut List, item: &[u8]) {
        match self {
            End::Front => list.push_front(item),
            End::Back => list.push_back(item),
        }
    }
}

fn push(call: &mut Call<'_, '_>, end: End, only_if_present: bool) -> Outcome {
    let (key, items) = (call.at(1), call.arguments.from(2));
    if only_if_present && lookup::<List>(call, key)?.is_none() {
        call.reply.integer(0);
        return Ok(());
    }
    let mut length = 0;
    edit_or_create(call, key, |list: &mut List| {
        items.for_each(|item| end.put(list, item));
        length = list.items().len();
        ((), true)
    })?;
    call.reply.count(length);
    Ok(())
}

fn pop(call: &mut Call<'_, '_>, end: End, name: &'static str) -> Outcome {
    if call.len() > 3 {
        return Err(CommandError::Arity(name));
    }
    let count = match call.arguments.get(2) {
        None => None,
        Some(_) => Some(call.positive(2)?),
    };
    let key = call.at(1);
    let found = lookup::<List>(call, key)?;
    match (found, count) {
        (None, None) => call.reply.null(),
        (None, Some(_)) => call.reply.null_array(),
        (Some(_), Some(0)) => call.reply.array(0),
        (Some(found), None) => {
            if let Some(item) = edit(call, found, |list: &mut List| end.take(list))? {
                call.reply.bulk(&item);
            }
        }
        (Some(found), Some(count)) => {
            let items = edit(call, found, |list: &mut List| {
                let count = count.min(list.items().len());
                (0..count).filter_map(|_| end.take(list)).collect::<Vec<_>>()
            })?;
            call.reply.array(items.len());
            items.iter().for_each(|item| call.reply.bulk(item));
        }
    }
    Ok(())
}

fn llen(call: &mut Call<'_, '_>) -> Outcome {
    let length = read::<List>(call)?.map_or(0, |list| list.items().len());
    call.reply.count(length);
    Ok(())
}

/// A position from the front, or from the end when negative, if it lies within.
fn position(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(length as i64)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn lindex(call: &mut Call<'_, '_>) -> Outcome {
    // The index is looked at only when there is something to be indexed, as in Redis.
    let index = if read::<List>(call)?.is_some() { call.integer(2)? } else { 0 };
    let item =
        read::<List>(call)?.and_then(|list| Some(list.items()[position(index, list.items().len())?].clone()));
    match item {
        Some(item) => call.reply.bulk(&item),
        None => call.reply.null(),
    }
    Ok(())
}

fn lrange(call: &mut Call<'_, '_>) -> Outcome {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let keyspace = call.databases.at(call.session.database);
    match keyspace.read(call.arguments.at(1), call.now_ms) {
        None => call.reply.array(0),
        Some(Value::List(list)) => {
            let range = range(start, end, list.items().len());
            call.reply.array(range.len());
            list.items().range(range).for_each(|item| call.reply.bulk(item));
        }
        Some(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}

fn lset(call: &mut Call<'_, '_>) -> Outcome {
    let (key, item) = (call.at(1), call.at(3));
    let found = lookup::<List>(call, key)?.ok_or(CommandError::NoSuchKey)?;
    let index = call.integer(2)?;
    let length = read::<List>(call)?.map_or(0, |list| list.items().len());
    let at = position(index, length).ok_or(CommandError::IndexOutOfRange)?;
    edit(call, found, |list: &mut List| list.replace(at, item))?;
    call.reply.ok();
    Ok(())
}

fn ltrim(call: &mut Call<'_, '_>) -> Outcome {
    let (key, start, end) = (call.at(1), call.integer(2)?, call.integer(3)?);
    if let Some(found) = lookup::<List>(call, key)? {
        edit(call, found, |list: &mut List| {
            let range = range(start, end, list.items().len());
            list.trim(range.start, range.end);
        })?;
    }
    call.reply.ok();
    Ok(())
}

fn lrem(call: &mut Call<'_, '_>) -> Outcome {
    let (key, count, item) = (call.at(1), call.integer(2)?, call.at(3));
    let count_max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let mut removed = 0;
    if let Some(found) = lookup::<List>(call, key)? {
        let any = matches!(call.keyspace().value(found), Value::List(list)
            if list.items().iter().any(|other| other.as_slice() == item));
        // Nothing is reported as changed when nothing has changed.
        if any {
            removed = edit(call, found, |list: &mut List| list.remove(item, count_max, count < 0))?;
        }
    }
    call.reply.count(removed);
    Ok(())
}

fn linsert(call: &mut Call<'_, '_>) -> Outcome {
    let behind = match call.at(2).to_ascii_lowercase().as_slice() {
        b"before" => 0,
        b"after" => 1,
        _ => return Err(CommandError::Syntax),
    };
    let (key, pivot, item) = (call.at(1), call.at(3), call.at(4));
    let Some(found) = lookup::<List>(call, key)? else {
        call.reply.integer(0);
        return Ok(());
    };
    let at =
        read::<List>(call)?.and_then(|list| list.items().iter().position(|other| other.as_slice() == pivot));
    let answer = match at {
        None => -1,
        Some(at) => edit(call, found, |list: &mut List| {
            list.insert(at + behind, item);
            list.items().len() as i64
        })?,
    };
    call.reply.integer(answer);
    Ok(())
}

fn lpos(call: &mut Call<'_, '_>) -> Outcome {
    let (mut rank, mut count, mut length_max) = (1i64, None, 0usize);
    if call.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    for at in (3..call.len()).step_by(2) {
        if call.is(at, "rank") {
            rank = call.integer(at + 1)?;
            if rank == 0 {
                return Err(CommandError::Said(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                     negative to start from the end of the list",
                ));
            }
        } else if call.is(at, "count") {
            let negative = CommandError::Said("ERR COUNT can't be negative");
            count = Some(call.integer(at + 1).ok().and_then(|n| usize::try_from(n).ok()).ok_or(negative)?);
        } else if call.is(at, "maxlen") {
            let negative = CommandError::Said("ERR MAXLEN can't be negative");
            length_max = call.integer(at + 1).ok().and_then(|n| usize::try_from(n).ok()).ok_or(negative)?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let item = call.at(2);
    let mut positions = Vec::new();
    if let Some(list) = read::<List>(call)? {
        let items = list.items();
        let looked_at = if length_max == 0 { items.len() } else { length_max.min(items.len()) };
        let wanted = match count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let skipped = rank.unsigned_abs() as usize - 1;
        let fits = |at: &usize| items[*at].as_slice() == item;
        if rank > 0 {
            positions.extend((0..looked_at).filter(fits).skip(skipped).take(wanted));
        } else {
            positions
                .extend((items.len() - looked_at..items.len()).rev().filter(fits).skip(skipped).take(wanted));
        }
    }
    match (count, positions.first()) {
        (None, None) => call.reply.null(),
        (None, Some(at)) => call.reply.count(*at),
        (Some(_), _) => {
            call.reply.array(positions.len());
            positions.iter().for_each(|at| call.reply.count(*at));
        }
    }
    Ok(())
}
