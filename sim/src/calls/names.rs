//! The constants that arguments are written with. Flags have their names from `eagain_net`, which prints them too.

use super::argument::put_errno;
use super::{Arg, FlagSet, Names};
use crate::print::{put_bytes, put_number, put_span};
use eagain_net::{
    ClockId, CompletedFlags, Domain, EpollOp, Errno, Events, FileLock, MaskHow, NumberOption, OpenFlags,
    Owner, RecvFlags, Resource, SendFlags, ShutdownHow, SigActionFlags, SocketFlags, SocketOptionName,
    StatusFlags,
};

const fn flags(prefix: &'static str, names: Names) -> Arg {
    Arg::Flags(FlagSet { prefix, names, default: None })
}

const fn flags_or(mask: u32, default: &'static str, prefix: &'static str, names: Names) -> Arg {
    Arg::Flags(FlagSet { prefix, names, default: Some((mask, default)) })
}

pub(super) const STATUS: Arg = flags("", StatusFlags::NAMES);
pub(super) const OPEN: Arg = flags_or(3, "O_RDONLY", "", OpenFlags::NAMES);
/// A stream's type is in no bit.
pub(super) const SOCKET: Arg = flags_or(0xf, "SOCK_STREAM", "SOCK_", SocketFlags::NAMES);
pub(super) const ACCEPT: Arg = flags("SOCK_", SocketFlags::NAMES);
pub(super) const PIPE: Arg = flags("O_", SocketFlags::NAMES);
pub(super) const EVENTFD: Arg = flags("EFD_", SocketFlags::NAMES);
pub(super) const TIMERFD: Arg = flags("TFD_", SocketFlags::NAMES);
pub(super) const SIGNALFD: Arg = flags("SFD_", SocketFlags::NAMES);
pub(super) const RECV: Arg = flags("", RecvFlags::NAMES);
pub(super) const SEND: Arg = flags("", SendFlags::NAMES);
pub(crate) const EPOLL_EVENTS: Arg = flags("EPOLL", Events::NAMES);
pub(crate) const POLL_EVENTS: Arg = flags("POLL", Events::NAMES);
pub(crate) const SELECT_SETS: Arg = flags("", &[(1, "in"), (2, "out"), (4, "except")]);
pub(super) const SIGACTION: Arg = flags("", SigActionFlags::NAMES);
pub(super) const SETTIME: Arg = flags("", &[(1, "TFD_TIMER_ABSTIME")]);
pub(super) const TIMER: Arg = flags("", &[(1, "TIMER_ABSTIME")]);
pub(super) const CQE: Arg = flags("IORING_CQE_F_", CompletedFlags::NAMES);

pub(super) const DOMAIN: Arg = Arg::OneOf(&[
    (Domain::Unix as u32, "AF_UNIX"),
    (Domain::Inet as u32, "AF_INET"),
    (Domain::Inet6 as u32, "AF_INET6"),
]);
pub(super) const SHUTDOWN: Arg = Arg::OneOf(&[
    (ShutdownHow::Read as u32, "SHUT_RD"),
    (ShutdownHow::Write as u32, "SHUT_WR"),
    (ShutdownHow::Both as u32, "SHUT_RDWR"),
]);
/// The kind, and two bits further the owner; for [`FlockWait`](super::Kind::FlockWait) the kind alone.
pub(super) const RECORD_LOCK: Arg = Arg::OneOf(&[
    (FileLock::Exclusive as u32, "WRLCK"),
    (FileLock::Shared as u32, "RDLCK"),
    (FileLock::Unlock as u32, "UNLCK"),
    (4 | FileLock::Exclusive as u32, "OFD WRLCK"),
    (4 | FileLock::Shared as u32, "OFD RDLCK"),
    (4 | FileLock::Unlock as u32, "OFD UNLCK"),
]);

pub(super) const LOCK: Arg = Arg::OneOf(&[
    (FileLock::Exclusive as u32, "LOCK_EX|LOCK_NB"),
    (FileLock::Shared as u32, "LOCK_SH|LOCK_NB"),
    (FileLock::Unlock as u32, "LOCK_UN"),
]);
pub(super) const SOCKET_OPTION: Arg = Arg::OneOf(&SOCKET_OPTIONS);

/// By the numbers of [`SocketOptionName::code`].
const SOCKET_OPTIONS: [(u32, &str); OWN.len() + NumberOption::ALL.len()] = {
    let mut all = [(0, ""); OWN.len() + NumberOption::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = match at.checked_sub(OWN.len()) {
            None => (at as u32, OWN[at].2),
            Some(nth) => (SocketOptionName::NUMBERS + nth as u32, NumberOption::ALL[nth].name()),
        };
        at += 1;
    }
    all
};

const OWN: [(SocketOptionName, (i32, i32), &str); 18] = SocketOptionName::OWN;

/// The value of a socket option (`option`: its [`SocketOptionName`]), with its unit.
pub(crate) fn put_option_value(out: &mut Vec<u8>, option: u64, value: u64) {
    use SocketOptionName as N;
    let is = |names: &[N]| names.iter().any(|&name| u64::from(name.code()) == option);
    if option >= u64::from(N::NUMBERS) {
        put_number(out, value as i64);
    } else if is(&[N::Congestion, N::BindToDevice]) {
        let text = value.to_le_bytes();
        put_bytes(out, text.split(|&byte| byte == 0).next().unwrap_or_default(), text.len());
    } else if value == u64::MAX {
        out.extend_from_slice(if is(&[N::Linger]) { b"off" } else { b"never" });
    } else if is(&[N::RecvTimeout, N::SendTimeout]) {
        put_span(out, value);
    } else if is(&[N::UserTimeout]) {
        put_span(out, value.saturating_mul(1_000_000));
    } else if is(&[N::Linger, N::KeepIdle, N::KeepInterval]) {
        put_span(out, value.saturating_mul(1_000_000_000));
    } else if is(&[N::Error]) && value != 0 {
        put_errno(out, Errno(value as i32));
    } else {
        put_number(out, value);
    }
}

pub(super) const EPOLL_OP: Arg = Arg::OneOf(&[
    (EpollOp::Add as u32, "EPOLL_CTL_ADD"),
    (EpollOp::Del as u32, "EPOLL_CTL_DEL"),
    (EpollOp::Mod as u32, "EPOLL_CTL_MOD"),
]);
pub(super) const RING_OP: Arg = Arg::OneOf(&[
    (0, "IORING_OP_NOP"),
    (3, "IORING_OP_FSYNC"),
    (6, "IORING_OP_POLL_ADD"),
    (11, "IORING_OP_TIMEOUT"),
    (13, "IORING_OP_ACCEPT"),
    (14, "IORING_OP_ASYNC_CANCEL"),
    (15, "IORING_OP_LINK_TIMEOUT"),
    (16, "IORING_OP_CONNECT"),
    (19, "IORING_OP_CLOSE"),
    (22, "IORING_OP_READ"),
    (23, "IORING_OP_WRITE"),
    (26, "IORING_OP_SEND"),
    (27, "IORING_OP_RECV"),
    (31, "IORING_OP_PROVIDE_BUFFERS"),
    (34, "IORING_OP_SHUTDOWN"),
]);
pub(super) const RESOURCE: Arg = Arg::OneOf(&[
    (Resource::Cpu as u32, "RLIMIT_CPU"),
    (Resource::FileSize as u32, "RLIMIT_FSIZE"),
    (Resource::Data as u32, "RLIMIT_DATA"),
    (Resource::Stack as u32, "RLIMIT_STACK"),
    (Resource::Core as u32, "RLIMIT_CORE"),
    (Resource::Resident as u32, "RLIMIT_RSS"),
    (Resource::Processes as u32, "RLIMIT_NPROC"),
    (Resource::Files as u32, "RLIMIT_NOFILE"),
    (Resource::Locked as u32, "RLIMIT_MEMLOCK"),
    (Resource::Addresses as u32, "RLIMIT_AS"),
    (Resource::Locks as u32, "RLIMIT_LOCKS"),
    (Resource::PendingSignals as u32, "RLIMIT_SIGPENDING"),
    (Resource::MessageQueues as u32, "RLIMIT_MSGQUEUE"),
    (Resource::Nice as u32, "RLIMIT_NICE"),
    (Resource::RealtimePriority as u32, "RLIMIT_RTPRIO"),
    (Resource::RealtimeTime as u32, "RLIMIT_RTTIME"),
]);
pub(super) const MASK_HOW: Arg = Arg::OneOf(&[
    (MaskHow::Block as u32, "SIG_BLOCK"),
    (MaskHow::Unblock as u32, "SIG_UNBLOCK"),
    (MaskHow::SetMask as u32, "SIG_SETMASK"),
]);
pub(super) const OWNER: Arg = Arg::OneOf(&[
    (Owner::None as u32, "nobody"),
    (Owner::ThisProcess as u32, "F_OWNER_PID"),
    (Owner::ThisThread as u32, "F_OWNER_TID"),
]);
pub(super) const WHENCE: Arg = Arg::OneOf(&[(0, "SEEK_SET"), (1, "SEEK_CUR"), (2, "SEEK_END")]);
pub(super) const CLOCK: Arg = Arg::OneOf(&[
    (ClockId::Realtime.number() as u32, "CLOCK_REALTIME"),
    (ClockId::Monotonic.number() as u32, "CLOCK_MONOTONIC"),
    (ClockId::ProcessCpu.number() as u32, "CLOCK_PROCESS_CPUTIME_ID"),
    (ClockId::ThreadCpu.number() as u32, "CLOCK_THREAD_CPUTIME_ID"),
]);
