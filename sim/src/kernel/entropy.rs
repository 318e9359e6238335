//! Entropy, call by call.

use super::SimKernel;
use super::entry::call;
use crate::trace::Kind;
use eagain_net::*;

impl Entropy for SimKernel {
    fn getrandom(&self, buffer: &mut [u8]) -> Result<()> {
        call(Kind::Getrandom, [buffer.len() as u64, 0, 0, 0], |w| {
            w.sys_getrandom(buffer);
            Ok(())
        })
    }
}
