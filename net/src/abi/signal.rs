//! Signals: numbers, sets, what a handler gets, and what a descriptor or an operation sends (`signal(7)`).

use super::fd::flags;
use super::{Errno, Fd, TimerId};
use std::fmt;
use std::sync::Arc;

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(pub i32);

#[allow(missing_docs)] // the names of signal(7)
impl Signal {
    pub const SIGHUP: Signal = Signal(1);
    pub const SIGINT: Signal = Signal(2);
    pub const SIGKILL: Signal = Signal(9);
    pub const SIGUSR1: Signal = Signal(10);
    pub const SIGUSR2: Signal = Signal(12);
    pub const SIGPIPE: Signal = Signal(13);
    pub const SIGALRM: Signal = Signal(14);
    pub const SIGTERM: Signal = Signal(15);
    pub const SIGCHLD: Signal = Signal(17);
    pub const SIGCONT: Signal = Signal(18);
    pub const SIGSTOP: Signal = Signal(19);
    pub const SIGTSTP: Signal = Signal(20);
    pub const SIGTTIN: Signal = Signal(21);
    pub const SIGTTOU: Signal = Signal(22);
    pub const SIGURG: Signal = Signal(23);
    pub const SIGWINCH: Signal = Signal(28);
    pub const SIGIO: Signal = Signal(29);
    /// The first real-time signal that a program may use; glibc keeps 32 and 33 for itself.
    pub const SIGRTMIN: Signal = Signal(34);
    pub const SIGRTMAX: Signal = Signal(64);

    /// Real-time signals queue, each with its value; the others coalesce.
    pub const fn is_realtime(self) -> bool {
        self.0 >= 32
    }

    /// Whether the number names a signal.
    pub const fn is_valid(self) -> bool {
        self.0 >= 1 && self.0 <= 64
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            1 => "SIGHUP",
            2 => "SIGINT",
            9 => "SIGKILL",
            10 => "SIGUSR1",
            12 => "SIGUSR2",
            13 => "SIGPIPE",
            14 => "SIGALRM",
            15 => "SIGTERM",
            17 => "SIGCHLD",
            18 => "SIGCONT",
            19 => "SIGSTOP",
            20 => "SIGTSTP",
            21 => "SIGTTIN",
            22 => "SIGTTOU",
            23 => "SIGURG",
            28 => "SIGWINCH",
            29 => "SIGIO",
            34 => "SIGRTMIN",
            n @ 35..=64 => return write!(f, "SIGRTMIN+{}", n - 34),
            n => return write!(f, "SIG{n}"),
        };
        f.write_str(name)
    }
}

/// A set of signals (`sigsetops(3)`): bit `n - 1` is signal `n`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SigSet(pub u64);

impl SigSet {
    /// No signal.
    pub const EMPTY: SigSet = SigSet(0);
    /// Every signal.
    pub const FULL: SigSet = SigSet(u64::MAX);

    /// The set of these.
    pub fn of(signals: &[Signal]) -> SigSet {
        signals.iter().fold(SigSet::EMPTY, |set, &signal| set.with(signal))
    }

    /// This set and `signal`; an invalid number changes nothing.
    pub const fn with(self, signal: Signal) -> SigSet {
        if signal.is_valid() { SigSet(self.0 | 1 << (signal.0 - 1)) } else { self }
    }

    /// This set without `signal`.
    pub const fn without(self, signal: Signal) -> SigSet {
        if signal.is_valid() { SigSet(self.0 & !(1 << (signal.0 - 1))) } else { self }
    }

    /// Whether `signal` is in it.
    pub const fn contains(self, signal: Signal) -> bool {
        signal.is_valid() && self.0 >> (signal.0 - 1) & 1 == 1
    }

    /// Its members, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        (1..=64).map(Signal).filter(move |&signal| self.contains(signal))
    }
}

impl fmt::Debug for SigSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == u64::MAX {
            return f.write_str("~[]");
        }
        f.debug_list().entries(self.iter()).finish()
    }
}

/// How `sigprocmask(2)` changes the mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaskHow {
    /// Add to it.
    Block = 0,
    /// Take from it.
    Unblock = 1,
    /// Replace it.
    SetMask = 2,
}

/// Why a signal was sent (`sigaction(2)`, `si_code`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigCode {
    /// `SI_USER`: `kill(2)`.
    User,
    /// `SI_KERNEL` (128): the kernel, without further information.
    Kernel,
    /// `SI_QUEUE`: `sigqueue(3)`.
    Queue,
    /// `SI_TIMER`.
    Timer,
    /// `SI_ASYNCIO`: an AIO operation completed.
    AsyncIo,
    /// `SI_TKILL`: `tgkill(2)`.
    Tkill,
    /// `POLL_IN`.
    PollIn,
    /// `POLL_OUT`.
    PollOut,
    /// `POLL_MSG`.
    PollMsg,
    /// `POLL_ERR`.
    PollErr,
    /// `POLL_PRI`.
    PollPri,
    /// `POLL_HUP`.
    PollHup,
    /// Another number.
    Other(i32),
}

/// What a handler, `sigtimedwait(2)` or a signalfd reports of one signal (`siginfo_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigInfo {
    /// Which signal.
    pub signal: Signal,
    /// Why it was sent.
    pub code: SigCode,
    /// Its value: of `sigqueue` or a timer, or the control block's of an AIO completion.
    pub value: u64,
    /// For SIGIO: the descriptor, as it was when the signal was queued. It may be closed, or another file, by now.
    pub fd: Fd,
    /// For SIGIO: the poll mask (`si_band`), without the bits of [`super::Events::with_bands`].
    pub band: super::Events,
    /// Of a timer's: which one.
    pub timer: TimerId,
    /// Of a timer's: how often it expired more than once.
    pub overrun: i32,
}

/// A signal handler. It should do little and never wait: store to an atomic, write to an eventfd. It runs inside a call
/// that its thread makes, so that what it locks must not be held around calls (see [`Signals`](crate::Signals)). It
/// carries its own context, since a static is shared by all simulated processes. A panic in it ends the process.
pub type HandlerFn = Arc<dyn Fn(&SigInfo) + Send + Sync>;

/// What a process does with a signal (`sigaction(2)`).
#[derive(Clone)]
pub enum Disposition {
    /// `SIG_DFL`: end the process, or nothing, as `signal(7)` lists.
    Default,
    /// `SIG_IGN`.
    Ignore,
    /// Call this, on whatever thread the signal is delivered to.
    Handler(HandlerFn),
}

impl fmt::Debug for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disposition::Default => "SIG_DFL",
            Disposition::Ignore => "SIG_IGN",
            Disposition::Handler(_) => "handler",
        })
    }
}

flags! {
    /// Flags of `sigaction(2)`.
    SigActionFlags: u32 {
        /// Calls that can be restarted are, instead of failing with `EINTR`.
        RESTART = 0x10000000, "SA_RESTART";
        /// The signal is not blocked while its handler runs.
        NODEFER = 0x40000000, "SA_NODEFER";
        /// Back to the default once delivered.
        RESETHAND = 0x80000000, "SA_RESETHAND";
    }
}

/// A disposition with its flags and the signals blocked while the handler runs.
#[derive(Clone, Debug)]
pub struct SigAction {
    /// What happens.
    pub disposition: Disposition,
    /// How.
    pub flags: SigActionFlags,
    /// Blocked meanwhile, besides the signal itself.
    pub mask: SigSet,
}

impl SigAction {
    /// A handler with `SA_RESTART` or without.
    pub fn handler(restart: bool, handler: impl Fn(&SigInfo) + Send + Sync + 'static) -> SigAction {
        SigAction {
            disposition: Disposition::Handler(Arc::new(handler)),
            flags: if restart { SigActionFlags::RESTART } else { SigActionFlags::NONE },
            mask: SigSet::EMPTY,
        }
    }

    /// `SIG_IGN`.
    pub fn ignore() -> SigAction {
        SigAction { disposition: Disposition::Ignore, flags: SigActionFlags::NONE, mask: SigSet::EMPTY }
    }

    /// `SIG_DFL`.
    pub fn default_action() -> SigAction {
        SigAction { disposition: Disposition::Default, flags: SigActionFlags::NONE, mask: SigSet::EMPTY }
    }
}

/// Who is sent the signals of a descriptor (`F_SETOWN_EX`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Nobody.
    None,
    /// The calling process.
    ThisProcess,
    /// The calling thread (`F_OWNER_TID`).
    ThisThread,
}

/// How the end of an AIO operation is reported (`sigevent(3type)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigEvent {
    /// `SIGEV_NONE`: ask `aio_error`.
    None,
    /// `SIGEV_SIGNAL`: this signal, with this value.
    Signal(Signal, u64),
}

impl SigInfo {
    /// A plain signal with no further information.
    pub const fn plain(signal: Signal, code: SigCode) -> SigInfo {
        let band = super::Events::NONE;
        SigInfo { signal, code, value: 0, fd: Fd(-1), band, timer: TimerId::NONE, overrun: 0 }
    }

    /// The length of one record read from a signalfd, in bytes (`signalfd_siginfo`).
    pub const RECORD_LEN: usize = 128;

    /// Reads one record of `signalfd(2)`: the fields that this struct has, at the offsets of `signalfd_siginfo`.
    pub fn from_record(record: &[u8]) -> Result<SigInfo, Errno> {
        if record.len() < Self::RECORD_LEN {
            return Err(Errno::EINVAL);
        }
        let word =
            |at: usize| i32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        let mut value = [0; 8];
        value.copy_from_slice(&record[48..56]);
        let signal = Signal(word(0));
        let code = SigCode::from_raw(signal, word(8));
        let mut info = SigInfo::plain(signal, code);
        // The fields that do not belong to the code hold zeros, which descriptor 0 must not be taken from.
        if code.is_poll() {
            info.fd = Fd(word(20));
            info.band = super::Events(word(28) as u32).without_bands();
        } else {
            info.value = u64::from_ne_bytes(value);
        }
        if code == SigCode::Timer {
            (info.timer, info.overrun) = (TimerId(word(24)), word(32));
        }
        Ok(info)
    }

    /// Writes one record of `signalfd(2)`; the inverse of [`SigInfo::from_record`].
    pub fn to_record(&self) -> [u8; Self::RECORD_LEN] {
        let mut record = [0; Self::RECORD_LEN];
        record[0..4].copy_from_slice(&self.signal.0.to_ne_bytes());
        record[8..12].copy_from_slice(&self.code.to_raw().to_ne_bytes());
        record[20..24].copy_from_slice(&self.fd.0.to_ne_bytes());
        record[28..32].copy_from_slice(&self.band.0.to_ne_bytes());
        if self.code == SigCode::Timer {
            record[24..28].copy_from_slice(&self.timer.0.to_ne_bytes());
            record[32..36].copy_from_slice(&self.overrun.to_ne_bytes());
        }
        record[44..48].copy_from_slice(&(self.value as u32).to_ne_bytes());
        record[48..56].copy_from_slice(&self.value.to_ne_bytes());
        record
    }
}

impl SigCode {
    /// Whether it is a `POLL_*` code: then descriptor and band are set.
    pub const fn is_poll(self) -> bool {
        matches!(
            self,
            SigCode::PollIn
                | SigCode::PollOut
                | SigCode::PollMsg
                | SigCode::PollErr
                | SigCode::PollPri
                | SigCode::PollHup
        )
    }

    /// From the kernel's number; the small positive ones mean `POLL_*` for SIGIO and for a signal that `F_SETSIG` chose, but for those
    /// that have codes of their own (`sig_specific_sicodes`).
    pub fn from_raw(signal: Signal, raw: i32) -> SigCode {
        // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGCHLD, SIGSYS.
        let io = !matches!(signal.0, 4 | 5 | 7 | 8 | 11 | 17 | 31);
        match raw {
            0 => SigCode::User,
            128 => SigCode::Kernel,
            -1 => SigCode::Queue,
            -2 => SigCode::Timer,
            -4 => SigCode::AsyncIo,
            -6 => SigCode::Tkill,
            1 if io => SigCode::PollIn,
            2 if io => SigCode::PollOut,
            3 if io => SigCode::PollMsg,
            4 if io => SigCode::PollErr,
            5 if io => SigCode::PollPri,
            6 if io => SigCode::PollHup,
            n => SigCode::Other(n),
        }
    }

    /// The kernel's number.
    pub fn to_raw(self) -> i32 {
        match self {
            SigCode::User => 0,
            SigCode::Kernel => 128,
            SigCode::Queue => -1,
            SigCode::Timer => -2,
            SigCode::AsyncIo => -4,
            SigCode::Tkill => -6,
            SigCode::PollIn => 1,
            SigCode::PollOut => 2,
            SigCode::PollMsg => 3,
            SigCode::PollErr => 4,
            SigCode::PollPri => 5,
            SigCode::PollHup => 6,
            SigCode::Other(n) => n,
        }
    }
}
