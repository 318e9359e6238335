//! The asynchronous operations of a process (`aio(7)`), as the C library keeps them: a queue per descriptor *number*, of
//! which only the first runs, and a few threads that run them.

use crate::NONE;
use crate::choice::Stream;
use crate::network::RecvProgress;
use eagain_net::{Errno, Result, SigEvent};
use std::collections::{BTreeMap, VecDeque};

/// One operation. It owns its buffer until `aio_return`.
pub(crate) struct AioOp {
    fd: i32,
    buffer: Vec<u8>,
    /// Of a write: where in the buffer it begins. `None`: a read.
    from: Option<usize>,
    offset: u64,
    event: SigEvent,
    /// A thread of the library has taken it up.
    running: bool,
    /// The open file that the thread's call holds; `NONE` before, and after.
    file: u32,
    /// How many bytes a write that goes on has moved.
    moved: usize,
    /// Of a read: how far a receive that goes on has got.
    progress: RecvProgress,
    /// Until when the thread's call waits, from its first wait on; `u64::MAX`: for ever.
    deadline: Option<u64>,
    /// The event queue has an entry for its next turn, or the process is stopped and it has one when that is continued.
    due: bool,
    result: Option<Result<usize>>,
}

/// What the call of a turn works on.
pub(crate) struct AioCall {
    pub file: u32,
    /// Of a write: where in the buffer it begins. `None`: a read.
    pub from: Option<usize>,
    pub offset: u64,
    /// How many bytes earlier turns have moved, of a write.
    pub moved: usize,
    pub deadline: Option<u64>,
    pub buffer: Vec<u8>,
    pub progress: RecvProgress,
}

impl AioOp {
    /// Queued, not begun; the arguments are those of `aio_read(3)` and `aio_write(3)`.
    pub fn new(fd: i32, buffer: Vec<u8>, from: Option<usize>, offset: u64, event: SigEvent) -> AioOp {
        AioOp {
            fd,
            buffer,
            from,
            offset,
            event,
            running: false,
            file: NONE,
            moved: 0,
            progress: RecvProgress::default(),
            deadline: None,
            due: false,
            result: None,
        }
    }

    pub fn fd(&self) -> i32 {
        self.fd
    }

    /// The open file that its call holds, or `NONE`.
    pub fn file(&self) -> u32 {
        self.file
    }

    /// What it has come to; `None`: it is not over.
    pub fn result(&self) -> Option<Result<usize>> {
        self.result
    }

    /// Its next turn is planned; whether it was not.
    pub fn plan(&mut self) -> bool {
        !std::mem::replace(&mut self.due, true)
    }

    /// Its turn has come; whether there is anything left to do.
    pub fn begin_turn(&mut self) -> bool {
        self.due = false;
        self.result.is_none()
    }

    /// Its call holds an open file from now on.
    pub fn hold(&mut self, file: u32) {
        self.file = file;
    }

    /// Its call is attempted, with the buffer and how far a receive has got.
    pub fn begin_call(&mut self) -> AioCall {
        let &mut AioOp { file, from, offset, moved, deadline, .. } = self;
        let (buffer, progress) = (std::mem::take(&mut self.buffer), std::mem::take(&mut self.progress));
        AioCall { file, from, offset, moved, deadline, buffer, progress }
    }

    /// Its call was attempted: the buffer is back.
    pub fn end_call(&mut self, buffer: Vec<u8>, progress: RecvProgress) {
        (self.buffer, self.progress) = (buffer, progress);
    }

    /// A write that goes on has moved so many bytes more.
    pub fn advance(&mut self, n: usize) {
        self.moved += n;
    }

    /// Whether its call has waited before.
    pub fn has_waited(&self) -> bool {
        self.deadline.is_some()
    }

    /// Its call waits for the first time, until then at the latest.
    pub fn wait_until(&mut self, deadline: u64) {
        self.deadline = Some(deadline);
    }
}

/// All of a process.
pub(crate) struct AioTable {
    ops: BTreeMap<u32, AioOp>,
    made: u32,
    /// By descriptor number: what runs or waits, first come first.
    queues: BTreeMap<i32, VecDeque<u32>>,
    /// Numbers whose first operation waits for a thread.
    runnable: VecDeque<i32>,
    /// Threads that are busy, and how many there may be.
    busy: usize,
    threads: usize,
    /// The library's thread blocks every signal, so that a `SIGPIPE` of its own stays pending.
    sigpipe: bool,
    /// How late turns are.
    turns: Stream,
    /// Turns that came while the process was stopped.
    missed: Vec<u32>,
    /// Threads of the program in `aio_suspend`.
    waiters: Vec<u32>,
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
            missed: Vec::new(),
            waiters: Vec::new(),
        }
    }
}

impl AioTable {
    /// How many threads the library has from now on.
    pub fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
    }

    /// Puts an operation behind those of its number; its id.
    pub fn push(&mut self, op: AioOp) -> u32 {
        self.made += 1;
        let (id, fd) = (self.made, op.fd);
        self.ops.insert(id, op);
        let queue = self.queues.entry(fd).or_default();
        queue.push_back(id);
        if queue.len() == 1 {
            self.runnable.push_back(fd);
        }
        id
    }

    /// A free thread takes up the next operation that can run, if there are both.
    pub fn take_up(&mut self) -> Option<u32> {
        while self.busy < self.threads {
            let fd = self.runnable.pop_front()?;
            let Some(&id) = self.queues.get(&fd).and_then(|queue| queue.front()) else { continue };
            let Some(op) = self.ops.get_mut(&id) else { continue };
            op.running = true;
            self.busy += 1;
            return Some(id);
        }
        None
    }

    /// An operation, by its id; what is over has one until its result is taken.
    pub fn get(&self, id: u64) -> Result<&AioOp> {
        self.ops.get(&(id as u32)).ok_or(Errno::EINVAL)
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut AioOp> {
        self.ops.get_mut(&id)
    }

    /// An operation, and the stream by which it is late.
    pub fn get_with_turns(&mut self, id: u32) -> Option<(&mut AioOp, &mut Stream)> {
        Some((self.ops.get_mut(&id)?, &mut self.turns))
    }

    /// A turn has come while the process is stopped.
    pub fn miss(&mut self, id: u32) {
        let missed = self.missed.contains(&id);
        if let Some(op) = self.ops.get_mut(&id).filter(|op| op.result.is_none() && !missed) {
            op.due = true;
            self.missed.push(id);
        }
    }

    /// Takes out the turns that came while the process was stopped, in their order.
    pub fn take_missed(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.missed)
    }

    /// An operation is over, and the next one of its number can run: what it was about, and the file that it held or `NONE`.
    pub fn end(&mut self, id: u32, result: Result<usize>) -> Option<(SigEvent, u32)> {
        let op = self.ops.get_mut(&id)?;
        op.result = Some(result);
        let (fd, ended) = (op.fd, (op.event, std::mem::replace(&mut op.file, NONE)));
        if std::mem::replace(&mut op.running, false) {
            self.busy -= 1;
        }
        if let Some(queue) = self.queues.get_mut(&fd) {
            let first = queue.front() == Some(&id);
            queue.retain(|&other| other != id);
            if queue.is_empty() {
                self.queues.remove(&fd);
            } else if first {
                self.runnable.push_back(fd);
            }
        }
        Some(ended)
    }

    /// Takes out what an operation has come to, and its buffer.
    pub fn take_result(&mut self, id: u64) -> Result<(Result<usize>, Vec<u8>)> {
        let result = self.get(id)?.result.ok_or(Errno::EINPROGRESS)?;
        Ok((result, self.ops.remove(&(id as u32)).map(|op| op.buffer).unwrap_or_default()))
    }

    /// Of the operations of a number, or of the one of them that `id` is: which wait, and whether any runs.
    pub fn of_number(&self, fd: i32, id: Option<u64>) -> (Vec<u32>, bool) {
        let all = self.queues.get(&fd).into_iter().flatten().copied();
        let meant = all.filter(|&other| id.is_none_or(|id| id as u32 == other));
        let (run, wait): (Vec<u32>, Vec<u32>) =
            meant.partition(|id| self.ops.get(id).is_some_and(|op| op.running));
        (wait, !run.is_empty())
    }

    /// A `SIGPIPE` pends for the library's thread; whether none did.
    pub fn sigpipe(&mut self) -> bool {
        !std::mem::replace(&mut self.sigpipe, true)
    }

    /// It is discarded: the program ignores it.
    pub fn discard_sigpipe(&mut self) {
        self.sigpipe = false;
    }

    /// A thread of the program waits until any operation is over.
    pub fn wait(&mut self, thread: u32) {
        self.waiters.push(thread);
    }

    pub fn wait_no_more(&mut self, thread: u32) {
        self.waiters.retain(|&waiter| waiter != thread);
    }

    pub fn take_waiters(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.waiters)
    }

    /// The files that operations hold, with the ids of those, taken out with everything else.
    pub fn take_files(&mut self) -> Vec<(u32, u32)> {
        let ops = std::mem::take(self).ops;
        ops.into_iter().filter(|(_, op)| op.file != NONE).map(|(id, op)| (id, op.file)).collect()
    }
}
