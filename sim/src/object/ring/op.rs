//! An operation of a ring: what it waits for, how often it was woken, where it is, and how it ends. All of its state changes here.

use crate::NONE;
use crate::network::ALL;
use eagain_net::{Events, Operation, Submission, SubmissionFlags};
use std::collections::VecDeque;

/// `IO_POLL_UNMASK`: what every operation that waits for a file is notified of.
pub(crate) const UNMASK: Events = Events(Events::ERR.0 | Events::HUP.0 | Events::RDHUP.0);

/// `APOLL_MAX_RETRY`: how often an operation may be ready and have nothing.
const IN_VAIN_MAX: u32 = 128;

/// A timeout that is linked behind an operation.
pub(crate) struct LinkedTimeout {
    pub user_data: u64,
    /// From the moment at which the operation pends, in nanoseconds of the host's clock.
    pub after: u64,
    /// When it is over; `u64::MAX`: not armed yet.
    at: u64,
}

impl LinkedTimeout {
    /// Not armed.
    pub fn new(user_data: u64, after: u64) -> LinkedTimeout {
        LinkedTimeout { user_data, after, at: u64::MAX }
    }
}

/// Where an operation is that the owner of its ring does not do itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Away {
    No,
    /// In the queue of the worker pool (io_uring/io-wq.c), out of which it can be cancelled.
    Queued,
    /// A worker does it.
    Running,
    /// The page that it reads is on its way from the disk: it is done when the owner is notified, and no cancel finds it.
    Page,
}

/// What a wake-up of its file comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Woken {
    /// It is none: the operation has had one before, and left the wait queue.
    Gone,
    /// It is counted.
    Counted,
    /// The first: the operation is to be put on the work list.
    First,
}

/// An operation in flight. It owns its buffer, and holds the file that its descriptor referred to when it was issued:
/// closing the descriptor does not end it.
pub(crate) struct RingOp {
    user_data: u64,
    operation: Operation,
    flags: SubmissionFlags,
    /// Unique in the world, so that an entry of the event queue that is older than the operation is known.
    number: u32,
    /// `NONE`: it needs none, or has none yet.
    file: u32,
    /// How many bytes an operation that waits for all has moved.
    moved: usize,
    /// What it waits for among the watchers of `file`.
    armed: Events,
    /// It is on the work list, or about to be.
    queued: bool,
    /// Whether it is done elsewhere than where the owner runs, and when its next step there is due.
    away: Away,
    step_at: u64,
    /// It is over, and reported with the deferred work.
    outcome: Option<(i32, bool)>,
    /// It was cancelled, and ends when the work is done.
    canceled: bool,
    /// It is linked behind something that has ended, and is issued when the work is done.
    fresh: bool,
    /// It was ready when it began to wait: on its way back, where no cancel finds it.
    unlisted: bool,
    /// How often it was ready and had nothing.
    in_vain: u32,
    /// Of a connect: it was begun, and it was reported once that it came to nothing before.
    under_way: bool,
    aborted: bool,
    /// How often it was woken since it was last attempted, and with which bits the first time.
    wakes: u32,
    woken: Events,
    /// For a timeout: when it is over, and the number of the completion that ends it before, where it counts them.
    at: u64,
    target: u32,
    enough: bool,
    /// The buffer of a group that a single receive has filled.
    filled: Option<(u16, Vec<u8>)>,
    timeout: Option<LinkedTimeout>,
    /// The limit of descriptors when it was submitted, which counts for what it accepts (`accept->nofile`).
    files: usize,
    /// What is linked behind it.
    chain: VecDeque<Submission>,
}

/// What is linked behind an operation that is over.
pub(crate) struct Ended {
    pub chain: VecDeque<Submission>,
    pub files: usize,
    /// The chain is broken.
    pub broken: bool,
    /// What has ended was itself a timeout, that was linked behind nothing.
    pub after_timeout: bool,
    pub timeout: Option<LinkedTimeout>,
}

impl RingOp {
    /// Not begun; `chain`: what is linked behind it; `files`: the limit of descriptors when it was submitted.
    pub fn new(submission: Submission, number: u32, chain: VecDeque<Submission>, files: usize) -> RingOp {
        RingOp {
            user_data: submission.user_data,
            operation: submission.operation,
            flags: submission.flags,
            number,
            file: NONE,
            moved: 0,
            armed: Events::NONE,
            queued: false,
            away: Away::No,
            step_at: u64::MAX,
            outcome: None,
            canceled: false,
            fresh: false,
            unlisted: false,
            in_vain: 0,
            under_way: false,
            aborted: false,
            wakes: 0,
            woken: Events::NONE,
            at: u64::MAX,
            target: 0,
            enough: false,
            filled: None,
            timeout: None,
            files,
            chain,
        }
    }

    pub fn user_data(&self) -> u64 {
        self.user_data
    }

    pub fn number(&self) -> u32 {
        self.number
    }

    /// What it does; `Nop` while it is being attempted.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Whether it goes on after a completion.
    pub fn goes_on(&self) -> bool {
        match self.operation {
            Operation::Accept { multishot, .. }
            | Operation::RecvGroup { multishot, .. }
            | Operation::PollAdd { multishot, .. } => multishot,
            _ => false,
        }
    }

    /// The file that it holds, or `NONE`.
    pub fn file(&self) -> u32 {
        self.file
    }

    /// The limit of descriptors when it was submitted.
    pub fn files(&self) -> usize {
        self.files
    }

    /// It holds a file from now on.
    pub fn hold(&mut self, file: u32) {
        self.file = file;
    }

    // Attempts.

    /// It is attempted: what it does, taken out meanwhile.
    pub fn begin_attempt(&mut self) -> Operation {
        std::mem::replace(&mut self.operation, Operation::Nop)
    }

    /// It was attempted: what has woken it is seen to.
    pub fn end_attempt(&mut self, operation: Operation) {
        self.operation = operation;
        self.unlisted = false;
        self.forget_wakes();
    }

    /// How many bytes it has moved so far, where it waits for all.
    pub fn moved(&self) -> usize {
        self.moved
    }

    pub fn set_moved(&mut self, moved: usize) {
        self.moved = moved;
    }

    /// Whether a connect was begun, and whether it was reported once that it came to nothing before.
    pub fn connecting(&self) -> (bool, bool) {
        (self.under_way, self.aborted)
    }

    /// The connect waits for the answer.
    pub fn connect_begun(&mut self) {
        self.under_way = true;
    }

    /// That the connect came to nothing before is reported once.
    pub fn connect_aborted(&mut self) {
        self.aborted = true;
    }

    /// A single receive has filled a buffer of a group.
    pub fn fill(&mut self, buffer: (u16, Vec<u8>)) {
        self.filled = Some(buffer);
    }

    /// It is over, and reported with the deferred work.
    pub fn come_to(&mut self, result: i32, failed: bool) {
        self.outcome = Some((result, failed));
    }

    /// What it has come to, where that is reported with the deferred work: the result, and whether it breaks a chain.
    pub fn outcome(&self) -> Option<(i32, bool)> {
        self.outcome
    }

    // Waiting for a file.

    /// What it waits for among the watchers of its file.
    pub fn armed(&self) -> Events {
        self.armed
    }

    /// It waits for `events` of its file: what it watches, and whether alone. `None`: it has no file, or keeps its place
    /// in the wait queue.
    pub fn arm(&mut self, events: Events) -> Option<(Events, bool)> {
        if self.file == NONE || events.is_empty() {
            return None;
        }
        // Errors need not be asked for, and whoever receives or sends is woken by urgent data (`io_arm_poll_handler`).
        let polls = matches!(self.operation, Operation::PollAdd { .. });
        let events = if polls { events } else { events | Events::PRI } | UNMASK;
        let stays = self.armed == events && self.goes_on();
        self.armed = events;
        (!stays).then_some((events, matches!(self.operation, Operation::Accept { .. })))
    }

    /// It is ready when it begins to wait, and goes on: that counts as its first wake-up.
    pub fn ready_at_once(&mut self, mask: Events) {
        (self.wakes, self.woken) = (1, mask);
    }

    /// It is ready when it begins to wait, and leaves the wait queue again.
    pub fn unlist(&mut self) {
        self.unlisted = true;
    }

    /// It was ready once more and had nothing; whether so often that a worker waits with it from now on.
    pub fn try_in_vain(&mut self) -> bool {
        self.in_vain += 1;
        self.gave_up()
    }

    /// Whether it was ready and had nothing so often that a worker waits with it.
    pub fn gave_up(&self) -> bool {
        self.in_vain > IN_VAIN_MAX
    }

    /// Its file had a wake-up.
    pub fn wake_up(&mut self, key: Events) -> Woken {
        // Who cancelled it owns it: it stays in the queue until the work is done, and takes every wake-up (`io_poll_get_ownership`).
        if self.canceled && self.wakes == 0 {
            return Woken::Counted;
        }
        if self.wakes > 0 && !self.woken.is_empty() && !self.goes_on() {
            return Woken::Gone;
        }
        self.wakes += 1;
        if self.wakes == 1 {
            self.woken = if key == ALL { Events::NONE } else { key & self.armed };
        }
        if std::mem::replace(&mut self.queued, true) { Woken::Counted } else { Woken::First }
    }

    /// The bits of the one wake-up that it had; none where it had several.
    pub fn woken_for(&self) -> Events {
        if self.wakes == 1 { self.woken } else { Events::NONE }
    }

    /// Where it may have been woken by what is not so any more: its file, and what has to be so of it. Only one wake-up that
    /// named what it was about counts by itself.
    pub fn doubts(&self) -> Option<(u32, Events)> {
        let doubts = self.wakes > 0 && self.woken_for().is_empty() && self.goes_on() && self.file != NONE;
        doubts.then_some((self.file, self.armed))
    }

    /// It was woken for nothing, or what has woken it is seen to.
    pub fn forget_wakes(&mut self) {
        (self.wakes, self.woken) = (0, Events::NONE);
    }

    /// Whether it is a receive or an accept that goes on and was woken more than once.
    pub fn was_woken_again(&self) -> bool {
        let polls = matches!(self.operation, Operation::PollAdd { .. });
        !polls && self.wakes > 1 && self.goes_on()
    }

    // The work list.

    /// It is on the work list, or about to be.
    pub(super) fn put_on_list(&mut self) {
        self.queued = true;
    }

    /// It has left the work list.
    pub fn leave_list(&mut self) {
        self.queued = false;
    }

    pub fn is_on_list(&self) -> bool {
        self.queued
    }

    /// It is linked behind something that has ended, and is issued when the work is done.
    pub fn issue_later(&mut self) {
        self.fresh = true;
    }

    /// Whether it is still to be issued.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// As it was submitted, and what is linked behind it.
    pub fn into_submissions(self) -> VecDeque<Submission> {
        let RingOp { user_data, operation, flags, mut chain, .. } = self;
        chain.push_front(Submission { user_data, operation, flags });
        chain
    }

    // Elsewhere than where the owner runs.

    /// It is done elsewhere, its next step at `at`.
    pub fn go_away(&mut self, away: Away, at: u64) {
        (self.away, self.step_at) = (away, at);
    }

    /// Where it is, if a step is due there.
    pub fn due_step(&self, now: u64) -> Option<Away> {
        (self.step_at <= now && !self.canceled).then_some(self.away)
    }

    /// Its step is taken: where it was. The page that it waited for is there.
    pub fn take_step(&mut self) -> Away {
        self.step_at = u64::MAX;
        let away = self.away;
        if away == Away::Page {
            self.away = Away::No;
        }
        away
    }

    /// A worker has taken it out of the queue of the pool.
    pub fn taken_up(&mut self) {
        self.away = Away::Running;
    }

    /// When a worker takes it up, while it is in the queue of the pool.
    pub fn in_pool_until(&self) -> Option<u64> {
        (self.away == Away::Queued).then_some(self.step_at)
    }

    // Its end before its time.

    /// Whether a cancel of `user_data` finds it.
    pub fn is_found_by_cancel(&self, user_data: u64) -> bool {
        // A timeout is taken out of its list at once, what waits for a file is not. What has not begun is in
        // no list yet, and what is linked behind a broken chain in none any more.
        let times = matches!(self.operation, Operation::Timeout { .. });
        let gone = times && (self.canceled || self.queued);
        let waits = times || self.file != NONE || self.away == Away::Queued;
        self.user_data == user_data
            && !gone
            && waits
            && !self.fresh
            && (!self.unlisted || self.gave_up())
            && self.away != Away::Page
            && self.outcome.is_none()
    }

    /// Whether a worker does it, so that no cancel stops it.
    pub fn is_running(&self) -> bool {
        self.away == Away::Running
    }

    /// It ends when the work is done.
    pub fn cancel(&mut self) {
        self.canceled = true;
    }

    pub fn is_canceled(&self) -> bool {
        self.canceled
    }

    // Timeouts.

    /// A timeout begins.
    pub(super) fn begin_timeout(&mut self, at: u64, target: u32) {
        (self.at, self.target) = (at, target);
    }

    /// How many completions a timeout has yet to see, where `seen` were counted.
    pub(super) fn left_to_count(&self, seen: u32) -> u32 {
        self.target.wrapping_sub(seen)
    }

    /// Whether a timeout is neither over nor cancelled.
    pub(super) fn counts(&self) -> bool {
        !self.queued && !self.canceled
    }

    /// A timeout has counted enough completions.
    pub(super) fn set_enough(&mut self) {
        self.enough = true;
    }

    pub fn has_enough(&self) -> bool {
        self.enough
    }

    /// Whether a timeout is over by time.
    pub fn is_over(&self, now: u64) -> bool {
        self.at <= now
    }

    /// It is issued: a timeout that directly follows it belongs to it.
    pub fn link_timeout(&mut self, timeout: Option<LinkedTimeout>) {
        self.timeout = timeout;
    }

    /// How long the timeout that is linked behind it takes.
    pub fn linked_timeout(&self) -> Option<u64> {
        self.timeout.as_ref().map(|timeout| timeout.after)
    }

    /// The timeout that is linked behind it runs, until `at`.
    pub fn arm_linked_timeout(&mut self, at: u64) {
        if let Some(timeout) = &mut self.timeout {
            timeout.at = at;
        }
    }

    /// Whether the timeout that is linked behind it is over.
    pub fn linked_timeout_is_over(&self, now: u64) -> bool {
        self.timeout.as_ref().is_some_and(|timeout| timeout.at <= now)
    }

    /// Takes out the timeout that is linked behind it, where that is over, and is cancelled by it; whether it could be.
    pub fn expire(&mut self, now: u64) -> Option<(LinkedTimeout, bool)> {
        if self.canceled || !self.linked_timeout_is_over(now) {
            return None;
        }
        let timeout = self.timeout.take()?;
        self.canceled = matches!(self.away, Away::No | Away::Queued);
        Some((timeout, self.canceled))
    }

    // Its end.

    /// The buffer that it owns, or the one of a group that it has filled, with its id.
    pub fn take_buffer(&mut self) -> Option<(Option<u16>, Vec<u8>)> {
        if let Some((id, buffer)) = self.filled.take() {
            return Some((Some(id), buffer));
        }
        match &mut self.operation {
            Operation::Recv { buffer, .. }
            | Operation::Send { buffer, .. }
            | Operation::Read { buffer, .. }
            | Operation::Write { buffer, .. } => Some((None, std::mem::take(buffer))),
            _ => None,
        }
    }

    /// It is over: what was linked behind it.
    pub fn into_ended(self, failed: bool) -> Ended {
        Ended {
            chain: self.chain,
            files: self.files,
            broken: failed && !self.flags.contains(SubmissionFlags::HARDLINK),
            after_timeout: matches!(self.operation, Operation::LinkTimeout { .. }),
            timeout: self.timeout,
        }
    }
}
