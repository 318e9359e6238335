//! Files, directories and random bytes.

use eagain_net::{Entropy, Errno, File, Files, Linux, OpenFlags};

/// A folder of the test's own, gone when it ends.
struct Folder(String);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = format!("{}/{name}-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let _ = std::fs::remove_dir_all(&path);
        Linux.mkdir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_keeps_what_is_written_to_it() {
    let folder = Folder::new("keeps");
    let path = folder.path("log");
    let file = File::open(Linux, &path, OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::EXCL).unwrap();
    file.write_all(b"hello ").unwrap();
    file.write_all_at(b"world", 6).unwrap();
    file.sync_data().unwrap();
    let mut buffer = [0; 64];
    assert_eq!(file.read_full_at(&mut buffer, 0), Ok(11));
    assert_eq!(&buffer[..11], b"hello world");
    file.set_len(5).unwrap();
    assert_eq!(file.stat().map(|stat| (stat.len, stat.is_dir)), Ok((5, false)));
    let again = File::open(Linux, &path, OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::EXCL);
    assert_eq!(again.unwrap_err(), Errno::EEXIST);
    assert_eq!(file.close(), Ok(()));
}

#[test]
fn appending_survives_a_change_of_the_status_flags() {
    let folder = Folder::new("append");
    let flags = OpenFlags::WRONLY | OpenFlags::CREAT | OpenFlags::APPEND;
    let file = File::open(Linux, &folder.path("log"), flags).unwrap();
    file.set_nonblocking(true).unwrap();
    file.write_all(b"ab").unwrap();
    File::open(Linux, &folder.path("log"), OpenFlags::WRONLY).unwrap().set_len(0).unwrap();
    file.write_all(b"c").unwrap();
    assert_eq!(file.stat().unwrap().len, 1);
}

#[test]
fn names_are_listed_moved_and_removed() {
    let folder = Folder::new("names");
    for name in ["b", "a"] {
        File::open(Linux, &folder.path(name), OpenFlags::WRONLY | OpenFlags::CREAT).unwrap();
    }
    assert_eq!(Linux.read_dir(&folder.0), Ok(vec!["a".to_string(), "b".to_string()]));
    Linux.rename(&folder.path("b"), &folder.path("a")).unwrap();
    File::open_dir(Linux, &folder.0).unwrap().sync().unwrap();
    Linux.unlink(&folder.path("a")).unwrap();
    assert_eq!(Linux.read_dir(&folder.0), Ok(vec![]));
    assert_eq!(Linux.unlink(&folder.path("a")), Err(Errno::ENOENT));
    assert_eq!(Linux.read_dir(&folder.path("a")), Err(Errno::ENOENT));
    assert_eq!(Linux.unlink("a\0b"), Err(Errno::EINVAL));
}

#[test]
fn random_bytes_fill_the_buffer() {
    let mut buffer = [0; 4096];
    Linux.getrandom(&mut buffer).unwrap();
    assert!(buffer.chunks(64).all(|chunk| chunk.iter().any(|&byte| byte != 0)));
}
