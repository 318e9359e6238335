//! One command being executed: its words, who sent it, the data, and the reply under way. The helpers here are what
//! most commands begin with.

use super::session::Session;
use super::{Shared, WallTime};
use crate::error::CommandError;
use crate::request_queue::{After, Wait};
use crate::resp::number::parse_integer;
use crate::resp::{Arguments, Reply};
use crate::storage_unit::{Databases, Keyspace};

/// One command being executed.
#[derive(Debug)]
pub struct Call<'a, 'o> {
    /// Its words; its name at 0.
    pub arguments: Arguments<'a>,
    /// What the wall clock says.
    pub now: WallTime,
    /// The same in milliseconds.
    pub now_ms: u64,
    /// The data.
    pub databases: &'a mut Databases,
    /// What commands share beside the data.
    pub shared: &'a mut Shared,
    /// Who sent it.
    pub session: &'a mut Session,
    /// What is answered.
    pub reply: Reply<'o>,
    /// What becomes of the connection.
    pub after: After,
    /// It comes from the client itself, by itself: there is somebody who can wait.
    pub may_wait: bool,
    /// It has waited, and is executed again because there is something under this key.
    pub only_key: Option<&'a [u8]>,
}

impl<'a> Call<'a, '_> {
    /// The word at `index`, which the arity check has seen.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.arguments.at(index)
    }

    /// How many words, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.arguments.len()
    }

    /// A command has at least its name.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The word at `index` as an integer.
    pub fn integer(&self, index: usize) -> Result<i64, CommandError> {
        parse_integer(self.at(index)).ok_or(CommandError::NotAnInteger)
    }

    /// The word at `index` as an integer that is not negative.
    pub fn positive(&self, index: usize) -> Result<usize, CommandError> {
        let count = parse_integer(self.at(index)).and_then(|count| usize::try_from(count).ok());
        count.ok_or(CommandError::Said("ERR value is out of range, must be positive"))
    }

    /// The word at `index` as an integer between these two.
    pub fn integer_within(&self, index: usize, least: i64, most: i64) -> Result<i64, CommandError> {
        let value = self.integer(index)?;
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        let text = format!("ERR value is out of range, value must between {least} and {most}");
        Err(CommandError::Text(text))
    }

    /// Whether the word at `index` is `word`, in any case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.at(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether the command is to look at this key.
    pub fn asks_for(&self, key: &[u8]) -> bool {
        self.only_key.is_none_or(|only| only == key)
    }

    /// What the wall clock says now, in milliseconds: what is relative to the time of a command would come too early by that of its turn.
    pub fn look_again_ms(&self) -> u64 {
        self.shared.wall.as_ref().map_or(self.now_ms, |wall| wall.now().unix_ms())
    }

    /// There is nothing under any of these keys: the client waits for so long, 0: for ever. `false`: here nobody waits.
    pub fn wait_for<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>, timeout_ms: u64) -> bool {
        if self.may_wait {
            self.shared.waiters.add(self.databases, self.session, self.arguments, keys);
            self.after = After::Wait(Wait::Reply(timeout_ms));
        }
        self.may_wait
    }

    /// The client's database.
    #[inline]
    pub fn keyspace(&mut self) -> &mut Keyspace {
        self.databases.at(self.session.database)
    }
}

/// An index from the front or, negative, from the end, as a half-open range within `length`; Redis's rule for
/// `GETRANGE`, `LRANGE` and `LTRIM`.
pub fn range(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let length_signed = length as i64;
    let from = if start < 0 { (length_signed.saturating_add(start)).max(0) } else { start };
    let to = if end < 0 { length_signed.saturating_add(end) } else { end.min(length_signed - 1) };
    if from > to || from >= length_signed { 0..0 } else { from as usize..to as usize + 1 }
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_follow_redis() {
        let table = [
            (0, -1, 5, 0..5),
            (1, 3, 5, 1..4),
            (-3, -2, 5, 2..4),
            (-100, 100, 5, 0..5),
            (3, 1, 5, 0..0),
            (5, 9, 5, 0..0),
            (0, -100, 5, 0..0),
            (0, 0, 0, 0..0),
            (i64::MIN, i64::MAX, 3, 0..3),
        ];
        for (start, end, length, expected) in table {
            assert_eq!(range(start, end, length), expected, "{start} {end} of {length}");
        }
    }
}
