//! stdio is libc's own: its system calls are served one by one. What it has in statics, the three standard files and the list of
//! all, belongs to the process and is swapped with its image ([`crate::image`]).

use crate::raw;
use libc::FILE;
use std::ffi::{CStr, c_void};

// glibc's `struct _IO_FILE_plus`, which programs are compiled against: its size, and what it points to.
const FILE_BYTES: usize = 224;
const NEXT: usize = 104;
const LOCK: usize = 136;
const WIDE: usize = 160;
/// `_IO_lock_t`: word, count and owner.
const LOCK_BYTES: usize = 16;
/// Of `struct _IO_wide_data`: what is in front of its table of functions.
const WIDE_BYTES: usize = 224;

/// Address and length of libc's variables that belong to a process.
pub fn variables() -> impl Iterator<Item = (usize, usize)> {
    let at = |name: &CStr| raw::symbol(name) as usize;
    let files = [c"_IO_2_1_stdin_", c"_IO_2_1_stdout_", c"_IO_2_1_stderr_"].map(at);
    let words = [
        (c"_IO_list_all", 8),
        (c"program_invocation_name", 8),
        (c"program_invocation_short_name", 8),
        (c"optind", 4),
        (c"opterr", 4),
        (c"optopt", 4),
        (c"optarg", 8),
    ];
    let files = files.into_iter().filter(|&file| file != 0).flat_map(|file| {
        // SAFETY: libc's standard file: both fields are pointers to statics of libc.
        let field = |offset: usize| unsafe { *((file + offset) as *const usize) };
        [(file, FILE_BYTES), (field(LOCK), LOCK_BYTES), (field(WIDE), WIDE_BYTES)]
    });
    let words = words.into_iter().map(move |(name, length)| (at(name), length));
    files.chain(words).filter(|part| part.0 != 0)
}

/// With the locks that files have in a process of several threads. Before the first world.
pub fn enable_locks() {
    // SAFETY: a function of libc without arguments, which `pthread_create(3)` calls the first time; not there: null.
    unsafe {
        let enable =
            libc::dlvsym(libc::RTLD_DEFAULT, c"_IO_enable_locks".as_ptr(), c"GLIBC_PRIVATE".as_ptr());
        if !enable.is_null() {
            let enable: unsafe extern "C" fn() = std::mem::transmute(enable);
            enable();
        }
    }
}

/// The open files of the running process.
pub fn files() -> impl Iterator<Item = *mut FILE> {
    let list = raw::symbol(c"_IO_list_all").cast::<*mut c_void>();
    // SAFETY: libc's list; each file names the next.
    let first = if list.is_null() { std::ptr::null_mut() } else { unsafe { *list } };
    let mut next = first;
    std::iter::from_fn(move || {
        let file = next;
        if file.is_null() {
            return None;
        }
        // SAFETY: an open file.
        next = unsafe { *file.cast::<u8>().add(NEXT).cast::<*mut c_void>() };
        Some(file.cast())
    })
}
