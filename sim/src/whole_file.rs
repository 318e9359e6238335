//! Files that are written as a whole or not at all: a full disk leaves no empty file, and what was there stays.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file by way of another beside it. What is there and is no ordinary file (`/dev/stdout`) is written to as it is.
/// The error names the path.
pub fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let is_ordinary = fs::symlink_metadata(path).map_or(true, |there| there.is_file());
    let Some(name) = path.file_name().filter(|_| is_ordinary) else {
        return fs::File::create(path).and_then(|file| whole(file, write)).map_err(named);
    };
    let mut part = name.to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let written = fs::File::create(&part).and_then(|file| whole(file, write));
    written.and_then(|()| fs::rename(&part, path)).map_err(|error| {
        let _ = fs::remove_file(&part);
        named(error)
    })
}

/// A text as a file's name. Values come from knobs, and a name must not depend on what a knob's author thought of.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_=,.".contains(c) { c } else { '_' }).collect()
}

fn whole(file: fs::File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.md");
        put(&path, |out| out.write_all(b"first")).unwrap();
        // As on a full disk: some of it is written, and then no more.
        let full = |out: &mut dyn Write| {
            out.write_all(&[b'x'; 100_000])?;
            Err(io::ErrorKind::StorageFull.into())
        };
        let error = put(&path, full).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{}: ", path.display())), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        let other = folder.path().join("other.md");
        assert!(put(&other, full).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("no/such/file");
        assert!(put(&nowhere, |_| Ok(())).unwrap_err().to_string().contains("no/such/file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        put(&link, |out| out.write_all(b"x")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
