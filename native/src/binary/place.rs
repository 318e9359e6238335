//! The place of a process that runs an executable of its own: addresses that are the same in every run, into which the files are
//! mapped. A place is used again by the process of that number in later worlds: what is writable is put as it was.

use super::elf::{Elf, PAGE, Segment};
use super::link::{Binary, Fix, Value};
use super::unwind;
use crate::raw;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::rc::Rc;

/// Behind the heaps (`crate::arena`).
const BASE: usize = 0x3000_0000_0000;
const PLACE_BYTES: usize = 1 << 32;

/// The places of an OS process, by the number of the simulated one.
#[derive(Default)]
pub struct Places(RefCell<BTreeMap<u32, Place>>);

struct Place {
    binary: Rc<Binary>,
    /// What is writable: address, length, and what it begins with; behind that it is zero.
    parts: Vec<(usize, usize, Vec<u8>)>,
}

/// Where the executable of a process lies.
pub fn base(process: u32) -> usize {
    BASE + process as usize * PLACE_BYTES
}

impl Places {
    /// As [`Places::put`]. Where it fails, in the middle, there is no way back.
    pub fn put_or_end(&self, process: u32, binary: &Rc<Binary>) {
        if let Err(line) = self.put(process, binary) {
            raw::fatal(&line);
        }
    }

    /// What is in the place of this process.
    pub fn binary(&self, process: u32) -> Option<Rc<Binary>> {
        self.0.borrow().get(&process).map(|place| place.binary.clone())
    }

    /// The executable is in the place of this process, as new. What is wrong: a line.
    fn put(&self, process: u32, binary: &Rc<Binary>) -> Result<(), String> {
        let mut places = self.0.borrow_mut();
        if let Some(place) = places.get(&process) {
            if Rc::ptr_eq(&place.binary, binary) {
                place.renew();
                return Ok(());
            }
            for object in &place.binary.objects {
                unwind::forget(base(process) + object.at as usize, &object.elf);
            }
            let length = place.binary.span as usize;
            // SAFETY: mapped by `new`, and its process is over.
            unsafe { libc::munmap(base(process) as *mut c_void, length) };
            places.remove(&process);
        }
        let place = Place::new(base(process), binary.clone())?;
        places.insert(process, place);
        Ok(())
    }
}

impl Place {
    fn new(base: usize, binary: Rc<Binary>) -> Result<Place, String> {
        for object in &binary.objects {
            map(base + object.at as usize, &object.elf)
                .map_err(|error| format!("{} cannot be mapped: {error}", object.elf.path))?;
        }
        for fix in &binary.fixes {
            // SAFETY: the address is in a segment that is mapped, and writable until it is protected below.
            unsafe { apply(base, fix) };
        }
        let mut parts = Vec::new();
        for object in &binary.objects {
            let start = base + object.at as usize;
            let relro = object.elf.relro.map(|(at, length)| at..at + length).unwrap_or(0..0);
            if !relro.is_empty() {
                let end = (relro.end & !(PAGE - 1)) as usize;
                let begin = (relro.start & !(PAGE - 1)) as usize;
                // SAFETY: pages of a segment that was mapped above.
                unsafe {
                    libc::mprotect((start + begin) as *mut c_void, end.saturating_sub(begin), libc::PROT_READ)
                };
            }
            for segment in object.elf.segments.iter().filter(|segment| segment.writable) {
                let (from, end) = (segment.address, segment.address + segment.in_memory);
                // Relro is at the beginning of its segment.
                let from = if relro.contains(&from) { (relro.end & !(PAGE - 1)).max(from) } else { from };
                if from >= end {
                    continue;
                }
                let (at, length) = (start + from as usize, (end - from) as usize);
                let filled = (segment.address + segment.in_file).saturating_sub(from) as usize;
                // Relocations are in what the file has, but for copies, which lie in front of the rest of the zeros.
                // SAFETY: mapped and readable; the process has not begun.
                let bytes = unsafe { std::slice::from_raw_parts(at as *const u8, length) };
                let filled = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1).max(filled);
                parts.push((at, length, bytes[..filled.min(length)].to_vec()));
            }
        }
        for object in &binary.objects {
            unwind::register(base + object.at as usize, &object.elf);
        }
        Ok(Place { binary, parts })
    }

    fn renew(&self) {
        for (at, length, bytes) in &self.parts {
            // SAFETY: writable memory of a process that is over.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), *at as *mut u8, bytes.len());
                std::ptr::write_bytes((*at + bytes.len()) as *mut u8, 0, length - bytes.len());
            }
        }
    }
}

fn protection(segment: &Segment) -> i32 {
    let write = if segment.writable { libc::PROT_WRITE } else { 0 };
    let execute = if segment.executable { libc::PROT_EXEC } else { 0 };
    libc::PROT_READ | write | execute
}

fn map(at: usize, elf: &Elf) -> std::io::Result<()> {
    let file = File::open(&elf.path)?;
    for segment in &elf.segments {
        let first = (segment.address & !(PAGE - 1)) as usize;
        let within = (segment.address % PAGE) as usize;
        let in_file = segment.in_file as usize + within;
        let end = (segment.address + segment.in_memory).next_multiple_of(PAGE) as usize;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED_NOREPLACE;
        let mapped_file = in_file.next_multiple_of(PAGE as usize);
        // SAFETY: new mappings, which replace nothing; what is cleared is the rest of the last page of a writable one.
        unsafe {
            if in_file > 0 {
                let offset = (segment.offset & !(PAGE - 1)) as i64;
                let to = (at + first) as *mut c_void;
                if libc::mmap(to, in_file, protection(segment), flags, file.as_raw_fd(), offset) != to {
                    return Err(std::io::Error::last_os_error());
                }
                if segment.writable {
                    let rest = mapped_file - in_file;
                    std::ptr::write_bytes((at + first + in_file) as *mut u8, 0, rest);
                }
            }
            if first + mapped_file < end {
                let to = (at + first + mapped_file) as *mut c_void;
                let (length, flags) = (end - first - mapped_file, flags | libc::MAP_ANONYMOUS);
                if libc::mmap(to, length, protection(segment), flags, -1, 0) != to {
                    return Err(std::io::Error::last_os_error());
                }
            }
        }
    }
    Ok(())
}

/// # Safety
/// The place is mapped, and its relocated part writable.
unsafe fn apply(base: usize, fix: &Fix) {
    let at = (base + fix.at as usize) as *mut u64;
    // SAFETY: as promised; a copy is as long as the variable that the program reserved for it.
    unsafe {
        match &fix.value {
            Value::Own(own) => at.write_unaligned((base as u64).wrapping_add(*own)),
            Value::Fixed(value) => at.write_unaligned(*value),
            Value::Copy { from, length } => {
                let from = match **from {
                    Value::Own(own) => base + own as usize,
                    Value::Fixed(address) => address as usize,
                    // No variable.
                    Value::Copy { .. } | Value::Returned(_) => return,
                };
                std::ptr::copy_nonoverlapping(from as *const u8, at.cast(), *length);
            }
            Value::Returned(own) => {
                let choose: unsafe extern "C" fn() -> u64 = std::mem::transmute(base + *own as usize);
                at.write_unaligned(choose());
            }
        }
    }
}
