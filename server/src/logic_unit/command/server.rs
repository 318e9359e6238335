//! Commands about the server as a whole: sizes, clearing, the time, stopping, and a few that are answered only
//! because tools say them before they begin.

use super::{Call, Command, Flags, NO_KEYS, WRITE};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::Order;
use crate::logic_unit::dispatch::{Subcommand, run_subcommand};
use crate::request_queue::After;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("server", "dbsize", 1, Flags::READONLY.and(Flags::FAST), NO_KEYS, dbsize),
    Command::new("server", "flushdb", -1, WRITE, NO_KEYS, flushdb),
    Command::new("server", "flushall", -1, WRITE, NO_KEYS, flushall),
    Command::new("server", "time", 1, Flags::FAST, NO_KEYS, time),
    Command::new("server", "lastsave", 1, Flags::FAST, NO_KEYS, lastsave),
    Command::new("server", "shutdown", -1, Flags::ADMIN.and(Flags::NO_MULTI), NO_KEYS, shutdown),
    Command::new("server", "save", 1, Flags::ADMIN.and(Flags::NO_MULTI), NO_KEYS, save),
    Command::new("server", "bgrewriteaof", 1, Flags::ADMIN, NO_KEYS, bgrewriteaof),
    Command::new("server", "role", 1, Flags::FAST, NO_KEYS, role),
    Command::new("generic", "wait", 3, Flags::NONE, NO_KEYS, wait),
    Command::new("scripting", "eval", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "evalsha", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "eval_ro", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "evalsha_ro", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "fcall", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "fcall_ro", -3, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "script", -2, Flags::NONE, NO_KEYS, no_scripts),
    Command::new("scripting", "function", -2, Flags::NONE, NO_KEYS, |call| run_subcommand(call, FUNCTION))
        .with(FUNCTION),
];

const FUNCTION: &[Subcommand] = &[Subcommand { full_name: "function|flush", arity: -2, run: function_flush }];

fn dbsize(call: &mut Call<'_, '_>) -> Outcome {
    let count = call.keyspace().len();
    call.reply.count(count);
    Ok(())
}

/// `ASYNC` and `SYNC` differ in who frees the memory, which here is the same.
fn check_flush_mode(call: &Call<'_, '_>) -> Outcome {
    match call.len() {
        1 => Ok(()),
        2 if call.is(1, "async") || call.is(1, "sync") => Ok(()),
        _ => Err(CommandError::Syntax),
    }
}

fn flushdb(call: &mut Call<'_, '_>) -> Outcome {
    check_flush_mode(call)?;
    call.keyspace().clear();
    call.reply.ok();
    Ok(())
}

fn flushall(call: &mut Call<'_, '_>) -> Outcome {
    check_flush_mode(call)?;
    call.databases.iter_mut().for_each(|keyspace| keyspace.clear());
    call.reply.ok();
    Ok(())
}

fn time(call: &mut Call<'_, '_>) -> Outcome {
    let unix_us = call.now.unix_us();
    call.reply.array(2);
    call.reply.bulk_integer((unix_us / 1_000_000) as i64);
    call.reply.bulk_integer((unix_us % 1_000_000) as i64);
    Ok(())
}

fn lastsave(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.integer((call.shared.started.unix_ms() / 1000) as i64);
    Ok(())
}

/// Nothing is answered: the end of the connection is the answer.
fn shutdown(call: &mut Call<'_, '_>) -> Outcome {
    for word in call.arguments.from(1) {
        if word.eq_ignore_ascii_case(b"abort") {
            return Err(CommandError::Said("ERR No shutdown in progress."));
        }
        if ![b"nosave".as_slice(), b"save", b"now", b"force"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
        {
            return Err(CommandError::Syntax);
        }
    }
    call.shared.order(Order::Shutdown);
    call.after = After::Close;
    Ok(())
}

/// Whether anything is kept that could be saved or rewritten.
fn check_is_kept(call: &Call<'_, '_>) -> Outcome {
    match call.databases.persistence.is_kept {
        true => Ok(()),
        false => {
            Err(CommandError::Said("ERR this storage keeps nothing: the server runs with --storage memory"))
        }
    }
}

fn save(call: &mut Call<'_, '_>) -> Outcome {
    check_is_kept(call)?;
    call.reply.ok();
    Ok(())
}

fn bgrewriteaof(call: &mut Call<'_, '_>) -> Outcome {
    check_is_kept(call)?;
    if call.databases.persistence.is_rewriting {
        return Err(CommandError::Said("ERR Background append only file rewriting already in progress"));
    }
    call.databases.persistence.wants_rewrite = true;
    call.reply.simple("Background append only file rewriting started");
    Ok(())
}

fn role(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(0);
    call.reply.array(0);
    Ok(())
}

/// There are no replicas to wait for.
fn wait(call: &mut Call<'_, '_>) -> Outcome {
    call.integer(1)?;
    match crate::resp::number::parse_integer(call.at(2)) {
        None => return Err(CommandError::Said("ERR timeout is not an integer or out of range")),
        Some(timeout) if timeout < 0 => return Err(CommandError::Said("ERR timeout is negative")),
        Some(_) => {}
    }
    call.reply.integer(0);
    Ok(())
}

/// Clients that try a script first, and then do without, need an error; and people a reason.
fn no_scripts(call: &mut Call<'_, '_>) -> Outcome {
    let name = String::from_utf8_lossy(call.at(0)).to_ascii_uppercase();
    Err(CommandError::Text(format!(
        "ERR '{name}' is not supported: this server runs no scripts; use MULTI and WATCH"
    )))
}

fn function_flush(call: &mut Call<'_, '_>) -> Outcome {
    call.reply.ok();
    Ok(())
}
