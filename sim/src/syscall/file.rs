//! Files (being written).

use crate::object::OpenDisk;
use crate::world::World;
use eagain_net::{Errno, Fd, Result};

impl World {
    pub fn sys_pread(&mut self, _: Fd, _: &mut [u8], _: u64) -> Result<usize> {
        Err(Errno::ESPIPE)
    }
    pub fn sys_pwrite(&mut self, _: Fd, _: &[u8], _: u64) -> Result<usize> {
        Err(Errno::ESPIPE)
    }
    pub fn sys_fsync(&mut self, _: Fd, _: bool) -> Result<()> {
        Err(Errno::EINVAL)
    }
    pub fn disk_read(&mut self, _: u32, _: &mut [u8]) -> Result<usize> {
        Err(Errno::EINVAL)
    }
    pub fn disk_write(&mut self, _: u32, _: &[u8]) -> Result<usize> {
        Err(Errno::EINVAL)
    }
    pub fn close_disk(&mut self, _: OpenDisk) {}
}
