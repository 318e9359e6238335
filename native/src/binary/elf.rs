//! What a file of ELF says (elf(5)): segments, symbols, relocations, the libraries that it needs. Nothing of it is trusted: an
//! offset that the file does not have is an error, and a file that cannot be run is refused in a sentence.

use std::collections::HashMap;

/// A part of the file that is mapped.
pub struct Segment {
    pub offset: u64,
    pub address: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub writable: bool,
    pub executable: bool,
}

pub struct Symbol {
    pub name: String,
    pub value: u64,
    pub size: u64,
    pub is_weak: bool,
    pub is_defined: bool,
    /// Its address is what a function at `value` returns.
    pub is_indirect: bool,
    /// The version that is asked for.
    pub version: Option<String>,
}

pub struct Relocation {
    pub at: u64,
    pub kind: u32,
    pub symbol: usize,
    pub addend: i64,
}

/// A thread-local segment.
#[derive(Clone, Copy)]
pub struct ThreadLocal {
    pub address: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub align: u64,
}

/// An executable or a library.
pub struct Elf {
    pub path: String,
    pub entry: u64,
    pub segments: Vec<Segment>,
    /// What is read-only once it is relocated: address and length.
    pub relro: Option<(u64, u64)>,
    pub thread_local: Option<ThreadLocal>,
    /// Where `.eh_frame_hdr` is, which says how stacks are unwound.
    pub unwinding: Option<u64>,
    pub needed: Vec<String>,
    pub search: Vec<String>,
    pub symbols: Vec<Symbol>,
    /// Those that it defines, by name.
    pub defined: HashMap<String, usize>,
    pub relocations: Vec<Relocation>,
    pub init: Option<u64>,
    pub fini: Option<u64>,
    /// Addresses of arrays of functions, and how many there are.
    pub preinit_array: (u64, u64),
    pub init_array: (u64, u64),
    pub fini_array: (u64, u64),
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_TLS: u32 = 7;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
const PT_GNU_RELRO: u32 = 0x6474_e552;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;

/// Entries of the dynamic section (`DT_…`).
mod tag {
    pub const NEEDED: u64 = 1;
    pub const PLTRELSZ: u64 = 2;
    pub const HASH: u64 = 4;
    pub const STRTAB: u64 = 5;
    pub const SYMTAB: u64 = 6;
    pub const RELA: u64 = 7;
    pub const RELASZ: u64 = 8;
    pub const INIT: u64 = 12;
    pub const FINI: u64 = 13;
    pub const RPATH: u64 = 15;
    pub const JMPREL: u64 = 23;
    pub const INIT_ARRAY: u64 = 25;
    pub const FINI_ARRAY: u64 = 26;
    pub const INIT_ARRAYSZ: u64 = 27;
    pub const FINI_ARRAYSZ: u64 = 28;
    pub const RUNPATH: u64 = 29;
    pub const PREINIT_ARRAY: u64 = 32;
    pub const PREINIT_ARRAYSZ: u64 = 33;
    pub const RELRSZ: u64 = 35;
    pub const RELR: u64 = 36;
    pub const GNU_HASH: u64 = 0x6fff_fef5;
    pub const VERSYM: u64 = 0x6fff_fff0;
    pub const VERNEED: u64 = 0x6fff_fffe;
    pub const VERNEEDNUM: u64 = 0x6fff_ffff;
}

pub const R_64: u32 = 1;
pub const R_COPY: u32 = 5;
pub const R_GLOB_DAT: u32 = 6;
pub const R_JUMP_SLOT: u32 = 7;
pub const R_RELATIVE: u32 = 8;
pub const R_DTPMOD64: u32 = 16;
pub const R_DTPOFF64: u32 = 17;
pub const R_TPOFF64: u32 = 18;
pub const R_IRELATIVE: u32 = 37;

/// The bytes of a file, by offset and by address.
struct Bytes<'a> {
    file: &'a [u8],
    segments: &'a [Segment],
}

fn number<const N: usize>(bytes: &[u8], at: u64) -> Option<[u8; N]> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: u64) -> Option<u16> {
    number(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: u64) -> Option<u32> {
    number(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: u64) -> Option<u64> {
    number(bytes, at).map(u64::from_le_bytes)
}

impl<'a> Bytes<'a> {
    /// What the file has at this address, to the end of its segment.
    fn from(&self, address: u64) -> Option<&'a [u8]> {
        let segment =
            self.segments.iter().find(|s| address >= s.address && address - s.address < s.in_file)?;
        let start = segment.offset.checked_add(address - segment.address)?;
        let end = segment.offset.checked_add(segment.in_file)?;
        self.file.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    fn text(&self, address: u64) -> Option<String> {
        let bytes = self.from(address)?;
        let length = bytes.iter().position(|&byte| byte == 0)?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }
}

impl Elf {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be run, as the rest of a sentence that begins with its path.
    pub fn read(path: &str) -> Result<Elf, String> {
        let file = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        if !file.starts_with(b"\x7fELF") {
            return Err("is no ELF executable".into());
        }
        let (class, order) = (file.get(4).copied(), file.get(5).copied());
        let machine = u16_at(&file, 18).unwrap_or_default();
        if (class, order, machine) != (Some(2), Some(1), EM_X86_64) {
            return Err(format!("is for another processor ({}): x86-64 is expected", machine_name(machine)));
        }
        Elf::parse(path, &file).ok_or("is a damaged ELF file: its headers name parts that are not in it")?
    }

    fn parse(path: &str, file: &[u8]) -> Option<Result<Elf, String>> {
        let kind = u16_at(file, 16)?;
        let (start, size, count) = (u64_at(file, 32)?, u64::from(u16_at(file, 54)?), u16_at(file, 56)?);
        let mut segments = Vec::new();
        let (mut relro, mut thread_local, mut unwinding) = (None, None, None);
        let (mut dynamic, mut interpreter) = (None, None);
        for at in 0..u64::from(count) {
            let header = start.checked_add(at.checked_mul(size)?)?;
            let word = |offset| u64_at(file, header.checked_add(offset)?);
            let flags = u32_at(file, header.checked_add(4)?)?;
            let (offset, address, in_file, in_memory) = (word(8)?, word(16)?, word(32)?, word(40)?);
            let align = word(48)?.max(1);
            match u32_at(file, header)? {
                PT_LOAD => {
                    let fits = in_file <= in_memory
                        && offset % PAGE == address % PAGE
                        && address.checked_add(in_memory).is_some_and(|end| end < SPAN_MAX)
                        && offset.checked_add(in_file).is_some_and(|end| end <= file.len() as u64);
                    if !fits {
                        return None;
                    }
                    segments.push(Segment {
                        offset,
                        address,
                        in_file,
                        in_memory,
                        writable: flags & 2 != 0,
                        executable: flags & 1 != 0,
                    });
                }
                PT_DYNAMIC => dynamic = Some(address),
                PT_INTERP => {
                    let text = file.get(offset as usize..offset.checked_add(in_file)? as usize)?;
                    interpreter = Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
                }
                PT_TLS => {
                    let fits = in_file <= in_memory && in_memory < SPAN_MAX && align <= PAGE;
                    thread_local = Some(ThreadLocal { address, in_file, in_memory, align });
                    if !fits {
                        return None;
                    }
                }
                PT_GNU_EH_FRAME => unwinding = Some(address),
                PT_GNU_RELRO => relro = Some((address, in_memory)),
                _ => {}
            }
        }
        let Some(dynamic) = dynamic.filter(|_| kind == ET_DYN || interpreter.is_some()) else {
            return Some(Err(
                "is statically linked: its system calls cannot be intercepted; link it dynamically".into(),
            ));
        };
        if kind == ET_EXEC {
            return Some(Err(
                "is linked for a fixed address: build it as a position independent executable (-pie)".into(),
            ));
        }
        if kind != ET_DYN {
            return Some(Err("is neither an executable nor a library".into()));
        }
        if let Some(loader) = interpreter.filter(|loader| !loader.contains("ld-linux")) {
            return Some(Err(format!("is for another libc (its loader is {loader}): glibc is expected")));
        }
        let bytes = Bytes { file, segments: &segments };
        let (elf, array) = dynamic_part(&bytes, dynamic)?;
        let entry = u64_at(file, 24)?;
        Some(Ok(Elf {
            path: path.to_owned(),
            entry,
            relro,
            thread_local,
            unwinding,
            preinit_array: array[0],
            init_array: array[1],
            fini_array: array[2],
            segments,
            ..elf
        }))
    }

    /// How many bytes of addresses it takes, from 0.
    pub fn span(&self) -> u64 {
        self.segments.iter().map(|s| s.address + s.in_memory).max().unwrap_or(0).next_multiple_of(PAGE)
    }
}

pub const PAGE: u64 = 4096;
/// No program is longer.
const SPAN_MAX: u64 = 1 << 31;

fn machine_name(machine: u16) -> String {
    match machine {
        3 => "i386".into(),
        40 => "arm".into(),
        183 => "aarch64".into(),
        243 => "riscv".into(),
        other => format!("ELF machine {other}"),
    }
}

/// What the dynamic section says; of the arrays: address and count.
fn dynamic_part(bytes: &Bytes<'_>, dynamic: u64) -> Option<(Elf, [(u64, u64); 3])> {
    let mut entries: HashMap<u64, u64> = HashMap::new();
    let mut lists: Vec<(u64, u64)> = Vec::new();
    let section = bytes.from(dynamic)?;
    for at in (0..).step_by(16) {
        match (u64_at(section, at)?, u64_at(section, at + 8)?) {
            (0, _) => break,
            (name @ (tag::NEEDED | tag::RPATH | tag::RUNPATH), value) => lists.push((name, value)),
            (name, value) => {
                entries.insert(name, value);
            }
        }
    }
    let get = |name: u64| entries.get(&name).copied();
    let strings = get(tag::STRTAB)?;
    let text = |offset: u64| bytes.text(strings.checked_add(offset)?);
    let (mut needed, mut search) = (Vec::new(), Vec::new());
    for (name, offset) in lists {
        match name {
            tag::NEEDED => needed.push(text(offset)?),
            _ => search.extend(text(offset)?.split(':').map(str::to_owned)),
        }
    }
    let mut relocations = Vec::new();
    for (table, size) in [(tag::RELA, tag::RELASZ), (tag::JMPREL, tag::PLTRELSZ)] {
        let (Some(table), Some(size)) = (get(table), get(size)) else { continue };
        let table = bytes.from(table)?;
        for at in (0..size).step_by(24) {
            let info = u64_at(table, at + 8)?;
            relocations.push(Relocation {
                at: u64_at(table, at)?,
                kind: info as u32,
                symbol: (info >> 32) as usize,
                addend: u64_at(table, at + 16)? as i64,
            });
        }
    }
    if let (Some(table), Some(size)) = (get(tag::RELR), get(tag::RELRSZ)) {
        relative(bytes, table, size, &mut relocations)?;
    }
    let symbols = symbols(bytes, &entries, &relocations)?;
    let defined = symbols.iter().enumerate().filter(|(_, symbol)| symbol.is_defined);
    let defined = defined.map(|(at, symbol)| (symbol.name.clone(), at)).collect();
    let array = |start: u64, size: u64| (get(start).unwrap_or(0), get(size).unwrap_or(0) / 8);
    let arrays = [
        array(tag::PREINIT_ARRAY, tag::PREINIT_ARRAYSZ),
        array(tag::INIT_ARRAY, tag::INIT_ARRAYSZ),
        array(tag::FINI_ARRAY, tag::FINI_ARRAYSZ),
    ];
    let elf = Elf {
        path: String::new(),
        entry: 0,
        segments: Vec::new(),
        relro: None,
        thread_local: None,
        unwinding: None,
        needed,
        search,
        symbols,
        defined,
        relocations,
        init: get(tag::INIT),
        fini: get(tag::FINI),
        preinit_array: (0, 0),
        init_array: (0, 0),
        fini_array: (0, 0),
    };
    Some((elf, arrays))
}

/// `DT_RELR`: relative relocations, an address or 63 bits of those behind it in each word.
fn relative(bytes: &Bytes<'_>, table: u64, size: u64, to: &mut Vec<Relocation>) -> Option<()> {
    let words = bytes.from(table)?;
    let mut next = 0u64;
    let mut add = |at: u64| {
        let addend = u64_at(bytes.from(at)?, 0)? as i64;
        to.push(Relocation { at, kind: R_RELATIVE, symbol: 0, addend });
        Some(())
    };
    for word in (0..size).step_by(8) {
        let word = u64_at(words, word)?;
        if word & 1 == 0 {
            add(word)?;
            next = word.checked_add(8)?;
            continue;
        }
        for bit in 1..64 {
            if word >> bit & 1 != 0 {
                add(next.checked_add((bit - 1) * 8)?)?;
            }
        }
        next = next.checked_add(63 * 8)?;
    }
    Some(())
}

fn symbols(
    bytes: &Bytes<'_>,
    entries: &HashMap<u64, u64>,
    relocations: &[Relocation],
) -> Option<Vec<Symbol>> {
    const HIDDEN: u16 = 0x8000;
    let get = |name: u64| entries.get(&name).copied();
    let (table, strings) = (bytes.from(get(tag::SYMTAB)?)?, get(tag::STRTAB)?);
    let count = match (get(tag::HASH), get(tag::GNU_HASH)) {
        (Some(hash), _) => u64::from(u32_at(bytes.from(hash)?, 4)?),
        (None, Some(hash)) => gnu_count(bytes.from(hash)?)?,
        (None, None) => 0,
    };
    // What is only named, and not defined, is not hashed.
    let named = relocations.iter().map(|relocation| relocation.symbol as u64 + 1).max();
    let count = count.max(named.unwrap_or(0));
    let versions = versions(bytes, entries)?;
    let of_symbol = get(tag::VERSYM).map(|address| bytes.from(address)).unwrap_or_default();
    let mut symbols = Vec::new();
    for at in 0..count {
        let entry = at * 24;
        let Some(name) = u32_at(table, entry) else { break };
        let info = *table.get(entry as usize + 4)?;
        let section = u16_at(table, entry + 6)?;
        let version = of_symbol.and_then(|table| u16_at(table, at * 2)).unwrap_or(0);
        // Section numbers and bindings: elf(5). A hidden version is one that only older programs ask for.
        let is_defined = section != 0 && info >> 4 != 0 && version & HIDDEN == 0;
        symbols.push(Symbol {
            name: bytes.text(strings.checked_add(name.into())?)?,
            value: u64_at(table, entry + 8)?,
            size: u64_at(table, entry + 16)?,
            is_weak: info >> 4 == 2,
            is_defined,
            is_indirect: info & 15 == 10,
            version: versions.get(&(version & !HIDDEN)).cloned(),
        });
    }
    Some(symbols)
}

/// How many symbols there are, by the hash table of GNU: the last one of the last chain. 0: nothing is hashed.
fn gnu_count(table: &[u8]) -> Option<u64> {
    let (buckets, first, bloom) = (u32_at(table, 0)?, u32_at(table, 4)?, u32_at(table, 8)?);
    let at_buckets = 16 + u64::from(bloom) * 8;
    let mut last = 0;
    for bucket in 0..u64::from(buckets) {
        last = last.max(u32_at(table, at_buckets + bucket * 4)?);
    }
    if last < first {
        return Some(0);
    }
    let chains = at_buckets + u64::from(buckets) * 4;
    while u32_at(table, chains + u64::from(last - first) * 4)? & 1 == 0 {
        last = last.checked_add(1)?;
    }
    Some(u64::from(last) + 1)
}

/// The versions that are asked for, by number.
fn versions(bytes: &Bytes<'_>, entries: &HashMap<u64, u64>) -> Option<HashMap<u16, String>> {
    let mut found = HashMap::new();
    let (Some(mut need), Some(count)) = (entries.get(&tag::VERNEED).copied(), entries.get(&tag::VERNEEDNUM))
    else {
        return Some(found);
    };
    let strings = *entries.get(&tag::STRTAB)?;
    for _ in 0..*count {
        let entry = bytes.from(need)?;
        let mut at = need.checked_add(u32_at(entry, 8)?.into())?;
        for _ in 0..u16_at(entry, 2)? {
            let version = bytes.from(at)?;
            let name = bytes.text(strings.checked_add(u32_at(version, 8)?.into())?)?;
            found.insert(u16_at(version, 6)? & 0x7fff, name);
            at = at.checked_add(u32_at(version, 12)?.into())?;
        }
        need = need.checked_add(u32_at(entry, 12)?.into())?;
    }
    Some(found)
}
