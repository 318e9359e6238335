//! Pipes (fs/pipe.c). Their pages are in `crate::object`.

use super::descriptor::{check_flags, wait_for_file, waits};
use super::signal;
use super::stat;
use crate::network::{ALL, SendProgress};
use crate::object::{Object, Pipe, PipeEnd, Special};
use crate::scheduler::Step;
use crate::world::{HELD_FD, NONE, World};
use eagain_net::{
    Errno, Events, Fd, OpenFlags, Result, SendFlags, SigCode, SigInfo, Signal, SocketFlags, StatusFlags,
};

pub(crate) fn pipe2(w: &mut World, flags: SocketFlags) -> Result<(Fd, Fd)> {
    check_flags(flags)?;
    w.check_two_fds_free()?;
    let pipe = w.pipes.insert(Pipe::new(None)) as u32;
    let nonblocking = flags.contains(SocketFlags::NONBLOCK);
    let [reader, writer] = [PipeEnd::Reader, PipeEnd::Writer].map(|end| {
        let file = w.files.insert(Object::Pipe { pipe, end, seen: 0 }, nonblocking);
        w.pipes[pipe as usize].opened(file, end);
        file
    });
    Ok((w.install_fd(reader), w.install_fd(writer)))
}

/// An open of a FIFO that waits: its open file, and how often the other direction had been opened before.
pub(crate) struct Opening {
    file: u32,
    seen: u32,
}

/// What wakes nobody but those that wait in `open`.
const PARTNER: Events = Events(1 << 26);

/// `fifo_open`.
pub(super) fn open_fifo(
    w: &mut World,
    inode: u32,
    flags: OpenFlags,
    opening: &mut Option<Opening>,
) -> Step<Fd> {
    let host = w.my_host();
    let nonblocking = flags.0 & StatusFlags::NONBLOCK.0 != 0;
    let end = match flags.0 & (OpenFlags::WRONLY.0 | OpenFlags::RDWR.0) {
        0 => PipeEnd::Reader,
        1 => PipeEnd::Writer,
        2 => PipeEnd::Both,
        _ => return Step::Done(Err(Errno::EINVAL)),
    };
    let known = match w.hosts[host].disk.inode(inode).special() {
        Some(Special::Fifo(pipe)) if pipe != NONE => Some(pipe),
        _ => None,
    };
    let has_reader = known.is_some_and(|pipe| w.pipes[pipe as usize].has_readers());
    if end == PipeEnd::Writer && nonblocking && !has_reader {
        return Step::Done(Err(Errno::ENXIO));
    }
    let pipe = known.unwrap_or_else(|| {
        let pipe = w.pipes.insert(Pipe::new(Some((host, inode)))) as u32;
        w.hosts[host].disk.hold_fifo(inode, pipe);
        pipe
    });
    let p = &mut w.pipes[pipe as usize];
    let is_first = end.reads() && !p.has_readers() || end.writes() && !p.has_writers();
    let lacks_writer = end == PipeEnd::Reader && !p.has_writers();
    // A reader that came first is not hung up before a writer has been there.
    let seen = if lacks_writer && nonblocking { p.opens(PipeEnd::Writer) } else { 0 };
    let file = w.files.insert(Object::Pipe { pipe, end, seen }, nonblocking);
    p.opened(file, end);
    let waits = !nonblocking && lacks_writer || end == PipeEnd::Writer && !p.has_readers();
    let seen = p.opens(partner(end));
    if is_first {
        // Who waits in `open` is in the line of readers, whichever end it is (`wake_up_partner`).
        notify(w, pipe, PipeEnd::Reader, ALL | PARTNER, None);
        notify(w, pipe, PipeEnd::Writer, PARTNER, None);
    }
    w.progress();
    if !waits {
        return Step::Done(Ok(w.install_fd(file)));
    }
    w.reserve_fd();
    w.scheduler.running_mut().hold(file);
    *opening = Some(Opening { file, seen });
    wait_for_file(w, file, PARTNER, false, None);
    Step::Wait
}

/// The end whose opening an end waits for; who opens both waits for neither.
fn partner(end: PipeEnd) -> PipeEnd {
    if end == PipeEnd::Reader { PipeEnd::Writer } else { PipeEnd::Reader }
}

/// `wait_for_partner`.
pub(super) fn go_on_opening(w: &mut World, opening: &Opening) -> Step<Fd> {
    let Opening { file, seen } = *opening;
    let Object::Pipe { pipe, end, .. } = w.files[file].object else { return Step::Done(Err(Errno::EBADF)) };
    if w.pipes[pipe as usize].opens(partner(end)) == seen {
        wait_for_file(w, file, PARTNER, false, None);
        return Step::Wait;
    }
    // The call lets go of it.
    w.files.hold(file);
    Step::Done(Ok(w.install_reserved_fd(file)))
}

/// Does this with all open files of one end.
fn each(w: &mut World, pipe: u32, end: PipeEnd, mut act: impl FnMut(&mut World, u32)) {
    let mut at = 0;
    loop {
        let Some(p) = w.pipes.get(pipe as usize) else { return };
        let Some(&file) = p.files(end).get(at) else { return };
        act(w, file);
        at += 1;
    }
}

fn notify(w: &mut World, pipe: u32, end: PipeEnd, events: Events, signal: Option<SigCode>) {
    each(w, pipe, end, |w, file| w.notify(file, events, signal));
}

/// A call that ends signals the owner of the other end, whatever it came to (`kill_fasync` in `anon_pipe_read` and `anon_pipe_write`).
fn send_sigio(w: &mut World, pipe: u32, end: PipeEnd, code: SigCode) {
    each(w, pipe, end, |w, file| signal::send_sigio(w, file, code));
}

/// `pipe_fcntl`: how large it is, after it was made as large as is asked.
pub(crate) fn size(w: &mut World, fd: Fd, bytes: Option<u32>) -> Result<usize> {
    let file = w.file(fd)?;
    let Object::Pipe { pipe: number, .. } = w.files[file].object else { return Err(Errno::EBADF) };
    let pipe = &mut w.pipes[number as usize];
    let Some(bytes) = bytes else { return Ok(pipe.size()) };
    pipe.resize(bytes.into())?;
    let size = pipe.size();
    // Whoever waits to write looks again, also where there is no more room than before (`pipe_resize_ring`).
    notify(w, number, PipeEnd::Writer, ALL, None);
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
    let is_at_end = !p.has_writers();
    if n > 0 {
        let me = w.scheduler.current();
        w.run.payload(me, &buffer[..n], false);
        stat::note_transfer(w, file, false);
        let writer = w.pipes[pipe as usize].read_by(me);
        w.scheduler.exchanged(&w.run, writer);
        if room {
            notify(w, pipe, PipeEnd::Writer, Events::OUT, Some(SigCode::PollOut));
        } else {
            send_sigio(w, pipe, PipeEnd::Writer, SigCode::PollOut);
        }
        return Step::Done(Ok(n));
    }
    if is_at_end {
        return Step::Done(Ok(0));
    }
    if !waits {
        send_sigio(w, pipe, PipeEnd::Writer, SigCode::PollOut);
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
    let broken = !bytes.is_empty() && !w.pipes[pipe as usize].has_readers();
    if broken && !flags.contains(SendFlags::NOSIGNAL) {
        let thread = w.scheduler.current();
        let _ = signal::send_to_thread(w, thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
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
    let or_sent = |sent: usize, errno| Step::Done(if sent > 0 { Ok(sent) } else { Err(errno) });
    if !p.has_readers() {
        return or_sent(progress.sent, Errno::EPIPE);
    }
    let rest = &bytes[progress.sent..];
    let was_empty = p.is_empty();
    let n = p.write(rest, progress.sent == 0);
    progress.sent += n;
    if n > 0 {
        let me = w.scheduler.current();
        w.run.payload(me, &rest[..n], true);
        stat::note_transfer(w, file, true);
        let reader = w.pipes[pipe as usize].written_by(me);
        w.scheduler.exchanged(&w.run, reader);
        // Who is about to wait for room wakes a reader where there was nothing; who is done always does (`poll_usage`).
        if was_empty || progress.sent == bytes.len() || !(waits || progress.goes_on) {
            notify(w, pipe, PipeEnd::Reader, Events::IN, Some(SigCode::PollIn));
        } else {
            send_sigio(w, pipe, PipeEnd::Reader, SigCode::PollIn);
        }
    } else if !waits {
        send_sigio(w, pipe, PipeEnd::Reader, SigCode::PollIn);
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
pub(super) fn poll(w: &World, pipe: u32, end: PipeEnd, seen: u32) -> Events {
    let p = &w.pipes[pipe as usize];
    let of = |yes: bool, events: Events| if yes { events } else { Events::NONE };
    let hung_up = !p.has_writers() && p.opens(PipeEnd::Writer) != seen;
    let reader = of(end.reads(), of(!p.is_empty(), Events::IN) | of(hung_up, Events::HUP));
    reader | of(end.writes(), of(!p.is_full(), Events::OUT) | of(!p.has_readers(), Events::ERR))
}

/// The last descriptor of an open file is gone: where that was the last of its end, the other one is notified.
pub(super) fn close(w: &mut World, pipe: u32, file: u32) {
    let p = &mut w.pipes[pipe as usize];
    p.closed(file);
    match (p.has_readers(), p.has_writers()) {
        (false, false) => {
            let pipe = w.pipes.remove(pipe as usize);
            if let Some((host, inode)) = pipe.name() {
                w.hosts[host].disk.release_fifo(inode);
            }
        }
        (true, false) => notify(w, pipe, PipeEnd::Reader, ALL, Some(SigCode::PollIn)),
        (false, true) => notify(w, pipe, PipeEnd::Writer, ALL, Some(SigCode::PollOut)),
        (true, true) => {}
    }
}
