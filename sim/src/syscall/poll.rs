//! poll and select: ask everything, and wait for any of it (fs/select.c). What is waited for are the open files that the
//! numbers referred to at first, which the call holds; what is asked, each time, is what they refer to by then.

use super::epoll;
use super::signal;
use crate::object::Watcher;
use crate::scheduler::Step;
use crate::scheduler::WaitOn;
use crate::world::World;
use eagain_net::{Errno, Events, Fd, FdSet, PollFd, SigSet};

/// A poll or select that waits.
#[derive(Default)]
pub(crate) struct Polling {
    /// What it waits for, once it does.
    files: Option<Vec<(u32, Events)>>,
    /// Of select: up to which number it looks.
    nfds: Option<i32>,
}

/// How long a poll or select waits. When that is over stays as it was where the process was stopped, after which the call begins
/// anew.
pub(crate) struct Limit {
    timeout: Option<u64>,
    deadline: Option<u64>,
}

impl Limit {
    pub fn new(timeout: Option<u64>) -> Limit {
        Limit { timeout, deadline: None }
    }
}

pub(crate) fn poll(
    w: &mut World,
    fds: &mut [PollFd],
    limit: &mut Limit,
    mask: Option<SigSet>,
    polling: &mut Polling,
) -> Step<usize> {
    let process = w.my_process();
    // Asked once, before it waits (`do_sys_poll`).
    if polling.files.is_none() && fds.len() > w.processes[process].fds.limit() {
        return Step::Done(Err(Errno::EINVAL));
    }
    signal::set_wait_mask(w, mask);
    let mut n = 0;
    let mut files = Vec::new();
    for entry in fds.iter_mut() {
        entry.revents = Events::NONE;
        if entry.fd.0 < 0 {
            continue;
        }
        entry.revents = match w.file(entry.fd) {
            Err(_) => Events::NVAL,
            Ok(file) => {
                let asked = entry.events | Events::ERR | Events::HUP;
                files.push((file, asked));
                epoll::poll_file(w, file) & asked
            }
        };
        if !entry.revents.is_empty() {
            n += 1;
            w.ready_for_suspects(entry.fd.0, entry.revents);
        }
    }
    if n > 0 {
        return Step::Done(Ok(n));
    }
    wait_for_any(w, files, limit, polling)
}

/// Waits for any of `files`, or of those that it has waited for already; 0 when the time is over.
fn wait_for_any(
    w: &mut World,
    files: Vec<(u32, Events)>,
    limit: &mut Limit,
    polling: &mut Polling,
) -> Step<usize> {
    if limit.deadline.is_none()
        && let Some(timeout) = limit.timeout
    {
        limit.deadline = Some(w.deadline_after(timeout));
    }
    let thread = w.scheduler.current();
    if limit.deadline.is_some_and(|at| w.run.now() >= at) {
        // A signal counts even when there was no time to wait, unlike in epoll_wait.
        let mask = w.scheduler[thread].signals.mask();
        return if signal::is_pending(w, SigSet(!mask.0)) { Step::Wait } else { Step::Done(Ok(0)) };
    }
    if polling.files.is_none() {
        for &(file, _) in &files {
            w.hold_file(file);
        }
    }
    let files = polling.files.get_or_insert(files);
    for &(file, events) in &*files {
        w.files[file].watch(Watcher::Thread { thread, events, exclusive: false }, false);
    }
    w.wait(WaitOn::Files(files.iter().map(|&(file, _)| file).collect()), limit.deadline);
    Step::Wait
}

pub(crate) fn select(
    w: &mut World,
    nfds: i32,
    sets: &mut [Option<&mut FdSet>; 3],
    asked: &[FdSet; 3],
    limit: &mut Limit,
    mask: Option<SigSet>,
    polling: &mut Polling,
) -> Step<usize> {
    if !(0..=FdSet::SIZE).contains(&nfds) {
        return Step::Done(Err(Errno::EINVAL));
    }
    let process = w.my_process();
    // Bits beyond the process's table are ignored, and left as they are (max_select_fd).
    let table = w.processes[process].fds.size().max(64).next_multiple_of(64) as i32;
    let first = polling.nfds.is_none();
    let nfds = *polling.nfds.get_or_insert(nfds.min(table));
    // A number that is closed while the call waits is ready for all (`POLLIN_SET` and the like).
    let readable = Events::IN | Events::HUP | Events::ERR | Events::NVAL;
    let writable = Events::OUT | Events::ERR | Events::NVAL;
    let exceptional = Events::PRI | Events::NVAL;
    let kinds = [readable, writable, exceptional];
    for set in asked.iter().filter(|_| first) {
        if let Some(Err(errno)) =
            set.iter().take_while(|fd| fd.0 < nfds).map(|fd| w.file(fd)).find(|f| f.is_err())
        {
            return Step::Done(Err(errno));
        }
    }
    signal::set_wait_mask(w, mask);
    let mut n = 0;
    let mut files: Vec<(u32, Events)> = Vec::new();
    let mut found = [FdSet::default(), FdSet::default(), FdSet::default()];
    for at in 0..nfds {
        let fd = Fd(at);
        let wanted: [bool; 3] = [0, 1, 2].map(|kind| asked[kind].contains(fd));
        if wanted == [false; 3] {
            continue;
        }
        let file = w.file(fd);
        let mask = file.map_or(Events::NVAL, |file| epoll::poll_file(w, file));
        let mut events = Events::NONE;
        for kind in 0..3 {
            if !wanted[kind] {
                continue;
            }
            events |= kinds[kind];
            if mask.intersects(kinds[kind]) && found[kind].insert(fd) {
                n += 1;
                w.ready_for_suspects(at, mask & kinds[kind]);
            }
        }
        files.extend(file.map(|file| (file, events)));
    }
    let step = if n > 0 { Step::Done(Ok(n)) } else { wait_for_any(w, files, limit, polling) };
    if matches!(step, Step::Done(Ok(_))) {
        for (set, found) in sets.iter_mut().zip(found) {
            if let Some(set) = set {
                let words = (nfds as usize).div_ceil(64);
                set.bits[..words].copy_from_slice(&found.bits[..words]);
            }
        }
    }
    step
}
