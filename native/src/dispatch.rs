//! System calls by instruction: what a program, or libc inside itself, does without calling one of the symbols. While a
//! program runs, Linux hands each of them back (Syscall User Dispatch, `prctl(2)`), and it is served as the symbol of its
//! number is. The switch is a byte that Linux reads: on while a program runs, off while the harness does.
//!
//! ```text
//!   program: syscall ──► SIGSYS: on_system_call ──► enter (the program's stack) ──► serve ──► behind the instruction
//! ```

use crate::symbol::by_number;
use crate::{context, image, raw};
use eagain_sim::native;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::Relaxed;

const PR_SET_SYSCALL_USER_DISPATCH: c_long = 59;
const PR_SYS_DISPATCH_ON: c_long = 1;
/// What the byte holds (`SYSCALL_DISPATCH_FILTER_ALLOW`, `SYSCALL_DISPATCH_FILTER_BLOCK`).
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;

const SA_RESTORER: u64 = 0x0400_0000;

fn switch() -> &'static AtomicU8 {
    image::switch()
}

/// A program runs from now on.
#[inline(always)]
pub fn on() {
    switch().store(BLOCK, Relaxed);
}

/// The harness runs from now on.
#[inline(always)]
pub fn off() {
    switch().store(ALLOW, Relaxed);
}

/// Off for as long as `f` runs: in a signal handler, which may have interrupted either.
pub fn while_off<R>(f: impl FnOnce() -> R) -> R {
    let before = switch().swap(ALLOW, Relaxed);
    let result = f();
    switch().store(before, Relaxed);
    result
}

// The only system call that is made while the switch is on: the return from a signal handler. And where a served call
// enters: as if the program had called it, with all registers as they were but those that a system call changes.
std::arch::global_asm!(
    r#"
    .section .text.eagain_gate,"ax",@progbits
    .globl eagain_gate_start
eagain_gate_start:
    .globl eagain_signal_return
eagain_signal_return:
    mov eax, 15
    syscall
    // What Linux compares is the address behind the instruction.
    ud2
    .globl eagain_gate_end
eagain_gate_end:
    .text
    .globl eagain_enter
eagain_enter:
    .cfi_startproc simple
    .cfi_def_cfa rsp, 136
    .cfi_offset rip, -136
    pushfq
    .cfi_adjust_cfa_offset 8
    push rbp
    .cfi_adjust_cfa_offset 8
    .cfi_offset rbp, -152
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    push rdi
    push rsi
    push rdx
    push r10
    push r8
    push r9
    push rax
    mov rdi, rsp
    sub rsp, 2816
    and rsp, -64
    xor eax, eax
    mov [rsp + 512], rax
    mov [rsp + 520], rax
    mov [rsp + 528], rax
    mov [rsp + 536], rax
    mov [rsp + 544], rax
    mov [rsp + 552], rax
    mov [rsp + 560], rax
    mov [rsp + 568], rax
    mov eax, 0xe7
    xor edx, edx
    xsave64 [rsp]
    cld
    call eagain_serve
    mov r11, rax
    mov eax, 0xe7
    xor edx, edx
    xrstor64 [rsp]
    mov rax, r11
    lea rsp, [rbp - 56]
    pop rcx
    pop r9
    pop r8
    pop r10
    pop rdx
    pop rsi
    pop rdi
    pop rbp
    popfq
    ret 128
    .cfi_endproc
"#
);

unsafe extern "C" {
    static eagain_gate_start: u8;
    static eagain_gate_end: u8;
    fn eagain_signal_return();
    fn eagain_enter();
}

/// `struct sigaction` of the kernel on x86-64.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// `rt_sigaction(2)` with a return that is no instruction of libc's.
///
/// # Safety
/// `handler` is one of `SA_SIGINFO`, and is async-signal-safe.
pub unsafe fn handle(
    signal: c_int,
    handler: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void),
    flags: c_int,
) {
    let action = KernelAction {
        handler: handler as *const () as usize,
        flags: (flags | libc::SA_SIGINFO | libc::SA_ONSTACK) as u64 | SA_RESTORER,
        restorer: eagain_signal_return as *const () as usize,
        mask: 0,
    };
    let arguments = [c_long::from(signal), (&raw const action) as c_long, 0, 8, 0, 0];
    // SAFETY: the action is valid; the rest is the caller's promise.
    unsafe { raw::system_call(libc::SYS_rt_sigaction, arguments) };
}

/// In a worker, before its first world. Where the kernel has no such thing (Linux 5.11, and some sandboxes), system calls by
/// instruction reach the machine.
pub fn install() {
    // SAFETY: the handler is async-signal-safe: it changes the registers that it was handed; the range is that of the code above,
    // and the switch is mapped for as long as the process.
    unsafe {
        handle(libc::SIGSYS, on_system_call, 0);
        let start = (&raw const eagain_gate_start) as c_long;
        let length = (&raw const eagain_gate_end) as c_long - start;
        let selector = std::ptr::from_ref(switch()) as c_long;
        let arguments = [PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, start, length, selector, 0];
        raw::system_call(libc::SYS_prctl, arguments);
    }
}

/// The program made a system call. It goes on in `eagain_enter`, on its own stack: a call may wait, and a handler may not.
unsafe extern "C" fn on_system_call(_: c_int, _: *mut libc::siginfo_t, frame: *mut c_void) {
    /// What a leaf function keeps below its stack pointer (System V ABI).
    const RED_ZONE: i64 = 128;
    // SAFETY: the kernel hands over a valid ucontext; below the red zone the stack is free.
    unsafe {
        let registers = &mut (*frame.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let stack = registers[libc::REG_RSP as usize] - RED_ZONE - 8;
        *(stack as *mut i64) = registers[libc::REG_RIP as usize];
        registers[libc::REG_RSP as usize] = stack;
        registers[libc::REG_RIP as usize] = eagain_enter as *const () as i64;
    }
}

/// Number and arguments as they were pushed, the frame pointer, the flags, and where the program goes on.
#[unsafe(no_mangle)]
unsafe extern "C" fn eagain_serve(frame: *const [c_long; 10]) -> c_long {
    // SAFETY: `eagain_enter` has pushed as many.
    let [call, f, e, d, c, b, a, _, _, behind] = unsafe { *frame };
    let Some(context) = context::current() else {
        // SAFETY: the program's own call: there is no program that runs.
        return unsafe { raw::system_call(call, [a, b, c, d, e, f]) };
    };
    if is_wake_without_waiter(context, call, [a, b]) {
        return 0;
    }
    if let (false, Some(path)) = (is_in_executable(behind as usize), looked_at(call, [a, b])) {
        // SAFETY: a path that the caller gives to a system call.
        if unsafe { is_of_libc(path) } {
            return -c_long::from(libc::ENOENT);
        }
    }
    let errno = raw::errno();
    // SAFETY: what the system call asks for is the caller's promise.
    let result = unsafe { by_number(context, call, [a, b, c, d, e, f]) };
    let result = if result == -1 { -c_long::from(raw::errno()) } else { result };
    raw::set_errno(errno);
    result
}

/// Whether it is a wake of a futex without a waiter. libc's `pthread_once` makes one the first time, and libc's statics are those of
/// the OS process: a later world has none.
fn is_wake_without_waiter(context: &context::Context, call: c_long, [word, op]: [c_long; 2]) -> bool {
    let wakes = matches!(op as c_int & libc::FUTEX_CMD_MASK, libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET);
    call == libc::SYS_futex && wakes && !context.as_harness(|| native::is_awaited(word as usize))
}

/// The path of a call that looks at one. What libc looks at by itself (its configuration, time zones, names) it looks at once in an OS
/// process: it finds nothing.
fn looked_at(call: c_long, [a, b]: [c_long; 2]) -> Option<*const c_char> {
    match call {
        libc::SYS_open | libc::SYS_stat | libc::SYS_lstat | libc::SYS_access | libc::SYS_readlink => {
            Some(a as _)
        }
        libc::SYS_openat | libc::SYS_newfstatat | libc::SYS_faccessat | libc::SYS_readlinkat => Some(b as _),
        _ => None,
    }
}

/// Whether it is a file that libc opens for itself.
///
/// # Safety
/// The path ends with a NUL, or is null.
unsafe fn is_of_libc(path: *const c_char) -> bool {
    const FILES: [&[u8]; 10] = [
        b"/etc/localtime",
        b"/etc/ld.so.",
        b"/etc/nsswitch.conf",
        b"/etc/resolv.conf",
        b"/etc/host.conf",
        b"/usr/share/zoneinfo",
        b"/usr/share/locale",
        b"/usr/lib/",
        b"/lib/",
        b"/lib64/",
    ];
    // SAFETY: as promised.
    !path.is_null() && FILES.iter().any(|file| unsafe { CStr::from_ptr(path) }.to_bytes().starts_with(file))
}

unsafe extern "C" {
    static __executable_start: u8;
    static etext: u8;
}

fn is_in_executable(address: usize) -> bool {
    ((&raw const __executable_start) as usize..=(&raw const etext) as usize).contains(&address)
}

#[cfg(test)]
mod tests;
