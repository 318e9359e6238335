//! The proactor, step by step:
//!
//! 1. the main thread asks for a read: which socket, into which buffer;
//! 2. it goes on with other things;
//! 3. when the data is in the buffer, the main thread is notified;
//! 4. a worker is picked, which handles the requests;
//! 5. once they are handled, a write is asked for: which socket, from which buffer;
//! 6. the main thread goes on with other things;
//! 7. when the data has been written, the main thread is notified;
//! 8. what comes after is decided: the next read, or the end of the connection.
//!
//! Who reads and writes, and how completion is reported, is what the two files differ in. In [`completion`] it is the kernel: by a
//! ring, or by POSIX AIO and a signal, as in the seed. In [`emulated`] it is the main thread itself, with calls that do
//! not wait, once a readiness model has reported that they will not block. To the workers it is the same: they get
//! finished reads, and give back what is to be written. A worker does not ask for the write itself, since a ring belongs
//! to one thread: it puts its replies into a queue and wakes the main thread, which does.

pub mod completion;
pub mod emulated;
