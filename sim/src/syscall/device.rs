//! Character devices (drivers/char/mem.c, random.c): they hold nothing, and never wait.

use super::file::TRANSFER_MAX;
use crate::object::{Device, OpenDevice};
use crate::world::World;
use eagain_net::{Errno, Result};

/// `read(2)` and `pread(2)` of a device, which has no position.
pub(super) fn read(w: &mut World, open: OpenDevice, buffer: &mut [u8]) -> Result<usize> {
    if !open.access.readable {
        return Err(Errno::EBADF);
    }
    let most = buffer.len().min(TRANSFER_MAX);
    match open.device {
        Device::Null | Device::Console => return Ok(0),
        Device::Zero => buffer[..most].fill(0),
        Device::Random | Device::Urandom => w.sys_getrandom(&mut buffer[..most]),
    }
    Ok(most)
}

/// Nothing is kept of what is written to a device; the console prints it, a line at least at a time.
pub(super) fn write(w: &mut World, open: OpenDevice, bytes: &[u8]) -> Result<usize> {
    if !open.access.writable {
        return Err(Errno::EBADF);
    }
    let written = bytes.len().min(TRANSFER_MAX);
    if open.device == Device::Console {
        let me = w.scheduler.current();
        String::from_utf8_lossy(&bytes[..written]).lines().for_each(|line| w.print(me, line));
    }
    Ok(written)
}
