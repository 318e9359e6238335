//! A frame of the log: one batch of operations behind a header of 32 bytes, all numbers little-endian.
//!
//! ```text
//!    0        4        8               16               24         28         32
//!    | "EGFR" | length | sequence      | synced_to      | check of | check of | payload …
//!    |        |        |               |                | header   | payload  |
//! ```
//!
//! A batch is whole or it is not there: what is torn by a crash fails its check. `synced_to` is how much of the file was
//! known to be on the disk when the frame was written. So a reader who meets damage can distinguish what it is: residue of a
//! crash, if nobody ever claimed that this place was safe; a broken disk, if a later frame did.
//!
//! The checks (CRC-32C) begin with the file's salt, so that neither an old file's blocks nor a client's value can pass
//! for a frame of this file.

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 32;
/// What every frame begins with.
pub const MAGIC: [u8; 4] = *b"EGFR";

/// A frame's header, its check passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the payload.
    pub length: u32,
    /// One more than the frame's before; 1 is the first.
    pub sequence: u64,
    /// The file up to here was safe when this was written.
    pub synced_to: u64,
    /// Of the payload.
    pub check: u32,
}

fn check(salt: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(salt as u32 ^ (salt >> 32) as u32, bytes)
}

/// Fills in the header of a frame whose payload is behind its first 32 bytes.
pub fn seal(frame: &mut [u8], salt: u64, sequence: u64, synced_to: u64) {
    let (header, payload) = frame.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(payload.len()).expect("a batch is bounded far below 4 GiB");
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&length.to_le_bytes());
    header[8..16].copy_from_slice(&sequence.to_le_bytes());
    header[16..24].copy_from_slice(&synced_to.to_le_bytes());
    let of_header = check(salt, &header[..24]);
    header[24..28].copy_from_slice(&of_header.to_le_bytes());
    header[28..32].copy_from_slice(&check(salt, payload).to_le_bytes());
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// The header at the front of `bytes`, if that is one.
pub fn header(bytes: &[u8], salt: u64) -> Option<Header> {
    if bytes.len() < HEADER_BYTES || bytes[..4] != MAGIC || word(bytes, 24)? != check(salt, &bytes[..24]) {
        return None;
    }
    Some(Header {
        length: word(bytes, 4)?,
        sequence: long(bytes, 8)?,
        synced_to: long(bytes, 16)?,
        check: word(bytes, 28)?,
    })
}

/// Whether this is the payload that the header means.
pub fn fits(header: &Header, payload: &[u8], salt: u64) -> bool {
    payload.len() == header.length as usize && check(salt, payload) == header.check
}

/// The first bytes of a log.
pub const PREAMBLE_BYTES: usize = 32;
const NAME: &[u8; 8] = b"EAGAINLG";
const VERSION: u32 = 1;

/// Why a file does not begin as a log does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPreamble {
    /// It is something else, or its first bytes are damaged.
    NotALog,
    /// It was written by another version of the format.
    Version(u32),
}

/// A log's first bytes.
pub fn preamble(salt: u64) -> [u8; PREAMBLE_BYTES] {
    let mut bytes = [0; PREAMBLE_BYTES];
    bytes[..8].copy_from_slice(NAME);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&salt.to_le_bytes());
    let check = crc32c::crc32c(&bytes[..28]);
    bytes[28..32].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// The salt of a log that begins with `bytes`.
pub fn salt_of(bytes: &[u8]) -> Result<u64, BadPreamble> {
    if bytes.len() < PREAMBLE_BYTES || !bytes.starts_with(NAME) {
        return Err(BadPreamble::NotALog);
    }
    if word(bytes, 28) != Some(crc32c::crc32c(&bytes[..28])) {
        return Err(BadPreamble::NotALog);
    }
    match word(bytes, 8) {
        Some(VERSION) => long(bytes, 16).ok_or(BadPreamble::NotALog),
        other => Err(BadPreamble::Version(other.unwrap_or(0))),
    }
}
