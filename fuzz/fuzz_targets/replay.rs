#![no_main]

#[path = "../src/replay.rs"]
mod replay;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| replay::run(bytes));
