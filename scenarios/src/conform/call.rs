//! A call of a program: an operation and up to three arguments, and its one-line text form. What is open is named by
//! slots, `a` to `z`, so that a program means the same on every kernel.

use eagain_net::{Control, Events, NumberOption, RecvFlags, SendFlags, Signal};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// How an argument is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// No argument.
    No,
    /// A slot.
    Slot,
    /// A slot that the call fills.
    New,
    /// A slot whose number is used although it was closed.
    Stale,
    /// A decimal number.
    Count,
    /// A number that may be `off`.
    Maybe,
    /// Poll and epoll bits.
    Mask,
    /// What `shutdown` shuts.
    How,
    /// Flags of `recv`.
    RecvFlags,
    /// Flags of `send`.
    SendFlags,
    /// When a timer fires: `past`, `hour`, `off`.
    When,
    /// `nonblock` or `block`.
    Mode,
    /// A signal.
    Signal,
    /// A call whose arguments are wrong.
    Wrong,
    /// A socket option, by its name.
    Option,
    /// A control message that says how to send.
    Control,
    /// A lock: `un`, `sh`, `ex`.
    Lock,
}

/// The value of a [`Form::Maybe`] that is off.
pub const OFF: u64 = u64::MAX;

macro_rules! operations {
    ($($name:ident $text:literal [$a:ident $b:ident $c:ident] $about:literal;)*) => {
        /// An operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Op { $(#[doc = $about] $name,)* }

        impl Op {
            /// All of them.
            pub const ALL: &'static [Op] = &[$(Op::$name,)*];

            /// The name in a program's text.
            pub fn name(self) -> &'static str {
                match self { $(Op::$name => $text,)* }
            }

            /// How its arguments are written.
            pub fn forms(self) -> [Form; 3] {
                match self { $(Op::$name => [Form::$a, Form::$b, Form::$c],)* }
            }
        }
    };
}

operations! {
    Server "server" [New Count No] "`socket`, `bind` to a free port and `listen`, in one: non-blocking.";
    Pair "pair" [New New Slot] "Connects the first to a listener and accepts it as the second, both non-blocking, without delay.";
    Socket "socket" [New Mode No] "`socket(2)`.";
    Bind "bind" [Slot No No] "`bind(2)` to a port of the kernel's choice.";
    BindTo "bindto" [Slot Slot No] "`bind(2)` to the address that another slot was bound to.";
    Listen "listen" [Slot Count No] "`listen(2)`.";
    Connect "connect" [Slot Slot No] "`connect(2)` to the address that a slot was bound to.";
    Accept "accept" [Slot New Mode] "`accept4(2)`.";
    Send "send" [Slot Count SendFlags] "`send(2)` of so many bytes, with `MSG_NOSIGNAL`.";
    Recv "recv" [Slot Count RecvFlags] "`recv(2)` of up to so many bytes.";
    Shutdown "shutdown" [Slot How No] "`shutdown(2)`.";
    Close "close" [Slot No No] "`close(2)`.";
    Dup "dup" [Slot New No] "`dup(2)`.";
    Linger "linger" [Slot Maybe No] "`SO_LINGER`.";
    Reuse "reuse" [Slot Count No] "`SO_REUSEADDR`.";
    LowAt "lowat" [Slot Count No] "`SO_RCVLOWAT`.";
    SendBuffer "sndbuf" [Slot Count No] "`SO_SNDBUF`.";
    RecvBuffer "rcvbuf" [Slot Count No] "`SO_RCVBUF`.";
    NoDelay "nodelay" [Slot Count No] "`TCP_NODELAY`.";
    KeepAlive "keepalive" [Slot Count No] "`SO_KEEPALIVE`.";
    Error "error" [Slot No No] "`SO_ERROR`, which is cleared.";
    Options "options" [Slot No No] "Reads back every option that a program can set to a fixed value.";
    Flags "flags" [Slot No No] "`F_GETFL`.";
    SetMode "mode" [Slot Mode No] "`F_SETFL`: `O_NONBLOCK` or not; `O_ASYNC` is switched off.";
    Name "name" [Slot No No] "`getsockname(2)`.";
    Peer "peer" [Slot No No] "`getpeername(2)`.";
    Epoll "epoll" [New No No] "`epoll_create1(2)`.";
    Add "add" [Slot Slot Mask] "`EPOLL_CTL_ADD`.";
    Mod "mod" [Slot Slot Mask] "`EPOLL_CTL_MOD`.";
    Del "del" [Slot Slot No] "`EPOLL_CTL_DEL`.";
    DelStale "delstale" [Slot Stale No] "`EPOLL_CTL_DEL` of a number that was closed.";
    Wait "wait" [Slot Count No] "`epoll_wait(2)` without waiting, up to so many events.";
    Poll "poll" [Slot Mask No] "`poll(2)` without waiting, of one descriptor.";
    PollStale "pollstale" [Stale Mask No] "`poll(2)` of a number that was closed.";
    PollAll "pollall" [Mask No No] "`poll(2)` without waiting, of everything that is open.";
    Select "select" [Slot No No] "`select(2)` without waiting, of one descriptor in all three sets.";
    SelectAll "selectall" [No No No] "`select(2)` without waiting, of everything that is open.";
    Eventfd "eventfd" [New Count Count] "`eventfd(2)`: the value at first, and whether it is a semaphore.";
    Inc "inc" [Slot Count No] "`write(2)` of a number as 8 bytes.";
    Read "read" [Slot Count No] "`read(2)` of up to so many bytes.";
    Write "write" [Slot Count No] "`write(2)` of so many bytes.";
    Timerfd "timerfd" [New No No] "`timerfd_create(2)`, monotonic.";
    SetTime "settime" [Slot When Count] "`timerfd_settime(2)`: when, and the interval in hours; a time in the past is waited for.";
    GetTime "gettime" [Slot No No] "`timerfd_gettime(2)`: whether it is armed, and the interval in hours.";
    Block "sigblock" [Signal No No] "`sigprocmask(2)`, `SIG_BLOCK`.";
    Unblock "sigunblock" [Signal No No] "`sigprocmask(2)`, `SIG_UNBLOCK`; the handler counts.";
    Raise "raise" [Signal No No] "`tgkill(2)` of the caller.";
    Pending "pending" [No No No] "`sigpending(2)`.";
    Handled "handled" [No No No] "Which handlers ran since the last look.";
    TakeSignal "sigwait" [Signal No No] "`sigtimedwait(2)` without waiting.";
    Signalfd "signalfd" [New Signal No] "`signalfd(2)` of one signal.";
    Own "setown" [Slot Count No] "`F_SETOWN_EX`: the caller, or nobody.";
    SetSig "setsig" [Slot Signal No] "`F_SETSIG`.";
    Async "async" [Slot Count No] "`F_SETFL`: `O_ASYNC` or not; `O_NONBLOCK` is set.";
    Kill "kill" [Signal No No] "`kill(2)` of the own process.";
    Queue "sigqueue" [Signal No No] "`sigqueue(3)` to the own process, with a value.";
    Tgkill "tgkill" [Signal No No] "`tgkill(2)` of the other thread that runs the program, or of the caller where there is none.";
    WaitUnmasked "pwait" [Slot Count No] "`epoll_pwait(2)` without waiting, nothing blocked meanwhile.";
    PollUnmasked "ppoll" [Slot Mask No] "`ppoll(2)` without waiting, nothing blocked meanwhile.";
    SelectUnmasked "pselect" [Slot No No] "`pselect(2)` without waiting, nothing blocked meanwhile.";
    SendParts "sendmsg" [Slot Count SendFlags] "`sendmsg(2)` of so many bytes in three parts, with `MSG_NOSIGNAL`.";
    WriteParts "writev" [Slot Count No] "`writev(2)` of so many bytes in three parts.";
    ReadParts "readv" [Slot Count No] "`readv(2)` of up to so many bytes into three parts.";
    Wrong "wrong" [Slot Wrong No] "A call with a wrong argument, on what is in the slot where it needs a descriptor.";
    Hand "hand" [No No No] "The other of two threads makes the calls that follow.";
    Ring "ring" [Count Count No] "`io_uring_setup(2)` with deferred work: entries of both queues. One a program.";
    Link "link" [Count No No] "The next submission is linked to the one behind it: 1 softly, 2 hard.";
    Nop "u-nop" [No No No] "Submits nothing. Submissions count from 1, and are with the kernel after `enter`.";
    RingRecv "u-recv" [Slot Count RecvFlags] "Submits `recv(2)` of up to so many bytes.";
    RingSend "u-send" [Slot Count SendFlags] "Submits `send(2)` of so many bytes.";
    RingRead "u-read" [Slot Count No] "Submits `read(2)` of up to so many bytes.";
    RingWrite "u-write" [Slot Count No] "Submits `write(2)` of so many bytes.";
    RingAccept "u-accept" [Slot New Count] "Submits `accept4(2)`, non-blocking; 1: until it is cancelled.";
    RingConnect "u-connect" [Slot Slot No] "Submits `connect(2)`.";
    RingPoll "u-poll" [Slot Mask Count] "Submits a poll; 1: until it is cancelled.";
    RingShutdown "u-shutdown" [Slot How No] "Submits `shutdown(2)`.";
    RingClose "u-close" [Slot No No] "Submits `close(2)`; the slot is empty from now on.";
    RingCancel "u-cancel" [Count No No] "Cancels a submission, by its number.";
    RingTimeout "u-timeout" [Count Count No] "A timeout: ended by so many completions (0: none), or after so many ms (0: an hour).";
    RingLinkTimeout "u-link-timeout" [Count No No] "A timeout for what it is linked behind, in ms (0: an hour).";
    Provide "u-provide" [Count Count No] "Gives so many buffers of a size to the group.";
    RingGroup "u-group" [Slot Count No] "Submits `recv(2)` into a buffer of the group; 1: until there is none left.";
    Enter "enter" [Count No No] "`io_uring_enter(2)`, waiting for so many completions a second at most; reports all that are there.";
    Pipe "pipe" [New New No] "`pipe2(2)`, non-blocking: the end that reads, and the one that writes.";
    PipeSize "pipesize" [Slot No No] "`F_GETPIPE_SZ`.";
    SetPipeSize "setpipesize" [Slot Count No] "`F_SETPIPE_SZ`.";
    Disconnect "disconnect" [Slot No No] "`connect(2)` with `AF_UNSPEC`.";
    UnixPair "upair" [New New Count] "`socketpair(2)`, non-blocking; 1: of datagrams.";
    UnixSocket "usocket" [New Count No] "A Unix socket, non-blocking; 1: of datagrams.";
    UnixBind "ubind" [Slot No No] "`bind(2)` to the name of the slot.";
    UnixConnect "uconnect" [Slot Slot No] "`connect(2)` to the name of a slot.";
    UnixAccept "uaccept" [Slot New No] "`accept4(2)`, non-blocking.";
    UnixSendto "usendto" [Slot Slot Count] "`sendto(2)` of so many bytes to the name of a slot, with `MSG_NOSIGNAL`.";
    UnixRecvfrom "urecvfrom" [Slot Count RecvFlags] "`recvfrom(2)` of up to so many bytes from a Unix socket.";
    UnixName "uname" [Slot No No] "`getsockname(2)` of a Unix socket.";
    UnixPeer "upeer" [Slot No No] "`getpeername(2)` of a Unix socket.";
    Pass "pass" [Slot Slot Count] "`sendmsg(2)` of so many bytes with the descriptor of a slot (`SCM_RIGHTS`), with `MSG_NOSIGNAL`.";
    TakeFds "take" [Slot New Count] "`recvmsg(2)` with room for so many descriptors; the first goes into a slot.";
    Udp "udp" [New No No] "A UDP socket, non-blocking.";
    Sendto "sendto" [Slot Slot Count] "`sendto(2)` of so many bytes to where a slot is bound, with `MSG_NOSIGNAL`.";
    Recvfrom "recvfrom" [Slot Count RecvFlags] "`recvfrom(2)` of up to so many bytes.";
    Dup3 "dup3" [Slot Slot No] "`dup3(2)`: the second number refers to the first file.";
    DupLeast "dupleast" [Slot New Count] "`F_DUPFD`: the lowest free number from one on.";
    PassMany "passes" [Slot Slot Count] "`sendmsg(2)` of one byte with the descriptor of a slot so many times (`SCM_RIGHTS`), with `MSG_NOSIGNAL`.";
    PeekFds "peekfds" [Slot New Count] "`recvmsg(2)` with `MSG_PEEK` and room for so many descriptors; the first goes into a slot.";
    GetOption "getopt" [Slot Option No] "`getsockopt(2)`.";
    SetOption "setopt" [Slot Option Count] "`setsockopt(2)`.";
    SendControl "sendctl" [Slot Slot Control] "`sendmsg(2)` of three bytes to where a slot is bound, with control data and `MSG_NOSIGNAL`.";
    RecvControl "recvctl" [Slot Count RecvFlags] "`recvmsg(2)` of up to so many bytes, with room for control data.";
    Flock "flock" [Slot Lock No] "`flock(2)` without waiting.";
    SetLock "setlk" [Slot Lock Count] "`F_SETLK` of ten bytes from one on.";
    SetOpenLock "setofdlk" [Slot Lock Count] "`F_OFD_SETLK` of ten bytes from one on.";
    GetLock "getlk" [Slot Lock Count] "`F_GETLK` of ten bytes from one on.";
    GetOpenLock "getofdlk" [Slot Lock Count] "`F_OFD_GETLK` of ten bytes from one on.";
    AioRead "aio-read" [Slot Count No] "`aio_read(3)`, waited for, and its result.";
    AioWrite "aio-write" [Slot Count No] "`aio_write(3)`, waited for, and its result.";
    Room "room" [Maybe No No] "`setrlimit(2)`: so many descriptors more, at the lowest free numbers, or as many as at first; 0: not even the numbers that are taken.";
    Places "places" [Maybe No No] "`setrlimit(2)`: 0: no signal has a place in the queue; else as many as at first.";
    AioCancel "aio-cancel" [Slot No No] "`aio_cancel(3)` of all on a descriptor.";
}

impl Op {
    /// Whether a signal may come of it.
    pub fn is_about_signals(self) -> bool {
        let names = ["sig", "raise", "kill", "tgkill", "setown", "async", "pending", "handled"];
        names.iter().any(|name| self.name().starts_with(name))
    }

    /// Whether it needs a ring.
    pub fn is_about_rings(self) -> bool {
        matches!(self, Op::Ring | Op::Link | Op::Provide | Op::Enter) || self.name().starts_with("u-")
    }
}

/// One call: an operation and its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// What.
    pub op: Op,
    /// With what; as [`Op::forms`] says.
    pub args: [u64; 3],
}

/// A new call.
pub fn call(op: Op, a: u64, b: u64, c: u64) -> Call {
    Call { op, args: [a, b, c] }
}

const MASKS: &[(&str, u32)] = &[
    ("IN", Events::IN.0),
    ("PRI", Events::PRI.0),
    ("OUT", Events::OUT.0),
    ("RDHUP", Events::RDHUP.0),
    ("ET", Events::ET.0),
    ("ONESHOT", Events::ONESHOT.0),
    ("EXCLUSIVE", Events::EXCLUSIVE.0),
];
const RECV_FLAGS: &[(&str, u32)] = &[
    ("peek", RecvFlags::PEEK.0 as u32),
    ("trunc", RecvFlags::TRUNC.0 as u32),
    ("waitall", RecvFlags::WAITALL.0 as u32),
    ("dontwait", RecvFlags::DONTWAIT.0 as u32),
    ("oob", RecvFlags::OOB.0 as u32),
    ("errqueue", RecvFlags::ERRQUEUE.0 as u32),
];
const SEND_FLAGS: &[(&str, u32)] = &[
    ("more", SendFlags::MORE.0 as u32),
    ("dontwait", SendFlags::DONTWAIT.0 as u32),
    ("oob", SendFlags::OOB.0 as u32),
    ("waitall", SendFlags::WAITALL.0 as u32),
];
const HOWS: [&str; 3] = ["rd", "wr", "rdwr"];
const WHENS: [&str; 3] = ["off", "past", "hour"];
const LOCKS: [&str; 3] = ["un", "sh", "ex"];
const MODES: [&str; 2] = ["nonblock", "block"];
const SIGNALS: &[(&str, i32)] =
    &[("usr1", 10), ("usr2", 12), ("pipe", 13), ("io", 29), ("rt", 40), ("rt1", 41), ("none", 0)];

fn names(of: Form) -> &'static [(&'static str, u32)] {
    match of {
        Form::Mask => MASKS,
        Form::RecvFlags => RECV_FLAGS,
        _ => SEND_FLAGS,
    }
}

/// The letter of a slot.
pub fn letter(slot: u64) -> char {
    char::from(b'a' + (slot % 26) as u8)
}

/// The signal that an argument names.
pub fn signal(argument: u64) -> Signal {
    Signal(argument as i32)
}

impl Form {
    fn show(self, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::No => Ok(()),
            Form::Slot | Form::New | Form::Stale => write!(f, " {}", letter(value)),
            Form::Maybe if value == OFF => f.write_str(" off"),
            Form::Count | Form::Maybe => write!(f, " {value}"),
            Form::How => write!(f, " {}", HOWS[value as usize % 3]),
            Form::Wrong => write!(f, " {}", WRONG[value as usize % WRONG.len()]),
            Form::Option => write!(f, " {}", OPTIONS[value as usize % OPTIONS.len()].name()),
            Form::Control => write!(f, " {}", CONTROLS[value as usize % CONTROLS.len()].0),
            Form::Lock => write!(f, " {}", LOCKS[value as usize % 3]),
            Form::When => write!(f, " {}", WHENS[value as usize % 3]),
            Form::Mode if value == 0 => Ok(()),
            Form::Mode => f.write_str(" block"),
            Form::Signal => {
                let name = SIGNALS.iter().find(|(_, number)| *number as u64 == value);
                write!(f, " {}", name.map_or("none", |(name, _)| name))
            }
            Form::RecvFlags | Form::SendFlags if value == 0 => Ok(()),
            Form::Mask | Form::RecvFlags | Form::SendFlags => {
                let set = names(self).iter().filter(|(_, bit)| value as u32 & bit != 0);
                let words: Vec<&str> = set.map(|(name, _)| *name).collect();
                write!(f, " {}", if words.is_empty() { "0".to_owned() } else { words.join("|") })
            }
        }
    }

    fn parse(self, word: Option<&str>) -> Result<u64, String> {
        let find = |words: &[&str], word: &str| words.iter().position(|w| *w == word).map(|at| at as u64);
        let Some(word) = word else {
            return match self {
                Form::No | Form::Mode | Form::RecvFlags | Form::SendFlags => Ok(0),
                _ => Err(format!("an argument ({self:?}) is missing")),
            };
        };
        let value = match self {
            Form::No => None,
            Form::Slot | Form::New | Form::Stale => match word.as_bytes() {
                [letter @ b'a'..=b'z'] => Some(u64::from(letter - b'a')),
                _ => None,
            },
            Form::Maybe if word == "off" => Some(OFF),
            Form::Count | Form::Maybe => word.parse().ok(),
            Form::How => find(&HOWS, word),
            Form::Wrong => find(WRONG, word),
            Form::Option => OPTIONS.iter().position(|option| option.name() == word).map(|at| at as u64),
            Form::Control => CONTROLS.iter().position(|(name, _)| *name == word).map(|at| at as u64),
            Form::Lock => find(&LOCKS, word),
            Form::When => find(&WHENS, word),
            Form::Mode => find(&MODES, word),
            Form::Signal => SIGNALS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number as u64),
            Form::Mask | Form::RecvFlags | Form::SendFlags if word == "0" => Some(0),
            Form::Mask | Form::RecvFlags | Form::SendFlags => word.split('|').try_fold(0, |bits, word| {
                let (_, bit) = names(self).iter().find(|(name, _)| *name == word)?;
                Some(bits | u64::from(*bit))
            }),
        };
        value.ok_or_else(|| format!("`{word}` is no {self:?}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.name())?;
        for (form, value) in self.op.forms().into_iter().zip(self.args) {
            form.show(value, f)?;
        }
        Ok(())
    }
}

impl FromStr for Call {
    type Err = String;

    fn from_str(text: &str) -> Result<Call, String> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or("an empty call")?;
        let op = Op::ALL.iter().copied().find(|op| op.name() == name);
        let op = op.ok_or_else(|| format!("`{name}` is no call"))?;
        let mut args = [0; 3];
        for (form, arg) in op.forms().into_iter().zip(&mut args) {
            let word = if form == Form::No { None } else { words.next() };
            *arg = form.parse(word).map_err(|why| format!("{text}: {why}"))?;
        }
        match words.next() {
            Some(extra) => Err(format!("{text}: `{extra}` is too much")),
            None => Ok(Call { op, args }),
        }
    }
}

/// The options that a program sets and asks for, whose value is the same on every machine.
pub(super) const OPTIONS: &[NumberOption] = &[
    NumberOption::Type,
    NumberOption::Protocol,
    NumberOption::Domain,
    NumberOption::AcceptConn,
    NumberOption::Timestamp,
    NumberOption::TimestampNs,
    NumberOption::PktInfo,
    NumberOption::RecvTtl,
    NumberOption::RecvTos,
    NumberOption::Ttl,
    NumberOption::Tos,
    NumberOption::Broadcast,
];

/// What a program sends along with a datagram. Its own addresses are others on each kernel, so no source is among them.
pub(super) const CONTROLS: &[(&str, Control)] = &[
    ("ttl-7", Control::Ttl(7)),
    ("ttl-256", Control::Ttl(256)),
    ("tos-42", Control::Tos(42)),
    ("tos-0", Control::Tos(0)),
    ("ttl-255", Control::Ttl(255)),
    (
        "from-elsewhere",
        Control::PktInfo { interface: 0, local: Ipv4Addr::new(198, 51, 100, 1), to: Ipv4Addr::UNSPECIFIED },
    ),
    ("hops-9", Control::HopLimit(9)),
    ("class-60", Control::TClass(60)),
];

/// The names of calls with wrong arguments in a program's text; `wrong` makes them.
pub(super) const WRONG: &[&str] = &[
    "socket-flags",
    "accept-flags",
    "timerfd-flags",
    "signalfd-flags",
    "select-beyond",
    "select-negative",
    "wait-no-room",
    "add-nothing",
    "add-unknown",
    "add-to-itself",
    "mod-unknown",
    "del-unknown",
    "poll-unknown",
    "setsig-65",
    "tgkill-65",
    "tgkill-0",
    "tgkill-nobody",
    "sigaction-kill",
    "kill-nobody",
    "short-read",
    "short-write",
    "read-nothing",
    "write-nothing",
    "send-no-parts",
    "read-no-parts",
    "close-nothing",
    "close-unknown",
    "dup-nothing",
    "listen-negative",
    "bind-elsewhere",
    "bind-other-family",
    "connect-other-family",
    "setsockopt-error",
    "linger-forever",
    "settime-unknown",
    "futex-mismatch",
    "futex-past",
    "sigwait-nothing",
    "ring-none",
    "ring-too-large",
    "ring-less-done",
    "aio-unknown",
    "aio-cancel-unknown",
    "recv-unknown",
    "send-unknown",
    "shutdown-unknown",
    "name-unknown",
    "getfl-unknown",
];
