//! The interpreter: runs the calls of a program on a kernel, one after the other, and says what each came to. It is
//! generic over the kernel and knows nothing of either.

use super::call::{Call, OFF, OPTIONS, Op, signal};
use super::outcome::{Outcome, Owner};
use super::state::{RingState, SignalLog};
use eagain_net::{
    ClockId, Domain, EpollOp, Errno, Events, Fd, Linux, Owner as SignalOwner, RecvFlags, Resource, Result,
    Rlimit, SendFlags, ShutdownHow, SigAction, SigSet, Signal, SocketAddr, SocketFlags, SocketOption,
    SocketOptionName, Sockets, StatusFlags, ThreadId,
};
use std::any::TypeId;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::time::Duration;

/// The kernel of a program.
pub use eagain_net::Kernel as Calls;

/// How many slots there are: `a` to `z`.
pub const SLOTS: usize = 26;
/// The most that one call sends or receives.
pub const BYTES_MAX: usize = 1 << 20;
pub(super) const NOW: Option<Duration> = Some(Duration::ZERO);

/// Bytes that do not repeat soon, so that a byte at a wrong place shows.
fn pattern() -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let mut state = 1u64;
        let next = |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        (0..BYTES_MAX + 65536).map(next).collect()
    })
}

pub(super) fn digest(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf29ce484222325, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x100000001b3)
    })
}

/// Small segments leave at once: when they would otherwise is a matter of timers (40 ms), and not simulated. What a
/// listener accepts has the option from it.
fn at_once(k: impl Sockets, fd: Fd) {
    let _ = k.setsockopt(fd, SocketOption::NoDelay(true));
}

/// A program's state on a kernel.
pub struct Machine<K: Calls> {
    pub(super) k: K,
    pub(super) slots: [Fd; SLOTS],
    stale: [Fd; SLOTS],
    pub(super) bound: [Option<SocketAddr>; SLOTS],
    /// Ports that are known, and whose they are; the last entry counts.
    owners: Vec<(u16, u8)>,
    /// The address that listeners are bound to.
    pub(super) ip: IpAddr,
    /// Bytes that went out, or were given to a ring.
    pub(super) sent: usize,
    buffer: Vec<u8>,
    pub(super) signals: Option<SignalLog>,
    /// Limits that the program has changed, as they were before.
    pub(super) limits: Vec<(Resource, Rlimit)>,
    pub(super) ring: RingState<K::Ring>,
    /// The threads that run the program.
    pub(super) threads: Vec<ThreadId>,
}

impl<K: Calls> Machine<K> {
    /// A machine whose listeners are at 127.0.0.1.
    pub fn new(k: K) -> Machine<K> {
        Self::at(k, Ipv4Addr::LOCALHOST)
    }

    /// A machine whose listeners are at `ip`. Another address each time keeps the ports of closed connections of one
    /// program out of the way of the next.
    pub fn at(k: K, ip: Ipv4Addr) -> Machine<K> {
        // A plain `write` to a dead connection is EPIPE; Rust's runtime sets this for real processes anyway.
        let _ = k.sigaction(Signal::SIGPIPE, SigAction::ignore());
        Machine {
            k,
            slots: [Fd(-1); SLOTS],
            stale: [Fd(-1); SLOTS],
            bound: [None; SLOTS],
            owners: Vec::new(),
            ip: ip.into(),
            sent: 0,
            buffer: Vec::new(),
            signals: None,
            limits: Vec::new(),
            ring: RingState::default(),
            threads: Vec::new(),
        }
    }

    /// The kernel that it runs on.
    pub fn kernel(&self) -> K {
        self.k
    }

    /// The descriptor in a slot, by letter; -1 where there is none.
    pub fn fd(&self, letter: char) -> Fd {
        self.slots[(letter as usize - 'a' as usize) % SLOTS]
    }

    pub(super) fn put(&mut self, slot: u64, result: Result<Fd>) -> Outcome {
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(fd) => {
                let slot = slot as usize % SLOTS;
                // What was there goes, so that a program cannot lose a descriptor.
                let old = std::mem::replace(&mut self.slots[slot], fd);
                if old.0 >= 0 {
                    let _ = self.k.close(old);
                }
                Outcome::Ok
            }
        }
    }

    pub(super) fn note_port(&mut self, slot: u64) {
        if let Ok(address) = self.k.getsockname(self.slots[slot as usize]) {
            self.owners.push((address.port(), slot as u8));
        }
    }

    pub(super) fn address(&self, result: Result<SocketAddr>) -> Outcome {
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(address) if address.port() == 0 => Outcome::Address(None),
            Ok(address) => {
                let owner = self.owners.iter().rev().find(|(port, _)| *port == address.port());
                Outcome::Address(Some(owner.map_or(Owner::Stranger, |(_, slot)| Owner::Slot(*slot))))
            }
        }
    }

    fn bind(&mut self, slot: u64, address: SocketAddr) -> Result<()> {
        let fd = self.slots[slot as usize];
        self.k.bind(fd, address)?;
        self.bound[slot as usize] = self.k.getsockname(fd).ok();
        self.note_port(slot);
        Ok(())
    }

    fn connect(&mut self, slot: u64, to: u64) -> Outcome {
        let Some(address) = self.bound[to as usize] else { return Outcome::Text("nowhere".to_owned()) };
        let result = self.k.connect(self.slots[slot as usize], address);
        if matches!(result, Ok(()) | Err(Errno::EINPROGRESS)) {
            self.note_port(slot);
        }
        Outcome::of(result)
    }

    fn accept(&mut self, slot: u64, into: u64, block: u64) -> Outcome {
        let flags = if block == 0 { SocketFlags::NONBLOCK } else { SocketFlags::NONE };
        match self.k.accept4(self.slots[slot as usize], flags) {
            Err(errno) => Outcome::Err(errno),
            Ok((fd, peer)) => {
                self.put(into, Ok(fd));
                self.address(Ok(peer))
            }
        }
    }

    fn server(&mut self, slot: u64, backlog: u64) -> Result<()> {
        let fd = self.k.socket(Domain::Inet, SocketFlags::NONBLOCK)?;
        at_once(self.k, fd);
        self.put(slot, Ok(fd));
        let any = SocketAddr::new(self.ip, 0);
        self.bind(slot, any)?;
        self.k.listen(fd, backlog as i32)
    }

    fn pair(&mut self, client: u64, server: u64, listener: u64) -> Outcome {
        let made = self.k.socket(Domain::Inet, SocketFlags::NONBLOCK);
        self.put(client, made.inspect(|fd| at_once(self.k, *fd)));
        let connected = self.connect(client, listener);
        if connected != Outcome::Err(Errno::EINPROGRESS) {
            return connected;
        }
        let accepted = self.accept(listener, server, 0);
        // The second connect gives the socket layer what the protocol knows already.
        match (self.connect(client, listener), accepted) {
            (Outcome::Ok, Outcome::Address(_)) => Outcome::Ok,
            (Outcome::Ok, accepted) => accepted,
            (connected, _) => connected,
        }
    }

    /// So many bytes at most.
    pub(super) fn count(&self, count: u64) -> usize {
        (count as usize).min(BYTES_MAX)
    }

    /// The next bytes to be sent.
    pub(super) fn next_bytes(&self, count: u64) -> &'static [u8] {
        let from = self.sent % 65536;
        &pattern()[from..from + self.count(count)]
    }

    pub(super) fn wrote(&mut self, result: Result<usize>) -> Outcome {
        if let Ok(n) = result {
            self.sent += n;
        }
        result.map_or_else(Outcome::Err, |n| Outcome::Count(n as u64))
    }

    fn send(&mut self, slot: u64, count: u64, flags: Option<u64>) -> Outcome {
        let fd = self.slots[slot as usize];
        if flags.is_some_and(|flags| self.is_urgent_elsewhere(fd, flags)) {
            return Outcome::Text("elsewhere".to_owned());
        }
        let bytes = self.next_bytes(count);
        let result = match flags {
            Some(flags) => self.k.send(fd, bytes, SendFlags::NOSIGNAL | SendFlags(flags as i32)),
            None => self.k.write(fd, bytes),
        };
        self.wrote(result)
    }

    fn recv(&mut self, slot: u64, count: u64, flags: Option<u64>) -> Outcome {
        let count = self.count(count);
        if self.buffer.len() < count {
            self.buffer.resize(count, 0);
        }
        let fd = self.slots[slot as usize];
        let buffer = &mut self.buffer[..count];
        let result = match flags {
            Some(flags) => self.k.recv(fd, buffer, RecvFlags(flags as i32)),
            None => self.k.read(fd, buffer),
        };
        let discards = flags.is_some_and(|flags| RecvFlags(flags as i32).contains(RecvFlags::TRUNC));
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(n) if discards => Outcome::Count(n as u64),
            Ok(n) => Outcome::Data(n as u64, digest(&self.buffer[..n])),
        }
    }

    fn read(&mut self, slot: u64, count: u64) -> Outcome {
        let before = self.k.getsockname(self.slots[slot as usize]);
        match self.recv(slot, count, None) {
            // A counter's value, not bytes of a stream.
            Outcome::Data(8, _) if before == Err(Errno::ENOTSOCK) => {
                let word = self.buffer.first_chunk::<8>().map_or(0, |word| u64::from_ne_bytes(*word));
                Outcome::Word(word)
            }
            Outcome::Data(n, _) if before == Err(Errno::ENOTSOCK) => Outcome::Count(n),
            other => other,
        }
    }

    /// Runs one call.
    pub fn step(&mut self, call: &Call) -> Outcome {
        let outcome = self.make(call);
        await_handlers::<K>();
        outcome
    }

    fn make(&mut self, call: &Call) -> Outcome {
        let [a, b, c] = call.args;
        let fd = self.slots[a as usize % SLOTS];
        let (k, nonblock) = (self.k, SocketFlags::NONBLOCK);
        match call.op {
            Op::Server => Outcome::of(self.server(a, b)),
            Op::Pair => self.pair(a, b, c),
            Op::Socket => {
                let flags = if b == 0 { nonblock } else { SocketFlags::NONE };
                self.put(a, k.socket(Domain::Inet, flags).inspect(|fd| at_once(k, *fd)))
            }
            Op::Bind => Outcome::of(self.bind(a, SocketAddr::new(self.ip, 0))),
            Op::BindTo => match self.bound[b as usize] {
                Some(address) => Outcome::of(self.bind(a, address)),
                None => Outcome::Text("nowhere".to_owned()),
            },
            Op::Listen => {
                let outcome = Outcome::of(k.listen(fd, b as i32));
                if let (Outcome::Ok, Ok(address)) = (&outcome, k.getsockname(fd)) {
                    // Listening binds to every address where nothing was bound.
                    let ip = if address.ip().is_unspecified() { self.ip } else { address.ip() };
                    self.bound[a as usize] = Some(SocketAddr::new(ip, address.port()));
                    self.note_port(a);
                }
                outcome
            }
            Op::Connect => self.connect(a, b),
            Op::Accept => self.accept(a, b, c),
            Op::Send => self.send(a, b, Some(c)),
            Op::Recv => self.recv(a, b, Some(c)),
            Op::Shutdown if self.ring.ring.is_some() && self.is_datagram(fd) => {
                Outcome::Text("elsewhere".to_owned())
            }
            Op::Shutdown => {
                let how = [ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both][b as usize % 3];
                Outcome::of(k.shutdown(fd, how))
            }
            Op::Close => {
                self.stale[a as usize] = fd;
                self.slots[a as usize] = Fd(-1);
                Outcome::of(k.close(fd))
            }
            Op::Dup => self.put(b, k.dup(fd)),
            Op::Linger => self.option(a, SocketOption::Linger((b != OFF).then_some(b as u32))),
            Op::Reuse => self.option(a, SocketOption::ReuseAddr(b != 0)),
            Op::LowAt => self.option(a, SocketOption::RecvLowAt(b as u32)),
            Op::SendBuffer => self.buffer_size(a, SocketOption::SendBuffer(b as u32)),
            Op::RecvBuffer => self.buffer_size(a, SocketOption::RecvBuffer(b as u32)),
            Op::NoDelay => self.option(a, SocketOption::NoDelay(b != 0)),
            Op::KeepAlive => self.option(a, SocketOption::KeepAlive(b != 0)),
            Op::Error => match k.getsockopt(fd, SocketOptionName::Error) {
                Ok(SocketOption::Error(Some(errno))) => Outcome::Text(format!("{errno:?}")),
                Ok(_) => Outcome::Text("0".to_owned()),
                Err(errno) => Outcome::Err(errno),
            },
            Op::Options => self.options(a),
            Op::Flags => k.fcntl_getfl(fd).map_or_else(Outcome::Err, |f| Outcome::Text(format!("{f:?}"))),
            Op::SetMode => {
                let flags = if b == 0 { StatusFlags::NONBLOCK } else { StatusFlags::NONE };
                self.set_flags(a, |_| flags)
            }
            Op::Name => self.address(k.getsockname(fd)),
            Op::Peer => self.address(k.getpeername(fd)),
            Op::Epoll => self.put(a, k.epoll_create()),
            Op::Add => self.epoll_ctl(a, EpollOp::Add, b, c),
            Op::Mod => self.epoll_ctl(a, EpollOp::Mod, b, c),
            Op::Del => self.epoll_ctl(a, EpollOp::Del, b, 0),
            Op::DelStale => {
                let stale = self.stale[b as usize];
                Outcome::of(k.epoll_ctl(fd, EpollOp::Del, stale, Events::NONE, 0))
            }
            Op::Wait => self.wait(a, b, None),
            Op::WaitUnmasked => self.wait(a, b, Some(SigSet::EMPTY)),
            Op::Poll => self.poll(fd, b, None),
            Op::PollUnmasked => self.poll(fd, b, Some(SigSet::EMPTY)),
            Op::PollStale => self.poll(self.stale[a as usize], b, None),
            Op::PollAll => self.poll_all(a),
            Op::Select => self.select(&[a as u8], None),
            Op::SelectUnmasked => self.select(&[a as u8], Some(SigSet::EMPTY)),
            Op::SelectAll => {
                let open = (0..SLOTS as u8).filter(|&slot| self.slots[slot as usize].0 >= 0);
                let open: Vec<u8> = open.collect();
                self.select(&open, None)
            }
            Op::Eventfd => {
                let flags = if c == 0 { nonblock } else { nonblock | SocketFlags::SEMAPHORE };
                self.put(a, k.eventfd(b as u32, flags))
            }
            Op::Inc => k.write(fd, &b.to_ne_bytes()).map_or_else(Outcome::Err, |n| Outcome::Count(n as u64)),
            Op::Read => self.read(a, b),
            Op::Write => self.send(a, b, None),
            Op::Timerfd => self.put(a, k.timerfd_create(ClockId::Monotonic, nonblock)),
            Op::SetTime => self.set_time(a, b, c),
            Op::GetTime => self.time(k.timerfd_gettime(fd)),
            Op::Signalfd => self.put(a, k.signalfd(SigSet::of(&[signal(b)]), nonblock)),
            Op::Own => {
                self.prepare_signals();
                Outcome::of(
                    k.fcntl_setown(fd, if b == 0 { SignalOwner::None } else { SignalOwner::ThisThread }),
                )
            }
            Op::SetSig => {
                self.prepare_signals();
                Outcome::of(k.fcntl_setsig(fd, Some(signal(b)).filter(|s| s.0 != 0)))
            }
            Op::Async => {
                self.prepare_signals();
                let flags = if b == 0 { StatusFlags::NONE } else { StatusFlags::ASYNC };
                self.set_flags(a, |_| StatusFlags::NONBLOCK | flags)
            }
            Op::Block | Op::Unblock | Op::Raise | Op::Kill | Op::Queue | Op::Tgkill => self.signal_call(call),
            Op::Pending | Op::Handled | Op::TakeSignal => self.signal_call(call),
            Op::SendParts => self.send_parts(a, b, Some(c)),
            Op::WriteParts => self.send_parts(a, b, None),
            Op::ReadParts => self.read_parts(a, b),
            Op::Wrong => self.wrong(a, b),
            Op::Pipe | Op::UnixPair | Op::UnixSocket | Op::UnixBind | Op::UnixConnect => {
                self.local_call(call)
            }
            Op::UnixAccept | Op::UnixSendto | Op::UnixRecvfrom | Op::UnixName => self.local_call(call),
            Op::UnixPeer | Op::Pass | Op::TakeFds | Op::Udp | Op::Sendto | Op::Recvfrom => {
                self.local_call(call)
            }
            Op::Dup3 | Op::DupLeast | Op::PipeSize | Op::SetPipeSize | Op::Disconnect => {
                self.local_call(call)
            }
            Op::PassMany | Op::PeekFds | Op::SendControl | Op::RecvControl => self.local_call(call),
            Op::GetOption => match k.getsockopt(fd, SocketOptionName::Number(OPTIONS[b as usize])) {
                Ok(SocketOption::Number(_, value)) => Outcome::Text(value.to_string()),
                Ok(other) => Outcome::Text(format!("{other:?}")),
                Err(errno) => Outcome::Err(errno),
            },
            Op::SetOption if self.is_time_elsewhere(fd, OPTIONS[b as usize]) => {
                Outcome::Text("elsewhere".to_owned())
            }
            Op::SetOption => self.option(a, SocketOption::Number(OPTIONS[b as usize], c as i32)),
            Op::Flock | Op::SetLock | Op::SetOpenLock | Op::GetLock | Op::GetOpenLock => self.lock_call(call),
            // Whoever runs the program sees to it.
            Op::Hand => Outcome::Ok,
            Op::Places => Outcome::of(self.places(a)),
            Op::Room => self.room(a).map_or_else(Outcome::Err, Outcome::Text),
            Op::Ring => self.make_ring(a, b),
            Op::AioRead => self.aio_read(a, b),
            Op::AioWrite => self.aio_write(a, b),
            Op::AioCancel => {
                k.aio_cancel(fd, None).map_or_else(Outcome::Err, |said| Outcome::Text(format!("{said:?}")))
            }
            Op::Link | Op::Nop | Op::RingRecv | Op::RingSend | Op::RingRead | Op::RingWrite => {
                self.ring_call(call)
            }
            Op::RingAccept | Op::RingConnect | Op::RingPoll | Op::RingShutdown => self.ring_call(call),
            Op::RingClose | Op::RingCancel | Op::RingTimeout | Op::RingLinkTimeout => self.ring_call(call),
            Op::Provide | Op::RingGroup | Op::Enter => self.ring_call(call),
        }
    }

    /// Closes what is open, with resets, and puts signals back as they were.
    pub fn finish(&mut self) {
        for (resource, limit) in std::mem::take(&mut self.limits) {
            let _ = self.k.setrlimit(resource, limit);
        }
        self.finish_ring();
        for fd in std::mem::replace(&mut self.slots, [Fd(-1); SLOTS]) {
            if fd.0 >= 0 {
                let _ = self.k.setsockopt(fd, SocketOption::Linger(Some(0)));
                let _ = self.k.close(fd);
            }
        }
        self.restore_signals();
    }
}

/// Waits until the handlers of what was delivered have run. On Linux that of a signal that comes between two calls runs beside
/// what comes next: `SIGIO` for what an aio thread has sent, or one that a thread sends to another before that is asleep.
pub(super) fn await_handlers<K: Calls>() {
    if TypeId::of::<K>() == TypeId::of::<Linux>() {
        Linux.await_handlers();
    }
}
