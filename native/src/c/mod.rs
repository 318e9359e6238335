//! Functions of libc as a program in a file of its own finds them (`crate::binary`): those whose memory or variables libc has in
//! statics, which are one for all processes, or that belong to the whole OS process. What a process has of these is in statics
//! of this crate, which are swapped.
//!
//! The obligations of each function are those of its man page. The bodies are unsafe code as a whole, for that one reason.
#![allow(unsafe_op_in_unsafe_fn, reason = "see above: one reason for all of them")]

pub mod ending;
pub mod environment;
pub mod loading;
pub mod memory;
pub mod names;
pub mod options;
pub mod random;
pub mod statics;
pub mod stdio;
pub mod syslog;
pub mod text;

/// What a process has of its own in a static.
pub struct Own<T>(pub T);

// SAFETY: statics of programs are used by the one OS thread that runs worlds, and swapped with the process.
unsafe impl<T> Sync for Own<T> {}
