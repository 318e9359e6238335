//! What a program has to be able to call, or a run to do, before a planted bug of `cargo eagain bugs` can exist in it.

/// What the bug of this name is about. `None`: a bug that this table has not heard of.
pub fn of(name: &str) -> Option<Need> {
    Some(match name {
        "oneshot-one-direction" | "oneshot-armed-too-early" | "stale-event-of-reused-fd" => Need::Readiness,
        "accept-emfile-spin" => Need::Limit,
        "connect-without-so-error" => Need::ConnectError,
        "signal-before-wait" => Need::Signals,
        "multishot-accept-ended" => Need::Ring,
        "condvar-signal-without-mutex" => Need::Threads,
        "scripted-send-incomplete"
        | "pipelined-request-forgotten"
        | "write-all-before-reading"
        | "pooled-after-timeout" => Need::Measured,
        "gather-write-offset" | "close-with-unread-body" => Need::Stream,
        "timer-after-cancel" => Need::Timers,
        "reply-mix-up" | "double-apply" | "turmoil-reply-mix-up" | "turmoil-double-apply" => Need::Hosts,
        _ if name.starts_with("tokio-") || name.starts_with("turmoil-") => Need::Layer,
        "missing-fsync"
        | "reply-before-sync"
        | "accept-torn-tail"
        | "append-behind-torn"
        | "missing-directory-fsync" => Need::Files,
        _ => return None,
    })
}

/// What it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Ported, see the table of measured bugs.
    Measured,
    /// A stream alone.
    Stream,
    /// Timers alone.
    Timers,
    /// Several hosts that crash and lose sight of each other.
    Hosts,
    /// A stream of tokio, with our layer over it.
    Layer,
    /// Files that lose what was not synced.
    Files,
    /// epoll.
    Readiness,
    /// A full descriptor table.
    Limit,
    /// A connect that is under way, and its error in `SO_ERROR`.
    ConnectError,
    /// Signals and their masks.
    Signals,
    /// Sockets on a completion ring.
    Ring,
    /// Threads that block.
    Threads,
}

impl Need {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Need::Measured | Need::Stream => "a stream",
            Need::Timers => "timers",
            Need::Hosts => "hosts that crash, partitions",
            Need::Layer => "a stream of tokio",
            Need::Files => "files that lose what was not synced",
            Need::Readiness => "epoll",
            Need::Limit => "a descriptor limit",
            Need::ConnectError => "non-blocking connect, `SO_ERROR`",
            Need::Signals => "signals, masks",
            Need::Ring => "sockets on io_uring",
            Need::Threads => "blocking threads",
        }
    }

    /// Whether turmoil, turmoil-net, madsim and moonpool-sim have it, in this order.
    pub fn by_peer(self) -> [&'static str; 4] {
        let (measured, has, no) = ("measured above", "can be written", "–");
        match self {
            Need::Measured => [measured; 4],
            Need::Stream | Need::Timers => [has; 4],
            // turmoil-net has rules that drop packets, and no crash.
            Need::Hosts => [has, "partitions only", has, has],
            Need::Layer => [has; 4],
            // Of turmoil behind the feature `unstable-fs`; madsim's files lose nothing.
            Need::Files => [has, no, no, has],
            Need::Readiness
            | Need::Limit
            | Need::ConnectError
            | Need::Signals
            | Need::Ring
            | Need::Threads => [no; 4],
        }
    }
}
