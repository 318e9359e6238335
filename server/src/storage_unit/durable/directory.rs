//! The directory that an engine keeps its files in: made, and its names made safe.

use super::OpenError;
use crate::storage_unit::Engine;
use eagain_net::{Errno, File, Files, OpenFlags};

/// Makes the directory, unless it is there. A directory that a crash takes takes everything in it along, however well that
/// was synced; so its name is synced by every start, for the one that made it may have been killed before it came to that.
fn make_directory<K: Files>(kernel: K, directory: &str) -> Result<(), OpenError> {
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

/// The file whose lock says that a server has the directory; in it, the server's process number.
const LOCK: &str = "lock";

/// Makes a directory ours until the file is closed, which the end of the process does. `own` is the engine, whose file has its name: a
/// directory that has another engine's file and not this one is not a new one.
pub fn claim<K: Files>(kernel: K, directory: &str, pid: i32, own: &str) -> Result<File<K>, OpenError> {
    make_directory(kernel, directory)?;
    let path = format!("{directory}/{LOCK}");
    let io = |errno| OpenError::Io(format!("lock {path}"), errno);
    let file = File::open(kernel, &path, OpenFlags::RDWR | OpenFlags::CREAT).map_err(io)?;
    match file.lock() {
        Ok(()) => {}
        Err(Errno::EAGAIN) => {
            let mut holder = [0; 20];
            let length = file.read_at(&mut holder, 0).unwrap_or(0);
            let holder = String::from_utf8_lossy(holder.get(..length).unwrap_or_default()).into_owned();
            return Err(OpenError::Taken {
                directory: directory.to_owned(),
                holder: holder.trim().to_owned(),
            });
        }
        Err(errno) => return Err(io(errno)),
    }
    // For people alone: it may fail on a full disk.
    let _ = file.set_len(0).and_then(|()| file.write_all_at(format!("{pid}\n").as_bytes(), 0));
    let has = |name: &str| File::open(kernel, &format!("{directory}/{name}"), OpenFlags::NONE).is_ok();
    let others = Engine::NAMES.iter().filter(|(name, engine)| *engine != Engine::Memory && *name != own);
    for (name, _) in others {
        if has(name) && !has(own) {
            return Err(OpenError::Damaged(format!(
                "{directory} holds data of --storage {name} and none of this engine's; start with --storage {name}, or \
                 choose another --dir"
            )));
        }
    }
    Ok(file)
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
