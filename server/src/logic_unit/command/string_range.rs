//! Parts of strings: length, appending, reading and overwriting a range.

use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE_OOM, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::storage_unit::Value;
use crate::storage_unit::keyspace::{Found, Lifetime};
use crate::storage_unit::value::IntegerText;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("string", "append", 3, WRITE_OOM_FAST, ONE_KEY, append),
    Command::new("string", "strlen", 2, READ_FAST, ONE_KEY, strlen),
    Command::new("string", "getrange", 4, READ, ONE_KEY, getrange),
    Command::new("string", "substr", 4, READ, ONE_KEY, getrange),
    Command::new("string", "setrange", 4, WRITE_OOM, ONE_KEY, setrange),
];

/// Finds a string in order to change it; a key of another type is an error.
pub(super) fn lookup_string(call: &mut Call<'_, '_>, key: &[u8]) -> Result<Option<Found>, CommandError> {
    let now_ms = call.now_ms;
    let keyspace = call.keyspace();
    match keyspace.lookup(key, now_ms) {
        Some(found) if !keyspace.value(found).is_string() => Err(CommandError::WrongType),
        found => Ok(found),
    }
}

/// A string may not become longer than an argument may be.
pub(super) fn check_length(call: &Call<'_, '_>, length: usize) -> Outcome {
    if length > call.shared.config.limits.bulk_bytes_max { Err(CommandError::StringTooLong) } else { Ok(()) }
}

/// Changes a string in place; one that is not there begins empty.
pub(super) fn edit_string<R>(
    call: &mut Call<'_, '_>,
    key: &[u8],
    found: Option<Found>,
    change: impl FnOnce(&mut Vec<u8>) -> R,
) -> Result<R, CommandError> {
    let now_ms = call.now_ms;
    let keyspace = call.keyspace();
    match found {
        Some(found) => {
            keyspace.edit(found, |value| value.edit_text().map(change)).ok_or(CommandError::WrongType)
        }
        None => {
            let mut text = Vec::new();
            let result = change(&mut text);
            keyspace.set(key, Value::Edited(text), Lifetime::Forever, now_ms);
            Ok(result)
        }
    }
}

fn append(call: &mut Call<'_, '_>) -> Outcome {
    let (key, more) = (call.at(1), call.at(2));
    let found = lookup_string(call, key)?;
    let length = match found {
        None => {
            let now_ms = call.now_ms;
            call.keyspace().set(key, Value::string(more), Lifetime::Forever, now_ms);
            more.len()
        }
        Some(place) => {
            let length = call.keyspace().value(place).text_len().unwrap_or(0) + more.len();
            check_length(call, length)?;
            edit_string(call, key, found, |text| text.extend_from_slice(more))?;
            length
        }
    };
    call.reply.count(length);
    Ok(())
}

fn strlen(call: &mut Call<'_, '_>) -> Outcome {
    let (key, now_ms) = (call.at(1), call.now_ms);
    let length = match call.keyspace().read(key, now_ms) {
        Some(value) => value.text_len().ok_or(CommandError::WrongType)?,
        None => 0,
    };
    call.reply.count(length);
    Ok(())
}

fn getrange(call: &mut Call<'_, '_>) -> Outcome {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let keyspace = call.databases.at(call.session.database);
    let mut scratch = IntegerText::new();
    let text = match keyspace.read(call.arguments.at(1), call.now_ms) {
        Some(value) => value.text(&mut scratch).ok_or(CommandError::WrongType)?,
        None => b"",
    };
    if start < 0 && end < 0 && start > end {
        call.reply.bulk(b"");
        return Ok(());
    }
    // An end before the beginning means the first byte: Redis's own rule for this one command.
    let end = if end < 0 { (text.len() as i64).saturating_add(end).max(0) } else { end };
    call.reply.bulk(&text[crate::logic_unit::call::range(start, end, text.len())]);
    Ok(())
}

fn setrange(call: &mut Call<'_, '_>) -> Outcome {
    let (key, patch) = (call.at(1), call.at(3));
    let offset =
        usize::try_from(call.integer(2)?).map_err(|_| CommandError::Said("ERR offset is out of range"))?;
    let found = lookup_string(call, key)?;
    if patch.is_empty() {
        let length = found.and_then(|found| call.keyspace().value(found).text_len()).unwrap_or(0);
        call.reply.count(length);
        return Ok(());
    }
    let end = offset.checked_add(patch.len()).ok_or(CommandError::StringTooLong)?;
    check_length(call, end)?;
    let length = edit_string(call, key, found, |text| {
        if text.len() < end {
            text.resize(end, 0);
        }
        text[offset..end].copy_from_slice(patch);
        text.len()
    })?;
    call.reply.count(length);
    Ok(())
}
