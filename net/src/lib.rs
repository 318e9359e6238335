//! The kernel as a server sees it: system calls as traits, typed handles on top, the I/O models, and Linux.
//!
//! ```text
//!        sync · thread · model · util   queue, mutex, condvar; the five I/O models, written once
//!                     │
//!              handle (RAII)            TcpListener<K>, TcpStream<K>, Epoll<K>, Ring<K> …
//!                     │
//!              kernel (traits)          integers in, errno out: one trait per family, `Kernel` is their sum
//!               ┌─────┴──────┐
//!            `Linux`     any other      the real one here; a simulated one implements the same traits elsewhere
//! ```
//!
//! A server written against [`Kernel`] runs on every implementation unchanged. The traits are shaped like the
//! system calls, since that is what can be compared call by call between two kernels; the handles are what a
//! server author writes against. Static dispatch throughout: over [`Linux`] the layer costs nothing.
//!
//! What is absent: fork and exec. `std::thread`, `std::time` and `std::net` are bypasses: a program that
//! uses them cannot be simulated.

pub mod abi;
pub mod handle;
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod linux;
pub mod model;
pub mod sync;
pub mod thread;
pub mod util;

pub use abi::ShutdownHow as Shutdown;
pub use abi::*;
pub use handle::*;
pub use kernel::*;
#[cfg(target_os = "linux")]
pub use linux::Linux;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
