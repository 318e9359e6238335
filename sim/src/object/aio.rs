//! The asynchronous operations of a process (`aio(7)`), as the C library keeps them: a queue per descriptor *number*, of
//! which only the first runs, and a few threads that run them.

use crate::choice::Stream;
use eagain_net::{Result, SigEvent};
use std::collections::{BTreeMap, VecDeque};

/// One operation. It owns its buffer until `aio_return`.
pub(crate) struct AioOp {
    pub fd: i32,
    pub buffer: Vec<u8>,
    /// Of a write: where in the buffer it begins. `None`: a read.
    pub from: Option<usize>,
    pub offset: u64,
    pub event: SigEvent,
    /// A thread of the library has taken it up.
    pub running: bool,
    /// The open file that the thread's call holds; `NONE` before, and after.
    pub file: u32,
    /// How many bytes a call that goes on has moved.
    pub moved: usize,
    /// Of a read: the socket's low-water mark, as it was when the thread made its call.
    pub low: Option<usize>,
    /// Until when the thread's call waits, from its first wait on; `u64::MAX`: for ever.
    pub deadline: Option<u64>,
    /// The event queue has an entry for its next turn.
    pub due: bool,
    pub result: Option<Result<usize>>,
}

/// All of a process.
pub(crate) struct AioTable {
    pub ops: BTreeMap<u32, AioOp>,
    pub made: u32,
    /// By descriptor number: what runs or waits, first come first.
    pub queues: BTreeMap<i32, VecDeque<u32>>,
    /// Numbers whose first operation waits for a thread.
    pub runnable: VecDeque<i32>,
    /// Threads that are busy, and how many there may be.
    pub busy: usize,
    pub threads: usize,
    /// The library's thread blocks every signal, so that a `SIGPIPE` of its own stays pending.
    pub sigpipe: bool,
    pub turns: Stream,
    /// Threads of the program in `aio_suspend`.
    pub waiters: Vec<u32>,
}

/// How many threads the C library has unless `aio_init` says otherwise.
const THREADS: usize = 20;

impl Default for AioTable {
    fn default() -> AioTable {
        AioTable {
            ops: BTreeMap::new(),
            made: 0,
            queues: BTreeMap::new(),
            runnable: VecDeque::new(),
            busy: 0,
            threads: THREADS,
            sigpipe: false,
            turns: Stream::default(),
            waiters: Vec::new(),
        }
    }
}
