//! What a process may use.

use crate::abi::{Resource, Result, Rlimit};

/// `getrlimit(2)`: limits of the calling process.
pub trait Limits {
    /// `getrlimit(2)`.
    fn getrlimit(&self, resource: Resource) -> Result<Rlimit>;

    /// `setrlimit(2)`. `EINVAL`: the soft limit is above the hard one. `EPERM`: the hard limit would rise, and the process may not do
    /// that (`CAP_SYS_RESOURCE`); for [`Resource::Files`] also a hard limit above `/proc/sys/fs/nr_open`.
    fn setrlimit(&self, resource: Resource, limit: Rlimit) -> Result<()>;
}
