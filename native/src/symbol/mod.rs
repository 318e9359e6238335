//! libc's functions, by family as in `eagain_net::kernel`. Each asks whether a simulated thread runs; where none does, it makes
//! the real call.
//!
//! The obligations of each function are those of its man page: pointers that a caller passes are valid for what the page
//! says is read or written. The bodies are unsafe code as a whole, for that one reason.
#![allow(unsafe_op_in_unsafe_fn, reason = "see above: one reason for all of them")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "there are none but in macros of the functions above")]

mod address;
mod credentials;
mod descriptor;
mod directory;
mod entropy;
mod file;
mod key;
mod limits;
mod message;
mod name;
mod option;
mod posix_timer;
mod process;
mod readiness;
mod record;
mod signal;
mod socket;
mod syscall;
mod thread;
mod thread_end;
mod thread_name;
mod time;
mod timer;
mod users;

pub use credentials::Credentials;
pub use name::{ip_and_port, resolve, service_name, service_port};
pub use process::end_process;
pub use syscall::by_number;
pub use thread_end::run_thread;

use eagain_net::{Errno, Fd, ThreadId};
use std::ffi::{c_int, c_void};

/// What a call returns, as the word that libc returns.
trait Word {
    fn word(self) -> i64;
}

macro_rules! words {
    ($($type:ty => |$value:ident| $word:expr;)*) => {
        $(impl Word for $type {
            #[inline(always)]
            fn word(self) -> i64 {
                let $value = self;
                $word
            }
        })*
    };
}

words! {
    () => |_unit| 0;
    usize => |n| n as i64;
    u32 => |n| i64::from(n);
    i32 => |n| i64::from(n);
    i64 => |n| n;
    Fd => |fd| i64::from(fd.0);
    ThreadId => |id| i64::from(id.0);
}

/// libc's way to return: -1 with errno.
#[inline(always)]
fn returned<T: Word>(result: Result<T, Errno>) -> i64 {
    match result {
        Ok(value) => value.word(),
        Err(errno) => {
            crate::raw::set_errno(errno.0);
            -1
        }
    }
}

/// Defines functions of libc: `fn name(arguments) -> type = NUMBER(real arguments), |context| body`. The body runs as the
/// harness and yields a `Result`; where no program runs, the real system call is made.
macro_rules! symbols {
    ($(
        $(#[$meta:meta])*
        fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty = $number:ident($($real:expr),*), |$context:pat_param| $body:expr;
    )*) => {
        $(
            $(#[$meta])*
            #[unsafe(no_mangle)]
            #[allow(clippy::redundant_closure_call, reason = "a body may use `?`")]
            pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                let Some(context) = $crate::context::current() else {
                    return $crate::symbol::machine!($number($($real),*)) as $result;
                };
                let result = context.as_harness(|| {
                    let $context = context;
                    (|| $body)()
                });
                $crate::symbol::returned(result) as $result
            }
        )*
    };
}
use symbols;

/// The real system call, as libc returns it.
macro_rules! machine {
    ($number:ident($($argument:expr),*)) => {{
        let given = [$($argument as std::ffi::c_long),*];
        let mut arguments = [0 as std::ffi::c_long; 6];
        arguments[..given.len()].copy_from_slice(&given);
        $crate::raw::with_errno($crate::raw::system_call(libc::$number, arguments))
    }};
}
use machine;

/// The kernel that programs run on.
const KERNEL: eagain_sim::SimKernel = eagain_sim::SimKernel;

/// # Safety
/// As for `std::slice::from_raw_parts`, but that an empty one may be null.
#[inline(always)]
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> &'a [u8] {
    if length == 0 { &[] } else { std::slice::from_raw_parts(start.cast(), length) }
}

/// # Safety
/// As for `std::slice::from_raw_parts_mut`, but that an empty one may be null.
#[inline(always)]
unsafe fn buffer<'a>(start: *mut c_void, length: usize) -> &'a mut [u8] {
    if length == 0 { &mut [] } else { std::slice::from_raw_parts_mut(start.cast(), length) }
}

/// Where a program wants something written; a null pointer is nowhere.
fn there<T>(pointer: *mut T) -> Result<*mut T, Errno> {
    if pointer.is_null() { Err(Errno::EFAULT) } else { Ok(pointer) }
}

/// A NUL-terminated path or name.
///
/// # Safety
/// It is one.
unsafe fn text(pointer: *const std::ffi::c_char) -> Result<String, Errno> {
    if pointer.is_null() {
        return Err(Errno::EFAULT);
    }
    let text = std::ffi::CStr::from_ptr(pointer).to_str();
    text.map(str::to_owned).map_err(|_| Errno::EINVAL)
}

/// Whether what is written to a descriptor is printed. As the harness.
fn is_console(fd: c_int) -> bool {
    eagain_sim::native::is_console(Fd(fd))
}
