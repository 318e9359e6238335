//! Pipes (fs/pipe.c). Their pages are in `crate::object`.

use super::descriptor::{check_flags, wait_for_file, waits};
use super::signal;
use crate::network::{ALL, SendProgress};
use crate::object::{Object, Pipe};
use crate::scheduler::Step;
use crate::world::{HELD_FD, NONE, World};
use eagain_net::{Errno, Events, Fd, Result, SendFlags, SigCode, SigInfo, Signal, SocketFlags};

pub(crate) fn pipe2(w: &mut World, flags: SocketFlags) -> Result<(Fd, Fd)> {
    check_flags(flags)?;
    w.check_two_fds_free()?;
    let pipe = w.pipes.insert(Pipe::new()) as u32;
    let nonblocking = flags.contains(SocketFlags::NONBLOCK);
    let [reader, writer] =
        [false, true].map(|writes| w.files.insert(Object::Pipe { pipe, writes }, nonblocking));
    let p = &mut w.pipes[pipe as usize];
    (p.reader, p.writer) = (reader, writer);
    Ok((w.install_fd(reader), w.install_fd(writer)))
}

/// `pipe_fcntl`: how large it is, after it was made as large as is asked.
pub(crate) fn size(w: &mut World, fd: Fd, bytes: Option<u32>) -> Result<usize> {
    let file = w.file(fd)?;
    let Object::Pipe { pipe, .. } = w.files[file].object else { return Err(Errno::EBADF) };
    let pipe = &mut w.pipes[pipe as usize];
    let Some(bytes) = bytes else { return Ok(pipe.size()) };
    pipe.resize(bytes.into())?;
    let (size, writer) = (pipe.size(), pipe.writer);
    // Whoever waits to write looks again, also where there is no more room than before (`pipe_resize_ring`).
    if writer != NONE {
        w.notify(writer, ALL, None);
    }
    Ok(size)
}

/// `anon_pipe_read`. Readers wait in a line, of which a write wakes the first: who leaves it with something left over wakes
/// the next (`wake_next_reader`).
pub(super) fn read(w: &mut World, fd: Fd, file: u32, pipe: u32, buffer: &mut [u8]) -> Step<usize> {
    let step = attempt_read(w, file, pipe, waits(w, fd, file), buffer);
    if fd == HELD_FD && matches!(step, Step::Done(_)) && !w.pipes[pipe as usize].is_empty() {
        w.notify(file, Events::IN, None);
    }
    step
}

fn attempt_read(w: &mut World, file: u32, pipe: u32, waits: bool, buffer: &mut [u8]) -> Step<usize> {
    if buffer.is_empty() {
        return Step::Done(Ok(0));
    }
    let p = &mut w.pipes[pipe as usize];
    let (n, room) = p.read(buffer);
    let (writer, written_by) = (p.writer, p.written_by);
    if n > 0 {
        let me = w.scheduler.current();
        w.run.payload(me, &buffer[..n], false);
        w.pipes[pipe as usize].read_by = me;
        w.scheduler.exchanged(&w.run, written_by);
        if room {
            w.notify(writer, Events::OUT, Some(SigCode::PollOut));
        }
        return Step::Done(Ok(n));
    }
    if writer == NONE {
        return Step::Done(Ok(0));
    }
    if !waits {
        return Step::Done(Err(Errno::EAGAIN));
    }
    wait_for_file(w, file, Events::IN, true, None);
    Step::Wait
}

/// `anon_pipe_write`, which signals a pipe that is broken unless `flags` say that it must not. Writers wait in a line as
/// readers do (`wake_next_writer`).
pub(super) fn write(
    w: &mut World,
    fd: Fd,
    file: u32,
    pipe: u32,
    bytes: &[u8],
    flags: SendFlags,
    progress: &mut SendProgress,
) -> Step<usize> {
    let broken = !bytes.is_empty() && w.pipes[pipe as usize].reader == NONE;
    if broken && !flags.contains(SendFlags::NOSIGNAL) {
        let thread = w.scheduler.current();
        signal::send_to_thread(w, thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
    }
    let step = attempt_write(w, file, pipe, waits(w, fd, file), bytes, progress);
    if fd == HELD_FD && matches!(step, Step::Done(_)) && !w.pipes[pipe as usize].is_full() {
        w.notify(file, Events::OUT, None);
    }
    step
}

/// Up to `PIPE_BUF` bytes are written whole or not at all.
fn attempt_write(
    w: &mut World,
    file: u32,
    pipe: u32,
    waits: bool,
    bytes: &[u8],
    progress: &mut SendProgress,
) -> Step<usize> {
    if bytes.is_empty() {
        return Step::Done(Ok(0));
    }
    let p = &mut w.pipes[pipe as usize];
    let (reader, read_by) = (p.reader, p.read_by);
    let or_sent = |sent: usize, errno| Step::Done(if sent > 0 { Ok(sent) } else { Err(errno) });
    if reader == NONE {
        return or_sent(progress.sent, Errno::EPIPE);
    }
    let rest = &bytes[progress.sent..];
    let was_empty = p.is_empty();
    let n = p.write(rest, progress.sent == 0);
    progress.sent += n;
    if n > 0 {
        let me = w.scheduler.current();
        w.run.payload(me, &rest[..n], true);
        w.pipes[pipe as usize].written_by = me;
        w.scheduler.exchanged(&w.run, read_by);
        // Who is about to wait for room wakes a reader where there was nothing; who is done always does (`poll_usage`).
        if was_empty || progress.sent == bytes.len() || !(waits || progress.goes_on) {
            w.notify(reader, Events::IN, Some(SigCode::PollIn));
        } else {
            signal::send_sigio(w, reader, SigCode::PollIn);
        }
    }
    if progress.sent == bytes.len() {
        return Step::Done(Ok(bytes.len()));
    }
    if !waits {
        return or_sent(progress.sent, Errno::EAGAIN);
    }
    wait_for_file(w, file, Events::OUT, true, None);
    Step::Wait
}

/// `pipe_poll`.
pub(super) fn poll(w: &World, pipe: u32, writes: bool) -> Events {
    let p = &w.pipes[pipe as usize];
    let of = |yes: bool, events: Events| if yes { events } else { Events::NONE };
    match writes {
        false => of(!p.is_empty(), Events::IN) | of(p.writer == NONE, Events::HUP),
        true => of(!p.is_full(), Events::OUT) | of(p.reader == NONE, Events::ERR),
    }
}

/// The last descriptor of an end is gone: the other end is notified.
pub(super) fn close(w: &mut World, pipe: u32, writes: bool) {
    let p = &mut w.pipes[pipe as usize];
    *if writes { &mut p.writer } else { &mut p.reader } = NONE;
    let (reader, writer) = (p.reader, p.writer);
    match (reader, writer) {
        (NONE, NONE) => drop(w.pipes.remove(pipe as usize)),
        (reader, NONE) => w.notify(reader, ALL, Some(SigCode::PollIn)),
        (_, writer) => w.notify(writer, ALL, Some(SigCode::PollOut)),
    }
}
