//! `SLOWLOG`: the commands that took long, with their words. The unit has no clock: whoever drives it lends it one.
//!
//! Looking at the clock costs something, so commands whose cost does not depend on the data are measured only where somebody wants
//! to see what takes less than a millisecond.

use super::{Call, Command, Flags, NO_KEYS};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::Clock;
use crate::logic_unit::dispatch::{Subcommand, name_subcommands, run_subcommand};
use std::collections::VecDeque;

/// The group.
pub const COMMANDS: &[Command] =
    &[Command::new("server", "slowlog", -2, Flags::ADMIN, NO_KEYS, |call| run_subcommand(call, SUBCOMMANDS))
        .with(SUBCOMMANDS)];

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { full_name: "slowlog|get", arity: -2, run: get },
    Subcommand { full_name: "slowlog|len", arity: 2, run: len },
    Subcommand { full_name: "slowlog|reset", arity: 2, run: reset },
    Subcommand { full_name: "slowlog|help", arity: 2, run: help },
];

/// Of a command so many words are kept, and of each so many bytes; as in Redis.
const WORDS_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 128;
/// Below this every command is measured, in microseconds.
const EVERYTHING_BELOW_US: i64 = 1000;

/// A command that took long.
#[derive(Debug)]
struct Entry {
    id: u64,
    unix_s: u64,
    took_us: u64,
    words: Vec<Vec<u8>>,
    name: Vec<u8>,
    peer: String,
}

/// The commands that took long, the latest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    /// `None`: nothing is measured.
    pub(in crate::logic_unit) clock: Option<Clock<u64>>,
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl SlowLog {
    /// The time before a command that is to be measured.
    #[inline]
    pub fn begin(&self, command: &Command, slower_than_us: i64) -> Option<u64> {
        if slower_than_us >= EVERYTHING_BELOW_US && command.flags.has_any(Flags::FAST.and(Flags::STEADY)) {
            return None;
        }
        self.look_at_clock(slower_than_us)
    }

    #[inline(never)]
    fn look_at_clock(&self, slower_than_us: i64) -> Option<u64> {
        self.clock.as_ref().filter(|_| slower_than_us >= 0).map(Clock::now)
    }
}

/// The command is done.
pub fn end(call: &mut Call<'_, '_>, command: &Command, begun_ns: u64) {
    let limits = &call.shared.config.limits;
    let (slower_than_us, most) = (limits.slowlog_slower_than_us, limits.slowlog_length_max);
    let Some(clock) = &call.shared.slow_log.clock else { return };
    let took_us = clock.now().saturating_sub(begun_ns) / 1000;
    if (took_us as i64) < slower_than_us || command.name == "exec" {
        return;
    }
    let count = call.arguments.len();
    let kept = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
    let word = |at: usize| if is_secret(call, at) { b"(redacted)".to_vec() } else { shown(call.at(at)) };
    let mut words: Vec<Vec<u8>> = (0..kept).map(word).collect();
    if kept < count {
        words.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    let session = &call.session;
    let peer = call.shared.directory.peer(session.slot);
    let name = session.profile().name.clone();
    let log = &mut call.shared.slow_log;
    log.entries.push_front(Entry { id: log.next_id, unix_s: call.now_ms / 1000, took_us, words, name, peer });
    log.next_id += 1;
    log.entries.truncate(most);
}

/// Whether a word is a password, or the name that goes with one.
fn is_secret(call: &Call<'_, '_>, at: usize) -> bool {
    let is = |at: usize, word: &[u8]| call.at(at).eq_ignore_ascii_case(word);
    match at {
        0 => false,
        _ if is(0, b"auth") => true,
        _ if is(0, b"hello") => is(at - 1, b"auth") || at > 1 && is(at - 2, b"auth"),
        _ if is(0, b"config") => at > 2 && at % 2 == 1 && is(1, b"set") && is(at - 1, b"requirepass"),
        _ => false,
    }
}

fn shown(word: &[u8]) -> Vec<u8> {
    if word.len() <= WORD_BYTES_MAX {
        return word.to_vec();
    }
    let rest = format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX);
    [&word[..WORD_BYTES_MAX], rest.as_bytes()].concat()
}

fn get(call: &mut Call<'_, '_>) -> Outcome {
    let count = match call.len() {
        2 => 10,
        3 => {
            let count = call.integer(2).ok().filter(|count| *count >= -1);
            let count = count.ok_or(CommandError::Said("ERR count should be greater than or equal to -1"))?;
            usize::try_from(count).unwrap_or(usize::MAX)
        }
        _ => {
            let text = "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.";
            return Err(CommandError::Said(text));
        }
    };
    let entries = &call.shared.slow_log.entries;
    call.reply.array(count.min(entries.len()));
    for entry in entries.iter().take(count) {
        call.reply.array(6);
        call.reply.integer(entry.id as i64);
        call.reply.integer(entry.unix_s as i64);
        call.reply.integer(entry.took_us as i64);
        call.reply.array(entry.words.len());
        entry.words.iter().for_each(|word| call.reply.bulk(word));
        call.reply.bulk(entry.peer.as_bytes());
        call.reply.bulk(&entry.name);
    }
    Ok(())
}

fn len(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.count(call.shared.slow_log.entries.len());
    Ok(())
}

fn reset(call: &mut Call<'_, '_>) -> Outcome {
    call.shared.slow_log.entries.clear();
    call.reply.ok();
    Ok(())
}

fn help(call: &mut Call<'_, '_>) -> Outcome {
    name_subcommands(call, SUBCOMMANDS)
}
