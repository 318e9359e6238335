//! The real calls, for code that is not a simulated program.

use std::ffi::{CStr, c_int, c_long, c_void};

/// A system call, with the arguments that it takes; the result as the kernel gives it, a negated errno from -4095 to -1.
///
/// # Safety
/// What the system call asks for.
#[inline(always)]
pub unsafe fn system_call(number: c_long, arguments: [c_long; 6]) -> c_long {
    let result: c_long;
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the registers are those of the x86-64 system call convention; the rest is the caller's.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// The result as libc gives it: -1 with errno set.
#[inline(always)]
pub fn with_errno(result: c_long) -> c_long {
    if (-4095..0).contains(&result) {
        set_errno(-result as c_int);
        return -1;
    }
    result
}

#[inline(never)]
pub fn set_errno(errno: c_int) {
    // SAFETY: it points to the errno of the running thread.
    unsafe { *libc::__errno_location() = errno };
}

/// The errno of the running thread.
pub fn errno() -> c_int {
    // SAFETY: it points to the errno of the running thread.
    unsafe { *libc::__errno_location() }
}

/// libc's mutexes wake nobody in a process that has one thread alone (`SINGLE_THREAD_P`), as this one has: it is to have several.
/// To be called before any simulated thread runs.
pub fn announce_threads() {
    // Not the name: an executable may have a copy of it, which libc does not read.
    let flag = symbol(c"__libc_single_threaded").cast::<std::ffi::c_char>();
    if !flag.is_null() {
        // SAFETY: it is a char of libc's (sys/single_threaded.h).
        unsafe { *flag = 0 };
    }
}

/// libc's function of this name, which a definition of this crate hides; null where there is none.
pub fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: `name` ends with a zero byte.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// libc's function, called as what its type says. The address is looked up once; the static is swapped with the programs',
/// where it is looked up again.
macro_rules! real {
    ($name:ident as fn($($argument:expr => $type:ty),*) -> $result:ty) => {{
        static ADDRESS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let mut address = ADDRESS.load(std::sync::atomic::Ordering::Relaxed);
        if address == 0 {
            let name = concat!(stringify!($name), "\0");
            address = $crate::raw::symbol(std::ffi::CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or_default()) as usize;
            ADDRESS.store(address, std::sync::atomic::Ordering::Relaxed);
        }
        if address == 0 {
            $crate::raw::fatal(concat!("libc has no ", stringify!($name)));
        }
        let function: unsafe extern "C" fn($($type),*) -> $result = std::mem::transmute(address);
        function($($argument),*)
    }};
}
pub(crate) use real;

/// Writes a line to the real standard error and ends the process: there is no way on.
pub fn fatal(line: &str) -> ! {
    write_error(b"eagain: ");
    write_error(line.as_bytes());
    write_error(b"\n");
    exit_now(4)
}

/// Writes to the real standard error. Async-signal-safe.
pub fn write_error(text: &[u8]) {
    // SAFETY: `text` is valid for its length. Nothing can be done about an error.
    unsafe { system_call(libc::SYS_write, [2, text.as_ptr() as c_long, text.len() as c_long, 0, 0, 0]) };
}

/// Ends the process. Async-signal-safe.
pub fn exit_now(status: c_int) -> ! {
    // SAFETY: it has no preconditions, and does not return.
    unsafe { system_call(libc::SYS_exit_group, [c_long::from(status), 0, 0, 0, 0, 0]) };
    unreachable!("exit_group returned")
}
