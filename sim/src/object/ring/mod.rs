//! A completion ring (`io_uring(7)`): what was pushed, what is in flight, what has completed.
//!
//! ```text
//!   push ──► queue ──enter──► ops ──► (a file's watchers) ──wake──► work ──► done ──reap──►
//!                              │  what cannot be done at once pends here       │ full: overflow, flushed by enter
//!                              └──► batch ──flush──► done; what is linked behind it ──► work
//! ```
//!
//! The state of an operation is in `op`.

mod op;

pub(crate) use op::{Away, Ended, LinkedTimeout, RingOp, UNMASK, Woken};

use crate::NONE;
use crate::choice::Stream;
use crate::fault::Family;
use eagain_net::{BufferGroup, Completed, Errno, Fd, Result, Submission};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};

/// A ring.
pub(crate) struct Ring {
    fd: Fd,
    process: u32,
    /// The thread that made it: the one whose calls its operations are.
    owner: u32,
    /// Completions appear only inside `enter`, called by `owner`.
    defer: bool,
    /// It was ever asked what poll says of it.
    polled: bool,
    queue_entries: usize,
    done_entries: usize,
    queue: VecDeque<Submission>,
    done: VecDeque<Completed>,
    overflow: VecDeque<Completed>,
    /// Completions of what needs no kernel: provided buffers.
    local: VecDeque<Completed>,
    ops: Slab<RingOp>,
    /// Operations that were woken, by index and number.
    work: VecDeque<(u32, u32)>,
    /// The event queue has an entry to do the work; its number.
    planned: Option<u32>,
    groups: BTreeMap<BufferGroup, VecDeque<(u16, Vec<u8>)>>,
    /// Completions, and timeouts that are over, whether or not that was posted: what timeouts count is the difference.
    posted: u32,
    timeouts_over: u32,
    /// The timeouts that count, by index and number, in the kernel's order: as each stood to the others when it began.
    timeouts: Vec<(u32, u32)>,
    /// What had been counted when timeouts were last begun or looked at: what lies before it is never reached.
    timeouts_seen: u32,
    /// What has completed in what is being done now: posted at its end, all together (`__io_submit_flush_completions`).
    batch: Vec<Completed>,
    /// Files that are let go of when the work is done (`fput`).
    released: Vec<u32>,
    /// Some completion was posted at once, as those are that more follow.
    posted_aside: bool,
    /// What is linked behind what has completed: it is seen to after that was posted.
    ended: Vec<Ended>,
    /// Who chooses: the process, and the number of the ring in it.
    name: String,
    /// By family of faults.
    streams: [Stream; FAMILIES.len()],
}

/// The families that change what a ring does.
const FAMILIES: [Family; 5] =
    [Family::RingLate, Family::RingOrder, Family::RingShort, Family::RingAgain, Family::RingPool];

/// As many buffers a group can hold at a time.
const GROUP_CAPACITY: usize = 4096;

impl Ring {
    /// Empty, with room for so many submissions and completions.
    pub fn new(
        name: String,
        (process, owner): (u32, u32),
        queue_entries: u32,
        done_entries: u32,
        defer: bool,
    ) -> Ring {
        Ring {
            fd: Fd(-1),
            process,
            owner,
            defer,
            polled: false,
            queue_entries: queue_entries as usize,
            done_entries: done_entries as usize,
            queue: VecDeque::new(),
            done: VecDeque::new(),
            overflow: VecDeque::new(),
            local: VecDeque::new(),
            ops: Slab::new(),
            work: VecDeque::new(),
            planned: None,
            groups: BTreeMap::new(),
            posted: 0,
            timeouts_over: 0,
            timeouts: Vec::new(),
            timeouts_seen: 0,
            batch: Vec::new(),
            released: Vec::new(),
            posted_aside: false,
            ended: Vec::new(),
            name,
            streams: Default::default(),
        }
    }

    /// The descriptor that it was made with.
    pub fn fd(&self) -> Fd {
        self.fd
    }

    pub fn set_fd(&mut self, fd: Fd) {
        self.fd = fd;
    }

    pub fn process(&self) -> u32 {
        self.process
    }

    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Whether its work is done inside `enter` only.
    pub fn defers(&self) -> bool {
        self.defer
    }

    /// How many completions it has room for.
    pub fn done_entries(&self) -> usize {
        self.done_entries
    }

    /// Its name among those that choose, and the stream of a family.
    pub fn stream(&mut self, family: Family) -> (&str, &mut Stream) {
        let at = FAMILIES.iter().position(|&other| other == family).unwrap_or(0);
        (&self.name, &mut self.streams[at])
    }

    /// Whether poll is asked for the first time, where work is deferred.
    pub fn is_first_poll(&mut self) -> bool {
        self.defer && !std::mem::replace(&mut self.polled, true)
    }

    /// Completions are there, or behind for want of room, or work that `enter` would turn into some.
    pub fn is_readable(&self) -> bool {
        self.ready() > 0 || !self.overflow.is_empty() || self.defer && !self.work.is_empty()
    }

    // Submissions.

    /// Whether there is room for another submission.
    pub fn is_writable(&self) -> bool {
        self.queue.len() < self.queue_entries
    }

    /// Takes a submission, where [there is room](Ring::is_writable).
    pub fn push(&mut self, submission: Submission) {
        self.queue.push_back(submission);
    }

    /// Takes out all submissions.
    pub fn take_queue(&mut self) -> VecDeque<Submission> {
        std::mem::take(&mut self.queue)
    }

    // Operations in flight.

    pub fn insert(&mut self, op: RingOp) -> u32 {
        self.ops.insert(op) as u32
    }

    pub fn op(&self, op: u32) -> Option<&RingOp> {
        self.ops.get(op as usize)
    }

    pub fn op_mut(&mut self, op: u32) -> Option<&mut RingOp> {
        self.ops.get_mut(op as usize)
    }

    pub fn remove(&mut self, op: u32) -> Option<RingOp> {
        self.ops.try_remove(op as usize)
    }

    /// All of them, by index.
    pub fn ops(&self) -> impl Iterator<Item = (u32, &RingOp)> {
        self.ops.iter().map(|(op, entry)| (op as u32, entry))
    }

    /// The files that it is about to let go of, and those that its operations hold.
    pub fn into_files(self) -> (Vec<u32>, Vec<(u32, u32)>) {
        let held = self.ops().filter(|(_, entry)| entry.file() != NONE).map(|(op, entry)| (op, entry.file()));
        let held = held.collect();
        (self.released, held)
    }

    /// A file is let go of when the work is done.
    pub fn release_later(&mut self, file: u32) {
        self.released.push(file);
    }

    pub fn take_released(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.released)
    }

    // Completions.

    /// What needs no kernel has completed.
    pub fn complete_at_once(&mut self, completed: Completed) {
        self.local.push_back(completed);
    }

    /// Completes with the others of what is being done now.
    pub fn complete(&mut self, completed: Completed) {
        self.batch.push(completed);
    }

    /// What is linked behind what has completed is seen to after that was posted.
    pub fn see_to(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    pub fn has_batch(&self) -> bool {
        !self.batch.is_empty()
    }

    /// Takes out what has completed, and what is linked behind it; `None`: nothing was posted either.
    pub fn take_batch(&mut self) -> Option<(Vec<Completed>, Vec<Ended>)> {
        if !std::mem::take(&mut self.posted_aside) && self.batch.is_empty() {
            return None;
        }
        Some((std::mem::take(&mut self.batch), std::mem::take(&mut self.ended)))
    }

    /// Whether a completion can be reaped once it is posted.
    pub fn has_room(&self) -> bool {
        self.overflow.is_empty() && self.done.len() < self.done_entries
    }

    /// Puts a completion where it can be reaped, or behind, where there is no room.
    pub fn post(&mut self, completed: Completed) {
        match self.has_room() {
            true => self.done.push_back(completed),
            false => self.overflow.push_back(completed),
        }
        self.posted = self.posted.wrapping_add(1);
    }

    /// A completion was posted outside a batch.
    pub fn set_posted_aside(&mut self) {
        self.posted_aside = true;
    }

    /// The backlog moves up, in its order, as far as there is room.
    pub fn flush(&mut self) {
        while self.done.len() < self.done_entries
            && let Some(completed) = self.overflow.pop_front()
        {
            self.done.push_back(completed);
        }
    }

    /// Completions that can be reaped.
    pub fn ready(&self) -> usize {
        self.done.len() + self.local.len()
    }

    /// Takes out what can be reaped.
    pub fn reap(&mut self) -> impl Iterator<Item = Completed> {
        self.local.drain(..).chain(self.done.drain(..))
    }

    // Work.

    /// Puts an operation on the work list, at most `back` places before its end: how many. `None`: it is there already.
    pub fn queue_work(&mut self, op: u32, number: u32, back: usize) -> Option<usize> {
        if self.work.contains(&(op, number)) {
            return None;
        }
        if let Some(entry) = self.op_mut(op) {
            entry.put_on_list();
        }
        let back = back.min(self.work.len());
        self.work.insert(self.work.len() - back, (op, number));
        Some(back)
    }

    pub fn take_work(&mut self) -> Option<(u32, u32)> {
        self.work.pop_front()
    }

    pub fn work_len(&self) -> usize {
        self.work.len()
    }

    /// The event queue is to have an entry to do the work, of this number, unless it has one, or `enter` does it.
    pub fn plan(&mut self, number: u32) -> bool {
        let plans = !self.defer && self.planned.is_none();
        if plans {
            self.planned = Some(number);
        }
        plans
    }

    /// The entry that the event queue has.
    pub fn planned(&self) -> Option<u32> {
        self.planned
    }

    /// Whether the entry of this number is the one; it has none any more.
    pub fn take_planned(&mut self, number: u32) -> bool {
        self.planned.take_if(|planned| *planned == number).is_some()
    }

    // Timeouts.

    /// What timeouts count.
    fn counted(&self) -> u32 {
        self.posted.wrapping_sub(self.timeouts_over)
    }

    /// Timeouts that are over or cancelled are not among those that count any more.
    fn forget_timeouts(&mut self) {
        let Ring { ops, timeouts, .. } = self;
        timeouts.retain(|&(op, number)| {
            ops.get(op as usize).is_some_and(|op| op.number() == number && op.counts())
        });
    }

    /// A timeout begins, which is over at `at`, or by so many completions; its number. One that counts has its place among the others
    /// that do, by what each has yet to see; one that should have been over, but was not looked at since, goes behind all: it
    /// is over by time only (`io_timeout`).
    pub fn begin_timeout(&mut self, op: u32, at: u64, count: u32) -> Option<u32> {
        let seen = self.counted();
        self.forget_timeouts();
        let entry = self.ops.get_mut(op as usize)?;
        entry.begin_timeout(at, seen.wrapping_add(count));
        let number = entry.number();
        if count > 0 {
            self.timeouts_seen = seen;
            let before = |&(other, _): &(u32, u32)| count >= self.ops[other as usize].left_to_count(seen);
            let place = self.timeouts.iter().rposition(before).map_or(0, |place| place + 1);
            self.timeouts.insert(place, (op, number));
        }
        Some(number)
    }

    /// Takes out the timeouts that have counted enough, by index and number (`io_flush_timeouts`).
    pub fn end_timeouts(&mut self) -> Vec<(u32, u32)> {
        self.forget_timeouts();
        let (counted, seen) = (self.counted(), self.timeouts_seen);
        let reached =
            |&(op, _): &(u32, u32)| counted.wrapping_sub(seen) >= self.ops[op as usize].left_to_count(seen);
        let count = self.timeouts.iter().take_while(|timeout| reached(timeout)).count();
        let over: Vec<(u32, u32)> = self.timeouts.drain(..count).collect();
        self.timeouts_seen = counted;
        self.timeouts_over = self.timeouts_over.wrapping_add(count as u32);
        for &(op, _) in &over {
            if let Some(entry) = self.op_mut(op) {
                entry.set_enough();
            }
        }
        over
    }

    /// A timeout is over by time.
    pub fn timeout_over(&mut self) {
        self.timeouts_over = self.timeouts_over.wrapping_add(1);
    }

    // Buffers.

    /// Gives buffers to a group (`io_uring_prep_provide_buffers(3)`).
    pub fn provide(&mut self, group: BufferGroup, buffers: Vec<Vec<u8>>, first_id: u16) -> Result<()> {
        let end = usize::from(first_id) + buffers.len();
        let inside = self.groups.entry(group).or_default();
        if end > usize::from(u16::MAX) + 1 || buffers.len() > GROUP_CAPACITY - inside.len() {
            return Err(Errno::E2BIG);
        }
        if inside.iter().any(|&(id, _)| id >= first_id && usize::from(id) < end) {
            return Err(Errno::EEXIST);
        }
        inside.extend((first_id..=u16::MAX).zip(buffers));
        Ok(())
    }

    /// Takes the next buffer out of a group.
    pub fn take_buffer(&mut self, group: BufferGroup) -> Option<(u16, Vec<u8>)> {
        self.groups.get_mut(&group)?.pop_front()
    }

    /// Nothing came: a buffer goes back to where it was taken from.
    pub fn put_back(&mut self, group: BufferGroup, buffer: (u16, Vec<u8>)) {
        self.groups.entry(group).or_default().push_front(buffer);
    }
}
