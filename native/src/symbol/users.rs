//! Users and groups by name (`getpwnam(3)`, `getgrnam(3)`): those of `/etc/passwd` and `/etc/group` of the host's disk, where a scenario
//! has put them, and otherwise a few that every machine has. libc's own keep in statics, for all processes, what they have found, and ask
//! a daemon.

use super::{KERNEL, credentials, text};
use crate::c::Own;
use crate::c::memory::malloc;
use crate::context::{self, Context};
use crate::raw;
use eagain_net::{Descriptors, Errno, Files, OpenFlags, Result};
use libc::{gid_t, group, passwd, size_t, uid_t};
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

/// A file of lines whose fields are separated by colons; the first is a name, the third a number.
struct Database {
    path: &'static str,
    /// What is in it where the host has no such file.
    otherwise: &'static str,
}

const USERS: Database = Database {
    path: "/etc/passwd",
    otherwise: "root:x:0:0:root:/root:/bin/sh\n\
                daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
                www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
                nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
};

const GROUPS: Database =
    Database { path: "/etc/group", otherwise: "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n" };

/// Which line.
enum Key {
    Name(String),
    Number(u32),
    /// The n-th.
    Place(usize),
}

impl Database {
    fn contents(&self) -> Result<String> {
        let fd = match KERNEL.open(self.path, OpenFlags(libc::O_RDONLY | libc::O_CLOEXEC)) {
            Err(Errno::ENOENT) => return Ok(self.otherwise.to_owned()),
            fd => fd?,
        };
        let mut contents = Vec::new();
        let mut part = [0; 4096];
        let read = loop {
            match KERNEL.read(fd, &mut part) {
                Ok(0) => break Ok(()),
                Ok(length) => contents.extend_from_slice(&part[..length]),
                Err(errno) => break Err(errno),
            }
        };
        KERNEL.close(fd)?;
        read.map(|()| String::from_utf8_lossy(&contents).into_owned())
    }

    fn find(&self, key: Key) -> Result<Option<String>> {
        let contents = self.contents()?;
        let mut lines = contents.lines().filter(|line| number(line, 2).is_some());
        let line = match key {
            Key::Name(name) => lines.find(|line| field(line, 0) == name),
            Key::Number(id) => lines.find(|line| number(line, 2) == Some(id)),
            Key::Place(at) => lines.nth(at),
        };
        Ok(line.map(str::to_owned))
    }
}

fn field(line: &str, at: usize) -> &str {
    line.split(':').nth(at).unwrap_or("")
}

fn number(line: &str, at: usize) -> Option<u32> {
    field(line, at).parse().ok()
}

/// What a caller has given for the texts of an entry.
struct Room {
    next: *mut c_char,
    left: usize,
}

impl Room {
    unsafe fn take(&mut self, bytes: usize) -> Result<*mut c_char> {
        if bytes > self.left {
            return Err(Errno::ERANGE);
        }
        let taken = self.next;
        self.next = taken.add(bytes);
        self.left -= bytes;
        Ok(taken)
    }

    unsafe fn text(&mut self, text: &str) -> Result<*mut c_char> {
        let to = self.take(text.len() + 1)?;
        std::ptr::copy_nonoverlapping(text.as_ptr(), to.cast(), text.len());
        *to.add(text.len()) = 0;
        Ok(to)
    }

    /// A list that ends with null.
    unsafe fn list<'a>(&mut self, texts: impl Iterator<Item = &'a str> + Clone) -> Result<*mut *mut c_char> {
        let align = size_of::<*mut c_char>();
        self.take(self.next.align_offset(align))?;
        let list = self.take((texts.clone().count() + 1) * align)?.cast::<*mut c_char>();
        let mut next = list;
        for text in texts {
            *next = self.text(text)?;
            next = next.add(1);
        }
        *next = null_mut();
        Ok(list)
    }
}

trait Entry: Sized {
    const DATABASE: Database;

    /// What the line says, its texts in `room`.
    unsafe fn read(line: &str, room: &mut Room) -> Result<Self>;
}

impl Entry for passwd {
    const DATABASE: Database = USERS;

    unsafe fn read(line: &str, room: &mut Room) -> Result<passwd> {
        Ok(passwd {
            pw_name: room.text(field(line, 0))?,
            pw_passwd: room.text(field(line, 1))?,
            pw_uid: number(line, 2).unwrap_or(0),
            pw_gid: number(line, 3).unwrap_or(0),
            pw_gecos: room.text(field(line, 4))?,
            pw_dir: room.text(field(line, 5))?,
            pw_shell: room.text(field(line, 6))?,
        })
    }
}

impl Entry for group {
    const DATABASE: Database = GROUPS;

    unsafe fn read(line: &str, room: &mut Room) -> Result<group> {
        Ok(group {
            gr_name: room.text(field(line, 0))?,
            gr_passwd: room.text(field(line, 1))?,
            gr_gid: number(line, 2).unwrap_or(0),
            gr_mem: room.list(members(line))?,
        })
    }
}

fn members(line: &str) -> impl Iterator<Item = &str> + Clone {
    field(line, 3).split(',').filter(|name| !name.is_empty())
}

/// As the reentrant functions return it: an errno, and a null pointer where there is no such entry.
unsafe fn look_up<T: Entry>(
    key: Result<Key>,
    to: *mut T,
    room: (*mut c_char, size_t),
    result: *mut *mut T,
) -> c_int {
    *result = null_mut();
    let look = || {
        let Some(line) = T::DATABASE.find(key?)? else { return Ok(()) };
        *to = T::read(&line, &mut Room { next: room.0, left: room.1 })?;
        *result = to;
        Ok(())
    };
    look().map_or_else(|errno: Errno| errno.0, |()| 0)
}

/// What the functions return that are not reentrant, of the process as all statics are: the entry, the room for its texts, and how many
/// entries `getpwent(3)` has returned.
struct Last<T> {
    entry: Cell<T>,
    room: Cell<*mut c_char>,
    returned: Cell<usize>,
}

/// No entry is longer.
const ROOM: usize = 16_384;

/// The address of the entry; null: there is none, or errno says what went wrong. As the program, whose heap has the room.
unsafe fn keep<T: Entry>(context: &Context, last: &Last<T>, key: impl FnOnce() -> Result<Key>) -> *mut T {
    if last.room.get().is_null() {
        last.room.set(malloc(ROOM).cast());
    }
    let room = last.room.get();
    if room.is_null() {
        return null_mut();
    }
    let mut result = null_mut();
    let errno = context.as_harness(|| look_up(key(), last.entry.as_ptr(), (room, ROOM), &mut result));
    if errno != 0 {
        raw::set_errno(errno);
    }
    result
}

/// The name that a caller gives.
unsafe fn name(pointer: *const c_char) -> Result<Key> {
    text(pointer).map(Key::Name)
}

fn id(number: u32) -> Result<Key> {
    Ok(Key::Number(number))
}

macro_rules! functions {
    ($($entry:ident, $last:ident: $($find:ident $find_reentrant:ident ($key:ident: $type:ty))*, $next:ident $rewind:ident $end:ident;)*) => {
        $(
            // SAFETY: all-zero is a valid one.
            static $last: Own<Last<$entry>> = Own(Last {
                entry: Cell::new(unsafe { std::mem::zeroed() }),
                room: Cell::new(null_mut()),
                returned: Cell::new(0),
            });

            $(
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $find(key: $type) -> *mut $entry {
                    match context::current() {
                        Some(context) => keep(context, &$last.0, || $key(key)),
                        None => raw::real!($find as fn(key => $type) -> *mut $entry),
                    }
                }

                #[unsafe(no_mangle)]
                unsafe extern "C" fn $find_reentrant(
                    key: $type, to: *mut $entry, room: *mut c_char, length: size_t, result: *mut *mut $entry,
                ) -> c_int {
                    match context::current() {
                        Some(context) => context.as_harness(|| look_up($key(key), to, (room, length), result)),
                        None => raw::real!($find_reentrant as fn(key => $type, to => *mut $entry,
                            room => *mut c_char, length => size_t, result => *mut *mut $entry) -> c_int),
                    }
                }
            )*

            #[unsafe(no_mangle)]
            unsafe extern "C" fn $next() -> *mut $entry {
                let Some(context) = context::current() else {
                    return raw::real!($next as fn() -> *mut $entry);
                };
                let at = $last.0.returned.get();
                $last.0.returned.set(at + 1);
                keep(context, &$last.0, || Ok(Key::Place(at)))
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn $rewind() {
                match context::current() {
                    Some(_) => $last.0.returned.set(0),
                    None => raw::real!($rewind as fn() -> ()),
                }
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn $end() {
                match context::current() {
                    Some(_) => $last.0.returned.set(0),
                    None => raw::real!($end as fn() -> ()),
                }
            }
        )*
    };
}

functions! {
    passwd, USER:
        getpwnam getpwnam_r (name: *const c_char)
        getpwuid getpwuid_r (id: uid_t),
        getpwent setpwent endpwent;
    group, GROUP:
        getgrnam getgrnam_r (name: *const c_char)
        getgrgid getgrgid_r (id: gid_t),
        getgrent setgrent endgrent;
}

/// The groups of a user: the given one, and those that name it.
unsafe fn groups_of(user: *const c_char, first: gid_t) -> Result<Vec<gid_t>> {
    let user = text(user)?;
    let contents = GROUPS.contents()?;
    let its = contents.lines().filter(|line| members(line).any(|member| member == user));
    let others = its.filter_map(|line| number(line, 2)).filter(|&id| id != first);
    Ok([first].into_iter().chain(others).collect())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getgrouplist(
    user: *const c_char,
    first: gid_t,
    to: *mut gid_t,
    count: *mut c_int,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(getgrouplist as
            fn(user => *const c_char, first => gid_t, to => *mut gid_t, count => *mut c_int) -> c_int);
    };
    context.as_harness(|| {
        let groups = groups_of(user, first).unwrap_or_else(|_| vec![first]);
        let room = usize::try_from(*count).unwrap_or(0);
        for (at, &group) in groups.iter().enumerate().take(room) {
            *to.add(at) = group;
        }
        *count = groups.len() as c_int;
        if groups.len() > room { -1 } else { *count }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn initgroups(user: *const c_char, first: gid_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(initgroups as fn(user => *const c_char, first => gid_t) -> c_int);
    };
    let set = || credentials::set_groups(context, groups_of(user, first)?);
    super::returned(context.as_harness(set)) as c_int
}
