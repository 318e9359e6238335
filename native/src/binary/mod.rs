//! Programs in files of their own: dynamically linked executables of ELF, run as processes of a world as they are.
//!
//! | file | does |
//! |---|---|
//! | `elf` | what a file says: segments, symbols, relocations; refuses what cannot be run |
//! | `link` | the executable with its libraries, and what each relocation comes to: once in a worker |
//! | `names` | what is in the place of libc's functions |
//! | `place` | the addresses of a process, into which the files are mapped; as new for each process |
//! | `unwind` | registers the files that are mapped with the unwinder of the machine |
//! | `start` | from there to `main` |

mod elf;
mod link;
mod names;
mod place;
mod start;
mod unwind;

pub use link::{Binary, is_library};
pub use place::{Places, base};
pub use start::{begin_thread, run};
