//! What every thread runs right now: (scenario, seed, settings), kept where a process that is about to die finds it.
//! All of it is atomics in a static, so that a signal handler (a stack overflow, an abort) may read and print it:
//! [`each_line`] takes no lock and allocates nothing.

use crate::choice::Base;
use crate::run::RunSpec;
use crate::run::Settings;
use crate::runner::{invocation, settings};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Threads beyond this many run unrecorded.
const SLOTS: usize = 256;
/// Longer texts are cut.
const TEXT_MAX: usize = 480;

struct Slot {
    taken: AtomicBool,
    running: AtomicBool,
    /// Somebody waits for the job who can do without it, and whether the watchdog has found it to make no call.
    awaited: AtomicBool,
    hangs: AtomicBool,
    /// The OS thread, as the stack module names it.
    os_thread: AtomicU64,
    /// And as Linux numbers it; 0: not known.
    thread_id: AtomicU64,
    /// Counts beginnings and ends, so that the watchdog can distinguish a new run from a stuck one.
    turns: AtomicU64,
    seed: AtomicU64,
    /// The base is zero: there is no seed.
    seedless: AtomicBool,
    /// The command that makes the run again, without its seed; or the scenario and its settings, where there is no seed.
    text: [AtomicU8; TEXT_MAX],
    /// Where in the text the seed stands.
    seed_at: AtomicUsize,
    length: AtomicUsize,
}

impl Slot {
    fn empty() -> Slot {
        Slot {
            taken: AtomicBool::new(false),
            running: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            os_thread: AtomicU64::new(0),
            thread_id: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            seed: AtomicU64::new(0),
            seedless: AtomicBool::new(false),
            text: [const { AtomicU8::new(0) }; TEXT_MAX],
            seed_at: AtomicUsize::new(0),
            length: AtomicUsize::new(0),
        }
    }
}

/// On the heap, where the statics of unmodified programs, which are swapped, are not.
static ALL: OnceLock<Box<[Slot]>> = OnceLock::new();

/// The slots that there are: none before the first job.
fn slots() -> &'static [Slot] {
    ALL.get().map_or(&[], |slots| slots)
}

/// Heartbeats by slot. Only the watchdog and the beginning of a job take the lock.
static HEARTBEATS: Mutex<Vec<(usize, Arc<AtomicU64>)>> = Mutex::new(Vec::new());

/// A thread that runs worlds.
///
/// It belongs to the OS thread that registered it, and is dropped there.
pub struct Job {
    slot: Option<usize>,
    /// What the text of the slot is of: scenario, settings, whether there is a seed. It changes far more rarely than the seed.
    written: Option<(&'static str, Settings, bool)>,
    /// Not `Send`: see above.
    _here: PhantomData<*const ()>,
}

impl Job {
    /// Takes a free slot, for the OS thread that calls.
    pub fn register(heartbeat: Arc<AtomicU64>) -> Job {
        let free = |slot: &Slot| {
            slot.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let all = ALL.get_or_init(|| (0..SLOTS).map(|_| Slot::empty()).collect());
        let job = Job { slot: all.iter().position(free), written: None, _here: PhantomData };
        job.watch(heartbeat);
        if let Some(index) = job.slot {
            slots()[index].os_thread.store(crate::stack::fatal::os_thread(), Ordering::Relaxed);
            slots()[index].thread_id.store(own_thread_id().unwrap_or(0), Ordering::Relaxed);
        }
        job
    }

    /// From now on `heartbeat` moves while this job makes calls.
    pub fn watch(&self, heartbeat: Arc<AtomicU64>) {
        let Some(index) = self.slot else { return };
        let mut heartbeats = HEARTBEATS.lock().unwrap_or_else(PoisonError::into_inner);
        heartbeats.retain(|(other, _)| *other != index);
        heartbeats.push((index, heartbeat));
    }

    pub(super) fn slot(&self) -> Option<usize> {
        self.slot
    }

    /// A run begins.
    pub fn begin(&mut self, spec: &RunSpec) {
        let Some(slot) = self.slot.map(|index| &slots()[index]) else { return };
        if let Base::Seed(seed) = spec.base {
            slot.seed.store(seed, Ordering::Relaxed);
        }
        slot.seedless.store(spec.base == Base::Zero, Ordering::Relaxed);
        let name = spec.scenario.name;
        let seeded = spec.base != Base::Zero;
        let same = |(of, settings, seed): &(&str, Settings, bool)| {
            (*of, settings, *seed) == (name, &spec.settings, seeded)
        };
        if !self.written.as_ref().is_some_and(same) {
            self.written = Some((name, spec.settings.clone(), seeded));
            let [before, after] = if seeded {
                invocation::around_seed(name, &spec.settings)
            } else {
                [name.to_owned(), settings::flags(&spec.settings)]
            };
            let length = (before.len() + after.len()).min(TEXT_MAX);
            for (cell, byte) in slot.text.iter().zip(before.bytes().chain(after.bytes())) {
                cell.store(byte, Ordering::Relaxed);
            }
            slot.seed_at.store(before.len().min(length), Ordering::Relaxed);
            slot.length.store(length, Ordering::Relaxed);
        }
        slot.turns.fetch_add(1, Ordering::Relaxed);
        slot.running.store(true, Ordering::Release);
    }

    /// The run ended.
    pub fn end(&self) {
        let Some(slot) = self.slot.map(|index| &slots()[index]) else { return };
        slot.running.store(false, Ordering::Release);
        slot.turns.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(index) = self.slot else { return };
        HEARTBEATS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != index);
        slots()[index].running.store(false, Ordering::Release);
        slots()[index].awaited.store(false, Ordering::Relaxed);
        slots()[index].taken.store(false, Ordering::Release);
    }
}

/// Hands the line of every running job to `print`, as the command that makes that run again. Safe in a signal handler.
pub fn each_line(mut print: impl FnMut(&[u8])) {
    for slot in slots().iter().filter(|slot| slot.running.load(Ordering::Acquire)) {
        print_slot(slot, &mut print);
    }
}

fn print_slot(slot: &Slot, print: &mut impl FnMut(&[u8])) {
    let mut text = [0; TEXT_MAX];
    let length = slot.length.load(Ordering::Relaxed).min(TEXT_MAX);
    for (byte, cell) in text.iter_mut().zip(&slot.text) {
        *byte = cell.load(Ordering::Relaxed);
    }
    if slot.seedless.load(Ordering::Relaxed) {
        print(b"  running: ");
        print(&text[..length]);
        print(b", with choices that were given: a step of shrinking, or a replay\n");
        return;
    }
    let seed_at = slot.seed_at.load(Ordering::Relaxed).min(length);
    let mut digits = [0; 16];
    let mut seed = slot.seed.load(Ordering::Relaxed);
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b"0123456789abcdef"[(seed & 15) as usize];
        seed >>= 4;
        if seed == 0 {
            break;
        }
    }
    print(b"  running: ");
    print(&text[..seed_at]);
    print(b"0x");
    print(&digits[first..]);
    print(&text[seed_at..length]);
    print(b"\n");
}

/// The line of one job.
pub(super) fn line(index: usize) -> String {
    let mut line = Vec::new();
    print_slot(&slots()[index], &mut |part| line.extend_from_slice(part));
    String::from_utf8_lossy(&line).into_owned()
}

/// The OS thread of a job.
pub(super) fn os_thread(index: usize) -> u64 {
    slots()[index].os_thread.load(Ordering::Relaxed)
}

/// The number of a job's OS thread, where it is known.
pub(super) fn thread_id(index: usize) -> Option<u64> {
    Some(slots()[index].thread_id.load(Ordering::Relaxed)).filter(|&id| id != 0)
}

/// That of the thread that asks: the link is `PID/task/TID` (`proc_thread-self(5)`).
fn own_thread_id() -> Option<u64> {
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

/// From now on the job is not worth the process: whoever waits for it asks [`hangs`].
pub(super) fn await_job(index: usize) {
    slots()[index].hangs.store(false, Ordering::Relaxed);
    slots()[index].awaited.store(true, Ordering::Release);
}

/// The job makes no call. Whether somebody waits for it.
pub(super) fn report_hang(index: usize) -> bool {
    slots()[index].hangs.store(true, Ordering::Release);
    slots()[index].awaited.load(Ordering::Acquire)
}

/// Whether the watchdog has given the job up.
pub(super) fn hangs(index: usize) -> bool {
    slots()[index].hangs.load(Ordering::Acquire)
}

/// Every job that runs now, with a number that moves while it makes progress.
pub(super) fn progress() -> Vec<(usize, (u64, u64))> {
    let heartbeats = HEARTBEATS.lock().unwrap_or_else(PoisonError::into_inner);
    let running = heartbeats.iter().filter(|(index, _)| slots()[*index].running.load(Ordering::Acquire));
    running
        .map(|(index, beats)| {
            (*index, (slots()[*index].turns.load(Ordering::Relaxed), beats.load(Ordering::Relaxed)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Scenario, Settings};

    #[test]
    fn a_running_job_is_found_as_the_command_that_makes_it_again() {
        let scenario = Scenario { name: "jobs-test", about: "", knobs: &[], seeds: 1, body: |_| {} };
        let spec = |seed, settings| RunSpec::seeded(scenario, settings, seed);
        let mine = || {
            let mut text = Vec::new();
            each_line(|part| text.extend_from_slice(part));
            let text = String::from_utf8(text).unwrap();
            text.lines().find(|line| line.contains("jobs-test")).map(str::to_owned)
        };
        let mut job = Job::register(Arc::default());
        job.begin(&spec(0x1f, Settings::from([("model".into(), "poll".into())])));
        assert_eq!(mine().unwrap(), "  running: cargo eagain run jobs-test --seed 0x1f --set model=poll");
        job.end();
        assert_eq!(mine(), None);
        job.begin(&spec(0, Settings::new()));
        assert_eq!(mine().unwrap(), "  running: cargo eagain run jobs-test --seed 0x0");
        let shrinking = Settings::from([("model".into(), "poll".into())]);
        job.begin(&RunSpec { base: Base::Zero, ..spec(0, shrinking) });
        let given = "with choices that were given: a step of shrinking, or a replay";
        assert_eq!(mine().unwrap(), format!("  running: jobs-test --set model=poll, {given}"));
        drop(job);
        assert_eq!(mine(), None);
    }
}
