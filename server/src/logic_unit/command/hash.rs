//! Hashes: fields with strings, under one key.

use super::container::{draw, edit_or_create, read, typed};
use super::scan::{ScanOptions, put_step};
use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE_FAST, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal::{self, NoSum};
use crate::resp::number::parse_integer;
use crate::storage_unit::value::{Hash, IntegerText};
use crate::storage_unit::{SmallBytes, Value};

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("hash", "hset", -4, WRITE_OOM_FAST, ONE_KEY, hset),
    Command::new("hash", "hmset", -4, WRITE_OOM_FAST, ONE_KEY, hmset),
    Command::new("hash", "hsetnx", 4, WRITE_OOM_FAST, ONE_KEY, hsetnx),
    Command::new("hash", "hget", 3, READ_FAST, ONE_KEY, hget),
    Command::new("hash", "hmget", -3, READ_FAST, ONE_KEY, hmget),
    Command::new("hash", "hdel", -3, WRITE_FAST, ONE_KEY, hdel),
    Command::new("hash", "hlen", 2, READ_FAST, ONE_KEY, hlen),
    Command::new("hash", "hstrlen", 3, READ_FAST, ONE_KEY, hstrlen),
    Command::new("hash", "hexists", 3, READ_FAST, ONE_KEY, hexists),
    Command::new("hash", "hkeys", 2, READ, ONE_KEY, |call| walk(call, true, false)),
    Command::new("hash", "hvals", 2, READ, ONE_KEY, |call| walk(call, false, true)),
    Command::new("hash", "hgetall", 2, READ, ONE_KEY, |call| walk(call, true, true)),
    Command::new("hash", "hincrby", 4, WRITE_OOM_FAST, ONE_KEY, hincrby),
    Command::new("hash", "hincrbyfloat", 4, WRITE_OOM_FAST, ONE_KEY, hincrbyfloat),
    Command::new("hash", "hrandfield", -2, READ, ONE_KEY, hrandfield),
    Command::new("hash", "hscan", -3, READ, ONE_KEY, hscan),
];

/// Changes the hash under the first key, a new one if there is none.
fn edit<R>(call: &mut Call<'_, '_>, change: impl FnOnce(&mut Hash) -> R) -> Result<R, CommandError> {
    edit_or_create(call, call.at(1), |hash| (change(hash), true))
}

fn set_fields(call: &mut Call<'_, '_>, name: &'static str) -> Result<i64, CommandError> {
    let arguments = call.arguments;
    if !arguments.len().is_multiple_of(2) {
        return Err(CommandError::Arity(name));
    }
    edit(call, |hash| {
        let pairs = (2..arguments.len()).step_by(2);
        pairs.map(|at| i64::from(hash.set(arguments.at(at), arguments.at(at + 1)))).sum()
    })
}

fn hset(call: &mut Call<'_, '_>) -> Outcome {
    let added = set_fields(call, "hset")?;
    call.reply.integer(added);
    Ok(())
}

fn hmset(call: &mut Call<'_, '_>) -> Outcome {
    set_fields(call, "hmset")?;
    call.reply.ok();
    Ok(())
}

fn hsetnx(call: &mut Call<'_, '_>) -> Outcome {
    let (field, text) = (call.at(2), call.at(3));
    let absent = read::<Hash>(call)?.is_none_or(|hash| hash.fields().find(field).is_none());
    if absent {
        edit(call, |hash| hash.set(field, text))?;
    }
    call.reply.integer(absent.into());
    Ok(())
}

fn hget(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    match keyspace.read(call.arguments.at(1), call.now_ms) {
        None => call.reply.null(),
        Some(Value::Hash(hash)) => match hash.fields().get(call.arguments.at(2)) {
            Some(text) => call.reply.bulk(text),
            None => call.reply.null(),
        },
        Some(_) => return Err(CommandError::WrongType),
    }
    Ok(())
}

fn hmget(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let hash = match keyspace.read(call.arguments.at(1), call.now_ms) {
        None => None,
        Some(Value::Hash(hash)) => Some(hash),
        Some(_) => return Err(CommandError::WrongType),
    };
    call.reply.array(call.arguments.len() - 2);
    for field in call.arguments.from(2) {
        match hash.and_then(|hash| hash.fields().get(field)) {
            Some(text) => call.reply.bulk(text),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn hdel(call: &mut Call<'_, '_>) -> Outcome {
    let fields = call.arguments.from(2);
    let any_there = read::<Hash>(call)?
        .is_some_and(|hash| fields.clone().any(|field| hash.fields().find(field).is_some()));
    // Nothing is reported as changed when nothing has changed.
    let removed =
        if any_there { edit(call, |hash| fields.filter(|field| hash.remove(field)).count())? } else { 0 };
    call.reply.count(removed);
    Ok(())
}

fn hlen(call: &mut Call<'_, '_>) -> Outcome {
    let length = read::<Hash>(call)?.map_or(0, |hash| hash.fields().len());
    call.reply.count(length);
    Ok(())
}

fn hstrlen(call: &mut Call<'_, '_>) -> Outcome {
    let field = call.at(2);
    let length = read::<Hash>(call)?.and_then(|hash| hash.fields().get(field)).map_or(0, |text| text.len());
    call.reply.count(length);
    Ok(())
}

fn hexists(call: &mut Call<'_, '_>) -> Outcome {
    let field = call.at(2);
    let there = read::<Hash>(call)?.is_some_and(|hash| hash.fields().find(field).is_some());
    call.reply.integer(there.into());
    Ok(())
}

fn walk(call: &mut Call<'_, '_>, with_fields: bool, with_texts: bool) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let hash = match keyspace.read(call.arguments.at(1), call.now_ms) {
        None => None,
        Some(Value::Hash(hash)) => Some(hash),
        Some(_) => return Err(CommandError::WrongType),
    };
    let length = hash.map_or(0, |hash| hash.fields().len());
    if with_fields && with_texts {
        call.reply.map(length);
    } else {
        call.reply.array(length);
    }
    for (field, text) in hash.iter().flat_map(|hash| hash.fields().iter()) {
        if with_fields {
            call.reply.bulk(field);
        }
        if with_texts {
            call.reply.bulk(text);
        }
    }
    Ok(())
}

fn hincrby(call: &mut Call<'_, '_>) -> Outcome {
    let (field, step) = (call.at(2), call.integer(3)?);
    let old = match read::<Hash>(call)?.and_then(|hash| hash.fields().get(field)) {
        None => 0,
        Some(text) => parse_integer(text).ok_or(CommandError::Said("ERR hash value is not an integer"))?,
    };
    let overflow = CommandError::Said("ERR increment or decrement would overflow");
    let new = old.checked_add(step).ok_or(overflow)?;
    edit(call, |hash| hash.set(field, IntegerText::new().format(new).as_bytes()))?;
    call.reply.integer(new);
    Ok(())
}

fn hincrbyfloat(call: &mut Call<'_, '_>) -> Outcome {
    let (field, step) = (call.at(2), call.at(3));
    if !decimal::double(step).ok_or(CommandError::NotAFloat)?.is_finite() {
        return Err(CommandError::Said("ERR value is NaN or Infinity"));
    }
    let old = match read::<Hash>(call)?.and_then(|hash| hash.fields().get(field)) {
        None => SmallBytes::new(b"0"),
        Some(text) => text.clone(),
    };
    let sum = decimal::add(&old, step).map_err(|error| match error {
        NoSum::NotANumber => CommandError::Said("ERR hash value is not a float"),
        NoSum::Overflow => CommandError::Said("ERR increment would produce NaN or Infinity"),
    })?;
    edit(call, |hash| hash.set(field, sum.as_bytes()))?;
    call.reply.bulk(sum.as_bytes());
    Ok(())
}

/// How many are drawn, if that is said, and whether what belongs to each is asked for with the word `with`.
pub(super) fn draw_count(call: &Call<'_, '_>, with: &str) -> Result<(Option<i64>, bool), CommandError> {
    if call.len() == 2 {
        return Ok((None, false));
    }
    let count = call.integer_within(2, -i64::MAX, i64::MAX)?;
    match call.len() {
        3 => return Ok((Some(count), false)),
        4 if call.is(3, with) => {}
        _ => return Err(CommandError::Syntax),
    }
    // The answer is twice as long, which Redis wants to be able to count.
    if (-(i64::MAX / 2)..=i64::MAX / 2).contains(&count) {
        Ok((Some(count), true))
    } else {
        Err(CommandError::Said("ERR value is out of range"))
    }
}

fn hrandfield(call: &mut Call<'_, '_>) -> Outcome {
    let (count, with_values) = draw_count(call, "withvalues")?;
    let length = read::<Hash>(call)?.map(|hash| hash.fields().len());
    let drawn = match (length, count) {
        (None, None) => {
            call.reply.null();
            return Ok(());
        }
        (None, Some(_)) => {
            call.reply.array(0);
            return Ok(());
        }
        (Some(length), count) => draw(call, count.unwrap_or(-1), length)?,
    };
    let keyspace = call.databases.at(call.session.database);
    let Some(hash) = typed::<Hash>(keyspace.stored(call.arguments.at(1)).map(|(value, _)| value))? else {
        return Ok(());
    };
    let fields = hash.fields();
    if count.is_none() {
        drawn.iter().for_each(|at| call.reply.bulk(fields.key_at(*at)));
        return Ok(());
    }
    let as_pairs = with_values && call.reply.protocol() == crate::resp::Protocol::Resp3;
    call.reply.array(if with_values && !as_pairs { drawn.len() * 2 } else { drawn.len() });
    for at in drawn {
        if as_pairs {
            call.reply.array(2);
        }
        call.reply.bulk(fields.key_at(at));
        if with_values {
            call.reply.bulk(fields.value_at(at));
        }
    }
    Ok(())
}

fn hscan(call: &mut Call<'_, '_>) -> Outcome {
    let mut options = ScanOptions::at_cursor(call, 2)?;
    let mut cursor = 0;
    let mut found: Vec<(SmallBytes, SmallBytes)> = Vec::new();
    if read::<Hash>(call)?.is_some() {
        options.read(call, 3, false)?;
    }
    if let Some(hash) = read::<Hash>(call)? {
        cursor = options
            .walk(hash.fields(), !hash.is_large(), |field, text| found.push((field.clone(), text.clone())));
    }
    put_step(call, cursor, found.len() * 2);
    for (field, text) in found {
        call.reply.bulk(&field);
        call.reply.bulk(&text);
    }
    Ok(())
}
