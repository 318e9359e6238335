//! Whole strings: `SET` with all its options, `GET` and its relatives, several keys at once.

use super::expire::{Unit, end_of};
use super::{ALL_KEYS, Call, Command, Flags, ONE_KEY, READ_FAST, WRITE_FAST, WRITE_OOM, WRITE_OOM_FAST};
use crate::error::{CommandError, Outcome};
use crate::storage_unit::Value;
use crate::storage_unit::keyspace::Lifetime;
use crate::storage_unit::value::IntegerText;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("string", "get", 2, READ_FAST, ONE_KEY, get),
    Command::new("string", "set", -3, WRITE_OOM.and(Flags::STEADY), ONE_KEY, set),
    Command::new("string", "setnx", 3, WRITE_OOM_FAST, ONE_KEY, setnx),
    Command::new("string", "setex", 4, WRITE_OOM, ONE_KEY, |call| set_ending(call, "setex", Unit::Seconds)),
    Command::new("string", "psetex", 4, WRITE_OOM, ONE_KEY, |call| {
        set_ending(call, "psetex", Unit::Milliseconds)
    }),
    Command::new("string", "getset", 3, WRITE_OOM_FAST, ONE_KEY, getset),
    Command::new("string", "getdel", 2, WRITE_FAST, ONE_KEY, getdel),
    Command::new("string", "getex", -2, WRITE_FAST, ONE_KEY, getex),
    Command::new("string", "mget", -2, READ_FAST, ALL_KEYS, mget),
    Command::new("string", "mset", -3, WRITE_OOM, (1, -1, 2), mset),
    Command::new("string", "msetnx", -3, WRITE_OOM, (1, -1, 2), msetnx),
];

fn get(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    match keyspace.read(call.arguments.at(1), call.now_ms) {
        Some(value) => {
            call.reply.bulk(value.text(&mut IntegerText::new()).ok_or(CommandError::WrongType)?);
        }
        None => call.reply.null(),
    }
    Ok(())
}

/// What `SET` and `GETEX` were asked to do beside their work.
#[derive(Default)]
struct Options {
    only_if_absent: bool,
    only_if_present: bool,
    keep_lifetime: bool,
    persist: bool,
    answer_old: bool,
    /// When the key is to end, with the word that said so.
    end: Option<(Unit, usize)>,
}

impl Options {
    /// What is said twice is said once, the last time; only different lifetimes contradict each other.
    fn read(call: &Call<'_, '_>, from: usize, for_set: bool) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut next = from;
        while next < call.len() {
            let unit = Unit::named(call.at(next));
            if for_set && call.is(next, "nx") && !options.only_if_present {
                options.only_if_absent = true;
            } else if for_set && call.is(next, "xx") && !options.only_if_absent {
                options.only_if_present = true;
            } else if for_set && call.is(next, "get") {
                options.answer_old = true;
            } else if for_set && call.is(next, "keepttl") && !options.persist && options.end.is_none() {
                options.keep_lifetime = true;
            } else if !for_set && call.is(next, "persist") && !options.keep_lifetime && options.end.is_none()
            {
                options.persist = true;
            } else if let Some(unit) = unit
                && !(options.keep_lifetime || options.persist)
                && options.end.is_none_or(|(other, _)| other == unit)
                && next + 1 < call.len()
            {
                options.end = Some((unit, next + 1));
                next += 1;
            } else {
                return Err(CommandError::Syntax);
            }
            next += 1;
        }
        Ok(options)
    }
}

fn set(call: &mut Call<'_, '_>) -> Outcome {
    if call.len() == 3 {
        let (key, text) = (call.at(1), call.at(2));
        let now_ms = call.now_ms;
        call.keyspace().set(key, Value::string(text), Lifetime::Forever, now_ms);
        call.reply.ok();
        return Ok(());
    }
    set_with_options(call)
}

fn set_with_options(call: &mut Call<'_, '_>) -> Outcome {
    let options = Options::read(call, 3, true)?;
    let mut lifetime = if options.keep_lifetime { Lifetime::Keep } else { Lifetime::Forever };
    if let Some((unit, at)) = options.end {
        lifetime = Lifetime::Until(end_of("set", unit, call.integer(at)?, call)?);
    }
    let (key, text, now_ms) = (call.at(1), call.at(2), call.now_ms);
    let keyspace = call.databases.at(call.session.database);
    // Finding the key also removes one whose time has come, so that nothing of it is kept.
    let found =
        if options.answer_old { keyspace.lookup_read(key, now_ms) } else { keyspace.lookup(key, now_ms) };
    if options.answer_old {
        match found {
            Some(found) => {
                let old = keyspace.value(found);
                call.reply.bulk(old.text(&mut IntegerText::new()).ok_or(CommandError::WrongType)?);
            }
            None => call.reply.null(),
        }
    }
    let refused = match found {
        Some(_) => options.only_if_absent,
        None => options.only_if_present,
    };
    if !refused {
        keyspace.set(key, Value::string(text), lifetime, now_ms);
    }
    if !options.answer_old {
        if refused { call.reply.null() } else { call.reply.ok() }
    }
    Ok(())
}

fn setnx(call: &mut Call<'_, '_>) -> Outcome {
    let (key, text, now_ms) = (call.at(1), call.at(2), call.now_ms);
    let keyspace = call.keyspace();
    let absent = keyspace.lookup(key, now_ms).is_none();
    if absent {
        keyspace.set(key, Value::string(text), Lifetime::Forever, now_ms);
    }
    call.reply.integer(absent.into());
    Ok(())
}

fn set_ending(call: &mut Call<'_, '_>, name: &'static str, unit: Unit) -> Outcome {
    let end = end_of(name, unit, call.integer(2)?, call)?;
    let (key, text, now_ms) = (call.at(1), call.at(3), call.now_ms);
    call.keyspace().set(key, Value::string(text), Lifetime::Until(end), now_ms);
    call.reply.ok();
    Ok(())
}

fn getset(call: &mut Call<'_, '_>) -> Outcome {
    get(call)?;
    let (key, text, now_ms) = (call.at(1), call.at(2), call.now_ms);
    call.keyspace().set(key, Value::string(text), Lifetime::Forever, now_ms);
    Ok(())
}

fn getdel(call: &mut Call<'_, '_>) -> Outcome {
    get(call)?;
    let (key, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.keyspace();
    if let Some(found) = keyspace.lookup(key, now_ms) {
        keyspace.remove(found);
    }
    Ok(())
}

fn getex(call: &mut Call<'_, '_>) -> Outcome {
    let options = Options::read(call, 2, false)?;
    get(call)?;
    let (key, now_ms) = (call.at(1), call.now_ms);
    let Some(found) = call.keyspace().lookup(key, now_ms) else {
        return Ok(());
    };
    let end = match options.end {
        Some((unit, at)) => Some(end_of("getex", unit, call.integer(at)?, call)?),
        None => None,
    };
    let keyspace = call.keyspace();
    match end {
        Some(end) if end <= now_ms => drop(keyspace.remove(found)),
        Some(end) => keyspace.set_expiry(found, Some(end)),
        None if options.persist && keyspace.expires_at_ms(found).is_some() => {
            keyspace.set_expiry(found, None);
        }
        None => {}
    }
    Ok(())
}

fn mget(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    call.reply.array(call.arguments.len() - 1);
    let mut scratch = IntegerText::new();
    for key in call.arguments.from(1) {
        // A key of another type is not there for this command.
        match keyspace.read(key, call.now_ms).and_then(|value| value.text(&mut scratch)) {
            Some(text) => call.reply.bulk(text),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn set_pairs(call: &mut Call<'_, '_>) {
    let now_ms = call.now_ms;
    for at in (1..call.len()).step_by(2) {
        let (key, text) = (call.at(at), call.at(at + 1));
        call.keyspace().set(key, Value::string(text), Lifetime::Forever, now_ms);
    }
}

fn mset(call: &mut Call<'_, '_>) -> Outcome {
    if call.len().is_multiple_of(2) {
        return Err(CommandError::Arity("mset"));
    }
    set_pairs(call);
    call.reply.ok();
    Ok(())
}

fn msetnx(call: &mut Call<'_, '_>) -> Outcome {
    if call.len().is_multiple_of(2) {
        return Err(CommandError::Arity("msetnx"));
    }
    let now_ms = call.now_ms;
    let keyspace = call.databases.at(call.session.database);
    let any_there = call.arguments.from(1).step_by(2).any(|key| keyspace.lookup(key, now_ms).is_some());
    if !any_there {
        set_pairs(call);
    }
    call.reply.integer((!any_there).into());
    Ok(())
}
