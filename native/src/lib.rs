//! Programs that were not written for the simulator, as processes of a simulated world: std, mio, tokio, hyper, axum.
//!
//! ```text
//!   symbol/     libc's functions, defined here: the linker takes these. Outside a simulated thread: the real call
//!   dispatch    system calls by instruction: Linux hands them back, and they are served as the symbols are
//!     └ context    which simulated thread runs, and what belongs to it
//!         ├ tls        its TLS block, which the engine loads when the thread goes on
//!         ├ image      the statics of its process: each process has its own
//!         └ arena      the heap of its process, at the same addresses in every run, freed as a whole
//!   binary/     programs in files of their own: an executable is mapped, and its names are those of symbol/ and c/
//!   process     how a program begins and ends          escape    what is not simulated breaks the oracle `escape`
//!   crash       a program that crashes, or computes without end, ends as a simulated process
//!   preempt     the callbacks of code that is compiled for preemption between calls
//!   worker/     a job of the runner is a process of its own: the statics of programs are those of one OS process
//! ```
//!
//! A program is linked into the executable; nothing of it is changed, and no flag is set. See `docs/NATIVE.md` for what is
//! supported, what is not, and what it costs.
#![allow(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
compile_error!(
    "eagain-native runs unmodified programs on Linux with glibc on x86-64 only: leave the feature `native` of `eagain` out \
     elsewhere"
);

mod arena;
mod binary;
mod c;
mod context;
mod crash;
mod dispatch;
mod escape;
mod image;
mod preempt;
mod process;
mod raw;
mod state;
mod symbol;
mod tls;
pub mod worker;

pub use arena::ArenaAllocator;
pub use binary::Binary;
pub use process::{Main, Program, register, start};
pub use state::{begin_world, end_world};
