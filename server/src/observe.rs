//! What the server counts about itself, for `INFO`, and what it writes to the log. The units add to both where
//! things happen; nothing here decides anything.

use crate::names::name_of;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// Counters since the start, or since `CONFIG RESETSTAT` where Redis resets them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub connections_total: u64,
    /// Connections refused because there were too many.
    pub connections_rejected: u64,
    /// Commands executed.
    pub commands_total: u64,
    /// Replies that were errors.
    pub errors_total: u64,
}

impl Counters {
    /// `CONFIG RESETSTAT`.
    pub fn reset(&mut self) {
        *self = Counters::default();
    }
}

/// How grave a line of the log is, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Connections that come and go.
    Verbose,
    /// What an operator may want to know.
    #[default]
    Notice,
    /// The server goes on, and somebody should look.
    Warning,
    /// The program cannot go on.
    Error,
}

impl Level {
    /// Those that `loglevel` can be, with their names.
    pub const NAMES: [(&'static str, Level); 3] =
        [("verbose", Level::Verbose), ("notice", Level::Notice), ("warning", Level::Warning)];

    /// Its name.
    pub fn name(self) -> &'static str {
        if self == Level::Error { "error" } else { name_of(&Self::NAMES, self) }
    }
}

/// Takes lines.
type Sink = dyn Fn(Level, &str) + Send + Sync;

/// Where lines for the operator go; all copies share the level from which on they do. Without a sink, nowhere.
#[derive(Clone, Default)]
pub struct Log {
    sink: Option<Arc<Sink>>,
    least: Arc<AtomicU8>,
}

impl Log {
    /// To this sink, from this level on.
    pub fn new(least: Level, sink: impl Fn(Level, &str) + Send + Sync + 'static) -> Log {
        Log { sink: Some(Arc::new(sink)), least: Arc::new(AtomicU8::new(least as u8)) }
    }

    /// From now on lines of this level and graver ones are written.
    pub fn set_least(&self, least: Level) {
        self.least.store(least as u8, SeqCst);
    }

    /// Writes a line; `text` is asked for where it is wanted.
    pub fn line<T: AsRef<str>>(&self, level: Level, text: impl FnOnce() -> T) {
        if let Some(sink) = &self.sink
            && level as u8 >= self.least.load(SeqCst)
        {
            sink(level, text().as_ref());
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("least", &self.least).finish_non_exhaustive()
    }
}
