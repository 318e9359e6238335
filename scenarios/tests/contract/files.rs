//! Sections 1 and 2, where regular files and numbers that are not open meet readiness; and how large a file can be.

use crate::asleep::Sleepers;
use eagain_net::{EpollOp, Errno, Events, Fd, FdSet, FileLock, OpenFlags, PollFd, Readiness, SocketFlags};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn regular_file_is_always_ready_and_in_no_set<K: Sleepers>(k: K) {
    let path = format!("/var/tmp/eagain-contract-{}", k.getpid());
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    let epoll = k.epoll_create().unwrap();
    assert_eq!(k.epoll_ctl(epoll, EpollOp::Add, file, Events::IN, 0), Err(Errno::EPERM));
    let mut asked = [PollFd::new(file, Events::IN | Events::OUT | Events::PRI | Events::RDHUP)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(1));
    assert_eq!(asked[0].revents, Events::IN | Events::OUT);
    for fd in [file, epoll] {
        k.close(fd).unwrap();
    }
    k.unlink(&path).unwrap();
}

fn select_of_what_is_not_open<K: Sleepers>(k: K) {
    let event = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
    k.close(event).unwrap();
    let mut read = FdSet::default();
    assert!(read.insert(event));
    assert_eq!(k.select(event.0 + 1, Some(&mut read), None, None, NOW, None), Err(Errno::EBADF));
    assert!(read.contains(event), "the sets are left as they were");
    assert_eq!(k.select(1025, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
    assert_eq!(k.select(-1, Some(&mut read), None, None, NOW, None), Err(Errno::EINVAL));
}

/// The real table of the test process is as large as its limit, since another row fills it; so this one learns of the
/// simulation alone.
#[test]
fn select_ignores_what_is_beyond_the_table() {
    let result = crate::on_simulation(|k| {
        let mut read = FdSet::default();
        assert!(read.insert(Fd(1020)));
        assert_eq!(k.select(1021, Some(&mut read), None, None, NOW, None), Ok(0));
        assert!(read.contains(Fd(1020)), "and leaves the bit as it was");
    });
    assert_eq!(result, Ok(()));
}

fn poll_counts_what_is_not_open<K: Sleepers>(k: K) {
    let event = k.eventfd(1, SocketFlags::NONBLOCK).unwrap();
    k.close(event).unwrap();
    let mut asked = [PollFd::new(event, Events::IN), PollFd::new(Fd(-1), Events::IN)];
    assert_eq!(k.poll(&mut asked, NOW, None), Ok(1));
    assert_eq!(asked.map(|fd| fd.revents), [Events::NVAL, Events::NONE]);
}

/// A new file under `/var/tmp` with no name any more. Most machines have ext4 there, which the simulated disk follows.
fn unnamed<K: Sleepers>(k: K, row: &str) -> Fd {
    let path = format!("/var/tmp/eagain-contract-{row}-{}", k.getpid());
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    k.unlink(&path).unwrap();
    file
}

/// How large a file can be: ext4 with blocks of 4 KiB.
const LEN_MAX: u64 = (16 << 40) - 4096;

fn hole_costs_nothing_and_reads_as_zeros<K: Sleepers>(k: K) {
    let file = unnamed(k, "hole");
    assert_eq!(k.ftruncate(file, 8 << 40), Ok(()));
    assert_eq!(k.pwrite(file, b"end", (8 << 40) - 3), Ok(3));
    assert_eq!(k.pwrite(file, b"behind", 9 << 40), Ok(6));
    assert_eq!(k.fstat(file).unwrap().len, (9 << 40) + 6);
    let mut bytes = [1; 4];
    assert_eq!(k.pread(file, &mut bytes, 1 << 40), Ok(4));
    assert_eq!(bytes, [0; 4]);
    assert_eq!(k.pread(file, &mut bytes, (8 << 40) - 3), Ok(4));
    assert_eq!(&bytes, b"end\0");
    assert_eq!(k.fsync(file), Ok(()));
    assert_eq!(k.ftruncate(file, 8 << 40), Ok(()));
    assert_eq!(k.ftruncate(file, 9 << 40), Ok(()));
    assert_eq!(k.pread(file, &mut bytes, (8 << 40) - 2), Ok(4));
    assert_eq!(&bytes, b"nd\0\0");
    assert_eq!(k.ftruncate(file, 0), Ok(()));
    assert_eq!(k.pread(file, &mut bytes, 0), Ok(0));
    k.close(file).unwrap();
}

fn file_larger_than_file_system_allows_is_efbig<K: Sleepers>(k: K) {
    let file = unnamed(k, "efbig");
    assert_eq!(k.ftruncate(file, LEN_MAX + 1), Err(Errno::EFBIG));
    assert_eq!(k.ftruncate(file, 1 << 62), Err(Errno::EFBIG));
    assert_eq!(k.ftruncate(file, 1 << 63), Err(Errno::EINVAL));
    assert_eq!(k.pwrite(file, b"abc", LEN_MAX - 1), Ok(1));
    assert_eq!(k.fstat(file).unwrap().len, LEN_MAX);
    assert_eq!(k.pwrite(file, b"a", LEN_MAX), Err(Errno::EFBIG));
    assert_eq!(k.pwrite(file, b"", LEN_MAX), Ok(0));
    assert_eq!(k.pwrite(file, b"ab", i64::MAX as u64), Err(Errno::EINVAL));
    let mut bytes = [0; 4];
    assert_eq!(k.pread(file, &mut bytes, LEN_MAX - 1), Ok(1));
    assert_eq!(k.pread(file, &mut bytes, LEN_MAX + 5), Ok(0));
    assert_eq!(k.pread(file, &mut bytes, i64::MAX as u64 - 1), Err(Errno::EINVAL));
    k.close(file).unwrap();
}

fn host_has_directories_of_an_ordinary_root<K: Sleepers>(k: K) {
    for path in
        ["/", "/dev", "/etc", "/home", "/root", "/run", "/tmp", "/usr", "/var/lib", "/var/log", "/var/tmp"]
    {
        assert_eq!(k.mkdir(path), Err(Errno::EEXIST), "{path}");
        let open = k.open(path, OpenFlags::DIRECTORY).unwrap();
        assert!(k.fstat(open).unwrap().is_dir, "{path}");
        k.close(open).unwrap();
    }
}

/// A lock is of the open file: shared with its duplicates, and with those of others where it is a shared one.
fn locks_of_open_files<K: Sleepers>(k: K) {
    use FileLock::{Exclusive, Shared, Unlock};
    let path = format!("/var/tmp/eagain-flock-{}", k.getpid());
    let [one, other] = [0; 2].map(|_| k.open(&path, OpenFlags::CREAT | OpenFlags::RDWR).unwrap());
    let again = k.dup(one).unwrap();
    assert_eq!(k.flock(other, Unlock), Ok(()));
    assert_eq!(k.flock(one, Exclusive), Ok(()));
    assert_eq!(k.flock(again, Exclusive), Ok(()));
    for lock in [Exclusive, Shared] {
        assert_eq!(k.flock(other, lock), Err(Errno::EAGAIN));
    }
    assert_eq!(k.flock(one, Shared), Ok(()));
    assert_eq!(k.flock(other, Shared), Ok(()));
    // What was to be changed is lost: the other one has it alone.
    assert_eq!(k.flock(one, Exclusive), Err(Errno::EAGAIN));
    assert_eq!(k.flock(other, Exclusive), Ok(()));
    assert_eq!(k.flock(one, Shared), Err(Errno::EAGAIN));
    assert_eq!(k.flock(other, Unlock), Ok(()));
    assert_eq!(k.flock(again, Exclusive), Ok(()));
    k.close(one).unwrap();
    assert_eq!(k.flock(other, Exclusive), Err(Errno::EAGAIN));
    k.close(again).unwrap();
    assert_eq!(k.flock(other, Exclusive), Ok(()));
    k.unlink(&path).unwrap();
}

fn devices_that_every_machine_has<K: Sleepers>(k: K) {
    let mut buffer = [7; 40];
    let null = k.open("/dev/null", OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::TRUNC).unwrap();
    assert_eq!((k.write(null, b"gone"), k.pwrite(null, b"gone", 9)), (Ok(4), Ok(4)));
    assert_eq!((k.read(null, &mut buffer), k.pread(null, &mut buffer, 5)), (Ok(0), Ok(0)));
    assert_eq!(k.lseek(null, std::io::SeekFrom::Start(3)), Ok(0));
    assert_eq!(k.fstat(null).map(|stat| (stat.len, stat.is_dir)), Ok((0, false)));
    let set = k.epoll_create().unwrap();
    assert_eq!(k.epoll_ctl(set, EpollOp::Add, null, Events::IN, 0), Err(Errno::EPERM));
    let zero = k.open("/dev/zero", OpenFlags::NONE).unwrap();
    assert_eq!((k.read(zero, &mut buffer), buffer), (Ok(40), [0; 40]));
    assert_eq!(k.write(zero, b"x"), Err(Errno::EBADF));
    // `random_poll` names one of the two.
    for (path, events) in [("/dev/urandom", Events::IN | Events::OUT), ("/dev/random", Events::IN)] {
        let random = k.open(path, OpenFlags::NONE).unwrap();
        assert_eq!(k.read(random, &mut buffer), Ok(40));
        let mut ready = [PollFd::new(random, Events::IN | Events::OUT)];
        assert_eq!(k.poll(&mut ready, None, None), Ok(1));
        assert_eq!(ready[0].revents, events, "{path}");
        let added = k.epoll_ctl(set, EpollOp::Add, random, Events::IN, 0);
        assert_eq!(added, if path == "/dev/random" { Ok(()) } else { Err(Errno::EPERM) });
    }
    for path in ["//dev/null", "/dev/./null", "/dev//null", "/tmp/../dev/null"] {
        let null = k.open(path, OpenFlags::WRONLY).unwrap();
        assert_eq!(k.write(null, b"gone"), Ok(4), "{path}");
        k.close(null).unwrap();
    }
    assert_eq!(k.open("/dev/null/", OpenFlags::NONE), Err(Errno::ENOTDIR));
    assert_eq!(k.open("/dev/null/x", OpenFlags::NONE), Err(Errno::ENOTDIR));
    assert!(k.read_dir("/dev").unwrap().contains(&"null".to_owned()));
    // The access mode 3 is for ioctl(2) alone.
    let neither = k.open("/dev/null", OpenFlags(3)).unwrap();
    assert_eq!(k.flock(neither, FileLock::Exclusive), Err(Errno::EBADF));
    assert_eq!(k.flock(neither, FileLock::Unlock), Ok(()));
    assert_eq!(
        (k.read(neither, &mut buffer), k.write(neither, b"x")),
        (Err(Errno::EBADF), Err(Errno::EBADF))
    );
    assert_eq!(k.open("/dev/null", OpenFlags::DIRECTORY), Err(Errno::ENOTDIR));
    assert_eq!(
        k.open("/dev/null", OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::EXCL),
        Err(Errno::EEXIST)
    );
}

fn two_names_of_one_file<K: Sleepers>(k: K) {
    let folder = format!("/var/tmp/eagain-link-{}", k.getpid());
    k.mkdir(&folder).unwrap();
    let at = |name: &str| format!("{folder}/{name}");
    let fd = k.open(&at("one"), OpenFlags::CREAT | OpenFlags::RDWR).unwrap();
    assert_eq!(k.link(&at("one"), &at("other")), Ok(()));
    k.write(fd, b"text").unwrap();
    let other = k.open(&at("other"), OpenFlags::NONE).unwrap();
    assert_eq!(k.fstat(other).map(|stat| stat.len), Ok(4));
    // Two names of one file: nothing happens.
    assert_eq!(k.rename(&at("one"), &at("other")), Ok(()));
    assert_eq!(k.unlink(&at("one")), Ok(()));
    assert_eq!(k.open(&at("one"), OpenFlags::NONE), Err(Errno::ENOENT));
    assert_eq!(k.link(&at("one"), &at("third")), Err(Errno::ENOENT));
    assert_eq!(k.link(&at("other"), &at("other")), Err(Errno::EEXIST));
    assert_eq!(k.link(&at("other"), &at(".")), Err(Errno::EEXIST));
    assert_eq!(k.link(&at("other"), &at("third/")), Err(Errno::ENOENT));
    assert_eq!(k.link(&at("other/"), &at("third")), Err(Errno::ENOTDIR));
    assert_eq!(k.link(&folder, &at("third")), Err(Errno::EPERM));
    assert_eq!(k.link(&folder, &at("other")), Err(Errno::EEXIST));
    assert_eq!(k.link("", &at("third")), Err(Errno::ENOENT));
    assert_eq!(k.link(&at("other"), ""), Err(Errno::ENOENT));
    let mut text = [0; 4];
    assert_eq!((k.read(other, &mut text), &text), (Ok(4), b"text"));
    k.unlink(&at("other")).unwrap();
    k.rmdir(&folder).unwrap();
}

fn only_an_empty_directory_is_removed<K: Sleepers>(k: K) {
    let folder = format!("/var/tmp/eagain-rmdir-{}", k.getpid());
    k.mkdir(&folder).unwrap();
    let (inner, file) = (format!("{folder}/inner"), format!("{folder}/file"));
    k.mkdir(&inner).unwrap();
    let fd = k.open(&file, OpenFlags::CREAT | OpenFlags::WRONLY).unwrap();
    k.close(fd).unwrap();
    assert_eq!(k.rmdir(&folder), Err(Errno::ENOTEMPTY));
    assert_eq!(k.rmdir(&file), Err(Errno::ENOTDIR));
    assert_eq!(k.rmdir(&format!("{folder}/none")), Err(Errno::ENOENT));
    assert_eq!(k.rmdir(&format!("{inner}/.")), Err(Errno::EINVAL));
    assert_eq!(k.rmdir(&format!("{inner}/..")), Err(Errno::ENOTEMPTY));
    assert_eq!(k.rmdir("/"), Err(Errno::EBUSY));
    assert_eq!(k.rmdir(""), Err(Errno::ENOENT));
    assert_eq!(k.rmdir(&format!("{inner}//")), Ok(()));
    assert_eq!(k.unlink(&file), Ok(()));
    assert_eq!(k.rmdir(&folder), Ok(()));
    assert_eq!(k.rmdir(&folder), Err(Errno::ENOENT));
}

/// `getname`, then the limit of descriptors, then the walk to the file.
fn full_table_is_found_after_the_path_and_before_the_file<K: Sleepers>(k: K) {
    let event = k.eventfd(0, SocketFlags::NONBLOCK).unwrap();
    let mut taken = vec![event];
    while let Ok(fd) = k.dup(event) {
        taken.push(fd);
    }
    let long = "a/".repeat(2048);
    let results = [
        k.open("", OpenFlags::NONE),
        k.open(&long, OpenFlags::NONE),
        k.open("/none", OpenFlags::CREAT | OpenFlags::DIRECTORY),
        k.open("/none", OpenFlags::NONE),
    ];
    let lists = [k.read_dir("/tmp"), k.read_dir("/none"), k.read_dir(""), k.read_dir("/\0")];
    for fd in taken {
        k.close(fd).unwrap();
    }
    assert_eq!(results, [Errno::ENOENT, Errno::ENAMETOOLONG, Errno::EINVAL, Errno::EMFILE].map(Err));
    assert_eq!(lists, [Errno::EMFILE, Errno::EMFILE, Errno::ENOENT, Errno::EINVAL].map(Err));
}

fn append_of_nothing_leaves_position<K: Sleepers>(k: K) {
    let path = format!("/var/tmp/eagain-contract-append-{}", k.getpid());
    let file = k.open(&path, OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::APPEND).unwrap();
    k.unlink(&path).unwrap();
    assert_eq!(k.pwrite(file, b"abc", 7), Ok(3));
    assert_eq!(k.write(file, b""), Ok(0));
    let mut bytes = [0; 8];
    assert_eq!(k.read(file, &mut bytes), Ok(3));
    assert_eq!(k.write(file, b"d"), Ok(1));
    assert_eq!(k.read(file, &mut bytes), Ok(0));
    k.close(file).unwrap();
}

crate::bodies! {
    append_of_nothing_leaves_position
    host_has_directories_of_an_ordinary_root
    locks_of_open_files
    devices_that_every_machine_has
    two_names_of_one_file
    only_an_empty_directory_is_removed
    full_table_is_found_after_the_path_and_before_the_file
    hole_costs_nothing_and_reads_as_zeros
    file_larger_than_file_system_allows_is_efbig
    regular_file_is_always_ready_and_in_no_set
    select_of_what_is_not_open
    poll_counts_what_is_not_open
}
