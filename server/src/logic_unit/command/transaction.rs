//! `MULTI`, `EXEC` and the keys that must not change in between.

use super::{ALL_KEYS, Call, Command, Flags, NO_KEYS, find};
use crate::error::{CommandError, Outcome};
use crate::logic_unit::dispatch;
use crate::logic_unit::session::{Session, Transaction, Watch};
use crate::request_queue::After;
use crate::resp::Reply;
use crate::storage_unit::{Databases, SmallBytes};

const CONTROL: Flags = Flags::FAST.and(Flags::UNQUEUED);

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("transactions", "multi", 1, CONTROL, NO_KEYS, multi),
    Command::new("transactions", "exec", 1, CONTROL, NO_KEYS, exec),
    Command::new("transactions", "discard", 1, CONTROL, NO_KEYS, discard),
    Command::new("transactions", "watch", -2, CONTROL, ALL_KEYS, watch),
    Command::new("transactions", "unwatch", 1, Flags::FAST, NO_KEYS, unwatch),
];

fn multi(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(CommandError::Said("ERR MULTI calls can not be nested"));
    }
    call.session.transaction = Some(Box::new(Transaction::default()));
    call.reply.ok();
    Ok(())
}

fn discard(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.is_none() {
        return Err(CommandError::Said("ERR DISCARD without MULTI"));
    }
    discard_transaction(call.session, call.databases);
    call.reply.ok();
    Ok(())
}

/// Forgets what was queued and what is watched.
pub fn discard_transaction(session: &mut Session, databases: &mut Databases) {
    session.transaction = None;
    unwatch_all(session, databases);
}

/// Ends all watches of a client.
pub fn unwatch_all(session: &mut Session, databases: &mut Databases) {
    for watch in session.watches.take().into_iter().flat_map(|watches| *watches) {
        databases.at(watch.database).unwatch(&watch.key);
    }
}

fn watch(call: &mut Call<'_, '_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(CommandError::Said("ERR WATCH inside MULTI is not allowed"));
    }
    let database = call.session.database;
    for key in call.arguments.from(1) {
        let is_known = |watch: &Watch| watch.database == database && watch.key.as_slice() == key;
        let watches = call.session.watches.get_or_insert_default();
        if watches.iter().any(is_known) {
            continue;
        }
        let version = call.databases.at(database).watch(key, call.now_ms);
        watches.push(Watch { database, key: SmallBytes::new(key), version });
    }
    call.reply.ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_, '_>) -> Outcome {
    unwatch_all(call.session, call.databases);
    call.reply.ok();
    Ok(())
}

fn exec(call: &mut Call<'_, '_>) -> Outcome {
    let Some(transaction) = call.session.transaction.take() else {
        return Err(CommandError::Said("ERR EXEC without MULTI"));
    };
    let mut watches = call.session.watches.iter().flat_map(|watches| watches.iter());
    let is_stale = watches.any(|watch| {
        let now = call.databases.at(watch.database).watched_version(&watch.key, call.now_ms);
        now != Some(watch.version)
    });
    // The watches end before the commands run, which may change the same keys.
    unwatch_all(call.session, call.databases);
    if transaction.is_broken {
        return Err(CommandError::Said("EXECABORT Transaction discarded because of previous errors."));
    }
    if is_stale {
        call.reply.null_array();
        return Ok(());
    }
    call.reply.array(transaction.requests.len());
    for arguments in transaction.requests.iter() {
        let mut replies = Vec::new();
        let mut inner = Call {
            arguments,
            now: call.now,
            now_ms: call.now_ms,
            databases: &mut *call.databases,
            shared: &mut *call.shared,
            session: &mut *call.session,
            reply: Reply::new(&mut replies, call.reply.protocol()),
            after: After::KeepOpen,
            may_wait: false,
            only_key: None,
        };
        // It was found when it was queued.
        if let Some(command) = find(arguments.at(0)) {
            dispatch::run(command, &mut inner);
        }
        let (after, protocol) = (inner.after, inner.reply.protocol());
        if after != After::KeepOpen {
            call.after = after;
        }
        call.reply.raw(&replies);
        call.reply.set_protocol(protocol);
    }
    Ok(())
}
