//! The families, each with what it changes, what its choices are keyed by, and the page that allows it.

use crate::choice::{Distribution, Domain};

macro_rules! families {
    ($($name:ident = $domain:literal, $changes:literal, $key:literal, $distribution:literal, $allowed:literal;)*) => {
        /// A family of faults: the index of its row.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[allow(missing_docs)]
        pub enum Family { $($name,)* }

        /// Every family, in the order of [`Family`].
        pub const TABLE: &[Row] = &[$(Row {
            family: Family::$name,
            domain: Domain($domain),
            changes: $changes,
            key: $key,
            distribution: $distribution,
            allowed_by: $allowed,
        },)*];
    };
}

/// One family.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub family: Family,
    /// Its name, which is also the domain of its choices.
    pub domain: Domain,
    /// What it changes in the world.
    pub changes: &'static str,
    /// Who chooses.
    pub key: &'static str,
    /// How likely what is.
    pub distribution: &'static str,
    /// The man page or standard that allows it.
    pub allowed_by: &'static str,
}

families! {
    OffCpu = "thread.off-cpu", "a thread is off the CPU before a call or when it wakes",
        "thread, how-manieth call", "rarely, log-uniform 1 us to 20 ms", "sched(7)";
    WireDelay = "wire.delay", "a segment arrives later",
        "direction of a connection, how-manieth segment", "rarely, log-uniform 1 us to 300 ms", "RFC 9293 3.8.1";
    WireSplit = "wire.split", "a segment is cut, its rest travels behind: short reads, EAGAIN in mid-message",
        "direction of a connection, how-manieth segment", "rarely, 1 byte to 4 KiB, small sizes more likely", "recv(2), tcp(7)";
    WireStall = "wire.stall", "a direction carries nothing for a while",
        "direction of a connection, how-manieth segment", "rarely, log-uniform 1 ms to 3 s", "RFC 9293 3.8.1";
    Bandwidth = "wire.bandwidth", "a direction is slow, so that buffers fill",
        "direction of a connection, once", "often, 2 KiB/s to 64 MiB/s, log-uniform", "tcp(7)";
    SendBuffer = "buffer.send", "the send buffer is small: short writes, EAGAIN",
        "direction of a connection, once", "often, 1 byte to 16 KiB, log-uniform", "socket(7), SO_SNDBUF";
    RecvBuffer = "buffer.recv", "the receive buffer is small, so that the peer's send buffer fills",
        "direction of a connection, once", "often, 1 byte to 16 KiB, log-uniform", "socket(7), SO_RCVBUF";
    Reset = "wire.reset", "a connection is reset between two segments",
        "direction of a connection, how-manieth segment", "rarely", "RFC 9293 3.5.2";
    Interrupt = "signal.interrupt", "a signal with a handler comes while a thread waits: EINTR",
        "thread, how-manieth wait", "rarely, log-uniform 100 ns to 1 ms after the wait began", "signal(7)";
    FdLimit = "fd.limit", "the descriptor table is full for a while: EMFILE",
        "process, how-manieth descriptor", "rarely, log-uniform 1 ms to 1 s", "getrlimit(2), accept(2)";
    Wakeup = "futex.wakeup", "a futex waiter wakes without a wake",
        "thread, how-manieth wait", "rarely, log-uniform 100 ns to 1 ms after the wait began", "futex(2)";
    RingLate = "ring.late", "an operation of a ring goes on later than its file woke it",
        "ring, how-manieth wake-up", "rarely, log-uniform 1 us to 20 ms", "io_uring(7)";
    RingOrder = "ring.order", "an operation of a ring goes on before others that were woken earlier",
        "ring, how-manieth wake-up", "rarely, 1 to 4 places", "io_uring(7): completions come in any order";
    RingShort = "ring.short", "a transfer of a ring takes what is there at its beginning, and more comes meanwhile",
        "ring, how-manieth transfer", "rarely, 1 byte to 4 KiB, small sizes more likely", "recv(2), send(2), read(2)";
    RingAgain = "ring.again", "a receive of a ring on a non-blocking file gives up: EAGAIN",
        "ring, how-manieth receive that would pend", "rarely", "io_uring_enter(2), EAGAIN";
    AioLate = "aio.late", "a thread of the C library takes up an AIO operation, or goes on with it, later",
        "process, how-manieth turn", "rarely, log-uniform 1 us to 20 ms", "aio(7)";
    DiskTorn = "disk.torn", "a crash loses what was not synced: all of it, its end, or any of it, sector by sector, name by name",
        "file, how-manieth crash; names of a host, how-manieth crash", "often; everything, a tail, or some", "fsync(2)";
    DiskSpace = "disk.space", "the disk is full for a while: short writes, ENOSPC",
        "host, how-manieth write that grows a file", "rarely, log-uniform 1 ms to 3 s", "write(2)";
    DiskSync = "disk.sync", "a sync fails: EIO, once; the data may be given up",
        "host, how-manieth sync", "rarely", "fsync(2)";
    DiskSlow = "disk.slow", "a sync takes long",
        "host, how-manieth sync", "rarely, log-uniform 100 us to 3 s", "fsync(2)";
    ProcessKill = "process.kill", "a process that can restart is killed at one of its calls",
        "process, how-manieth start", "often; log-uniform, the 1st to the 65,536th call", "kill(2), SIGKILL";
    HostPower = "host.power", "the power of a host fails at a call of a process that can restart; peers are not told",
        "process, how-manieth start", "often; log-uniform, the 1st to the 65,536th call", "fsync(2)";
    Partition = "link.partition", "two hosts cannot reach each other, or one not the other, for a while",
        "network, how-manieth partition", "often; log-uniform 10 ms to 20 s after the last, 20 ms to 10 s long", "RFC 9293 3.8.1";
    ClockDrift = "clock.drift", "a host's clocks start elsewhere and run at another speed",
        "host, once", "often; up to 500 ppm either way; half a second before a counter of 31, 32 or 53 bits runs over", "adjtimex(2), clock_gettime(2)";
    ClockStep = "clock.step", "a host's wall clock is set, forwards or back",
        "host, how-manieth step", "often; log-uniform 1 ms to 20 s after the last; 1 ms to 30 days either way", "clock_settime(2)";
    // Under tokio: what a stream shows, and what turmoil's network does. Times are milliseconds, as tokio's timers are.
    StreamShortRead = "stream.short-read", "a read gives no more than so many bytes; the rest stays",
        "stream, how-manieth read", "rarely, 1 byte to 4 KiB, small sizes more likely", "read(2), tcp(7)";
    StreamShortWrite = "stream.short-write", "a write takes no more than so many bytes",
        "stream, how-manieth write", "rarely, 1 byte to 4 KiB, small sizes more likely", "write(2), socket(7)";
    StreamNotReady = "stream.not-ready", "a read or write is pending; its task is woken at once (1) or after so many ms less one",
        "direction of a stream, how-manieth call", "rarely, log-uniform 1 to 64", "EAGAIN in read(2), write(2)";
    StreamStall = "stream.stall", "a direction carries nothing for a while",
        "direction of a stream, how-manieth call", "rarely, log-uniform 1 ms to 3 s", "RFC 9293 3.8.1";
    StreamReset = "stream.reset", "a write takes so many bytes less one, then the connection is gone",
        "stream, how-manieth write", "rarely, log-uniform 1 to 4096", "RFC 9293 3.5.2, ECONNRESET in recv(2)";
    NetPartition = "net.partition", "two hosts cannot reach each other for a while; what they send is lost",
        "pair of hosts, how-manieth interval", "rarely, log-uniform 1 ms to 2 s", "RFC 9293 3.8";
    NetOneWay = "net.one-way", "one host cannot reach another for a while, but hears it",
        "ordered pair of hosts, how-manieth interval", "rarely, log-uniform 1 ms to 2 s", "RFC 9293 3.8";
    NetHold = "net.hold", "what two hosts send each other waits on the way for a while",
        "pair of hosts, how-manieth interval", "rarely, log-uniform 1 ms to 2 s", "RFC 9293 3.8.1";
    HostCrash = "host.crash", "a host loses its programs and starts them anew after a while",
        "host, how-manieth interval", "rarely, log-uniform 1 ms to 2 s", "kill(2), RFC 9293 3.5.1";
    // The last: a place in this table is a lane of the swarm, and a new one must not move the others.
    Slow = "thread.slow", "a thread is slower than the others for as long as faults last: of low priority, or starved",
        "thread, once", "often, log-uniform 1 us to 1 ms a call", "sched(7), nice(2)";
    Change = "thread.change", "a thread's priority changes at a few of its calls: the change points of PCT",
        "thread, first to third", "often; at the 1st to the 4,096th call, log-uniform; to none, or 1 us to 1 ms a call", "sched(7), sched_setscheduler(2)";
    WireCoalesce = "wire.coalesce", "what is written waits for more, and leaves in one piece with it: several messages in one read",
        "direction of a connection, how-manieth segment", "rarely, log-uniform 1 us to 40 ms", "RFC 9293 3.7.4 (Nagle), tcp(7), tcp_autocorking";
    BlackHole = "wire.black-hole", "a direction loses all that it carries for a while, acknowledgements too; it is sent again after 200 ms, 400 ms, ...",
        "direction of a connection, how-manieth segment", "rarely, log-uniform 50 ms to 20 s", "RFC 9293 3.8.1, tcp(7), tcp_retries2";
    Swizzle = "link.swizzle", "some hosts are cut off one after another, and are back in another order",
        "network, how-manieth time; then each host", "often; log-uniform 10 ms to 20 s after the last, hosts within 1 s, back within 5 s", "RFC 9293 3.8.1";
    HostGone = "host.gone", "the host of a process that may vanish is gone for good at one of its calls, without FIN or RST: its peers are half open",
        "process, once", "often; log-uniform, the 1st to the 1,024th call", "RFC 9293 3.5.1";
    Backlog = "listen.backlog", "a listener's queue is shorter than asked for: one SYN too many is not answered, and comes again after 1 s, 3 s, ...",
        "process, how-manieth listen", "often, room for 1 to 4", "listen(2), somaxconn";
    Knob = "knob", "a setting is far smaller than usual: processors of a host, or what the scenario names (batches, queues, rings)",
        "host or name of the setting, once", "often; from its smallest value up, log-uniform", "sched_setaffinity(2); the program's own settings";
}

impl Family {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// Its row.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Whether it concerns connections.
    pub fn is_of_the_wire(self) -> bool {
        let name = self.domain().0;
        name.starts_with("wire.") || name.starts_with("buffer.")
    }

    /// The domain of its choices.
    #[inline]
    pub fn domain(self) -> Domain {
        TABLE[self as usize].domain
    }

    /// How its values are distributed when its chance is `chance` of 65,536.
    #[inline]
    pub(crate) fn distribution(self, chance: u32) -> Distribution {
        const US: u64 = 1_000;
        const MS: u64 = 1_000_000;
        match self {
            Family::OffCpu => Distribution::rarely_log(chance, US, 20 * MS),
            Family::Slow => Distribution::rarely_log((chance * 4).min(32_768), US, MS),
            Family::Change => Distribution::rarely_log((chance * 4).min(32_768), 1, 4096),
            Family::WireDelay => Distribution::rarely_log(chance, US, 300 * MS),
            Family::WireSplit => Distribution::rarely_log(chance, 1, 4096),
            Family::WireStall => Distribution::rarely_log(chance / 4, MS, 3_000 * MS),
            Family::WireCoalesce => Distribution::rarely_log(chance, US, 40 * MS),
            Family::BlackHole => Distribution::rarely_log(chance / 8, 50 * MS, 20_000 * MS),
            Family::Swizzle => Distribution::rarely_log((chance * 8).min(60_000), 10 * MS, 20_000 * MS),
            Family::HostGone => Distribution::rarely_log((chance * 8).min(49_152), 1, 1_024),
            Family::Backlog => Distribution::rarely((chance * 8).min(49_152), 1, 4),
            Family::Knob => Distribution::rarely_log((chance * 8).min(32_768), 1, 4),
            Family::Bandwidth => Distribution::rarely_log((chance * 4).min(32_768), 2 << 10, 64 << 20),
            Family::SendBuffer | Family::RecvBuffer => {
                Distribution::rarely_log((chance * 4).min(32_768), 1, 16 << 10)
            }
            Family::Reset => Distribution::rarely(chance / 8, 1, 1),
            Family::Interrupt | Family::Wakeup => Distribution::rarely_log(chance, 100, MS),
            Family::FdLimit => Distribution::rarely_log(chance / 4, MS, 1_000 * MS),
            Family::RingLate | Family::AioLate => Distribution::rarely_log(chance, US, 20 * MS),
            Family::RingOrder => Distribution::rarely(chance, 1, 4),
            Family::RingShort => Distribution::rarely_log(chance, 1, 4096),
            Family::RingAgain => Distribution::rarely(chance / 4, 1, 1),
            Family::DiskTorn => Distribution::rarely((chance * 8).min(49_152), 1, 3),
            Family::DiskSpace => Distribution::rarely_log(chance / 4, MS, 3_000 * MS),
            Family::DiskSync => Distribution::rarely(chance / 4, 1, 2),
            Family::DiskSlow => Distribution::rarely_log(chance, 100 * US, 3_000 * MS),
            Family::ProcessKill | Family::HostPower => {
                Distribution::rarely_log((chance * 8).min(49_152), 1, 65_536)
            }
            Family::Partition => Distribution::rarely_log((chance * 8).min(60_000), 10 * MS, 20_000 * MS),
            Family::ClockStep => Distribution::rarely_log((chance * 8).min(60_000), MS, 20_000 * MS),
            Family::ClockDrift => Distribution::uniform(0, 0),
            Family::StreamShortRead | Family::StreamShortWrite => Distribution::rarely_log(chance, 1, 4096),
            Family::StreamNotReady => Distribution::rarely_log(chance, 1, 64),
            Family::StreamStall => Distribution::rarely_log(chance / 4, 1, 3_000),
            Family::StreamReset => Distribution::rarely_log(chance / 32, 1, 4096),
            Family::NetPartition | Family::NetOneWay | Family::NetHold | Family::HostCrash => {
                Distribution::rarely_log(chance, 1, 2_000)
            }
        }
    }
}
