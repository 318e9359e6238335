//! The strict integer grammar of Redis (`string2ll` in its `util.c`): an optional minus, no plus, no leading zero,
//! no space, within `i64`. Lengths on the wire and integer arguments follow the same rule, so it lives once, here.

/// The value of `text`, or `None` where Redis would say that it is no integer.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [] => return None,
        [b'0'] => return (!negative).then_some(0),
        [b'0', ..] => return None,
        _ if digits.len() > 19 => return None,
        _ => {}
    }
    // Nineteen digits fit into u64, so this sum cannot wrap.
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// How an integer looks as text; nineteen digits and a sign at most.
pub fn append_integer(out: &mut Vec<u8>, value: i64) {
    if (0..10).contains(&value) {
        // Most lengths and many replies are one digit.
        out.push(b'0' + value as u8);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_redis_accepts_and_nothing_else() {
        let table: &[(&str, Option<i64>)] = &[
            ("0", Some(0)),
            ("7", Some(7)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("+1", None),
            ("01", None),
            ("-01", None),
            (" 1", None),
            ("1 ", None),
            ("1.0", None),
            ("0x1", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_integer(text.as_bytes()), *expected, "{text:?}");
        }
    }

    #[test]
    fn every_integer_written_is_read_back() {
        for value in [0, 9, 10, -1, 1234567, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            append_integer(&mut text, value);
            assert_eq!(parse_integer(&text), Some(value));
        }
    }
}
