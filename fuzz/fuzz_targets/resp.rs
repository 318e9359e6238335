#![no_main]

#[path = "../src/resp.rs"]
mod resp;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| resp::run(bytes));
