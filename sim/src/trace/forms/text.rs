//! A trace as text, like strace's: one line an event. Nothing in it differs between machines or build profiles.
//!
//! ```text
//!   #3 0.000001750 server/worker-2 recv(7, 4096, 0) = 6 "PING\r\n"  <- #2 split
//!   │  │           │               │                  │              └ what made the result so: the number and name of the fault
//!   │  │           │               │                  └ the beginning of the bytes
//!   │  │           │               └ call and result, or an event that no call made (thread `~`)
//!   │  │           └ host/thread
//!   │  └ simulated seconds since the start of the world
//!   └ number of the event
//! ```

use crate::print;
use crate::trace::TraceLog;
use crate::trace::{Event, format};
use std::io::{self, Write};

/// How many bytes of a payload a line shows.
const BYTES_MAX: usize = 32;

/// So much is written at once.
const CHUNK: usize = 64 * 1024;

/// Writes lines, each with its columns in the same place.
pub struct Lines<'a> {
    log: &'a TraceLog,
    number_width: usize,
    /// How many digits whole seconds have.
    seconds_width: usize,
    thread_width: usize,
    /// The names of the threads, as wide as the column.
    threads: Vec<String>,
}

impl<'a> Lines<'a> {
    /// For the events of `log`.
    pub fn new(log: &'a TraceLog) -> Lines<'a> {
        let last = log.events.last().map_or(0, |event| event.number);
        // Threads have times of their own: the last event need not be the latest.
        let latest = log.events.iter().map(|event| event.time).max().unwrap_or(0);
        let longest = log.threads.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        Lines {
            seconds_width: digits(seconds(latest)),
            ..Lines::wide(log, digits(last) + 1, longest.clamp(1, 28))
        }
    }

    fn wide(log: &'a TraceLog, number_width: usize, thread_width: usize) -> Lines<'a> {
        let threads = log.threads.iter().map(|name| format!("{name:<thread_width$}")).collect();
        Lines { log, number_width, seconds_width: 1, thread_width, threads }
    }

    /// The line of one event, without its end.
    pub fn line(&self, event: &Event) -> String {
        print::text(|out| self.put(out, event))
    }

    /// A line about events that are not shown.
    pub(super) fn gap(&self, text: &str) -> String {
        format!("{:>1$} {text}\n", "…", self.number_width)
    }

    /// Adds the line of one event, without its end.
    fn put(&self, out: &mut Vec<u8>, event: &Event) {
        let log = self.log;
        pad(out, self.number_width.saturating_sub(digits(event.number) + 1));
        out.push(b'#');
        print::put_number(out, event.number);
        out.push(b' ');
        pad(out, self.seconds_width.saturating_sub(digits(seconds(event.time))));
        print::put_time(out, event.time);
        out.push(b' ');
        match self.threads.get(event.thread as usize) {
            Some(name) => out.extend_from_slice(name.as_bytes()),
            None => {
                out.extend_from_slice(format::actor(log, event).as_bytes());
                pad(out, self.thread_width.saturating_sub(1));
            }
        }
        out.push(b' ');
        format::put_call(out, log, event);
        if event.kind.is_call() {
            out.push(b' ');
            format::put_result_of(out, log, event.kind, event.result);
        }
        format::put_payload(out, log, event, BYTES_MAX);
        if event.cause != 0 {
            out.extend_from_slice(b"  <- #");
            print::put_number(out, event.cause);
            if let Some(cause) = format::cause(log, event) {
                out.push(b' ');
                out.extend_from_slice(cause.kind.name().as_bytes());
            }
        }
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn seconds(ns: u64) -> u64 {
    ns / 1_000_000_000
}

fn pad(out: &mut Vec<u8>, width: usize) {
    out.resize(out.len() + width, b' ');
}

/// The whole trace.
pub fn write(log: &TraceLog, out: &mut dyn Write) -> io::Result<()> {
    let lines = Lines::new(log);
    let mut text = Vec::new();
    for event in &log.events {
        lines.put(&mut text, event);
        text.push(b'\n');
        if text.len() >= CHUNK {
            out.write_all(&text)?;
            text.clear();
        }
    }
    out.write_all(&text)
}

/// The whole trace to be compared with another: without columns, which are as wide as the longest of each trace.
pub fn plain(log: &TraceLog) -> String {
    let lines = Lines::wide(log, 0, 0);
    log.events.iter().map(|event| lines.line(event) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Kind;
    use crate::fault::Family;
    use crate::run::{Record, RunSpec, Settings};
    use crate::runner::{Execute, fake};

    #[test]
    fn a_trace_reads_like_strace() {
        let spec = RunSpec { record: Record::Trace, ..RunSpec::seeded(fake::FAILS, Settings::new(), 3) };
        let report = fake::Fake::default().run(&spec);
        let mut text = Vec::new();
        write(report.trace.as_ref().unwrap(), &mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }

    #[test]
    fn columns_stand_in_the_same_place_whatever_the_time_is() {
        // Threads have times of their own.
        let times = [1, 9_999_999_999, 10_000_000_000, 123_000_000_000, 12];
        let event = |(number, &time)| Event {
            number: number as u64 + 8,
            time,
            thread: 0,
            kind: Kind::Gettid,
            args: [0; 4],
            result: 1,
            cause: 0,
            bytes: (0, 0),
        };
        let events = times.iter().enumerate().map(event).collect();
        let log = TraceLog { events, threads: vec!["server/0".to_owned()], ..TraceLog::default() };
        let mut text = Vec::new();
        write(&log, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let columns = |line: &str| ['#', '.', 's'].map(|c| line.find(c));
        let first = columns(text.lines().next().unwrap());
        assert!(text.lines().all(|line| columns(line)[1..] == first[1..]), "{text}");
        assert!(text.starts_with(" #8   0.000000001 server/0 "), "{text}");
    }

    #[test]
    fn a_wait_shows_what_it_found() {
        let entry = |fd: u32, events: u32, data: u64| {
            [&data.to_le_bytes()[..], &events.to_le_bytes(), &fd.to_le_bytes()].concat()
        };
        let bytes = [entry(3, 1, 3), entry(4, 0x2005, u64::MAX), entry(7, 6, 0)].concat();
        let log = TraceLog { bytes, ..TraceLog::default() };
        let line = |kind, result, bytes| {
            let args = [64, 64, u64::MAX, 0];
            let event = Event { number: 1, time: 0, thread: u32::MAX, kind, args, result, cause: 0, bytes };
            Lines::wide(&log, 2, 1).line(&event)
        };
        let found = line(Kind::EpollWait, 3, (0, 32));
        assert!(
            found.ends_with(
                " = 3 [{fd 3, EPOLLIN, data 3}, {fd 4, EPOLLIN|EPOLLOUT|EPOLLRDHUP, data 0xffffffffffffffff}]..."
            ),
            "{found}"
        );
        let found = line(Kind::Poll, 1, (32, 16));
        assert!(found.ends_with(" = 1 [{fd 7, POLLPRI|POLLOUT}]"), "{found}");
        let found = line(Kind::Select, 1, (32, 16));
        assert!(found.ends_with(" = 1 [{fd 7, out|except}]"), "{found}");
        assert!(line(Kind::EpollWait, 0, (0, 0)).ends_with(" = 0"));
    }

    #[test]
    fn an_option_has_its_value_with_a_unit() {
        use eagain_net::SocketOptionName as N;
        let line = |kind, option: N, value: u64| {
            let log = TraceLog { bytes: value.to_le_bytes().to_vec(), ..TraceLog::default() };
            let args = [2, u64::from(option.code()), 0, 0];
            let (thread, bytes) = (u32::MAX, (0, 8));
            let event = Event { number: 1, time: 0, thread, kind, args, result: 0, cause: 0, bytes };
            let line = Lines::wide(&log, 2, 1).line(&event);
            line.split_once("sockopt(2, ").unwrap().1.to_owned()
        };
        let set = |option, value| line(Kind::Setsockopt, option, value);
        assert_eq!(set(N::NoDelay, 1), "TCP_NODELAY=1) = 0");
        assert_eq!(set(N::SendBuffer, 4096), "SO_SNDBUF=4096) = 0");
        assert_eq!(set(N::Linger, 0), "SO_LINGER=0) = 0");
        assert_eq!(set(N::Linger, 5), "SO_LINGER=5s) = 0");
        assert_eq!(set(N::Linger, u64::MAX), "SO_LINGER=off) = 0");
        assert_eq!(set(N::RecvTimeout, 20_000_000), "SO_RCVTIMEO=20ms) = 0");
        assert_eq!(set(N::SendTimeout, u64::MAX), "SO_SNDTIMEO=never) = 0");
        assert_eq!(set(N::UserTimeout, 1_500), "TCP_USER_TIMEOUT=1500ms) = 0");
        assert_eq!(set(N::KeepIdle, 60), "TCP_KEEPIDLE=60s) = 0");
        assert_eq!(line(Kind::Getsockopt, N::Error, 111), "SO_ERROR) = 0 [ECONNREFUSED]");
        assert_eq!(line(Kind::Getsockopt, N::Error, 0), "SO_ERROR) = 0 [0]");
    }

    #[test]
    fn every_form_of_an_argument() {
        let log = TraceLog {
            events: Vec::new(),
            bytes: b"a\"b\\\x00\xff\t0123456789 and more than thirty-two bytes".to_vec(),
            threads: vec!["server/main".to_owned()],
            hosts: vec!["server".to_owned()],
            texts: vec!["queue.push".to_owned()],
            ..TraceLog::default()
        };
        let event = |thread, kind, args, result, bytes| Event {
            number: 7,
            time: 1_000_000_001,
            thread,
            kind,
            args,
            result,
            cause: 0,
            bytes,
        };
        let address = 0x7f00_0001 << 16 | 6379;
        let events = [
            event(0, Kind::EpollWait, [3, 64, u64::MAX, 0], 0, (0, 0)),
            event(0, Kind::Nanosleep, [1_500, 0, 0, 0], -4, (0, 0)),
            event(0, Kind::Connect, [4, address, 0, 0], -115, (0, 0)),
            event(0, Kind::FutexWait, [2, 1, 20_000_000, 0], -110, (0, 0)),
            event(0, Kind::Mkdir, [0, 0, 0, 0], 0, (0, 0)),
            event(0, Kind::Open, [9, 0x42, 0, 0], -4095, (0, 0)),
            event(0, Kind::Close, [u64::MAX, 0, 0, 0], -9, (0, 0)),
            event(0, Kind::Send, [5, 99, 0x4000, 0], 99, (0, 49)),
            event(0, Kind::Open, [0, 0o2000000, 0, 0], 3, (0, 0)),
            event(0, Kind::Socket, [2, 0o2004000, 0, 0], 5, (0, 0)),
            event(0, Kind::Setsockopt, [5, 6, 0, 0], 0, (0, 0)),
            event(0, Kind::Shutdown, [5, 1, 0, 0], 0, (0, 0)),
            event(0, Kind::Shutdown, [5, 9, 0, 0], -22, (0, 0)),
            event(0, Kind::EpollCtl, [3, 3, 5, 1 << 31 | 0x2001], 0, (0, 0)),
            event(0, Kind::EpollCtl, [3, 2, 5, 0], 0, (0, 0)),
            event(0, Kind::RingPush, [4, 27, 5, 7], 0, (0, 0)),
            event(0, Kind::Sigprocmask, [0, 1 << 14 | 1 << 35, 0, 0], 0, (0, 0)),
            event(0, Kind::Sigprocmask, [2, !(1 << 8), 0, 0], 0, (0, 0)),
            event(0, Kind::Tgkill, [2, 15, 0, 0], 0, (0, 0)),
            event(0, Kind::TimerfdSettime, [6, 1_000, 0, 1], 0, (0, 0)),
            event(0, Kind::ClockGettime, [1, 0, 0, 0], 5, (0, 0)),
            event(u32::MAX, Kind::RingDone, [4, 7, -104_i64 as u64, 2], 0, (0, 0)),
            event(u32::MAX, Kind::Rst, [address, address + 1, 0, 0], 0, (0, 0)),
            event(9, Kind::ThreadEnd, [0; 4], 0, (90, 90)),
            event(u32::MAX, Kind::Fault(Family::Partition), [0, 7, 5, 0], 0, (0, 0)),
            event(u32::MAX, Kind::ControlHeal, [u64::MAX, 0, 0, 0], 0, (0, 0)),
        ];
        let lines = Lines::wide(&log, 3, 11);
        let text: Vec<_> = events.iter().map(|event| lines.line(event)).collect();
        insta::assert_snapshot!(text.join("\n"));
    }
}
