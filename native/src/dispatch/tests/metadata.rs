//! What std says of files: numbers, names and times.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::time::{Duration, SystemTime};

/// A file has a number and times of its own, by whichever name or descriptor it is asked.
pub fn metadata() {
    fs::create_dir("/data").unwrap();
    let mut one = File::create("/data/one").unwrap();
    let other = File::create("/data/other").unwrap();
    let (a, b) = (one.metadata().unwrap(), other.metadata().unwrap());
    assert!(a.ino() != b.ino() && a.ino() != 0 && a.dev() == b.dev() && a.dev() != 0);
    fs::hard_link("/data/one", "/data/again").unwrap();
    let again = fs::metadata("/data/again").unwrap();
    assert_eq!((again.ino(), again.nlink()), (a.ino(), 2));
    for entry in fs::read_dir("/data").unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.ino(), entry.metadata().unwrap().ino(), "{entry:?}");
    }
    assert_eq!(fs::metadata("/data").unwrap().nlink(), 2);
    // Times go on with the clock.
    let made = a.modified().unwrap();
    assert!(made <= SystemTime::now() && made.elapsed().unwrap() < Duration::from_secs(1));
    std::thread::sleep(Duration::from_secs(5));
    one.write_all(&[b'x'; 5000]).unwrap();
    let written = one.metadata().unwrap();
    assert_eq!((written.len(), written.blocks(), written.blksize()), (5000, 16, 4096));
    let later = written.modified().unwrap().duration_since(made).unwrap();
    assert!((4990..6000).contains(&later.as_millis()), "{later:?}");
    assert_eq!(other.metadata().unwrap().modified().unwrap(), made);
    // They are set.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    one.set_times(FileTimes::new().set_modified(long_ago)).unwrap();
    let set = fs::metadata("/data/one").unwrap();
    assert_eq!((set.modified().unwrap(), set.accessed().unwrap()), (long_ago, written.accessed().unwrap()));
    assert!(set.ctime() >= written.ctime());
    // What Linux looks at first.
    let call = |fd: i32, path: Option<&std::ffi::CStr>, nsec: [i64; 2], flags: i32| {
        let times = nsec.map(|tv_nsec| libc::timespec { tv_sec: 1, tv_nsec });
        let path = path.map_or(std::ptr::null(), |path| path.as_ptr());
        // SAFETY: the pointers are valid, or null where that is looked at.
        let result = unsafe { libc::syscall(libc::SYS_utimensat, fd, path, times.as_ptr(), flags) };
        if result == 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap() }
    };
    let (fd, omit) = (one.as_raw_fd(), [libc::UTIME_OMIT; 2]);
    let results = [
        call(libc::AT_FDCWD, None, omit, 1),
        call(libc::AT_FDCWD, None, [1, 1], 0),
        call(fd, None, [1, 1], libc::AT_SYMLINK_NOFOLLOW),
        call(fd, Some(c"/data/one"), [1, 1], 1),
        call(libc::AT_FDCWD, Some(c"/data/one"), [1, -1], 0),
        call(fd, Some(c""), [1, 2], libc::AT_EMPTY_PATH),
    ];
    assert_eq!(results, [0, libc::EFAULT, libc::EINVAL, libc::EINVAL, libc::EINVAL, 0]);
    assert_eq!(one.metadata().unwrap().mtime_nsec(), 2);
    // SAFETY: integers, of which zero is a value.
    let mut coarse: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut coarse) };
    File::create("/data/new").unwrap();
    let new = fs::metadata("/data/new").unwrap();
    assert!((new.mtime(), new.mtime_nsec()) >= (coarse.tv_sec, coarse.tv_nsec), "{coarse:?}");
}
