//! Plain values that cross the boundary between a program and its kernel. No behaviour beyond naming and
//! bit arithmetic; every number is Linux's own (x86-64/asm-generic), whatever machine this is compiled for.

mod address;
mod control;
mod errno;
mod events;
mod fd;
mod limit;
mod number_option;
mod operation;
mod options;
mod signal;
mod thread;
mod time;
mod timer;

pub use address::{UnixAddr, any_port};
pub use control::{Control, Message};
pub use errno::{Errno, Result};
pub use events::{EpollEvent, EpollOp, Events, FdSet, PollFd};
pub use fd::{Fd, OpenFlags, StatusFlags};
pub use limit::{Resource, Rlimit};
pub use number_option::NumberOption;
pub use operation::{
    Advice, BufferGroup, Completed, CompletedFlags, Operation, RingParams, Submission, SubmissionFlags,
};
pub use options::{
    Domain, OptionText, RecvFlags, SendFlags, ShutdownHow, SocketFlags, SocketOption, SocketOptionName,
};
pub use signal::{
    Disposition, HandlerFn, MaskHow, Owner, SigAction, SigActionFlags, SigCode, SigEvent, SigInfo, SigSet,
    Signal,
};
pub use std::net::SocketAddr;
pub use thread::ThreadId;
pub use time::{ClockId, FutexTimeout, Instant, TimerSpec};
pub use timer::{TimerEvent, TimerId};
