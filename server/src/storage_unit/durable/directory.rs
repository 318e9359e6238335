//! The directory that an engine keeps its files in: made, and its names made safe.

use super::OpenError;
use eagain_net::{Errno, File, Files};

/// Makes the directory, unless it is there. A directory that a crash takes takes everything in it along, however well that
/// was synced; so its name is synced by every start, for the one that made it may have been killed before it came to that.
pub fn make_directory<K: Files>(kernel: K, directory: &str) -> Result<(), OpenError> {
    let made = kernel.mkdir(directory);
    if !matches!(made, Ok(()) | Err(Errno::EEXIST)) {
        return made.map_err(|errno| OpenError::Io(format!("mkdir {directory}"), errno));
    }
    let parent = parent(directory);
    match sync_directory(kernel, parent) {
        // Whoever may not read the parent did not make this directory.
        Err(Errno::EACCES) if made.is_err() => Ok(()),
        synced => synced.map_err(|errno| OpenError::Io(format!("fsync {parent}"), errno)),
    }
}

/// The directory that a directory's own name is in.
fn parent(directory: &str) -> &str {
    match directory.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None => ".",
    }
}

/// What the directory has of names is safe behind it.
pub fn sync_directory<K: Files>(kernel: K, directory: &str) -> Result<(), Errno> {
    File::open_dir(kernel, directory)?.sync()
}

/// Gives a file another name, and makes that safe.
pub fn rename_durably<K: Files>(kernel: K, directory: &str, from: &str, to: &str) -> Result<(), Errno> {
    kernel.rename(from, to)?;
    sync_directory(kernel, directory)
}
