//! Pipes: a straight call.

use super::{Linux, sys};
use crate::{Fd, Pipes, Result, SocketFlags};

impl Pipes for Linux {
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        sys::io::pipe2(flags.0)
    }
}
