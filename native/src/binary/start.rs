//! From a place with an executable in it to its `main`, on the stack of the process's main thread: what the kernel leaves there,
//! `_start` of the executable, and `__libc_start_main`, which is the simulator's.

use super::link::{Binary, Object};
use super::place;
use crate::c::environment;
use crate::c::memory::{calloc, malloc};
use crate::c::{ending, options};
use crate::context::{self, Context};
use crate::raw;
use eagain_sim::native::Block;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::rc::Rc;

const AT_NULL: usize = 0;
const AT_PAGESZ: usize = 6;
const AT_RANDOM: usize = 25;

type Main = unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;
type Initialiser = unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char);

/// Runs the executable as the program of this context. It ends by `exit(3)`.
pub fn run(
    context: &Context,
    binary: &Rc<Binary>,
    arguments: &[String],
    environment: &[(String, String)],
) -> ! {
    let base = place::base(context.process);
    context.as_harness(|| {
        context.state.places.put_or_end(context.process, binary);
        begin_thread(context);
    });
    // Programs overwrite their arguments, and what lies behind them, to show what they do: the strings are one piece, in the order
    // in which Linux has them.
    let variables = environment.iter().map(|(name, value)| format!("{name}={value}"));
    let texts: Vec<CString> =
        arguments.iter().cloned().chain(variables).filter_map(|text| CString::new(text).ok()).collect();
    let bytes: usize = texts.iter().map(|text| text.as_bytes_with_nul().len()).sum();
    // SAFETY: the strings fit, one behind the other; the list is what `_start` expects.
    unsafe {
        let strings = malloc(bytes).cast::<u8>();
        let random = calloc(16, 1);
        if strings.is_null() || random.is_null() {
            raw::fatal("no memory for the arguments of a program");
        }
        let mut words = vec![arguments.len()];
        let mut next = strings;
        for (number, text) in texts.iter().enumerate() {
            if number == arguments.len() {
                words.push(0);
            }
            let text = text.as_bytes_with_nul();
            std::ptr::copy_nonoverlapping(text.as_ptr(), next, text.len());
            words.push(next as usize);
            next = next.add(text.len());
        }
        if environment.is_empty() {
            words.push(0);
        }
        words.extend([0, AT_PAGESZ, 4096, AT_RANDOM, random as usize, AT_NULL, 0]);
        drop(texts);
        enter(base + binary.objects[0].elf.entry as usize, words.leak())
    }
}

/// Of a thread that has not begun: the executable's thread-local variables are as new. As the harness.
pub fn begin_thread(context: &Context) {
    let Some(binary) = context.state.places.binary(context.process) else { return };
    let Some(image) = binary.objects[0].elf.thread_local else { return };
    let Some(end) = context.block.borrow().as_ref().map(Block::thread_pointer) else { return };
    let length = image.in_memory.next_multiple_of(image.align) as usize;
    let from = (place::base(context.process) + image.address as usize) as *const u8;
    // SAFETY: in front of the thread pointer is room for them (`crate::tls::room`); the image is mapped.
    unsafe {
        let to = (end - length) as *mut u8;
        std::ptr::write_bytes(to, 0, length);
        std::ptr::copy_nonoverlapping(from, to, image.in_file as usize);
    }
}

/// As the kernel begins a program: the words lie at the end of the stack, the frame pointer is 0, and no function is to be called
/// at the end.
///
/// # Safety
/// `entry` is that of a program that is in its place.
unsafe fn enter(entry: usize, words: &[usize]) -> ! {
    // SAFETY: the stack is the thread's own and grows downwards; nothing above is needed any more.
    unsafe {
        std::arch::asm!(
            "lea rax, [rcx * 8]",
            "sub rsp, rax",
            "and rsp, -16",
            "mov rdi, rsp",
            "cld",
            "rep movsq",
            "xor ebp, ebp",
            "xor edx, edx",
            "jmp r8",
            in("r8") entry,
            in("rsi") words.as_ptr(),
            in("rcx") words.len(),
            options(noreturn)
        )
    }
}

/// The variable of the program that has one of these names; null where it has none.
fn variable<T>(binary: &Binary, base: usize, names: &[&str]) -> *mut T {
    let main = &binary.objects[0].elf;
    let found = names.iter().find_map(|name| main.defined.get(*name));
    found.map_or(null_mut(), |&at| (base + main.symbols[at].value as usize) as *mut T)
}

unsafe extern "C" {
    static mut program_invocation_name: *mut c_char;
    static mut program_invocation_short_name: *mut c_char;
}

/// `__libc_start_main`: what `_start` calls.
///
/// # Safety
/// As `_start` does.
pub unsafe extern "C" fn start_main(
    main: Main,
    count: c_int,
    arguments: *mut *mut c_char,
    init: Option<Initialiser>,
    _fini: *const c_void,
    _loader_fini: *const c_void,
    _stack: *const c_void,
) -> c_int {
    let Some((binary, base)) = running() else { raw::fatal("a program begins that is in no process") };
    // SAFETY: the lists are those of `run`; what is called are the functions of the program, in the order of the loader.
    unsafe {
        let environment = arguments.add(count as usize + 1);
        environment::begin(variable(&binary, base, &["environ", "__environ", "_environ"]), environment);
        options::begin(options::Variables {
            optind: variable(&binary, base, &["optind"]),
            opterr: variable(&binary, base, &["opterr"]),
            optopt: variable(&binary, base, &["optopt"]),
            optarg: variable(&binary, base, &["optarg"]),
        });
        let name = *arguments;
        let short = libc::strrchr(name, c_int::from(b'/'));
        let short = if short.is_null() { name } else { short.add(1) };
        program_invocation_name = name;
        program_invocation_short_name = short;
        for (names, value) in [
            (["program_invocation_name", "__progname_full"], name),
            (["program_invocation_short_name", "__progname"], short),
        ] {
            let own = variable::<*mut c_char>(&binary, base, &names);
            if !own.is_null() {
                *own = value;
            }
        }
        ending::cxa_atexit(finish, null_mut(), null_mut());
        for object in binary.objects[1..].iter().rev() {
            initialise(base, object, count, arguments, environment);
        }
        let executable = &binary.objects[0];
        each(base, executable, executable.elf.preinit_array, |function| {
            function(count, arguments, environment);
        });
        match init {
            Some(init) => init(count, arguments, environment),
            None => initialise(base, executable, count, arguments, environment),
        }
        drop(binary);
        ending::exit(main(count, arguments, environment))
    }
}

/// The executable of the running process, and where it lies.
fn running() -> Option<(Rc<Binary>, usize)> {
    let context = context::current()?;
    let binary = context.as_harness(|| context.state.places.binary(context.process))?;
    Some((binary, place::base(context.process)))
}

unsafe fn initialise(
    base: usize,
    object: &Object,
    count: c_int,
    arguments: *mut *mut c_char,
    environment: *mut *mut c_char,
) {
    // SAFETY: functions of the object, which is relocated.
    unsafe {
        if let Some(at) = object.elf.init {
            let function: Initialiser = std::mem::transmute(base + (object.at + at) as usize);
            function(count, arguments, environment);
        }
        each(base, object, object.elf.init_array, |function| function(count, arguments, environment));
    }
}

/// Calls `with` for each function of an array.
unsafe fn each(base: usize, object: &Object, (at, count): (u64, u64), with: impl Fn(Initialiser)) {
    for number in 0..count {
        let entry = (base + (object.at + at + number * 8) as usize) as *const usize;
        // SAFETY: an entry of an array of the object, which is relocated; 0 and -1 are none.
        unsafe {
            if *entry != 0 && *entry != usize::MAX {
                with(std::mem::transmute::<usize, Initialiser>(*entry));
            }
        }
    }
}

/// At the end of the process: the functions that its objects have for that, the executable's first, the last one of each first.
unsafe extern "C" fn finish(_: *mut c_void) {
    let Some((binary, base)) = running() else { return };
    for object in &binary.objects {
        let (at, count) = object.elf.fini_array;
        for number in (0..count).rev() {
            let one = (at + number * 8, 1);
            // SAFETY: as above.
            unsafe { each(base, object, one, |function| function(0, null_mut(), null_mut())) };
        }
        if let Some(at) = object.elf.fini {
            // SAFETY: a function of the object.
            unsafe {
                let function: unsafe extern "C" fn() = std::mem::transmute(base + (object.at + at) as usize);
                function();
            }
        }
    }
}

/// What the loader calls when a library is closed: none is.
pub unsafe extern "C" fn finalize(_: *mut c_void) {}

/// What code gives [`thread_local`].
#[repr(C)]
pub struct Index {
    object: usize,
    offset: usize,
}

/// `__tls_get_addr`: a thread-local variable of a library, made the first time that the thread asks.
///
/// # Safety
/// As compiled code calls it.
pub unsafe extern "C" fn thread_local(index: *const Index) -> *mut c_void {
    // SAFETY: the index is one that relocations have filled in.
    let Index { object, offset } = unsafe { index.read() };
    let Some(context) = context::current() else {
        raw::fatal("a thread-local variable outside of a process")
    };
    let known = context.thread_locals.borrow().get(object).copied().unwrap_or(null_mut());
    if !known.is_null() {
        return known.wrapping_add(offset).cast();
    }
    let Some((binary, base)) = running() else { raw::fatal("a thread-local variable outside of a program") };
    let owner = &binary.objects[object];
    let Some(image) = owner.elf.thread_local else { raw::fatal("a library has no thread-local variables") };
    // SAFETY: the block is as long as the segment, which is mapped.
    let made = unsafe {
        let made = calloc(1, image.in_memory as usize).cast::<u8>();
        if made.is_null() {
            raw::fatal("no memory for thread-local variables");
        }
        let from = (base + (owner.at + image.address) as usize) as *const u8;
        std::ptr::copy_nonoverlapping(from, made, image.in_file as usize);
        made
    };
    context.as_harness(|| {
        let mut all = context.thread_locals.borrow_mut();
        if all.len() <= object {
            all.resize(object + 1, null_mut());
        }
        all[object] = made;
    });
    made.wrapping_add(offset).cast()
}
