//! Random bytes.

use super::{Linux, sys};
use crate::{Entropy, Errno, Result};

impl Entropy for Linux {
    fn getrandom(&self, mut rest: &mut [u8]) -> Result<()> {
        while !rest.is_empty() {
            match sys::io::getrandom(rest) {
                Ok(n) => rest = rest.get_mut(n..).unwrap_or_default(),
                // getrandom(2): more than 256 bytes can be interrupted.
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
