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
use crate::trace::{Event, Kind, format};
use std::collections::BTreeSet;
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
    fn gap(&self, text: &str) -> String {
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
            format::put_result(out, event);
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

/// What the end of a trace shows of a stretch of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shown {
    /// The event at this place.
    Event(usize),
    /// So many events, which repeat a cycle of so many.
    Again(usize, usize),
}

/// The longest cycle of events that is shortened, and how many times it must repeat for that.
const CYCLE_MAX: usize = 6;
const CYCLES_MIN: usize = 5;
/// How many ends and refusals of connections and processes are shown before the end.
const ENDS_MAX: usize = 3;

/// What two events of a cycle have in common: who did what, whether it worked, and whether a fault hit it.
fn shape(event: &Event) -> (u32, Kind, i64, bool) {
    (event.thread, event.kind, event.result.min(0), event.cause != 0)
}

/// The events that an excerpt may show: without reads of clocks, of which programs make many, where no fault has changed a clock.
/// The last event stays, whatever it is.
fn excerptable(log: &TraceLog) -> Vec<&Event> {
    use crate::fault::Family::{ClockDrift, ClockStep};
    let of_clocks = |event: &Event| matches!(event.kind, Kind::Fault(ClockDrift | ClockStep));
    let clocks_matter = log.events.iter().any(of_clocks);
    let last = log.events.last().map_or(0, |event| event.number);
    let shows = |event: &&Event| {
        event.kind != Kind::ClockGettime || clocks_matter || event.cause != 0 || event.number == last
    };
    log.events.iter().filter(shows).collect()
}

/// The last `count` lines, and the place of their first event. A thread may poll in a loop until the end while others wait:
/// of a loop the first and the last iteration are shown.
fn end(events: &[&Event], count: usize) -> (Vec<Shown>, usize) {
    let mut shown = Vec::new();
    let mut at = events.len();
    while at > 0 && shown.len() < count {
        // How many events at the end equal those one cycle before them.
        let repeats = |cycle: usize| {
            (cycle..at)
                .rev()
                .take_while(|&place| shape(events[place]) == shape(events[place - cycle]))
                .count()
        };
        let cycle = (1..=CYCLE_MAX.min(at)).find(|&cycle| repeats(cycle) >= (CYCLES_MIN - 1) * cycle);
        let Some(cycle) = cycle else {
            at -= 1;
            shown.push(Shown::Event(at));
            continue;
        };
        let first = at - cycle - repeats(cycle);
        shown.extend((at - cycle..at).rev().map(Shown::Event));
        shown.push(Shown::Again(repeats(cycle) - cycle, cycle));
        shown.extend((first..first + cycle).rev().map(Shown::Event));
        at = first;
    }
    shown.reverse();
    (shown, at)
}

/// The last `count` lines or one cycle more: what happened right before the end, and where in the program, where that is known.
pub fn tail(log: &TraceLog, count: usize) -> String {
    let lines = Lines::new(log);
    let events = excerptable(log);
    let line = |shown: &Shown| match *shown {
        Shown::Event(at) => {
            let place =
                log.places.get(&events[at].number).map(|place| format!("  at {place}")).unwrap_or_default();
            lines.line(events[at]) + &place + "\n"
        }
        Shown::Again(events, 1) => lines.gap(&format!("{events} more like this")),
        Shown::Again(events, cycle) => lines.gap(&format!("{events} more, repeating these {cycle}")),
    };
    let (shown, first) = end(&events, count);
    let from = events.get(first).map_or(0, |event| event.number);
    let left_out = log.events.iter().filter(|event| event.number >= from).count() - (events.len() - first);
    let clocks = match left_out {
        0 => String::new(),
        1 => lines.gap("1 call of clock_gettime is left out"),
        calls => lines.gap(&format!("{calls} calls of clock_gettime are left out")),
    };
    clocks + &shown.iter().map(line).collect::<String>()
}

/// What comes before the last `tail` lines, which have their own place, and says why: the events `of_choices`, other faults, what faults
/// affected, and what ends or refuses a connection or a process. At most `most` lines besides `of_choices`, the last ones.
pub fn marked(log: &TraceLog, tail: usize, of_choices: &BTreeSet<u64>, most: usize) -> String {
    let lines = Lines::new(log);
    let events = excerptable(log);
    let mut before = events;
    before.truncate(end(&before, tail).1);
    let chosen = |event: &Event| of_choices.contains(&event.number);
    let fault = |event: &Event| event.cause != 0 || event.kind.is_fault();
    let ends = |event: &Event| {
        use Kind::{DatagramDropped, Exit, HostUp, Killed, NetHealed, Refused, Restart, Rst, SynDropped};
        let bad = event.kind != Exit || event.args[0] != 0;
        let kinds = [DatagramDropped, Exit, HostUp, Killed, NetHealed, Refused, Restart, Rst, SynDropped];
        bad && kinds.contains(&event.kind)
    };
    let last = |most: usize, tells: &dyn Fn(&Event) -> bool| -> Vec<&Event> {
        let all = before.iter().rev().copied().filter(|event| !chosen(event) && tells(event));
        all.take(most).collect()
    };
    let mut marked: Vec<&Event> = before.iter().copied().filter(|event| chosen(event)).collect();
    let faults = last(most, &fault);
    let others = (most - faults.len()).min(ENDS_MAX);
    marked.extend(last(others, &|event| !fault(event) && ends(event)));
    marked.extend(faults);
    marked.sort_by_key(|event| event.number);
    marked.into_iter().map(|event| lines.line(event) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn a_loop_at_the_end_is_shortened() {
        let threads = ["server/0", "auditor/0"].map(str::to_owned).to_vec();
        let mut log = TraceLog { threads, ..TraceLog::default() };
        let kinds = [(0, Kind::Recv), (0, Kind::EpollWait), (1, Kind::Nanosleep), (1, Kind::Gettid)];
        log.events = (0..200_usize)
            .map(|at| {
                let (thread, kind) = if at < 2 { kinds[at] } else { kinds[2 + at % 2] };
                let (number, time, result) = (at as u64 + 1, at as u64 * 1_000, at as i64);
                Event { number, time, thread, kind, args: [7; 4], result, cause: 0, bytes: (0, 0) }
            })
            .collect();
        insta::assert_snapshot!(tail(&log, 6));
        assert_eq!(end(&log.events.iter().collect::<Vec<_>>(), 6).1, 1);
        log.places = [(200, "src/main.rs:7".to_owned())].into();
        assert!(tail(&log, 6).ends_with("  at src/main.rs:7\n"), "{}", tail(&log, 6));
        log.events.truncate(8);
        assert_eq!(tail(&log, 6).lines().count(), 6);
    }

    #[test]
    fn reads_of_clocks_are_counted_and_not_shown_unless_they_tell_something() {
        let mut log = TraceLog { threads: vec!["a/0".to_owned()], ..TraceLog::default() };
        let kinds = [Kind::ClockGettime, Kind::Recv, Kind::ClockGettime, Kind::ClockGettime, Kind::Send];
        let event = |(at, &kind): (usize, &Kind)| Event {
            number: at as u64 + 1,
            time: 0,
            thread: 0,
            kind,
            args: [1, 1, 0, 0],
            result: 0,
            cause: 0,
            bytes: (0, 0),
        };
        log.events = kinds.iter().enumerate().map(event).collect();
        let shown = tail(&log, 9);
        let begins: Vec<&str> = shown.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert!(shown.contains("2 calls of clock_gettime are left out\n"), "{shown}");
        assert_eq!(begins[begins.len() - 2..], ["#2", "#5"], "{shown}");
        // The last event is where it failed; a clock that was set is why its reads matter.
        log.events.pop();
        assert!(tail(&log, 9).lines().last().unwrap().starts_with("#4"), "{}", tail(&log, 9));
        log.events.push(event((4, &Kind::Fault(Family::ClockStep))));
        assert_eq!(tail(&log, 9).lines().count(), 5, "{}", tail(&log, 9));
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
    fn faults_and_what_they_hit_are_found_before_the_end() {
        let event = |number, cause| Event {
            number,
            time: number,
            // Nobody does the same twice, so that nothing is left out.
            thread: 100 + number as u32,
            kind: if number == 2 { Kind::Fault(Family::WireSplit) } else { Kind::Arrived },
            args: [0; 4],
            result: 0,
            cause,
            bytes: (0, 0),
        };
        let cause = |number| if number == 4 || number == 8 { 2 } else { 0 };
        let events = (1..=9).map(|number| event(number, cause(number))).collect();
        let log = TraceLog { events, ..TraceLog::default() };
        let numbers = |tail, most| -> Vec<String> {
            marked(&log, tail, &BTreeSet::new(), most).lines().map(|line| line[..2].to_owned()).collect()
        };
        assert_eq!(numbers(3, 9), ["#2", "#4"]);
        assert_eq!(numbers(0, 2), ["#4", "#8"]);
        assert_eq!(numbers(9, 9), [""; 0]);
        // What a choice has done is shown, whether it hit anything or not, and besides the others.
        let of_choices = marked(&log, 0, &BTreeSet::from([3]), 1);
        assert!(
            of_choices.starts_with("#3") && of_choices.lines().nth(1).unwrap().starts_with("#8"),
            "{of_choices}"
        );
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
