//! `stat(2)`: numbers, links and times of files. A time is that of the last tick: what a row has to tell apart is more than a tick
//! apart.

use crate::asleep::Sleepers;
use eagain_net::{ClockId, Domain, Errno, Fd, FileStat, FileTime, Instant, OpenFlags, SocketFlags};
use std::time::Duration;

/// More than a tick of any Linux (`CONFIG_HZ_100`).
const LATER: Duration = Duration::from_millis(25);
const NEW: OpenFlags = OpenFlags(OpenFlags::RDWR.0 | OpenFlags::CREAT.0);

/// A directory of its own, which is removed with the files of these names.
fn in_folder<K: Sleepers>(k: K, name: &str, files: &[&str], body: impl FnOnce(&dyn Fn(&str) -> String)) {
    let folder = format!("/var/tmp/eagain-stat-{name}-{}", k.getpid());
    k.mkdir(&folder).unwrap();
    let path = |file: &str| if file.is_empty() { folder.clone() } else { format!("{folder}/{file}") };
    body(&path);
    for file in files {
        let _ = k.unlink(&path(file));
    }
    k.rmdir(&folder).unwrap();
}

fn make<K: Sleepers>(k: K, path: &str) -> Fd {
    k.open(path, NEW).unwrap()
}

fn number_is_of_the_file_and_not_of_its_name<K: Sleepers>(k: K) {
    in_folder(k, "number", &["a", "c"], |path| {
        let (one, other) = (make(k, &path("a")), make(k, &path("b")));
        let [a, b] = [one, other].map(|fd| k.fstat(fd).unwrap());
        assert_ne!(a.inode, b.inode);
        assert_eq!((a.links, b.links), (1, 1));
        assert_eq!(k.stat(&path("a")).unwrap().inode, a.inode);
        assert_eq!(k.fstat(k.dup(one).unwrap()).unwrap().inode, a.inode);
        k.link(&path("a"), &path("c")).unwrap();
        assert_eq!(k.stat(&path("c")), k.fstat(one));
        assert_eq!(k.fstat(one).unwrap().links, 2);
        // It is another file's name from now on, and that has lost its own.
        k.rename(&path("b"), &path("a")).unwrap();
        assert_eq!(k.stat(&path("a")).unwrap().inode, b.inode);
        assert_eq!(k.fstat(one).unwrap().links, 1);
        k.unlink(&path("c")).unwrap();
        let open = k.fstat(one).unwrap();
        assert_eq!((open.links, open.inode), (0, a.inode));
        k.close(one).unwrap();
        k.close(other).unwrap();
    });
}

fn numbers_of_what_is_on_no_disk<K: Sleepers>(k: K) {
    let number = |fd: Fd| k.fstat(fd).unwrap().inode;
    let (reader, writer) = k.pipe2(SocketFlags::NONE).unwrap();
    let (one, other) = k.socketpair(SocketFlags::NONE).unwrap();
    let socket = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    let (second, its) = k.pipe2(SocketFlags::NONE).unwrap();
    k.close(its).unwrap();
    let again = k.dup(socket).unwrap();
    assert_eq!(number(reader), number(writer));
    assert_ne!(number(reader), number(second));
    assert_ne!(number(one), number(other));
    assert_ne!(number(socket), number(one));
    assert_eq!(number(socket), number(again));
    let null = k.open("/dev/null", OpenFlags::RDWR).unwrap();
    assert_eq!(number(null), k.stat("/dev/null").unwrap().inode);
    // A socket has no times; that of a pipe is not to come.
    assert_eq!(k.fstat(socket).unwrap().modified, Instant(0));
    let (pipe, now) = (k.fstat(reader).unwrap().modified, k.clock_gettime(ClockId::Realtime));
    assert!(pipe.0 > 0 && pipe <= now, "{pipe:?}");
    for fd in [reader, writer, one, other, socket, second, again, null] {
        k.close(fd).unwrap();
    }
}

/// Which of the times are others: modified, changed.
fn moved(before: FileStat, after: FileStat) -> (bool, bool) {
    assert!(after.modified >= before.modified && after.changed >= before.changed, "{before:?} {after:?}");
    (after.modified != before.modified, after.changed != before.changed)
}

fn times_say_what_has_changed<K: Sleepers>(k: K) {
    in_folder(k, "times", &["a"], |path| {
        let began = k.clock_gettime(ClockId::Realtime);
        k.nanosleep(LATER).unwrap();
        let file = make(k, &path("a"));
        let made = k.fstat(file).unwrap();
        assert_eq!((made.modified, made.accessed), (made.changed, made.changed));
        assert!(made.modified > began && made.modified <= k.clock_gettime(ClockId::Realtime));
        let after = |act: &dyn Fn()| {
            let before = k.fstat(file).unwrap();
            k.nanosleep(LATER).unwrap();
            act();
            moved(before, k.fstat(file).unwrap())
        };
        let (both, changed, neither) = ((true, true), (false, true), (false, false));
        assert_eq!(after(&|| assert_eq!(k.write(file, b"abc"), Ok(3))), both);
        assert_eq!(after(&|| assert_eq!(k.write(file, b""), Ok(0))), neither);
        assert_eq!(after(&|| assert_eq!(k.pwrite(file, b"x", 1), Ok(1))), both);
        assert_eq!(after(&|| assert_eq!(k.pread(file, &mut [0; 3], 0), Ok(3))), neither);
        assert_eq!(after(&|| k.fsync(file).unwrap()), neither);
        assert_eq!(after(&|| k.ftruncate(file, 9).unwrap()), both);
        // Also to the length that it has.
        assert_eq!(after(&|| k.ftruncate(file, 9).unwrap()), both);
        assert_eq!(after(&|| k.fchmod(file, 0o600).unwrap()), changed);
        assert_eq!(after(&|| k.chmod(&path("a"), 0o644).unwrap()), changed);
        assert_eq!(after(&|| k.link(&path("a"), &path("b")).unwrap()), changed);
        assert_eq!(after(&|| k.unlink(&path("b")).unwrap()), changed);
        assert_eq!(after(&|| k.rename(&path("a"), &path("b")).unwrap()), changed);
        assert_eq!(after(&|| k.rename(&path("b"), &path("a")).unwrap()), changed);
        assert_eq!(after(&|| k.close(k.open(&path("a"), NEW).unwrap()).unwrap()), neither);
        let cut = OpenFlags(NEW.0 | OpenFlags::TRUNC.0);
        assert_eq!(after(&|| k.close(k.open(&path("a"), cut).unwrap()).unwrap()), both);
        k.close(file).unwrap();
    });
}

fn times_of_a_directory_are_of_its_names<K: Sleepers>(k: K) {
    in_folder(k, "folder", &["a"], |path| {
        let after = |act: &dyn Fn()| {
            let before = k.stat(&path("")).unwrap();
            k.nanosleep(LATER).unwrap();
            act();
            moved(before, k.stat(&path("")).unwrap())
        };
        let (both, neither) = ((true, true), (false, false));
        assert_eq!(after(&|| k.close(make(k, &path("a"))).unwrap()), both);
        assert_eq!(after(&|| k.close(make(k, &path("a"))).unwrap()), neither);
        assert_eq!(after(&|| k.mkdir(&path("d")).unwrap()), both);
        assert_eq!(after(&|| k.rename(&path("a"), &path("d/a")).unwrap()), both);
        assert_eq!(after(&|| k.rename(&path("d/a"), &path("a")).unwrap()), both);
        assert_eq!(after(&|| k.rmdir(&path("d")).unwrap()), both);
        assert_eq!(after(&|| k.chmod(&path("a"), 0o600).unwrap()), neither);
        assert_eq!(after(&|| k.unlink(&path("a")).unwrap()), both);
        assert_eq!(after(&|| assert_eq!(k.unlink(&path("a")), Err(Errno::ENOENT))), neither);
    });
}

fn times_are_set<K: Sleepers>(k: K) {
    in_folder(k, "set", &["a"], |path| {
        let file = make(k, &path("a"));
        let made = k.fstat(file).unwrap();
        k.nanosleep(LATER).unwrap();
        let (early, late) = (Instant(1_234_567_890_123_456_789), Instant(1_700_000_000_000_000_001));
        k.utimensat(&path("a"), [FileTime::At(early), FileTime::Omit]).unwrap();
        let stat = k.fstat(file).unwrap();
        assert_eq!((stat.accessed, stat.modified), (early, made.modified));
        assert!(stat.changed > made.changed);
        k.futimens(file, [FileTime::Omit, FileTime::At(late)]).unwrap();
        let stat = k.stat(&path("a")).unwrap();
        assert_eq!((stat.accessed, stat.modified), (early, late));
        k.nanosleep(LATER).unwrap();
        k.futimens(file, [FileTime::Omit; 2]).unwrap();
        assert_eq!(k.fstat(file), Ok(stat));
        k.futimens(file, [FileTime::Now; 2]).unwrap();
        let now = k.fstat(file).unwrap();
        assert_eq!((now.accessed, now.modified), (now.changed, now.changed));
        assert!(now.changed > stat.changed);
        assert_eq!(k.utimensat(&path("none"), [FileTime::Now; 2]), Err(Errno::ENOENT));
        assert_eq!(k.futimens(Fd(-1), [FileTime::Now; 2]), Err(Errno::EBADF));
        // Nothing is to be set: nothing is looked at.
        assert_eq!(k.utimensat(&path("none"), [FileTime::Omit; 2]), Ok(()));
        k.close(file).unwrap();
    });
}

fn times_of_a_fifo_are_of_what_goes_through<K: Sleepers>(k: K) {
    in_folder(k, "fifo", &["p"], |path| {
        k.mkfifo(&path("p")).unwrap();
        let fifo = k.open(&path("p"), OpenFlags::RDWR).unwrap();
        assert_eq!(k.fstat(fifo), k.stat(&path("p")));
        let after = |act: &dyn Fn()| {
            let before = k.fstat(fifo).unwrap();
            k.nanosleep(LATER).unwrap();
            act();
            moved(before, k.stat(&path("p")).unwrap())
        };
        assert_eq!(after(&|| assert_eq!(k.write(fifo, b"abc"), Ok(3))), (true, true));
        assert_eq!(after(&|| assert_eq!(k.read(fifo, &mut [0; 9]), Ok(3))), (false, false));
        assert_eq!(after(&|| k.fchmod(fifo, 0o600).unwrap()), (false, true));
        k.futimens(fifo, [FileTime::At(Instant(7)), FileTime::At(Instant(8))]).unwrap();
        let stat = k.stat(&path("p")).unwrap();
        assert_eq!((stat.mode & 0o777, stat.accessed, stat.modified), (0o600, Instant(7), Instant(8)));
        k.close(fifo).unwrap();
    });
}

crate::bodies! {
    number_is_of_the_file_and_not_of_its_name
    numbers_of_what_is_on_no_disk
    times_say_what_has_changed
    times_of_a_directory_are_of_its_names
    times_are_set
    times_of_a_fifo_are_of_what_goes_through
}
