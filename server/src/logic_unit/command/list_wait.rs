//! Lists: commands that wait until there is an item. Inside a transaction they do not wait.

use super::container::{edit, lookup, numbered_keys};
use super::list::End;
use super::list_move::{end_at, move_item, pop_some};
use super::sorted_set_pop::count_after;
use super::{Call, Command, Flags, NO_KEYS, TWO_KEYS, WRITE, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal;
use crate::storage_unit::value::List;

const ALL_BUT_LAST: (i32, i32, i32) = (1, -2, 1);
const WAITS: Flags = WRITE.and(Flags::BLOCKING);
const WAITS_OOM: Flags = WRITE_OOM.and(Flags::BLOCKING);

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("list", "blpop", -3, WAITS, ALL_BUT_LAST, |call| pop(call, End::Front)),
    Command::new("list", "brpop", -3, WAITS, ALL_BUT_LAST, |call| pop(call, End::Back)),
    Command::new("list", "blmove", 6, WAITS_OOM, TWO_KEYS, |call| {
        let (from, to) = (end_at(call, 3)?, end_at(call, 4)?);
        wait_and_move(call, from, to, 5)
    }),
    Command::new("list", "brpoplpush", 4, WAITS_OOM, TWO_KEYS, |call| {
        wait_and_move(call, End::Back, End::Front, 3)
    }),
    Command::new("list", "blmpop", -5, WAITS, NO_KEYS, blmpop).numbered(2),
];

/// The word at `index` as seconds; in milliseconds, 0: for ever.
fn timeout_at(call: &Call<'_, '_>, index: usize) -> Result<u64, CommandError> {
    let seconds = decimal::double(call.at(index));
    let seconds = seconds.ok_or(CommandError::Said("ERR timeout is not a float or out of range"))?;
    let ms = (seconds * 1000.0).ceil();
    if ms > i64::MAX as f64 {
        return Err(CommandError::Said("ERR timeout is out of range"));
    }
    if ms < 0.0 {
        return Err(CommandError::Said("ERR timeout is negative"));
    }
    Ok(ms as u64)
}

fn pop(call: &mut Call<'_, '_>, end: End) -> Outcome {
    let last = call.len() - 1;
    let timeout_ms = timeout_at(call, last)?;
    let arguments = call.arguments;
    let keys = arguments.from(1).take(last - 1);
    for key in keys.clone() {
        if !call.asks_for(key) {
            continue;
        }
        let Some(found) = lookup::<List>(call, key)? else { continue };
        if let Some(item) = edit(call, found, |list: &mut List| end.take(list))? {
            call.reply.array(2);
            call.reply.bulk(key);
            call.reply.bulk(&item);
            return Ok(());
        }
    }
    if !call.wait_for(keys, timeout_ms) {
        call.reply.null_array();
    }
    Ok(())
}

fn wait_and_move(call: &mut Call<'_, '_>, from: End, to: End, timeout: usize) -> Outcome {
    let timeout_ms = timeout_at(call, timeout)?;
    let key = call.at(1);
    if lookup::<List>(call, key)?.is_some() {
        return move_item(call, from, to);
    }
    if !call.wait_for(std::iter::once(key), timeout_ms) {
        call.reply.null();
    }
    Ok(())
}

fn blmpop(call: &mut Call<'_, '_>) -> Outcome {
    let timeout_ms = timeout_at(call, 1)?;
    let too_few = CommandError::Said("ERR numkeys should be greater than 0");
    let keys = numbered_keys(call, 2, too_few, CommandError::Syntax)?;
    let side = keys + 3;
    if side >= call.len() {
        return Err(CommandError::Syntax);
    }
    let end = end_at(call, side)?;
    let count = count_after(call, side + 1)?;
    let arguments = call.arguments;
    let keys = arguments.from(3).take(keys);
    for key in keys.clone() {
        if !call.asks_for(key) {
            continue;
        }
        if let Some(found) = lookup::<List>(call, key)? {
            return pop_some(call, key, found, end, count);
        }
    }
    if !call.wait_for(keys, timeout_ms) {
        call.reply.null_array();
    }
    Ok(())
}
