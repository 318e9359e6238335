//! Replay files: read, or refused in a line; what is read is written and read back as the same.

use eagain_sim::replay::ReplayFile;

/// Fails by a panic.
pub fn run(bytes: &[u8]) {
    if let Ok(file) = ReplayFile::parse("f", bytes) {
        let again = ReplayFile::parse("f", file.to_json().as_bytes()).unwrap();
        // Writing adds the digest of what it writes.
        assert_eq!(ReplayFile { digest: None, ..again }, ReplayFile { digest: None, ..file });
    }
}
