//! Files of sweeps: read, or refused in a line; what is read merges with itself, or is refused.

use eagain_sim::runner::json::SweepFile;
use eagain_sim::runner::merge::merge;

/// Fails by a panic.
pub fn run(text: &str) {
    if let Ok(file) = SweepFile::parse("f", text) {
        let _ = SweepFile::parse("f", &file.text()).unwrap();
        let _ = merge(&[("f".to_owned(), file)]);
    }
}
