//! From an operation to the entry that the kernel reads, and what has to stay in place for it.

use super::in_flight::{InFlightTable, NOBODY, Owned};
use crate::linux::sys::socket::RawAddress;
use crate::{Operation, Submission};
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd as RawFd, FsyncFlags, Timespec};

/// read(2): a call transfers at most this much.
fn length(len: usize) -> u32 {
    len.min(0x7fff_f000) as u32
}

/// The entry without its number, and what it lends. `None` for what needs no kernel: provided buffers.
pub(super) fn entry(submission: Submission, in_flight: &InFlightTable) -> Option<(Entry, Owned)> {
    let flags = Flags::from_bits_retain(submission.flags.0);
    let (entry, owned) = build(submission.operation, in_flight)?;
    Some((entry.flags(flags), owned))
}

fn build(operation: Operation, in_flight: &InFlightTable) -> Option<(Entry, Owned)> {
    Some(match operation {
        Operation::Nop => (opcode::Nop::new().build(), Owned::Nothing),
        Operation::Accept { fd, flags, multishot: true } => {
            (opcode::AcceptMulti::new(RawFd(fd.0)).flags(flags.0).build(), Owned::Nothing)
        }
        Operation::Accept { fd, flags, multishot: false } => {
            let null = std::ptr::null_mut();
            let accept = opcode::Accept::new(RawFd(fd.0), null, null.cast()).flags(flags.0);
            (accept.build(), Owned::Nothing)
        }
        Operation::Connect { fd, address } => {
            let (raw, len) = RawAddress::new(address);
            let raw = Box::new(raw);
            (opcode::Connect::new(RawFd(fd.0), raw.as_ptr(), len).build(), Owned::Address(raw))
        }
        Operation::Recv { fd, mut buffer, flags } => {
            let recv = opcode::Recv::new(RawFd(fd.0), buffer.as_mut_ptr(), length(buffer.len()));
            (recv.flags(flags.0).build(), Owned::Buffer(buffer))
        }
        Operation::RecvGroup { fd, group, multishot: true } => {
            (opcode::RecvMulti::new(RawFd(fd.0), group).build(), Owned::Group(group))
        }
        Operation::RecvGroup { fd, group, multishot: false } => {
            // A length of 0 stands for that of the buffer that is chosen.
            let recv = opcode::Recv::new(RawFd(fd.0), std::ptr::null_mut(), 0).buf_group(group);
            (recv.build().flags(Flags::BUFFER_SELECT), Owned::Group(group))
        }
        Operation::Send { fd, buffer, from, flags } => {
            let part = buffer.get(from..).unwrap_or_default();
            let send = opcode::Send::new(RawFd(fd.0), part.as_ptr(), length(part.len()));
            (send.flags(flags.0).build(), Owned::Buffer(buffer))
        }
        Operation::Read { fd, mut buffer, offset } => {
            let read = opcode::Read::new(RawFd(fd.0), buffer.as_mut_ptr(), length(buffer.len()));
            (read.offset(offset).build(), Owned::Buffer(buffer))
        }
        Operation::Write { fd, buffer, offset } => {
            let write = opcode::Write::new(RawFd(fd.0), buffer.as_ptr(), length(buffer.len()));
            (write.offset(offset).build(), Owned::Buffer(buffer))
        }
        Operation::Fsync { fd, data_only } => {
            let flags = if data_only { FsyncFlags::DATASYNC } else { FsyncFlags::empty() };
            (opcode::Fsync::new(RawFd(fd.0)).flags(flags).build(), Owned::Nothing)
        }
        Operation::Shutdown { fd, how } => {
            (opcode::Shutdown::new(RawFd(fd.0), how as i32).build(), Owned::Nothing)
        }
        Operation::Close { fd } => (opcode::Close::new(RawFd(fd.0)).build(), Owned::Nothing),
        Operation::PollAdd { fd, events, multishot } => {
            (opcode::PollAdd::new(RawFd(fd.0), events.0).multi(multishot).build(), Owned::Nothing)
        }
        Operation::Timeout { after, count } => {
            let time = Box::new(Timespec::from(after));
            (opcode::Timeout::new(&raw const *time).count(count).build(), Owned::Time(time))
        }
        Operation::LinkTimeout { after } => {
            let time = Box::new(Timespec::from(after));
            (opcode::LinkTimeout::new(&raw const *time).build(), Owned::Time(time))
        }
        Operation::Cancel { user_data } => {
            // The kernel knows the operation by its slot's number; one that is not there is -ENOENT from the kernel.
            let number = in_flight.find(user_data).unwrap_or(NOBODY);
            (opcode::AsyncCancel::new(number).build(), Owned::Nothing)
        }
        Operation::ProvideBuffers { .. } => return None,
    })
}
