//! Lists: items that go from one to another, or come from the first that has any.

use super::container::{edit, edit_or_create, lookup, numbered_keys};
use super::list::End;
use super::sorted_set_pop::count_after;
use super::{Call, Command, NO_KEYS, TWO_KEYS, WRITE, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::storage_unit::keyspace::Found;
use crate::storage_unit::value::List;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("list", "lmove", 5, WRITE_OOM, TWO_KEYS, |call| {
        let (from, to) = (end_at(call, 3)?, end_at(call, 4)?);
        move_item(call, from, to)
    }),
    Command::new("list", "rpoplpush", 3, WRITE_OOM, TWO_KEYS, |call| move_item(call, End::Back, End::Front)),
    Command::new("list", "lmpop", -4, WRITE, NO_KEYS, lmpop).numbered(1),
];

pub(super) fn end_at(call: &Call<'_, '_>, index: usize) -> Result<End, CommandError> {
    if call.is(index, "left") {
        Ok(End::Front)
    } else if call.is(index, "right") {
        Ok(End::Back)
    } else {
        Err(CommandError::Syntax)
    }
}

pub(super) fn move_item(call: &mut Call<'_, '_>, from_end: End, to_end: End) -> Outcome {
    let (from, to) = (call.at(1), call.at(2));
    if lookup::<List>(call, from)?.is_none() {
        call.reply.null();
        return Ok(());
    }
    // The target is looked at before anything is taken from the source; it may be the same list.
    lookup::<List>(call, to)?;
    let Some(found) = lookup::<List>(call, from)? else {
        call.reply.null();
        return Ok(());
    };
    if from == to {
        let item = edit(call, found, |list: &mut List| {
            let item = from_end.take(list);
            if let Some(item) = &item {
                to_end.put(list, item);
            }
            item
        })?;
        match item {
            Some(item) => call.reply.bulk(&item),
            None => call.reply.null(),
        }
        return Ok(());
    }
    let Some(item) = edit(call, found, |list: &mut List| from_end.take(list))? else {
        call.reply.null();
        return Ok(());
    };
    edit_or_create(call, to, |list| (to_end.put(list, &item), true))?;
    call.reply.bulk(&item);
    Ok(())
}

fn lmpop(call: &mut Call<'_, '_>) -> Outcome {
    let too_few = CommandError::Said("ERR numkeys should be greater than 0");
    let keys = numbered_keys(call, 1, too_few, CommandError::Syntax)?;
    let side = keys + 2;
    if side >= call.len() {
        return Err(CommandError::Syntax);
    }
    let end = end_at(call, side)?;
    let count = count_after(call, side + 1)?;
    let arguments = call.arguments;
    for key in arguments.from(2).take(keys) {
        let Some(found) = lookup::<List>(call, key)? else {
            continue;
        };
        return pop_some(call, key, found, end, count);
    }
    call.reply.null_array();
    Ok(())
}

/// Takes up to `count` items, and answers with them and their key.
pub(super) fn pop_some(call: &mut Call<'_, '_>, key: &[u8], found: Found, end: End, count: usize) -> Outcome {
    let items = edit(call, found, |list: &mut List| {
        let count = count.min(list.items().len());
        (0..count).filter_map(|_| end.take(list)).collect::<Vec<_>>()
    })?;
    call.reply.array(2);
    call.reply.bulk(key);
    call.reply.array(items.len());
    items.iter().for_each(|item| call.reply.bulk(item));
    Ok(())
}
