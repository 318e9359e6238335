//! What a call returns, as the number that a trace shows.

/// A value that can be shown in a trace.
pub(crate) trait Outcome {
    /// It as the number that the system call would return.
    fn word(&self) -> i64;
}

impl Outcome for () {
    fn word(&self) -> i64 {
        0
    }
}

macro_rules! outcomes {
    ($($type:ty => $value:expr;)*) => {
        $(impl Outcome for $type {
            fn word(&self) -> i64 {
                let value: fn(&$type) -> i64 = $value;
                value(self)
            }
        })*
    };
}

outcomes! {
    usize => |v| *v as i64;
    u32 => |v| i64::from(*v);
    i32 => |v| i64::from(*v);
    u64 => |v| *v as i64;
    eagain_net::Fd => |v| i64::from(v.0);
    (eagain_net::Fd, std::net::SocketAddr) => |v| i64::from(v.0.0);
    (eagain_net::Fd, eagain_net::Fd) => |v| i64::from(v.0.0);
    (eagain_net::Fd, eagain_net::UnixAddr) => |v| i64::from(v.0.0);
    (usize, Option<std::net::SocketAddr>) => |v| v.0 as i64;
    (usize, eagain_net::UnixAddr) => |v| v.0 as i64;
    eagain_net::Received => |v| v.len as i64;
    eagain_net::Message => |v| v.len as i64;
    eagain_net::UnixAddr => |_| 0;
    std::net::SocketAddr => |v| crate::network::address_word(*v) as i64;
    eagain_net::StatusFlags => |v| i64::from(v.0);
    eagain_net::SocketOption => |v| super::words::option_word(*v) as i64;
    eagain_net::Instant => |v| v.0 as i64;
    eagain_net::TimerId => |v| i64::from(v.0);
    eagain_net::ThreadId => |v| i64::from(v.0);
    eagain_net::SigSet => |v| v.0 as i64;
    eagain_net::SigAction => |_| 0;
    eagain_net::SigInfo => |v| i64::from(v.signal.0);
    eagain_net::TimerSpec => |v| v.value.as_nanos() as i64;
    // No errno, as -1 would be: in a trace it is the arguments that say more of such a limit.
    eagain_net::Rlimit => |v| v.soft.min(i64::MAX as u64) as i64;
    eagain_net::FileStat => |v| v.len as i64;
    Option<(eagain_net::RecordLock, i32)> => |v| v.map_or(0, |(_, pid)| i64::from(pid));
    Vec<String> => |v| v.len() as i64;
}
