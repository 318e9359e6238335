//! The handle. It may be cloned into every task; all clones are one run.

use crate::listener::LayeredListener;
use crate::stream::Layered;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunReport};
use eagain_sim::{Actor, External};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// What the layer does to streams unless it is asked for more: everything but resets, which a program has to expect.
pub const FAULTS: &[Family] =
    &[Family::StreamShortRead, Family::StreamShortWrite, Family::StreamNotReady, Family::StreamStall];

/// When faults stop, where nobody says otherwise.
const QUIET_AFTER: Duration = Duration::from_secs(60);

thread_local! {
    /// The layer that streams of `net` are under.
    static CURRENT: RefCell<Option<Layer>> = const { RefCell::new(None) };
}

/// Until it is dropped, its thread has entered a layer: [`Layer::enter`].
#[derive(Debug)]
pub struct Entered {
    before: Option<Layer>,
    /// It must be dropped by the thread that entered.
    _this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Dropped after it is back in place: that is when the layer may be the last of its run.
        drop(CURRENT.replace(self.before.take()));
    }
}

/// The faults of one run: see the [example](crate).
#[derive(Clone, Debug)]
pub struct Layer {
    world: External,
    /// How many streams of each name there were.
    names: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Layer {
    /// A layer that may inject everything that [`FAULTS`] lists. Which of them are on, and how strongly, differs from seed to seed.
    pub fn seeded(seed: u64) -> Layer {
        Layer::with(Base::Seed(seed), &Overrides::new(), FAULTS)
    }

    /// A layer that makes exactly these choices, those of a report; nothing else goes wrong.
    pub fn replay(choices: &Overrides) -> Layer {
        Layer::with(Base::Zero, choices, FAULTS)
    }

    /// A layer with this base, these overrides and these families. The run keeps its choices and its trace.
    pub fn with(base: Base, overrides: &Overrides, families: &[Family]) -> Layer {
        let world = External::new(base, overrides, Record::Trace);
        world.draw_swarm(families, QUIET_AFTER);
        Layer::of(world)
    }

    /// Over a run that is there already, such as that of a scenario. Time is tokio's, from the first call inside a
    /// runtime on.
    pub fn of(world: External) -> Layer {
        let start = OnceLock::new();
        world.set_clock(Box::new(move || {
            Handle::try_current().ok()?;
            Some(start.get_or_init(Instant::now).elapsed())
        }));
        Layer { world, names: Arc::default() }
    }

    /// From now on, and until the guard is dropped, [`net`](crate::net) of this thread has this layer. A runtime of several
    /// threads enters on each (`on_thread_start`), and a run is no function of its seed there.
    #[must_use = "the layer is left when the guard is dropped"]
    pub fn enter(&self) -> Entered {
        let before = CURRENT.replace(Some(self.clone()));
        Entered { before, _this_thread: PhantomData }
    }

    /// The layer that this thread has entered.
    pub(crate) fn current() -> Option<Layer> {
        CURRENT.with_borrow(Option::clone)
    }

    /// The run: choices of the workload, oracles, marks in the trace.
    pub fn world(&self) -> &External {
        &self.world
    }

    /// Wraps a stream. `name` says whose it is, and with its ordinal among those of this name it is the key of all choices about
    /// it; so it should not depend on the order in which things happen to come: "client-3", not "the third accepted".
    pub fn stream<S>(&self, name: &str, inner: S) -> Layered<S> {
        let name = self.numbered(name);
        Layered::new(self.world.clone(), &name, inner)
    }

    /// Wraps a listener: each stream that it accepts is wrapped, named after `name` and the peer's address.
    pub fn listener<L>(&self, name: &str, inner: L) -> LayeredListener<L> {
        LayeredListener::new(self.clone(), name, inner)
    }

    /// `name#0`, and the next time `name#1`.
    pub(crate) fn numbered(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let count = names.entry(name.replace(' ', "-")).or_default();
        let numbered = format!("{}#{count}", name.replace(' ', "-"));
        *count += 1;
        numbered
    }

    /// A choice of the workload, from `low` to `high`; shrunk towards `low`. `name` has to say who chooses what.
    pub fn choose(&self, name: &str, low: u64, high: u64) -> u64 {
        self.world.choose(name, low, high)
    }

    /// Prints a line of `who`, for the report of a failure.
    pub fn print(&self, who: &str, line: &str) {
        let actor: Actor = self.world.actor(who);
        self.world.print(actor, line);
    }

    /// The report of the run: its choices, its trace, its hash. Streams that are still open go on without faults.
    pub fn report(&self) -> RunReport {
        self.world.report()
    }
}
