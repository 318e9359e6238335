//! The calls of a program that use a ring. Its work is deferred, so that completions appear where `enter` is called and
//! nowhere else; all that are there are reported by it, in their order.

use super::call::{Call, Op};
use super::machine::{Calls, Machine, digest};
use super::outcome::Outcome;
use super::state::{Meaning, RingState};
use eagain_net::{
    Completed, CompletedFlags, CompletionRing, Errno, Events, Fd, Operation, RecvFlags, RingParams,
    SendFlags, ShutdownHow, SocketFlags, Submission, SubmissionFlags,
};
use std::time::Duration;

const GROUP: u16 = 7;
const HOUR: Duration = Duration::from_secs(3600);

/// A number of milliseconds, 0 for an hour.
fn after(ms: u64) -> Duration {
    if ms == 0 { HOUR } else { Duration::from_millis(ms) }
}

impl<K: Calls> Machine<K> {
    pub(super) fn make_ring(&mut self, entries: u64, done: u64) -> Outcome {
        if self.ring.ring.is_some() {
            return Outcome::Text("there is one".to_owned());
        }
        let params = RingParams { entries: entries as u32, cq_entries: done as u32, defer_taskrun: true };
        match self.k.io_uring_setup(params) {
            Err(errno) => Outcome::Err(errno),
            Ok(ring) => {
                self.ring.ring = Some(ring);
                Outcome::Ok
            }
        }
    }

    pub(super) fn ring_call(&mut self, call: &Call) -> Outcome {
        let [a, b, c] = call.args;
        if call.op == Op::Link {
            self.ring.link =
                [SubmissionFlags::NONE, SubmissionFlags::LINK, SubmissionFlags::HARDLINK][a as usize % 3];
            return Outcome::Ok;
        }
        if self.ring.ring.is_none() {
            return Outcome::Text("no ring".to_owned());
        }
        if call.op == Op::Enter {
            return self.enter(a);
        }
        let fd = self.slots.get(a as usize).copied().unwrap_or(Fd(-1));
        let buffer = |machine: &Self| vec![0; machine.count(b)];
        let mut meaning = Meaning::Count;
        let operation = match call.op {
            Op::RingRecv => {
                meaning = Meaning::Data;
                Operation::Recv { fd, buffer: buffer(self), flags: RecvFlags(c as i32) }
            }
            Op::RingRead => Operation::Read { fd, buffer: buffer(self), offset: u64::MAX },
            Op::RingSend => {
                Operation::Send { fd, buffer: self.take_bytes(b), from: 0, flags: SendFlags(c as i32) }
            }
            Op::RingWrite => Operation::Write { fd, buffer: self.take_bytes(b), offset: u64::MAX },
            Op::RingAccept => {
                meaning = Meaning::New(b);
                Operation::Accept { fd, flags: SocketFlags::NONBLOCK, multishot: c != 0 }
            }
            Op::RingConnect => match self.bound[b as usize] {
                Some(address) => Operation::Connect { fd, address },
                None => return Outcome::Text("nowhere".to_owned()),
            },
            Op::RingPoll => {
                meaning = Meaning::Mask;
                Operation::PollAdd { fd, events: Events(b as u32), multishot: c != 0 }
            }
            Op::RingShutdown => {
                let how = [ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both][b as usize % 3];
                Operation::Shutdown { fd, how }
            }
            Op::RingClose => {
                self.slots[a as usize] = Fd(-1);
                meaning = Meaning::Closed(fd);
                Operation::Close { fd }
            }
            // What is yet to be submitted cannot be meant.
            Op::RingCancel if a > self.ring.pushed.len() as u64 => Operation::Cancel { user_data: u64::MAX },
            Op::RingCancel => Operation::Cancel { user_data: a },
            Op::RingTimeout => Operation::Timeout { after: after(b), count: a as u32 },
            Op::RingLinkTimeout => Operation::LinkTimeout { after: after(a) },
            Op::Provide => {
                let count = a.min(64);
                let first_id = self.ring.provided;
                self.ring.provided += count as u16;
                let buffers = (0..count).map(|_| buffer(self)).collect();
                Operation::ProvideBuffers { group: GROUP, buffers, first_id }
            }
            Op::RingGroup => {
                meaning = Meaning::Data;
                Operation::RecvGroup { fd, group: GROUP, multishot: b != 0 }
            }
            _ => Operation::Nop,
        };
        if let Operation::ProvideBuffers { .. } = operation {
            // Is with the kernel at once, and in no chain.
            let link = std::mem::replace(&mut self.ring.link, SubmissionFlags::NONE);
            let dangling = self.ring.dangling;
            let outcome = self.push(operation, meaning);
            (self.ring.link, self.ring.dangling) = (link, dangling);
            return outcome;
        }
        let outcome = self.push(operation, meaning);
        if let (Outcome::Err(_), Meaning::Closed(fd)) = (&outcome, meaning) {
            self.slots[a as usize] = fd;
        }
        outcome
    }

    fn push(&mut self, operation: Operation, meaning: Meaning) -> Outcome {
        let RingState { ring: Some(ring), pushed, link, dangling, .. } = &mut self.ring else {
            return Outcome::Text("no ring".to_owned());
        };
        let flags = std::mem::replace(link, SubmissionFlags::NONE);
        let user_data = pushed.len() as u64 + 1;
        match ring.push(Submission { user_data, operation, flags }) {
            Ok(()) => {
                pushed.push(meaning);
                *dangling = flags != SubmissionFlags::NONE;
                Outcome::Ok
            }
            Err((errno, _)) => Outcome::Err(errno),
        }
    }

    fn take_bytes(&mut self, count: u64) -> Vec<u8> {
        let bytes = self.next_bytes(count).to_vec();
        self.sent += bytes.len();
        bytes
    }

    fn enter(&mut self, least: u64) -> Outcome {
        if self.ring.dangling {
            // A chain that lacks its end is run by a thread of the kernel's, some time.
            self.ring.link = SubmissionFlags::NONE;
            let _ = self.push(Operation::Nop, Meaning::Count);
        }
        let Some(ring) = &mut self.ring.ring else { return Outcome::Text("no ring".to_owned()) };
        let timeout = (least > 0).then_some(Duration::from_secs(1));
        let entered = ring.enter(least as u32, timeout, None);
        let mut done = Vec::new();
        ring.reap(&mut done);
        let reported: Vec<_> = done.into_iter().map(|one| self.completion(one)).collect();
        match entered {
            Err(errno) if reported.is_empty() => Outcome::Err(errno),
            _ => Outcome::Completions(reported),
        }
    }

    fn completion(&mut self, done: Completed) -> (u64, String, u64) {
        let number = done.user_data;
        let meaning = self.ring.pushed.get(number.wrapping_sub(1) as usize).copied();
        let result = done.result;
        if let Some(Meaning::Closed(fd)) = meaning
            && result == -Errno::ECANCELED.0
        {
            let _ = self.k.close(fd);
        }
        let mut text = match meaning {
            _ if result < 0 => format!("{:?}", Errno(-result)),
            Some(Meaning::New(slot)) => {
                let _ = self.put(slot, Ok(Fd(result)));
                "ok".to_owned()
            }
            Some(Meaning::Mask) => format!("{:?}", Events(result as u32)),
            _ => result.to_string(),
        };
        if done.flags.contains(CompletedFlags::BUFFER) {
            text.push_str(&format!("#{}", done.buffer_id));
        }
        if done.flags.contains(CompletedFlags::MORE) {
            text.push('+');
        }
        let read = match (meaning, done.buffer) {
            (Some(Meaning::Data), Some(buffer)) => {
                digest(&buffer[..buffer.len().min(result.max(0) as usize)])
            }
            // A record of a signal names its sender, which differs.
            _ => 0,
        };
        (number, text, read)
    }

    /// What completions there are goes into the slots, and the ring goes.
    pub(super) fn finish_ring(&mut self) {
        if self.ring.ring.is_some() {
            let _ = self.enter(0);
            self.ring = RingState::default();
        }
    }
}
