//! What a report shows of a trace: its end, and of what comes before what says why. How a line is written is the business of `text`.

use super::text::Lines;
use crate::calls::Arg;
use crate::count::count;
use crate::trace::{Event, Kind, TraceLog};
use std::collections::{BTreeMap, BTreeSet};

/// How many lines a report shows.
#[derive(Clone, Copy)]
pub struct Most {
    /// Of the end.
    pub end: usize,
    /// Of faults before it and of what they affected.
    pub faults: usize,
    /// Of what threads did last that wait when the run fails.
    pub waits: usize,
}

impl Most {
    /// On a terminal.
    pub const TERMINAL: Most = Most { end: 16, faults: 6, waits: 8 };
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
/// How many of the last events of a thread that waits, and of a descriptor that it waits for.
const LAST_MAX: usize = 3;

/// What two events of a cycle have in common: who did what, whether it worked, and whether a fault hit it.
fn shape(event: &Event) -> (u32, Kind, i64, bool) {
    (event.thread, event.kind, event.result.min(0), event.cause != 0)
}

/// The parts of a trace that a report shows.
pub struct Excerpt<'a> {
    log: &'a TraceLog,
    /// The events that may be shown.
    events: Vec<&'a Event>,
    /// How many come behind the event that failed: programs end, and close what they have.
    rest: usize,
    most: Most,
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

impl<'a> Excerpt<'a> {
    /// Of `log`, whose run failed after the event `failed`. Reads of clocks, of which programs make many, are not shown where no fault
    /// has changed a clock, but for the last event.
    pub fn new(log: &'a TraceLog, failed: u64, most: Most) -> Excerpt<'a> {
        use crate::fault::Family::{ClockDrift, ClockStep};
        let until = log.events.partition_point(|event| event.number <= failed);
        let of_clocks = |event: &Event| matches!(event.kind, Kind::Fault(ClockDrift | ClockStep));
        let clocks_matter = log.events.iter().any(of_clocks);
        let shows = |event: &&Event| {
            event.kind != Kind::ClockGettime || clocks_matter || event.cause != 0 || event.number == failed
        };
        let events = log.events[..until].iter().filter(shows).collect();
        Excerpt { log, events, rest: log.events.len() - until, most }
    }

    /// The last lines or one cycle more: what happened right before the failure, and where in the program, where that is known.
    pub fn end(&self) -> String {
        let (log, lines) = (self.log, Lines::new(self.log));
        let line = |shown: &Shown| match *shown {
            Shown::Event(at) => {
                let event = self.events[at];
                let place =
                    log.places.get(&event.number).map(|place| format!("  at {place}")).unwrap_or_default();
                lines.line(event) + &place + "\n"
            }
            Shown::Again(events, 1) => lines.gap(&format!("{events} more like this")),
            Shown::Again(events, cycle) => lines.gap(&format!("{events} more, repeating these {cycle}")),
        };
        let (shown, first) = end(&self.events, self.most.end);
        let from = self.events.get(first).map_or(0, |event| event.number);
        let all = log.events.iter().filter(|event| event.number >= from).count() - self.rest;
        let clocks = match all - (self.events.len() - first) {
            0 => String::new(),
            1 => lines.gap("1 call of clock_gettime is left out"),
            calls => lines.gap(&format!("{calls} calls of clock_gettime are left out")),
        };
        let rest = match self.rest {
            0 => String::new(),
            rest => {
                lines.gap(&format!("failed here; {} until the run ended", count(rest as u64, "more event")))
            }
        };
        clocks + &shown.iter().map(line).collect::<String>() + &rest
    }

    /// What comes before the end and says why, under a heading: the events `of_choices`, other faults, what faults affected, what ends
    /// or refuses a connection or a process, and what those did last that wait when the run fails. Nothing where there is none of it.
    pub fn before(&self, of_choices: &BTreeSet<u64>) -> Option<(&'static str, String)> {
        let before = &self.events[..end(&self.events, self.most.end).1];
        let mut shown = marked(before, of_choices, self.most.faults);
        let mut waits = self.last_of_waits(before);
        waits.retain(|event| shown.iter().all(|other| other.number != event.number));
        waits.truncate(self.most.waits);
        let heading = match (shown.is_empty(), waits.is_empty()) {
            (true, true) => return None,
            (false, true) => "earlier faults and what they affected",
            (true, false) => "what waiting threads did last",
            (false, false) => "earlier faults, what they affected, and what waiting threads did last",
        };
        shown.extend(waits);
        shown.sort_by_key(|event| event.number);
        let lines = Lines::new(self.log);
        Some((heading, shown.into_iter().map(|event| lines.line(event) + "\n").collect()))
    }

    /// Why a thread waits for ever is in what was done last with what it waits for, and others may have done much since. Of each thread
    /// that waits and then of each descriptor for which one waits: the last event, if it is `before` the end, then the last but one, ...
    fn last_of_waits(&self, before: &[&'a Event]) -> Vec<&'a Event> {
        let process = |thread: u32| self.log.threads.get(thread as usize)?.split('/').next();
        let waits = &self.log.waits;
        let of_threads: BTreeMap<_, _> =
            waits.iter().enumerate().map(|(at, (thread, _))| (*thread, at)).collect();
        let mut of_fds = BTreeMap::new();
        for (thread, fds) in waits {
            for fd in fds {
                // Several may wait for one.
                let next = waits.len() + of_fds.len();
                of_fds.entry((process(*thread), *fd)).or_insert(next);
            }
        }
        let mut lasts: Vec<Last<'a>> = (0..waits.len() + of_fds.len()).map(|_| Last::default()).collect();
        let end = before.last().map_or(0, |last| last.number);
        for &event in self.events.iter().rev() {
            if let Some(&at) = of_threads.get(&event.thread) {
                lasts[at].add(event, end);
            }
            for (arg, &word) in event.kind.args().iter().zip(&event.args) {
                if matches!(arg, Arg::Fd)
                    && let Some(&at) = of_fds.get(&(process(event.thread), word as i32))
                {
                    lasts[at].add_of_fd(event, end);
                }
            }
        }
        // Who waits for a connection waits for what others have not done.
        lasts.retain(|last| !last.listens);
        let mut found: Vec<&Event> = Vec::new();
        let mut numbers = BTreeSet::new();
        for back in 0..LAST_MAX {
            let nth = lasts.iter().filter_map(|last| last.before.get(back).copied());
            found.extend(nth.filter(|event| numbers.insert(event.number)));
        }
        found
    }
}

/// The last events of a thread, or with a descriptor, from the last one backwards.
#[derive(Default)]
struct Last<'a> {
    count: usize,
    /// Those before the end.
    before: Vec<&'a Event>,
    listens: bool,
    /// What comes now is of another file with the same number.
    is_over: bool,
}

impl<'a> Last<'a> {
    fn add(&mut self, event: &'a Event, end: u64) {
        if self.count < LAST_MAX {
            self.count += 1;
            if event.number <= end {
                self.before.push(event);
            }
        }
    }

    fn add_of_fd(&mut self, event: &'a Event, end: u64) {
        self.is_over |= event.kind == Kind::Close;
        if !self.is_over {
            self.listens |= event.kind == Kind::Listen;
            self.add(event, end);
        }
    }
}

/// The events of choices, and at most so many of faults and ends, the last ones.
fn marked<'a>(before: &[&'a Event], of_choices: &BTreeSet<u64>, most: usize) -> Vec<&'a Event> {
    let chosen = |event: &Event| of_choices.contains(&event.number);
    let fault = |event: &Event| event.cause != 0 || event.kind.is_fault();
    let ends = |event: &Event| {
        use Kind::{DatagramDropped, Exit, HostUp, Killed, NetHealed, Refused, Restart, Rst, SynDropped};
        let bad = event.kind != Exit || event.args[0] != 0;
        let kinds = [DatagramDropped, Exit, HostUp, Killed, NetHealed, Refused, Restart, Rst, SynDropped];
        bad && kinds.contains(&event.kind)
    };
    let last = |most: usize, tells: &dyn Fn(&Event) -> bool| -> Vec<&'a Event> {
        let all = before.iter().rev().copied().filter(|event| !chosen(event) && tells(event));
        all.take(most).collect()
    };
    let mut marked: Vec<&Event> = before.iter().copied().filter(|event| chosen(event)).collect();
    let faults = last(most, &fault);
    let others = (most - faults.len()).min(ENDS_MAX);
    marked.extend(last(others, &|event| !fault(event) && ends(event)));
    marked.extend(faults);
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Family;
    use proptest::prelude::*;

    fn excerpt(log: &TraceLog, end: usize, faults: usize, waits: usize) -> Excerpt<'_> {
        let failed = log.events.last().map_or(0, |event| event.number);
        Excerpt::new(log, failed, Most { end, faults, waits })
    }

    fn tail(log: &TraceLog, count: usize) -> String {
        excerpt(log, count, 0, 0).end()
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
            excerpt(&log, tail, most, 9)
                .before(&BTreeSet::new())
                .map_or_else(String::new, |(_, lines)| lines)
                .lines()
                .map(|line| line[..2].to_owned())
                .collect()
        };
        assert_eq!(numbers(3, 9), ["#2", "#4"]);
        assert_eq!(numbers(0, 2), ["#4", "#8"]);
        assert_eq!(numbers(9, 9), [""; 0]);
        // What a choice has done is shown, whether it hit anything or not, and besides the others.
        let (_, of_choices) = excerpt(&log, 0, 1, 9).before(&BTreeSet::from([3])).unwrap();
        assert!(
            of_choices.starts_with("#3") && of_choices.lines().nth(1).unwrap().starts_with("#8"),
            "{of_choices}"
        );
    }

    #[test]
    fn what_waits_shows_what_was_done_last_with_it() {
        let threads = ["server/0", "client-0/0", "server/1", "server/2"].map(str::to_owned).to_vec();
        // Two threads of the server wait for its listener and for what has the number 5 now, and one client waits for a reply.
        let waits = vec![(0, vec![3, 5]), (2, vec![5, 3, 7]), (1, vec![0])];
        let mut log = TraceLog { threads, waits, ..TraceLog::default() };
        let mut event = |thread, kind, args: [u64; 2]| {
            let number = log.events.len() as u64 + 1;
            let args = [args[0], args[1], 5, number];
            log.events.push(Event {
                number,
                time: 0,
                thread,
                kind,
                args,
                result: 0,
                cause: 0,
                bytes: (0, 0),
            });
        };
        for (thread, kind, fd) in [
            (0, Kind::Listen, 3),
            (3, Kind::Send, 7),
            (3, Kind::Send, 5),
            (0, Kind::Close, 5),
            (1, Kind::Send, 0),
            (0, Kind::Send, 6),
            (0, Kind::Send, 6),
            (0, Kind::Recv, 5),
            (1, Kind::Recv, 0),
        ] {
            event(thread, kind, [fd, 0]);
        }
        // Nobody does the same twice, so that nothing is left out. What is in the end is not shown before it.
        for thread in 4..21 {
            event(thread, Kind::Send, [0, 0]);
        }
        event(2, Kind::EpollCtl, [4, 3]);
        let shown = |waits| {
            let (heading, lines) = excerpt(&log, 16, 6, waits).before(&BTreeSet::new()).unwrap();
            assert_eq!(heading, "what waiting threads did last");
            let number = |line: &str| line.trim_start().split(' ').next().unwrap().to_owned();
            lines.lines().map(number).collect::<Vec<_>>()
        };
        // Not #1, of the listener, and of the number 5 nothing from before #4: that was another file.
        assert_eq!(shown(9), ["#2", "#5", "#6", "#7", "#8", "#9"]);
        assert_eq!(shown(3), ["#2", "#8", "#9"]);
        log.waits.clear();
        assert_eq!(excerpt(&log, 16, 6, 9).before(&BTreeSet::new()), None);
    }

    proptest! {
        /// Whatever others have done since, and however many descriptors it waits for.
        #[test]
        fn no_waiting_thread_is_without_a_line(
            calls in prop::collection::vec((0..6_u32, 0..4_usize, 0..5_u64), 0..80),
            waits in prop::collection::btree_map(0..6_u32, prop::collection::btree_set(0..5_i32, 0..5), 0..6),
        ) {
            let kinds = [Kind::Send, Kind::Recv, Kind::Close, Kind::Listen];
            let threads: Vec<String> = (0..6).map(|thread| format!("host-{}/{thread}", thread % 2)).collect();
            let event = |(at, &(thread, kind, fd)): (usize, &(u32, usize, u64))| {
                let (number, args) = (at as u64 + 1, [fd, 0, 0, 0]);
                Event { number, time: 0, thread, kind: kinds[kind], args, result: 0, cause: 0, bytes: (0, 0) }
            };
            let log = TraceLog {
                events: calls.iter().enumerate().map(event).collect(),
                waits: waits.iter().map(|(thread, fds)| (*thread, fds.iter().copied().collect())).collect(),
                threads,
                ..TraceLog::default()
            };
            let excerpt = excerpt(&log, 10, 0, waits.len());
            let before = excerpt.before(&BTreeSet::new()).map_or_else(String::new, |(_, lines)| lines);
            let shown = before.clone() + &excerpt.end();
            for thread in waits.keys().filter(|thread| calls.iter().any(|call| call.0 == **thread)) {
                let name = format!(" {} ", log.threads[*thread as usize]);
                prop_assert!(shown.contains(&name), "{name}: {shown}");
            }
            let numbers: Vec<&str> = shown.lines().filter_map(|line| line.trim_start().split(' ').next()).collect();
            let once: BTreeSet<&str> = numbers.iter().copied().filter(|number| number.starts_with('#')).collect();
            prop_assert_eq!(once.len(), numbers.iter().filter(|number| number.starts_with('#')).count(), "{}", shown);
            prop_assert!(before.lines().count() <= waits.len());
        }
    }

    #[test]
    fn what_comes_behind_the_failure_is_counted() {
        let event = |number| Event {
            number,
            time: 0,
            thread: 100 + number as u32,
            kind: Kind::Close,
            args: [0; 4],
            result: 0,
            cause: 0,
            bytes: (0, 0),
        };
        let log = TraceLog { events: (1..=5).map(event).collect(), ..TraceLog::default() };
        let shown = |failed| Excerpt::new(&log, failed, Most { end: 2, faults: 0, waits: 0 }).end();
        let behind = "failed here; 2 more events until the run ended\n";
        assert!(shown(3).starts_with("#2 ") && shown(3).ends_with(behind), "{}", shown(3));
        assert!(shown(5).starts_with("#4 ") && shown(5).lines().count() == 2, "{}", shown(5));
    }
}
