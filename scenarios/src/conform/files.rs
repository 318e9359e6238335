//! Random programs about files and directories, in a folder of their own: on Linux under `/var/tmp`, which is ext4 on most
//! machines, as the simulated disk is. Paths are wrong in every way that a path can be: too long, with dots, slashes and NULs
//! at the end, through a file, to nothing.

use super::draw::Draw;
use super::machine::digest;
use super::sides::{calls_of, in_simulation, on_linux};
use super::sweep::Report;
use eagain_net::{Fd, FileLock, Kernel, LockOwner, OpenFlags, RecordLock, Result};
use eagain_sim::Engine;
use eagain_sim::trace::Kind;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::SeekFrom;
use std::sync::{Arc, Mutex, PoisonError};

const SLOTS: u64 = 4;
const CALLS: u64 = 60;

/// What a path of a program begins with, below the program's folder.
const NAMES: [&str; 8] = ["a", "b", "d", "e", "d/a", "d/e", "d/e/a", "e/d"];
/// And what it ends with.
const ENDS: [&str; 8] = ["/", "//", "/.", "/..", "/./", "/a/", "/../a", "/./e"];
const ACCESS: [OpenFlags; 4] = [OpenFlags::NONE, OpenFlags::WRONLY, OpenFlags::RDWR, OpenFlags(3)];
const LOCKS: [FileLock; 3] = [FileLock::Exclusive, FileLock::Shared, FileLock::Unlock];
const MODES: [OpenFlags; 5] =
    [OpenFlags::CREAT, OpenFlags::EXCL, OpenFlags::TRUNC, OpenFlags::APPEND, OpenFlags::DIRECTORY];

/// One call. Slots are numbers below [`SLOTS`].
#[derive(Clone, Debug)]
enum Call {
    Open(u64, String, OpenFlags),
    Close(u64),
    Dup(u64, u64),
    Read(u64, usize),
    Write(u64, usize),
    Pread(u64, usize, u64),
    Pwrite(u64, usize, u64),
    Truncate(u64, u64),
    Stat(u64),
    Sync(u64),
    DataSync(u64),
    Seek(u64, SeekFrom),
    Lock(u64, FileLock),
    SetLock(u64, RecordLock),
    GetLock(u64, RecordLock),
    Link(String, String),
    Rename(String, String),
    Unlink(String),
    Mkdir(String),
    Rmdir(String),
    List(String),
}

/// A path of so many bytes to a file of the folder: dots and slashes count as any others.
fn long(folder: &str, name: &str, bytes: usize) -> String {
    let slashes = bytes.saturating_sub(folder.len() + name.len());
    format!("{folder}{}{name}", "/".repeat(slashes))
}

fn path(draw: &mut Draw, folder: &str) -> String {
    let name = NAMES[draw.below(8) as usize];
    match draw.below(60) {
        0..12 => format!("{folder}/{name}{}", ENDS[draw.below(8) as usize]),
        12 => format!("{folder}/{}", "n".repeat(draw.pick(&[255, 256]) as usize)),
        13 => format!("{folder}/{name}/{}", "n".repeat(256)),
        14 => long(folder, name, draw.pick(&[4094, 4095, 4096]) as usize),
        15 => format!("{folder}/{name}\0"),
        16 => String::new(),
        17 => format!("{folder}/."),
        _ => format!("{folder}/{name}"),
    }
}

fn flags(draw: &mut Draw) -> OpenFlags {
    let access = ACCESS[draw.pick(&[0, 0, 1, 2, 2, 2, 2, 3]) as usize];
    let modes = MODES.iter().filter(|_| draw.one_in(4)).fold(access, |all, mode| all | *mode);
    if draw.one_in(2) { access | OpenFlags::CREAT } else { modes }
}

/// A range that touches others, or cannot be.
fn record(draw: &mut Draw) -> RecordLock {
    RecordLock {
        kind: *draw.one_of(&LOCKS),
        owner: *draw.one_of(&[LockOwner::Process, LockOwner::OpenFile]),
        start: draw.pick(&[0, 0, 1, 5, 10, 20, u64::MAX >> 1]),
        len: draw.pick(&[0, 1, 5, 5, 10, 100, u64::MAX >> 1]),
    }
}

fn place(draw: &mut Draw) -> SeekFrom {
    let offset = draw.pick(&[0, 0, 1, 700, 5000, 1 << 62, u64::MAX >> 1]) as i64;
    let back = if draw.one_in(2) { offset } else { -offset };
    match draw.below(3) {
        0 => SeekFrom::Start(offset as u64),
        1 => SeekFrom::Current(back),
        _ => SeekFrom::End(back),
    }
}

/// A program, as a seed gives it.
fn program(seed: u64, folder: &str) -> Vec<Call> {
    let draw = &mut Draw::new(seed);
    let slot = |draw: &mut Draw| draw.below(SLOTS);
    let offset = |draw: &mut Draw| {
        draw.pick(&[0, 0, 1, 700, 5000, (16 << 40) - 4096, 1 << 62, u64::MAX >> 1, 1 << 63])
    };
    let size = |draw: &mut Draw| draw.pick(&[0, 1, 600, 5000]) as usize;
    let any = |draw: &mut Draw| match draw.below(44) {
        0..6 => Call::Open(slot(draw), path(draw, folder), flags(draw)),
        6 => Call::Close(slot(draw)),
        7 => Call::Dup(slot(draw), slot(draw)),
        8..10 => Call::Read(slot(draw), size(draw)),
        10..12 => Call::Write(slot(draw), size(draw)),
        12..14 => Call::Pread(slot(draw), size(draw), offset(draw)),
        14..16 => Call::Pwrite(slot(draw), size(draw), offset(draw)),
        16 => Call::Truncate(slot(draw), offset(draw)),
        17..19 => Call::Stat(slot(draw)),
        19 => Call::Sync(slot(draw)),
        20 => Call::Lock(slot(draw), *draw.one_of(&LOCKS)),
        21..24 => Call::Rename(path(draw, folder), path(draw, folder)),
        24..26 => Call::Unlink(path(draw, folder)),
        26..29 => Call::Mkdir(path(draw, folder)),
        29..31 => Call::Rmdir(path(draw, folder)),
        31..33 => Call::Link(path(draw, folder), path(draw, folder)),
        33 => Call::List(path(draw, folder)),
        34..37 => Call::Seek(slot(draw), place(draw)),
        37 => Call::DataSync(slot(draw)),
        38..42 => Call::SetLock(slot(draw), record(draw)),
        _ => Call::GetLock(slot(draw), record(draw)),
    };
    // Without these most calls would meet nothing.
    let at = |name: &str| format!("{folder}/{name}");
    let mut calls = vec![Call::Mkdir(at("d")), Call::Mkdir(at("d/e"))];
    calls.push(Call::Open(0, at("a"), OpenFlags::RDWR | OpenFlags::CREAT));
    calls.resize_with(CALLS as usize, || any(draw));
    calls
}

/// What a call comes to, as a text.
fn step<K: Kernel>(k: K, slots: &mut [Fd], call: &Call) -> String {
    fn text<T: Debug>(result: Result<T>) -> String {
        format!("{result:?}")
    }
    let data = |buffer: &[u8], result: Result<usize>| text(result.map(|n| (n, digest(&buffer[..n]))));
    let bytes = |n: usize| (0..n).map(|at| (at / 7) as u8).collect::<Vec<u8>>();
    let mut put = |slot: u64, made: Result<Fd>| match made {
        Ok(fd) => {
            let old = std::mem::replace(&mut slots[slot as usize], fd);
            text(k.close(old).or(Ok(())))
        }
        Err(errno) => text::<()>(Err(errno)),
    };
    match call {
        Call::Open(slot, path, flags) => put(*slot, k.open(path, *flags)),
        Call::Dup(from, to) => {
            let made = k.dup(slots[*from as usize]);
            let old = made.map(|fd| std::mem::replace(&mut slots[*to as usize], fd));
            text(old.map(|old| k.close(old).is_ok()))
        }
        Call::Close(slot) => text(k.close(std::mem::replace(&mut slots[*slot as usize], Fd(-1)))),
        Call::Read(slot, n) => {
            let mut buffer = vec![0; *n];
            let result = k.read(slots[*slot as usize], &mut buffer);
            data(&buffer, result)
        }
        Call::Pread(slot, n, offset) => {
            let mut buffer = vec![0; *n];
            let result = k.pread(slots[*slot as usize], &mut buffer, *offset);
            data(&buffer, result)
        }
        Call::Write(slot, n) => text(k.write(slots[*slot as usize], &bytes(*n))),
        Call::Pwrite(slot, n, offset) => text(k.pwrite(slots[*slot as usize], &bytes(*n), *offset)),
        Call::Truncate(slot, length) => text(k.ftruncate(slots[*slot as usize], *length)),
        Call::Stat(slot) => {
            // How long a directory is depends on the file system.
            text(k.fstat(slots[*slot as usize]).map(|stat| if stat.is_dir { None } else { Some(stat.len) }))
        }
        Call::Sync(slot) => text(k.fsync(slots[*slot as usize])),
        Call::Lock(slot, lock) => text(k.flock(slots[*slot as usize], *lock)),
        Call::DataSync(slot) => text(k.fdatasync(slots[*slot as usize])),
        // Where one may be in a directory is its file system's to say.
        Call::Seek(slot, _) if k.fstat(slots[*slot as usize]).is_ok_and(|stat| stat.is_dir) => String::new(),
        Call::Seek(slot, to) => text(k.lseek(slots[*slot as usize], *to)),
        Call::SetLock(slot, lock) => text(k.fcntl_setlk(slots[*slot as usize], *lock)),
        Call::GetLock(slot, lock) => {
            let found = k.fcntl_getlk(slots[*slot as usize], *lock);
            text(found.map(|found| found.map(|(lock, pid)| (lock, pid == k.getpid()))))
        }
        Call::Link(from, to) => text(k.link(from, to)),
        Call::Rename(from, to) => text(k.rename(from, to)),
        Call::Unlink(path) => text(k.unlink(path)),
        Call::Mkdir(path) => text(k.mkdir(path)),
        Call::Rmdir(path) => text(k.rmdir(path)),
        Call::List(path) => text(k.read_dir(path)),
    }
}

fn run<K: Kernel>(k: K, folder: &str, calls: &[Call]) -> Vec<String> {
    let mut slots = [Fd(-1); SLOTS as usize];
    let mut log = vec![format!("{:?}", k.mkdir(folder))];
    log.extend(calls.iter().map(|call| step(k, &mut slots, call)));
    for fd in slots {
        let _ = k.close(fd);
    }
    log
}

/// Runs the program of a seed on both kernels; where they part, as a text.
pub fn compare(engine: &mut Engine, seed: u64) -> std::result::Result<(), String> {
    let folder = format!("/var/tmp/eagain-files-{:010}-{seed:020}", std::process::id());
    let calls = program(seed, &folder);
    let mut linux = Vec::new();
    let ran = on_linux(|k| linux = run(k, &folder, &calls));
    let _ = std::fs::remove_dir_all(&folder);
    ran?;
    let shared = Arc::new(Mutex::new(Vec::new()));
    let (inside, at, program) = (shared.clone(), folder.clone(), calls.clone());
    let report = in_simulation(engine, move |k| {
        *inside.lock().unwrap_or_else(PoisonError::into_inner) = run(k, &at, &program);
    });
    if let Some(failure) = report.failure {
        return Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message));
    }
    let simulation = std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner));
    let Some(at) = linux.iter().zip(&simulation).position(|(a, b)| a != b) else { return Ok(()) };
    let before = calls.iter().zip(&linux[1..]).take(at);
    let before: Vec<String> = before.map(|(call, outcome)| format!("{call:?} = {outcome}")).collect();
    let text = format!("{}\n  // the simulator says: {}", before.join("\n"), simulation[at]);
    Err(text.replace(&folder, "F").replace(&"n".repeat(255), "n*255").replace(&"/".repeat(1000), "/*1000"))
}

/// The calls that the program of a seed makes.
pub fn calls_made(engine: &mut Engine, seed: u64) -> BTreeSet<Kind> {
    let folder = "/var/tmp/program";
    let calls = program(seed, folder);
    calls_of(engine, move |k| drop(run(k, folder, &calls)))
}

/// Compares programs `from` to `from + programs`.
pub fn sweep(programs: u64, from: u64, shown: u64) -> Report {
    let mut engine = Engine::default();
    let mut report = Report { programs, calls: programs * CALLS, ..Report::default() };
    for seed in from..from.saturating_add(programs) {
        if let Err(why) = compare(&mut engine, seed) {
            report.differences += 1;
            if report.differences <= shown {
                say!("file program {seed}:\n{why}");
            }
        }
    }
    report
}
