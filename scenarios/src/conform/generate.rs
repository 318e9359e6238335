//! Random programs. A program is a function of its seed. Which calls are likely is drawn per program, whole families of
//! them are switched off at times: a mix that is the same everywhere would never go deep anywhere.

use super::call::{Call, OFF, Op, call};
use super::draw::Draw;
use eagain_net::{Events, RecvFlags, SendFlags};

/// Of programs, as a seed gives them: another number is another program. 2: two threads, rings, AIO, wrong arguments,
/// signals of the process, parts. 3: pipes, Unix sockets and UDP, descriptors that are passed, sockets that call themselves,
/// control data, locks. 4: limits of descriptors and of queued signals.
pub const GENERATOR: u32 = 4;

/// Bytes that a program sends in all: no buffer is full before that.
const BYTES: u64 = 40_000;

/// A family of calls that is switched on and weighted as a whole.
type Group = &'static [(Op, u64)];

const CONNECTING: Group = &[
    (Op::Socket, 5),
    (Op::Connect, 12),
    (Op::Accept, 8),
    (Op::Pair, 6),
    (Op::Bind, 1),
    (Op::BindTo, 1),
    (Op::Listen, 1),
    (Op::Server, 1),
    (Op::Error, 3),
];
const DATA: Group = &[(Op::Send, 10), (Op::Recv, 10), (Op::Read, 1), (Op::Write, 1)];
const ENDING: Group = &[(Op::Shutdown, 6), (Op::Close, 5), (Op::Linger, 2), (Op::Dup, 2)];
const SETS: Group = &[(Op::Add, 10), (Op::Mod, 6), (Op::Del, 2), (Op::Wait, 14), (Op::Epoll, 1)];
const ASKING: Group = &[
    (Op::Poll, 6),
    (Op::PollAll, 4),
    (Op::Select, 2),
    (Op::SelectAll, 2),
    (Op::Error, 2),
    (Op::Name, 1),
    (Op::Peer, 2),
    (Op::Flags, 1),
    (Op::Options, 1),
];
const OPTIONS: Group =
    &[(Op::LowAt, 4), (Op::NoDelay, 1), (Op::KeepAlive, 1), (Op::Reuse, 2), (Op::Linger, 2)];
const COUNTERS: Group =
    &[(Op::Eventfd, 3), (Op::Inc, 6), (Op::Read, 6), (Op::Timerfd, 2), (Op::SetTime, 4), (Op::GetTime, 2)];
const SIGNALS: Group = &[
    (Op::Block, 4),
    (Op::Unblock, 4),
    (Op::Raise, 6),
    (Op::Pending, 4),
    (Op::Handled, 4),
    (Op::TakeSignal, 4),
    (Op::Signalfd, 2),
    (Op::Read, 2),
    (Op::Own, 5),
    (Op::SetSig, 3),
    (Op::Async, 5),
    (Op::Places, 2),
];
/// Signals of the process. With two threads whose they are is a matter of chance.
const PROCESS: Group = &[(Op::Kill, 3), (Op::Queue, 2)];
const UNMASKED: Group = &[(Op::WaitUnmasked, 5), (Op::PollUnmasked, 4), (Op::SelectUnmasked, 2)];
/// Signals from one thread to the other.
const OTHER: Group = &[(Op::Tgkill, 8)];
const WRONG: Group = &[(Op::Wrong, 14), (Op::PollStale, 2), (Op::DelStale, 2)];
const PARTS: Group = &[(Op::SendParts, 5), (Op::WriteParts, 3), (Op::ReadParts, 6)];
const RINGS: Group = &[
    (Op::Enter, 14),
    (Op::RingRecv, 8),
    (Op::RingSend, 4),
    (Op::RingRead, 3),
    (Op::RingWrite, 1),
    (Op::RingAccept, 3),
    (Op::RingConnect, 2),
    (Op::RingPoll, 6),
    (Op::RingCancel, 4),
    (Op::RingTimeout, 1),
    (Op::RingLinkTimeout, 1),
    (Op::Link, 2),
    (Op::Nop, 1),
    (Op::Provide, 2),
    (Op::RingGroup, 4),
];
const AIO: Group = &[(Op::AioRead, 6), (Op::AioWrite, 6), (Op::AioCancel, 1)];
const LOCAL: Group = &[
    (Op::Pipe, 4),
    (Op::PipeSize, 1),
    (Op::SetPipeSize, 1),
    (Op::Disconnect, 2),
    (Op::UnixPair, 6),
    (Op::UnixSocket, 3),
    (Op::UnixBind, 3),
    (Op::UnixConnect, 4),
    (Op::UnixAccept, 3),
    (Op::UnixSendto, 3),
    (Op::UnixRecvfrom, 4),
    (Op::UnixName, 1),
    (Op::UnixPeer, 1),
    (Op::Pass, 5),
    (Op::TakeFds, 6),
    (Op::Udp, 4),
    (Op::Sendto, 5),
    (Op::Recvfrom, 5),
    (Op::Bind, 4),
    (Op::Listen, 2),
    (Op::Dup3, 2),
    (Op::DupLeast, 2),
];
const DATAGRAMS: Group = &[
    (Op::Udp, 4),
    (Op::Bind, 4),
    (Op::Connect, 2),
    (Op::Disconnect, 1),
    (Op::Sendto, 4),
    (Op::Recvfrom, 4),
    (Op::SendControl, 6),
    (Op::RecvControl, 8),
    (Op::SetOption, 5),
    (Op::GetOption, 4),
    (Op::UnixPair, 4),
    (Op::PassMany, 5),
    (Op::PeekFds, 4),
    (Op::TakeFds, 4),
];
const LOCKS: Group = &[
    (Op::Flock, 6),
    (Op::SetLock, 5),
    (Op::SetOpenLock, 6),
    (Op::GetLock, 3),
    (Op::GetOpenLock, 3),
    (Op::Pipe, 3),
    (Op::Dup, 2),
    (Op::Close, 2),
];
/// Few descriptors are free, and calls that return one.
const ROOM: Group = &[
    (Op::Room, 8),
    (Op::Socket, 3),
    (Op::Accept, 6),
    (Op::Pair, 2),
    (Op::Dup, 3),
    (Op::Dup3, 3),
    (Op::DupLeast, 2),
    (Op::Epoll, 2),
    (Op::Eventfd, 2),
    (Op::Timerfd, 1),
    (Op::Signalfd, 1),
    (Op::Pipe, 2),
    (Op::UnixPair, 4),
    (Op::UnixAccept, 2),
    (Op::Pass, 4),
    (Op::PassMany, 2),
    (Op::TakeFds, 5),
    (Op::PeekFds, 2),
    (Op::Close, 3),
    (Op::Wrong, 1),
];
const GROUPS: [Group; 16] = [
    CONNECTING, DATA, ENDING, SETS, ASKING, OPTIONS, COUNTERS, SIGNALS, WRONG, PARTS, RINGS, AIO, LOCAL,
    DATAGRAMS, LOCKS, ROOM,
];

/// What may be drawn, with its weights.
struct Mix {
    ops: Vec<(Op, u64)>,
    total: u64,
    sockets: Vec<u64>,
    bytes: u64,
    /// How many submissions there may be by now.
    pushed: u64,
}

const fn slot(letter: char) -> u64 {
    letter as u64 - 'a' as u64
}

const LISTENERS: &[u64] = &[slot('l'), slot('l'), slot('l'), slot('l'), slot('m')];
const SOCKETS: &[u64] =
    &[slot('a'), slot('b'), slot('c'), slot('d'), slot('p'), slot('q'), slot('r'), slot('s')];
const EPOLLS: &[u64] = &[slot('e'), slot('e'), slot('e'), slot('f')];
const COUNTER_SLOTS: &[u64] = &[slot('v'), slot('v'), slot('t'), slot('g')];
const RT: u64 = 40;

impl Mix {
    fn draw(draw: &mut Draw) -> Mix {
        let two = draw.one_in(4);
        let mut ops = Vec::new();
        for (at, group) in GROUPS.into_iter().enumerate() {
            // Signals and counters are off more often: they take from the rest.
            let rare = at >= 5;
            let weight = match draw.below(4) {
                0 => continue,
                1 | 2 if rare => continue,
                n => [1, 1, 2, 4][n as usize],
            };
            let mut take = |group: Group| ops.extend(group.iter().map(|(op, each)| (*op, each * weight)));
            take(group);
            if at == 7 {
                take(UNMASKED);
                take(if two { OTHER } else { PROCESS });
            }
        }
        if two {
            // Whose ring it is matters to how the trait gives buffers, and not to the kernel.
            ops.retain(|(op, _)| !matches!(op, Op::Provide | Op::RingGroup));
            let total: u64 = ops.iter().map(|(_, weight)| weight).sum();
            ops.push((Op::Hand, total / 4));
        }
        if ops.is_empty() {
            ops.extend(CONNECTING.iter().chain(DATA));
        }
        let total = ops.iter().map(|(_, weight)| weight).sum();
        let count = 2 + draw.below(SOCKETS.len() as u64 - 1) as usize;
        Mix { ops, total, sockets: SOCKETS[..count].to_vec(), bytes: BYTES, pushed: 0 }
    }

    fn op(&self, draw: &mut Draw) -> Op {
        let mut at = draw.below(self.total);
        for (op, weight) in &self.ops {
            if at < *weight {
                return *op;
            }
            at -= weight;
        }
        Op::PollAll
    }

    /// A slot that holds a socket, likely; sometimes it is something else.
    fn socket(&self, draw: &mut Draw) -> u64 {
        match draw.below(24) {
            0 => draw.pick(LISTENERS),
            1 if draw.one_in(3) => draw.pick(EPOLLS),
            1 => draw.pick(COUNTER_SLOTS),
            _ => draw.pick(&self.sockets),
        }
    }

    /// Whatever can be in a set.
    fn watched(&self, draw: &mut Draw) -> u64 {
        match draw.below(12) {
            0 | 1 => draw.pick(LISTENERS),
            2 => draw.pick(COUNTER_SLOTS),
            3 if draw.one_in(2) => draw.pick(EPOLLS),
            _ => draw.pick(&self.sockets),
        }
    }

    fn epoll(&self, draw: &mut Draw) -> u64 {
        if draw.one_in(40) { self.socket(draw) } else { draw.pick(EPOLLS) }
    }

    fn listener(&self, draw: &mut Draw) -> u64 {
        if draw.one_in(20) { self.socket(draw) } else { draw.pick(LISTENERS) }
    }

    fn amount(&mut self, draw: &mut Draw) -> u64 {
        let n = match draw.below(8) {
            0 => 0,
            1..=4 => 1 + draw.below(9),
            5 | 6 => 1 + draw.below(600),
            _ => 1 + draw.below(8000),
        };
        let n = n.min(self.bytes);
        self.bytes -= n;
        n
    }

    fn asked(&self, draw: &mut Draw) -> u64 {
        match draw.below(8) {
            0 => 0,
            1 | 2 => 1 + draw.below(4),
            3 | 4 => 1 + draw.below(600),
            _ => 100_000,
        }
    }
}

/// A mask for a set.
fn interest(draw: &mut Draw) -> u64 {
    let bits = [
        Events::IN.0,
        Events::IN.0 | Events::OUT.0,
        Events::IN.0 | Events::OUT.0 | Events::RDHUP.0,
        Events::IN.0 | Events::RDHUP.0,
        Events::OUT.0,
        Events::RDHUP.0,
        0,
        Events::IN.0 | Events::PRI.0,
    ];
    let bits = bits[draw.below(8) as usize];
    let how = match draw.below(10) {
        0..=3 => Events::ET.0,
        4 | 5 => Events::ONESHOT.0,
        6 => Events::ET.0 | Events::ONESHOT.0,
        7 if draw.one_in(2) => Events::EXCLUSIVE.0,
        _ => 0,
    };
    u64::from(bits | how)
}

fn asked_mask(draw: &mut Draw) -> u64 {
    let all = Events::IN.0 | Events::OUT.0 | Events::RDHUP.0 | Events::PRI.0;
    u64::from(if draw.one_in(4) { [0, Events::IN.0, Events::OUT.0][draw.below(3) as usize] } else { all })
}

fn recv_flags(draw: &mut Draw) -> u64 {
    let flags = match draw.below(16) {
        0 | 1 => RecvFlags::PEEK,
        2 => RecvFlags::TRUNC,
        3 => RecvFlags::WAITALL,
        4 => RecvFlags::DONTWAIT,
        5 => RecvFlags::OOB,
        6 => RecvFlags::ERRQUEUE,
        _ => RecvFlags::NONE,
    };
    flags.0 as u64
}

fn a_signal(draw: &mut Draw) -> u64 {
    draw.pick(&[10, 12, 29, RT, 41])
}

fn one(mix: &mut Mix, draw: &mut Draw) -> Call {
    let op = mix.op(draw);
    let (a, b, c) = match op {
        Op::Server => (slot('m'), draw.below(3), 0),
        Op::Pair => (draw.pick(&mix.sockets), draw.pick(&mix.sockets), mix.listener(draw)),
        Op::Connect if draw.one_in(8) => {
            let itself = mix.socket(draw);
            (itself, itself, 0)
        }
        Op::BindTo | Op::Connect => (mix.socket(draw), mix.listener(draw), 0),
        Op::Listen => (mix.socket(draw), draw.below(3), 0),
        Op::Accept => (mix.listener(draw), draw.pick(&mix.sockets), 0),
        Op::Send => {
            let flags = if draw.one_in(12) { SendFlags::OOB.0 as u64 } else { 0 };
            (mix.socket(draw), mix.amount(draw), flags)
        }
        Op::Write => (draw.pick(&mix.sockets), mix.amount(draw), 0),
        Op::Recv => (mix.socket(draw), mix.asked(draw), recv_flags(draw)),
        Op::Read if draw.one_in(4) => (mix.socket(draw), mix.asked(draw), 0),
        Op::Read => (draw.pick(COUNTER_SLOTS), draw.pick(&[8, 8, 8, 128, 128, 256, 7]), 0),
        Op::Shutdown => (mix.socket(draw), draw.below(3), 0),
        Op::Dup => (mix.watched(draw), draw.pick(&mix.sockets), 0),
        Op::Linger => (mix.socket(draw), draw.pick(&[0, 0, OFF]), 0),
        Op::LowAt => (mix.socket(draw), draw.pick(&[0, 1, 2, 10, 100, 1000]), 0),
        Op::NoDelay => (mix.socket(draw), 1, 0),
        Op::KeepAlive | Op::Reuse => (mix.socket(draw), draw.below(2), 0),
        Op::SendBuffer | Op::RecvBuffer => (mix.socket(draw), 4096 << draw.below(5), 0),
        Op::Close | Op::Bind | Op::Error | Op::Options | Op::Flags | Op::Name | Op::Peer | Op::Select => {
            (mix.watched(draw), 0, 0)
        }
        Op::Epoll => (slot('f'), 0, 0),
        Op::Add | Op::Mod => (mix.epoll(draw), mix.watched(draw), interest(draw)),
        Op::Del => (mix.epoll(draw), mix.watched(draw), 0),
        Op::Wait => (mix.epoll(draw), draw.pick(&[8, 8, 8, 1, 1, 2, 0]), 0),
        Op::Poll => (mix.watched(draw), asked_mask(draw), 0),
        Op::PollAll => (asked_mask(draw), 0, 0),
        Op::Eventfd => (slot('v'), draw.below(3), draw.below(2)),
        Op::Inc => (draw.pick(COUNTER_SLOTS), draw.pick(&[0, 1, 2, 5, u64::MAX - 1, u64::MAX]), 0),
        Op::Timerfd => (slot('t'), 0, 0),
        Op::SetTime => {
            let when = draw.below(3);
            // A periodic timer that was due long ago counts the hours since the machine was started.
            (draw.pick(&[slot('t'), slot('t'), slot('v')]), when, if when == 1 { 0 } else { draw.below(3) })
        }
        Op::GetTime => (draw.pick(&[slot('t'), slot('t'), slot('v')]), 0, 0),
        Op::Signalfd => (slot('g'), a_signal(draw), 0),
        Op::Block | Op::Unblock | Op::Raise | Op::TakeSignal => (a_signal(draw), 0, 0),
        Op::Own | Op::Async => (mix.watched(draw), draw.below(4).min(1), 0),
        Op::SetSig => (mix.watched(draw), draw.pick(&[RT, RT, 29, 0]), 0),
        Op::Kill | Op::Queue | Op::Tgkill => (a_signal(draw), 0, 0),
        Op::WaitUnmasked => (mix.epoll(draw), draw.pick(&[8, 8, 1, 0]), 0),
        Op::PollUnmasked => (mix.watched(draw), asked_mask(draw), 0),
        Op::SelectUnmasked | Op::AioCancel => (mix.watched(draw), 0, 0),
        Op::SendParts => {
            let flags = if draw.one_in(12) { SendFlags::OOB.0 as u64 } else { 0 };
            (mix.socket(draw), mix.amount(draw), flags)
        }
        Op::WriteParts => (draw.pick(&mix.sockets), mix.amount(draw), 0),
        Op::ReadParts => (mix.socket(draw), mix.asked(draw), 0),
        Op::AioWrite => (mix.socket(draw), mix.amount(draw), 0),
        Op::AioRead => (mix.watched(draw), mix.asked(draw), 0),
        Op::PollStale => (draw.pick(&mix.sockets), asked_mask(draw), 0),
        Op::DelStale => (draw.pick(EPOLLS), draw.pick(&mix.sockets), 0),
        Op::Wrong => (mix.watched(draw), draw.below(super::call::WRONG.len() as u64), 0),
        Op::SetPipeSize => (draw.pick(&mix.sockets), draw.pick(&[0, 4096, 8192, 65536, 1 << 20]), 0),
        Op::Disconnect => (mix.socket(draw), 0, 0),
        Op::UnixPair => (draw.pick(&mix.sockets), draw.pick(&mix.sockets), draw.below(3) / 2),
        Op::UnixSocket => (draw.pick(&mix.sockets), draw.below(2), 0),
        Op::Socket | Op::PipeSize | Op::Udp | Op::UnixBind | Op::UnixName | Op::UnixPeer => {
            (draw.pick(&mix.sockets), 0, 0)
        }
        Op::Pipe | Op::UnixConnect | Op::UnixAccept | Op::Dup3 => {
            (draw.pick(&mix.sockets), draw.pick(&mix.sockets), 0)
        }
        Op::UnixSendto | Op::Sendto => (draw.pick(&mix.sockets), draw.pick(&mix.sockets), mix.amount(draw)),
        Op::UnixRecvfrom | Op::Recvfrom | Op::RecvControl => {
            (draw.pick(&mix.sockets), mix.asked(draw), recv_flags(draw))
        }
        Op::Pass => (draw.pick(&mix.sockets), mix.watched(draw), mix.amount(draw)),
        Op::PassMany => (draw.pick(&mix.sockets), mix.watched(draw), 1 + draw.below(3)),
        Op::GetOption => (mix.watched(draw), draw.below(super::call::OPTIONS.len() as u64), 0),
        Op::SetOption => {
            (mix.socket(draw), draw.below(super::call::OPTIONS.len() as u64), draw.pick(&[0, 1, 1, 7, 64]))
        }
        Op::SendControl => {
            let control = draw.below(super::call::CONTROLS.len() as u64);
            (draw.pick(&mix.sockets), draw.pick(&mix.sockets), control)
        }
        Op::Flock => (mix.watched(draw), draw.below(3), 0),
        Op::SetLock | Op::SetOpenLock | Op::GetLock | Op::GetOpenLock => {
            (mix.watched(draw), draw.below(3), 5 * draw.below(4))
        }
        Op::PeekFds | Op::TakeFds => (draw.pick(&mix.sockets), draw.pick(&mix.sockets), draw.below(4)),
        Op::DupLeast => (mix.watched(draw), draw.pick(&mix.sockets), draw.below(3)),
        Op::Places => (draw.pick(&[0, 0, OFF]), 0, 0),
        Op::Room => (draw.pick(&[0, 0, 1, 1, 2, 3, OFF, OFF]), 0, 0),
        Op::Link => (1 + draw.below(2), 0, 0),
        // A ring waits for an error then, and for nothing else.
        Op::RingRecv => {
            let flags = RecvFlags(recv_flags(draw) as i32).without(RecvFlags::ERRQUEUE);
            (mix.socket(draw), mix.asked(draw), flags.0 as u64)
        }
        Op::RingSend => (mix.socket(draw), mix.amount(draw), 0),
        // A set has no nowait read; what a ring does about that is its own matter.
        Op::RingRead if draw.one_in(3) => (draw.pick(COUNTER_SLOTS), draw.pick(&[8, 8, 128]), 0),
        Op::RingRead => (draw.pick(&mix.sockets), draw.pick(&[8, 8, 128, 7, 1000]), 0),
        Op::RingWrite => (draw.pick(&mix.sockets), mix.amount(draw), 0),
        Op::RingAccept => (mix.listener(draw), draw.pick(&mix.sockets), draw.below(4) / 3),
        Op::RingConnect => (mix.socket(draw), mix.listener(draw), 0),
        Op::RingPoll => (mix.watched(draw), asked_mask(draw), draw.below(3) / 2),
        Op::RingCancel => ((1 + draw.below(mix.pushed)).min(mix.pushed), 0, 0),
        Op::RingTimeout => (draw.below(4), 0, 0),
        Op::Provide => (1 + draw.below(3), 8, 0),
        Op::RingGroup => (mix.socket(draw), draw.below(2), 0),
        _ => (0, 0, 0),
    };
    call(op, a, b, c)
}

/// The next call, with those that must follow it at once: a link goes with what it links.
fn next(mix: &mut Mix, draw: &mut Draw, calls: &mut Vec<Call>) {
    let pushed = calls.iter().filter(|call| call.op.name().starts_with("u-")).count() as u64;
    mix.pushed = pushed;
    let first = one(mix, draw);
    let linked = match first.op {
        Op::Link => 2,
        Op::RingLinkTimeout => {
            calls.push(call(Op::Link, 1, 0, 0));
            1
        }
        _ => {
            calls.push(first);
            return;
        }
    };
    if linked == 2 {
        calls.push(first);
    }
    let mut left = linked;
    while left > 0 {
        let other = one(mix, draw);
        let submits = other.op.name().starts_with("u-");
        if submits && !matches!(other.op, Op::Provide | Op::RingLinkTimeout) {
            calls.push(other);
            left -= 1;
        }
    }
    if linked == 1 {
        calls.push(first);
    }
}

/// The program of a seed.
pub fn program(seed: u64) -> Vec<Call> {
    let mut draw = Draw::new(seed);
    let mut mix = Mix::draw(&mut draw);
    let mut calls = vec![
        call(Op::Server, slot('l'), 2, 0),
        call(Op::Epoll, slot('e'), 0, 0),
        call(Op::Pair, slot('a'), slot('b'), slot('l')),
    ];
    if draw.one_in(3) {
        calls.push(call(Op::Epoll, slot('f'), 0, 0));
    }
    // Two sockets of UDP that have an address: by chance alone there hardly ever are.
    if mix.ops.iter().any(|(op, _)| *op == Op::SendControl) {
        for _ in 0..2 {
            let socket = draw.pick(&mix.sockets);
            calls.extend([call(Op::Udp, socket, 0, 0), call(Op::Bind, socket, 0, 0)]);
        }
    }
    if mix.ops.iter().any(|(op, _)| *op == Op::Enter) {
        calls.push(call(Op::Ring, 64, 0, 0));
    }
    let count = 40 + draw.below(40);
    let count = calls.len() + count as usize;
    while calls.len() < count {
        next(&mut mix, &mut draw, &mut calls);
    }
    calls.push(call(
        Op::PollAll,
        u64::from((Events::IN | Events::OUT | Events::RDHUP | Events::PRI).0),
        0,
        0,
    ));
    calls.push(call(Op::Wait, slot('e'), 8, 0));
    if mix.pushed > 0 {
        calls.push(call(Op::Enter, 0, 0, 0));
    }
    calls
}
