//! Thread-local storage of simulated threads: each has a TLS block of its own, so that a `thread_local!`, std's count of
//! panics included, belongs to one simulated thread and is fresh in each run. The engine loads the thread pointer when a
//! thread goes on, and its own when the thread comes back.
//!
//! Blocks are glibc's (`_dl_allocate_tls` of ld.so, found by its name). They are used again within the OS process: the
//! segment of the executable is reset, what libc keeps in its own (the caches of `malloc`) stays. Without glibc on x86-64 and a
//! processor with FSGSBASE all simulated threads of an OS thread share its storage.

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
pub use glibc::Block;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
pub(super) use glibc::{
    Blocks, OnBlock, is_ending, may_set_thread_pointer, run_destructors, set_thread_pointer, thread_pointer,
};
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
pub use shared::Block;
#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
pub(super) use shared::{
    Blocks, OnBlock, is_ending, may_set_thread_pointer, run_destructors, set_thread_pointer, thread_pointer,
};

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod glibc {
    use std::cell::Cell;
    use std::ffi::{CStr, c_int, c_void};
    use std::sync::{Mutex, OnceLock, PoisonError};

    thread_local! {
        /// The destructors of this block's thread-local variables run.
        static ENDING: Cell<bool> = const { Cell::new(false) };
    }

    /// A TLS block, by its thread pointer. It is never freed: libc keeps in it what only the end of an OS thread frees.
    pub struct Block(usize);

    impl Block {
        /// A new one; `None`: not supported here, or no memory.
        pub fn new() -> Option<Block> {
            Libc::get()?.make()
        }

        /// A block that no thread uses any more, as new: the segment of the executable is reset, but for the last `unused` bytes of it.
        pub fn renewed(self, unused: usize) -> Block {
            if let Some(Libc { segment, .. }) = Libc::get() {
                // SAFETY: the executable's segment in a block that no thread uses; the addresses are the loader's.
                unsafe {
                    let at = (self.0 - segment.distance) as *mut u8;
                    std::ptr::copy_nonoverlapping(segment.image as *const u8, at, segment.file);
                    let zero = (segment.memory - segment.file).saturating_sub(unused);
                    std::ptr::write_bytes(at.add(segment.file), 0, zero);
                }
            }
            self
        }

        /// Its thread pointer.
        pub fn thread_pointer(&self) -> usize {
            self.0
        }
    }

    /// Blocks that no thread uses. Of the OS process: an engine takes what it needs and leaves it to the next one.
    static FREE: Mutex<Vec<Block>> = Mutex::new(Vec::new());

    /// Free blocks of an engine.
    #[derive(Default)]
    pub(in crate::stack) struct Blocks(Vec<Block>);

    impl Drop for Blocks {
        fn drop(&mut self) {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.0);
        }
    }

    impl Blocks {
        /// A block as new; `None`: not supported here.
        pub fn take(&mut self) -> Option<Block> {
            let free = || FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
            self.0.pop().or_else(free).map(|block| block.renewed(0)).or_else(Block::new)
        }

        /// A block that no thread uses any more, and of which all destructors have run.
        pub fn give(&mut self, block: Block) {
            self.0.push(block);
        }
    }

    /// Keeps a block loaded until it is dropped.
    pub(in crate::stack) struct OnBlock {
        engine: usize,
    }

    impl OnBlock {
        /// # Safety
        /// The caller uses no thread-local storage while this lives but through calls that are not inlined.
        #[inline(always)]
        pub unsafe fn load(block: &Block) -> OnBlock {
            // SAFETY: there are blocks only where `Libc::find` has found FSGSBASE. The block is whole; the rest is the caller's.
            unsafe {
                let engine = thread_pointer();
                set_thread_pointer(block.0);
                OnBlock { engine }
            }
        }
    }

    impl Drop for OnBlock {
        #[inline(always)]
        fn drop(&mut self) {
            // SAFETY: the block that was loaded before.
            unsafe { set_thread_pointer(self.engine) };
        }
    }

    /// Runs the destructors of the thread-local variables of the block that is loaded, as the end of an OS thread does.
    #[inline(never)]
    pub(in crate::stack) fn run_destructors() {
        if let Some(libc) = Libc::get() {
            ENDING.set(true);
            // SAFETY: `__call_tls_dtors(void)` of glibc, on a whole block; what it calls was registered for this block.
            unsafe { (libc.call_destructors)() };
            ENDING.set(false);
        }
    }

    /// Whether the thread of the block that is loaded was left in the middle of [`run_destructors`]. Foreign code is on its
    /// stack, and cannot be unwound.
    #[inline(never)]
    pub(in crate::stack) fn is_ending() -> bool {
        ENDING.get()
    }

    /// What of glibc is needed.
    struct Libc {
        allocate: unsafe extern "C" fn(*mut c_void) -> *mut usize,
        call_destructors: unsafe extern "C" fn(),
        initialise_ctype: unsafe extern "C" fn(),
        segment: Segment,
    }

    /// The TLS segment of the executable.
    #[derive(Clone, Copy)]
    struct Segment {
        /// Its initial content.
        image: usize,
        /// How many bytes of that there are; the rest is zero.
        file: usize,
        /// How many bytes it has.
        memory: usize,
        /// How far in front of the thread pointer it begins.
        distance: usize,
    }

    /// Words of glibc's `tcbhead_t`.
    const SELF: usize = 2;
    /// Half a word: whether the OS process has more than one thread. Where it says no, `malloc` updates its lists without the
    /// `lock` prefix (the `catomic_` operations of glibc before 2.39).
    const MULTIPLE_THREADS: usize = 3;
    const STACK_GUARD: usize = 5;
    const POINTER_GUARD: usize = 6;

    impl Libc {
        fn get() -> Option<&'static Libc> {
            static LIBC: OnceLock<Option<Libc>> = OnceLock::new();
            LIBC.get_or_init(Libc::find).as_ref()
        }

        fn find() -> Option<Libc> {
            if !may_set_thread_pointer() {
                return None;
            }
            let segment = find_segment()?;
            // SAFETY: the addresses are dlsym's of these very names, or there is no `Libc`; the target is glibc. All three are
            // internal to glibc (`GLIBC_PRIVATE`, but for `__ctype_init`), and have these types in elf/dl-tls.c,
            // stdlib/cxa_thread_atexit_impl.c and ctype/ctype-info.c. dlsym knows no types: that they stay so is not promised by
            // glibc, and what the tests of `native` would show.
            unsafe {
                Some(Libc {
                    allocate: std::mem::transmute::<
                        *mut c_void,
                        unsafe extern "C" fn(*mut c_void) -> *mut usize,
                    >(symbol(c"_dl_allocate_tls")?),
                    call_destructors: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(symbol(
                        c"__call_tls_dtors",
                    )?),
                    initialise_ctype: std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(symbol(
                        c"__ctype_init",
                    )?),
                    segment,
                })
            }
        }

        /// A new block.
        fn make(&self) -> Option<Block> {
            // SAFETY: there is a `Libc` only where `find` has found FSGSBASE. `_dl_allocate_tls(NULL)` gives a block with its TLS
            // initialised, or null; the words written are those that pthread_create(3) writes: the block's own address, that
            // there are other threads, and the guards that compiled code compares with.
            // `__ctype_init` sets the tables of ctype.h in the block that is loaded.
            unsafe {
                let block = (self.allocate)(std::ptr::null_mut());
                if block.is_null() {
                    return None;
                }
                let mine = thread_pointer() as *const usize;
                *block = block as usize;
                *block.add(SELF) = block as usize;
                block.add(MULTIPLE_THREADS).cast::<u32>().write(1);
                *block.add(STACK_GUARD) = *mine.add(STACK_GUARD);
                *block.add(POINTER_GUARD) = *mine.add(POINTER_GUARD);
                let block = Block(block as usize);
                let loaded = OnBlock::load(&block);
                (self.initialise_ctype)();
                drop(loaded);
                Some(block)
            }
        }
    }

    fn symbol(name: &CStr) -> Option<*mut c_void> {
        // SAFETY: dlsym(3) with a valid name.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }

    fn find_segment() -> Option<Segment> {
        unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
            // SAFETY: the loader hands over a valid description; `found` is what is passed below.
            unsafe {
                let info = &*info;
                for i in 0..usize::from(info.dlpi_phnum) {
                    let header = &*info.dlpi_phdr.add(i);
                    if header.p_type == libc::PT_TLS && !info.dlpi_tls_data.is_null() {
                        *found.cast::<Option<Segment>>() = Some(Segment {
                            image: (info.dlpi_addr + header.p_vaddr) as usize,
                            file: header.p_filesz as usize,
                            memory: header.p_memsz as usize,
                            // `find` has found FSGSBASE before it calls `find_segment`.
                            distance: thread_pointer() - info.dlpi_tls_data as usize,
                        });
                    }
                }
            }
            // The first is the executable.
            1
        }
        let mut found: Option<Segment> = None;
        // SAFETY: `each` takes what dl_iterate_phdr(3) passes, and `found` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut found).cast()) };
        found
    }

    /// Whether programs may read and set the thread pointer on this processor and kernel.
    pub(in crate::stack) fn may_set_thread_pointer() -> bool {
        /// Bit 1 of `AT_HWCAP2`.
        const FSGSBASE: u64 = 2;
        // SAFETY: getauxval(3) has no preconditions.
        unsafe { libc::getauxval(libc::AT_HWCAP2) & FSGSBASE != 0 }
    }

    /// The thread pointer.
    ///
    /// # Safety
    /// [`may_set_thread_pointer`].
    #[inline(always)]
    pub(in crate::stack) unsafe fn thread_pointer() -> usize {
        let base: usize;
        // SAFETY: reads a register, which the caller may.
        unsafe { std::arch::asm!("rdfsbase {}", out(reg) base, options(nostack, preserves_flags)) };
        base
    }

    /// # Safety
    /// As for [`thread_pointer`]; `base` is that of an initialised TLS block of this executable, and the caller uses no thread-local
    /// storage between this and the next switch but through calls that are not inlined.
    #[inline(always)]
    pub(in crate::stack) unsafe fn set_thread_pointer(base: usize) {
        // SAFETY: as above.
        unsafe { std::arch::asm!("wrfsbase {}", in(reg) base, options(nostack, preserves_flags)) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")))]
mod shared {
    /// There is none.
    pub enum Block {}

    impl Block {
        /// None.
        pub fn new() -> Option<Block> {
            None
        }

        /// There is none.
        pub fn renewed(self, _: usize) -> Block {
            match self {}
        }

        /// There is none.
        pub fn thread_pointer(&self) -> usize {
            match *self {}
        }
    }

    #[derive(Default)]
    pub(in crate::stack) struct Blocks;

    impl Blocks {
        pub fn take(&mut self) -> Option<Block> {
            None
        }

        pub fn give(&mut self, block: Block) {
            match block {}
        }
    }

    pub(in crate::stack) struct OnBlock;

    impl OnBlock {
        /// # Safety
        /// None: there is no block.
        pub unsafe fn load(block: &Block) -> OnBlock {
            match *block {}
        }
    }

    pub(in crate::stack) fn run_destructors() {}

    pub(in crate::stack) fn is_ending() -> bool {
        false
    }

    pub(in crate::stack) fn may_set_thread_pointer() -> bool {
        false
    }

    /// # Safety
    /// None: it does not return.
    pub(in crate::stack) unsafe fn thread_pointer() -> usize {
        unreachable!("eagain-native, the only caller, is for Linux on x86-64")
    }

    /// # Safety
    /// None: it does not return.
    pub(in crate::stack) unsafe fn set_thread_pointer(_base: usize) {
        unreachable!("eagain-native, the only caller, is for Linux on x86-64")
    }
}
