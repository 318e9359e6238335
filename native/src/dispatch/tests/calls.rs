//! Programs that make calls as their manual pages describe them, and check what comes of it.

use std::arch::asm;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// What a call of libc's has failed with; `None`: it has not.
fn errno(result: impl Into<i64>) -> Option<i32> {
    (result.into() == -1).then(|| std::io::Error::last_os_error().raw_os_error()).flatten()
}

/// A system call by instruction, as libraries without libc make it.
pub fn system_call(number: i64, a: i64, b: i64, c: i64) -> i64 {
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
pub const SYS_SOCKET: i64 = 41;
const SYS_GETPID: i64 = 39;
const SYS_PIPE2: i64 = 293;
const SYS_NANOSLEEP: i64 = 35;

pub fn served() {
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
pub fn messages() {
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
pub fn files() {
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

/// Threads have names, by std, pthread_setname_np(3) and prctl(2), and find them again.
pub fn names() {
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
    // SAFETY: a text with a NUL, and one of fifteen bytes.
    unsafe {
        // The kernel looks at fifteen bytes: there need be no NUL.
        assert_eq!(libc::prctl(libc::PR_SET_NAME, b"longer than fif".as_ptr()), 0);
        assert_eq!(
            libc::pthread_setname_np(libc::pthread_self(), c"longer than fifteen".as_ptr()),
            libc::ERANGE
        );
    }
    assert_eq!((read(&by_prctl), read(&by_thread)), ("longer than fif".into(), "longer than fif".into()));
}

/// `select(2)`, `ppoll(2)`, timers and signals that are descriptors; what Linux writes back of a timeout.
pub fn waits() {
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

        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGUSR1);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, none.cast());
        let signals = libc::signalfd(-1, &raw const set, 0);
        libc::kill(libc::getpid(), libc::SIGUSR1);
        let mut record: libc::signalfd_siginfo = std::mem::zeroed();
        assert_eq!(libc::read(signals, (&raw mut record).cast(), 128), 128);
        assert_eq!(record.ssi_signo, libc::SIGUSR1 as u32);
        assert_eq!(errno(libc::sigtimedwait(&raw const set, none.cast(), &time(1))), Some(libc::EAGAIN));
        libc::raise(libc::SIGUSR1);
        assert_eq!(libc::sigtimedwait(&raw const set, none.cast(), &time(1)), libc::SIGUSR1);
    }
}

/// What is no time, no clock and no place is refused, as Linux refuses it.
pub fn refused() {
    let wrong =
        [(-1, 0), (0, -1), (0, 1_000_000_000)].map(|(tv_sec, tv_nsec)| libc::timespec { tv_sec, tv_nsec });
    let (reader, _writer) = std::io::pipe().unwrap();
    let fd = reader.as_raw_fd();
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // SAFETY: the pointers are valid for what each call does with them, or null; all-zero is valid for each type.
    unsafe {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let set: libc::sigset_t = std::mem::zeroed();
        let timer = libc::timerfd_create(libc::CLOCK_MONOTONIC, 0);
        let epoll = libc::epoll_create1(0);
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        for time in &wrong {
            let time: *const libc::timespec = time;
            assert_eq!(errno(libc::nanosleep(time, null_mut())), Some(libc::EINVAL));
            assert_eq!(libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, time, null_mut()), libc::EINVAL);
            assert_eq!(errno(libc::ppoll(&raw mut poll, 1, time, std::ptr::null())), Some(libc::EINVAL));
            assert_eq!(errno(libc::sigtimedwait(&raw const set, null_mut(), time)), Some(libc::EINVAL));
            let spec = libc::itimerspec { it_value: *time, it_interval: std::mem::zeroed() };
            assert_eq!(
                errno(libc::timerfd_settime(timer, 0, &raw const spec, null_mut())),
                Some(libc::EINVAL)
            );
            let waited = libc::syscall(libc::SYS_epoll_pwait2, epoll, &raw mut event, 1, time, 0, 0);
            assert_eq!(errno(waited), Some(libc::EINVAL));
        }
        assert_eq!(errno(libc::nanosleep(std::ptr::null(), null_mut())), Some(libc::EFAULT));
        assert_eq!(errno(libc::poll(null_mut(), 1, 0)), Some(libc::EFAULT));
        assert_eq!(errno(libc::epoll_wait(epoll, null_mut(), 1, 0)), Some(libc::EFAULT));
        assert_eq!(errno(libc::timerfd_gettime(timer, null_mut())), Some(libc::EFAULT));
        assert_eq!(errno(libc::pipe(null_mut())), Some(libc::EFAULT));
        assert_eq!(errno(libc::fstat(fd, null_mut())), Some(libc::EFAULT));
        assert_eq!(errno(libc::epoll_create1(1)), Some(libc::EINVAL));
        assert_eq!(errno(libc::clock_gettime(99, &mut std::mem::zeroed())), Some(libc::EINVAL));
        assert_eq!(errno(libc::timerfd_create(libc::CLOCK_MONOTONIC_RAW, 0)), Some(libc::EINVAL));
        let alarm = libc::timerfd_create(libc::CLOCK_REALTIME_ALARM, 0);
        assert_eq!(errno(alarm), None);

        // Of a second and a half, half are microseconds; negative ones are refused.
        let before = std::time::Instant::now();
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 1_500_000 };
        assert_eq!(libc::select(0, null_mut(), null_mut(), null_mut(), &raw mut time), 0);
        assert!(before.elapsed().as_millis() >= 1500);
        time.tv_usec = -1;
        let select = libc::select(0, null_mut(), null_mut(), null_mut(), &raw mut time);
        assert_eq!(errno(select), Some(libc::EINVAL));
        // A set of more than `FD_SETSIZE`, where nothing is asked behind it.
        let mut long = [0u64; 32];
        long[fd as usize / 64] = 1 << (fd % 64);
        time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        assert_eq!(libc::select(2048, long.as_mut_ptr().cast(), null_mut(), null_mut(), &raw mut time), 0);
        assert_eq!(long, [0; 32]);

        for (tv_sec, tv_usec, error) in
            [(0, 1_000_000, Some(libc::EDOM)), (0, -1, Some(libc::EDOM)), (-1, 0, None)]
        {
            let time = libc::timeval { tv_sec, tv_usec };
            let (at, length) = ((&raw const time).cast(), size_of_val(&time) as libc::socklen_t);
            let set = libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVTIMEO, at, length);
            assert_eq!(errno(set), error);
        }
        // The time of the last one has passed.
        assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

/// Parts at an offset, and parts that there are not.
pub fn parts() {
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open("/parts").unwrap();
    std::io::Write::write_all(&mut &file, b"abcdef").unwrap();
    let fd = file.as_raw_fd();
    let mut bytes = [0u8; 4];
    let part = |at: *mut u8, iov_len| libc::iovec { iov_base: at.cast(), iov_len };
    // SAFETY: the parts are valid, or of a length that no memory has, and then not looked at.
    unsafe {
        let start = bytes.as_mut_ptr();
        let parts = [part(start, 1), part(start.add(1), 3)];
        assert_eq!(libc::lseek(fd, 1, libc::SEEK_SET), 1);
        assert_eq!(libc::preadv2(fd, parts.as_ptr(), 2, -1, 0), 4);
        assert_eq!(libc::lseek(fd, 0, libc::SEEK_CUR), 5);
        assert_eq!(libc::pwritev2(fd, parts.as_ptr(), 2, -1, 0), 4);
        assert_eq!(errno(libc::preadv(fd, parts.as_ptr(), 2, -1) as i64), Some(libc::EINVAL));
        assert_eq!(errno(libc::preadv2(fd, parts.as_ptr(), 2, -2, 0) as i64), Some(libc::EINVAL));
        let calls = |list: *const libc::iovec, count| {
            [
                libc::readv(fd, list, count),
                libc::writev(fd, list, count),
                libc::preadv(fd, list, count, 0),
                libc::pwritev(fd, list, count, 0),
                libc::preadv2(fd, list, count, -1, 0),
            ]
            .map(|result| (result, std::io::Error::last_os_error().raw_os_error()))
        };
        let huge = [parts[0], part(start, usize::MAX)];
        assert_eq!(calls(huge.as_ptr(), 2), [(-1, Some(libc::EINVAL)); 5]);
        let outside = [parts[0], part(start, isize::MAX as usize)];
        assert_eq!(calls(outside.as_ptr(), 2), [(-1, Some(libc::EFAULT)); 5]);
        assert_eq!(calls(std::ptr::null(), 2), [(-1, Some(libc::EFAULT)); 5]);
        assert_eq!(calls(parts.as_ptr(), -1), [(-1, Some(libc::EINVAL)); 5]);
        assert_eq!(errno(libc::readv(999, std::ptr::null(), 2) as i64), Some(libc::EBADF));
    }
    assert_eq!((&bytes, std::fs::read("/parts").unwrap()), (b"bcde", b"abcdebcde".to_vec()));
}

/// Locks that are awaited, and devices.
pub fn locks_and_devices() {
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
    let record = |kind: i32, l_start, l_len| libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_END as i16,
        l_start,
        l_len,
        l_pid: 0,
    };
    let third = open("/file").unwrap();
    // SAFETY: fcntl(2) reads and writes one lock.
    let call = |file: &std::fs::File, command, mut lock: libc::flock| unsafe {
        let error = errno(libc::fcntl(file.as_raw_fd(), command, &raw mut lock));
        (error, i32::from(lock.l_type), lock.l_start, lock.l_len, lock.l_pid)
    };
    let length = third.metadata().unwrap().len() as i64;
    let ofd = call(&other, libc::F_OFD_SETLK, record(libc::F_WRLCK, 0, -2));
    assert_eq!(ofd, (None, libc::F_WRLCK, 0, -2, 0));
    assert_eq!(call(&third, libc::F_SETLK, record(libc::F_RDLCK, -1, 9)).0, Some(libc::EAGAIN));
    let found = call(&third, libc::F_GETLK, record(libc::F_RDLCK, -length, 0));
    assert_eq!(found, (None, libc::F_WRLCK, length - 2, 2, -1));
    assert_eq!(call(&third, libc::F_SETLK, record(libc::F_RDLCK, 5, 9)).0, None);
    assert_eq!(call(&third, libc::F_GETLK, record(libc::F_WRLCK, 0, 4)).1, libc::F_UNLCK);
    assert_eq!(call(&third, libc::F_SETLK, record(9, 0, 1)).0, Some(libc::EINVAL));
    assert_eq!(call(&third, libc::F_SETLK, record(libc::F_RDLCK, -99, 1)).0, Some(libc::EINVAL));
    assert_eq!(call(&third, libc::F_SETLK, record(libc::F_RDLCK, i64::MAX, 1)).0, Some(libc::EOVERFLOW));
    (&open("/dev/null").unwrap()).write_all(b"nowhere").unwrap();
    open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(
        &std::fs::metadata("/dev/null").unwrap().file_type()
    ));
}

/// Descriptors in control data, by the macros of `cmsg(3)`; and which descriptors `execve(2)` would close.
pub fn control_data() {
    let mut pair = [0; 2];
    let flag = |fd: i32| {
        // SAFETY: fcntl(2) of a number.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        (flags, std::io::Error::last_os_error().raw_os_error())
    };
    // SAFETY: the pointers are valid for what each call does with them; all-zero is valid for each type.
    unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        assert_eq!(libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()), 0);
        let [a, b] = pair;
        assert_eq!(flag(a).0, libc::FD_CLOEXEC);
        assert_eq!((libc::fcntl(a, libc::F_SETFD, 0), flag(a).0, flag(b).0), (0, 0, libc::FD_CLOEXEC));
        assert_eq!(flag(libc::dup(b)).0, 0);
        assert_eq!(flag(libc::fcntl(a, libc::F_DUPFD_CLOEXEC, 9)).0, libc::FD_CLOEXEC);
        assert_eq!(flag(999), (-1, Some(libc::EBADF)));
        let (reader, writer) = std::io::pipe().unwrap();
        let sent = [reader.as_raw_fd(), writer.as_raw_fd()];
        assert_eq!(flag(sent[0]).0, libc::FD_CLOEXEC);

        let bytes = size_of_val(&sent) as u32;
        let mut control = [0u64; 8];
        let mut text = *b"text";
        let mut part = libc::iovec { iov_base: text.as_mut_ptr().cast(), iov_len: 4 };
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(bytes) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes) as usize;
        libc::CMSG_DATA(header).cast::<[i32; 2]>().write_unaligned(sent);
        assert_eq!(libc::sendmsg(a, &raw const message, 0), 4);
        (*header).cmsg_len = 1;
        assert_eq!(errno(libc::sendmsg(a, &raw const message, 0) as i64), Some(libc::EINVAL));
        drop(writer);

        control = [0; 8];
        message.msg_controllen = size_of_val(&control);
        assert_eq!(libc::recvmsg(b, &raw mut message, libc::MSG_CMSG_CLOEXEC), 4);
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        assert_eq!((message.msg_flags, (*header).cmsg_len), (0, libc::CMSG_LEN(bytes) as usize));
        assert!(libc::CMSG_NXTHDR(&raw const message, header).is_null());
        let [_, writer] = libc::CMSG_DATA(header).cast::<[i32; 2]>().read_unaligned();
        assert_eq!(flag(writer).0, libc::FD_CLOEXEC);
        assert_eq!(libc::write(writer, b"x".as_ptr().cast(), 1), 1);
        assert_eq!(libc::close(writer), 0);
        assert_eq!(std::io::read_to_string(reader).unwrap(), "x");
    }
}
