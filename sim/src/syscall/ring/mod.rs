//! io_uring, after io_uring/io_uring.c: setup, pushing, entering, reaping. What an operation does is in `attempt` and
//! `receive`, how it ends and what is linked behind it in `finish`, cancelling and timeouts in `cancel`, waking in `work`, what
//! worker threads do in `pool`.

pub(crate) mod attempt;
pub(crate) mod cancel;
pub(crate) mod finish;
mod pool;
pub(crate) mod receive;
pub(crate) mod work;

use crate::object::{LinkedTimeout, Object, OpenFile, Ring, RingOp};
use crate::scheduler::Step;
use crate::syscall::descriptor;
use crate::syscall::descriptor::wait_for_file;
use crate::syscall::signal;
use crate::trace::Kind;
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

/// A timeout of a ring was over after so many nanoseconds, as its owner wanted.
pub(crate) fn slept(w: &mut World, file: u32, ns: u64) {
    let now = w.run.now();
    if let Some(owner) = get(w, file).map(|ring| ring.owner()) {
        w.scheduler[owner].effort.slept(now, ns);
    }
}

/// The ring of an open file.
pub(crate) fn get(w: &mut World, file: u32) -> Option<&mut Ring> {
    match w.files.object_mut(file) {
        Some(Object::Ring(ring)) => Some(ring),
        _ => None,
    }
}

fn file_of_fd(w: &mut World, fd: Fd) -> Result<u32> {
    let file = w.file(fd)?;
    get(w, file).map(|_| file).ok_or(Errno::EOPNOTSUPP)
}

pub(crate) fn setup(w: &mut World, params: RingParams) -> Result<Fd> {
    let queue = params.entries;
    let done = if params.cq_entries == 0 { queue.saturating_mul(2) } else { params.cq_entries };
    if queue == 0 || queue > ENTRIES_MAX || done > 2 * ENTRIES_MAX {
        return Err(Errno::EINVAL);
    }
    let (queue, done) = (queue.next_power_of_two(), done.next_power_of_two());
    if done < queue {
        return Err(Errno::EINVAL);
    }
    w.check_fd_free()?;
    let (process, owner) = (w.my_process(), w.scheduler.current());
    let name = w.me().next_ring_name();
    let ring = Ring::new(name, (process, owner), queue, done, params.defer_taskrun);
    let fd = descriptor::open_file(w, Object::Ring(Box::new(ring)), false);
    let file = w.file(fd)?;
    if let Some(ring) = get(w, file) {
        ring.set_fd(fd);
    }
    Ok(fd)
}

/// Queues a submission. Buffers that are provided are there at once: they are a write to shared memory.
pub(crate) fn push(w: &mut World, fd: Fd, submission: Submission) -> Result<(), (Errno, Submission)> {
    let file = match file_of_fd(w, fd) {
        Ok(file) => file,
        Err(errno) => return Err((errno, submission)),
    };
    let Some(ring) = get(w, file) else { return Err((Errno::EBADF, submission)) };
    if let Operation::ProvideBuffers { group, buffers, first_id } = submission.operation {
        let result = ring.provide(group, buffers, first_id);
        ring.complete_at_once(Completed {
            user_data: submission.user_data,
            result: result.map_or_else(|errno| -errno.0, |()| 0),
            flags: CompletedFlags::NONE,
            buffer: None,
            buffer_id: 0,
        });
        finish::notify(w, file);
        return Ok(());
    }
    if !ring.is_writable() {
        return Err((Errno::EBUSY, submission));
    }
    ring.push(submission);
    Ok(())
}

/// `io_uring_enter(2)` with `IORING_ENTER_GETEVENTS`.
pub(crate) fn enter(
    w: &mut World,
    fd: Fd,
    want: u32,
    timeout: Option<u64>,
    mask: Option<SigSet>,
    entering: &mut Entering,
) -> Step<u32> {
    let file = match file_of_fd(w, fd) {
        Ok(file) => file,
        Err(errno) => return Step::Done(Err(errno)),
    };
    let me = w.scheduler.current();
    let Some(ring) = get(w, file) else { return Step::Done(Err(Errno::EBADF)) };
    if ring.defers() && ring.owner() != me {
        return Step::Done(Err(Errno::EEXIST));
    }
    let want = (want as usize).min(ring.done_entries());
    if entering.submitted.is_none() {
        let submitted = submit(w, file);
        entering.submitted = Some(submitted);
        if submitted > 0 {
            work::run(w, file, want);
        }
    }
    let submitted = entering.submitted.unwrap_or(0);
    let ready = loop {
        work::run(w, file, want);
        release(w, file);
        let ready = get(w, file).map_or(0, |ring| {
            ring.flush();
            ring.ready()
        });
        if ready >= want {
            return Step::Done(Ok(submitted));
        }
        // Nobody sleeps over work that is there (`io_cqring_wait_schedule`).
        if get(w, file).is_none_or(|ring| !ring.defers() || ring.work_len() == 0) {
            break ready;
        }
    };
    signal::set_wait_mask(w, mask);
    if entering.deadline.is_none()
        && let Some(timeout) = timeout
    {
        entering.deadline = Some(w.deadline_after(timeout));
    }
    if entering.deadline.is_some_and(|at| w.run.now() >= at) {
        // What was submitted, and what is there already, count for more than the time.
        return Step::Done(if submitted > 0 || ready > 0 { Ok(submitted) } else { Err(Errno::ETIME) });
    }
    wait_for_file(w, file, ENTERED, false, entering.deadline);
    Step::Wait
}

/// What an `enter` that a signal ends returns, where anything was submitted or is there.
pub(crate) fn interrupted(w: &mut World, fd: Fd, entering: &Entering) -> Option<Result<u32>> {
    let submitted = entering.submitted.unwrap_or(0);
    let ready = file_of_fd(w, fd).ok().and_then(|file| get(w, file)).map_or(0, |ring| ring.ready());
    (submitted > 0 || ready > 0).then_some(Ok(submitted))
}

/// Takes out the completions that are there.
pub(crate) fn reap(w: &mut World, fd: Fd, into: &mut Vec<Completed>) -> Result<usize> {
    let file = file_of_fd(w, fd)?;
    let Some(ring) = get(w, file) else { return Ok(0) };
    let before = into.len();
    into.extend(ring.reap());
    Ok(into.len() - before)
}

/// The first who polls a ring leaves work to its owner (`io_activate_pollwq`), which ends a wait as a signal does that has no handler;
/// but not `enter`, which does the work.
fn interrupt_owner(w: &mut World, owner: u32) {
    let t = &mut w.scheduler[owner];
    if t.is_waiting() && t.call() != Kind::RingEnter {
        signal::interrupt(w, owner);
    }
}

/// What poll says of a ring: completions are there, or behind for want of room, or work that `enter` would turn into some.
pub(crate) fn poll_ring(w: &mut World, file: u32) -> Events {
    let Some(ring) = get(w, file) else { return Events::NONE };
    if ring.is_first_poll() {
        let owner = ring.owner();
        interrupt_owner(w, owner);
    }
    let Some(ring) = get(w, file) else { return Events::NONE };
    let mut mask = Events::NONE;
    if ring.is_readable() {
        mask |= Events::IN;
    }
    if ring.is_writable() {
        mask |= Events::OUT;
    }
    mask
}

/// Issues all that was pushed, in its order; how many.
fn submit(w: &mut World, file: u32) -> u32 {
    let files = w.me().fds.limit();
    let Some(ring) = get(w, file) else { return 0 };
    let mut queue = ring.take_queue();
    let submitted = queue.len() as u32;
    while let Some(first) = queue.pop_front() {
        let mut linked = is_linked(first.flags);
        let mut chain = VecDeque::from([first]);
        while linked && let Some(next) = queue.pop_front() {
            linked = is_linked(next.flags);
            chain.push_back(next);
        }
        match is_wrong(&chain) {
            true => fail_chain(w, file, chain),
            false => issue_chain(w, file, chain, files),
        }
        catch_up(w, file);
    }
    finish::flush_batch(w, file);
    submitted
}

/// Lets go of the files of what is over: their last close comes after all other work, the last one's first
/// (`task_work_run`).
pub(crate) fn release(w: &mut World, file: u32) {
    let released = get(w, file).map(Ring::take_released).unwrap_or_default();
    for file in released.into_iter().rev() {
        descriptor::release_file(w, file);
    }
}

/// What an operation causes in no time is there for the next one.
pub(crate) fn catch_up(w: &mut World, file: u32) {
    let me = w.scheduler.current();
    if w.knobs.loopback_latency_ns == 0
        && get(w, file).is_some_and(|ring| ring.defers() && ring.owner() == me)
    {
        let time = w.scheduler[me].time();
        w.catch_up_events(time);
    }
}

/// A chain in which something is wrong is never begun: its first one ends at once, the others with the deferred work,
/// each with what is wrong about it, or cancelled (`io_submit_fail_init`).
fn fail_chain(w: &mut World, file: u32, mut chain: VecDeque<Submission>) {
    let Some(mut head) = chain.pop_front() else { return };
    let errno = if is_linked_timeout(&head) { Errno::EINVAL } else { Errno::ECANCELED };
    // Not even a hard link holds.
    head.flags = SubmissionFlags::LINK;
    if let Some(op) = insert(w, file, head, chain, 0) {
        finish::finish(w, file, op, -errno.0, true);
    }
}

/// Issues the first of a chain; the rest waits behind it. `files`: the limit of descriptors when it was submitted.
pub(crate) fn issue_chain(w: &mut World, file: u32, mut chain: VecDeque<Submission>, files: usize) {
    let Some(head) = chain.pop_front() else { return };
    let timeout = take_linked_timeout(&head, &mut chain);
    let refused =
        matches!(head.operation, Operation::Accept { flags, .. } if descriptor::check_flags(flags).is_err());
    let found = match operation_fd(&head.operation) {
        _ if refused => Err(Errno::EINVAL),
        Some(fd) if !pool::looks_up(&head.operation) => file_of(w, file, fd),
        _ => Ok(NONE),
    };
    let Some(op) = insert(w, file, head, chain, files) else { return };
    if let Some(entry) = get_op(w, file, op) {
        entry.link_timeout(timeout);
    }
    match found {
        Err(errno) => finish::finish(w, file, op, -errno.0, true),
        Ok(target) => {
            if target != NONE {
                w.files.hold(target);
                if let Some(op) = get_op(w, file, op) {
                    op.hold(target);
                }
            }
            finish::proceed(w, file, op, true);
        }
    }
}

/// A new operation, not begun.
pub(crate) fn insert(
    w: &mut World,
    file: u32,
    submission: Submission,
    chain: VecDeque<Submission>,
    files: usize,
) -> Option<u32> {
    let number = w.next_number();
    let ring = get(w, file)?;
    Some(ring.insert(RingOp::new(submission, number, chain, files)))
}

/// A timeout that directly follows belongs to the operation before it.
fn take_linked_timeout(head: &Submission, chain: &mut VecDeque<Submission>) -> Option<LinkedTimeout> {
    if !is_linked(head.flags) {
        return None;
    }
    let Some(Submission { operation: Operation::LinkTimeout { after }, user_data, .. }) = chain.front()
    else {
        return None;
    };
    let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    let timeout = LinkedTimeout::new(*user_data, after);
    chain.pop_front();
    Some(timeout)
}

pub(crate) fn get_op(w: &mut World, file: u32, op: u32) -> Option<&mut RingOp> {
    get(w, file)?.op_mut(op)
}

/// The file that an operation is about, or `NONE`.
pub(super) fn file_of_op(w: &mut World, ring: u32, op: u32) -> u32 {
    get_op(w, ring, op).map_or(NONE, |op| op.file())
}

/// The open file that an operation is about.
pub(super) fn open_of(w: &mut World, ring: u32, op: u32) -> Option<&OpenFile> {
    let file = file_of_op(w, ring, op);
    w.files.get(file)
}

/// The file of a descriptor in the table of the ring's process.
pub(super) fn file_of(w: &mut World, ring: u32, fd: Fd) -> Result<u32> {
    let process = get(w, ring).map_or(0, |ring| ring.process());
    w.processes[process].fds.get(fd).ok_or(Errno::EBADF)
}

/// The last descriptor of a ring is gone: what is in flight ends, silently, and lets go of its files.
pub(crate) fn close(w: &mut World, file: u32, ring: Ring) {
    let (released, held) = ring.into_files();
    for file in released {
        descriptor::release_file(w, file);
    }
    for (op, its) in held {
        work::unwatch_ring(w, its, file, op);
        descriptor::release_file(w, its);
    }
}

/// The descriptor that an operation works on; closing one needs its number only.
pub(super) fn operation_fd(operation: &Operation) -> Option<Fd> {
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
