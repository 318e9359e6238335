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
}

impl Device {
    /// All of them, with their paths.
    pub const ALL: [(&str, Device); 4] = [
        ("/dev/null", Device::Null),
        ("/dev/zero", Device::Zero),
        ("/dev/random", Device::Random),
        ("/dev/urandom", Device::Urandom),
    ];
}

/// An open device.
#[derive(Clone, Copy)]
pub(crate) struct OpenDevice {
    pub device: Device,
    pub access: Access,
}
