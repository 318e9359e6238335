//! Random bytes.

use crate::abi::Result;

/// `getrandom(2)`.
pub trait Entropy: Copy + Send + Sync + 'static {
    /// `getrandom(2)`: fills the buffer whole.
    fn getrandom(&self, buffer: &mut [u8]) -> Result<()>;
}
