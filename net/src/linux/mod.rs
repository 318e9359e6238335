//! Linux.
/// Linux.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linux;
