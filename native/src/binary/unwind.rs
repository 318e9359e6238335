//! Panics and exceptions of a program in a file of its own: the machine's unwinder asks the loader where the tables of a function
//! are, and the loader does not know what is mapped here. So it is informed.

use super::elf::Elf;
use std::ffi::{CStr, c_void};

/// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`: what every linker writes.
const RELATIVE: u8 = 0x1b;

/// `.eh_frame`, by what `.eh_frame_hdr` says.
fn table(base: usize, elf: &Elf) -> Option<*const c_void> {
    let header = base + elf.unwinding? as usize;
    let fits = |s: &super::elf::Segment| {
        elf.unwinding.is_some_and(|at| s.address <= at && at.saturating_add(8) <= s.address + s.in_file)
    };
    if !elf.segments.iter().any(fits) {
        return None;
    }
    // SAFETY: the header is in a segment that is mapped: version, three encodings, and the distance of the table from there.
    unsafe {
        let bytes = header as *const u8;
        let distance = (header + 4) as *const i32;
        let table = (header + 4).wrapping_add_signed(distance.read_unaligned() as isize);
        let is_known = *bytes == 1 && *bytes.add(1) == RELATIVE;
        let offset = table.wrapping_sub(base) as u64;
        let is_mapped = elf.segments.iter().any(|s| s.address <= offset && offset < s.address + s.in_file);
        (is_known && is_mapped).then_some(table as *const c_void)
    }
}

fn call_unwinder(name: &CStr, table: *const c_void) {
    // SAFETY: a function of libgcc_s that takes the table, which is mapped until it is forgotten.
    unsafe {
        let function = libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        if !function.is_null() {
            let function: unsafe extern "C" fn(*const c_void) = std::mem::transmute(function);
            function(table);
        }
    }
}

/// The files of a place are mapped.
pub fn register(base: usize, elf: &Elf) {
    if let Some(table) = table(base, elf) {
        call_unwinder(c"__register_frame", table);
    }
}

/// They are about to be unmapped.
pub fn forget(base: usize, elf: &Elf) {
    if let Some(table) = table(base, elf) {
        call_unwinder(c"__deregister_frame", table);
    }
}
