//! close, dup, read, write, status flags: for whatever a descriptor refers to.

use super::socket;
use crate::network::SendProgress;
use crate::object::{EventCounter, Object, OpenFile, SigIo};
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::{Watcher, World};
use eagain_net::{Errno, Events, Fd, Owner, RecvFlags, Result, SendFlags, SigInfo, SocketFlags, StatusFlags};
use std::io::IoSlice;

impl World {
    /// A new open file, as a descriptor of the running process.
    pub fn open_file(&mut self, object: Object, nonblocking: bool) -> Fd {
        let file = self.files.insert(OpenFile::new(object, nonblocking)) as u32;
        self.install_fd(file)
    }

    pub fn sys_close(&mut self, fd: Fd) -> Result<()> {
        let process = self.my_process();
        let file = self.remove_fd(process, fd)?;
        self.progress();
        self.release_file(file);
        Ok(())
    }

    /// One reference less; with the last one the object goes, and with it its registrations in epoll sets.
    pub fn release_file(&mut self, file: u32) {
        let open = &mut self.files[file as usize];
        open.refs -= 1;
        if open.refs > 0 {
            return;
        }
        let watchers = std::mem::take(&mut open.watchers);
        let object = std::mem::replace(&mut open.object, Object::Gone);
        for watcher in watchers {
            if let Watcher::Epoll { set, item } = watcher {
                self.epoll_forget(set, item);
            }
        }
        self.files.remove(file as usize);
        match object {
            Object::Socket(sock) => self.on_network(|net| net.close_sock(sock)),
            Object::Epoll(set) => {
                for (item, entry) in &set.items {
                    if let Some(open) = self.files.get_mut(entry.file as usize) {
                        open.watchers.retain(
                            |w| !matches!(w, Watcher::Epoll { set: s, item: i } if *s == file && *i == item as u32),
                        );
                    }
                }
            }
            Object::Ring(ring) => self.close_ring(file, *ring),
            Object::File(open) => self.close_disk(*open),
            Object::Event(_) | Object::Timer(_) | Object::Signals(..) | Object::Gone => {}
        }
    }

    pub fn sys_dup(&mut self, fd: Fd) -> Result<Fd> {
        let file = self.file(fd)?;
        self.check_fd_free()?;
        self.files[file as usize].refs += 1;
        Ok(self.install_fd(file))
    }

    pub fn sys_getfl(&mut self, fd: Fd) -> Result<StatusFlags> {
        let file = self.file(fd)?;
        Ok(self.files[file as usize].status)
    }

    pub fn sys_setfl(&mut self, fd: Fd, flags: StatusFlags) -> Result<()> {
        let file = self.file(fd)?;
        let (process, thread) = (self.my_process(), self.scheduler.current());
        let open = &mut self.files[file as usize];
        // Only sockets have `fasync`; elsewhere the flag is dropped without a word.
        let can = matches!(open.object, Object::Socket(_));
        let flags = if can { flags } else { flags.without(StatusFlags::ASYNC) };
        let wants = flags.contains(StatusFlags::ASYNC);
        if wants || open.sigio.is_some() {
            let sigio = open.sigio.get_or_insert_with(|| {
                Box::new(SigIo { owner: Owner::None, process, thread, signal: None, on: false, fd: fd.0 })
            });
            // `si_fd` is the number through which it was switched on (`fasync_helper`).
            if wants && !sigio.on {
                sigio.fd = fd.0;
            }
            sigio.on = wants;
        }
        open.status = flags & (StatusFlags::NONBLOCK | StatusFlags::ASYNC);
        Ok(())
    }

    pub fn sys_read(&mut self, fd: Fd, buffer: &mut [u8], deadline: &mut Option<u64>) -> Step<usize> {
        let file = match self.file(fd) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        match self.files[file as usize].object {
            // `recv` of nothing may still say EAGAIN; `read` of nothing asks nobody (`sock_read_iter`).
            Object::Socket(_) if buffer.is_empty() => return Step::Done(Ok(0)),
            Object::Socket(_) => return socket::recv(self, fd, buffer, RecvFlags::NONE, deadline),
            Object::File(_) => return Step::Done(self.disk_read(file, buffer)),
            Object::Event(_) => {}
            Object::Timer(_) => {}
            Object::Signals(..) => {}
            _ => return Step::Done(Err(Errno::EINVAL)),
        }
        let result = self.read_record(file, buffer);
        match result {
            Err(Errno::EAGAIN) if !self.files[file as usize].nonblocking() => {
                wait_for_file(self, file, Events::IN, false, None);
                Step::Wait
            }
            result => {
                if result.is_ok() {
                    self.progress();
                }
                Step::Done(result)
            }
        }
    }

    /// Reads what an eventfd, a timerfd or a signalfd gives; `EAGAIN` where there is nothing.
    fn read_record(&mut self, file: u32, buffer: &mut [u8]) -> Result<usize> {
        let open = &mut self.files[file as usize];
        match &mut open.object {
            Object::Event(counter) => {
                if buffer.len() < 8 {
                    return Err(Errno::EINVAL);
                }
                if counter.value == 0 {
                    return Err(Errno::EAGAIN);
                }
                let taken = if counter.semaphore { 1 } else { counter.value };
                counter.value -= taken;
                buffer[..8].copy_from_slice(&taken.to_ne_bytes());
                self.notify(file, Events::OUT, None);
                Ok(8)
            }
            Object::Timer(timer) => {
                if buffer.len() < 8 {
                    return Err(Errno::EINVAL);
                }
                if timer.ticks == 0 {
                    return Err(Errno::EAGAIN);
                }
                buffer[..8].copy_from_slice(&std::mem::take(&mut timer.ticks).to_ne_bytes());
                Ok(8)
            }
            Object::Signals(set, _) => {
                if buffer.len() < SigInfo::RECORD_LEN {
                    return Err(Errno::EINVAL);
                }
                let set = *set;
                let mut n = 0;
                while buffer.len() - n >= SigInfo::RECORD_LEN
                    && let Some(info) = self.take_pending(set)
                {
                    buffer[n..n + SigInfo::RECORD_LEN].copy_from_slice(&info.to_record());
                    n += SigInfo::RECORD_LEN;
                }
                if n == 0 { Err(Errno::EAGAIN) } else { Ok(n) }
            }
            _ => Err(Errno::EINVAL),
        }
    }

    pub fn sys_write(&mut self, fd: Fd, bytes: &[u8], progress: &mut SendProgress) -> Step<usize> {
        let file = match self.file(fd) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        match &mut self.files[file as usize].object {
            Object::Socket(_) => socket::send(self, fd, &[bytes], SendFlags::NONE, progress),
            Object::File(_) => Step::Done(self.disk_write(file, bytes)),
            Object::Event(counter) => {
                let Ok(word) = bytes.try_into() else { return Step::Done(Err(Errno::EINVAL)) };
                let add = u64::from_ne_bytes(word);
                if add == u64::MAX {
                    return Step::Done(Err(Errno::EINVAL));
                }
                if add > EventCounter::MAX - counter.value {
                    if self.files[file as usize].nonblocking() {
                        return Step::Done(Err(Errno::EAGAIN));
                    }
                    wait_for_file(self, file, Events::OUT, false, None);
                    return Step::Wait;
                }
                counter.value += add;
                self.progress();
                self.notify(file, Events::IN, None);
                Step::Done(Ok(8))
            }
            _ => Step::Done(Err(Errno::EINVAL)),
        }
    }

    /// `readv(2)`: nothing is asked of what can be read where there is no room.
    pub fn sys_read_parts(&mut self, fd: Fd, buffer: &mut [u8], deadline: &mut Option<u64>) -> Step<usize> {
        let file = match self.file(fd) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        match self.files[file as usize].object {
            Object::Event(_) | Object::Timer(_) | Object::Signals(..) if buffer.is_empty() => {
                Step::Done(Ok(0))
            }
            _ => self.sys_read(fd, buffer, deadline),
        }
    }

    /// `writev(2)`: nothing is asked of what can be written where there is nothing to write. A counter has no call for
    /// parts, and is written one after the other (`do_loop_readv_writev`).
    pub fn sys_write_parts(
        &mut self,
        fd: Fd,
        whole: &[u8],
        parts: &[IoSlice<'_>],
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let file = match self.file(fd) {
            Ok(file) => file,
            Err(errno) => return Step::Done(Err(errno)),
        };
        match self.files[file as usize].object {
            Object::Event(_) | Object::Socket(_) if whole.is_empty() => Step::Done(Ok(0)),
            Object::Event(_) => {
                let mut written = 0;
                for part in parts {
                    match self.sys_write(fd, part, progress) {
                        Step::Done(Ok(n)) => written += n,
                        _ if written > 0 => break,
                        other => return other,
                    }
                }
                Step::Done(Ok(written))
            }
            _ => self.sys_write(fd, whole, progress),
        }
    }
}

/// The running thread waits until `events` may be so of `file`.
pub(crate) fn wait_for_file(
    w: &mut World,
    file: u32,
    events: Events,
    exclusive: bool,
    deadline: Option<u64>,
) {
    let thread = w.scheduler.current();
    w.watch(file, Watcher::Thread { thread, events, exclusive }, exclusive);
    w.wait(WaitOn::File(file), deadline);
}

/// What makes a descriptor takes these flags, and an eventfd one more.
pub(super) fn check_flags(flags: SocketFlags) -> Result<()> {
    let known = SocketFlags::NONBLOCK.with(SocketFlags::CLOEXEC);
    if known.contains(flags) { Ok(()) } else { Err(Errno::EINVAL) }
}
