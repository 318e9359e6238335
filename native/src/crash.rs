//! A program that crashes, or that computes without end: a signal of the machine interrupts it, and its thread goes on here, as if the
//! interrupted instruction had called `eagain_crashed`. The simulated process ends, the run fails with the program's frames, and the
//! report is whole. What the harness does by itself wrong is not caught here: that ends the worker.
//!
//! ```text
//!   program: SIGSEGV ──► on_crash ──► eagain_crashed (the program's stack, or one for that) ──► crashed ──► the engine
//! ```

use crate::{context, image, raw};
use eagain_sim::runner::explore::HANGS;
use eagain_sim::trace::frames;
use eagain_sim::{Oracle, native};
use std::backtrace::Backtrace;
use std::ffi::c_void;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering::Relaxed;

/// What happened to a program.
#[derive(Clone, Copy)]
pub enum Crash {
    Signal(i32),
    Overflow,
    /// It has made no call for too long.
    Hang,
}

impl Crash {
    /// As a register holds it.
    fn to_raw(self) -> i64 {
        match self {
            Crash::Signal(number) => number.into(),
            Crash::Overflow => -1,
            Crash::Hang => -2,
        }
    }

    fn from_raw(raw: i64) -> Crash {
        match raw {
            -1 => Crash::Overflow,
            -2 => Crash::Hang,
            number => Crash::Signal(number as i32),
        }
    }
}

/// The oracle.
pub const ORACLE: Oracle = Oracle::of("crash");

/// The cell of `image` with the end of a stack for a thread that has none left.
const SPARE_STACK: usize = 5;
/// The cell of `image` that says whether a program has crashed in this worker.
const DAMAGED: usize = 9;
const SPARE_STACK_BYTES: usize = 1 << 20;
/// Below the stack pointer of an interrupted function: what a leaf function keeps there (System V ABI).
const RED_ZONE: usize = 128;

/// `push` and `pop` of a register.
const ONE_BYTE: RangeInclusive<u8> = 0x50..=0x5f;

// On entry: rsp, a multiple of 16, points to where the program was interrupted, its rbp and its rsp. Nothing is pushed before the
// call, so that unwinding finds them.
std::arch::global_asm!(
    r#"
    .text
    .globl eagain_crashed
eagain_crashed:
    .cfi_startproc simple
    .cfi_signal_frame
    // CFA: the interrupted rsp, at rsp + 16 (DW_OP_breg7 16, DW_OP_deref).
    .cfi_escape 0x0f, 0x03, 0x77, 0x10, 0x06
    // rip is at rsp, rbp at rsp + 8 (DW_CFA_expression, DW_OP_breg7).
    .cfi_escape 0x10, 0x10, 0x02, 0x77, 0x00
    .cfi_escape 0x10, 0x06, 0x02, 0x77, 0x08
    call eagain_report_crash
    ud2
    .cfi_endproc
"#
);

unsafe extern "C" {
    fn eagain_crashed();
}

/// Whether a program has crashed here: it may have written anywhere before, so no other world is to run in this worker.
pub fn is_damaged() -> bool {
    image::cells()[DAMAGED].load(Relaxed) != 0
}

/// Before signals are handled.
pub fn prepare() {
    let stack = vec![0u8; SPARE_STACK_BYTES].leak().as_mut_ptr_range().end;
    image::cells()[SPARE_STACK].store(stack as usize, Relaxed);
}

/// Lets the interrupted thread go on in [`eagain_report_crash`]; whether a program was interrupted. `address`: what could not be
/// used. Async-signal-safe.
///
/// # Safety
/// `frame` is what the kernel handed to a signal handler of this thread.
pub unsafe fn redirect(crash: Crash, address: usize, frame: *mut c_void) -> bool {
    if context::current().is_none() {
        return false;
    }
    // SAFETY: the kernel hands over a valid ucontext. Below the red zone the stack is free, and nobody else uses the spare one: a
    // thread that is on it never comes back.
    unsafe {
        let registers = &mut (*frame.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let stack = registers[libc::REG_RSP as usize] as usize;
        let top = match crash {
            Crash::Overflow => image::cells()[SPARE_STACK].load(Relaxed),
            _ => stack - RED_ZONE,
        };
        let words = ((top - 3 * size_of::<i64>()) & !15) as *mut i64;
        let mut rip = registers[libc::REG_RIP as usize];
        let mut caller = stack;
        match crash {
            // A call of what is not a function: no instruction can be fetched there, and the frame is the caller's.
            Crash::Signal(libc::SIGSEGV | libc::SIGBUS) if rip as usize == address => {
                rip = *(stack as *const i64);
                caller += size_of::<i64>();
            }
            // `int3` is a trap, not a fault: rip is behind it already.
            Crash::Signal(libc::SIGTRAP) => {}
            // Backtraces look at the byte in front of an address, that of a call. The address itself is needed where unwinding
            // changes behind it, which it does not at an instruction of several bytes.
            Crash::Signal(_) if !ONE_BYTE.contains(&*(rip as *const u8)) => rip += 1,
            _ => {}
        }
        words.write(rip);
        words.add(1).write(registers[libc::REG_RBP as usize]);
        words.add(2).write(caller as i64);
        registers[libc::REG_RSP as usize] = words as i64;
        registers[libc::REG_RIP as usize] = eagain_crashed as *const () as i64;
        registers[libc::REG_RDI as usize] = crash.to_raw();
        // The direction flag, as functions expect it.
        registers[libc::REG_EFL as usize] &= !0x400;
    }
    true
}

#[unsafe(no_mangle)]
extern "C" fn eagain_report_crash(crash: i64) -> ! {
    let crash = Crash::from_raw(crash);
    let Some(context) = context::current() else { raw::exit_now(4) };
    if !matches!(crash, Crash::Hang) {
        image::cells()[DAMAGED].store(1, Relaxed);
    }
    context.as_harness(|| {
        context.flush();
        let backtrace = Backtrace::force_capture().to_string();
        let program = frames::own(frames::below(&backtrace, "eagain_report_crash"));
        let (status, (oracle, site, why)) = match crash {
            Crash::Hang => {
                let why = "a thread computes without end: it makes no call";
                (0, (Oracle::NoBusyLoop, HANGS.to_owned(), why.to_owned()))
            }
            Crash::Signal(signal) => {
                let (name, why) = (signal_name(signal), "the program crashed");
                (-signal, (ORACLE, name.to_owned(), format!("{why} ({name})")))
            }
            Crash::Overflow => {
                let why = "a thread ran out of stack (2 MiB): an endless recursion, or a very large array";
                (-libc::SIGSEGV, (ORACLE, "stack overflow".to_owned(), why.to_owned()))
            }
        };
        // Crashes of one program differ by their place; a program that computes without end is interrupted anywhere.
        let site = match (crash, frames::place(&program)) {
            (Crash::Signal(_) | Crash::Overflow, Some(place)) => format!("{site}, {place}"),
            _ => site,
        };
        native::end(status, Some((oracle, site, format!("{why}\n{program}"))))
    })
}

pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGABRT => "SIGABRT",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGKILL => "SIGKILL",
        _ => "signal",
    }
}
