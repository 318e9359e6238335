//! The steps of a program that waits, and the program of a seed. Which kinds of steps are likely is drawn per program: a mix
//! that is the same everywhere would never go deep anywhere.

use crate::conform::draw::Draw;
use eagain_net::{Events, FileLock, LockOwner, RecordLock, RecvFlags};

/// The slots of a program: a listener, two connections, a counter, a set, a pipe, an unconnected socket, a pair of Unix
/// sockets, UDP sockets of IPv6 (the second is connected to the first), a signalfd, a file that was opened twice, and room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Slot {
    L,
    A,
    B,
    C,
    D,
    V,
    E,
    P,
    Q,
    N,
    S,
    T,
    U,
    W,
    G,
    F,
    H,
    X,
    Y,
}

use Slot::{A, B, C, D, E, F, G, H, L, N, P, Q, S, T, U, V, W, X, Y};

/// How many slots there are.
pub(super) const SLOTS: usize = Y as usize + 1;
/// How many workers.
pub(super) const WORKERS: usize = 3;

/// What a worker gives to its ring, and waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RingOp {
    Recv,
    RecvAll,
    Read,
    Accept,
    Poll,
    Send,
    SendAll,
    Write,
}

impl RingOp {
    pub(super) fn name(self) -> &'static str {
        match self {
            RingOp::Recv => "ring recv",
            RingOp::RecvAll => "ring recv all",
            RingOp::Read => "ring read",
            RingOp::Accept => "ring accept",
            RingOp::Poll => "ring poll",
            RingOp::Send => "ring send",
            RingOp::SendAll => "ring send all",
            RingOp::Write => "ring write",
        }
    }
}

/// One step. The first group is made by a worker, and may wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Step {
    Recv(Slot, usize, RecvFlags),
    Read(Slot, usize),
    Write(Slot, usize),
    /// A number to a counter.
    Add(Slot, u64),
    Accept(Slot, Slot),
    Connect(Slot),
    /// With a timeout, or for ever.
    Poll(Slot, Events, bool),
    Select(Slot, bool),
    Wait(Slot, usize, bool),
    SigWait(u8, bool),
    Ring(RingOp, Slot, usize, bool),
    /// `aio_read`, or `aio_write`, and `aio_suspend`.
    Aio(bool, Slot, usize, bool),
    /// `flock`, and `F_SETLKW` or `F_OFD_SETLKW`.
    Flock(Slot, FileLock),
    SetLock(Slot, RecordLock),
    /// On one of two words that nobody changes.
    Futex(u8, bool),
    /// Without waiting, from here on.
    Send(Slot, usize),
    Take(Slot, usize, RecvFlags),
    /// What is there is read; what there is room for is written.
    Drain(Slot, usize),
    Fill(Slot, usize),
    /// TCP: the receive buffer is made small; what is sent until it is full; what is received until all of it is.
    Tight(Slot),
    Flood(Slot),
    Empty(Slot),
    Count(Slot, u64),
    Dial(Slot),
    Ask(Slot),
    Close(Slot),
    Dup(Slot, Slot),
    Replace(Slot, Slot),
    Shutdown(Slot, u8),
    LowAt(Slot, u32),
    RecvTimeout(Slot, bool),
    SendTimeout(Slot, bool),
    Nonblocking(Slot, bool),
    Watch(Slot, Events),
    Forget(Slot),
    /// A signal to a worker; its handler has `SA_RESTART` or not.
    Poke(u8, bool),
    /// A signal that is waited for: to the process, with a value, or to a worker.
    Signal(u8, u8),
    Pending,
    TryFlock(Slot, FileLock),
    TrySetLock(Slot, RecordLock),
    GetLock(Slot, RecordLock),
    FutexWake(u8, u8),
    /// From one word to the other: how many are woken, and how many are moved.
    Requeue(u8, u8, u8),
    /// Until timeouts are over.
    Later,
}

fn chance(draw: &mut Draw, one_in: u64) -> bool {
    draw.one_in(one_in)
}

fn pick<T: Copy>(draw: &mut Draw, from: &[T]) -> T {
    from[draw.below(from.len() as u64) as usize]
}

const ENDS: &[Slot] = &[A, B, B, C, D, D, X, N];
const ANY: &[Slot] = &[L, A, B, B, C, D, D, V, E, P, P, Q, N, S, T, T, U, W, X, Y];

fn recv_flags(draw: &mut Draw) -> RecvFlags {
    let all = [RecvFlags::PEEK, RecvFlags::TRUNC, RecvFlags::WAITALL, RecvFlags::DONTWAIT];
    let mut flags = RecvFlags::NONE;
    while chance(draw, 3) {
        flags |= pick(draw, &all);
    }
    flags
}

fn length(draw: &mut Draw) -> usize {
    pick(draw, &[0, 1, 3, 10, 10, 100, 100])
}

/// What several kinds of programs have in common: waiting for readiness, numbers, timeouts, signals.
fn common(draw: &mut Draw) -> Step {
    match draw.below(20) {
        0..=2 => {
            let masks = [Events::IN, Events::IN | Events::RDHUP, Events::IN | Events::OUT, Events::NONE];
            Step::Poll(pick(draw, ANY), pick(draw, &masks), chance(draw, 2))
        }
        3 => Step::Select(pick(draw, ANY), chance(draw, 2)),
        4..=6 => Step::Wait(pick(draw, &[E, E, E, E, V]), pick(draw, &[1, 4, 4, 0]), chance(draw, 2)),
        7 => Step::Ask(pick(draw, ANY)),
        8..=10 => Step::Close(pick(draw, ANY)),
        11 => Step::Dup(pick(draw, ANY), pick(draw, &[X, Y])),
        12 => Step::Replace(pick(draw, ANY), pick(draw, ANY)),
        13 => Step::Nonblocking(pick(draw, ANY), chance(draw, 2)),
        14..=15 => {
            let how = pick(draw, &[Events::NONE, Events::NONE, Events::ET, Events::ONESHOT]);
            let events = pick(draw, &[Events::IN, Events::IN | Events::OUT, Events::IN | Events::RDHUP]);
            Step::Watch(pick(draw, ANY), events | how)
        }
        16 if chance(draw, 2) => Step::Forget(pick(draw, ANY)),
        _ => Step::Poke(draw.below(WORKERS as u64) as u8, chance(draw, 2)),
    }
}

/// TCP, and what it was first.
fn connections(draw: &mut Draw) -> Step {
    match draw.below(28) {
        0..=6 => Step::Recv(pick(draw, ENDS), length(draw), recv_flags(draw)),
        7..=8 => Step::Read(pick(draw, &[V, V, P, P, B, D, Q]), pick(draw, &[8, 8, 100, 7])),
        9..=11 => Step::Accept(pick(draw, &[L, L, L, A]), pick(draw, &[X, Y])),
        12 => Step::Connect(pick(draw, &[N, N, X, A])),
        13..=17 => Step::Send(pick(draw, &[A, A, C, C, B, D, X]), pick(draw, &[1, 2, 7, 10, 50])),
        18..=19 => Step::Take(pick(draw, &[B, D, A, X]), length(draw), recv_flags(draw)),
        20 => Step::Count(pick(draw, &[V, V, Q]), pick(draw, &[0, 1, 2])),
        21..=22 => Step::Dial(pick(draw, &[X, Y])),
        23..=24 => Step::Shutdown(pick(draw, &[A, B, C, D, L, X, N]), draw.below(3) as u8),
        25 => Step::LowAt(pick(draw, &[B, D]), pick(draw, &[1, 2, 5, 20])),
        26 => Step::RecvTimeout(pick(draw, &[B, D, L, A]), chance(draw, 2)),
        _ => Step::SendTimeout(pick(draw, &[N, A]), chance(draw, 2)),
    }
}

/// Pipes, pairs of Unix sockets and counters that are full, and writes that are short.
fn buffers(draw: &mut Draw) -> Step {
    let much = |draw: &mut Draw| pick(draw, &[1, 100, 3000, 4097, 70_000, 300_000]);
    match draw.below(18) {
        0..=3 => Step::Write(pick(draw, &[Q, Q, S, S, T]), much(draw)),
        4 => Step::Add(V, pick(draw, &[1, u64::MAX - 1, u64::MAX - 1, 0])),
        5..=8 => Step::Fill(pick(draw, &[Q, S, S, T]), much(draw)),
        9..=12 => Step::Drain(pick(draw, &[P, P, T, T, S, V]), much(draw)),
        13 => Step::Read(pick(draw, &[P, T, V]), pick(draw, &[8, 100])),
        14 => Step::Recv(pick(draw, &[S, T, T]), length(draw), recv_flags(draw)),
        15 => Step::Shutdown(pick(draw, &[S, T]), draw.below(3) as u8),
        16 => Step::SendTimeout(pick(draw, &[S, T]), chance(draw, 2)),
        _ => Step::RecvTimeout(pick(draw, &[S, T]), chance(draw, 2)),
    }
}

/// TCP connections that are full, above or below a low-water mark.
fn full(draw: &mut Draw) -> Step {
    match draw.below(16) {
        0..=2 => Step::Flood(pick(draw, &[A, A, C, B])),
        3 => Step::Tight(pick(draw, &[B, D, A])),
        4..=5 => Step::LowAt(pick(draw, &[B, B, D, A]), pick(draw, &[5, 200, 100_000])),
        6..=7 => Step::Recv(pick(draw, &[B, B, D, A]), length(draw), recv_flags(draw)),
        8 => Step::Write(pick(draw, &[A, A, C]), pick(draw, &[1, 100])),
        9 => Step::Send(pick(draw, &[A, C, B]), pick(draw, &[1, 50])),
        10 => Step::Take(pick(draw, &[B, D]), length(draw), recv_flags(draw)),
        11 => Step::SendTimeout(pick(draw, &[A, C]), chance(draw, 2)),
        12 => Step::Shutdown(pick(draw, &[A, B, C, D]), draw.below(3) as u8),
        13 => Step::Ask(pick(draw, &[A, B, C, D])),
        _ => Step::Empty(pick(draw, &[B, B, D, A])),
    }
}

fn signals(draw: &mut Draw) -> Step {
    match draw.below(10) {
        0..=3 => Step::SigWait(draw.below(4) as u8, chance(draw, 2)),
        4 => Step::Read(G, pick(draw, &[128, 256, 7])),
        5 => Step::Poll(G, Events::IN, chance(draw, 2)),
        6 => Step::Pending,
        _ => Step::Signal(draw.below(3) as u8, draw.below(2 + WORKERS as u64) as u8),
    }
}

fn rings(draw: &mut Draw) -> Step {
    let timed = chance(draw, 2);
    match draw.below(12) {
        0..=2 => Step::Ring(RingOp::Recv, pick(draw, &[B, D, T, U, N]), length(draw).max(1), timed),
        3 => Step::Ring(RingOp::RecvAll, pick(draw, &[B, D, T]), length(draw).max(1), timed),
        4..=5 => Step::Ring(RingOp::Read, pick(draw, &[P, V, B, T]), pick(draw, &[8, 100]), timed),
        6 => Step::Ring(RingOp::Accept, pick(draw, &[L, L, A]), 0, timed),
        7..=8 => Step::Ring(RingOp::Poll, pick(draw, ANY), 0, timed),
        9 => Step::Ring(RingOp::Send, pick(draw, &[S, T, A]), pick(draw, &[1, 3000]), timed),
        10 => Step::Ring(RingOp::SendAll, S, pick(draw, &[3000, 300_000]), timed),
        _ => Step::Ring(RingOp::Write, pick(draw, &[Q, S]), pick(draw, &[1, 4097, 70_000]), timed),
    }
}

fn aio(draw: &mut Draw) -> Step {
    let timed = chance(draw, 2);
    match draw.below(4) {
        0..=2 => Step::Aio(true, pick(draw, &[B, D, P, T]), pick(draw, &[1, 10, 100]), timed),
        _ => Step::Aio(false, pick(draw, &[Q, S, S, T]), pick(draw, &[1, 3000, 70_000, 300_000]), timed),
    }
}

fn lock(draw: &mut Draw) -> FileLock {
    pick(draw, &[FileLock::Exclusive, FileLock::Exclusive, FileLock::Shared, FileLock::Unlock])
}

fn record(draw: &mut Draw) -> RecordLock {
    RecordLock {
        kind: lock(draw),
        owner: pick(draw, &[LockOwner::Process, LockOwner::OpenFile, LockOwner::OpenFile]),
        start: pick(draw, &[0, 0, 5, 10]),
        len: pick(draw, &[0, 5, 10]),
    }
}

fn locks(draw: &mut Draw) -> Step {
    let slot = pick(draw, &[F, F, H, H, H, X, P, V, A]);
    match draw.below(12) {
        0..=1 => Step::Flock(slot, lock(draw)),
        2..=4 => Step::SetLock(slot, record(draw)),
        5 => Step::TryFlock(slot, lock(draw)),
        6..=8 => Step::TrySetLock(slot, record(draw)),
        9 => Step::GetLock(slot, record(draw)),
        10 => Step::Dup(pick(draw, &[F, H]), X),
        _ => Step::Close(pick(draw, &[F, H, X])),
    }
}

fn futexes(draw: &mut Draw) -> Step {
    let word = draw.below(2) as u8;
    match draw.below(8) {
        0..=3 => Step::Futex(word, chance(draw, 2)),
        4..=5 => Step::FutexWake(word, draw.below(4) as u8),
        _ => Step::Requeue(word, draw.below(2) as u8, draw.below(3) as u8),
    }
}

fn datagrams(draw: &mut Draw) -> Step {
    match draw.below(10) {
        0..=3 => Step::Recv(pick(draw, &[U, U, W]), length(draw), recv_flags(draw)),
        4..=6 => Step::Send(pick(draw, &[W, W, W, U]), pick(draw, &[0, 1, 7, 50])),
        7 => Step::Take(pick(draw, &[U, W]), length(draw), recv_flags(draw)),
        8 => Step::Shutdown(pick(draw, &[U, W]), draw.below(3) as u8),
        _ => Step::RecvTimeout(pick(draw, &[U, W]), chance(draw, 2)),
    }
}

type Kind = fn(&mut Draw) -> Step;

/// One program of so many is about TCP connections that are full: that takes longer on Linux, which has to be waited for.
const FULL_EVERY: u64 = 4;
/// Each with its weight where it is on.
const KINDS: [(Kind, u64); 8] = [
    (connections, 6),
    (buffers, 5),
    (signals, 3),
    (rings, 4),
    (aio, 2),
    (datagrams, 3),
    (locks, 3),
    (futexes, 2),
];

/// The program of a seed. Few let time pass: that takes as long on Linux.
pub(super) fn program(seed: u64) -> Vec<Step> {
    let is_full = seed % FULL_EVERY == FULL_EVERY - 1;
    let mut draw = Draw::new(if is_full { seed } else { seed - seed / FULL_EVERY });
    let mut kinds: Vec<(Kind, u64)> = vec![(common, 5)];
    if is_full {
        kinds.extend([(connections as Kind, 3), (full, 8)]);
    } else {
        kinds.extend(KINDS.iter().filter(|_| draw.one_in(2)));
    }
    if kinds.len() == 1 {
        kinds.push(KINDS[0]);
    }
    let total: u64 = kinds.iter().map(|(_, weight)| weight).sum();
    let count = 15 + draw.below(30) as usize;
    let mut steps = Vec::new();
    while steps.len() < count {
        let mut at = draw.below(total);
        for (kind, weight) in &kinds {
            if at < *weight {
                steps.push(kind(&mut draw));
                break;
            }
            at -= weight;
        }
    }
    if draw.one_in(16) {
        steps.insert(5 + draw.below(count as u64 - 5) as usize, Step::Later);
        steps.push(Step::Later);
    }
    steps
}
