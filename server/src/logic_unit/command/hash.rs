//! Hashes: fields with strings, under one key.

use super::scan::ScanOptions;
use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE_FAST, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal::{self, NoSum};
use crate::resp::number::parse_integer;
use crate::storage_unit::keyspace::Lifetime;
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

/// The hash under the first key in order to read it.
fn read<'c>(call: &'c mut Call<'_, '_>) -> Result<Option<&'c Hash>, CommandError> {
    let (key, now_ms) = (call.at(1), call.now_ms);
    match call.keyspace().read(key, now_ms) {
        None => Ok(None),
        Some(Value::Hash(hash)) => Ok(Some(hash)),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// Changes the hash under the first key, a new one if there is none.
fn edit<R>(call: &mut Call<'_, '_>, change: impl FnOnce(&mut Hash) -> R) -> Result<R, CommandError> {
    let (key, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.keyspace();
    match keyspace.lookup(key, now_ms) {
        Some(found) if !matches!(keyspace.value(found), Value::Hash(_)) => Err(CommandError::WrongType),
        Some(found) => keyspace
            .edit(found, |value| match value {
                Value::Hash(hash) => Some(change(hash)),
                _ => None,
            })
            .ok_or(CommandError::WrongType),
        None => {
            let mut hash = Hash::new(keyspace.hash_key());
            let result = change(&mut hash);
            if !hash.fields().is_empty() {
                keyspace.set(key, Value::Hash(Box::new(hash)), Lifetime::Forever, now_ms);
            }
            Ok(result)
        }
    }
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
    let absent = read(call)?.is_none_or(|hash| hash.fields().find(field).is_none());
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
    let any_there =
        read(call)?.is_some_and(|hash| fields.clone().any(|field| hash.fields().find(field).is_some()));
    // Nothing is told to have changed when nothing has.
    let removed =
        if any_there { edit(call, |hash| fields.filter(|field| hash.remove(field)).count())? } else { 0 };
    call.reply.count(removed);
    Ok(())
}

fn hlen(call: &mut Call<'_, '_>) -> Outcome {
    let length = read(call)?.map_or(0, |hash| hash.fields().len());
    call.reply.count(length);
    Ok(())
}

fn hstrlen(call: &mut Call<'_, '_>) -> Outcome {
    let field = call.at(2);
    let length = read(call)?.and_then(|hash| hash.fields().get(field)).map_or(0, |text| text.len());
    call.reply.count(length);
    Ok(())
}

fn hexists(call: &mut Call<'_, '_>) -> Outcome {
    let field = call.at(2);
    let there = read(call)?.is_some_and(|hash| hash.fields().find(field).is_some());
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
    let old = match read(call)?.and_then(|hash| hash.fields().get(field)) {
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
    let old = match read(call)?.and_then(|hash| hash.fields().get(field)) {
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

fn hrandfield(call: &mut Call<'_, '_>) -> Outcome {
    let count = if call.len() == 2 { None } else { Some(call.integer(2)?) };
    let with_values = match call.len() {
        2 | 3 => false,
        4 if call.is(3, "withvalues") => true,
        _ => return Err(CommandError::Syntax),
    };
    // Drawing with repetition can be asked for without end; half of what fits is Redis's bound.
    if count.is_some_and(|count| !(-(i64::MAX / 2)..=i64::MAX / 2).contains(&count)) {
        return Err(CommandError::Said("ERR value is out of range"));
    }
    let keyspace = call.databases.at(call.session.database);
    let hash = match keyspace.read(call.arguments.at(1), call.now_ms) {
        None if count.is_none() => {
            call.reply.null();
            return Ok(());
        }
        None => {
            call.reply.array(0);
            return Ok(());
        }
        Some(Value::Hash(hash)) => hash,
        Some(_) => return Err(CommandError::WrongType),
    };
    let (fields, random) = (hash.fields(), &mut call.shared.random);
    let Some(count) = count else {
        call.reply.bulk(fields.key_at(random.below(fields.len())));
        return Ok(());
    };
    let bytes_max = call.shared.config.limits.output_bytes_max;
    let drawn: Vec<usize> = if count < 0 {
        let count = count.unsigned_abs() as usize;
        if count > bytes_max / 8 {
            return Err(CommandError::Said("ERR value is out of range"));
        }
        (0..count).map(|_| random.below(fields.len())).collect()
    } else {
        let mut all: Vec<usize> = (0..fields.len()).collect();
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(all.len());
        // Who asks for all of them gets them as they lie.
        for at in (0..count).filter(|_| count < fields.len()) {
            let other = at + random.below(all.len() - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    };
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
    if read(call)?.is_some() {
        options.read(call, 3, false)?;
    }
    if let Some(hash) = read(call)? {
        let mut show = |field: &SmallBytes, text: &SmallBytes| {
            if options.fits(field, "") {
                found.push((field.clone(), text.clone()));
            }
        };
        if hash.is_large() {
            cursor = hash.fields().scan(options.cursor, options.count, show);
        } else {
            // A small hash is shown at once, whatever the count, as in Redis.
            hash.fields().iter().for_each(|(field, text)| show(field, text));
        }
    }
    call.reply.array(2);
    call.reply.bulk(cursor.to_string().as_bytes());
    call.reply.array(found.len() * 2);
    for (field, text) in found {
        call.reply.bulk(&field);
        call.reply.bulk(&text);
    }
    Ok(())
}
