//! Users and groups of a process (`credentials(7)`): a server that begins as root changes to a user of its own, and finds itself to be
//! that. Nothing is forbidden to it for that reason: files have no owners here, and ports no users.

use super::{buffer, there};
use crate::context::{self, Context};
use crate::raw;
use eagain_net::{Errno, Result};
use libc::{gid_t, size_t, uid_t};
use std::ffi::{c_int, c_long};

/// The argument that leaves a number as it is.
const KEEP: u32 = u32::MAX;
/// `NGROUPS_MAX`.
const GROUPS_MAX: usize = 65_536;

/// Real, effective and saved.
type Ids = [u32; 3];

/// Of a process; one that has changed nothing is root.
#[derive(Clone, Default)]
pub struct Credentials {
    users: Ids,
    groups: Ids,
    others: Vec<gid_t>,
}

/// Those of the running process.
pub fn of(context: &Context) -> Credentials {
    context.state.credentials.borrow().get(&context.process).cloned().unwrap_or_default()
}

impl Credentials {
    pub fn effective(&self) -> (uid_t, gid_t) {
        (self.users[1], self.groups[1])
    }

    fn is_root(&self) -> bool {
        self.users[1] == 0
    }
}

/// `setuid(2)`, `setgid(2)`.
fn set_one(ids: Ids, id: u32, is_root: bool) -> Result<Ids> {
    match id {
        KEEP => Err(Errno::EINVAL),
        id if is_root => Ok([id; 3]),
        id if id == ids[0] || id == ids[2] => Ok([ids[0], id, ids[2]]),
        _ => Err(Errno::EPERM),
    }
}

/// `setreuid(2)`, `setregid(2)`: the saved one follows, unless the effective one is the real one that was.
fn set_two(ids: Ids, [real, effective]: [u32; 2], is_root: bool) -> Result<Ids> {
    let allowed = |id, among: &[u32]| is_root || id == KEEP || among.contains(&id);
    if !allowed(real, &ids[..2]) || !allowed(effective, &ids) {
        return Err(Errno::EPERM);
    }
    let kept = |id, before| if id == KEEP { before } else { id };
    let now = [kept(real, ids[0]), kept(effective, ids[1])];
    let follows = real != KEEP || effective != KEEP && effective != ids[0];
    Ok([now[0], now[1], if follows { now[1] } else { ids[2] }])
}

/// `setresuid(2)`, `setresgid(2)`.
fn set_three(ids: Ids, new: Ids, is_root: bool) -> Result<Ids> {
    if !new.iter().all(|id| is_root || *id == KEEP || ids.contains(id)) {
        return Err(Errno::EPERM);
    }
    Ok(std::array::from_fn(|at| if new[at] == KEEP { ids[at] } else { new[at] }))
}

fn change(context: &Context, with: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<()> {
    let mut credentials = of(context);
    with(&mut credentials)?;
    context.state.credentials.borrow_mut().insert(context.process, credentials);
    Ok(())
}

/// `setgroups(2)`.
pub fn set_groups(context: &Context, groups: Vec<gid_t>) -> Result<()> {
    change(context, |all| {
        if !all.is_root() {
            return Err(Errno::EPERM);
        }
        all.others = groups;
        Ok(())
    })
}

/// libc's functions, which change the credentials of all threads: where no program runs, they are libc's own.
macro_rules! changes {
    ($($name:ident($($argument:ident: $type:ty),*) = |$all:ident| $body:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
                let Some(context) = context::current() else {
                    return raw::real!($name as fn($($argument => $type),*) -> c_int);
                };
                let changed = context.as_harness(|| change(context, |$all| {
                    $body;
                    Ok(())
                }));
                super::returned(changed) as c_int
            }
        )*
    };
}

changes! {
    setuid(id: uid_t) = |all| all.users = set_one(all.users, id, all.is_root())?;
    setgid(id: gid_t) = |all| all.groups = set_one(all.groups, id, all.is_root())?;
    seteuid(id: uid_t) = |all| all.users = set_three(all.users, [KEEP, id, KEEP], all.is_root())?;
    setegid(id: gid_t) = |all| all.groups = set_three(all.groups, [KEEP, id, KEEP], all.is_root())?;
    setreuid(real: uid_t, effective: uid_t) = |all| all.users = set_two(all.users, [real, effective], all.is_root())?;
    setregid(real: gid_t, effective: gid_t) = |all| all.groups = set_two(all.groups, [real, effective], all.is_root())?;
    setresuid(real: uid_t, effective: uid_t, saved: uid_t) =
        |all| all.users = set_three(all.users, [real, effective, saved], all.is_root())?;
    setresgid(real: gid_t, effective: gid_t, saved: gid_t) =
        |all| all.groups = set_three(all.groups, [real, effective, saved], all.is_root())?;
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn setgroups(count: size_t, list: *const gid_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(setgroups as fn(count => size_t, list => *const gid_t) -> c_int);
    };
    super::returned(context.as_harness(|| {
        if count > GROUPS_MAX {
            return Err(Errno::EINVAL);
        }
        let list = if count == 0 { &[] } else { std::slice::from_raw_parts(there(list.cast_mut())?, count) };
        set_groups(context, list.to_vec())
    })) as c_int
}

/// The calls that ask; `None`: it is none of them. As the harness.
pub unsafe fn by_number(context: &Context, call: c_long, [a, b, c, ..]: [c_long; 6]) -> Option<Result<i64>> {
    let own = of(context);
    let three = |ids: Ids| {
        for (to, id) in [a, b, c].into_iter().zip(ids) {
            *there(to as *mut u32)? = id;
        }
        Ok(0)
    };
    Some(match call {
        libc::SYS_getuid => Ok(own.users[0].into()),
        libc::SYS_geteuid => Ok(own.users[1].into()),
        libc::SYS_getgid => Ok(own.groups[0].into()),
        libc::SYS_getegid => Ok(own.groups[1].into()),
        libc::SYS_getresuid => three(own.users),
        libc::SYS_getresgid => three(own.groups),
        libc::SYS_getgroups => {
            let count = own.others.len();
            match usize::try_from(a) {
                Ok(0) => {}
                Ok(room) if room >= count => {
                    let bytes: Vec<u8> = own.others.iter().flat_map(|id| id.to_ne_bytes()).collect();
                    buffer(b as *mut _, bytes.len()).copy_from_slice(&bytes);
                }
                _ => return Some(Err(Errno::EINVAL)),
            }
            Ok(count as i64)
        }
        _ => return None,
    })
}
