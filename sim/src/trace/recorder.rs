//! Records events: always their hash, and, where a run is asked to keep them, the events themselves.

use super::{Event, Kind, Record, TraceHash, TraceLog, frames};
use crate::calls::Row;
use crate::stack::stop;
use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::fmt;

/// How many bytes of a call's payload a trace keeps: of a wait, four descriptors.
const KEPT_BYTES: usize = 64;
/// How many events a trace keeps at most: the last ones, at least half as many.
const KEPT_EVENTS: usize = 1_000_000;
/// How many of a segment's: enough for a packet view to show what was in it.
const CARRIED_BYTES: usize = 1460;

/// The recorder of one run.
pub(crate) struct Recorder {
    hash: TraceHash,
    number: u64,
    keep: Record,
    log: TraceLog,
    /// The index of every text so far.
    texts: BTreeMap<String, u64>,
    /// The fault that the call under way ran into, by the number of its event.
    blamed: u64,
    /// Where the payload of the call under way is in the log, and whose call that is.
    payload: (u32, u32),
    payload_of: u32,
    /// Of each call from an event on ([`Record::Places`]).
    stacks: Vec<(u64, Backtrace)>,
    /// At an event of the kept trace.
    stop: Option<Box<stop::Stop>>,
}

impl Recorder {
    pub fn new(keep: Record) -> Recorder {
        Recorder {
            hash: TraceHash::default(),
            number: 0,
            keep,
            log: TraceLog::default(),
            texts: BTreeMap::new(),
            blamed: 0,
            payload: (0, 0),
            payload_of: u32::MAX,
            stacks: Vec::new(),
            stop: match keep {
                Record::StopAt(event) => Some(Box::new(stop::Stop::at(event))),
                _ => None,
            },
        }
    }

    #[inline]
    pub fn keeps_stacks(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.is_ahead())
    }

    /// `thread` is about to be suspended.
    pub fn suspends(&mut self, thread: u32) {
        if let Some(stop) = &mut self.stop {
            stop.suspends(thread);
        }
    }

    /// The stacks at the stop, for people.
    pub fn stacks(&self) -> String {
        self.stop.as_ref().map(|stop| stop.text(&self.log.threads)).unwrap_or_default()
    }

    /// The number of the last event.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn hash(&self) -> u64 {
        self.hash.value()
    }

    pub fn keeps_events(&self) -> bool {
        self.keep.keeps_trace()
    }

    pub fn keeps_choices(&self) -> bool {
        self.keep != Record::Hash
    }

    pub fn into_log(mut self) -> Option<TraceLog> {
        let place = |(number, stack): &(u64, Backtrace)| {
            Some((*number, frames::caller(&stack.to_string())?.to_owned()))
        };
        self.log.places = self.stacks.iter().filter_map(place).collect();
        self.keeps_events().then_some(self.log)
    }

    pub fn name_thread(&mut self, index: u32, name: &str) {
        debug_assert_eq!(index as usize, self.log.threads.len());
        self.log.threads.push(name.to_owned());
    }

    /// A trace has one name for a thread: its last.
    pub fn rename_thread(&mut self, index: u32, name: &str) {
        if let Some(old) = self.log.threads.get_mut(index as usize) {
            name.clone_into(old);
        }
    }

    pub fn name_host(&mut self, name: &str) {
        if self.keeps_events() {
            self.log.hosts.push(name.to_owned());
        }
    }

    /// The run fails: who waits, and for which descriptors. The first failure counts.
    pub fn waits(&mut self, waits: Vec<(u32, Vec<i32>)>) {
        if self.keeps_events() && self.log.waits.is_empty() {
            self.log.waits = waits;
        }
    }

    /// The index of a text, for an event to refer to; its content goes into the hash here.
    pub fn text(&mut self, text: &str) -> u64 {
        self.hash.bytes(text.as_bytes());
        if let Some(&at) = self.texts.get(text) {
            return at;
        }
        // Counted also where no events are kept: the index is a word of the event, and so of the hash.
        let at = self.texts.len() as u64;
        self.texts.insert(text.to_owned(), at);
        if self.keeps_events() {
            self.log.texts.push(text.to_owned());
        }
        at
    }

    /// The text with this index.
    pub fn text_at(&self, index: usize) -> Option<&str> {
        self.texts.iter().find(|&(_, &at)| at == index as u64).map(|(text, _)| text.as_str())
    }

    /// The call under way ran into this fault.
    #[inline]
    pub fn blame(&mut self, cause: u64) {
        self.blamed = cause;
    }

    /// Bytes that the call under way of `thread` moved; a gathering call says so piece by piece. Sent bytes are part of the
    /// hash; received ones were sent before.
    #[inline(always)]
    pub fn payload(&mut self, thread: u32, bytes: &[u8], sent: bool) {
        if sent {
            self.hash.bytes(bytes);
        }
        if self.keeps_events() {
            self.keep_payload(thread, bytes);
        }
    }

    fn keep_payload(&mut self, thread: u32, bytes: &[u8]) {
        let end = self.log.bytes.len() as u32;
        let (start, length) = self.payload;
        // What another call left, or what lies elsewhere in the log, is not continued.
        if self.payload_of != thread || start + length != end {
            self.payload = (end, 0);
            self.payload_of = thread;
        }
        let kept = bytes.len().min(KEPT_BYTES.saturating_sub(self.payload.1 as usize));
        self.log.bytes.extend_from_slice(&bytes[..kept]);
        self.payload.1 += kept as u32;
    }

    /// The bytes that the last event carried. They are not in the hash: they went into it when they were sent.
    pub fn carried(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(CARRIED_BYTES);
        if let (true, Some(event)) = (self.keeps_events(), self.log.events.last_mut()) {
            event.bytes = (self.log.bytes.len() as u32, kept as u32);
            self.log.bytes.extend_from_slice(&bytes[..kept]);
        }
    }

    /// A call that has ended. `row` is that of its `kind`.
    #[inline(always)]
    pub fn call(&mut self, time: u64, thread: u32, kind: Kind, row: &Row, args: &[u64; 4], result: i64) {
        let cause = std::mem::take(&mut self.blamed);
        self.fold(time, thread, row, args, result, cause);
        if self.keeps_events() {
            self.keep_event(time, thread, kind, args, result, cause);
        }
    }

    /// An event that is no call; its number.
    #[inline(always)]
    pub fn event(&mut self, time: u64, thread: u32, kind: Kind, args: [u64; 4]) -> u64 {
        self.note(time, thread, kind, &args, 0);
        self.number
    }

    /// An operation that was started earlier has completed, with the bytes that it moved and the fault that it met.
    pub fn completion(&mut self, time: u64, thread: u32, kind: Kind, args: [u64; 4]) {
        let cause = std::mem::take(&mut self.blamed);
        self.note(time, thread, kind, &args, cause);
    }

    #[inline(always)]
    fn note(&mut self, time: u64, thread: u32, kind: Kind, args: &[u64; 4], cause: u64) {
        self.fold(time, thread, kind.row(), args, 0, cause);
        if self.keeps_events() {
            self.keep_event(time, thread, kind, args, 0, cause);
        }
    }

    /// Folds an event into the hash.
    #[inline(always)]
    fn fold(&mut self, time: u64, thread: u32, row: &Row, args: &[u64; 4], result: i64, cause: u64) {
        self.number += 1;
        self.hash.words(time, u64::from(thread) << 32 | u64::from(row.number));
        self.hash.words(args[0] ^ args[1].rotate_left(32), result as u64 ^ cause.rotate_left(32));
        if args[2] | args[3] != 0 {
            self.hash.words(args[2], args[3]);
        }
    }

    /// Appends an event to the log. Few runs are kept, and hashing is the faster without this in it.
    #[cold]
    #[inline(never)]
    fn keep_event(&mut self, time: u64, thread: u32, kind: Kind, args: &[u64; 4], result: i64, cause: u64) {
        let mut event =
            Event { number: self.number, time, thread, kind, args: *args, result, cause, bytes: (0, 0) };
        if event.kind.is_call() && self.payload_of == event.thread {
            event.bytes = std::mem::take(&mut self.payload);
        }
        // Of a run without end the beginning is not worth its memory.
        if self.log.events.len() == KEPT_EVENTS {
            self.log.events.drain(..KEPT_EVENTS / 2);
        }
        let number = event.number;
        // What ends a call is recorded on the stack that made it. Symbols are looked up at the end of the run.
        if matches!(self.keep, Record::Places(from) if number >= from) && kind.is_call() {
            self.stacks.push((number, Backtrace::force_capture()));
        }
        self.log.events.push(event);
        if let Some(stop) = &mut self.stop {
            let ends = |event: &Event, thread| event.thread == thread && event.kind == Kind::ThreadEnd;
            stop.passes(number, thread, |thread| self.log.events.iter().any(|event| ends(event, thread)));
        }
    }
}

/// A time of the world, printed in seconds with nine digits behind the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Time(pub u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000))
    }
}
