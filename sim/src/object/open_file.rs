//! An open file description (`open(2)`): what several descriptors, of several processes, can share.

use super::{Device, EpollSet, EventCounter, OpenDevice, OpenDisk, PipeEnd, Ring, TimerFd, Watcher};
use eagain_net::{Owner, SigSet, Signal, StatusFlags};

/// What it is.
pub(crate) enum Object {
    /// A TCP socket, by index.
    Socket(u32),
    /// A UDP socket, by index.
    Udp(u32),
    /// An end of a pipe, by its index. `seen`: how often it had been opened for writing when a reader opened it without one.
    Pipe {
        pipe: u32,
        end: PipeEnd,
        seen: u32,
    },
    /// An AF_UNIX socket, by index.
    Unix(u32),
    Epoll(Box<EpollSet>),
    Event(EventCounter),
    Timer(Box<TimerFd>),
    /// A signalfd: its set, and the process that made it.
    Signals(SigSet, u32),
    Ring(Box<Ring>),
    /// A regular file or a directory.
    File(Box<OpenDisk>),
    /// A character device.
    Device(OpenDevice),
    /// Nothing: its object has been released.
    Gone,
}

impl Object {
    /// Whether it is a socket, of whatever family.
    pub fn is_socket(&self) -> bool {
        matches!(self, Object::Socket(_) | Object::Udp(_) | Object::Unix(_))
    }

    /// Whether anybody can wait for it (`file_can_poll`): what else there is, is always ready.
    pub fn can_poll(&self) -> bool {
        match self {
            Object::Device(open) => open.device == Device::Random,
            Object::File(_) | Object::Gone => false,
            _ => true,
        }
    }

    /// Whether it holds bytes that were sent.
    pub fn has_buffers(&self) -> bool {
        matches!(self, Object::Socket(_) | Object::Udp(_) | Object::Unix(_) | Object::Pipe { .. })
    }
}

/// Who is notified by a signal, and by which (`fcntl(2)`). A copy is given out: an [`OpenFile`] alone changes its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SigIo {
    pub owner: Owner,
    pub process: u32,
    pub thread: u32,
    pub signal: Option<Signal>,
    /// `O_ASYNC` is set.
    pub on: bool,
    /// The descriptor through which `F_SETSIG` was called: `si_fd`.
    pub fd: i32,
}

/// An open file description.
pub(crate) struct OpenFile {
    pub object: Object,
    status: StatusFlags,
    /// Descriptors, and operations in flight, that refer to it.
    pub(super) refs: u32,
    /// Its wait queue, back to front.
    pub(super) watchers: Vec<Watcher>,
    sigio: Option<Box<SigIo>>,
}

impl OpenFile {
    pub fn new(object: Object, nonblocking: bool) -> OpenFile {
        OpenFile {
            object,
            status: if nonblocking { StatusFlags::NONBLOCK } else { StatusFlags::NONE },
            refs: 1,
            watchers: Vec::new(),
            sigio: None,
        }
    }

    /// Whether more than one descriptor or operation refers to it.
    pub fn is_shared(&self) -> bool {
        self.refs > 1
    }

    /// Its wait queue, as the kernel keeps it but back to front: the last to come is notified first, exclusive waiters after
    /// all others and in the order in which they came (`add_wait_queue`, `prepare_to_wait_exclusive`).
    #[inline]
    pub fn watchers(&self) -> &[Watcher] {
        &self.watchers
    }

    /// Puts a watcher where its kind stands in the wait queue.
    pub fn watch(&mut self, watcher: Watcher, exclusive: bool) {
        if exclusive {
            self.watchers.insert(0, watcher);
        } else {
            self.watchers.push(watcher);
        }
    }

    #[inline]
    pub fn nonblocking(&self) -> bool {
        self.status.contains(StatusFlags::NONBLOCK)
    }

    /// `F_GETFL`.
    pub fn status(&self) -> StatusFlags {
        self.status
    }

    /// `F_SETFL`, by a thread of a process through `fd`. Only sockets and pipes have `fasync`; elsewhere `O_ASYNC` is dropped
    /// without a word.
    pub fn set_status(&mut self, flags: StatusFlags, by: (u32, u32), fd: i32) {
        let can = self.object.is_socket() || matches!(self.object, Object::Pipe { .. });
        let wants = can && flags.contains(StatusFlags::ASYNC);
        if wants || self.sigio.is_some() {
            let sigio = self.sigio_mut(by, fd);
            // `si_fd` is the number through which it was switched on (`fasync_helper`).
            if wants && !sigio.on {
                sigio.fd = fd;
            }
            sigio.on = wants;
        }
        let kept = if can { StatusFlags::NONBLOCK | StatusFlags::ASYNC } else { StatusFlags::NONBLOCK };
        self.status = flags & kept;
    }

    /// It does not block while a call is made on it on behalf of another thread; its status before.
    pub fn unblock(&mut self) -> StatusFlags {
        let status = self.status;
        self.status = status | StatusFlags::NONBLOCK;
        status
    }

    /// That call is over.
    pub fn restore(&mut self, status: StatusFlags) {
        self.status = status;
    }

    /// Whether anything was ever said about signals.
    #[inline(always)]
    pub fn has_sigio(&self) -> bool {
        self.sigio.is_some()
    }

    /// Who is notified by a signal.
    pub fn sigio(&self) -> Option<SigIo> {
        self.sigio.as_deref().copied()
    }

    /// `F_SETOWN`, by a thread of a process.
    pub fn set_owner(&mut self, owner: Owner, by: (u32, u32), fd: i32) {
        let sigio = self.sigio_mut(by, fd);
        (sigio.owner, sigio.process, sigio.thread) = (owner, by.0, by.1);
    }

    /// `F_SETSIG`.
    pub fn set_signal(&mut self, signal: Option<Signal>, by: (u32, u32), fd: i32) {
        self.sigio_mut(by, fd).signal = signal;
    }

    fn sigio_mut(&mut self, (process, thread): (u32, u32), fd: i32) -> &mut SigIo {
        let none = || Box::new(SigIo { owner: Owner::None, process, thread, signal: None, on: false, fd });
        self.sigio.get_or_insert_with(none)
    }

    /// Its host was switched off, and the socket that it was is no more.
    pub fn lose_object(&mut self) {
        self.object = Object::Gone;
    }
}
