//! The choices that are left of a failure, as a table: who chose, what it came to, and where in the trace it shows.

use super::table::{Align, Table};
use crate::choice::{Key, Made};
use crate::fault::{family_of, value_text};
use crate::run::TraceLog;
use crate::trace::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// What the columns of the table are, for a terminal.
pub const LEGEND: &str = "  of: whose choice; n-th: which of its choices of that kind; event: where the trace shows it, or after which \
                          event\n  it was made. Names: docs/FAULTS.md, docs/GLOSSARY.md of eagain\n";

/// The same, for a page.
pub const LEGEND_LONG: &str = "Each line is a choice that must differ from 0, where nothing goes wrong. *of*: whose choice it is, or what \
    it is about. *n-th*: which of its choices of that kind, from 1. *value*: what it came to, as the program or the simulated \
    kernel got it. *event*: the line of the trace that shows it, or the last one before it was made. The names are in \
    `docs/FAULTS.md`, the other words of this page in `docs/GLOSSARY.md`, both of eagain's repository.";

/// So many choices of one kind by one object in a row become one line.
const RUN_MIN: usize = 5;

/// Where a choice shows in the trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In this event, which records the fault.
    In(u64),
    /// It has no event of its own, and was made after this one.
    After(u64),
}

/// The choices of a run, in the order in which they were made, with what else is known of them.
pub struct Choices {
    rows: Vec<Row>,
}

struct Row {
    key: Key,
    value: u64,
    low: u64,
    place: Option<Place>,
}

impl Choices {
    /// `left` of those that a run made, which are `all`, each with what is known of it; `log` is the run's trace.
    pub fn new(left: &[(Key, u64)], all: &[(Key, u64)], made: &[Made], log: &TraceLog) -> Choices {
        let known: BTreeMap<&Key, Made> = all.iter().map(|(key, _)| key).zip(made.iter().copied()).collect();
        let row = |(key, value): &(Key, u64)| {
            let made = known.get(key).copied();
            let place = made.map(|made| Place::After(made.after));
            Row { key: key.clone(), value: *value, low: made.map_or(0, |made| made.low), place }
        };
        let mut choices = Choices { rows: left.iter().map(row).collect() };
        choices.find_events(log);
        choices
    }

    /// Finds the event of each fault. Most faults happen where they are chosen, so that their event is the next. Of the others, which
    /// happen later, the event is known only where the family has one choice left.
    fn find_events(&mut self, log: &TraceLog) {
        // Of each kind, and whether it is known whose it is.
        let mut faults: BTreeMap<Kind, BTreeMap<u64, bool>> = BTreeMap::new();
        for event in log.events.iter().filter(|event| event.kind.is_fault()) {
            faults.entry(event.kind).or_default().insert(event.number, false);
        }
        let mut later: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, row) in self.rows.iter_mut().enumerate() {
            let (Some(family), Some(Place::After(after))) = (family_of(&row.key.domain), row.place) else {
                continue;
            };
            let next = after + 1;
            // What says more about a fault is chosen with it.
            let is_more = family.row().name != row.key.domain;
            let Some(events) = faults.get_mut(&Kind::Fault(family)) else { continue };
            if let Some(found) = events.get_mut(&next) {
                row.place = Some(Place::In(next));
                *found |= !is_more;
            } else if !is_more {
                later.entry(family).or_default().push(at);
            }
        }
        for (family, rows) in later {
            let events = faults.get(&Kind::Fault(family)).into_iter().flatten();
            let first = events.filter(|(_, found)| !**found).map(|(event, _)| *event).next();
            if let (&[at], Some(event)) = (rows.as_slice(), first) {
                self.rows[at].place = Some(Place::In(event));
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The events that show them.
    pub fn events(&self) -> BTreeSet<u64> {
        let event = |row: &Row| match row.place {
            Some(Place::In(event)) => Some(event),
            _ => None,
        };
        self.rows.iter().filter_map(event).collect()
    }

    /// The table.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("choice", Align::Left),
            ("of", Align::Left),
            ("n-th", Align::Right),
            ("value", Align::Right),
            ("event", Align::Left),
        ]);
        let same = |a: &Row, b: &Row| a.key.domain == b.key.domain && a.key.object == b.key.object;
        for run in self.rows.chunk_by(same) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            // Ordinals count from 0, people from 1; the key is in the file.
            let nth = |row: &Row| row.key.ordinal.saturating_add(1).to_string();
            let head = |row: &Row| [row.key.domain.clone(), row.key.object.clone()];
            if run.len() < RUN_MIN {
                for row in run {
                    table.row(head(row).into_iter().chain([nth(row), row.value(), row.place()]));
                }
            } else {
                let which = format!("{} of {} to {}", run.len(), nth(first), nth(last));
                let value = |row: Option<&Row>| row.map_or_else(String::new, Row::value);
                let low = value(run.iter().min_by_key(|row| row.value));
                let high = value(run.iter().max_by_key(|row| row.value));
                let value = if low == high { low } else { format!("{low} to {high}") };
                let place = if first.place() == last.place() {
                    first.place()
                } else {
                    format!("{} to {}", first.place(), last.place())
                };
                table.row(head(first).into_iter().chain([which, value, place]));
            }
        }
        table
    }
}

impl Row {
    fn value(&self) -> String {
        value_text(&self.key.domain, self.low, self.value)
    }

    fn place(&self) -> String {
        match self.place {
            Some(Place::In(event)) => format!("#{event}"),
            Some(Place::After(0)) => "at the start".to_owned(),
            Some(Place::After(event)) => format!("after #{event}"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Family;
    use crate::trace::Event;

    fn key(domain: &str, object: &str, ordinal: u64) -> Key {
        Key { domain: domain.into(), object: object.into(), ordinal }
    }

    fn log(events: &[(u64, Family)]) -> TraceLog {
        let event = |&(number, family): &(u64, Family)| Event {
            number,
            time: 0,
            thread: 0,
            kind: Kind::Fault(family),
            args: [0; 4],
            result: 0,
            cause: 0,
            bytes: (0, 0),
        };
        TraceLog { events: events.iter().map(event).collect(), ..TraceLog::default() }
    }

    #[test]
    fn many_choices_of_one_kind_are_one_line() {
        let lengths =
            (10..200).filter(|n| n % 3 != 0).map(|n| (key("workload", "client/0:length", n), n % 7 + 1));
        let mut all = vec![
            (key("workload", "client/0:requests", 0), 611),
            (key("workload", "client/0:requests", 1), 3),
        ];
        all.extend(lengths);
        let made: Vec<Made> = (0..all.len() as u64).map(|after| Made { low: 10, after }).collect();
        let text = Choices::new(&all, &all, &made, &TraceLog::default()).table().text("");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_choice_has_the_event_that_shows_it() {
        let all = [
            (key("wire.delay", "a#1>b/up", 3), 1_000),
            (key("wire.split", "a#1>b/up", 3), 7),
            (key("wire.gap", "a#1>b/up", 0), 2_000),
            (key("process.kill", "b", 0), 9),
            (key("signal.interrupt", "b/0", 0), 5),
            (key("signal.interrupt", "b/0", 1), 5),
            (key("workload", "a/0:length", 0), 2),
        ];
        let after = [4, 5, 5, 0, 1, 2, 3].map(|after| Made { low: 0, after });
        let events = [
            (5, Family::WireDelay),
            (6, Family::WireSplit),
            (20, Family::ProcessKill),
            (21, Family::Interrupt),
            (22, Family::Interrupt),
        ];
        let choices = Choices::new(&all, &all, &after, &log(&events));
        // Which of two interrupts is whose is not known.
        assert_eq!(choices.events(), [5, 6, 20].into());
        let places: Vec<String> = choices.rows.iter().map(Row::place).collect();
        assert_eq!(places, ["#5", "#6", "#6", "#20", "after #1", "after #2", "after #3"]);
    }
}
