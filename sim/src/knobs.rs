//! The settings of a simulated kernel, with Linux's beside the defaults.

/// 2026-01-01 00:00:00 UTC.
const WALL_START: u64 = 1_767_225_600_000_000_000;

/// The setting of a scenario that gives [`KernelKnobs::stuck_after_ns`], in seconds: every scenario takes it.
pub(crate) const STUCK_AFTER: &str = "stuck-after";

/// Settings of every kernel of a world: [`Sim::knobs`](crate::Sim::knobs).
///
/// ```
/// fn body(sim: &mut eagain_sim::Sim) {
///     sim.knobs().latency_ns = 2_000_000; // 2 ms
///     sim.knobs().fd_limit = 64;
///     let host = sim.host("server");
///     // …
/// }
/// ```
#[derive(Clone, Debug)]
pub struct KernelKnobs {
    /// Latency from one host to another, one way, in nanoseconds. Default: 50 us.
    pub latency_ns: u64,
    /// Latency within a host, one way, in nanoseconds. Default: 5 us.
    pub loopback_latency_ns: u64,
    /// Bytes that a send buffer holds (Linux: up to 4 MiB by itself, `tcp_wmem`). Default: 256 KiB.
    pub send_buffer: u32,
    /// Bytes that a receive buffer holds (Linux: up to 6 MiB by itself, `tcp_rmem`). Default: 256 KiB.
    pub recv_buffer: u32,
    /// The most that `SO_SNDBUF` can ask for, in bytes; the kernel doubles it (Linux: `net.core.wmem_max`, 4 MiB since
    /// 6.17, 212,992 before).
    pub wmem_max: u32,
    /// The most that `SO_RCVBUF` can ask for, in bytes; the kernel doubles it (Linux: `net.core.rmem_max`, as `wmem_max`).
    pub rmem_max: u32,
    /// The least that the families `buffer.send` and `buffer.recv` leave of a buffer, in bytes: what Linux's smallest takes
    /// of one send on an idle connection (`SOCK_MIN_SNDBUF`, `SOCK_MIN_RCVBUF`). Less is harsher than Linux.
    pub tight_buffer_min: u32,
    /// The longest backlog that `listen` grants (Linux: `net.core.somaxconn`, 4096). Default: 4096.
    pub somaxconn: usize,
    /// `RLIMIT_NOFILE`, of each process: the soft limit, which it may raise to 1,048,576 (`setrlimit(2)`). Default: 1024.
    pub fd_limit: usize,
    /// Processors of a host. Default: 2.
    pub cpus: usize,
    /// The quantum of virtual time, in nanoseconds (temporal decoupling of TLM-2.0, IEEE 1666): what a thread's calls cost is added to its
    /// time once it comes to so much, or when the thread waits. Until then no other thread goes on, unless a fault takes the
    /// processor from this one. Worlds with many busy threads run more than twice as fast, and fewer orders of single calls are tried.
    /// What a thread owes when it ends, less than a quantum, is not charged.
    /// Nothing arrives late for a quantum that is no longer than the latency of a link. Default: 0, each call by itself.
    pub quantum_ns: u64,
    /// Whether `SIGPIPE` is ignored when a process begins, as Rust's runtime does it; a program in C is ended by it.
    pub sigpipe_ignored: bool,
    /// `RLIMIT_SIGPENDING`, of each process (Linux counts per user). Default: 1024.
    pub sigpending_limit: usize,
    /// What the wall clocks of all hosts show when the run begins, in nanoseconds since 1970. Default: 2026-01-01 00:00 UTC.
    pub wall_start_ns: u64,
    /// Bytes that the disk of a host holds. Default: 1 TiB.
    pub disk_bytes: u64,
    /// A file becomes longer only once what was written there is on the disk (ext4's `data=ordered`, XFS): what a failure of power
    /// leaves of it ends earlier, and never has zeros in front of data that came later. POSIX does not promise it. Default: false.
    pub disk_ordered: bool,
    /// Nanoseconds from the end of a process, or of a host, to its next start. Default: 50 ms.
    pub restart_after_ns: u64,
    /// After so many calls of a thread the simulator checks whether they achieved anything (O3); those of a process after ten times
    /// as many.
    pub spin_limit: u32,
    /// SIGUSR1, SIGUSR2, SIGALRM and SIGCHLD mean something to the programs that handle them (a server stops gracefully): the family
    /// `signal.interrupt` sends none of these. Default: false.
    pub signals_have_meaning: bool,
    /// Nanoseconds for which a client may achieve nothing, once faults have stopped (O6). `--stuck-after` overrides it. Default: 120 s.
    pub stuck_after_ns: u64,
    /// Nanoseconds of virtual time by which every client must have ended (O6). Default: no limit.
    pub ends_by_ns: u64,
    /// The number of events by which every client must have ended (O6): many times what the runs of a scenario take. Default:
    /// 20,000,000.
    pub events_max: u64,
}

impl Default for KernelKnobs {
    fn default() -> KernelKnobs {
        KernelKnobs {
            latency_ns: 50_000,
            loopback_latency_ns: 5_000,
            send_buffer: 256 << 10,
            recv_buffer: 256 << 10,
            wmem_max: 4 << 20,
            rmem_max: 4 << 20,
            tight_buffer_min: 2304,
            somaxconn: 4096,
            fd_limit: 1024,
            cpus: 2,
            quantum_ns: 0,
            sigpipe_ignored: true,
            sigpending_limit: 1024,
            wall_start_ns: WALL_START,
            disk_bytes: 1 << 40,
            disk_ordered: false,
            restart_after_ns: 50_000_000,
            spin_limit: 10_000,
            signals_have_meaning: false,
            stuck_after_ns: 120_000_000_000,
            ends_by_ns: u64::MAX,
            events_max: 20_000_000,
        }
    }
}

impl KernelKnobs {
    /// Everything arrives within the call that causes it, as on Linux's loopback with one thread.
    pub fn synchronous() -> KernelKnobs {
        KernelKnobs { latency_ns: 0, loopback_latency_ns: 0, ..KernelKnobs::default() }
    }
}
