//! A program that is compiled by itself, without anything of eagain: thread-local variables, panics that are caught and joined, files.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::thread;

/// More than a linker may put anywhere: each thread has its own, as new.
struct Traced(RefCell<Vec<u8>>);

impl Drop for Traced {
    fn drop(&mut self) {
        println!("a thread ends with {} bytes", self.0.borrow().len());
    }
}

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(5) };
    static TRACED: Traced = const { Traced(RefCell::new(Vec::new())) };
}

fn main() {
    NUMBER.set(6);
    let mut threads = Vec::new();
    for bytes in 0..4 {
        threads.push(thread::spawn(move || {
            TRACED.with(|traced| traced.0.borrow_mut().resize(bytes, 0));
            NUMBER.replace(bytes as u64)
        }));
    }
    for thread in threads {
        assert_eq!(thread.join().expect("it does not panic"), 5);
    }
    assert_eq!(NUMBER.get(), 6);
    assert!(catch_unwind(|| panic!("caught")).is_err());
    let nothing: Vec<u8> = Vec::new();
    assert!(thread::spawn(move || nothing[std::env::args().count()]).join().is_err());
    std::fs::write("/tmp/file", "text").expect("there is a disk");
    let names = std::fs::read_dir("/tmp").expect("it is a directory");
    let names: Vec<_> = names.map(|entry| entry.expect("it is there").file_name()).collect();
    assert_eq!(names, ["file"]);
}
