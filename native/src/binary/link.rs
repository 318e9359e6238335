//! From a file to what a process of it begins with: its libraries, where each lies, and what every relocation comes to. It is
//! done once for a worker; a process is then copied ([`super::place`]).
//!
//! A name is looked for as the loader does where a library is preloaded: in the executable, in the simulator
//! ([`super::names`]), in its libraries in the order in which they are needed, and in libc.

use super::elf::{self, Elf, PAGE, Segment, Symbol};
use super::names;
use crate::tls;
use std::collections::HashSet;
use std::ffi::{CString, c_void};
use std::path::Path;

/// The libraries that are the machine's: libc, which is below the simulator, and what belongs to it. Their memory is shared by all
/// processes of a worker.
const OF_THE_MACHINE: [&str; 8] = [
    "libc.so.",
    "libm.so.",
    "libpthread.so.",
    "libdl.so.",
    "librt.so.",
    "libresolv.so.",
    "libgcc_s.so.",
    "ld-linux",
];

/// Allocators: the simulator's takes their place.
const ALLOCATORS: [&str; 3] = ["libjemalloc.so.", "libtcmalloc", "libmimalloc.so."];

const FOLDERS: [&str; 7] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/usr/lib",
];

/// What is written where a relocation says, addresses being those from the beginning of the process's place.
pub enum Value {
    /// An address of the process.
    Own(u64),
    /// What the function at this address of the process returns.
    Returned(u64),
    /// An address of the machine, a number.
    Fixed(u64),
    /// So many bytes from there: from an address of the process, or of the machine.
    Copy { from: Box<Value>, length: usize },
}

pub struct Fix {
    pub at: u64,
    pub value: Value,
}

/// A file, and where it lies from the beginning of the process's place.
pub struct Object {
    pub elf: Elf,
    pub at: u64,
}

/// An executable with its libraries, ready to be placed.
pub struct Binary {
    /// The executable is the first.
    pub(super) objects: Vec<Object>,
    pub(super) fixes: Vec<Fix>,
    pub(super) span: u64,
}

impl Binary {
    /// Reads the executable at `path` and its libraries.
    ///
    /// # Errors
    /// Why it cannot be run: a sentence.
    pub fn read(path: &str) -> Result<Binary, String> {
        Self::linked(path).map_err(|why| format!("`{path}` cannot be run in a simulated world: it {why}"))
    }

    /// Whether it or a library of it has this file name.
    pub fn has_object(&self, name: &str) -> bool {
        self.objects.iter().any(|object| object.elf.path.rsplit('/').next() == Some(name))
    }

    /// What this name means in the process whose place begins at `base`, which is mapped.
    pub fn address(&self, base: usize, name: &str) -> Option<usize> {
        let wanted = Symbol {
            name: name.to_owned(),
            value: 0,
            size: 0,
            is_weak: true,
            is_defined: false,
            is_indirect: false,
            version: None,
        };
        match self.find(&wanted, None).ok()? {
            Value::Own(at) => Some(base + at as usize),
            Value::Fixed(0) => None,
            Value::Fixed(address) => Some(address as usize),
            Value::Returned(at) => {
                // SAFETY: a function of the program that chooses one (`STT_GNU_IFUNC`).
                let choose: unsafe extern "C" fn() -> usize =
                    unsafe { std::mem::transmute(base + at as usize) };
                // SAFETY: as above.
                Some(unsafe { choose() })
            }
            Value::Copy { .. } => None,
        }
    }

    fn linked(path: &str) -> Result<Binary, String> {
        let main = Elf::read(path)?;
        if main.entry == 0 {
            return Err("is a library, not an executable".into());
        }
        if let Some(own) = main.thread_local {
            let (needed, room) = (own.in_memory.next_multiple_of(own.align), tls::room() as u64);
            if needed > room {
                return Err(format!(
                    "has {needed} bytes of thread-local variables, and there is room for {room}"
                ));
            }
        }
        let objects = place(libraries(main)?);
        let span = objects.last().map_or(0, |object| object.at + object.elf.span());
        let mut binary = Binary { objects, fixes: Vec::new(), span };
        binary.fixes = binary.fixes()?;
        Ok(binary)
    }

    fn fixes(&self) -> Result<Vec<Fix>, String> {
        let mut fixes = Vec::new();
        for (number, object) in self.objects.iter().enumerate() {
            for relocation in &object.elf.relocations {
                let symbol = object.elf.symbols.get(relocation.symbol);
                let symbol = symbol.ok_or("has a relocation with a symbol that is not in its table")?;
                let addend = relocation.addend as u64;
                let value = match relocation.kind {
                    elf::R_RELATIVE => Value::Own(object.at.wrapping_add(addend)),
                    elf::R_IRELATIVE => Value::Returned(object.at.wrapping_add(addend)),
                    elf::R_64 | elf::R_GLOB_DAT | elf::R_JUMP_SLOT => match self.find(symbol, None)? {
                        Value::Own(at) => Value::Own(at.wrapping_add(addend)),
                        Value::Fixed(at) => Value::Fixed(at.wrapping_add(addend)),
                        other => other,
                    },
                    elf::R_COPY => {
                        let from = Box::new(self.find(symbol, Some(number))?);
                        Value::Copy { from, length: symbol.size as usize }
                    }
                    elf::R_DTPMOD64 => Value::Fixed(number as u64),
                    elf::R_TPOFF64 => Value::Fixed(self.distance_of(symbol, number, addend)?),
                    elf::R_DTPOFF64 => Value::Fixed(symbol.value.wrapping_add(addend)),
                    kind => {
                        let file = &object.elf.path;
                        return Err(format!("needs a relocation that is not supported ({kind}, in {file})"));
                    }
                };
                let length = if let Value::Copy { length, .. } = value { length as u64 } else { 8 };
                let end = relocation.at.checked_add(length);
                let fits = |segment: &Segment| {
                    segment.writable
                        && segment.address <= relocation.at
                        && end.is_some_and(|end| end <= segment.address + segment.in_memory)
                };
                if !object.elf.segments.iter().any(fits) {
                    return Err("relocates what is not writable".into());
                }
                fixes.push(Fix { at: object.at + relocation.at, value });
            }
        }
        // What copies or calls finds the rest done.
        fixes.sort_by_key(|fix| matches!(fix.value, Value::Copy { .. } | Value::Returned(_)));
        Ok(fixes)
    }

    /// How far a thread-local variable of the executable is from the thread pointer.
    fn distance_of(&self, wanted: &Symbol, object: usize, addend: u64) -> Result<u64, String> {
        let main = &self.objects[0].elf;
        let own = main.thread_local.filter(|_| object == 0 || main.defined.contains_key(&wanted.name));
        let own = own.ok_or_else(|| {
            let file = &self.objects[object].elf.path;
            format!("needs {file}, whose thread-local variables are at fixed places, which is not supported")
        })?;
        let value = main.defined.get(&wanted.name).map_or(wanted.value, |&at| main.symbols[at].value);
        Ok(value.wrapping_add(addend).wrapping_sub(own.in_memory.next_multiple_of(own.align)))
    }

    /// What a name means, but not in object `but`.
    fn find(&self, wanted: &Symbol, but: Option<usize>) -> Result<Value, String> {
        let in_object = |number: usize| {
            let object = &self.objects[number];
            let symbol = &object.elf.symbols[*object.elf.defined.get(&wanted.name)?];
            let at = object.at.wrapping_add(symbol.value);
            Some(if symbol.is_indirect { Value::Returned(at) } else { Value::Own(at) })
        };
        if wanted.name.is_empty() {
            return Ok(Value::Fixed(0));
        }
        if but != Some(0)
            && let Some(found) = in_object(0)
        {
            return Ok(found);
        }
        if let Some(address) = names::find(&wanted.name) {
            return Ok(Value::Fixed(address as u64));
        }
        if let Some(found) = (1..self.objects.len()).filter(|&number| but != Some(number)).find_map(in_object)
        {
            return Ok(found);
        }
        match of_the_machine(wanted) {
            0 if wanted.is_weak => Ok(Value::Fixed(0)),
            0 => Err(format!("needs `{}`, which neither a library of it nor libc has", wanted.name)),
            address => Ok(Value::Fixed(address as u64)),
        }
    }
}

/// In libc; 0: it is not there.
fn of_the_machine(symbol: &Symbol) -> usize {
    let Ok(name) = CString::new(symbol.name.as_str()) else { return 0 };
    if let Some(version) = symbol.version.as_ref().and_then(|version| CString::new(version.as_str()).ok()) {
        // SAFETY: dlvsym(3) with valid names.
        let found = unsafe { libc::dlvsym(libc::RTLD_DEFAULT, name.as_ptr(), version.as_ptr()) };
        if !found.is_null() {
            return found as usize;
        }
    }
    // SAFETY: dlsym(3) with a valid name.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) as usize }
}

/// The executable and all libraries that it needs, breadth first.
fn libraries(main: Elf) -> Result<Vec<Elf>, String> {
    let mut all = vec![main];
    let mut seen: HashSet<String> = HashSet::new();
    let mut next = 0;
    while next < all.len() {
        for name in all[next].needed.clone() {
            if !seen.insert(name.clone()) || ALLOCATORS.iter().any(|part| name.starts_with(part)) {
                continue;
            }
            if OF_THE_MACHINE.iter().any(|part| name.starts_with(part)) {
                open_machines(&name)?;
                continue;
            }
            let library = search(&all[next], &name)
                .ok_or_else(|| format!("needs the library {name}, which is not on this machine"))?;
            let library =
                Elf::read(&library).map_err(|why| format!("needs the library {library}, which {why}"))?;
            all.push(library);
        }
        next += 1;
    }
    Ok(all)
}

/// So that its names are found.
fn open_machines(name: &str) -> Result<(), String> {
    let text = CString::new(name).map_err(|_| "has a NUL in a name")?;
    // SAFETY: a library that belongs to libc, and is not closed.
    let handle: *mut c_void = unsafe { libc::dlopen(text.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if handle.is_null() {
        Err(format!("needs the library {name}, which is not on this machine"))
    } else {
        Ok(())
    }
}

/// Whether this machine has a library of this path or name.
pub fn is_library(path: &str) -> bool {
    let is_file = |path: &str| Path::new(path).is_file();
    if path.contains('/') {
        is_file(path)
    } else {
        FOLDERS.iter().any(|folder| is_file(&format!("{folder}/{path}")))
    }
}

fn search(from: &Elf, name: &str) -> Option<String> {
    if name.contains('/') {
        return Some(name.to_owned());
    }
    let origin = Path::new(&from.path).parent().and_then(Path::to_str).unwrap_or("/");
    let own = from.search.iter().map(|folder| folder.replace("$ORIGIN", origin).replace("${ORIGIN}", origin));
    let mut folders = own.chain(FOLDERS.iter().map(|&folder| folder.to_owned()));
    folders.find_map(|folder| {
        let path = format!("{folder}/{name}");
        Path::new(&path).is_file().then_some(path)
    })
}

/// One behind the other, with a page between them that is not there.
fn place(all: Vec<Elf>) -> Vec<Object> {
    let mut at = 0;
    let with_place = all.into_iter().map(|elf| {
        let object = Object { at, elf };
        at += object.elf.span() + PAGE;
        object
    });
    with_place.collect()
}
