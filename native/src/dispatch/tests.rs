//! What leaves the simulation, and what only seems to: system calls by instruction are served, and what is not simulated
//! breaks the oracle `escape`.

use crate::{Main, Program, register, start, worker};
use eagain_sim::Sim;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::run::{Knob, KnobValues, Record, RunReport, RunSpec, Scenario};
use std::arch::asm;
use std::os::fd::AsRawFd;

/// A system call by instruction, as libraries without libc make it.
fn system_call(number: i64, a: i64, b: i64, c: i64) -> i64 {
    let result;
    // SAFETY: the registers of the x86-64 system call convention; the pointers below are valid.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

const SYS_READ: i64 = 0;
const SYS_WRITE: i64 = 1;
const SYS_SOCKET: i64 = 41;
const SYS_GETPID: i64 = 39;
const SYS_PTRACE: i64 = 101;
const SYS_PIPE2: i64 = 293;
const SYS_NANOSLEEP: i64 = 35;

fn served() {
    let mut pair = [0i32; 2];
    assert_eq!(system_call(SYS_PIPE2, pair.as_mut_ptr() as i64, 0, 0), 0);
    let [reader, writer] = pair.map(i64::from);
    let thread = std::thread::spawn(move || {
        let mut buffer = [0u8; 8];
        let n = system_call(SYS_READ, reader, buffer.as_mut_ptr() as i64, 8);
        (n, buffer)
    });
    // The other one waits in its call, on its own stack.
    let before = std::time::Instant::now();
    let time = [1i64, 0];
    assert_eq!(system_call(SYS_NANOSLEEP, time.as_ptr() as i64, 0, 0), 0);
    assert!(before.elapsed().as_secs() >= 1);
    // Floating point registers are as they were.
    let x = std::hint::black_box(1.5f64);
    assert_eq!(system_call(SYS_WRITE, writer, b"by hand".as_ptr() as i64, 7), 7);
    assert_eq!(x * 2.0, 3.0);
    assert_eq!(thread.join().unwrap(), (7, *b"by hand\0"));
    assert_eq!(system_call(SYS_WRITE, 999, b"x".as_ptr() as i64, 1), -9);
    assert_eq!(system_call(SYS_GETPID, 0, 0, 0), i64::from(std::process::id()));
    assert!(system_call(SYS_SOCKET, 2, 1, 0) > writer);
}

/// `recvmmsg(2)` waits for all that it was asked for, unless `MSG_WAITFORONE` says otherwise; lengths that no memory has
/// are refused.
fn messages() {
    let mut pair = [0; 2];
    // SAFETY: the pointers are valid for what each call does with them; the lengths that are not are looked at only.
    unsafe {
        assert_eq!(libc::socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, pair.as_mut_ptr()), 0);
        let [reader, writer] = pair;
        let sender = std::thread::spawn(move || {
            for _ in 0..4 {
                std::thread::sleep(std::time::Duration::from_secs(1));
                assert_eq!(libc::send(writer, b"x".as_ptr().cast(), 1, 0), 1);
            }
        });
        let mut bytes = [0u8; 2];
        let mut parts =
            [0, 1].map(|at| libc::iovec { iov_base: bytes.as_mut_ptr().add(at).cast(), iov_len: 1 });
        let mut list: [libc::mmsghdr; 2] = std::mem::zeroed();
        for (entry, part) in list.iter_mut().zip(&mut parts) {
            (entry.msg_hdr.msg_iov, entry.msg_hdr.msg_iovlen) = (part, 1);
        }
        let none = std::ptr::null_mut();
        assert_eq!(libc::recvmmsg(reader, list.as_mut_ptr(), 2, 0, none), 2);
        assert_eq!(libc::recvmmsg(reader, list.as_mut_ptr(), 2, libc::MSG_WAITFORONE, none), 1);
        sender.join().unwrap();
        let huge = [usize::MAX, isize::MAX as usize].map(|iov_len| {
            let mut parts = [parts[0]; 2].map(|part| libc::iovec { iov_len, ..part });
            let mut message: libc::msghdr = std::mem::zeroed();
            (message.msg_iov, message.msg_iovlen) = (parts.as_mut_ptr(), 2);
            let result = libc::recvmsg(reader, &raw mut message, libc::MSG_DONTWAIT);
            (result, std::io::Error::last_os_error().raw_os_error())
        });
        assert_eq!(huge, [(-1, Some(libc::EINVAL)), (-1, Some(libc::EFAULT))]);
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        let (mut ttl, mut length) = (0, 4);
        let at: *mut i32 = &raw mut ttl;
        assert_eq!(libc::getsockopt(socket, libc::IPPROTO_IP, libc::IP_TTL, at.cast(), &raw mut length), 0);
        assert_eq!(ttl, 64);
    }
}

/// Directories are listed, the working directory is the program's, and a descriptor says how it was opened.
fn files() {
    std::fs::create_dir("/data").unwrap();
    std::env::set_current_dir("/data").unwrap();
    for name in ["b", "a"] {
        std::fs::write(name, name).unwrap();
    }
    std::fs::create_dir("c").unwrap();
    assert_eq!(std::env::current_dir().unwrap(), std::path::Path::new("/data"));
    let names = |path: &str| -> Vec<(String, bool)> {
        let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
        let named = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.file_type().unwrap().is_dir()));
        let mut names: Vec<_> = named.collect();
        names.sort();
        names
    };
    let expected = [("a", false), ("b", false), ("c", true)].map(|(name, is_dir)| (name.to_owned(), is_dir));
    assert_eq!(names("."), expected);
    assert_eq!(names("/data/c/.."), expected);
    let (reader, _writer) = std::io::pipe().unwrap();
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let kind = |fd: i32| {
        // SAFETY: fstat(2) writes one stat, for which all-zero is valid.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            assert_eq!(libc::fstat(fd, &raw mut stat), 0);
            stat.st_mode & libc::S_IFMT
        }
    };
    assert_eq!([kind(reader.as_raw_fd()), kind(socket.as_raw_fd())], [libc::S_IFIFO, libc::S_IFSOCK]);
    std::fs::create_dir_all("tree/of/folders").unwrap();
    assert_eq!(std::fs::copy("a", "tree/of/copy").unwrap(), 1);
    assert_eq!(std::fs::read_to_string("tree/of/copy").unwrap(), "a");
    std::fs::hard_link("a", "tree/link").unwrap();
    assert_eq!(std::fs::read_to_string("tree/link").unwrap(), "a");
    std::fs::remove_dir_all("tree").unwrap();
    assert!(!std::fs::exists("tree").unwrap());
    assert_eq!(std::fs::read_dir("a").unwrap_err().kind(), std::io::ErrorKind::NotADirectory);
    assert_eq!(std::fs::canonicalize("../data/a").unwrap(), std::path::Path::new("/data/a"));
    for (read, write, mode) in
        [(true, false, libc::O_RDONLY), (false, true, libc::O_WRONLY), (true, true, libc::O_RDWR)]
    {
        let file = std::fs::OpenOptions::new().read(read).write(write).open("a").unwrap();
        // SAFETY: fcntl(2) of an open descriptor.
        let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
        assert_eq!(flags & libc::O_ACCMODE, mode);
    }
}

#[inline(never)]
fn write_to(address: usize) {
    // SAFETY: none: it crashes.
    unsafe { *(address as *mut u8) = 1 };
}

#[inline(never)]
fn jump_to(address: usize) {
    // SAFETY: none: it crashes.
    let function: extern "C" fn() = unsafe { std::mem::transmute(address) };
    function();
    std::hint::black_box(address);
}

#[inline(never)]
fn deeper(depth: usize) -> usize {
    let room = std::hint::black_box([depth; 64]);
    if depth == usize::MAX { 0 } else { deeper(depth + 1) + room[depth % 64] }
}

fn spin() {
    println!("begins");
    while std::hint::black_box(true) {
        std::hint::spin_loop();
    }
}

/// Threads have names, by std, pthread_setname_np(3) and prctl(2), and find them again.
fn names() {
    let mut name = [0u8; 16];
    let mut read = |call: &dyn Fn(*mut libc::c_char) -> i32| {
        assert_eq!(call(name.as_mut_ptr().cast()), 0);
        std::ffi::CStr::from_bytes_until_nul(&name).unwrap().to_str().unwrap().to_owned()
    };
    // SAFETY: prctl(2) and pthread_getname_np(3) write no more than 16 bytes.
    let by_prctl = |to: *mut libc::c_char| unsafe { libc::prctl(libc::PR_GET_NAME, to) };
    // SAFETY: as above.
    let by_thread = |to: *mut libc::c_char| unsafe { libc::pthread_getname_np(libc::pthread_self(), to, 16) };
    assert_eq!((read(&by_prctl), read(&by_thread)), ("machine".into(), "machine".into()));
    // SAFETY: texts with a NUL.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NAME, c"longer than fifteen".as_ptr()), 0);
        assert_eq!(
            libc::pthread_setname_np(libc::pthread_self(), c"longer than fifteen".as_ptr()),
            libc::ERANGE
        );
    }
    assert_eq!((read(&by_prctl), read(&by_thread)), ("longer than fif".into(), "longer than fif".into()));
}

/// A thread for each connection, each with a number in its name; the last one does `work`.
fn connections(count: u32, work: fn()) {
    for number in 1..=count {
        let thread = std::thread::Builder::new().name(format!("conn-{number}"));
        let body = move || {
            if number == count {
                work()
            }
        };
        let _ = thread.spawn(body).unwrap().join();
    }
}

fn read_nothing() {
    let (reader, _writer) = std::os::unix::net::UnixStream::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    loop {
        let _ = std::io::Read::read(&mut &reader, &mut [0]);
    }
}

/// `select(2)`, `ppoll(2)`, timers and signals that are descriptors; what Linux writes back of a timeout.
fn waits() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let fd = reader.as_raw_fd();
    // SAFETY: the pointers are valid for what each call does with them; all-zero is valid for each type.
    unsafe {
        let none = std::ptr::null_mut();
        let (mut reads, mut writes): (libc::fd_set, libc::fd_set) = std::mem::zeroed();
        libc::FD_SET(fd, &raw mut reads);
        let mut time = libc::timeval { tv_sec: 2, tv_usec: 0 };
        let before = std::time::Instant::now();
        assert_eq!(libc::select(fd + 1, &raw mut reads, none, none, &raw mut time), 0);
        assert!(before.elapsed().as_secs() == 2 && time.tv_sec == 0 && !libc::FD_ISSET(fd, &raw const reads));
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        libc::FD_SET(fd, &raw mut reads);
        libc::FD_SET(1, &raw mut writes);
        time.tv_sec = 9;
        assert_eq!(libc::select(fd + 1, &raw mut reads, &raw mut writes, none, &raw mut time), 2);
        assert!(libc::FD_ISSET(fd, &raw const reads) && libc::FD_ISSET(1, &raw const writes));
        assert!(time.tv_sec >= 8);

        let timer = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK);
        let time = |tv_sec| libc::timespec { tv_sec, tv_nsec: 0 };
        let spec = libc::itimerspec { it_interval: time(3), it_value: time(1) };
        let mut old = libc::itimerspec { it_interval: time(9), it_value: time(9) };
        assert_eq!(libc::timerfd_settime(timer, 0, &raw const spec, &raw mut old), 0);
        assert_eq!((old.it_interval.tv_sec, old.it_value.tv_sec), (0, 0));
        let mut poll = libc::pollfd { fd: timer, events: libc::POLLIN, revents: 0 };
        let before = std::time::Instant::now();
        assert_eq!(libc::ppoll(&raw mut poll, 1, &time(9), std::ptr::null()), 1);
        assert_eq!(before.elapsed().as_secs(), 1);
        let mut ticks = 0u64;
        assert_eq!(libc::read(timer, (&raw mut ticks).cast(), 8), 8);
        assert_eq!(ticks, 1);
        assert_eq!(libc::timerfd_gettime(timer, &raw mut old), 0);
        assert!(old.it_interval.tv_sec == 3 && old.it_value.tv_sec == 2);
        let wrong = libc::itimerspec { it_value: libc::timespec { tv_sec: 0, tv_nsec: -1 }, ..spec };
        assert_eq!(libc::timerfd_settime(timer, 0, &raw const wrong, none.cast()), -1);

        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGUSR1);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, none.cast());
        let signals = libc::signalfd(-1, &raw const set, 0);
        libc::kill(libc::getpid(), libc::SIGUSR1);
        let mut record: libc::signalfd_siginfo = std::mem::zeroed();
        assert_eq!(libc::read(signals, (&raw mut record).cast(), 128), 128);
        assert_eq!(record.ssi_signo, libc::SIGUSR1 as u32);
        assert_eq!(libc::sigtimedwait(&raw const set, none.cast(), &time(1)), -1);
        libc::raise(libc::SIGUSR1);
        assert_eq!(libc::sigtimedwait(&raw const set, none.cast(), &time(1)), libc::SIGUSR1);
    }
}

/// Locks that are awaited, parts at an offset, and devices.
fn locks_and_devices() {
    use std::io::{Read, Write};
    let open =
        |path| std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let (one, other) = (open("/file").unwrap(), open("/file").unwrap());
    one.lock_shared().unwrap();
    other.try_lock_shared().unwrap();
    assert!(matches!(one.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    other.lock().unwrap();
    let thread = std::thread::spawn(move || {
        let before = std::time::Instant::now();
        one.lock().unwrap();
        before.elapsed()
    });
    std::thread::sleep(std::time::Duration::from_secs(1));
    other.unlock().unwrap();
    assert!(thread.join().unwrap() >= std::time::Duration::from_millis(900));
    let mut bytes = [0u8; 5];
    let (head, tail) = bytes.split_at_mut(2);
    let part = |bytes: &mut [u8]| libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    head.copy_from_slice(b"ab");
    let parts = [part(head), part(tail)];
    // SAFETY: the parts are valid.
    unsafe {
        assert_eq!(libc::pwritev(other.as_raw_fd(), parts.as_ptr(), 2, 3), 5);
        assert_eq!(libc::preadv(other.as_raw_fd(), parts.as_ptr(), 2, 2), 5);
    }
    assert_eq!(&bytes, b"\0ab\0\0");
    (&open("/dev/null").unwrap()).write_all(b"nowhere").unwrap();
    open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(
        &std::fs::metadata("/dev/null").unwrap().file_type()
    ));
}

/// What the program does: the knob `what`.
const WHAT: &[Knob] = &[Knob {
    name: "what",
    about: "what the program does",
    values: KnobValues::Words(&[
        "served",
        "messages",
        "files",
        "ptrace",
        "command",
        "netlink",
        "panic",
        "segv",
        "overflow",
        "spin",
        "mapped",
        "names",
        "panic-1",
        "panic-4",
        "read-nothing",
        "jump",
        "waits",
        "locks",
    ]),
}];

/// One program that makes system calls of its own.
fn by_instruction(sim: &mut Sim) {
    let what = sim.word("what");
    let main = move || {
        match &*what {
            "ptrace" => drop(system_call(SYS_PTRACE, 0, 0, 0)),
            "command" => drop(std::process::Command::new("true").spawn()),
            "panic" => panic!("as planned"),
            "names" => names(),
            "panic-1" => connections(1, || panic!("as planned")),
            "panic-4" => connections(4, || panic!("as planned")),
            "read-nothing" => connections(2, read_nothing),
            "messages" => messages(),
            "files" => files(),
            "mapped" => drop(system_call(libc::SYS_mmap, 0, 4096, 1)),
            "waits" => waits(),
            "locks" => locks_and_devices(),
            "jump" => jump_to(std::hint::black_box(16)),
            "segv" => write_to(std::hint::black_box(8)),
            "overflow" => std::thread::spawn(|| assert!(deeper(0) > 0)).join().unwrap(),
            "spin" => spin(),
            "netlink" => drop(system_call(SYS_SOCKET, 16, 3, 0)),
            _ => served(),
        }
        true
    };
    let program = Program {
        arguments: vec!["program".into()],
        environment: Vec::new(),
        main: Main::Function(Box::new(main)),
    };
    sim.knobs().spin_limit = 10_000;
    register("machine", program);
    let host = sim.host("machine");
    sim.client(host, "machine", start);
}

fn spec(what: &str) -> RunSpec {
    let scenario =
        Scenario { name: "by-instruction", about: "calls", knobs: WHAT, seeds: 1, body: by_instruction };
    let settings = [("what".to_owned(), what.to_owned())].into_iter().collect();
    RunSpec {
        scenario,
        settings,
        base: Base::Zero,
        overrides: Overrides::new(),
        record: Record::Hash,
        events_max: None,
    }
}

fn run(what: &str) -> RunReport {
    worker::make().run(&spec(what))
}

fn escapes(what: &str, call: &str, advice: &str) {
    let failure = run(what).failure.expect("it escapes");
    assert_eq!((failure.oracle.to_string().contains("escape"), failure.site.as_str()), (true, call));
    assert!(failure.message.contains(advice), "{}", failure.message);
    assert!(failure.message.contains("dispatch/tests.rs"), "no frame of the program: {}", failure.message);
}

/// What libc does once in an OS process is in no trace.
#[test]
fn first_panic_of_a_worker_is_as_the_second() {
    let mut worker = worker::make();
    let [one, two] = [0; 2].map(|_| worker.run(&spec("panic")));
    assert!(one.failure.is_some());
    assert_eq!(one.hash, two.hash);
}

#[test]
fn calls_by_instruction_are_served() {
    let report = run("served");
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn messages_are_received_as_their_manual_says() {
    let report = run("messages");
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn select_timers_and_signals_as_descriptors_wait() {
    let report = run("waits");
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn locks_and_devices_are_those_of_the_simulated_disk() {
    let report = run("locks");
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn files_are_those_of_the_simulated_disk() {
    let report = run("files");
    assert_eq!(report.failure, None, "{}", report.output);
}

#[test]
fn threads_have_names() {
    let report = run("names");
    assert_eq!(report.failure, None, "{}", report.output);
}

/// A failure is the same one where an earlier connection is left out: it says which thread, and is not told apart by its number.
#[test]
fn a_failure_names_the_thread_by_the_name_that_std_gave_it() {
    for (what, name) in [
        ("panic-1", "machine/0.1:conn-1 "),
        ("panic-4", "machine/0.4:conn-4 "),
        ("read-nothing", "machine/0.2:conn-2 "),
    ] {
        let spec = RunSpec { record: Record::Trace, ..spec(what) };
        let report = worker::make().run(&spec);
        let failure = report.failure.expect("it is found");
        assert_eq!(failure.thread, "machine/conn-*");
        assert!(failure.message.starts_with(name), "{}", failure.message);
        let threads = report.trace.expect("it is kept").threads;
        assert!(threads.iter().any(|thread| thread == name.trim()), "{threads:?}");
    }
}

#[test]
fn what_is_not_simulated_is_an_escape_with_a_frame_and_advice() {
    escapes("ptrace", "ptrace", "leave this part of it out");
    escapes("mapped", "mmap", "read and write");
    escapes("netlink", "socket", "address family 16");
    escapes("command", "posix_spawn", "Give the other program a host");
}

/// The simulated process ends, and the run with it; whatever it did before is in the report, and where it was.
#[test]
fn a_crash_is_a_failure_with_a_frame() {
    for (what, site, function) in [
        ("segv", "SIGSEGV, ./src/dispatch/tests.rs:", "write_to"),
        ("jump", "SIGSEGV, ./src/dispatch/tests.rs:", "jump_to"),
        ("overflow", "stack overflow, ./src/dispatch/tests.rs:", "deeper"),
    ] {
        let report = run(what);
        let failure = report.failure.expect("it crashes");
        assert!(failure.oracle == crate::crash::ORACLE && failure.site.starts_with(site), "{failure:?}");
        assert!(failure.message.contains(function), "{failure:?}");
        assert!(report.calls > 0, "what it did before is lost");
        assert_eq!(run(what).hash, report.hash);
    }
}

#[test]
fn who_computes_without_end_is_found_and_the_worker_goes_on() {
    let mut worker = worker::make();
    let report = worker.run(&spec("spin"));
    let failure = report.failure.expect("it makes no call");
    assert!(failure.message.contains("spin") && failure.message.contains("dispatch/tests.rs"), "{failure:?}");
    assert!(report.output.contains("begins"), "{}", report.output);
    assert_eq!(worker.run(&spec("served")).failure, None);
}
