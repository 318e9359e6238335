//! What a process may use, call by call.

use super::SimKernel;
use super::entry::call;
use crate::syscall::limit;
use crate::trace::Kind;
use eagain_net::*;

impl Limits for SimKernel {
    fn getrlimit(&self, resource: Resource) -> Result<Rlimit> {
        call(Kind::Getrlimit, [resource as u64, 0, 0, 0], |w| Ok(limit::get(w, resource)))
    }

    fn setrlimit(&self, resource: Resource, new: Rlimit) -> Result<()> {
        let args = [resource as u64, new.soft, new.hard, 0];
        call(Kind::Setrlimit, args, |w| limit::set(w, resource, new))
    }
}
