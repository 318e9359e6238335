//! How a seed is written.

use std::fmt;

/// Why a text is no seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseSeedError(String);

impl fmt::Display for ParseSeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid number `{}`: expected decimal or 0x…, from 0 to 2^64-1", self.0)
    }
}

impl std::error::Error for ParseSeedError {}

/// Reads a seed: decimal, or hexadecimal after `0x`; underscores between digits are skipped.
pub fn parse_seed(text: &str) -> Result<u64, ParseSeedError> {
    let digits = text.replace('_', "");
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16),
        None if !digits.starts_with('+') => digits.parse(),
        _ => return Err(ParseSeedError(text.to_owned())),
    };
    parsed.map_err(|_| ParseSeedError(text.to_owned()))
}
