//! Sets: different strings under one key. What is made of several sets is in `set_algebra`.

use super::container::{draw, edit, edit_if, edit_or_create, lookup, read, typed};
use super::scan::{ScanOptions, put_step};
use super::{Call, Command, ONE_KEY, READ, READ_FAST, TWO_KEYS, WRITE_FAST, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::storage_unit::SmallBytes;
use crate::storage_unit::value::Set;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("set", "sadd", -3, WRITE_OOM_FAST, ONE_KEY, sadd),
    Command::new("set", "srem", -3, WRITE_FAST, ONE_KEY, srem),
    Command::new("set", "smove", 4, WRITE_FAST, TWO_KEYS, smove),
    Command::new("set", "sismember", 3, READ_FAST, ONE_KEY, sismember),
    Command::new("set", "smismember", -3, READ_FAST, ONE_KEY, smismember),
    Command::new("set", "scard", 2, READ_FAST, ONE_KEY, scard),
    Command::new("set", "smembers", 2, READ, ONE_KEY, smembers),
    Command::new("set", "spop", -2, WRITE_FAST, ONE_KEY, spop),
    Command::new("set", "srandmember", -2, READ, ONE_KEY, srandmember),
    Command::new("set", "sscan", -3, READ, ONE_KEY, sscan),
];

fn sadd(call: &mut Call<'_, '_>) -> Outcome {
    let members = call.arguments.from(2);
    let added = edit_or_create(call, call.at(1), |set: &mut Set| {
        let added = members.filter(|member| set.insert(member)).count();
        (added, added > 0)
    })?;
    call.reply.count(added);
    Ok(())
}

fn srem(call: &mut Call<'_, '_>) -> Outcome {
    let members = call.arguments.from(2);
    let removed = match lookup::<Set>(call, call.at(1))? {
        None => 0,
        Some(found) => edit_if(call, found, |set: &mut Set| {
            let removed = members.filter(|member| set.remove(member)).count();
            (removed, removed > 0)
        })?,
    };
    call.reply.count(removed);
    Ok(())
}

fn smove(call: &mut Call<'_, '_>) -> Outcome {
    let (from, to, member) = (call.at(1), call.at(2), call.at(3));
    if lookup::<Set>(call, from)?.is_none() {
        call.reply.integer(0);
        return Ok(());
    }
    lookup::<Set>(call, to)?;
    // Looking at the second key may have removed it, which moves others: the first is found anew.
    let moved = match lookup::<Set>(call, from)? {
        None => false,
        Some(found) if from == to => edit_if(call, found, |set: &mut Set| (set.has(member), false))?,
        Some(found) => edit_if(call, found, |set: &mut Set| {
            let removed = set.remove(member);
            (removed, removed)
        })?,
    };
    if moved && from != to {
        edit_or_create(call, to, |set: &mut Set| ((), set.insert(member)))?;
    }
    call.reply.integer(moved.into());
    Ok(())
}

fn sismember(call: &mut Call<'_, '_>) -> Outcome {
    let member = call.at(2);
    let is_member = read::<Set>(call)?.is_some_and(|set| set.has(member));
    call.reply.integer(is_member.into());
    Ok(())
}

fn smismember(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let set = typed::<Set>(keyspace.read(call.arguments.at(1), call.now_ms))?;
    call.reply.array(call.arguments.len() - 2);
    for member in call.arguments.from(2) {
        call.reply.integer(set.is_some_and(|set| set.has(member)).into());
    }
    Ok(())
}

fn scard(call: &mut Call<'_, '_>) -> Outcome {
    let count = read::<Set>(call)?.map_or(0, |set| set.members().len());
    call.reply.count(count);
    Ok(())
}

fn smembers(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let set = typed::<Set>(keyspace.read(call.arguments.at(1), call.now_ms))?;
    call.reply.set(set.map_or(0, |set| set.members().len()));
    set.iter().flat_map(|set| set.members().iter()).for_each(|(member, ())| call.reply.bulk(member));
    Ok(())
}

fn spop(call: &mut Call<'_, '_>) -> Outcome {
    let count = match call.len() {
        2 => None,
        3 => Some(call.positive(2)?),
        _ => return Err(CommandError::Syntax),
    };
    let found = lookup::<Set>(call, call.at(1))?;
    let Some(found) = found.filter(|_| count != Some(0)) else {
        if count.is_some() {
            call.reply.set(0)
        } else {
            call.reply.null()
        }
        return Ok(());
    };
    // The keyspace is lent to the change, so the draw has a generator that it takes along and brings back.
    let mut random = call.shared.random.clone();
    let popped = edit(call, found, |set: &mut Set| {
        let count = count.unwrap_or(1).min(set.members().len());
        (0..count).map(|_| set.remove_at(random.below(set.members().len()))).collect::<Vec<_>>()
    })?;
    call.shared.random = random;
    if count.is_some() {
        call.reply.set(popped.len());
    }
    popped.iter().for_each(|member| call.reply.bulk(member));
    Ok(())
}

fn srandmember(call: &mut Call<'_, '_>) -> Outcome {
    let count = match call.len() {
        2 => None,
        3 => Some(call.integer_within(2, -i64::MAX, i64::MAX)?),
        _ => return Err(CommandError::Syntax),
    };
    let length = read::<Set>(call)?.map(|set| set.members().len());
    let Some(length) = length else {
        if count.is_some() {
            call.reply.array(0)
        } else {
            call.reply.null()
        }
        return Ok(());
    };
    let drawn = draw(call, count.unwrap_or(-1), length)?;
    let keyspace = call.databases.at(call.session.database);
    let set = typed::<Set>(keyspace.stored(call.arguments.at(1)).map(|(value, _)| value))?;
    if count.is_some() {
        call.reply.array(drawn.len());
    }
    if let Some(set) = set {
        drawn.iter().for_each(|at| call.reply.bulk(set.members().key_at(*at)));
    }
    Ok(())
}

fn sscan(call: &mut Call<'_, '_>) -> Outcome {
    let mut options = ScanOptions::at_cursor(call, 2)?;
    let mut found: Vec<SmallBytes> = Vec::new();
    if read::<Set>(call)?.is_some() {
        options.read(call, 3, false)?;
    }
    let cursor = read::<Set>(call)?.map_or(0, |set| {
        // A set of integers is shown at once, whatever the count, as in Redis.
        options.walk(set.members(), set.encoding_name() == "intset", |member, ()| found.push(member.clone()))
    });
    put_step(call, cursor, found.len());
    found.iter().for_each(|member| call.reply.bulk(member));
    Ok(())
}
