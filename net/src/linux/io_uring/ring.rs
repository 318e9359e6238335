//! One ring: pushing, entering, reaping, and its end.

use super::errno_of;
use super::group::{CAPACITY, Group};
use super::in_flight::{InFlight, InFlightTable, Owned};
use super::submission;
use crate::linux::handler::interruptible;
use crate::{
    Completed, CompletedFlags, CompletionRing, Errno, Fd, Operation, Result, RingParams, SigSet, Submission,
};
use io_uring::types::{CancelBuilder, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue};
use std::collections::VecDeque;
use std::fmt;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// A ring of Linux. With `defer_taskrun` it may be used by the thread that made it only (`EEXIST` elsewhere).
pub struct LinuxRing {
    ring: ManuallyDrop<IoUring>,
    /// All that the kernel may write to. Let go by hand: see `drop`.
    in_kernel: ManuallyDrop<InKernel>,
    /// Completions of what needed no kernel.
    local: VecDeque<Completed>,
}

struct InKernel {
    in_flight: InFlightTable,
    groups: Vec<Group>,
}

/// How long dropping a ring waits for what was cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(500);

impl LinuxRing {
    pub(super) fn new(params: RingParams) -> Result<LinuxRing> {
        let mut builder = IoUring::builder();
        // One bad entry fails by itself, and does not hold back those behind it.
        builder.setup_submit_all();
        if params.cq_entries != 0 {
            builder.setup_cqsize(params.cq_entries);
        }
        if params.defer_taskrun {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        let ring = builder.build(params.entries).map_err(|e| errno_of(&e))?;
        // 5.11: timeouts of enter. 5.5: no completion is dropped.
        if !ring.params().is_feature_ext_arg() || !ring.params().is_feature_nodrop() {
            return Err(Errno::EINVAL);
        }
        let in_kernel = InKernel { in_flight: InFlightTable::default(), groups: Vec::new() };
        Ok(LinuxRing {
            ring: ManuallyDrop::new(ring),
            in_kernel: ManuallyDrop::new(in_kernel),
            local: VecDeque::new(),
        })
    }

    /// Buffers are given by a write to shared memory: no call, hence a completion of our own.
    fn provide(&mut self, user_data: u64, id: u16, buffers: Vec<Vec<u8>>, first_id: u16) {
        let provided = self.group(id).and_then(|group| group.provide(buffers, first_id));
        self.local.push_back(Completed {
            user_data,
            result: provided.map_or_else(|errno| -errno.0, |()| 0),
            flags: CompletedFlags::NONE,
            buffer: None,
            buffer_id: 0,
        });
    }

    /// The group, made where there was none.
    fn group(&mut self, id: u16) -> Result<&mut Group> {
        let in_kernel = &mut *self.in_kernel;
        let at = match in_kernel.groups.iter().position(|group| group.id == id) {
            Some(at) => at,
            None => {
                let group = Group::new(id);
                // SAFETY: the entries are `CAPACITY` long, and freed only after the ring is gone, or never.
                let registered = unsafe {
                    self.ring.submitter().register_buf_ring_with_flags(group.address(), CAPACITY, id, 0)
                };
                registered.map_err(|e| errno_of(&e))?;
                in_kernel.groups.push(group);
                in_kernel.groups.len() - 1
            }
        };
        in_kernel.groups.get_mut(at).ok_or(Errno::ENOENT)
    }

    fn raw_enter(
        &mut self,
        to_submit: u32,
        min_complete: u32,
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<u32> {
        // Always: without GETEVENTS, deferred work would not run, nor an overflown queue be flushed.
        let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
        let time = timeout.map(Timespec::from);
        let args = GeteventsArg {
            sigmask: mask.as_ref().map_or(0, |mask| &raw const mask.0 as u64),
            sigmask_sz: size_of::<u64>() as u32,
            min_wait_usec: 0,
            ts: time.as_ref().map_or(0, |time| &raw const *time as u64),
        };
        let submitter = self.ring.submitter();
        // SAFETY: the argument is that of EXT_ARG, and all that it points to lives through the call. What the queued
        // entries point to is owned by the table until they complete.
        let entered =
            interruptible(|| unsafe { submitter.enter(to_submit, min_complete, flags.bits(), Some(&args)) });
        entered.map(|count| u32::try_from(count).unwrap_or(u32::MAX)).map_err(|e| errno_of(&e))
    }
}

/// `struct io_uring_getevents_arg` (`io_uring_enter2(2)`). That of the io-uring crate says the mask is as large as libc's
/// `sigset_t`, 128 bytes, and the kernel takes its own 8 only (`EINVAL`).
#[repr(C)]
struct GeteventsArg {
    sigmask: u64,
    sigmask_sz: u32,
    min_wait_usec: u32,
    ts: u64,
}

impl CompletionRing for LinuxRing {
    fn fd(&self) -> Fd {
        Fd(self.ring.as_raw_fd())
    }

    fn push(&mut self, submission: Submission) -> Result<(), (Errno, Submission)> {
        let user_data = submission.user_data;
        if let Operation::ProvideBuffers { group, buffers, first_id } = submission.operation {
            self.provide(user_data, group, buffers, first_id);
            return Ok(());
        }
        if self.ring.submission().is_full() {
            return Err((Errno::EBUSY, submission));
        }
        let in_kernel = &mut *self.in_kernel;
        let Some((entry, owned)) = submission::entry(submission, &in_kernel.in_flight) else { return Ok(()) };
        let number = in_kernel.in_flight.insert(InFlight { user_data, owned });
        let entry = entry.user_data(number);
        // SAFETY: what the entry points to is in the table, and stays in place until its last completion was reaped.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        debug_assert!(pushed.is_ok(), "there was room a moment ago, and only the kernel takes entries out");
        Ok(())
    }

    fn enter(&mut self, min_complete: u32, timeout: Option<Duration>, mask: Option<SigSet>) -> Result<u32> {
        let to_submit = u32::try_from(self.ring.submission().len()).unwrap_or(u32::MAX);
        let here = u32::try_from(self.local.len()).unwrap_or(u32::MAX);
        self.raw_enter(to_submit, min_complete.saturating_sub(here), timeout, mask)
    }

    fn reap(&mut self, into: &mut Vec<Completed>) -> usize {
        let before = into.len();
        into.extend(self.local.drain(..));
        let in_kernel = &mut *self.in_kernel;
        for entry in self.ring.completion() {
            into.extend(in_kernel.complete(&entry));
        }
        into.len() - before
    }
}

impl InKernel {
    fn complete(&mut self, entry: &cqueue::Entry) -> Option<Completed> {
        let number = entry.user_data();
        let more = cqueue::more(entry.flags());
        let mut completed = Completed {
            user_data: self.in_flight.get(number)?.user_data,
            result: entry.result(),
            flags: if more { CompletedFlags::MORE } else { CompletedFlags::NONE },
            buffer: None,
            buffer_id: 0,
        };
        if let (Some(id), Owned::Group(group)) =
            (cqueue::buffer_select(entry.flags()), &self.in_flight.get(number)?.owned)
        {
            let len = usize::try_from(entry.result()).unwrap_or(0);
            let group = self.groups.iter_mut().find(|known| known.id == *group);
            completed.buffer = group.and_then(|group| group.take(id, len));
            completed.buffer_id = id;
            completed.flags |= CompletedFlags::BUFFER;
        }
        if !more && let Some(InFlight { owned: Owned::Buffer(buffer), .. }) = self.in_flight.remove(number) {
            completed.buffer = Some(buffer);
        }
        Some(completed)
    }
}

impl Drop for LinuxRing {
    fn drop(&mut self) {
        // The order matters: the kernel may write to what it was given until the last completion, and goes on doing so for
        // a while after the ring was closed. So cancel first, wait for the completions, and only then free. What was
        // pushed but never entered is not with the kernel, and stays that way.
        let queued = self.ring.submission().len();
        if self.in_kernel.in_flight.len() > queued {
            let time = Some(Timespec::from(CANCEL_TIMEOUT));
            let mut done = Vec::new();
            loop {
                // ENOENT: all are about to complete anyway. EEXIST: another thread's ring. ETIME: see below. Each time
                // again, after the work that is due: what is linked hard behind something begins there, when that was
                // cancelled.
                let _ = self.raw_enter(0, 0, None, None);
                let _ = self.ring.submitter().register_sync_cancel(time, CancelBuilder::any());
                self.reap(&mut done);
                done.clear();
                if self.in_kernel.in_flight.len() <= queued
                    || self.raw_enter(0, 1, Some(CANCEL_TIMEOUT), None).is_err()
                {
                    break;
                }
            }
            self.reap(&mut done);
        }
        let all_back = self.in_kernel.in_flight.len() <= queued;
        // SAFETY: dropped here once, and not used after.
        unsafe { ManuallyDrop::drop(&mut self.ring) };
        if all_back {
            // SAFETY: as above; nothing in it is with the kernel any more: every operation that was entered has
            // completed, and buffers of a group are only written on behalf of one.
            unsafe { ManuallyDrop::drop(&mut self.in_kernel) };
        }
        // Else an operation outlived its cancellation: its memory is the kernel's for ever.
    }
}

impl fmt::Debug for LinuxRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinuxRing")
            .field("fd", &self.fd())
            .field("in_flight", &self.in_kernel.in_flight.len())
            .finish()
    }
}
