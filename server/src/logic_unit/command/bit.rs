//! Strings as rows of bits, the highest bit of a byte first.

use super::string_range::{check_length, edit_string, lookup_string};
use super::{Call, Command, ONE_KEY, READ, READ_FAST, WRITE_OOM};
use crate::error::{CommandError, Outcome};
use crate::resp::number::parse_integer;
use crate::storage_unit::value::IntegerText;

/// The group.
pub const COMMANDS: &[Command] = &[
    Command::new("bitmap", "setbit", 4, WRITE_OOM, ONE_KEY, setbit),
    Command::new("bitmap", "getbit", 3, READ_FAST, ONE_KEY, getbit),
    Command::new("bitmap", "bitcount", -2, READ, ONE_KEY, bitcount),
];

/// The word at `index` as byte and bit within it.
fn offset_at(call: &Call<'_, '_>, index: usize) -> Result<(usize, u32), CommandError> {
    let error = CommandError::Said("ERR bit offset is not an integer or out of range");
    let offset = parse_integer(call.at(index)).and_then(|offset| u64::try_from(offset).ok());
    let offset = offset.ok_or(error.clone())?;
    let byte = usize::try_from(offset / 8).map_err(|_| error.clone())?;
    check_length(call, byte.saturating_add(1)).map_err(|_| error)?;
    Ok((byte, 7 - (offset % 8) as u32))
}

fn setbit(call: &mut Call<'_, '_>) -> Outcome {
    let (byte, shift) = offset_at(call, 2)?;
    let bit = match parse_integer(call.at(3)) {
        Some(0) => 0,
        Some(1) => 1u8,
        _ => return Err(CommandError::Said("ERR bit is not an integer or out of range")),
    };
    let key = call.at(1);
    let found = lookup_string(call, key)?;
    let old = edit_string(call, key, found, |text| {
        if text.len() <= byte {
            text.resize(byte + 1, 0);
        }
        let old = text[byte] >> shift & 1;
        text[byte] = text[byte] & !(1 << shift) | bit << shift;
        old
    })?;
    call.reply.integer(old.into());
    Ok(())
}

fn getbit(call: &mut Call<'_, '_>) -> Outcome {
    let (byte, shift) = offset_at(call, 2)?;
    let (key, now_ms) = (call.at(1), call.now_ms);
    let mut scratch = IntegerText::new();
    let text = match call.keyspace().read(key, now_ms) {
        Some(value) => value.text(&mut scratch).ok_or(CommandError::WrongType)?,
        None => b"",
    };
    let bit = text.get(byte).map_or(0, |byte| byte >> shift & 1);
    call.reply.integer(bit.into());
    Ok(())
}

fn bitcount(call: &mut Call<'_, '_>) -> Outcome {
    let keyspace = call.databases.at(call.session.database);
    let mut scratch = IntegerText::new();
    // Redis looks for the key first: where there is none, it does not mind the other words.
    let Some(value) = keyspace.read(call.arguments.at(1), call.now_ms) else {
        call.reply.integer(0);
        return Ok(());
    };
    let text = value.text(&mut scratch).ok_or(CommandError::WrongType)?;
    let word = |index| parse_integer(call.arguments.at(index)).ok_or(CommandError::NotAnInteger);
    let count = match call.arguments.len() {
        2 => count_bits(text, 0, text.len() * 8),
        4 | 5 => {
            let (start, end) = (word(2)?, word(3)?);
            let unit = match call.arguments.get(4).map(<[u8]>::to_ascii_lowercase).as_deref() {
                None | Some(b"byte") => 8,
                Some(b"bit") => 1,
                Some(_) => return Err(CommandError::Syntax),
            };
            let length = text.len() * 8 / unit;
            if start < 0 && end < 0 && start > end {
                0
            } else {
                let end = if end < 0 { (length as i64).saturating_add(end).max(0) } else { end };
                let range = crate::logic_unit::call::range(start, end, length);
                count_bits(text, range.start * unit, range.end * unit)
            }
        }
        _ => return Err(CommandError::Syntax),
    };
    call.reply.count(count);
    Ok(())
}

/// The ones among the bits from `from` up to and without `to`.
fn count_bits(text: &[u8], from: usize, to: usize) -> usize {
    if from >= to {
        return 0;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let mut count: usize = text[first..=last].iter().map(|byte| byte.count_ones() as usize).sum();
    count -= (text[first] & !(0xff >> (from % 8))).count_ones() as usize;
    let unused = 7 - (to - 1) % 8;
    count -= (text[last] & !(0xff << unused)).count_ones() as usize;
    count
}

#[cfg(test)]
mod tests {
    use super::count_bits;

    #[test]
    fn bits_are_counted_in_any_range() {
        let text = [0b1010_1010, 0xff, 0, 0b0101_0101];
        for from in 0..=32 {
            for to in from..=32 {
                let expected = (from..to).filter(|bit| text[bit / 8] >> (7 - bit % 8) & 1 == 1).count();
                assert_eq!(count_bits(&text, from, to), expected, "{from}..{to}");
            }
        }
    }
}
