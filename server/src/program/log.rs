//! Lines for the operator, on the standard error: when, how grave, what. Under systemd the journal knows when, and is given how
//! grave by a number (sd-daemon(3)).

use std::time::{SystemTime, UNIX_EPOCH};

/// How grave a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The program cannot go on.
    Error,
    /// It goes on, and somebody should look.
    Warning,
    /// For who wants to know.
    Info,
}

/// Writes a line.
pub fn line(level: Level, text: &str) {
    let (number, name) = match level {
        Level::Error => (3, "error"),
        Level::Warning => (4, "warning"),
        Level::Info => (6, "info"),
    };
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        eprintln!("<{number}>eagain-server: {text}");
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    eprintln!("{} eagain-server: {name}: {text}", timestamp(now));
}

/// Seconds since 1970 as RFC 3339 writes them.
fn timestamp(unix: u64) -> String {
    let (day, second) = (unix / 86_400, unix % 86_400);
    let (mut year, mut day) = (1970, day);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(unix), expected);
        }
    }
}
