//! What all commands on containers begin with: the container under a key, in order to read it or to change it. A key of
//! another type is an error, a container that is left empty takes its key with it.

use super::Call;
use crate::error::CommandError;
use crate::limits::REPLY_BYTES_MAX;
use crate::storage_unit::keyspace::{Found, Lifetime};
use crate::storage_unit::value::{Hash, List, Set, SortedSet};
use crate::storage_unit::{HashKey, Keyspace, Value};

/// A kind of value that holds others.
pub(super) trait Container: Sized {
    fn empty(hash_key: HashKey) -> Self;
    fn of(value: &Value) -> Option<&Self>;
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    fn into_value(self) -> Value;
}

macro_rules! containers {
    ($($kind:ident: $empty:expr;)*) => {
        $(
            impl Container for $kind {
                fn empty(hash_key: HashKey) -> Self {
                    let empty: fn(HashKey) -> Self = $empty;
                    empty(hash_key)
                }

                fn of(value: &Value) -> Option<&Self> {
                    if let Value::$kind(container) = value { Some(container) } else { None }
                }

                fn of_mut(value: &mut Value) -> Option<&mut Self> {
                    if let Value::$kind(container) = value { Some(container) } else { None }
                }

                fn into_value(self) -> Value {
                    Value::$kind(Box::new(self))
                }
            }
        )*
    };
}

containers! {
    List: |_| List::default();
    Hash: Hash::new;
    Set: Set::new;
    SortedSet: SortedSet::new;
}

/// A value as what it is expected to be.
#[inline]
pub(super) fn typed<T: Container>(value: Option<&Value>) -> Result<Option<&T>, CommandError> {
    value.map(|value| T::of(value).ok_or(CommandError::WrongType)).transpose()
}

/// What is under the first key, in order to read it.
#[inline]
pub(super) fn read<'c, T: Container>(call: &'c mut Call<'_, '_>) -> Result<Option<&'c T>, CommandError> {
    let (key, now_ms) = (call.at(1), call.now_ms);
    typed(call.keyspace().read(key, now_ms))
}

/// What is under several keys, in order to read it.
pub(super) fn read_all<'c, 'k, T: Container>(
    keyspace: &'c mut Keyspace,
    keys: impl Iterator<Item = &'k [u8]> + Clone,
    now_ms: u64,
) -> Result<Vec<Option<&'c T>>, CommandError> {
    keys.clone().for_each(|key| _ = keyspace.lookup_read(key, now_ms));
    keys.map(|key| typed(keyspace.stored(key).map(|(value, _)| value))).collect()
}

/// Finds what is under a key, in order to change it.
#[inline]
pub(super) fn lookup<T: Container>(
    call: &mut Call<'_, '_>,
    key: &[u8],
) -> Result<Option<Found>, CommandError> {
    let now_ms = call.now_ms;
    let keyspace = call.keyspace();
    match keyspace.lookup(key, now_ms) {
        Some(found) if T::of(keyspace.value(found)).is_none() => Err(CommandError::WrongType),
        found => Ok(found),
    }
}

/// Changes what was found.
#[inline]
pub(super) fn edit<T: Container, R>(
    call: &mut Call<'_, '_>,
    found: Found,
    change: impl FnOnce(&mut T) -> R,
) -> Result<R, CommandError> {
    edit_if(call, found, |container| (change(container), true))
}

/// Changes what was found, if `change` says so with its result.
#[inline]
pub(super) fn edit_if<T: Container, R>(
    call: &mut Call<'_, '_>,
    found: Found,
    change: impl FnOnce(&mut T) -> (R, bool),
) -> Result<R, CommandError> {
    let edited = call.keyspace().edit_if(found, |value| match T::of_mut(value) {
        Some(container) => {
            let (result, changed) = change(container);
            (Some(result), changed)
        }
        None => (None, false),
    });
    edited.ok_or(CommandError::WrongType)
}

/// Changes what is under a key, if `change` says so; a new container where there is none, unless it is left empty.
#[inline]
pub(super) fn edit_or_create<T: Container, R>(
    call: &mut Call<'_, '_>,
    key: &[u8],
    change: impl FnOnce(&mut T) -> (R, bool),
) -> Result<R, CommandError> {
    if let Some(found) = lookup::<T>(call, key)? {
        return edit_if(call, found, change);
    }
    let mut container = T::empty(call.keyspace().hash_key());
    let (result, _) = change(&mut container);
    store(call, key, container);
    Ok(result)
}

/// Puts a container under a key, whatever was there; one that is empty removes it.
pub(super) fn store<T: Container>(call: &mut Call<'_, '_>, key: &[u8], container: T) {
    let (value, now_ms) = (container.into_value(), call.now_ms);
    let keyspace = call.keyspace();
    if !value.is_empty_container() {
        keyspace.set(key, value, Lifetime::Forever, now_ms);
    } else if let Some(found) = keyspace.lookup(key, now_ms) {
        keyspace.remove(found);
    }
}

/// The number of keys at `index`, and that many words behind it.
pub(super) fn numbered_keys(
    call: &Call<'_, '_>,
    index: usize,
    too_few: CommandError,
    too_many: CommandError,
) -> Result<usize, CommandError> {
    let count = crate::resp::number::parse_integer(call.at(index));
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or(too_few)?;
    if count >= call.len() - index { Err(too_many) } else { Ok(count) }
}

/// Positions of a container of `length` things, drawn as `SRANDMEMBER` and its relatives do: so many different ones, or,
/// negative, so many with repetition.
pub(super) fn draw(call: &mut Call<'_, '_>, count: i64, length: usize) -> Result<Vec<usize>, CommandError> {
    let random = &mut call.shared.random;
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        // Every draw is answered with some bytes, and an answer has a bound.
        if count > call.shared.config.limits.output.hard.min(REPLY_BYTES_MAX) / 8 {
            return Err(CommandError::Said("ERR value is out of range"));
        }
        return Ok((0..count).map(|_| random.below(length)).collect());
    }
    let mut all: Vec<usize> = (0..length).collect();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(length);
    // Who asks for all of them gets them as they lie.
    for at in (0..count).filter(|_| count < length) {
        let other = at + random.below(length - at);
        all.swap(at, other);
    }
    all.truncate(count);
    Ok(all)
}
