//! Lines for the operator: when, how grave, what. They go to the standard error, or are appended to a file, which is opened for each
//! line, so that it can be moved away at any time. Under systemd the journal knows when, and is given how grave by a number
//! (sd-daemon(3)).

use eagain_server::observe::Level;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes a line to the standard error.
pub fn line(level: Level, text: &str) {
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        let number = match level {
            Level::Error => 3,
            Level::Warning => 4,
            Level::Notice => 5,
            Level::Verbose => 6,
            Level::Debug => 7,
        };
        eprintln!("<{number}>eagain-server: {text}");
    } else {
        eprintln!("{}", stamped(level, text));
    }
}

/// Appends a line to the file at `path`, or to the standard error where there is no path.
pub fn line_to(path: &str, level: Level, text: &str) {
    if path.is_empty() {
        return line(level, text);
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{}", stamped(level, text)));
    if let Err(error) = written {
        line(level, text);
        line(Level::Warning, &format!("--logfile {path}: {error}"));
    }
}

fn stamped(level: Level, text: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{} eagain-server: {}: {text}", timestamp(now), level.name())
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
