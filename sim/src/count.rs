//! Numbers for people.

use std::time::Duration;

/// `1 scenario`, `1,712 seeds`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `1,712`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `10m`, `90s`, `500ms`: as `--time` takes it.
pub fn duration(time: Duration) -> String {
    let ms = time.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.into_iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_of_three_and_nouns_their_number() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [count(1, "seed"), count(0, "seed"), count(1712, "seed")],
            ["1 seed", "0 seeds", "1,712 seeds"]
        );
    }

    #[test]
    fn a_duration_has_the_largest_unit_that_is_whole() {
        let ms = [0, 500, 1_500, 90_000, 600_000, 3_600_000, 5_400_000];
        let texts = ms.map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(texts, ["0ms", "500ms", "1500ms", "90s", "10m", "1h", "90m"]);
    }
}
