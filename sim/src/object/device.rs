//! Character devices that every machine has: they hold nothing, and are always ready.

use super::Access;

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// `/dev/null`.
    Null,
    /// `/dev/zero`.
    Zero,
    /// `/dev/random`, `/dev/urandom`.
    Random,
}

impl Device {
    /// The device of this name, which no directory lists.
    pub fn at(path: &str) -> Option<Device> {
        match path {
            "/dev/null" => Some(Device::Null),
            "/dev/zero" => Some(Device::Zero),
            "/dev/random" | "/dev/urandom" => Some(Device::Random),
            _ => None,
        }
    }
}

/// An open device.
#[derive(Clone, Copy)]
pub(crate) struct OpenDevice {
    pub device: Device,
    pub access: Access,
}
