//! The arithmetic of `INCRBYFLOAT`. Redis calculates with long doubles and shows seventeen digits behind the point;
//! here two decimal numbers of ordinary size are added exactly, in units of 10^-17, and only the others as doubles.
//! So 0.1 and 0.2 are 0.3, on every machine.

const DIGITS: u32 = 17;
const ONE: i128 = 10i128.pow(DIGITS);
/// Sums of numbers below this stay within `i128`.
const WHOLE_MAX: i128 = 10i128.pow(20);

/// Why there is no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSum {
    /// A text is not a number.
    NotANumber,
    /// The sum is infinite or no number.
    Overflow,
}

/// The sum of two numbers, as text.
pub fn add(left: &[u8], right: &[u8]) -> Result<String, NoSum> {
    if let (Some(left), Some(right)) = (exact(left), exact(right)) {
        return Ok(show(left + right));
    }
    let sum = double(left).ok_or(NoSum::NotANumber)? + double(right).ok_or(NoSum::NotANumber)?;
    if sum.is_finite() { Ok(format!("{sum}")) } else { Err(NoSum::Overflow) }
}

/// A floating-point number in any of C's decimal forms; no blanks, no NaN.
pub fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    if value.is_nan() { None } else { Some(value) }
}

/// A plain decimal number in units of 10^-17, if it is one and fits.
fn exact(text: &[u8]) -> Option<i128> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (whole, fraction) = match rest.iter().position(|byte| *byte == b'.') {
        Some(point) => (&rest[..point], &rest[point + 1..]),
        None => (rest, &rest[..0]),
    };
    if whole.len() + fraction.len() == 0 || whole.len() > 20 || fraction.len() > DIGITS as usize {
        return None;
    }
    let digits = |text: &[u8]| {
        text.iter()
            .try_fold(0i128, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i128::from(byte - b'0')))
    };
    let units = digits(whole)? * ONE + digits(fraction)? * 10i128.pow(DIGITS - fraction.len() as u32);
    (units < WHOLE_MAX * ONE).then_some(if negative { -units } else { units })
}

fn show(units: i128) -> String {
    let (whole, fraction) = (units.abs() / ONE, units.abs() % ONE);
    let sign = if units < 0 { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:017}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_look_as_redis_shows_them() {
        let table: &[(&str, &str, Result<&str, NoSum>)] = &[
            ("10.50", "0.1", Ok("10.6")),
            ("0.1", "0.2", Ok("0.3")),
            ("5.0e3", "200", Ok("5200")),
            ("1", "-1.1", Ok("-0.1")),
            ("0", "-0", Ok("0")),
            ("17179869184", "1.5", Ok("17179869185.5")),
            ("1e308", "1e308", Err(NoSum::Overflow)),
            ("1", "abc", Err(NoSum::NotANumber)),
            (" 1", "1", Err(NoSum::NotANumber)),
            ("", "1", Err(NoSum::NotANumber)),
            ("1\u{0}2", "1", Err(NoSum::NotANumber)),
            ("nan", "1", Err(NoSum::NotANumber)),
            ("99999999999999999999", "99999999999999999999", Ok("199999999999999999998")),
        ];
        for (left, right, expected) in table {
            let sum = add(left.as_bytes(), right.as_bytes());
            assert_eq!(sum.as_deref(), expected.as_deref(), "{left} + {right}");
        }
    }
}
