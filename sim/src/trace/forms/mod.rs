//! The forms of a trace, a file each, and the list of them: what `eagain trace` offers, and what the folder of a failure holds.

pub mod excerpt;
#[cfg(feature = "cli")]
pub mod html;
pub mod netstat;
pub mod pcapng;
#[cfg(feature = "cli")]
pub mod perfetto;
pub mod text;

#[cfg(feature = "cli")]
use crate::trace::TraceLog;
#[cfg(feature = "cli")]
use std::io::{self, Write};

#[cfg(feature = "cli")]
macro_rules! forms {
    ($($(#[doc = $about:literal])* $name:ident in $file:literal by $write:expr;)*) => {
        /// The forms of a trace
        #[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
        pub enum Form { $($(#[doc = $about])* $name,)* }

        impl Form {
            /// All of them.
            pub const ALL: &'static [Form] = &[$(Form::$name,)*];

            /// The name of its file in the folder of a failure.
            pub fn file(self) -> &'static str {
                match self { $(Form::$name => $file,)* }
            }

            /// Writes a trace in this form, under these heads where it has any.
            pub fn write(self, log: &TraceLog, heads: Heads<'_>, out: &mut dyn Write) -> io::Result<()> {
                let write: fn(&TraceLog, Heads<'_>, &mut dyn Write) -> io::Result<()> = match self {
                    $(Form::$name => $write,)*
                };
                write(log, heads, out)
            }
        }
    };
}

/// What a page says above the trace.
#[cfg(feature = "cli")]
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// Which run it is.
    pub title: &'a str,
    /// Its outcome: a line, and more lines below it if need be.
    pub verdict: &'a str,
    /// The number of the event after which it failed.
    pub failed: Option<u64>,
}

#[cfg(feature = "cli")]
forms! {
    /// A line for each event, like strace
    Text in "trace.txt" by |log, _, out| text::write(log, out);
    /// A page: a lane for each thread and connection
    Html in "trace.html" by |log, heads, out| html::write(log, heads, out);
    /// JSON for Chrome's tracing page and Perfetto
    Perfetto in "trace.json" by |log, _, out| perfetto::write(log, out);
    /// Packets for Wireshark
    Pcapng in "trace.pcapng" by |log, _, out| pcapng::write(log, out);
    /// A table of the connections
    Netstat in "netstat.txt" by |log, _, out| netstat::write(log, out);
}
