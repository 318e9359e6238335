//! Who has to act before a thread that waits can go on: the lines below each thread in a report of a run that does not.

use super::World;
use crate::NONE;
use crate::calls::{EPOLL_EVENTS, Kind};
use crate::network::OtherEnd;
use crate::object::{Object, PRIVATE};
use crate::scheduler::WaitOn;
use crate::syscall::epoll;
use eagain_net::{Events, Fd};

/// So many descriptors are named.
const DESCRIPTORS_MAX: usize = 8;

/// The descriptors for which `thread` waits, which it does.
pub(super) fn descriptors(w: &mut World, thread: u32) -> Vec<i32> {
    let t = &w.scheduler[thread];
    let number = |&file: &u32| fd_of(w, t.process(), file).map(|fd| fd.0);
    match t.waits_on() {
        WaitOn::File(file) => number(file).into_iter().collect(),
        WaitOn::Files(files) => files.iter().filter_map(number).collect(),
        &WaitOn::Epoll(set) => {
            let items = epoll::get(w, set).into_iter().flat_map(|set| set.items());
            let mut fds: Vec<i32> = items.map(|(_, item)| item.fd).collect();
            fds.sort_unstable();
            fds
        }
        _ => Vec::new(),
    }
}

/// A line for each that `thread` waits for, where that is known.
pub(super) fn awaited(w: &mut World, thread: u32) -> Vec<String> {
    let t = &w.scheduler[thread];
    if !t.is_waiting() {
        return Vec::new();
    }
    let process = t.process();
    let sends = matches!(
        t.call(),
        Kind::Send | Kind::Sendmsg | Kind::Write | Kind::Writev | Kind::UnixSendFds | Kind::UnixSendto
    );
    let asked = if sends { Events::OUT } else { Events::IN };
    match t.waits_on().clone() {
        WaitOn::Join(other) => vec![format!("for the end of {}", w.scheduler[other].shown())],
        WaitOn::Futex(..) => {
            vec![format!("for a wake by another thread of {}", w.processes[process].name())]
        }
        WaitOn::File(file) => what(w, file, asked).into_iter().map(|what| format!("for {what}")).collect(),
        WaitOn::Files(files) => each(w, files.into_iter().map(|file| (file, None)).collect(), process),
        WaitOn::Epoll(set) => {
            let Some(set) = epoll::get(w, set) else { return Vec::new() };
            // What is there and not reported has a line of its own.
            let items = set.items().map(|(_, item)| (item.file, Some((item.fd, item.events))));
            let mut items: Vec<_> = items.collect();
            items.sort_by_key(|(_, item)| item.map(|(fd, _)| fd));
            each(w, items, process)
        }
        _ => Vec::new(),
    }
}

/// A line for each of several files, by the descriptor and with the events that were asked for, where these are known.
fn each(w: &World, files: Vec<(u32, Option<(i32, Events)>)>, process: u32) -> Vec<String> {
    let dropped = files.len().saturating_sub(DESCRIPTORS_MAX);
    let line = |(file, item): (u32, Option<(i32, Events)>)| {
        let (fd, asked) = match item {
            // The kernel adds errors and ends to whatever is asked for.
            Some((fd, events)) => (fd, events.without(PRIVATE | Events::ERR | Events::HUP)),
            None => (fd_of(w, process, file)?.0, Events::IN),
        };
        let what = what(w, file, asked)?;
        let events = match item {
            Some(_) => crate::print::text(|out| {
                EPOLL_EVENTS.put(out, &w.names(""), u64::from(asked.0));
                out.extend_from_slice(b" on ");
            }),
            None => String::new(),
        };
        Some(format!("for {events}fd {fd}: {what}"))
    };
    let mut lines: Vec<String> = files.into_iter().take(DESCRIPTORS_MAX).filter_map(line).collect();
    if dropped > 0 {
        lines.push(format!("and for {dropped} more"));
    }
    lines
}

/// What has to come, from whom: `bytes from fd 2 of server, which has 1 byte to read`.
fn what(w: &World, file: u32, asked: Events) -> Option<String> {
    let reads = asked.intersects(Events::IN | Events::PRI | Events::RDHUP);
    let end = match w.files.get(file)?.object {
        Object::Socket(sock) if w.network.is_listening(sock) => {
            return Some("a connection".to_owned());
        }
        Object::Socket(sock) => w.network.other_end(sock)?,
        Object::Unix(sock) => w.network.unix_other_end(sock)?,
        Object::Event(_) => return Some("a write to an eventfd".to_owned()),
        Object::Timer(_) => return Some("a timer".to_owned()),
        Object::Pipe { .. } => return Some("the other end of a pipe".to_owned()),
        _ => return None,
    };
    let what = if reads { "bytes from" } else { "room towards" };
    let OtherEnd { file, closed, unread } = end;
    let unread = match unread {
        0 => "which has nothing to read".to_owned(),
        1 => "which has 1 byte to read".to_owned(),
        unread => format!("which has {unread} bytes to read"),
    };
    if file == NONE {
        let state = if closed { "closed" } else { "not accepted yet" };
        return Some(format!("{what} the other end, which is {state}"));
    }
    let holder = (0..w.processes.len())
        .find_map(|process| Some((w.processes[process].name(), fd_of(w, process, file)?)));
    let (name, fd) = holder?;
    Some(format!("{what} fd {} of {name}, {unread}", fd.0))
}

/// The lowest descriptor of a process for an open file.
fn fd_of(w: &World, process: u32, file: u32) -> Option<Fd> {
    let fds = &w.processes[process].fds;
    (0..fds.size() as i32).map(Fd).find(|&fd| fds.get(fd) == Some(file))
}
