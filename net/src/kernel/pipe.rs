//! Pipes.

use super::Descriptors;
use crate::abi::{Fd, Result, SocketFlags};

/// `pipe(7)`. Read and written by [`Descriptors`]; up to 4096 bytes are written whole or not at all.
pub trait Pipes: Descriptors {
    /// `pipe2(2)`: the end that is read, and the one that is written.
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)>;
}
