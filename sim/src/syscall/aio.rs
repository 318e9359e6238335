//! POSIX AIO as glibc has it (sysdeps/pthread/aio_misc.c): threads of the library that make plain blocking calls, one
//! operation at a time for each descriptor number, and report the end by a queued signal.

use super::address_family;
use super::descriptor;
use super::file;
use super::signal;
use crate::fault::Family;
use crate::network::SendProgress;
use crate::object::{AioCall, AioOp, Object, Watcher};
use crate::run::Effect;
use crate::scheduler::Step;
use crate::scheduler::{Event, WaitOn, Wake};
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{
    AioCancel, AioId, AioState, Errno, Events, Fd, Result, SendFlags, SigCode, SigEvent, SigInfo,
};

/// How long a thread of the library takes to wake up and make its call.
const TURN_NS: u64 = 5_000;

/// What a turn of an operation comes to.
enum Turn {
    Over(Result<usize>),
    Waits(Events),
}

/// `aio_read(3)` or `aio_write(3)`: queues the operation. A wrong descriptor is found out when it runs.
pub(crate) fn start(
    w: &mut World,
    fd: Fd,
    buffer: &mut Option<Vec<u8>>,
    from: Option<usize>,
    offset: u64,
    event: SigEvent,
) -> Result<u64> {
    if from.is_some_and(|from| from > buffer.as_ref().map_or(0, |b| b.len())) {
        return Err(Errno::EINVAL);
    }
    let process = w.my_process();
    let op = AioOp::new(fd.0, buffer.take().unwrap_or_default(), from, offset, event);
    let id = w.me().aio.push(op);
    dispatch(w, process);
    Ok(u64::from(id))
}

/// Free threads of the library take up what can run.
fn dispatch(w: &mut World, process: u32) {
    while let Some(id) = w.processes[process].aio.take_up() {
        plan(w, process, id);
    }
}

/// The operation has a turn soon.
fn plan(w: &mut World, process: u32, id: u32) {
    let Some((op, turns, name)) = w.processes[process].aio_turns(id) else { return };
    if !op.plan() {
        return;
    }
    let now = w.run.now();
    let late = w.run.inject(
        Family::AioLate,
        turns,
        || name.to_owned(),
        |late| {
            let args = [u64::from(id), late, 0, 0];
            Some(Effect { time: now, thread: NONE, args })
        },
    );
    let late = late.map_or(0, |(late, _)| late);
    w.scheduler.plan(now + TURN_NS + late, Event::Aio(process, id));
}

/// The file that a running operation waits for had a wake-up.
pub(crate) fn woken(w: &mut World, process: u32, id: u32) {
    plan(w, process, id);
}

/// The thread of the library makes its call, or goes on in it.
pub(crate) fn due(w: &mut World, process: u32, id: u32) {
    let p = &mut w.processes[process];
    if p.has_ended() {
        return;
    }
    if p.is_stopped() {
        return p.aio.miss(id);
    }
    let Some(op) = p.aio.get_mut(id) else { return };
    if !op.begin_turn() {
        return;
    }
    match take_turn(w, process, id) {
        Turn::Over(result) => finish(w, process, id, result),
        Turn::Waits(events) => {
            let Some(op) = w.processes[process].aio.get_mut(id) else { return };
            let file = op.file();
            if !op.has_waited() {
                let until =
                    timeout(w, file, events).map_or(u64::MAX, |timeout| w.run.now().saturating_add(timeout));
                if let Some(op) = w.processes[process].aio.get_mut(id) {
                    op.wait_until(until);
                }
                if until != u64::MAX {
                    w.scheduler.plan(until, Event::Aio(process, id));
                }
            }
            w.files.unwatch(file, |watcher| watcher.is_aio_op(process, id));
            if let Some(open) = w.files.get_mut(file) {
                open.watch(Watcher::Aio { process, op: id, events: events | Events::ERR }, false);
            }
        }
    }
}

/// The process is continued: the threads of the library go on.
pub(crate) fn resume(w: &mut World, process: u32) {
    for id in w.processes[process].aio.take_missed() {
        w.scheduler.plan(w.run.now(), Event::Aio(process, id));
    }
}

/// The thread's call is a blocking one, to which `SO_RCVTIMEO` and `SO_SNDTIMEO` apply (`socket(7)`).
fn timeout(w: &World, file: u32, events: Events) -> Option<u64> {
    match w.files.get(file)?.object {
        Object::Socket(sock) => w.network.timeout(sock, events),
        _ => address_family::timeout(w, file, events),
    }
}

fn take_turn(w: &mut World, process: u32, id: u32) -> Turn {
    let thread = w.processes[process].main_thread();
    let Some(op) = w.processes[process].aio.get_mut(id) else {
        return Turn::Over(Err(Errno::EINVAL));
    };
    if op.file() == NONE {
        // The number is looked up now: it may be closed, or refer to something else, by this time.
        let fd = Fd(op.fd());
        let Some(file) = w.processes[process].fds.get(fd) else { return Turn::Over(Err(Errno::EBADF)) };
        w.files.hold(file);
        if let Some(op) = w.processes[process].aio.get_mut(id) {
            op.hold(file);
        }
    }
    let Some(op) = w.processes[process].aio.get_mut(id) else {
        return Turn::Over(Err(Errno::EINVAL));
    };
    let AioCall { file, from, offset, moved, deadline, mut buffer, mut progress } = op.begin_call();
    let expired = deadline.is_some_and(|at| w.run.now() >= at);
    let nonblocking = w.files[file].nonblocking();
    let socket = w.files[file].object.is_socket();
    let regular = matches!(w.files[file].object, Object::File(_));
    let result = match from {
        None => w.by_borrowed_fd(thread, file, |w, fd| match regular {
            true => Step::Done(file::pread(w, fd, &mut buffer, offset)),
            // pread gives ESPIPE on what cannot seek, and the library then reads, by a thread of its own: the
            // signals that wait for another thread are not for it.
            false => {
                let own = w.scheduler[thread].signals.set_aside();
                progress.goes_on = !nonblocking;
                let step = descriptor::read(w, fd, &mut buffer, &mut progress);
                w.scheduler[thread].signals.put_back(own);
                step
            }
        }),
        Some(from) => w.by_borrowed_fd(thread, file, |w, fd| {
            let rest = &buffer[from + moved..];
            let mut progress = SendProgress { sent: 0, deadline, goes_on: !nonblocking };
            // SIGPIPE is not for the program's thread.
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match regular {
                true => Step::Done(file::pwrite(w, fd, rest, offset)),
                false => descriptor::write_with(w, fd, rest, flags, &mut progress),
            }
        }),
    };
    // A socket signals only where nothing was sent, a pipe always.
    if result == Err(Errno::EPIPE) && from.is_some() && (moved == 0 || !socket) {
        sigpipe(w, process);
    }
    let total = buffer.len() - from.unwrap_or(0);
    let Some(op) = w.processes[process].aio.get_mut(id) else {
        return Turn::Over(Err(Errno::EINVAL));
    };
    op.end_call(buffer, progress);
    let events = if from.is_some() { Events::OUT } else { Events::IN };
    match result {
        Err(Errno::EAGAIN) if nonblocking || expired => Turn::Over(or_moved(Errno::EAGAIN, moved)),
        Err(Errno::EAGAIN) => Turn::Waits(events),
        // A blocking write to a socket or a pipe goes on until all is written.
        Ok(n) if from.is_some() && !regular && !nonblocking && !expired && moved + n < total => {
            op.advance(n);
            Turn::Waits(events)
        }
        Ok(n) => Turn::Over(Ok(moved + n)),
        Err(errno) => Turn::Over(or_moved(errno, moved)),
    }
}

/// SIGPIPE is for the library's thread, which blocks every signal: it is not ignored whatever the program says, pends
/// once, and signalfds hear of it. One thread of the library stands for all, and is never idle for so long that it
/// goes.
fn sigpipe(w: &mut World, process: u32) {
    if w.processes[process].aio.sigpipe() {
        signal::notify_signalfds(w, process);
    }
}

/// An operation has ended, or was cancelled: reports it, and lets the next one of its number run.
fn finish(w: &mut World, process: u32, id: u32, result: Result<usize>) {
    let aio = &mut w.processes[process].aio;
    let Some((event, file)) = aio.end(id, result) else { return };
    let waiters = aio.take_waiters();
    let word = match result {
        Ok(n) => n as i64,
        Err(errno) => -i64::from(errno.0),
    };
    let main = w.processes[process].main_thread();
    w.run.completion(main, Kind::AioDone, [u64::from(id), word as u64, 0, 0]);
    if file != NONE {
        w.files.unwatch(file, |watcher| watcher.is_aio_op(process, id));
        descriptor::release_file(w, file);
    }
    if let SigEvent::Signal(signal, value) = event {
        // Where the queue is full a real-time signal is lost, and only aio_error reports it.
        let info = SigInfo { value, ..SigInfo::plain(signal, SigCode::AsyncIo) };
        let _ = signal::send_to_process(w, process, info);
    }
    for thread in waiters {
        w.wake(thread, Wake::Ready);
    }
    dispatch(w, process);
}

pub(crate) fn error(w: &mut World, id: u64) -> Result<AioState> {
    Ok(match w.me().aio.get(id)?.result() {
        None => AioState::InProgress,
        Some(Ok(_)) => AioState::Done,
        Some(Err(errno)) => AioState::Failed(errno),
    })
}

/// `aio_return(3)`: the result and the buffer, once.
pub(crate) fn take_result(w: &mut World, id: u64) -> Result<(Result<usize>, Vec<u8>)> {
    let (result, buffer) = w.me().aio.take_result(id)?;
    if result.is_ok_and(|n| n > 0) {
        w.scheduler.handed_over();
    }
    Ok((result, buffer))
}

/// `aio_cancel(3)`: what waits in its queue is, what runs goes on.
pub(crate) fn cancel(w: &mut World, fd: Fd, id: Option<u64>) -> Result<AioCancel> {
    w.file(fd)?;
    let process = w.my_process();
    let aio = &w.me().aio;
    if let Some(id) = id
        && aio.get(id)?.fd() != fd.0
    {
        return Err(Errno::EINVAL);
    }
    let (waiting, any_runs) = aio.of_number(fd.0, id);
    let canceled = !waiting.is_empty();
    for op in waiting {
        finish(w, process, op, Err(Errno::ECANCELED));
    }
    Ok(match (any_runs, canceled) {
        (true, _) => AioCancel::NotCanceled,
        (false, true) => AioCancel::Canceled,
        (false, false) => AioCancel::AllDone,
    })
}

pub(crate) fn suspend(
    w: &mut World,
    ids: &[AioId],
    timeout: Option<u64>,
    deadline: &mut Option<u64>,
) -> Step<()> {
    let (me, process) = (w.scheduler.current(), w.my_process());
    let aio = &w.me().aio;
    for id in ids {
        match aio.get(id.0) {
            Err(errno) => return Step::Done(Err(errno)),
            Ok(op) if op.result().is_some() => return Step::Done(Ok(())),
            Ok(_) => {}
        }
    }
    if deadline.is_none()
        && let Some(timeout) = timeout
    {
        *deadline = Some(w.deadline_after(timeout));
    }
    if deadline.is_some_and(|at| w.run.now() >= at) {
        return Step::Done(Err(Errno::EAGAIN));
    }
    w.me().aio.wait(me);
    w.wait(WaitOn::Aio(process), *deadline);
    Step::Wait
}

/// A process is over: its operations let go of their files.
pub(crate) fn end(w: &mut World, process: u32) {
    for (id, file) in w.processes[process].aio.take_files() {
        w.files.unwatch(file, |watcher| watcher.is_aio_op(process, id));
        descriptor::release_file(w, file);
    }
}

fn or_moved(errno: Errno, moved: usize) -> Result<usize> {
    if moved > 0 { Ok(moved) } else { Err(errno) }
}
