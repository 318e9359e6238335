//! The thread that owns the backend: takes the batch under way, appends it, makes it safe as often as the policy wants,
//! and says so. One turn:
//!
//! 1. wait for a batch (where no reply waits for it: a little longer, for more of it);
//! 2. take it, and what a rewrite has shown, together;
//! 3. append and sync;
//! 4. publish how far that came, and wake who waits for it;
//! 5. when a rewrite has shown all: sync it, take what was committed meanwhile, and put it in place.
//!
//! Trouble is met where it arises: see [`Writer::fail`].

use super::shared::{Rewrite, Shared, State, Trouble};
use super::{BACKLOG_BYTES_MAX, Backend, NewPlace, SyncPolicy};
use crate::random::Random;
use crate::storage_unit::{Databases, HashKey};
use eagain_net::sync::{Mutex, MutexGuard};
use eagain_net::{Clock, ClockId, Errno, Instant, Threads};
use std::sync::Arc;
use std::time::Duration;

/// How long a batch that nobody waits for is gathered.
const GATHER: Duration = Duration::from_millis(5);
/// Between two syncs of `everysec`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks whether trouble has ended.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

pub(super) struct Writer<K: Threads, B: Backend> {
    shared: Arc<Shared<K>>,
    backend: Arc<Mutex<K, B>>,
    policy: SyncPolicy,
    /// Databases of an image, and the key of its hash tables.
    shape: (usize, HashKey),
    random: Random,
    /// Where a rewrite gathers the data.
    new_place: Option<B::NewPlace>,
    /// What is safe could not be read back, and is to be tried again.
    is_blind: bool,
    /// When to look next whether trouble has ended.
    probe_at: Instant,
}

/// What is taken in one turn.
struct Taken {
    batch: Vec<u8>,
    copy: Vec<u8>,
    ticket: u64,
    rewrite: Rewrite,
}

/// Which call failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Append,
    Sync,
}

impl<K: Threads + Clock, B: Backend> Writer<K, B> {
    pub fn new(
        shared: Arc<Shared<K>>,
        backend: Arc<Mutex<K, B>>,
        policy: SyncPolicy,
        shape: (usize, HashKey),
        seed: u64,
    ) -> Self {
        Writer {
            shared,
            backend,
            policy,
            shape,
            random: Random::new(seed),
            new_place: None,
            is_blind: false,
            probe_at: Instant(0),
        }
    }

    fn now(&self) -> Instant {
        self.shared.kernel.clock_gettime(ClockId::Monotonic)
    }

    pub fn run(mut self) {
        while let Some(mut taken) = self.take() {
            if !taken.batch.is_empty() {
                self.keep(&mut taken);
            } else if let Err(errno) = self.sync_if_due() {
                self.fail(At::Sync, errno, &mut taken);
            }
            self.go_on_rewriting(&mut taken);
        }
        self.abandon_rewrite();
        let may_end = self.shared.state.lock().trouble.as_ref().map(|trouble| trouble.may_end);
        let closed = match may_end {
            None => self.backend.lock().close(),
            // There was no room for more; what was appended before is still to be made safe.
            Some(true) => self.sync(),
            // A sync that succeeds proves nothing.
            Some(false) => Ok(()),
        };
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        if let Err(errno) = closed {
            let trouble = Trouble { text: refusal(At::Sync, errno, false), may_end: false };
            shared.set_trouble(&mut state, Some(trouble));
        }
        state.done = state.ticket;
        self.publish(state);
    }

    /// Steps 1 and 2. `None`: the end, and nothing is left to do.
    fn take(&mut self) -> Option<Taken> {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        let mut gathered = self.policy == SyncPolicy::Always || B::OUTLIVES_PROCESS;
        loop {
            let has_work =
                !state.batch.is_empty() || !state.copy.is_empty() || state.rewrite.is_the_writers();
            state = match (state.trouble.is_some(), has_work, state.dirty_since) {
                (true, ..) if state.closing => return None,
                (true, ..) if self.is_blind => {
                    let (state, late) = shared.work.wait_timeout(state, PROBE_INTERVAL);
                    if late {
                        drop(state);
                        self.load();
                        shared.state.lock()
                    } else {
                        state
                    }
                }
                (true, ..) => self.sit_out(state),
                (false, true, _) if gathered || state.closing => {
                    let rewrite = state.rewrite;
                    if rewrite == Rewrite::Synced {
                        state.rewrite = Rewrite::Finishing;
                    }
                    return Some(Taken {
                        batch: std::mem::take(&mut state.batch),
                        copy: std::mem::take(&mut state.copy),
                        ticket: state.ticket,
                        rewrite,
                    });
                }
                (false, true, _) => {
                    drop(state);
                    gathered = true;
                    // A signal may cut it short, which costs nothing.
                    let _ = shared.kernel.nanosleep(GATHER);
                    shared.state.lock()
                }
                (false, false, _) if state.closing => return None,
                (false, false, None) => shared.work.wait(state),
                (false, false, Some(since)) => {
                    let (state, late) = shared.work.wait_deadline(state, since + SYNC_INTERVAL);
                    if late {
                        return Some(Taken::nothing());
                    }
                    state
                }
            };
        }
    }

    /// Steps 3 and 4.
    fn keep(&mut self, taken: &mut Taken) {
        let appended = self.backend.lock().append(&mut taken.batch);
        let kept = match appended {
            Err(errno) => Err((At::Append, errno)),
            Ok(()) if self.policy == SyncPolicy::Always => self.sync().map_err(|errno| (At::Sync, errno)),
            Ok(()) => {
                self.is_dirty();
                self.sync_if_due().map_err(|errno| (At::Sync, errno))
            }
        };
        match kept {
            Ok(()) => self.done(taken.ticket),
            Err((at, errno)) => self.fail(at, errno, taken),
        }
    }

    /// Something is appended that is to be synced in time.
    fn is_dirty(&self) {
        if self.policy == SyncPolicy::EverySecond {
            self.shared.state.lock().dirty_since.get_or_insert_with(|| self.now());
        }
    }

    fn sync_if_due(&mut self) -> Result<(), Errno> {
        // Before the sync: what is appended from now on is for the next one.
        let is_due = |since: &mut Instant| self.now() - *since >= SYNC_INTERVAL;
        let due = self.shared.state.lock().dirty_since.take_if(is_due);
        if due.is_some() { self.sync() } else { Ok(()) }
    }

    /// Syncs, where it can be without the lock for which a turn waits that appends.
    fn sync(&self) -> Result<(), Errno> {
        let mut backend = self.backend.lock();
        let Some(sync) = backend.sync_apart() else { return backend.sync() };
        drop(backend);
        sync()?;
        self.backend.lock().synced();
        Ok(())
    }

    fn abandon_rewrite(&mut self) {
        if let Some(new) = self.new_place.take() {
            self.backend.lock().rewrite_abandon(new);
        }
    }

    fn done(&mut self, ticket: u64) {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        // A sync by the clock has no ticket.
        state.done = state.done.max(ticket);
        state.size = self.backend.lock().size();
        self.publish(state);
    }

    /// Unlocks, and wakes whoever waits for news.
    fn publish(&self, state: MutexGuard<'_, K, State>) {
        self.shared.note(&state, BACKLOG_BYTES_MAX);
        let ring = state.ring.clone();
        drop(state);
        self.shared.progress.notify_all();
        if let Some(ring) = ring {
            ring();
        }
    }

    /// A call failed. What was not safe yet has failed (`always`), or is kept and tried again for as long
    /// as there is hope. A sync is never tried again.
    fn fail(&mut self, at: At, errno: Errno, taken: &mut Taken) {
        let may_end = errno == Errno::ENOSPC && (at == At::Append || B::REOPENS);
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        shared.set_trouble(&mut state, Some(Trouble { text: refusal(at, errno, may_end), may_end }));
        self.probe_at = self.now() + PROBE_INTERVAL;
        if state.rewrite != Rewrite::None {
            state.rewrite = Rewrite::Abandoned;
        }
        taken.rewrite = Rewrite::None;
        if at == At::Sync {
            state.dirty_since = None;
        }
        if self.policy == SyncPolicy::Always {
            state.reloading = true;
            state.batch.clear();
            drop(state);
            self.abandon_rewrite();
            self.reload(may_end);
        } else {
            if B::OUTLIVES_PROCESS {
                // Reads must not wait for the end of the trouble, which may never come.
                state.fail_pending();
            }
            self.publish(state);
            self.abandon_rewrite();
            self.try_again(at, taken, may_end);
        }
    }

    /// Reads back what is safe, for the image to be replaced by it.
    fn reload(&mut self, may_end: bool) {
        let mut cut = if may_end { self.backend.lock().cut_back() } else { Ok(()) };
        // Going back may take room too. No reply can leave before that has succeeded.
        while B::REOPENS && cut == Err(Errno::ENOSPC) && !self.shared.state.lock().closing {
            let _ = self.shared.kernel.nanosleep(PROBE_INTERVAL);
            cut = self.backend.lock().cut_back();
        }
        if let Err(errno) = cut {
            let trouble = Trouble { text: refusal(At::Sync, errno, false), may_end: false };
            self.shared.set_trouble(&mut self.shared.state.lock(), Some(trouble));
        }
        self.load();
    }

    fn load(&mut self) {
        let mut image = Databases::new(self.shape.0, self.shape.1);
        let loaded = self.backend.lock().load(&mut image);
        self.is_blind = B::REOPENS && loaded.is_err();
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        match loaded {
            // What nobody has heard of yet counts no more.
            Ok(()) => (state.image, state.unreadable) = (Some(image), None),
            Err(why) => (state.image, state.unreadable) = (None, Some(why)),
        }
        self.publish(state);
    }

    /// Holds on to a batch whose replies have left already, or said that nobody knows, for as long as there is hope.
    fn try_again(&mut self, at: At, taken: &mut Taken, may_end: bool) {
        let shared = self.shared.clone();
        if may_end {
            while !shared.state.lock().closing {
                let _ = shared.kernel.nanosleep(PROBE_INTERVAL);
                let again = match at {
                    At::Append => self.backend.lock().append(&mut taken.batch),
                    At::Sync => self.sync(),
                };
                if again.is_ok() {
                    if at == At::Append {
                        self.is_dirty();
                    }
                    shared.set_trouble(&mut shared.state.lock(), None);
                    break;
                }
            }
        }
        self.done(taken.ticket);
    }

    /// A turn while there is trouble.
    fn sit_out<'a>(&mut self, mut state: MutexGuard<'a, K, State>) -> MutexGuard<'a, K, State> {
        let shared = self.shared.clone();
        let may_end = state.trouble.as_ref().is_some_and(|trouble| trouble.may_end);
        if self.policy != SyncPolicy::Always && !state.batch.is_empty() {
            // What an expired key left: it will be met again after the next start.
            state.batch.clear();
            state.done = state.ticket;
        }
        // By a deadline: who is woken again and again for other reasons would never look.
        let (mut state, late) = shared.work.wait_deadline(state, self.probe_at);
        if late {
            self.probe_at = self.now() + PROBE_INTERVAL;
            if may_end && !state.reloading && self.backend.lock().probe().is_ok() {
                shared.set_trouble(&mut state, None);
                shared.note(&state, BACKLOG_BYTES_MAX);
            }
        }
        state
    }

    /// Step 5, and what leads there.
    fn go_on_rewriting(&mut self, taken: &mut Taken) {
        if matches!(taken.rewrite, Rewrite::None | Rewrite::Abandoned) {
            return;
        }
        let shared = self.shared.clone();
        if self.write_new_place(taken).is_err() {
            // The old place has everything; the new one is not needed.
            self.abandon_rewrite();
            shared.state.lock().rewrite = Rewrite::Abandoned;
            return;
        }
        let mut state = shared.state.lock();
        match taken.rewrite {
            Rewrite::Begun if state.rewrite == Rewrite::Begun => state.rewrite = Rewrite::Running,
            Rewrite::Shown => state.rewrite = Rewrite::Synced,
            Rewrite::Synced => {
                drop(state);
                self.finish_rewriting(taken);
            }
            _ => {}
        }
    }

    /// Writes what was shown, and syncs it where it was the last of it.
    fn write_new_place(&mut self, taken: &mut Taken) -> Result<(), Errno> {
        if self.new_place.is_none() {
            self.new_place = Some(self.backend.lock().rewrite_begin(self.random.next_u64())?);
        }
        let Some(new) = &mut self.new_place else { return Ok(()) };
        if !taken.copy.is_empty() {
            new.append(&mut taken.copy)?;
        }
        if matches!(taken.rewrite, Rewrite::Shown | Rewrite::Synced) { new.sync() } else { Ok(()) }
    }

    fn finish_rewriting(&mut self, taken: &mut Taken) {
        let Some(new) = self.new_place.take() else { return };
        let finished = self.backend.lock().rewrite_finish(new);
        if let Err(errno) = finished {
            return self.fail(At::Sync, errno, taken);
        }
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        state.dirty_since = None;
        state.rewrite = Rewrite::None;
        state.size = self.backend.lock().size();
        state.size_after_rewrite = state.size;
        self.publish(state);
    }
}

impl Taken {
    fn nothing() -> Taken {
        Taken { batch: Vec::new(), copy: Vec::new(), ticket: 0, rewrite: Rewrite::None }
    }
}

fn refusal(at: At, errno: Errno, may_end: bool) -> String {
    match at {
        _ if may_end => "MISCONF the disk is full: writes are refused until there is room".to_owned(),
        At::Append => {
            format!(
                "MISCONF writing to the disk failed ({}): writes are refused until a restart",
                errno.name()
            )
        }
        At::Sync => format!(
            "MISCONF syncing the disk failed ({}): what was not safe may be lost; writes are refused until a restart",
            errno.name()
        ),
    }
}
