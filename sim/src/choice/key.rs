//! Who chooses, as explicit bytes: a key is text, and its stream is the hash of that text.

use std::fmt;
use std::str::FromStr;

/// The name of one choice. Printed and parsed as `domain object ordinal`: up to the first space, and from the last one on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// The family, such as `wire.split`. No spaces in it.
    pub domain: String,
    /// Who or what: a thread, one direction of a connection, a file. Names that a scenario gives are part of it, spaces and all.
    pub object: String,
    /// The number of the choice among those of this family by this object, from 0.
    pub ordinal: u64,
}

/// Why a text is no key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyError(String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid key `{}`: expected `domain object ordinal`", self.0)
    }
}

impl std::error::Error for KeyError {}

impl Key {
    pub(crate) fn stream_id(&self) -> u64 {
        stream_id(&self.domain, &self.object)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.domain, self.object, self.ordinal)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        let error = || KeyError(text.to_owned());
        let parts = text.split_once(' ').and_then(|(domain, rest)| Some((domain, rest.rsplit_once(' ')?)));
        let Some((domain, (object, ordinal))) = parts else { return Err(error()) };
        if domain.is_empty() || object.is_empty() {
            return Err(error());
        }
        let ordinal = ordinal.parse().map_err(|_| error())?;
        Ok(Key { domain: domain.to_owned(), object: object.to_owned(), ordinal })
    }
}

/// FNV-1a over `domain`, a zero byte and `object`, finished with a full mix: the nonce of the stream.
pub(crate) fn stream_id(domain: &str, object: &str) -> u64 {
    let mut hash = fnv1a(domain.bytes().chain([0]).chain(object.bytes()));
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ hash >> 32
}

/// FNV-1a, of 64 bits.
#[inline]
pub(crate) fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
