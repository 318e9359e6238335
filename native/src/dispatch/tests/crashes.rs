//! Programs that crash, panic, or compute without end.

use std::arch::asm;

#[inline(never)]
fn write_to(address: usize) {
    // SAFETY: none: it crashes.
    unsafe { *(address as *mut u8) = 1 };
}

#[inline(never)]
fn jump_to(address: usize) {
    // SAFETY: none: it crashes.
    let function: extern "C" fn() = unsafe { std::mem::transmute(address) };
    function();
    std::hint::black_box(address);
}

/// An instruction that the processor has not (`ud2`), a division by zero, and a breakpoint: the signal is at the instruction, and for
/// the last one behind it.
macro_rules! instruction {
    ($($name:ident: $($text:literal),*;)*) => {
        $(#[inline(never)]
        pub fn $name() {
            // SAFETY: none: it crashes.
            unsafe { asm!($($text),*, out("rax") _, out("rcx") _, out("rdx") _) };
        })*
    };
}

instruction! {
    illegal: "ud2";
    divide: "xor ecx, ecx", "mov eax, 1", "cdq", "idiv ecx";
    breakpoint: "int3";
}

pub fn segv() {
    write_to(std::hint::black_box(8));
}

pub fn jump() {
    jump_to(std::hint::black_box(16));
}

pub fn overflow() {
    std::thread::spawn(|| assert!(deeper(0) > 0)).join().unwrap();
}

#[inline(never)]
fn deeper(depth: usize) -> usize {
    let room = std::hint::black_box([depth; 64]);
    if depth == usize::MAX { 0 } else { deeper(depth + 1) + room[depth % 64] }
}

pub fn spin() {
    println!("begins");
    while std::hint::black_box(true) {
        std::hint::spin_loop();
    }
}

/// A thread for each connection, each with a number in its name; the last one does `work`.
pub fn connections(count: u32, work: fn()) {
    for number in 1..=count {
        let thread = std::thread::Builder::new().name(format!("conn-{number}"));
        let body = move || {
            if number == count {
                work()
            }
        };
        let _ = thread.spawn(body).unwrap().join();
    }
}

pub fn read_nothing() {
    let (reader, _writer) = std::os::unix::net::UnixStream::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    loop {
        let _ = std::io::Read::read(&mut &reader, &mut [0]);
    }
}
