//! From words to a command: finds it in the table, checks what is to be checked before it runs, runs it.
//!
//! The order of the checks is Redis's (`processCommand` in its `server.c`): does it exist, are there enough words, may
//! this client say it, is there memory for it; and inside a transaction it is queued rather than run.

use super::call::Call;
use super::command::{self, Command, Flags, slowlog};
use super::session::{ReplyMode, Session};
use super::{Shared, WallTime, waiting};
use crate::error::CommandError;
use crate::limits::REPLY_BYTES_MAX;
use crate::request_queue::{After, Wait};
use crate::resp::{Arguments, Protocol, Reply};
use crate::storage_unit::{Databases, eviction};

/// Executes one request of `session` and appends its reply to `out`.
pub fn dispatch(
    databases: &mut Databases,
    shared: &mut Shared,
    session: &mut Session,
    arguments: Arguments<'_>,
    now: WallTime,
    out: &mut Vec<u8>,
) -> After {
    let before = out.len();
    // Beyond the hard bound the connection is closed; where there is none, one command still has an end.
    let hard = shared.config.limits.output.hard;
    let end = if hard == usize::MAX { before.saturating_add(REPLY_BYTES_MAX) } else { hard };
    let reply = Reply::bounded(out, session.protocol, end);
    let mut call = Call {
        arguments,
        now,
        now_ms: now.unix_ms(),
        databases,
        shared,
        session,
        reply,
        after: After::KeepOpen,
        may_wait: true,
        only_key: None,
    };
    match check(&mut call) {
        Ok(Some(command)) => {
            let slower_than_us = call.shared.config.limits.slowlog_slower_than_us;
            let begun = call.shared.slow_log.begin(command, slower_than_us);
            run(command, &mut call);
            if let Some(begun) = begun {
                slowlog::end(&mut call, command, begun);
            }
        }
        Ok(None) => {}
        Err(error) if call.is(0, "exec") => {
            super::command::transaction::discard_transaction(call.session, call.databases);
            let text = error.text();
            let why = text.strip_prefix(b"ERR ").unwrap_or(&text);
            let text = [b"EXECABORT Transaction discarded because of: ", why].concat();
            refuse(&mut call, &CommandError::Bytes(text));
        }
        Err(error) => {
            if let Some(transaction) = &mut call.session.transaction {
                transaction.is_broken = true;
            }
            refuse(&mut call, &error);
        }
    }
    if call.reply.is_cut() && hard == usize::MAX {
        call.reply.rewind(before);
        refuse(&mut call, &CommandError::Said("ERR the reply is longer than 256 MiB"));
    }
    let after = call.after;
    if !shared.waiters.is_empty() && databases.has_ready() {
        waiting::serve(databases, shared, now);
    }
    if session.reply_mode != ReplyMode::On {
        suppress(session, out, before);
    }
    after
}

/// Runs a command and answers with its error if it has one.
#[inline]
pub fn run(command: &'static Command, call: &mut Call<'_, '_>) {
    let before = call.reply.position();
    call.shared.counters.commands_total += 1;
    if let Err(error) = (command.run)(call) {
        call.reply.rewind(before);
        refuse(call, &error);
    }
}

#[cold]
fn refuse(call: &mut Call<'_, '_>, error: &CommandError) {
    call.shared.counters.errors_total += 1;
    call.reply.error(error.text());
}

/// The command to run now; `None` when the request has been answered already.
#[inline]
fn check(call: &mut Call<'_, '_>) -> Result<Option<&'static Command>, CommandError> {
    let name = call.at(0);
    let Some(command) = command::find(name) else {
        return unknown(call);
    };
    if !command.takes(call.len()) {
        return Err(CommandError::Arity(command.name));
    }
    call.session.last_command = &command.name;
    if !command.subcommands.is_empty() && call.len() > 1 {
        find_subcommand(call, command.subcommands)?;
    }
    if !call.session.authenticated && !command.flags.has(Flags::NO_AUTH) {
        return Err(CommandError::Said("NOAUTH Authentication required."));
    }
    if call.session.subscriptions.is_some() && !command.flags.has(Flags::WHILE_SUBSCRIBED) {
        check_dialect(call)?;
    }
    if call.databases.persistence.is_kept && !command.flags.has(Flags::NO_AUTH) {
        check_disk(call, command)?;
    }
    if call.shared.config.memory_bytes_max > 0 {
        make_room(call, command)?;
    }
    if let Some(ms) = call.shared.pause.puts_off(command, call.session, call.now_ms) {
        call.after = After::Wait(Wait::Pause(ms));
        return Ok(None);
    }
    if call.session.transaction.is_some() && !command.flags.has(Flags::UNQUEUED) {
        if command.flags.has(Flags::NO_MULTI) {
            return Err(CommandError::Said("ERR Command not allowed inside a transaction"));
        }
        return queue(call);
    }
    Ok(Some(command))
}

/// In RESP2 nothing distinguishes a reply from a message, so that one who listens may ask for little.
#[cold]
fn check_dialect(call: &Call<'_, '_>) -> Result<(), CommandError> {
    if call.session.protocol == Protocol::Resp3 {
        return Ok(());
    }
    Err(CommandError::Text(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        command::full_name(call.arguments)
    )))
}

/// What the disk will not keep is not begun. `EXEC` may hold anything.
fn check_disk(call: &Call<'_, '_>, command: &Command) -> Result<(), CommandError> {
    let persistence = &call.databases.persistence;
    let is_write = command.flags.has(Flags::WRITE) || command.name == "exec";
    match (&persistence.unreadable, &persistence.refusal) {
        (Some(why), _) if is_write || command.keys.0 != 0 => Err(CommandError::Text(why.clone())),
        (_, Some(why)) if is_write => Err(CommandError::Text(why.clone())),
        _ => Ok(()),
    }
}

#[cold]
fn make_room(call: &mut Call<'_, '_>, command: &Command) -> Result<(), CommandError> {
    let config = &call.shared.config;
    let possible = eviction::make_room(
        call.databases,
        config.memory_bytes_max,
        config.eviction,
        &mut call.shared.random,
    );
    if !possible && command.flags.has(Flags::DENY_OOM) {
        return Err(CommandError::Said("OOM command not allowed when used memory > 'maxmemory'."));
    }
    Ok(())
}

#[cold]
fn queue(call: &mut Call<'_, '_>) -> Result<Option<&'static Command>, CommandError> {
    let bytes_max = call.shared.config.limits.request_bytes_max;
    let Some(transaction) = &mut call.session.transaction else {
        return Ok(None);
    };
    if transaction.requests.bytes_total() + call.arguments.bytes_total() > bytes_max {
        return Err(CommandError::Said("ERR transaction exceeds the limit for one request"));
    }
    if !transaction.is_broken {
        transaction.requests.push(call.arguments);
    }
    call.reply.simple("QUEUED");
    Ok(None)
}

#[cold]
fn unknown(call: &mut Call<'_, '_>) -> Result<Option<&'static Command>, CommandError> {
    let name = call.at(0);
    // A browser was talked into sending us its request: hang up before its body is taken for commands.
    if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
        call.after = After::Close;
        return Ok(None);
    }
    let mut text = [b"ERR unknown command '", shown(name, 128), b"', with args beginning with: "].concat();
    let room_from = text.len();
    for word in call.arguments.from(1) {
        let used = text.len() - room_from;
        if used >= 128 {
            break;
        }
        text.extend_from_slice(&[b"'", shown(word, 128 - used), b"' "].concat());
    }
    Err(CommandError::Bytes(text))
}

/// What an error shows of a word: at most so many bytes, and none from a NUL on, where C's strings end.
fn shown(word: &[u8], bytes_max: usize) -> &[u8] {
    let word = &word[..word.len().min(bytes_max)];
    memchr::memchr(0, word).map_or(word, |end| &word[..end])
}

#[cold]
fn suppress(session: &mut Session, out: &mut Vec<u8>, before: usize) {
    match session.reply_mode {
        ReplyMode::On => {}
        ReplyMode::Off => out.truncate(before),
        ReplyMode::SkipNext => {
            out.truncate(before);
            session.reply_mode = ReplyMode::Skip;
        }
        ReplyMode::Skip => {
            out.truncate(before);
            session.reply_mode = ReplyMode::On;
        }
    }
}

/// One subcommand of a command that has some.
#[derive(Debug)]
pub struct Subcommand {
    /// Its name with the command's, as errors call it: `client|id`.
    pub full_name: &'static str,
    /// How many words: exactly, or at least when negative.
    pub arity: i32,
    /// What it does.
    pub run: fn(&mut Call<'_, '_>) -> crate::error::Outcome,
}

/// Runs the subcommand that the second word names.
pub fn run_subcommand(call: &mut Call<'_, '_>, table: &'static [Subcommand]) -> crate::error::Outcome {
    let entry = find_subcommand(call, table)?;
    call.session.last_command = &entry.full_name;
    (entry.run)(call)
}

/// Answers with the names of all subcommands.
pub fn name_subcommands(call: &mut Call<'_, '_>, table: &[Subcommand]) -> crate::error::Outcome {
    call.reply.array(table.len());
    for entry in table {
        call.reply.simple(&entry.full_name.replace('|', " ").to_ascii_uppercase());
    }
    Ok(())
}

/// The subcommand that the second word names; its words are counted.
fn find_subcommand(
    call: &Call<'_, '_>,
    table: &'static [Subcommand],
) -> Result<&'static Subcommand, CommandError> {
    let word = call.at(1);
    let found = table.iter().find(|entry| {
        let name = entry.full_name.split_once('|').map_or(entry.full_name, |(_, name)| name);
        name.as_bytes().eq_ignore_ascii_case(word)
    });
    match found {
        Some(entry) if !command::arity_fits(entry.arity, call.len()) => {
            Err(CommandError::Arity(entry.full_name))
        }
        Some(entry) => Ok(entry),
        None => {
            let name = call.at(0).to_ascii_uppercase();
            let parts = [b"ERR unknown subcommand '", shown(word, 128), b"'. Try ", &name, b" HELP."];
            Err(CommandError::Bytes(parts.concat()))
        }
    }
}
