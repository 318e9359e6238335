//! `syslog(3)`: a process's messages are printed, as with `LOG_PERROR`. libc's own functions keep the socket of a
//! daemon, and a lock, in statics that all processes share.

use super::Own;
use crate::context;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null;

/// A longer message is cut off there.
const LENGTH_MAX: usize = 1024;
/// The priority within what `syslog(3)` is given; the rest is the facility.
const PRIORITY: c_int = 7;

// Of the process, as all statics are.
static NAME: Own<Cell<*const c_char>> = Own(Cell::new(null()));
static MASK: Own<Cell<c_int>> = Own(Cell::new(0xff));

unsafe extern "C" {
    static program_invocation_short_name: *const c_char;
    fn vsnprintf(to: *mut c_char, room: usize, format: *const c_char, list: *mut c_void) -> c_int;
    #[link_name = "eagain_syslog"]
    pub fn syslog();
    #[link_name = "eagain_syslog_chk"]
    pub fn syslog_chk();
}

// Functions with a variable list of arguments cannot be written in Rust: these two make a `va_list` of their registers (System V ABI,
// 3.5.7), of which two or three are no part of the list.
std::arch::global_asm!(
    r#"
    .macro eagain_with_list name, used, format, function
    .text
    .globl \name
\name:
    .cfi_startproc
    sub rsp, 216
    .cfi_adjust_cfa_offset 216
    mov [rsp + 24], rdi
    mov [rsp + 32], rsi
    mov [rsp + 40], rdx
    mov [rsp + 48], rcx
    mov [rsp + 56], r8
    mov [rsp + 64], r9
    movups [rsp + 72], xmm0
    movups [rsp + 88], xmm1
    movups [rsp + 104], xmm2
    movups [rsp + 120], xmm3
    movups [rsp + 136], xmm4
    movups [rsp + 152], xmm5
    movups [rsp + 168], xmm6
    movups [rsp + 184], xmm7
    mov dword ptr [rsp], \used
    mov dword ptr [rsp + 4], 48
    lea rax, [rsp + 224]
    mov [rsp + 8], rax
    lea rax, [rsp + 24]
    mov [rsp + 16], rax
    mov rsi, \format
    mov rdx, rsp
    call \function
    add rsp, 216
    .cfi_adjust_cfa_offset -216
    ret
    .cfi_endproc
    .endm
    eagain_with_list eagain_syslog, 16, rsi, {print}
    eagain_with_list eagain_syslog_chk, 24, rdx, {print}
"#,
    print = sym vsyslog
);

pub unsafe extern "C" fn vsyslog(priority: c_int, format: *const c_char, list: *mut c_void) {
    if MASK.0.get() & 1 << (priority & PRIORITY) == 0 {
        return;
    }
    let mut text = [0 as c_char; LENGTH_MAX];
    vsnprintf(text.as_mut_ptr(), text.len(), format, list);
    let own = NAME.0.get();
    let name = if own.is_null() { program_invocation_short_name } else { own };
    let Some(context) = context::current() else { return };
    context.as_harness(|| {
        for part in [
            CStr::from_ptr(name).to_bytes(),
            b": ",
            CStr::from_ptr(text.as_ptr()).to_bytes().trim_ascii_end(),
            b"\n",
        ] {
            context.print(part);
        }
    });
}

pub unsafe extern "C" fn vsyslog_chk(
    priority: c_int,
    _flag: c_int,
    format: *const c_char,
    list: *mut c_void,
) {
    vsyslog(priority, format, list);
}

pub unsafe extern "C" fn openlog(name: *const c_char, _options: c_int, _facility: c_int) {
    NAME.0.set(name);
}

pub unsafe extern "C" fn closelog() {
    NAME.0.set(null());
}

pub unsafe extern "C" fn setlogmask(mask: c_int) -> c_int {
    if mask == 0 { MASK.0.get() } else { MASK.0.replace(mask) }
}
