//! Reading a log back, and judging how it ends.
//!
//! The whole frames from the front are the history; it ends at the first place where none stands. What lies behind is
//! residue of a crash, which is dropped and reported; unless a frame behind it says that this place was once safe. Then
//! the disk has lost what it had promised, and dropping the rest would be a second loss: the log is refused, and a
//! person decides.

use super::frame::{self, BadPreamble, HEADER_BYTES, PREAMBLE_BYTES};
use super::window::Window;
use crate::storage_unit::Databases;
use crate::storage_unit::record::{self, NotApplied};
use eagain_net::{Errno, File, Files};
use std::fmt;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Of this file.
    pub salt: u64,
    /// Whole frames.
    pub frames: u64,
    /// Operations in them.
    pub operations: u64,
    /// Where the history ends.
    pub end: u64,
    /// Bytes behind it.
    pub dropped_bytes: u64,
    /// A frame behind it that says that `end` was safe once, if somebody allowed to drop it.
    pub lost_from: Option<u64>,
}

impl Recovered {
    /// Of a log that has nothing yet.
    pub fn nothing(salt: u64) -> Recovered {
        let end = PREAMBLE_BYTES as u64;
        Recovered { salt, frames: 0, operations: 0, end, dropped_bytes: 0, lost_from: None }
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kept {} batches ({} changes, {} bytes)", self.frames, self.operations, self.end)?;
        match (self.dropped_bytes, self.lost_from) {
            (0, _) => Ok(()),
            (dropped, None) => write!(
                f,
                "; a torn batch at byte {}: dropped {dropped} bytes that were never synced",
                self.end
            ),
            (dropped, Some(valid)) => write!(
                f,
                "; damage at byte {}: dropped {dropped} bytes, with valid batches from byte {valid} on",
                self.end
            ),
        }
    }
}

/// Why a log is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A call failed.
    Io(Errno),
    /// It does not begin as a log does.
    Preamble(BadPreamble),
    /// Damage before data that was safe.
    Damaged {
        /// Where the damage is.
        at: u64,
        /// Whole frames before it.
        frames: u64,
        /// A valid frame behind it.
        valid: u64,
        /// How long the file is.
        length: u64,
    },
    /// A frame whose checks are right does not hold operations: it was written by something else.
    NotOurs {
        /// Where.
        at: u64,
    },
    /// The log has a database that the server was not started with.
    NoSuchDatabase {
        /// Its number.
        database: usize,
    },
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Self {
        Unreadable::Io(errno)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Io(errno) => write!(f, "cannot be read: {errno}"),
            Unreadable::Preamble(BadPreamble::NotALog) => {
                f.write_str("does not begin as a log does: it is something else, or damaged at byte 0")
            }
            Unreadable::Preamble(BadPreamble::Version(version)) => {
                write!(f, "has version {version} of the format, which this server does not know")
            }
            Unreadable::Damaged { at, frames, valid, length } => write!(
                f,
                "is damaged at byte {at}: {frames} batches before it are whole, and there are valid ones from byte \
                 {valid} on ({} bytes behind the damage); --recover truncate keeps what is before it and drops the rest",
                length - at
            ),
            Unreadable::NotOurs { at } => write!(f, "holds at byte {at} what this server did not write"),
            Unreadable::NoSuchDatabase { database } => {
                write!(f, "has keys in database {database}; start with --databases {}", database + 1)
            }
        }
    }
}

/// Reads the first `length` bytes of a log into `databases`. `drops_damage`: go on where otherwise it would be refused.
pub fn recover<K: Files>(
    file: &File<K>,
    length: u64,
    databases: &mut Databases,
    drops_damage: bool,
) -> Result<Recovered, Unreadable> {
    recover_each(file, length, drops_damage, |payload| record::apply(databases, payload))
}

/// As [`recover`], with each batch to `apply`, which says how many operations it has.
pub fn recover_each<K: Files>(
    file: &File<K>,
    length: u64,
    drops_damage: bool,
    mut apply: impl FnMut(&[u8]) -> Result<u64, NotApplied>,
) -> Result<Recovered, Unreadable> {
    let mut window = Window::new(file, length);
    let salt = frame::salt_of(window.at(0, PREAMBLE_BYTES)?).map_err(Unreadable::Preamble)?;
    let mut recovered = Recovered::nothing(salt);
    while let Some(payload) = next_frame(&mut window, salt, &recovered)? {
        match apply(payload) {
            Ok(operations) => recovered.operations += operations,
            Err(NotApplied::Malformed) => return Err(Unreadable::NotOurs { at: recovered.end }),
            Err(NotApplied::NoSuchDatabase(database)) => return Err(Unreadable::NoSuchDatabase { database }),
        }
        recovered.frames += 1;
        recovered.end += (HEADER_BYTES + payload.len()) as u64;
    }
    recovered.dropped_bytes = length - recovered.end;
    if recovered.dropped_bytes > 0 {
        recovered.lost_from = find_witness(&mut window, salt, recovered.end)?;
        if let (Some(valid), false) = (recovered.lost_from, drops_damage) {
            return Err(Unreadable::Damaged { at: recovered.end, frames: recovered.frames, valid, length });
        }
    }
    Ok(recovered)
}

/// The payload of the frame at the end of what was recovered, if a whole one stands there.
fn next_frame<'w, K: Files>(
    window: &'w mut Window<'_, K>,
    salt: u64,
    so_far: &Recovered,
) -> Result<Option<&'w [u8]>, Errno> {
    let Some(header) = frame::header(window.at(so_far.end, HEADER_BYTES)?, salt) else {
        return Ok(None);
    };
    if header.sequence != so_far.frames + 1 {
        return Ok(None);
    }
    let payload = window.at(so_far.end + HEADER_BYTES as u64, header.length as usize)?;
    Ok(frame::fits(&header, payload, salt).then_some(payload))
}

/// A frame behind `at` that was written when `at` was safe already.
fn find_witness<K: Files>(window: &mut Window<'_, K>, salt: u64, at: u64) -> Result<Option<u64>, Errno> {
    // The frame at `at` itself may have a whole header, which is no witness: it was not safe before it was written.
    let mut from = at + 1;
    while let Some(found) = window.find_magic(from)? {
        if let Some(header) = frame::header(window.at(found, HEADER_BYTES)?, salt)
            && header.synced_to > at
        {
            return Ok(Some(found));
        }
        from = found + 1;
    }
    Ok(None)
}
