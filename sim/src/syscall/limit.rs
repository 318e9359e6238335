//! getrlimit, setrlimit. [`Resource::Files`] has its effect in the descriptor table, [`Resource::PendingSignals`] where signals are queued;
//! the other limits are kept and reported.

use crate::world::World;
use eagain_net::{Errno, Resource, Result, Rlimit};

pub(crate) fn get(w: &mut World, resource: Resource) -> Rlimit {
    w.me().rlimits().get(resource)
}

/// `do_prlimit`, for a process without `CAP_SYS_RESOURCE`, as one of a container is: a hard limit never rises.
pub(crate) fn set(w: &mut World, resource: Resource, new: Rlimit) -> Result<()> {
    if new.soft > new.hard {
        return Err(Errno::EINVAL);
    }
    if new.hard > get(w, resource).hard {
        return Err(Errno::EPERM);
    }
    w.me().set_rlimit(resource, new);
    Ok(())
}
