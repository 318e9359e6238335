//! `pthread_exit(3)`: a thread ends in the middle of its function. libc's own would unwind to a place that it keeps for threads that it
//! has made itself.

use crate::context;
use crate::escape::escape;
use crate::raw;
use std::ffi::{c_int, c_void};

// Calls a function of a thread, and returns for it where it does not: all registers that a function keeps are on the stack, and the
// stack pointer is where the third argument says.
std::arch::global_asm!(
    r#"
    .text
    .globl eagain_run_thread
eagain_run_thread:
    .cfi_startproc
    push rbp
    .cfi_adjust_cfa_offset 8
    push rbx
    .cfi_adjust_cfa_offset 8
    push r12
    .cfi_adjust_cfa_offset 8
    push r13
    .cfi_adjust_cfa_offset 8
    push r14
    .cfi_adjust_cfa_offset 8
    push r15
    .cfi_adjust_cfa_offset 8
    sub rsp, 8
    .cfi_adjust_cfa_offset 8
    mov [rdx], rsp
    mov rax, rdi
    mov rdi, rsi
    call rax
eagain_thread_returns:
    add rsp, 8
    .cfi_adjust_cfa_offset -8
    pop r15
    .cfi_adjust_cfa_offset -8
    pop r14
    .cfi_adjust_cfa_offset -8
    pop r13
    .cfi_adjust_cfa_offset -8
    pop r12
    .cfi_adjust_cfa_offset -8
    pop rbx
    .cfi_adjust_cfa_offset -8
    pop rbp
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .globl eagain_end_thread
eagain_end_thread:
    mov rsp, rdi
    mov rax, rsi
    jmp eagain_thread_returns
"#
);

unsafe extern "C" {
    /// The result of `function`, or what `eagain_end_thread` was given.
    fn eagain_run_thread(function: usize, argument: usize, bottom: *mut usize) -> *mut c_void;
    fn eagain_end_thread(bottom: usize, result: *mut c_void) -> !;
}

/// Runs a thread's function, as the program.
///
/// # Safety
/// It is a function that `pthread_create(3)` takes, with its argument.
pub unsafe fn run_thread(context: &context::Context, (function, argument): (usize, usize)) -> *mut c_void {
    eagain_run_thread(function, argument, context.bottom.as_ptr())
}

type Stop = unsafe extern "C" fn(c_int, c_int, u64, *mut c_void, *mut c_void, *mut c_void) -> c_int;

unsafe extern "C-unwind" {
    fn _Unwind_ForcedUnwind(exception: *mut c_void, stop: Stop, argument: *mut c_void) -> c_int;
    fn _Unwind_GetCFA(frame: *mut c_void) -> usize;
}

const _UA_END_OF_STACK: c_int = 16;
/// `_URC_NO_REASON`: unwinding goes on.
const GO_ON: c_int = 0;

/// Asked at each frame: whether it is the last one of the program.
unsafe extern "C" fn stop(
    _: c_int,
    actions: c_int,
    _: u64,
    _: *mut c_void,
    frame: *mut c_void,
    result: *mut c_void,
) -> c_int {
    if let Some(context) = context::current() {
        let bottom = context.bottom.get();
        if actions & _UA_END_OF_STACK != 0 || _Unwind_GetCFA(frame) > bottom {
            eagain_end_thread(bottom, result);
        }
    }
    GO_ON
}

/// Frames with something to do at their end (destructors, `pthread_cleanup_push(3)` in code with exceptions) do it.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_exit(result: *mut c_void) -> ! {
    let Some(context) = context::current() else {
        raw::real!(pthread_exit as fn(result => *mut c_void) -> ());
        raw::fatal("pthread_exit returned")
    };
    if context.bottom.get() == 0 {
        context.as_harness(|| escape("pthread_exit", " in its first thread"));
        super::end_process(0);
    }
    _Unwind_ForcedUnwind(context.exception.as_ptr().cast(), stop, result);
    eagain_end_thread(context.bottom.get(), result)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_cancel(thread: libc::pthread_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_cancel as fn(thread => libc::pthread_t) -> c_int);
    };
    context.as_harness(|| escape("pthread_cancel", ""));
    libc::ENOSYS
}
