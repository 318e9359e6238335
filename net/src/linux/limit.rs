//! What a process may use.

use super::{Linux, sys};
use crate::{Limits, Resource, Result, Rlimit};

impl Limits for Linux {
    fn getrlimit(&self, resource: Resource) -> Result<Rlimit> {
        sys::limit::getrlimit(resource)
    }

    fn setrlimit(&self, resource: Resource, limit: Rlimit) -> Result<()> {
        sys::limit::setrlimit(resource, limit)
    }
}
