//! What the simulator leaves out of calls that it has, in words; and how the table begins.

/// Methods of the traits that are no system calls.
pub(crate) const NO_CALLS: &[&str] =
    &["interleave", "fd", "push", "reap", "aio_probe", "io_uring_probe", "aio_init"];

/// By call.
pub(crate) const LIMITS: &[(&str, &str)] = &[
    ("close", "`SO_LINGER` above 0 does not make it wait"),
    (
        "send",
        "no Nagle and no `MSG_MORE`: what is written leaves as the window allows; how much fits is bytes, not Linux's truesize",
    ),
    ("chmod", "modes forbid nothing: every process is root"),
    ("fchmod", "without an effect on what is neither a file nor a directory"),
    ("setsockopt TCP_NODELAY", "kept and reported; segments always leave at once"),
    (
        "setsockopt SO_MARK",
        "kept and reported, as SO_PRIORITY, IP_TOS, IP_TTL, TCP_MAXSEG and the others of `NumberOption`: only TCP_CORK has an effect",
    ),
    ("recvmsg_control", "no `IP_RECVERR`, `IP_RECVORIGDSTADDR` and `SO_RXQ_OVFL`"),
    ("setsockopt TCP_CONGESTION", "kept and reported: `cubic` and `reno`"),
    ("setsockopt SO_BINDTODEVICE", "kept and reported: `lo` and `eth0`"),
    ("setsockopt SO_SNDBUF", "doubled and bounded as on Linux; counts bytes"),
    (
        "setsockopt SO_RCVBUF",
        "doubled and bounded as on Linux; counts bytes; one made less than half of the largest window does not make the sender probe",
    ),
    (
        "socket SOCK_DGRAM",
        "no multicast or broadcast, no fragments; how much fits is close to Linux's truesize",
    ),
    ("lseek", "no `SEEK_DATA` and `SEEK_HOLE`"),
    (
        "setrlimit",
        "`RLIMIT_NOFILE` and `RLIMIT_SIGPENDING` have an effect, the others are kept and reported; signals count per process, descriptors that were sent do not count; no hard limit rises",
    ),
    ("stat", "no device; a directory has a length of 0"),
    ("pipe2", "no `O_DIRECT`"),
    ("socketpair", "no `MSG_OOB`, no descriptors or credentials in control data"),
    ("socket AF_INET6", "loopback and the hosts' IPv4 addresses"),
];

pub(crate) const HEAD: &str = "\
# Which calls there are

Made by `cargo test -p eagain-scenarios --test support`, which makes every call once on both kernels; with
`EAGAIN_BLESS=1` it writes this file. *Supported* is: what `docs/CONFORMANCE.md` compares. *Partial*: with what the last
column leaves out. *Refused*: with that errno, always. Whether a host allows rings (`EPERM` in many containers, `ENOSYS`
on old kernels) is asked by `io_uring_probe`.
";
