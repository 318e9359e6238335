//! Lines of standard output, as the other commands write them: a reader that goes away (`| head`) is no error, and a full disk
//! behind it is one, which is said at the end.

use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Why the first line that could not be written was not.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// As `println!`, without its panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::conform::say::line(format_args!($($text)*)) };
}

pub(super) fn line(text: Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The exit status of a command that would end with `code`.
pub(super) fn status(code: u8) -> u8 {
    match UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => {
            eprintln!("error: standard output: {error}");
            if code == 0 { 2 } else { code }
        }
        None => code,
    }
}
