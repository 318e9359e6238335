//! Programs for the cells of the table that drawn ones hardly come to: each sweep begins with them.

use super::draw::Slot::{A, B, F, H, L, N, P, Q, S, T, U, V, X, Y};
use super::draw::{RingOp, Step};
use eagain_net::{Events, FileLock, LockOwner, RecordLock, RecvFlags};

/// A pipe is full after so many writes of a page.
const PAGES: usize = 16;
/// A Unix socket is full, and has room again, after fewer of a hundred bytes.
const PIECES: usize = 300;

fn after(many: usize, step: Step, then: &[Step]) -> Vec<Step> {
    let mut steps = vec![step; many];
    steps.extend_from_slice(then);
    steps
}

/// The programs.
pub(super) fn programs() -> Vec<Vec<Step>> {
    let (restart, interrupt) = (Step::Poke(0, true), Step::Poke(0, false));
    let pipe = |then: &[Step]| after(PAGES, Step::Fill(Q, 4096), then);
    let unix = |then: &[Step]| after(PIECES, Step::Fill(S, 100), then);
    let backlog = |then: &[Step]| after(1, Step::Dial(X), then);
    let of = |owner| RecordLock { kind: FileLock::Exclusive, owner, start: 0, len: 0 };
    let (of_file, of_process) = (of(LockOwner::OpenFile), of(LockOwner::Process));
    let full = Step::Add(V, u64::MAX - 1);
    let room = vec![Step::Drain(T, 100); PIECES];
    let flood = |then: &[Step]| after(1, Step::Flood(A), then);
    let low = [Step::Tight(B), Step::LowAt(B, 100_000)];
    let below_low_water = |waits: Step| [low.as_slice(), &[waits, Step::Flood(A), Step::Ask(B)]].concat();
    let recv = |slot| vec![Step::RecvTimeout(slot, true), Step::Recv(slot, 10, RecvFlags::NONE), Step::Later];
    vec![
        recv(B),
        recv(T),
        recv(U),
        vec![Step::Read(P, 100), Step::Nonblocking(P, true), restart],
        vec![Step::Read(P, 100), Step::Close(P), restart],
        vec![Step::Nonblocking(Q, true), Step::Write(Q, 70_000), Step::Write(Q, 1)],
        vec![Step::Nonblocking(S, true), Step::Write(S, 300_000)],
        vec![Step::Ring(RingOp::Recv, B, 10, false), Step::Send(B, 10), Step::Close(A)],
        vec![Step::Send(B, 10), Step::Close(A), Step::Aio(true, B, 10, false)],
        vec![Step::Aio(true, B, 10, false), Step::Send(B, 10), Step::Close(A)],
        pipe(&[Step::Write(Q, 1), interrupt]),
        vec![Step::TryFlock(F, FileLock::Exclusive), Step::Flock(H, FileLock::Exclusive), interrupt],
        vec![Step::TrySetLock(F, of_file), Step::SetLock(H, of_file), interrupt],
        vec![Step::TrySetLock(F, of_file), Step::SetLock(H, of_process), Step::Close(H), Step::Close(F)],
        vec![Step::SetLock(H, of_process), Step::TrySetLock(F, of_file)],
        vec![Step::Read(V, 8), Step::Close(V), restart],
        pipe(&[Step::Write(Q, 1), Step::Close(P)]),
        vec![Step::Write(P, 1)],
        vec![full, Step::Add(V, 1), Step::Drain(V, 8)],
        vec![Step::RecvTimeout(L, true), Step::Accept(L, X), Step::Later],
        vec![Step::RecvTimeout(B, true), Step::Aio(true, B, 10, false), Step::Later],
        vec![Step::Send(A, 1), Step::Close(B), Step::Ring(RingOp::Recv, A, 10, false)],
        vec![Step::Futex(0, true), Step::Futex(1, true), Step::Requeue(0, 0, 1), Step::Later],
        pipe(&[Step::Aio(false, Q, 1, false), Step::Close(P)]),
        unix(&[Step::Ring(RingOp::Send, S, 1, true), Step::Later]),
        unix(&[Step::Ring(RingOp::SendAll, S, 3000, false), Step::Shutdown(S, 1)]),
        vec![Step::Nonblocking(V, true), Step::Read(V, 8)],
        vec![Step::Read(V, 8), Step::Nonblocking(V, true), restart],
        vec![full, Step::Nonblocking(V, true), Step::Add(V, 1)],
        vec![full, Step::Add(V, 1), Step::Nonblocking(V, true), restart],
        vec![Step::Nonblocking(P, true), Step::Read(P, 100)],
        pipe(&[Step::Write(Q, 1), Step::Nonblocking(Q, true), restart]),
        pipe(&[Step::Write(Q, 1), Step::Close(Q), restart]),
        pipe(&[Step::Aio(false, Q, 1, false), Step::Drain(P, 70_000)]),
        pipe(&[Step::Nonblocking(Q, true), Step::Drain(P, 4096), Step::Aio(false, Q, 70_000, false)]),
        pipe(&[Step::Ring(RingOp::Write, Q, 1, false), Step::Drain(P, 70_000)]),
        pipe(&[Step::Ring(RingOp::Write, Q, 1, false), Step::Close(P)]),
        unix(&[Step::Nonblocking(S, true), Step::Write(S, 100), Step::Aio(false, S, 3000, false)]),
        unix(&[Step::SendTimeout(S, true), Step::Write(S, 100), Step::Later]),
        unix(&[Step::SendTimeout(S, true), Step::Aio(false, S, 100, false), Step::Later]),
        unix(&[Step::Ring(RingOp::Send, S, 1, false), Step::Shutdown(S, 1)]),
        unix(&after(1, Step::Ring(RingOp::Send, S, 1, false), &room)),
        unix(&after(1, Step::Write(S, 100), &room)),
        flood(&[Step::Write(A, 1), Step::Empty(B), Step::Write(A, 1)]),
        flood(&[Step::Write(A, 1), interrupt]),
        flood(&[Step::Write(A, 1), Step::Shutdown(A, 1), Step::Write(A, 1)]),
        flood(&[Step::Write(A, 1), Step::Close(B)]),
        flood(&[Step::Close(B), Step::Write(A, 1)]),
        flood(&[Step::SendTimeout(A, true), Step::Write(A, 1), Step::Later]),
        flood(&[Step::Nonblocking(A, true), Step::Write(A, 1)]),
        below_low_water(Step::Poll(B, Events::IN, false)),
        below_low_water(Step::Select(B, false)),
        below_low_water(Step::Recv(B, 100, RecvFlags::NONE)),
        below_low_water(Step::Recv(B, 100, RecvFlags::PEEK)),
        below_low_water(Step::Ring(RingOp::Recv, B, 100, false)),
        below_low_water(Step::Ring(RingOp::Poll, B, 0, false)),
        backlog(&[Step::Nonblocking(N, true), Step::Connect(N), Step::Connect(N)]),
        backlog(&[Step::Connect(N), Step::Shutdown(N, 1)]),
        backlog(&[Step::Connect(N), interrupt]),
        backlog(&[Step::Connect(N), Step::Nonblocking(N, true), restart]),
        backlog(&[Step::SendTimeout(N, true), Step::Connect(N), Step::Later]),
        backlog(&[Step::Connect(N), Step::Accept(L, Y), Step::Later, Step::Later]),
        backlog(&[Step::Connect(N), Step::Close(L), Step::Later, Step::Later]),
    ]
}
