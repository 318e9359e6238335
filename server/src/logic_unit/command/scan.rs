//! Walking over keys: all at once, step by step, or one at random. Containers take their steps here too.

use super::{Call, Command, NO_KEYS, READ};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::glob;
use crate::resp::number::parse_integer;
use crate::storage_unit::SmallBytes;
use crate::storage_unit::table::Table;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("generic", "keys", 2, READ, NO_KEYS, keys),
    Command::new("generic", "scan", -2, READ, NO_KEYS, scan),
    Command::new("generic", "randomkey", 1, READ, NO_KEYS, randomkey),
];

fn keys(call: &mut Call<'_, '_>) -> Outcome {
    let (pattern, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.databases.at(call.session.database);
    let matching = || keyspace.iter(now_ms).filter(|(key, _)| glob::matches(pattern, key));
    call.reply.array(matching().count());
    matching().for_each(|(key, _)| call.reply.bulk(key));
    Ok(())
}

/// What a step of a walk was asked to look for.
pub(super) struct ScanOptions<'a> {
    cursor: u64,
    count: usize,
    pattern: Option<&'a [u8]>,
    type_name: Option<Vec<u8>>,
}

impl<'a> ScanOptions<'a> {
    /// Reads the cursor, which is the word at `index`.
    pub(super) fn at_cursor(call: &Call<'a, '_>, index: usize) -> Result<Self, CommandError> {
        let text = std::str::from_utf8(call.at(index)).unwrap_or("");
        // As C's `strtoul` has it, -1 is the largest of all.
        let cursor = text.parse::<u64>().or_else(|_| text.parse::<i64>().map(|cursor| cursor as u64));
        let cursor = cursor.map_err(|_| CommandError::Said("ERR invalid cursor"))?;
        Ok(ScanOptions { cursor, count: 10, pattern: None, type_name: None })
    }

    /// Reads the options from the word at `next` on.
    pub(super) fn read(&mut self, call: &Call<'a, '_>, mut next: usize, with_type: bool) -> Outcome {
        while next < call.len() {
            let Some(value) = call.arguments.get(next + 1) else {
                return Err(CommandError::Syntax);
            };
            if call.is(next, "count") {
                let count = parse_integer(value).ok_or(CommandError::NotAnInteger)?;
                if count < 1 {
                    return Err(CommandError::Syntax);
                }
                self.count = usize::try_from(count).unwrap_or(usize::MAX);
            } else if call.is(next, "match") {
                self.pattern = Some(value);
            } else if with_type && call.is(next, "type") {
                self.type_name = Some(value.to_ascii_lowercase());
            } else {
                return Err(CommandError::Syntax);
            }
            next += 2;
        }
        Ok(())
    }

    /// Takes the step over a container, which is shown at once where it is small, whatever the count; the cursor after it.
    pub(super) fn walk<V>(
        &self,
        table: &Table<V>,
        is_small: bool,
        mut show: impl FnMut(&SmallBytes, &V),
    ) -> u64 {
        let mut show = |key: &SmallBytes, value: &V| {
            if self.fits(key, "") {
                show(key, value);
            }
        };
        if !is_small {
            return table.scan(self.cursor, self.count, show);
        }
        table.iter().for_each(|(key, value)| show(key, value));
        0
    }

    fn fits(&self, key: &[u8], type_name: &str) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, key))
            && self.type_name.as_ref().is_none_or(|wanted| wanted == type_name.as_bytes())
    }
}

/// The beginning of the answer to a step: the cursor to go on with, and how many replies follow.
pub(super) fn put_step(call: &mut Call<'_, '_>, cursor: u64, count: usize) {
    call.reply.array(2);
    call.reply.bulk(cursor.to_string().as_bytes());
    call.reply.array(count);
}

fn scan(call: &mut Call<'_, '_>) -> Outcome {
    let mut options = ScanOptions::at_cursor(call, 1)?;
    options.read(call, 2, true)?;
    let keyspace = call.databases.at(call.session.database);
    let mut keys = Vec::new();
    let cursor = keyspace.scan(options.cursor, options.count, call.now_ms, |key, value| {
        if options.fits(key, value.type_name()) {
            keys.push(key.to_vec());
        }
    });
    put_step(call, cursor, keys.len());
    keys.iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}

fn randomkey(call: &mut Call<'_, '_>) -> Outcome {
    let now_ms = call.now_ms;
    let keyspace = call.databases.at(call.session.database);
    // A drawn key whose time has come is removed and the draw repeated, so this ends.
    while !keyspace.is_empty() {
        let key = keyspace.at(call.shared.random.below(keyspace.len())).1.clone();
        if keyspace.peek(&key, now_ms).is_some() {
            call.reply.bulk(&key);
            return Ok(());
        }
    }
    call.reply.null();
    Ok(())
}
