//! `OBJECT` and `MEMORY`: what a value looks like inside, and what it costs.

use super::{Call, Command, Flags};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::dispatch::{Subcommand, name_subcommands, run_subcommand};
use crate::storage_unit::Value;
use crate::storage_unit::keyspace::Found;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("generic", "object", -2, Flags::READONLY, (2, 2, 1), |call| {
        run_subcommand(call, SUBCOMMANDS)
    })
    .with(SUBCOMMANDS),
    Command::new("server", "memory", -2, Flags::READONLY, (2, 2, 1), |call| run_subcommand(call, MEMORY))
        .with(MEMORY),
];

const MEMORY: &[Subcommand] = &[Subcommand { full_name: "memory|usage", arity: -3, run: usage }];

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { full_name: "object|encoding", arity: 3, run: encoding },
    Subcommand { full_name: "object|refcount", arity: 3, run: refcount },
    Subcommand { full_name: "object|idletime", arity: 3, run: idletime },
    Subcommand { full_name: "object|freq", arity: 3, run: freq },
    Subcommand { full_name: "object|help", arity: 2, run: help },
];

/// The key, if it is there; if not, that is the answer.
fn found(call: &mut Call<'_, '_>) -> Option<Found> {
    let (key, now_ms) = (call.at(2), call.now_ms);
    let found = call.keyspace().peek(key, now_ms);
    if found.is_none() {
        call.reply.null();
    }
    found
}

fn encoding(call: &mut Call<'_, '_>) -> Outcome {
    if let Some(found) = found(call) {
        let name = call.keyspace().value(found).encoding_name();
        call.reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// Every value is accounted for as it changes, so that samples are not needed.
fn usage(call: &mut Call<'_, '_>) -> Outcome {
    for at in (3..call.len()).step_by(2) {
        if !call.is(at, "samples") || at + 1 >= call.len() {
            return Err(CommandError::Syntax);
        }
        if call.integer(at + 1)? < 0 {
            return Err(CommandError::Syntax);
        }
    }
    if let Some(found) = found(call) {
        let bytes = call.keyspace().bytes_of(found);
        call.reply.count(bytes);
    }
    Ok(())
}

fn refcount(call: &mut Call<'_, '_>) -> Outcome {
    if let Some(found) = found(call) {
        // Redis shares the small integers among all keys.
        let is_shared = matches!(call.keyspace().value(found), Value::Integer(0..10_000));
        call.reply.integer(if is_shared { i32::MAX.into() } else { 1 });
    }
    Ok(())
}

fn idletime(call: &mut Call<'_, '_>) -> Outcome {
    if let Some(found) = found(call) {
        let idle_ms = call.now_ms.saturating_sub(call.keyspace().accessed_ms(found));
        call.reply.integer((idle_ms / 1000) as i64);
    }
    Ok(())
}

fn freq(call: &mut Call<'_, '_>) -> Outcome {
    if found(call).is_some() {
        return Err(CommandError::Said(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        ));
    }
    Ok(())
}

fn help(call: &mut Call<'_, '_>) -> Outcome {
    name_subcommands(call, SUBCOMMANDS)
}
