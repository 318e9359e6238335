//! System calls as traits, one per family, and [`Kernel`], their sum.
//!
//! | trait | calls | man pages |
//! |---|---|---|
//! | [`Descriptors`] | close, dup, read, write, fcntl | `read(2)` … |
//! | [`Sockets`] | socket to shutdown, options | `socket(7)`, `tcp(7)` |
//! | [`Datagrams`] | sendto, recvfrom | `udp(7)` |
//! | [`UnixSockets`] | the calls with an address, socketpair | `unix(7)` |
//! | [`Pipes`] | pipe2 | `pipe(7)` |
//! | [`Readiness`] | select, poll, epoll, eventfd | `epoll(7)` |
//! | [`Completion`] | rings | `io_uring(7)` |
//! | [`Aio`] | POSIX AIO | `aio(7)` |
//! | [`Signals`] | masks, handlers, waiting, SIGIO | `signal(7)` |
//! | [`Clock`], [`Timers`] | now, sleep, timerfd | `clock_gettime(2)`, `timerfd_create(2)` |
//! | [`PosixTimers`] | timers that send signals, setitimer | `timer_create(2)`, `setitimer(2)` |
//! | [`Threads`] | spawn, join, futex | `futex(2)` |
//! | [`Files`] | open to directory sync | `open(2)` |
//! | [`Limits`] | getrlimit, setrlimit | `getrlimit(2)` |
//! | [`Entropy`] | getrandom | `getrandom(2)` |
//!
//! **What an implementer promises**: the value and the errno that Linux returns in that state, checks in Linux's
//! order; no call but a blocking one waits; a value of the type is only a token (`Copy`), so that it can be taken
//! into every thread. **What a caller promises**: nothing; a wrong argument is an errno, never a panic.
//! A function asks for the families that it uses; a server that uses all asks for [`Kernel`].

mod aio;
mod clock;
mod completion;
mod datagram;
mod descriptor;
mod entropy;
mod file;
mod limit;
mod pipe;
mod posix_timer;
mod readiness;
mod signal;
mod socket;
mod thread;
mod timer;
mod unix;

pub use aio::{Aio, AioCancel, AioId, AioState};
pub use clock::Clock;
pub use completion::{Completion, CompletionRing};
pub use datagram::Datagrams;
pub use descriptor::Descriptors;
pub use entropy::Entropy;
pub use file::{FileLock, FileStat, FileTime, Files, LockOwner, RecordLock};
pub use limit::Limits;
pub use pipe::Pipes;
pub use posix_timer::PosixTimers;
pub use readiness::Readiness;
pub use signal::Signals;
pub use socket::Sockets;
pub use thread::{ThreadBody, Threads};
pub use timer::Timers;
pub use unix::{Received, UnixSockets};

/// A whole kernel: every family. The only bound that a server needs.
///
/// ```
/// use eagain_net::{Kernel, Linux, Result, SocketAddr, TcpListener, TcpStream, any_port, thread};
///
/// /// Sends one client its own bytes back. Runs on every kernel.
/// fn echo<K: Kernel>(listener: &TcpListener<K>) -> Result<()> {
///     let (stream, _) = listener.accept()?;
///     let mut buffer = [0; 1024];
///     loop {
///         match stream.read(&mut buffer)? {
///             0 => return Ok(()),
///             n => stream.write_all(&buffer[..n])?,
///         }
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let listener = TcpListener::bind(Linux, any_port())?;
/// let address: SocketAddr = listener.local_addr()?;
/// let server = thread::spawn(Linux, "server", move || echo(&listener))?;
/// let client = TcpStream::connect(Linux, address)?;
/// client.write_all(b"ping")?;
/// let mut reply = [0; 4];
/// assert!(client.read_exact(&mut reply)?);
/// drop(client);
/// assert_eq!((&reply, server.join()), (b"ping", Some(Ok(()))));
/// # Ok(())
/// # }
/// ```
pub trait Kernel:
    Sockets
    + Datagrams
    + UnixSockets
    + Pipes
    + Readiness
    + Completion
    + Aio
    + Signals
    + Clock
    + Timers
    + PosixTimers
    + Threads
    + Files
    + Limits
    + Entropy
{
}

impl<K> Kernel for K where
    K: Sockets
        + Datagrams
        + UnixSockets
        + Pipes
        + Readiness
        + Completion
        + Aio
        + Signals
        + Clock
        + Timers
        + PosixTimers
        + Threads
        + Files
        + Limits
        + Entropy
{
}
