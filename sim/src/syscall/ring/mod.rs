//! io_uring, after io_uring/io_uring.c: setup, pushing, entering, reaping. What an operation does is in `attempt` and
//! `receive`, how it ends and what is linked behind it in `finish`, cancelling and timeouts in `cancel`, waking in `work`.

mod attempt;
mod cancel;
mod finish;
mod receive;
mod work;

use crate::object::{LinkedTimeout, Object, Ring, RingOp};
use crate::scheduler::Step;
use crate::syscall::descriptor::wait_for_file;
use crate::world::{NONE, World};
use eagain_net::{
    Completed, CompletedFlags, Errno, Events, Fd, Operation, Result, RingParams, SigSet, Submission,
    SubmissionFlags,
};
use std::collections::VecDeque;

/// The key of the notice for those who wait in `enter`; no poll mask has this bit.
const ENTERED: Events = Events(1 << 16);
/// `IORING_MAX_ENTRIES` and `IORING_MAX_CQ_ENTRIES`.
const ENTRIES_MAX: u32 = 32_768;

/// How far an `enter` has got.
#[derive(Default)]
pub(crate) struct Entering {
    /// How many were submitted, once they have been.
    pub submitted: Option<u32>,
    deadline: Option<u64>,
}

/// A link of either kind: the next one belongs to it.
fn is_linked(flags: SubmissionFlags) -> bool {
    flags.intersects(SubmissionFlags::LINK | SubmissionFlags::HARDLINK)
}

pub(super) fn is_linked_timeout(submission: &Submission) -> bool {
    matches!(submission.operation, Operation::LinkTimeout { .. })
}

/// Whether a timeout of a chain is linked behind nothing, or behind another one (`io_link_timeout_prep`).
fn is_wrong(chain: &VecDeque<Submission>) -> bool {
    let before = std::iter::once(true).chain(chain.iter().map(is_linked_timeout));
    chain.iter().zip(before).any(|(one, nothing)| nothing && is_linked_timeout(one))
}

impl World {
    /// The ring of an open file.
    pub(super) fn ring(&mut self, file: u32) -> Option<&mut Ring> {
        match self.files.get_mut(file as usize).map(|open| &mut open.object) {
            Some(Object::Ring(ring)) => Some(ring),
            _ => None,
        }
    }

    fn ring_file(&mut self, fd: Fd) -> Result<u32> {
        let file = self.file(fd)?;
        self.ring(file).map(|_| file).ok_or(Errno::EOPNOTSUPP)
    }

    pub fn sys_ring_setup(&mut self, params: RingParams) -> Result<Fd> {
        let queue = params.entries;
        let done = if params.cq_entries == 0 { queue.saturating_mul(2) } else { params.cq_entries };
        if queue == 0 || queue > ENTRIES_MAX || done > 2 * ENTRIES_MAX {
            return Err(Errno::EINVAL);
        }
        let (queue, done) = (queue.next_power_of_two(), done.next_power_of_two());
        if done < queue {
            return Err(Errno::EINVAL);
        }
        self.check_fd_free()?;
        let (process, owner) = (self.my_process(), self.scheduler.current());
        let me = self.me();
        me.rings_made += 1;
        let name = format!("{}#{}", me.name, me.rings_made);
        let ring = Ring {
            fd: -1,
            process,
            owner,
            defer: params.defer_taskrun,
            queue_entries: queue as usize,
            done_entries: done as usize,
            queue: VecDeque::new(),
            done: VecDeque::new(),
            overflow: VecDeque::new(),
            local: VecDeque::new(),
            ops: slab::Slab::new(),
            work: VecDeque::new(),
            planned: None,
            groups: Default::default(),
            posted: 0,
            timeouts_over: 0,
            timeouts: Vec::new(),
            timeouts_seen: 0,
            batch: Vec::new(),
            released: Vec::new(),
            posted_aside: false,
            ended: Vec::new(),
            name,
            lates: Default::default(),
            orders: Default::default(),
            shorts: Default::default(),
            agains: Default::default(),
        };
        let fd = self.open_file(Object::Ring(Box::new(ring)), false);
        let file = self.file(fd)?;
        if let Some(ring) = self.ring(file) {
            ring.fd = fd.0;
        }
        Ok(fd)
    }

    /// Queues a submission. Buffers that are provided are there at once: they are a write to shared memory.
    pub fn ring_push(&mut self, fd: Fd, submission: Submission) -> Result<(), (Errno, Submission)> {
        let file = match self.ring_file(fd) {
            Ok(file) => file,
            Err(errno) => return Err((errno, submission)),
        };
        let Some(ring) = self.ring(file) else { return Err((Errno::EBADF, submission)) };
        if let Operation::ProvideBuffers { group, buffers, first_id } = submission.operation {
            let result = provide(ring, group, buffers, first_id);
            ring.local.push_back(Completed {
                user_data: submission.user_data,
                result: result.map_or_else(|errno| -errno.0, |()| 0),
                flags: CompletedFlags::NONE,
                buffer: None,
                buffer_id: 0,
            });
            self.ring_tell(file);
            return Ok(());
        }
        if ring.queue.len() >= ring.queue_entries {
            return Err((Errno::EBUSY, submission));
        }
        ring.queue.push_back(submission);
        Ok(())
    }

    /// `io_uring_enter(2)` with `IORING_ENTER_GETEVENTS`.
    pub fn sys_ring_enter(
        &mut self,
        fd: Fd,
        want: u32,
        timeout: Option<u64>,
        mask: Option<SigSet>,
        entering: &mut Entering,
    ) -> Step<u32> {
        let file = match self.ring_file(fd) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        let me = self.scheduler.current();
        let Some(ring) = self.ring(file) else { return Step::Done(Err(Errno::EBADF)) };
        if ring.defer && ring.owner != me {
            return Step::Done(Err(Errno::EEXIST));
        }
        let want = (want as usize).min(ring.done_entries);
        if entering.submitted.is_none() {
            let submitted = self.ring_submit(file);
            entering.submitted = Some(submitted);
            if submitted > 0 {
                self.ring_work(file, want);
            }
        }
        let submitted = entering.submitted.unwrap_or(0);
        self.ring_work(file, want);
        self.ring_release(file);
        self.ring_flush(file);
        let ready = self.ring(file).map_or(0, |ring| ring.ready());
        if ready >= want {
            return Step::Done(Ok(submitted));
        }
        self.set_wait_mask(mask);
        if entering.deadline.is_none()
            && let Some(timeout) = timeout
        {
            entering.deadline = Some(self.deadline_after(timeout));
        }
        if entering.deadline.is_some_and(|at| self.run.now() >= at) {
            // What was submitted, and what is there already, count for more than the time.
            return Step::Done(if submitted > 0 || ready > 0 { Ok(submitted) } else { Err(Errno::ETIME) });
        }
        wait_for_file(self, file, ENTERED, false, entering.deadline);
        Step::Wait
    }

    /// What an `enter` that a signal ended returns: `EINTR` only where nothing was submitted and nothing is there.
    pub fn ring_interrupted(&mut self, fd: Fd, entering: &Entering) -> Result<u32> {
        let submitted = entering.submitted.unwrap_or(0);
        let ready = self.ring_file(fd).ok().and_then(|file| self.ring(file)).map_or(0, |ring| ring.ready());
        if submitted > 0 || ready > 0 { Ok(submitted) } else { Err(Errno::EINTR) }
    }

    /// Takes out the completions that are there.
    pub fn ring_reap(&mut self, fd: Fd, into: &mut Vec<Completed>) -> Result<usize> {
        let file = self.ring_file(fd)?;
        let Some(ring) = self.ring(file) else { return Ok(0) };
        let before = into.len();
        into.extend(ring.local.drain(..));
        into.extend(ring.done.drain(..));
        Ok(into.len() - before)
    }

    /// What poll says of a ring: completions are there, or work that `enter` would turn into some.
    pub fn poll_ring(&mut self, file: u32) -> Events {
        let Some(ring) = self.ring(file) else { return Events::NONE };
        let mut mask = Events::NONE;
        if ring.ready() > 0 || ring.defer && !ring.work.is_empty() {
            mask |= Events::IN;
        }
        if ring.queue.len() < ring.queue_entries {
            mask |= Events::OUT;
        }
        mask
    }

    /// Issues all that was pushed, in its order; how many.
    fn ring_submit(&mut self, file: u32) -> u32 {
        let Some(ring) = self.ring(file) else { return 0 };
        let mut queue = std::mem::take(&mut ring.queue);
        let submitted = queue.len() as u32;
        while let Some(first) = queue.pop_front() {
            let mut linked = is_linked(first.flags);
            let mut chain = VecDeque::from([first]);
            while linked && let Some(next) = queue.pop_front() {
                linked = is_linked(next.flags);
                chain.push_back(next);
            }
            match is_wrong(&chain) {
                true => self.ring_fail_chain(file, chain),
                false => self.ring_issue_chain(file, chain),
            }
            self.ring_settle(file);
        }
        self.ring_flush_batch(file);
        submitted
    }

    /// Lets go of the files of what is over: their last close comes after all other work, the last one's first
    /// (`task_work_run`).
    pub(super) fn ring_release(&mut self, file: u32) {
        let released = self.ring(file).map(|ring| std::mem::take(&mut ring.released)).unwrap_or_default();
        for file in released.into_iter().rev() {
            self.release_file(file);
        }
    }

    /// What an operation causes in no time is there for the next one.
    pub(super) fn ring_settle(&mut self, file: u32) {
        let me = self.scheduler.current();
        if self.knobs.loopback_latency_ns == 0
            && self.ring(file).is_some_and(|ring| ring.defer && ring.owner == me)
        {
            let time = self.scheduler[me].time;
            self.catch_up_events(time);
        }
    }

    /// A chain in which something is wrong is never begun: its first one ends at once, the others with the deferred work,
    /// each with what is wrong about it, or cancelled (`io_submit_fail_init`).
    fn ring_fail_chain(&mut self, file: u32, mut chain: VecDeque<Submission>) {
        let Some(mut head) = chain.pop_front() else { return };
        let errno = if is_linked_timeout(&head) { Errno::EINVAL } else { Errno::ECANCELED };
        // Not even a hard link holds.
        head.flags = SubmissionFlags::LINK;
        if let Some(op) = self.ring_insert(file, head, chain) {
            self.ring_finish(file, op, -errno.0, true);
        }
    }

    /// Issues the first of a chain; the rest waits behind it.
    pub(super) fn ring_issue_chain(&mut self, file: u32, mut chain: VecDeque<Submission>) {
        let Some(head) = chain.pop_front() else { return };
        let timeout = self.take_linked_timeout(&head, &mut chain);
        let found = match operation_fd(&head.operation) {
            Some(fd) => self.file_of_ring(file, fd),
            None => Ok(NONE),
        };
        let Some(op) = self.ring_insert(file, head, chain) else { return };
        if let Some(entry) = self.ring_op(file, op) {
            entry.timeout = timeout;
        }
        match found {
            Err(errno) => self.ring_finish(file, op, -errno.0, true),
            Ok(target) => {
                if target != NONE {
                    self.files[target as usize].refs += 1;
                    if let Some(op) = self.ring_op(file, op) {
                        op.file = target;
                    }
                }
                self.ring_proceed(file, op, true);
            }
        }
    }

    /// A new operation, not begun.
    pub(super) fn ring_insert(
        &mut self,
        file: u32,
        submission: Submission,
        chain: VecDeque<Submission>,
    ) -> Option<u32> {
        let number = self.next_number();
        let ring = self.ring(file)?;
        let op = ring.ops.insert(RingOp {
            user_data: submission.user_data,
            operation: submission.operation,
            flags: submission.flags,
            number,
            file: NONE,
            moved: 0,
            armed: Events::NONE,
            queued: false,
            running: false,
            outcome: None,
            canceled: false,
            fresh: false,
            unlisted: false,
            under_way: false,
            aborted: false,
            wakes: 0,
            woken: Events::NONE,
            at: u64::MAX,
            target: 0,
            enough: false,
            filled: None,
            timeout: None,
            chain,
        });
        Some(op as u32)
    }

    /// A timeout that directly follows belongs to the operation before it.
    fn take_linked_timeout(
        &mut self,
        head: &Submission,
        chain: &mut VecDeque<Submission>,
    ) -> Option<LinkedTimeout> {
        if !is_linked(head.flags) {
            return None;
        }
        let Some(Submission { operation: Operation::LinkTimeout { after }, user_data, .. }) = chain.front()
        else {
            return None;
        };
        let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let timeout = LinkedTimeout { user_data: *user_data, after, at: u64::MAX };
        chain.pop_front();
        Some(timeout)
    }

    pub(super) fn ring_op(&mut self, file: u32, op: u32) -> Option<&mut RingOp> {
        self.ring(file)?.ops.get_mut(op as usize)
    }

    /// The file of a descriptor in the table of the ring's process.
    fn file_of_ring(&mut self, ring: u32, fd: Fd) -> Result<u32> {
        let process = self.ring(ring).map_or(0, |ring| ring.process);
        let fds = &self.processes[process as usize].fds;
        match usize::try_from(fd.0).ok().and_then(|at| fds.get(at)) {
            Some(Some(entry)) => Ok(entry.file),
            _ => Err(Errno::EBADF),
        }
    }

    /// The next number for something that the agenda refers to.
    pub fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// The last descriptor of a ring is gone: what is in flight ends, silently, and lets go of its files.
    pub fn close_ring(&mut self, file: u32, ring: Ring) {
        for file in ring.released {
            self.release_file(file);
        }
        for (op, entry) in ring.ops {
            if entry.file == NONE {
                continue;
            }
            self.unwatch_ring(entry.file, file, op as u32);
            self.release_file(entry.file);
        }
    }
}

/// The descriptor that an operation works on; closing one needs its number only.
fn operation_fd(operation: &Operation) -> Option<Fd> {
    match *operation {
        Operation::Accept { fd, .. }
        | Operation::Connect { fd, .. }
        | Operation::Recv { fd, .. }
        | Operation::RecvGroup { fd, .. }
        | Operation::Send { fd, .. }
        | Operation::Read { fd, .. }
        | Operation::Write { fd, .. }
        | Operation::Fsync { fd, .. }
        | Operation::Shutdown { fd, .. }
        | Operation::PollAdd { fd, .. } => Some(fd),
        Operation::Nop
        | Operation::Close { .. }
        | Operation::Timeout { .. }
        | Operation::LinkTimeout { .. }
        | Operation::Cancel { .. }
        | Operation::ProvideBuffers { .. } => None,
    }
}

/// As many buffers a group can hold at a time.
const GROUP_CAPACITY: usize = 4096;

fn provide(ring: &mut Ring, group: u16, buffers: Vec<Vec<u8>>, first_id: u16) -> Result<()> {
    let end = usize::from(first_id) + buffers.len();
    let inside = ring.groups.entry(group).or_default();
    if end > usize::from(u16::MAX) + 1 || buffers.len() > GROUP_CAPACITY - inside.len() {
        return Err(Errno::E2BIG);
    }
    if inside.iter().any(|&(id, _)| id >= first_id && usize::from(id) < end) {
        return Err(Errno::EEXIST);
    }
    inside.extend((first_id..=u16::MAX).zip(buffers));
    Ok(())
}
