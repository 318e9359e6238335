//! The types of the words of events, and how each is written: as strace writes it. There is one rendering for all forms
//! of a trace and for the lines that say what a thread waits in.

use crate::print::{put_bytes, put_hex, put_number, put_span};
use eagain_net::{Errno, SigSet, Signal};
use std::io::Write;

/// Names of numbers.
pub type Names = &'static [(u32, &'static str)];

/// Flags in one word.
#[derive(Clone, Copy, Debug)]
pub struct FlagSet {
    /// What comes before each name.
    pub prefix: &'static str,
    /// The flags, each with its name.
    pub names: Names,
    /// What is written first where no bit of this mask is set, as `O_RDONLY` is.
    pub default: Option<(u32, &'static str)>,
}

/// The type of a word.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// A file descriptor.
    Fd,
    /// How many: bytes, entries, events.
    Count,
    /// A number that names something: a process, a thread, an operation, a status.
    Number,
    /// 64 bits that the program gave, and gets back.
    UserData,
    /// Nanoseconds.
    Duration,
    /// Nanoseconds until a wait ends by itself; the largest number: never.
    Timeout,
    /// One of several constants.
    OneOf(Names),
    /// A combination of flags.
    Flags(FlagSet),
    /// What an operation came to: a number, or a negated errno.
    Outcome,
    /// An IPv4 address and a port: ip << 16 | port.
    Address,
    /// A signal; 0: none.
    Signal,
    /// A set of signals: bit n - 1 is signal n.
    SigSet,
    /// The index of a text.
    Text,
    /// The index of a host; the largest number: every host.
    Host,
    /// A futex word. It has no address in a trace.
    Futex,
    /// Permissions of a file, in octal.
    Mode,
    /// A time of a file, in nanoseconds since 1970; the largest numbers: not to be set, and now.
    FileTime,
    /// A limit of a resource; the largest number: none.
    Limit,
}

/// What words refer to by index, and whoever shows them knows.
pub trait Resolve {
    /// A text of the run.
    fn text(&self, index: usize) -> Option<&str>;
    /// The name of a host.
    fn host(&self, index: usize) -> Option<&str>;
    /// The name of the place that waits on a futex word.
    fn futex(&self) -> &str {
        "word"
    }
}

impl Arg {
    /// Appends the word.
    pub(crate) fn put(self, out: &mut Vec<u8>, words: &impl Resolve, word: u64) {
        match self {
            Arg::Fd | Arg::Count | Arg::Number => put_number(out, word as i64),
            Arg::Mode => out.extend_from_slice(format!("0{word:o}").as_bytes()),
            Arg::FileTime if word == u64::MAX => out.extend_from_slice(b"UTIME_OMIT"),
            Arg::FileTime if word == u64::MAX - 1 => out.extend_from_slice(b"UTIME_NOW"),
            Arg::FileTime => put_span(out, word),
            // A result is never negative.
            Arg::Limit if matches!(word as i64, -1 | i64::MAX) => out.extend_from_slice(b"RLIM_INFINITY"),
            Arg::Limit => put_number(out, word),
            Arg::UserData if word == 0 => out.push(b'0'),
            Arg::UserData => put_hex(out, word),
            Arg::Timeout if word == u64::MAX => out.extend_from_slice(b"never"),
            Arg::Duration | Arg::Timeout => put_span(out, word),
            Arg::OneOf(names) => match name(names, word) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => put_number(out, word as i64),
            },
            Arg::Flags(flags) => flags.put(out, word),
            Arg::Outcome => put_outcome(out, word as i64),
            Arg::Address => {
                put_address(out, word);
                // Beside the address, since a program knows hosts by both.
                if let Some(name) = host_of(word).and_then(|index| words.host(index)) {
                    out.push(b' ');
                    out.extend_from_slice(name.as_bytes());
                }
            }
            Arg::Signal => put_signal(out, word),
            Arg::SigSet => put_signals(out, SigSet(word)),
            Arg::Text => match words.text(index(word)) {
                Some(text) => put_bytes(out, text.as_bytes(), 200),
                None => put_unknown(out, "text ", word),
            },
            Arg::Host if word == u64::MAX => out.push(b'*'),
            Arg::Host => match words.host(index(word)) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => put_unknown(out, "host ", word),
            },
            Arg::Futex => {
                out.push(b'&');
                out.extend_from_slice(words.futex().as_bytes());
            }
        }
    }
}

impl FlagSet {
    fn put(self, out: &mut Vec<u8>, word: u64) {
        let before = out.len();
        let next = |out: &mut Vec<u8>| {
            if out.len() > before {
                out.push(b'|');
            }
        };
        if let Some((mask, name)) = self.default
            && word & u64::from(mask) == 0
        {
            out.extend_from_slice(name.as_bytes());
        }
        let mut rest = word;
        for &(flag, name) in self.names {
            if rest & u64::from(flag) == u64::from(flag) {
                next(out);
                out.extend_from_slice(self.prefix.as_bytes());
                out.extend_from_slice(name.as_bytes());
                rest &= !u64::from(flag);
            }
        }
        if rest != 0 {
            next(out);
            put_hex(out, rest);
        } else if out.len() == before {
            out.push(b'0');
        }
    }
}

fn name(names: Names, word: u64) -> Option<&'static str> {
    names.iter().find(|(number, _)| u64::from(*number) == word).map(|(_, name)| *name)
}

fn index(word: u64) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}

fn put_unknown(out: &mut Vec<u8>, what: &str, number: u64) {
    out.extend_from_slice(what.as_bytes());
    put_number(out, number);
}

/// The name of an errno, as the kernel's own convention negates it: -4095 to -1.
pub(crate) fn errno(result: i64) -> Option<Errno> {
    i32::try_from(result).ok().filter(|result| (-4095..0).contains(result)).map(|result| Errno(-result))
}

/// `EAGAIN`.
pub(crate) fn put_errno(out: &mut Vec<u8>, errno: Errno) {
    match errno.name() {
        "E?" => put_unknown(out, "errno ", errno.0 as u64),
        name => out.extend_from_slice(name.as_bytes()),
    }
}

fn put_outcome(out: &mut Vec<u8>, result: i64) {
    match errno(result) {
        Some(errno) => {
            out.push(b'-');
            put_errno(out, errno);
        }
        None => put_number(out, result),
    }
}

/// The index of the host of an address: they have 10.0.x.y, dealt out in order from 10.0.0.1.
pub(crate) fn host_of(word: u64) -> Option<usize> {
    let [10, 0, high, low] = ((word >> 16) as u32).to_be_bytes() else { return None };
    (usize::from(high) << 8 | usize::from(low)).checked_sub(1)
}

fn put_address(out: &mut Vec<u8>, word: u64) {
    for (at, octet) in ((word >> 16) as u32).to_be_bytes().into_iter().enumerate() {
        if at > 0 {
            out.push(b'.');
        }
        put_number(out, octet);
    }
    out.push(b':');
    put_number(out, word & 0xffff);
}

/// Writing to a vector does not fail. Signals are rare enough for a formatter.
fn put_signal(out: &mut Vec<u8>, word: u64) {
    match Signal(word as i32) {
        signal if signal.is_valid() => drop(write!(out, "{signal:?}")),
        _ => put_number(out, word as i64),
    }
}

/// `[INT TERM]`; of more than half of all signals, those that are absent: `~[KILL STOP]`.
fn put_signals(out: &mut Vec<u8>, set: SigSet) {
    let most = set.0.count_ones() > 32;
    if most {
        out.push(b'~');
    }
    out.push(b'[');
    for (at, signal) in SigSet(if most { !set.0 } else { set.0 }).iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(format!("{signal:?}").trim_start_matches("SIG").as_bytes());
    }
    out.push(b']');
}
