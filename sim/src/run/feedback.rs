//! What a run did, counted coarsely: the feedback of a guided search. Off, it costs a test of a pointer at each event; it
//! never changes a run.
//!
//! | feature | counts |
//! |---|---|
//! | two calls of a thread, one after the other | how often, with what each came to |
//! | two calls on an object (descriptor, futex), one after the other | how often, and whether the same thread made both |
//! | a fault | how often, by the last call of the thread that it concerns |
//! | another event | how often |
//! | a `sometimes`, a `feature` of the scenario's own | how often it was reached |
//!
//! What a call came to is its errno, or nothing, one, some, or all that was asked for: which is how empty or full the queue behind
//! it was. Threads count by their role, the name without its digits: what the third client does is nothing new after the first.
//! Each feature has a place in a map of fixed size, by its hash; two may share one.

use super::Run;
use crate::calls::{Arg, Kind};
use crate::choice::{Mix, stream_id};
use crate::fault::Family;
use std::cell::Cell;

/// Places of the map.
pub const PLACES: usize = 1 << 13;
/// From here on are those that the scenario names.
const OWN: usize = PLACES / 8 * 7;
/// How many objects are known at a time, by hash.
const OBJECTS: usize = 256;

/// A feature of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Feature {
    /// Its place in the map, below [`PLACES`].
    pub place: u16,
    /// How often, as the number of a range: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more.
    pub range: u8,
    /// The number of the call, from 1, with whose end it was first there.
    pub call: u32,
}

impl Feature {
    /// Place and range as one number, below [`Feature::COUNT`].
    pub fn id(self) -> u32 {
        u32::from(self.place) << 3 | u32::from(self.range)
    }

    /// Whether the scenario names it: a `sometimes`, a `feature`.
    pub fn is_own(self) -> bool {
        usize::from(self.place) >= OWN
    }

    /// How many there can be.
    pub const COUNT: usize = PLACES << 3;
}

thread_local! {
    /// A map in which everything is 0, for the next run of this OS thread.
    static SPARE: Cell<Option<Box<[u8; PLACES]>>> = const { Cell::new(None) };
}

/// The counts of one run.
pub(crate) struct Feedback {
    counts: Box<[u8; PLACES]>,
    /// The places that are not 0, with the number of the call.
    touched: Vec<(u16, u32)>,
    threads: Vec<ThreadSeen>,
    /// The last call on each object, and whose it was.
    objects: Box<[u32; OBJECTS]>,
    calls: u32,
    /// From which call on other seeds are drawn from, the next one last.
    forks: Vec<(u64, u64)>,
    next_fork: u32,
}

#[derive(Clone, Copy, Default)]
struct ThreadSeen {
    role: u32,
    process: u32,
    last: u32,
}

impl Feedback {
    pub fn new(mix: &Mix) -> Feedback {
        let mut feedback = Feedback {
            counts: SPARE.take().unwrap_or_else(|| Box::new([0; PLACES])),
            touched: Vec::with_capacity(512),
            threads: Vec::with_capacity(16),
            objects: Box::new([0; OBJECTS]),
            calls: 0,
            forks: mix.forks.iter().rev().copied().collect(),
            next_fork: 0,
        };
        feedback.look_ahead();
        feedback
    }

    fn look_ahead(&mut self) {
        let next = self.forks.last().map(|&(call, _)| u32::try_from(call.max(1)).unwrap_or(u32::MAX));
        self.next_fork = next.unwrap_or(u32::MAX);
    }

    pub fn name_thread(&mut self, index: u32, name: &str) {
        let hash = |bytes: &mut dyn Iterator<Item = u8>| {
            bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        };
        let process = name.split('/').next().unwrap_or_default();
        let seen = ThreadSeen {
            role: hash(&mut name.bytes().filter(|byte| !byte.is_ascii_digit())),
            process: hash(&mut process.bytes()),
            last: 0,
        };
        self.threads.resize(index as usize + 1, ThreadSeen::default());
        self.threads[index as usize] = seen;
    }

    /// `call` is the one with whose end all of it is over: the values behind it have nothing to do with it.
    #[inline]
    fn bump(&mut self, feature: u64, call: u32) {
        let hash = feature.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.bump_place(((hash * OWN as u64) >> 32) as usize, call);
    }

    /// As `bump`, of a feature that the scenario names.
    fn bump_own(&mut self, feature: u64, call: u32) {
        let hash = feature.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.bump_place(OWN + ((hash * (PLACES - OWN) as u64) >> 32) as usize, call);
    }

    #[inline]
    fn bump_place(&mut self, place: usize, call: u32) {
        let count = self.counts[place];
        self.counts[place] = count.saturating_add(1);
        if count == 0 {
            self.touched.push((place as u16, call));
        }
    }

    /// Counts a call that has ended; the seed from which values are drawn from now on, where that is another.
    #[inline]
    fn call(&mut self, thread: u32, kind: Kind, args: &[u64; 4], result: i64) -> Option<u64> {
        self.calls += 1;
        let row = kind.row();
        let code = u32::from(row.number) << 6 | class(args, result);
        let seen = self.threads.get_mut(thread as usize)?;
        let ThreadSeen { role, process, last } = *seen;
        seen.last = code;
        let now = self.calls;
        self.bump(u64::from(role) << 32 ^ u64::from(last) << 16 ^ u64::from(code), now);
        if let Some(Arg::Fd | Arg::Futex) = row.args.first() {
            let slot = (u64::from(process) << 32 ^ args[0]).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
            let before = std::mem::replace(&mut self.objects[slot as usize], code | thread << 16);
            let same = u64::from(before >> 16 == thread & 0xffff);
            let pair = u64::from(before & 0xffff) << 16 ^ u64::from(code);
            self.bump(u64::from(role) << 33 ^ 1 << 63 ^ same << 32 ^ pair, now);
        }
        if self.calls < self.next_fork {
            return None;
        }
        self.fork()
    }

    #[cold]
    fn fork(&mut self) -> Option<u64> {
        let (_, seed) = self.forks.pop()?;
        self.look_ahead();
        Some(seed)
    }

    fn fault(&mut self, family: Family, thread: u32) {
        let seen = self.threads.get(thread as usize).copied().unwrap_or_default();
        let fault = 0xf000 ^ family as u64;
        self.bump(u64::from(seen.role) << 32 ^ u64::from(seen.last) << 16 ^ fault, self.calls + 1);
    }

    /// What there was. The map is given to the next run.
    pub fn features(mut self) -> Vec<Feature> {
        let feature = |&(place, call): &(u16, u32)| {
            let range = match self.counts[usize::from(place)] {
                count @ 0..=3 => count.saturating_sub(1),
                4..=7 => 3,
                8..=15 => 4,
                16..=31 => 5,
                32..=127 => 6,
                _ => 7,
            };
            Feature { place, range, call }
        };
        let features = self.touched.iter().map(feature).collect();
        for &(place, _) in &self.touched {
            self.counts[usize::from(place)] = 0;
        }
        SPARE.set(Some(self.counts));
        features
    }
}

/// What a call came to, coarsely: 6 bits.
#[inline]
fn class(args: &[u64; 4], result: i64) -> u32 {
    if result < 0 {
        32 | (result.unsigned_abs() as u32 & 31)
    } else if result == 0 {
        0
    } else if result as u64 == args[1] {
        3
    } else {
        1 + u32::from(result > 1)
    }
}

/// Where a run counts. Without feedback nothing of this is reached.
impl Run {
    /// This run counts what it does, and draws from these seeds too. Before its first choice.
    pub fn guide(&mut self, mix: &Mix) {
        self.choices.mix(mix);
        self.feedback = Some(Box::new(Feedback::new(mix)));
    }

    #[inline(never)]
    pub(super) fn count_call(&mut self, thread: u32, kind: Kind, args: &[u64; 4], result: i64) {
        let Some(feedback) = &mut self.feedback else { return };
        if let Some(seed) = feedback.call(thread, kind, args, result) {
            self.choices.fork(seed);
        }
    }

    #[cold]
    pub(super) fn count_event(&mut self, kind: Kind) {
        if let Some(feedback) = &mut self.feedback {
            feedback.bump(0xe << 60 | u64::from(kind.number()), feedback.calls + 1);
        }
    }

    #[cold]
    pub(super) fn count_fault(&mut self, family: Family, thread: u32) {
        if let Some(feedback) = &mut self.feedback {
            feedback.fault(family, thread);
        }
    }

    /// A feature of the scenario's own.
    #[cold]
    pub fn feature(&mut self, name: &str, value: u64) {
        if let Some(feedback) = &mut self.feedback {
            feedback.bump_own(stream_id("feature", name) ^ value.rotate_left(17), feedback.calls + 1);
        }
    }
}
