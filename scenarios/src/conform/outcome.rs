//! What a call came to, without anything that differs between two kernels that do the same: no descriptor numbers, no
//! ports, no moments.

use super::call::letter;
use eagain_net::{Errno, Events};
use std::fmt;

/// What each call of a program came to.
pub type Log = Vec<Outcome>;

/// What one call came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It succeeded, with nothing to show.
    Ok,
    /// It failed.
    Err(Errno),
    /// A number: of bytes, mostly.
    Count(u64),
    /// Bytes were read: how many, and what (the number itself where it is one).
    Data(u64, u64),
    /// A number of 8 bytes was read.
    Word(u64),
    /// Poll bits of one descriptor.
    Mask(Events),
    /// Poll bits, by slot.
    Masks(Vec<(u8, Events)>),
    /// The events of an epoll set, in order: the slot that they were registered with.
    Events(Vec<(u8, Events)>),
    /// Whether it is readable, writable, exceptional, by slot.
    Sets(Vec<(u8, [bool; 3])>),
    /// An address: `None` is the unspecified one, else whose it is.
    Address(Option<Owner>),
    /// What has completed, in its order: the number of the submission, how it ended, and what was read.
    Completions(Vec<(u64, String, u64)>),
    /// A text that is the same everywhere.
    Text(String),
}

/// Whose address it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The one that a slot was bound to, or connected from.
    Slot(u8),
    /// Nobody's that the program knows.
    Stranger,
}

impl Outcome {
    /// The short form of a call's result.
    pub fn of(result: eagain_net::Result<()>) -> Outcome {
        result.map_or_else(Outcome::Err, |()| Outcome::Ok)
    }
}

struct Bits(Events);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("none") } else { write!(f, "{:?}", self.0) }
    }
}

fn list<T>(
    items: &[T],
    f: &mut fmt::Formatter<'_>,
    show: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return f.write_str("none");
    }
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(" ")?;
        }
        show(item, f)?;
    }
    Ok(())
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ok => f.write_str("ok"),
            Outcome::Err(errno) => write!(f, "{errno:?}"),
            Outcome::Count(n) | Outcome::Data(n, _) => write!(f, "{n}"),
            Outcome::Word(word) => write!(f, "8:{word}"),
            Outcome::Mask(mask) => write!(f, "{}", Bits(*mask)),
            Outcome::Masks(masks) | Outcome::Events(masks) => {
                list(masks, f, |(slot, mask), f| write!(f, "{}:{}", letter(u64::from(*slot)), Bits(*mask)))
            }
            Outcome::Sets(sets) => list(sets, f, |(slot, [r, w, x]), f| {
                let bit = |on: bool, name: &'static str| if on { name } else { "-" };
                let (r, w, x) = (bit(*r, "r"), bit(*w, "w"), bit(*x, "x"));
                write!(f, "{}:{r}{w}{x}", letter(u64::from(*slot)))
            }),
            Outcome::Address(None) => f.write_str("unbound"),
            Outcome::Address(Some(Owner::Stranger)) => f.write_str("stranger"),
            Outcome::Address(Some(Owner::Slot(slot))) => write!(f, "{}", letter(u64::from(*slot))),
            Outcome::Completions(all) => list(all, f, |(number, text, _), f| write!(f, "{number}:{text}")),
            Outcome::Text(text) => f.write_str(text),
        }
    }
}
