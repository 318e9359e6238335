//! Lifetimes: giving keys an end, asking for it, taking it back.

use super::{Call, Command, ONE_KEY, READ_FAST, WRITE_FAST};
use crate::error::{CommandError, Outcome};

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("generic", "expire", -3, WRITE_FAST, ONE_KEY, |call| expire(call, "expire", Unit::Seconds)),
    Command::new("generic", "pexpire", -3, WRITE_FAST, ONE_KEY, |call| {
        expire(call, "pexpire", Unit::Milliseconds)
    }),
    Command::new("generic", "expireat", -3, WRITE_FAST, ONE_KEY, |call| {
        expire(call, "expireat", Unit::UnixSeconds)
    }),
    Command::new("generic", "pexpireat", -3, WRITE_FAST, ONE_KEY, |call| {
        expire(call, "pexpireat", Unit::UnixMilliseconds)
    }),
    Command::new("generic", "ttl", 2, READ_FAST, ONE_KEY, |call| time_left(call, Unit::Seconds)),
    Command::new("generic", "pttl", 2, READ_FAST, ONE_KEY, |call| time_left(call, Unit::Milliseconds)),
    Command::new("generic", "expiretime", 2, READ_FAST, ONE_KEY, |call| time_left(call, Unit::UnixSeconds)),
    Command::new("generic", "pexpiretime", 2, READ_FAST, ONE_KEY, |call| {
        time_left(call, Unit::UnixMilliseconds)
    }),
    Command::new("generic", "persist", 2, WRITE_FAST, ONE_KEY, persist),
];

/// The form of a time in a reply or an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
}

impl Unit {
    /// The unit that an option of `SET` or `GETEX` names.
    pub fn named(word: &[u8]) -> Option<Unit> {
        let names = [
            ("ex", Unit::Seconds),
            ("px", Unit::Milliseconds),
            ("exat", Unit::UnixSeconds),
            ("pxat", Unit::UnixMilliseconds),
        ];
        names.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word)).map(|(_, unit)| *unit)
    }

    fn is_seconds(self) -> bool {
        matches!(self, Unit::Seconds | Unit::UnixSeconds)
    }

    fn is_relative(self) -> bool {
        matches!(self, Unit::Seconds | Unit::Milliseconds)
    }

    /// `amount` of this unit, by the command `call`, as Unix milliseconds, if there is such a time.
    fn unix_ms(self, amount: i64, call: &Call<'_, '_>) -> Option<i64> {
        let milliseconds = if self.is_seconds() { amount.checked_mul(1000)? } else { amount };
        if self.is_relative() {
            milliseconds.checked_add(i64::try_from(call.look_again_ms()).ok()?)
        } else {
            Some(milliseconds)
        }
    }
}

/// The end that `SET` and its relatives give a key; it must lie after the beginning of time.
pub fn end_of(
    command: &'static str,
    unit: Unit,
    amount: i64,
    call: &Call<'_, '_>,
) -> Result<u64, CommandError> {
    let error = CommandError::InvalidExpire(command);
    if amount <= 0 {
        return Err(error);
    }
    unit.unix_ms(amount, call).and_then(|end| u64::try_from(end).ok()).ok_or(error)
}

/// When a new end replaces the old one.
#[derive(Default)]
struct Conditions {
    if_none: bool,
    if_any: bool,
    if_later: bool,
    if_earlier: bool,
}

impl Conditions {
    fn read(call: &Call<'_, '_>) -> Result<Conditions, CommandError> {
        let mut conditions = Conditions::default();
        for word in call.arguments.from(3) {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => conditions.if_none = true,
                b"xx" => conditions.if_any = true,
                b"gt" => conditions.if_later = true,
                b"lt" => conditions.if_earlier = true,
                _ => {
                    let word = String::from_utf8_lossy(word);
                    return Err(CommandError::Text(format!("ERR Unsupported option {word}")));
                }
            }
        }
        if conditions.if_none && (conditions.if_any || conditions.if_later || conditions.if_earlier) {
            return Err(CommandError::Said(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if conditions.if_later && conditions.if_earlier {
            return Err(CommandError::Said("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// No end counts as one that is infinitely far away.
    fn allow(&self, old: Option<u64>, new: i64) -> bool {
        let later_than_old = old.is_some_and(|old| new > old as i64);
        let earlier_than_old = old.is_none_or(|old| new < old as i64);
        !(self.if_none && old.is_some()
            || self.if_any && old.is_none()
            || self.if_later && !later_than_old
            || self.if_earlier && !earlier_than_old)
    }
}

fn expire(call: &mut Call<'_, '_>, name: &'static str, unit: Unit) -> Outcome {
    let conditions = Conditions::read(call)?;
    let amount = call.integer(2)?;
    let end = unit.unix_ms(amount, call).ok_or(CommandError::InvalidExpire(name))?;
    let (key, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.keyspace();
    let changed = match keyspace.lookup(key, now_ms) {
        Some(found) if conditions.allow(keyspace.expires_at_ms(found), end) => {
            match u64::try_from(end) {
                Ok(end) if end > now_ms => keyspace.set_expiry(found, Some(end)),
                _ => drop(keyspace.remove(found)),
            }
            true
        }
        _ => false,
    };
    call.reply.integer(changed.into());
    Ok(())
}

fn time_left(call: &mut Call<'_, '_>, unit: Unit) -> Outcome {
    let (key, now_ms) = (call.at(1), call.now_ms);
    let now_again_ms = if unit.is_relative() { call.look_again_ms() } else { 0 };
    let keyspace = call.keyspace();
    let answer = match keyspace.peek(key, now_ms).map(|found| keyspace.expires_at_ms(found)) {
        None => -2,
        Some(None) => -1,
        Some(Some(end)) => {
            let milliseconds = end.saturating_sub(now_again_ms);
            match unit {
                Unit::Seconds | Unit::UnixSeconds => (milliseconds as i64).saturating_add(500) / 1000,
                _ => milliseconds as i64,
            }
        }
    };
    call.reply.integer(answer);
    Ok(())
}

fn persist(call: &mut Call<'_, '_>) -> Outcome {
    let (key, now_ms) = (call.at(1), call.now_ms);
    let keyspace = call.keyspace();
    let persisted = match keyspace.lookup(key, now_ms) {
        Some(found) if keyspace.expires_at_ms(found).is_some() => {
            keyspace.set_expiry(found, None);
            true
        }
        _ => false,
    };
    call.reply.integer(persisted.into());
    Ok(())
}
