//! The memory of stacks. Those of threads with a thread pointer of their own are at the same addresses in every process, and hold
//! zeros when a thread begins: what a program reads of its stack although it never wrote it, and where its stack is, is the same in
//! every run.

use super::STACK_BYTES;
use corosensei::stack::{DefaultStack, Stack, StackPointer};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A stack, its guard page included.
pub(super) struct Memory {
    /// Its end, at hand: each switch to a thread reads it.
    base: StackPointer,
    home: Home,
}

enum Home {
    Anywhere(DefaultStack),
    /// At the place of this number, for as long as the process lives.
    Placed(usize),
}

impl Memory {
    fn anywhere(stack: DefaultStack) -> Memory {
        Memory { base: stack.base(), home: Home::Anywhere(stack) }
    }

    fn placed(place: usize) -> Memory {
        let end = StackPointer::new(PLACES + (place + 1) * PLACE_BYTES);
        Memory { base: end.unwrap_or(StackPointer::MAX), home: Home::Placed(place) }
    }
}

// SAFETY: the memory between is mapped as long as the value lives, and nobody else uses it: corosensei's own, or a place that was
// handed out once.
unsafe impl Stack for Memory {
    #[inline]
    fn base(&self) -> StackPointer {
        self.base
    }

    fn limit(&self) -> StackPointer {
        match &self.home {
            Home::Anywhere(stack) => stack.limit(),
            Home::Placed(place) => {
                StackPointer::new(PLACES + place * PLACE_BYTES).unwrap_or(StackPointer::MAX)
            }
        }
    }
}

/// Behind the heaps and the executables of programs (`eagain-native`).
const PLACES: usize = 0x4000_0000_0000;
const GUARD_BYTES: usize = 4096;
const PLACE_BYTES: usize = GUARD_BYTES + STACK_BYTES;

/// What is free, and how it is made.
#[derive(Default)]
pub(super) struct Memories {
    anywhere: Vec<DefaultStack>,
    /// The lowest place goes first: at the end of a world all are free, so the next begins as the first did.
    places: BinaryHeap<Reverse<usize>>,
    placed: usize,
}

impl Memories {
    /// One that nobody uses; `placed`: at an address that is the same in every process.
    pub(super) fn take(&mut self, placed: bool) -> std::io::Result<Memory> {
        if placed && let Some(Reverse(place)) = self.places.pop() {
            return Ok(Memory::placed(place));
        }
        if placed && map(self.placed) {
            self.placed += 1;
            return Ok(Memory::placed(self.placed - 1));
        }
        match self.anywhere.pop() {
            Some(stack) => Ok(Memory::anywhere(stack)),
            None => DefaultStack::new(STACK_BYTES).map(Memory::anywhere),
        }
    }

    pub(super) fn give(&mut self, memory: Memory) {
        match memory.home {
            Home::Anywhere(stack) => self.anywhere.push(stack),
            Home::Placed(place) => self.places.push(Reverse(place)),
        }
    }
}

/// Maps a place; `false`: something else is there, another engine of this process for one.
#[cfg(target_os = "linux")]
fn map(place: usize) -> bool {
    let at = (PLACES + place * PLACE_BYTES) as *mut libc::c_void;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: a new mapping, which replaces nothing; kernels that do not know the flag may put it elsewhere, and then it goes.
    unsafe {
        let got = libc::mmap(at, PLACE_BYTES, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        if got == libc::MAP_FAILED {
            return false;
        }
        let is_placed = got == at && libc::mprotect(at, GUARD_BYTES, libc::PROT_NONE) == 0;
        if !is_placed {
            libc::munmap(got, PLACE_BYTES);
        }
        is_placed
    }
}

#[cfg(not(target_os = "linux"))]
fn map(_place: usize) -> bool {
    false
}

/// So much of a stack is cleared where it is; what lies below is given back. Threads seldom use more.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const KEPT_BYTES: usize = 32 * 1024;

/// Everything below the caller's frame, down to the guard page above `limit`, holds zeros. It calls nothing, which would leave
/// something there again.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[inline(never)]
pub(super) fn clear_below(limit: usize) {
    let lowest = limit + GUARD_BYTES;
    // SAFETY: nobody uses what lies below this frame of the running stack: the compiler keeps nothing there across this block, which
    // does not say `nostack`. The call changes no other memory.
    unsafe {
        std::arch::asm!(
            "lea {top}, [rsp - {kept}]",
            "and {top}, -4096",
            "cmp {top}, rdi",
            "cmovb {top}, rdi",
            // madvise(lowest, top - lowest, MADV_DONTNEED)
            "mov rsi, {top}",
            "sub rsi, rdi",
            "syscall",
            "mov rdi, {top}",
            "mov rcx, rsp",
            "sub rcx, rdi",
            "xor eax, eax",
            "rep stosb",
            top = out(reg) _,
            kept = const KEPT_BYTES,
            inout("rax") libc::SYS_madvise => _,
            inout("rdi") lowest => _,
            out("rsi") _,
            inout("rdx") libc::MADV_DONTNEED as usize => _,
            out("rcx") _,
            out("r11") _,
        );
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn clear_below(_limit: usize) {}
