//! Character devices that every machine has: they hold nothing, and are always ready.

use super::Access;

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Device {
    /// `/dev/null`.
    Null,
    /// `/dev/zero`.
    Zero,
    /// `/dev/random`.
    Random,
    /// `/dev/urandom`.
    Urandom,
    /// Where a process prints: what is written is lines of the world's output, and there is nothing to read.
    Console,
}

impl Device {
    /// All of them, with their paths.
    pub const ALL: [(&str, Device); 6] = [
        ("/dev/null", Device::Null),
        ("/dev/zero", Device::Zero),
        ("/dev/random", Device::Random),
        ("/dev/urandom", Device::Urandom),
        ("/dev/stdout", Device::Console),
        ("/dev/stderr", Device::Console),
    ];
}

/// An open device.
#[derive(Clone, Copy)]
pub(crate) struct OpenDevice {
    pub device: Device,
    pub access: Access,
}
