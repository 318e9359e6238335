//! Where a command is answered: standard output for what was asked for, standard error for the rest. A reader that goes
//! away (`| head`) is no error; a full disk behind standard output is. A file that a flag names is written as a whole or not
//! at all.

use super::Stop;
use crate::trace::{TraceLog, text};
use crate::whole_file;
use std::io::{self, Write};
use std::path::Path;

/// The two streams.
pub struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Why something could not be written to the first.
    unwritten: Option<io::Error>,
}

impl Console {
    /// Those of the process.
    pub fn standard() -> Console {
        Console { out: Box::new(io::stdout()), err: Box::new(io::stderr()), unwritten: None }
    }

    /// Any two.
    pub fn new(out: Box<dyn Write>, err: Box<dyn Write>) -> Console {
        Console { out, err, unwritten: None }
    }

    /// Says what was asked for.
    pub fn out(&mut self, text: &str) {
        self.out_bytes(text.as_bytes());
    }

    /// Says it in bytes.
    pub fn out_bytes(&mut self, bytes: &[u8]) {
        if let Err(error) = self.out.write_all(bytes).and_then(|()| self.out.flush())
            // Nobody is reading any more, which is theirs to know.
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.unwritten.get_or_insert(error);
        }
    }

    /// Says a trace, a line an event.
    pub fn out_trace(&mut self, log: &TraceLog) {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = text::write(log, &mut bytes);
        self.out_bytes(&bytes);
    }

    /// The first error of standard output.
    pub(crate) fn unwritten(&mut self) -> Option<io::Error> {
        self.unwritten.take()
    }

    /// Says something beside it.
    pub fn err(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }
}

/// Writes a file that a flag named.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    whole_file::put(path, |out| out.write_all(bytes)).map_err(|error| Stop::usage(error.to_string()))
}

/// Adds to a file that a flag named; one that is not there yet is written as a whole.
pub(crate) fn append_file(path: &Path, text: &str) -> Result<(), Stop> {
    match std::fs::OpenOptions::new().append(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_file(path, text.as_bytes()),
        Err(error) => Err(error),
    }
    .map_err(|error| Stop::usage(format!("{}: {error}", path.display())))
}
