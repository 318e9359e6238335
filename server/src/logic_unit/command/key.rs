//! Keys whatever they hold: removing, renaming, copying, asking for them.

use super::connection::database_at;
use super::{ALL_KEYS, Call, Command, ONE_KEY, READ_FAST, TWO_KEYS, WRITE, WRITE_FAST, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::storage_unit::keyspace::Lifetime;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("generic", "del", -2, WRITE, ALL_KEYS, del),
    Command::new("generic", "unlink", -2, WRITE_FAST, ALL_KEYS, del),
    Command::new("generic", "exists", -2, READ_FAST, ALL_KEYS, exists),
    Command::new("generic", "touch", -2, READ_FAST, ALL_KEYS, touch),
    Command::new("generic", "type", 2, READ_FAST, ONE_KEY, type_of),
    Command::new("generic", "rename", 3, WRITE, TWO_KEYS, rename),
    Command::new("generic", "renamenx", 3, WRITE_FAST, TWO_KEYS, renamenx),
    Command::new("generic", "copy", -3, WRITE_OOM, TWO_KEYS, copy),
    Command::new("generic", "move", 3, WRITE_FAST, ONE_KEY, move_key),
];

fn del(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let mut removed = 0;
    for key in call.arguments.from(1) {
        if let Some(found) = keyspace.lookup(key, call.now_ms) {
            keyspace.remove(found);
            removed += 1;
        }
    }
    call.reply.integer(removed);
    Ok(())
}

fn exists(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let there = call.arguments.from(1).filter(|key| keyspace.contains(key, call.now_ms)).count();
    call.reply.count(there);
    Ok(())
}

fn touch(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let there = call.arguments.from(1).filter(|key| keyspace.lookup_read(key, call.now_ms).is_some()).count();
    call.reply.count(there);
    Ok(())
}

fn type_of(call: &mut Call<'_, '_>) -> Outcome {
    let (key, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.keyspace();
    let name = keyspace.peek(key, now_ms).map_or("none", |found| keyspace.value(found).type_name());
    call.reply.simple(name);
    Ok(())
}

fn rename(call: &mut Call<'_, '_>) -> Outcome {
    rename_key(call, false)?;
    call.reply.ok();
    Ok(())
}

fn renamenx(call: &mut Call<'_, '_>) -> Outcome {
    let renamed = rename_key(call, true)?;
    call.reply.integer(renamed.into());
    Ok(())
}

/// Whether the key was renamed; it may not be when `only_if_absent` and the new name is taken.
fn rename_key(call: &mut Call<'_, '_>, only_if_absent: bool) -> Result<bool, CommandError> {
    let (from, to, now_ms) = (call.at(1), call.at(2), call.now_ms);
    let keyspace = call.keyspace();
    keyspace.lookup(from, now_ms).ok_or(CommandError::NoSuchKey)?;
    if from == to {
        return Ok(!only_if_absent);
    }
    if only_if_absent && keyspace.lookup(to, now_ms).is_some() {
        return Ok(false);
    }
    // Looking at the second key may have removed it, which moves others: the first is found anew.
    let found = keyspace.lookup(from, now_ms).ok_or(CommandError::NoSuchKey)?;
    let (value, end) = keyspace.remove(found);
    keyspace.set(to, value, end.map_or(Lifetime::Forever, Lifetime::Until), now_ms);
    Ok(true)
}

fn copy(call: &mut Call<'_, '_>) -> Outcome {
    let (from, to, now_ms) = (call.at(1), call.at(2), call.now_ms);
    let source = call.session.database;
    let (mut target, mut replace, mut next) = (source, false, 3);
    while next < call.len() {
        if call.is(next, "replace") {
            replace = true;
        } else if call.is(next, "db") && next + 1 < call.len() {
            target = database_at(call, next + 1)?;
            next += 1;
        } else {
            return Err(CommandError::Syntax);
        }
        next += 1;
    }
    if source == target && from == to {
        return Err(CommandError::Said("ERR source and destination objects are the same"));
    }
    let taken = !replace && call.databases.at(target).lookup(to, now_ms).is_some();
    let keyspace = call.databases.at(source);
    let copied = match keyspace.lookup(from, now_ms) {
        Some(found) if !taken => {
            let value = keyspace.value(found).clone();
            let lifetime = keyspace.expires_at_ms(found).map_or(Lifetime::Forever, Lifetime::Until);
            call.databases.at(target).set(to, value, lifetime, now_ms);
            true
        }
        _ => false,
    };
    call.reply.integer(copied.into());
    Ok(())
}

fn move_key(call: &mut Call<'_, '_>) -> Outcome {
    let (key, now_ms, source) = (call.at(1), call.now_ms, call.session.database);
    let target = database_at(call, 2)?;
    if source == target {
        return Err(CommandError::Said("ERR source and destination objects are the same"));
    }
    let taken = call.databases.at(target).lookup(key, now_ms).is_some();
    let moved = match call.databases.at(source).lookup(key, now_ms) {
        Some(found) if !taken => {
            let (value, end) = call.databases.at(source).remove(found);
            let lifetime = end.map_or(Lifetime::Forever, Lifetime::Until);
            call.databases.at(target).set(key, value, lifetime, now_ms);
            true
        }
        _ => false,
    };
    call.reply.integer(moved.into());
    Ok(())
}
