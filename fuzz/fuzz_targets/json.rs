#![no_main]

#[path = "../src/json.rs"]
mod json;

libfuzzer_sys::fuzz_target!(|text: &str| json::run(text));
