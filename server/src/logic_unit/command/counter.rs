//! Strings as numbers: counting up and down.

use super::string_range::lookup_string;
use super::{Call, Command, ONE_KEY, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::decimal::{self, NoSum};
use crate::resp::number::parse_integer;
use crate::storage_unit::Value;
use crate::storage_unit::keyspace::{Found, Lifetime};
use crate::storage_unit::value::IntegerText;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("string", "incr", 2, WRITE_OOM_FAST, ONE_KEY, |call| count_by(call, 1)),
    Command::new("string", "decr", 2, WRITE_OOM_FAST, ONE_KEY, |call| count_by(call, -1)),
    Command::new("string", "incrby", 3, WRITE_OOM_FAST, ONE_KEY, |call| {
        let step = call.integer(2)?;
        count_by(call, step)
    }),
    Command::new("string", "decrby", 3, WRITE_OOM_FAST, ONE_KEY, |call| {
        let step = call.integer(2)?.checked_neg();
        count_by(call, step.ok_or(CommandError::Said("ERR decrement would overflow"))?)
    }),
    Command::new("string", "incrbyfloat", 3, WRITE_OOM_FAST, ONE_KEY, incrbyfloat),
];

/// Replaces the value of a key and leaves its lifetime as it is.
fn store(call: &mut Call<'_, '_>, found: Option<Found>, key: &[u8], value: Value) {
    let now_ms = call.now_ms;
    match found {
        Some(found) => call.keyspace().edit(found, |old| *old = value),
        None => call.keyspace().set(key, value, Lifetime::Forever, now_ms),
    }
}

fn count_by(call: &mut Call<'_, '_>, step: i64) -> Outcome {
    let key = call.at(1);
    let found = lookup_string(call, key)?;
    let old = match found.map(|found| call.keyspace().value(found)) {
        None => 0,
        Some(Value::Integer(value)) => *value,
        Some(value) => {
            let mut scratch = IntegerText::new();
            value.text(&mut scratch).and_then(parse_integer).ok_or(CommandError::NotAnInteger)?
        }
    };
    let overflow = CommandError::Said("ERR increment or decrement would overflow");
    let new = old.checked_add(step).ok_or(overflow)?;
    store(call, found, key, Value::Integer(new));
    call.reply.integer(new);
    Ok(())
}

fn incrbyfloat(call: &mut Call<'_, '_>) -> Outcome {
    let (key, step) = (call.at(1), call.at(2));
    let found = lookup_string(call, key)?;
    let mut scratch = IntegerText::new();
    let old = match found.map(|found| call.keyspace().value(found)) {
        None => b"0",
        Some(value) => value.text(&mut scratch).unwrap_or(b""),
    };
    let sum = decimal::add(old, step).map_err(|error| match error {
        NoSum::NotANumber => CommandError::NotAFloat,
        NoSum::Overflow => CommandError::Said("ERR increment would produce NaN or Infinity"),
    })?;
    store(call, found, key, Value::string(sum.as_bytes()));
    call.reply.bulk(sum.as_bytes());
    Ok(())
}
