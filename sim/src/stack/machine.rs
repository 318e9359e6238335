//! The machine as another one, for the second process of `check`: another time of the day and another date, one processor. Linux has
//! no clock of the day for one process, so the addresses at which this executable finds libc's clocks are replaced.
#![allow(clippy::disallowed_methods, reason = "no run reads these variables")]

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// A variable: by how many seconds the clock of the day is ahead.
pub const CLOCK: &str = "EAGAIN_UNSETTLED_CLOCK";
/// A variable: where it is set, the process has one processor.
pub const PROCESSORS: &str = "EAGAIN_UNSETTLED_PROCESSORS";

/// Whether there is a way to move the clock of a process here.
#[cfg(feature = "cli")]
pub const MOVES_CLOCK: bool = cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"));

/// By how many seconds; 0: not.
static MOVED_BY: AtomicI64 = AtomicI64::new(0);

/// This process's machine is another one from now on, as the variables say.
pub fn unsettle() {
    if let Some(seconds) = std::env::var(CLOCK).ok().and_then(|text| text.parse().ok()) {
        MOVED_BY.store(seconds, Relaxed);
        libc_of::replace_clocks();
    }
    if std::env::var_os(PROCESSORS).is_some() {
        libc_of::keep_one_processor();
    }
}

/// What to add to the seconds of the clock of the day: for code that asks libc or the kernel itself.
pub fn moved_by() -> i64 {
    MOVED_BY.load(Relaxed)
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod libc_of {
    use super::moved_by;
    use libc::{
        Elf64_Addr, Elf64_Rela, Elf64_Sym, c_char, c_int, c_long, c_void, clockid_t, dl_phdr_info, size_t,
        time_t, timespec, timeval,
    };
    use std::ffi::CStr;

    /// # Safety
    /// What clock_gettime(2) asks for.
    unsafe extern "C" fn clock_gettime(clock: clockid_t, to: *mut timespec) -> c_int {
        // SAFETY: the caller's pointer.
        unsafe {
            let result = libc::syscall(libc::SYS_clock_gettime, c_long::from(clock), to);
            if result == 0 && (clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_REALTIME_COARSE) {
                (*to).tv_sec += moved_by();
            }
            result as c_int
        }
    }

    /// # Safety
    /// What gettimeofday(2) asks for.
    unsafe extern "C" fn gettimeofday(to: *mut timeval, zone: *mut c_void) -> c_int {
        // SAFETY: the caller's pointers.
        unsafe {
            let result = libc::syscall(libc::SYS_gettimeofday, to, zone);
            if result == 0 && !to.is_null() {
                (*to).tv_sec += moved_by();
            }
            result as c_int
        }
    }

    /// # Safety
    /// What time(2) asks for.
    unsafe extern "C" fn time(to: *mut time_t) -> time_t {
        let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a place of its own; the other one is the caller's.
        unsafe {
            clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
            if !to.is_null() {
                *to = now.tv_sec;
            }
        }
        now.tv_sec
    }

    /// The executable finds ours where it found libc's.
    pub fn replace_clocks() {
        // SAFETY: the callback has the type that dl_iterate_phdr(3) calls; the executable is what it is called with first.
        unsafe { libc::dl_iterate_phdr(Some(of_object), std::ptr::null_mut()) };
    }

    /// The first of the processors that the process may use is the only one.
    pub fn keep_one_processor() {
        // SAFETY: a set of processors is a plain value, for which all-zero is valid; the calls get its size.
        unsafe {
            let (mut all, mut one): (libc::cpu_set_t, libc::cpu_set_t) =
                (std::mem::zeroed(), std::mem::zeroed());
            libc::sched_getaffinity(0, size_of_val(&all), &raw mut all);
            let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &all));
            libc::CPU_SET(first.unwrap_or(0), &mut one);
            libc::sched_setaffinity(0, size_of_val(&one), &raw const one);
        }
    }

    /// # Safety
    /// `info` describes an object that is loaded.
    unsafe extern "C" fn of_object(info: *mut dl_phdr_info, _: size_t, _: *mut c_void) -> c_int {
        // SAFETY: the object is loaded, so its headers and its dynamic section are as the loader left them.
        unsafe {
            let base = (*info).dlpi_addr;
            let headers = std::slice::from_raw_parts((*info).dlpi_phdr, (*info).dlpi_phnum.into());
            let dynamic = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC);
            if let Some(header) = dynamic {
                replace_in(base, (base + header.p_vaddr) as *const [u64; 2]);
            }
            // The other objects are not asked for.
            1
        }
    }

    /// Tags of a dynamic section (elf(5)).
    const DT_PLTRELSZ: u64 = 2;
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    const DT_RELA: u64 = 7;
    const DT_RELASZ: u64 = 8;
    const DT_JMPREL: u64 = 23;
    /// Relocations whose place is the address of a symbol.
    const R_X86_64_64: u64 = 1;
    const R_X86_64_GLOB_DAT: u64 = 6;
    const R_X86_64_JUMP_SLOT: u64 = 7;

    /// # Safety
    /// The dynamic section of an object that is loaded at `base`.
    unsafe fn replace_in(base: Elf64_Addr, dynamic: *const [u64; 2]) {
        // SAFETY: the section ends with a tag 0; its tables are where it says, and are mapped.
        unsafe {
            let value = |tag: u64| {
                (0..)
                    .map(|at| *dynamic.add(at))
                    .take_while(|entry| entry[0] != 0)
                    .find(|entry| entry[0] == tag)
            };
            // glibc has put the base into these.
            let address = |tag: u64| value(tag).map(|[_, at]| if at < base { base + at } else { at });
            let (Some(symbols), Some(names)) = (address(DT_SYMTAB), address(DT_STRTAB)) else { return };
            for (table, length) in [(DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)] {
                let (Some(table), Some([_, length])) = (address(table), value(length)) else { continue };
                let count = length as usize / size_of::<Elf64_Rela>();
                for relocation in std::slice::from_raw_parts(table as *const Elf64_Rela, count) {
                    let kind = relocation.r_info & 0xffff_ffff;
                    if !matches!(kind, R_X86_64_64 | R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT) {
                        continue;
                    }
                    let symbol = &*(symbols as *const Elf64_Sym).add((relocation.r_info >> 32) as usize);
                    let name = CStr::from_ptr((names + u64::from(symbol.st_name)) as *const c_char);
                    let ours = match name.to_bytes() {
                        b"clock_gettime" => clock_gettime as *const () as u64,
                        b"gettimeofday" => gettimeofday as *const () as u64,
                        b"time" => time as *const () as u64,
                        _ => continue,
                    };
                    write((base + relocation.r_offset) as *mut u64, ours);
                }
            }
        }
    }

    /// # Safety
    /// `place` is mapped, and holds the address of a function.
    unsafe fn write(place: *mut u64, address: u64) {
        // SAFETY: the page is mapped; the loader may have made it read-only, and nobody relies on that.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let start = place as usize & !(page - 1);
            if libc::mprotect(start as *mut c_void, page, libc::PROT_READ | libc::PROT_WRITE) == 0 {
                place.write_volatile(address);
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
mod libc_of {
    pub fn replace_clocks() {}
    pub fn keep_one_processor() {}
}
