//! The commands, a group a file, and the one table of them all.
//!
//! A group's file has the group's table ([`Command`] entries) and the functions it names. What they share is here:
//! the shape of an entry, and the index by name, which is built by the compiler.

pub mod bit;
pub mod channel;
pub mod client;
pub mod client_pause;
pub mod command_table;
pub mod config;
pub mod connection;
mod container;
pub mod counter;
pub mod expire;
pub mod hash;
pub mod info;
pub mod key;
pub mod list;
pub mod list_move;
pub mod list_wait;
pub mod object;
pub mod scan;
pub mod server;
pub mod set;
pub mod set_algebra;
pub mod slowlog;
pub mod sorted_set;
pub mod sorted_set_algebra;
pub mod sorted_set_pop;
pub mod sorted_set_range;
pub mod string;
pub mod string_range;
pub mod transaction;

use super::call::Call;
use super::dispatch::Subcommand;
use crate::error::Outcome;
use crate::resp::Arguments;
use crate::resp::number::parse_integer;

/// What is special about a command; the names are those of `COMMAND INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Nothing.
    pub const NONE: Flags = Flags(0);
    /// It may change data.
    pub const WRITE: Flags = Flags(1);
    /// It only reads data.
    pub const READONLY: Flags = Flags(2);
    /// It may need memory, and is refused when there is none.
    pub const DENY_OOM: Flags = Flags(4);
    /// It costs the same whatever the data.
    pub const FAST: Flags = Flags(8);
    /// It is for operators.
    pub const ADMIN: Flags = Flags(16);
    /// A client may say it before it has said the password.
    pub const NO_AUTH: Flags = Flags(32);
    /// It is run at once inside a transaction.
    pub const UNQUEUED: Flags = Flags(64);
    /// It is refused inside a transaction.
    pub const NO_MULTI: Flags = Flags(128);
    /// It may wait for what others do.
    pub const BLOCKING: Flags = Flags(256);
    /// It is about channels.
    pub const PUBSUB: Flags = Flags(512);
    /// A client that listens to channels may say it in RESP2.
    pub const WHILE_SUBSCRIBED: Flags = Flags(1024);
    /// Redis does not call it fast, but its cost hardly depends on the data.
    pub const STEADY: Flags = Flags(2048);

    const NAMES: [(Flags, &'static str); 9] = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENY_OOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::NO_MULTI, "no_multi"),
        (Flags::BLOCKING, "blocking"),
        (Flags::PUBSUB, "pubsub"),
    ];

    /// These and those.
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether one of `others` is among these.
    pub const fn has_any(self, others: Flags) -> bool {
        self.0 & others.0 != 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
    }
}

/// Reads, at a cost that does not depend on the data.
const READ_FAST: Flags = Flags::READONLY.and(Flags::FAST);
/// Reads.
const READ: Flags = Flags::READONLY;
/// Changes data and may need memory.
const WRITE_OOM: Flags = Flags::WRITE.and(Flags::DENY_OOM);
/// The same, at a cost that does not depend on the data.
const WRITE_OOM_FAST: Flags = WRITE_OOM.and(Flags::FAST);
/// Changes data without needing memory.
const WRITE: Flags = Flags::WRITE;
/// The same, at a cost that does not depend on the data.
const WRITE_FAST: Flags = Flags::WRITE.and(Flags::FAST);

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name, in lower case.
    pub name: &'static str,
    /// How many words, the name included: exactly, or at least when negative.
    pub arity: i32,
    /// What is special about it.
    pub flags: Flags,
    /// Which words are keys: first, last (negative: from the end), step. All 0: none.
    pub keys: (i32, i32, i32),
    /// The word that says how many keys follow it; 0: none does.
    pub numbered: usize,
    /// The group in which `COMMAND DOCS` lists it.
    pub group: &'static str,
    /// What it does.
    pub run: fn(&mut Call<'_, '_>) -> Outcome,
    /// What its second word may be, if that is what decides.
    pub subcommands: &'static [Subcommand],
}

impl Command {
    const fn new(
        group: &'static str,
        name: &'static str,
        arity: i32,
        flags: Flags,
        keys: (i32, i32, i32),
        run: fn(&mut Call<'_, '_>) -> Outcome,
    ) -> Self {
        Command { name, arity, flags, keys, numbered: 0, group, run, subcommands: &[] }
    }

    /// The same, with subcommands.
    const fn with(mut self, subcommands: &'static [Subcommand]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// The same, where the word at `index` says how many keys follow it.
    const fn numbered(mut self, index: usize) -> Self {
        self.numbered = index;
        self
    }

    /// The keys among the words of a request.
    pub fn keys_of<'a>(&self, request: Arguments<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (first, last, step) = self.keys;
        let end = if last < 0 { request.len() as i32 + last } else { last };
        let fixed = (first.max(1)..=end).step_by(step.max(1) as usize).filter(move |_| first > 0);
        let count = request.get(self.numbered).filter(|_| self.numbered > 0).and_then(parse_integer);
        let count = count.and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| self.numbered + count < request.len()).unwrap_or(0);
        let fixed = fixed.filter_map(move |at| request.get(at as usize));
        fixed.chain(request.from(self.numbered + 1).take(count))
    }

    /// Whether it takes so many words.
    #[inline]
    pub fn takes(&self, words: usize) -> bool {
        arity_fits(self.arity, words)
    }
}

/// What a request is called: the command's name, and its subcommand's.
pub fn full_name(request: Arguments<'_>) -> String {
    let Some(command) = find(request.at(0)) else { return String::new() };
    let subcommand = command.subcommands.iter().find(|entry| {
        let name = entry.full_name.split_once('|').map_or(entry.full_name, |(_, name)| name);
        request.get(1).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    });
    subcommand.map_or(command.name, |entry| entry.full_name).to_owned()
}

/// Whether an arity, exact or a negative minimum, is met by so many words.
#[inline]
pub fn arity_fits(arity: i32, words: usize) -> bool {
    let least = arity.unsigned_abs() as usize;
    if arity >= 0 { words == least } else { words >= least }
}

const NO_KEYS: (i32, i32, i32) = (0, 0, 0);
const ONE_KEY: (i32, i32, i32) = (1, 1, 1);
const TWO_KEYS: (i32, i32, i32) = (1, 2, 1);
const ALL_KEYS: (i32, i32, i32) = (1, -1, 1);

const GROUPS: &[&[Command]] = &[
    connection::COMMANDS,
    client::COMMANDS,
    command_table::COMMANDS,
    config::COMMANDS,
    info::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
    string_range::COMMANDS,
    counter::COMMANDS,
    bit::COMMANDS,
    key::COMMANDS,
    object::COMMANDS,
    scan::COMMANDS,
    expire::COMMANDS,
    transaction::COMMANDS,
    hash::COMMANDS,
    list::COMMANDS,
    list_move::COMMANDS,
    list_wait::COMMANDS,
    channel::COMMANDS,
    slowlog::COMMANDS,
    set::COMMANDS,
    set_algebra::COMMANDS,
    sorted_set::COMMANDS,
    sorted_set_range::COMMANDS,
    sorted_set_pop::COMMANDS,
    sorted_set_algebra::COMMANDS,
];

/// All commands, group by group.
pub fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|group| group.iter())
}

/// How many commands.
pub const COUNT: usize = {
    let (mut sum, mut group) = (0, 0);
    while group < GROUPS.len() {
        sum += GROUPS[group].len();
        group += 1;
    }
    sum
};

/// The longest name there is.
const NAME_BYTES_MAX: usize = 20;
const INDEX_SIZE: usize = 512;

/// For each hash of a name, the first command that has it or comes after it: group and place, both from 1.
static INDEX: [(u8, u8); INDEX_SIZE] = build_index();

const fn build_index() -> [(u8, u8); INDEX_SIZE] {
    let mut index = [(0u8, 0u8); INDEX_SIZE];
    let mut group = 0;
    while group < GROUPS.len() {
        let mut place = 0;
        while place < GROUPS[group].len() {
            let mut at = hash_name(GROUPS[group][place].name.as_bytes());
            while index[at].0 != 0 {
                at = (at + 1) % INDEX_SIZE;
            }
            index[at] = (group as u8 + 1, place as u8 + 1);
            place += 1;
        }
        group += 1;
    }
    index
}

/// A few multiplications that ignore case; the names are ours, so nobody can make them collide.
#[inline]
const fn hash_name(name: &[u8]) -> usize {
    let mut hash: u32 = name.len() as u32;
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ (name[at] | 0x20) as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    ((hash >> 16) ^ hash) as usize % INDEX_SIZE
}

/// The command with this name, in any case.
#[inline]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut at = hash_name(name);
    loop {
        let (group, place) = INDEX[at];
        if group == 0 {
            return None;
        }
        let command = &GROUPS[group as usize - 1][place as usize - 1];
        if command.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(command);
        }
        at = (at + 1) % INDEX_SIZE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        assert_eq!(all().count(), COUNT);
        for command in all() {
            assert!(command.name.len() <= NAME_BYTES_MAX);
            let upper = command.name.to_ascii_uppercase();
            assert_eq!(find(command.name.as_bytes()).map(|found| found.name), Some(command.name));
            assert_eq!(find(upper.as_bytes()).map(|found| found.name), Some(command.name));
        }
        for name in ["", "gets", "ge", "get ", "\u{0}", "a-name-that-is-much-too-long"] {
            assert!(find(name.as_bytes()).is_none());
        }
    }
}
