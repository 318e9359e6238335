//! Building a world, running it, and its report.

use crate::Oracle;
use crate::choice::Once;
use crate::fault::{Family, USUAL_FAULTS};
use crate::kernel::SimKernel;
use crate::knobs::{KernelKnobs, STUCK_AFTER};
use crate::near::near;
use crate::run::{External, KnobValues, Run, RunReport, RunSpec, Scenario, Settings};
use crate::run_loop::{drive, drop_handlers, end_thread};
use crate::stack::{self, Engine, with};
use crate::world::{Factory, Host, Outside, World};
use eagain_net::{ClockId, Rlimit, SocketAddr};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// A world under construction, and then running. A scenario's body gets one: it makes hosts and processes, chooses faults and
/// settings, and calls [`Sim::run`] (`scenarios!` does that at the end of the body). Choices are keyed by the names of hosts and
/// processes: a seed keeps its meaning as long as they stay.
pub struct Sim {
    world: World,
    engine: Engine,
    scenario: Scenario,
    settings: Settings,
    /// The settings that the scenario has read.
    read: RefCell<BTreeSet<String>>,
    faults: Vec<Family>,
    /// The scenario has said which.
    faults_are_chosen: bool,
    quiet_after: u64,
    ran: bool,
    external: Option<External>,
    /// What is wrong with the scenario.
    mistake: OnceCell<String>,
    /// Where the world is only surveyed: the files in which hosts and processes are made.
    files: Option<BTreeSet<&'static str>>,
}

/// A host of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostId(u32);

impl HostId {
    pub(crate) fn index(self) -> u32 {
        self.0
    }
}

/// A process of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessId(u32);

impl ProcessId {
    pub(crate) fn index(self) -> u32 {
        self.0
    }
}

impl Sim {
    fn new(spec: &RunSpec, mut engine: Engine) -> Sim {
        let mut run = Run::new(spec.base, &spec.overrides, spec.record, spec.events_max);
        if let Some(mix) = engine.guide.take() {
            run.guide(&mix);
        }
        let recycled = std::mem::take(&mut engine.recycled);
        let mut world = World::new(run, KernelKnobs::default(), recycled);
        world.outside = Outside { heartbeat: engine.heartbeat(), stop: engine.stop() };
        Sim {
            world,
            engine,
            scenario: spec.scenario,
            settings: spec.settings.clone(),
            read: RefCell::default(),
            faults: USUAL_FAULTS.to_vec(),
            faults_are_chosen: false,
            quiet_after: 60_000_000_000,
            ran: false,
            external: None,
            mistake: OnceCell::new(),
            files: None,
        }
    }

    /// The value of a knob of words ([`KnobValues::Words`]): what `--set` gave, or the default. With a name that is not in
    /// [`Scenario::knobs`] the scenario is refused as mistaken.
    pub fn word(&self, name: &str) -> String {
        self.setting(name).cloned().unwrap_or_else(|| match self.knob(name) {
            Some(KnobValues::Words(words)) => words.first().copied().unwrap_or_default().to_owned(),
            Some(KnobValues::Number { default, .. }) => default.to_string(),
            None => String::new(),
        })
    }

    /// What was given for a knob, which is read now.
    fn setting(&self, name: &str) -> Option<&String> {
        let value = self.settings.get(name)?;
        self.read.borrow_mut().insert(name.to_owned());
        Some(value)
    }

    /// Settings that were given and that nobody has read.
    fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        self.settings.keys().filter(|name| !read.contains(*name)).cloned().collect()
    }

    fn knob(&self, name: &str) -> Option<KnobValues> {
        let knobs = self.scenario.knobs;
        let known = knobs.iter().find(|knob| knob.name == name).map(|knob| knob.values);
        if known.is_none() {
            let hint = match near(name, knobs.iter().map(|knob| knob.name)) {
                Some(other) => format!("did you mean `{other}`?"),
                None => "its knobs are those of `Scenario::knobs`".to_owned(),
            };
            self.mistake.get_or_init(|| {
                format!("the scenario asks for a knob `{name}` that it does not have ({hint})")
            });
        }
        known
    }

    /// Whether a knob was set by `--set` or `EAGAIN_SET`.
    pub fn is_set(&self, name: &str) -> bool {
        self.setting(name).is_some()
    }

    /// The value of a knob of numbers ([`KnobValues::Number`]); otherwise as [`Sim::word`].
    pub fn number(&self, name: &str) -> u64 {
        match (self.setting(name), self.knob(name)) {
            (Some(text), _) => crate::choice::parse_seed(text).unwrap_or(0),
            // Without a text in between: small worlds are made by the ten thousand.
            (None, Some(KnobValues::Number { default, .. })) => default,
            _ => 0,
        }
    }

    /// Refuses the run because its settings make no sense together; `why` is printed. A refused run is not a failure.
    pub fn refuse(&mut self, why: impl Into<String>) {
        self.world.run.refuse(why.into());
    }

    /// The settings of every kernel of this world. Change them before the first host is made.
    pub fn knobs(&mut self) -> &mut KernelKnobs {
        &mut self.world.knobs
    }

    /// The fault families that this run may switch on, instead of [`USUAL_FAULTS`]; which of them it does is a choice.
    pub fn faults(&mut self, families: &[Family]) {
        self.faults = families.to_vec();
        self.faults_are_chosen = true;
    }

    /// What a world that is no simulated kernel has by default, instead of [`USUAL_FAULTS`]: where the scenario has not
    /// chosen otherwise with [`Sim::faults`], it is these and those of [`Sim::also`].
    pub fn default_faults(&mut self, families: &[Family]) {
        if !self.faults_are_chosen {
            self.faults.retain(|family| !USUAL_FAULTS.contains(family));
            self.also(families);
        }
    }

    /// Families that this run may switch on besides: see [`Faults`](crate::fault::Faults) for lists of them.
    pub fn also(&mut self, families: &[Family]) {
        let more = families.iter().filter(|family| !self.faults.contains(family)).copied();
        let more: Vec<Family> = more.collect();
        self.faults.extend(more);
    }

    /// When, in nanoseconds of virtual time, faults stop at the latest. From then on no family of faults changes anything
    /// new, threads are no longer slow, and partitions are healed. Default: 60 s. What stays is what was chosen before: bandwidths
    /// and buffers of connections, a listener's backlog, settings (`knob`), drifting clocks, and what had begun and ends by
    /// itself, such as a full disk, a delayed segment or a host that is down.
    pub fn quiet_after(&mut self, ns: u64) {
        self.quiet_after = ns;
    }

    /// Names of [`sometimes`](fn@crate::sometimes) and [`eventually`](fn@crate::eventually) that programs of this scenario will pass:
    /// one that a sweep never passed is then named as one that it never reached. The macros of these names need no such list.
    pub fn sometimes(&mut self, names: &[&'static str]) {
        for name in names {
            match &self.external {
                Some(external) => external.sometimes(name, false),
                None => self.world.run.reach(name, false),
            }
        }
    }

    /// A choice about the world, made while it is built: a number from `low` to `high`, both included, shrunk towards `low`.
    pub fn choose(&mut self, name: &str, low: u64, high: u64) -> u64 {
        if let Some(external) = &self.external {
            return external.choose(name, low, high);
        }
        self.world.run.choose_world(name, low, high)
    }

    /// The files in which `body` makes hosts and processes. Nothing runs.
    pub(crate) fn survey(&mut self, body: fn(&mut Sim)) -> BTreeSet<&'static str> {
        self.ran = true;
        self.files = Some(BTreeSet::new());
        // What it has made until it panics counts, as where it asserts what a run would have left.
        let _ = catch_unwind(AssertUnwindSafe(|| body(self)));
        self.files.take().unwrap_or_default()
    }

    #[track_caller]
    fn note_file(&mut self) {
        if let Some(files) = &mut self.files {
            files.insert(Location::caller().file());
        }
    }

    /// A new host. Its address is 10.0.x.y: 10.0.0.1 for the first, 10.0.0.2 for the second.
    #[track_caller]
    pub fn host(&mut self, name: &str) -> HostId {
        self.note_file();
        let name = &*unique(name.to_owned(), |name| self.world.hosts.iter().any(|host| host.name() == name));
        let index = self.world.hosts.len();
        let number = index + 1;
        let ip = Ipv4Addr::new(10, 0, (number >> 8) as u8, number as u8);
        self.world.run.name_host(name);
        let cpus = self.world.knobs.cpus;
        self.world.hosts.push(Host::new(name, cpus));
        self.world.network.add_host(name, ip);
        HostId(index)
    }

    /// The address of a host with this port.
    pub fn address(&self, host: HostId, port: u16) -> SocketAddr {
        SocketAddr::from((self.world.network.ip(host.0), port))
    }

    /// Puts a file on the disk of a host, or a directory where `contents` is `None`, before anything runs there.
    pub fn install(&mut self, host: HostId, path: &str, contents: Option<&[u8]>) {
        let host = &mut self.world.hosts[host.0];
        let now = host.clock(ClockId::Realtime, 0);
        let disk = &mut host.disk;
        disk.set_time(now);
        disk.format_if_new();
        disk.install(path, contents);
    }

    /// A process that runs for as long as the world: a server. The run does not wait for its end.
    #[track_caller]
    pub fn server(
        &mut self,
        host: HostId,
        name: &str,
        body: impl FnOnce(SimKernel) + Send + 'static,
    ) -> ProcessId {
        self.process(host, name, false, body)
    }

    /// A server that starts again after it was killed or has panicked, or its host has crashed, [`KernelKnobs::restart_after_ns`]
    /// later: `body` gets the number of the start, from 0. The families `process.kill` and `host.power` concern only such servers.
    #[track_caller]
    pub fn server_restarting(
        &mut self,
        host: HostId,
        name: &str,
        body: impl Fn(SimKernel, u32) + Send + Sync + 'static,
    ) -> ProcessId {
        let factory: Factory = std::sync::Arc::new(move |start| body(SimKernel, start));
        let first = factory.clone();
        let process = self.process(host, name, false, move |_| first(0));
        self.world.processes[process.0].lifecycle.restart_with(factory);
        process
    }

    /// A process whose end the run waits for: a client. The run is over when all of these have ended.
    /// Each needs a name of its own: one that is taken gets `-2`, `-3` and so on.
    #[track_caller]
    pub fn client(
        &mut self,
        host: HostId,
        name: &str,
        body: impl FnOnce(SimKernel) + Send + 'static,
    ) -> ProcessId {
        self.process(host, name, true, body)
    }

    #[track_caller]
    fn process(
        &mut self,
        host: HostId,
        name: &str,
        foreground: bool,
        body: impl FnOnce(SimKernel) + Send + 'static,
    ) -> ProcessId {
        self.note_file();
        let name = name.replace(' ', "-");
        let name = unique(name, |name| self.world.processes.iter().any(|process| process.name() == name));
        ProcessId(self.world.add_process(host.0, name, foreground, 0, Box::new(move || body(SimKernel))))
    }

    /// Allows a process to panic: its end is then expected (O16 does not break).
    pub fn may_panic(&mut self, process: ProcessId) {
        self.world.processes[process.0].allow_to_panic();
    }

    /// A client that may disappear for good, with its host, at one of its calls: the family `host.gone`. Its peers get neither FIN
    /// nor RST; the run does not wait for it any more.
    pub fn may_disappear(&mut self, process: ProcessId) {
        self.world.processes[process.0].lifecycle.allow_to_disappear();
    }

    /// A value for a setting of a program: `usual`, or far smaller where the family `knob` chooses so, from `least` to four times
    /// `least`. Call it after [`Sim::faults`].
    pub fn fuzzed_setting(&mut self, name: &str, usual: u64, least: u64) -> u64 {
        if self.external.is_some() || !self.faults.contains(&Family::Knob) {
            return usual;
        }
        match self.choose_knob(name) {
            0 => usual,
            value => least.saturating_mul(value).min(usual),
        }
    }

    /// How small a setting is: 0, or from 1 up.
    fn choose_knob(&mut self, name: &str) -> u64 {
        let run = &mut self.world.run;
        run.draw_early(Family::Knob);
        let value = run.draw(Family::Knob, Once, || name.to_owned());
        if value != 0 {
            let words = [run.text(name), value, 0, 0];
            run.injected_now(Family::Knob, words);
        }
        value
    }

    /// Sets how many descriptors a process may have (`RLIMIT_NOFILE`, the soft and the hard limit): it cannot raise that itself.
    pub fn fd_limit(&mut self, process: ProcessId, limit: usize) {
        let limit = limit as u64;
        self.world.processes[process.0].limit_descriptors(Rlimit { soft: limit, hard: limit });
    }

    /// How many descriptors a process has open.
    pub fn open_fds(&self, process: ProcessId) -> usize {
        self.world.processes[self.world.latest(process.0)].fds.files().count()
    }

    /// How often threads of a process have slept in a call, as `ru_nvcsw` of getrusage(2) counts.
    pub fn waits(&self, process: ProcessId) -> u64 {
        self.world.processes[self.world.latest(process.0)].waits()
    }

    /// The most memory, in bytes, that a process may hold (O4): what its code has allocated, and its sockets' buffers. It
    /// is checked at its calls, where the binary counts memory ([`crate::count_memory!`]); the run's report says whether.
    pub fn memory_limit(&mut self, process: ProcessId, bytes: u64) {
        self.world.processes[process.0].limit_memory(bytes);
    }

    /// How a process ended: its exit status, or the negated number of a signal; `None`: it has not ended.
    pub fn exit_status(&self, process: ProcessId) -> Option<i32> {
        self.world.processes[self.world.latest(process.0)].exit_status()
    }

    /// Breaks an oracle from outside the simulated programs, after the run.
    #[track_caller]
    pub fn fail(&mut self, oracle: impl Into<Oracle>, site: &str, message: String) {
        if let Some(external) = &self.external {
            return external.fail(oracle, site, message);
        }
        self.world.run.fail(oracle.into(), site, message);
    }

    /// Whether an oracle has broken.
    pub fn failed(&self) -> bool {
        self.world.run.failed() || self.external.as_ref().is_some_and(External::failed)
    }

    /// Gives the run to a world that is not this kernel (tokio with a stream layer, turmoil): its choices, its trace and
    /// its verdict. The swarm is drawn; [`Sim::run`] has nothing left to do. The body drives the other world itself, and
    /// whatever it leaves in the handle is the report.
    #[track_caller]
    pub fn external(&mut self) -> External {
        self.note_file();
        if let Some(external) = &self.external {
            return external.clone();
        }
        self.ran = true;
        let run = std::mem::replace(&mut self.world.run, Run::empty());
        let external = External::of(run, self.engine.heartbeat());
        external.draw_swarm(&self.faults, std::time::Duration::from_nanos(self.quiet_after));
        self.external.insert(external).clone()
    }

    /// Draws which families are on in this run (the swarm), and runs until every client has ended, an oracle breaks, or no thread
    /// can ever run again.
    pub fn run(&mut self) {
        if let Some(what) = self.mistake.get() {
            self.world.run.mistake(what.clone());
        }
        if std::mem::replace(&mut self.ran, true) || self.world.run.is_refused() {
            return;
        }
        if !self.world.has_client() {
            self.world.run.has_no_client();
        }
        self.world.run.draw_swarm(&self.faults, u64::MAX);
        if self.faults.contains(&Family::Knob) {
            self.choose_processors();
        }
        self.world.run.set_quiet_from(self.quiet_after);
        self.world.run.limit_events(self.world.knobs.events_max);
        if self.is_set(STUCK_AFTER) {
            self.world.knobs.stuck_after_ns = self.number(STUCK_AFTER).saturating_mul(1_000_000_000);
        }
        let unusual = self.faults.iter().filter(|family| !USUAL_FAULTS.contains(family));
        self.world.run.name_faults(unusual.copied());
        for process in 0..self.world.processes.len() {
            self.world.choose_end(process);
        }
        for host in 0..self.world.hosts.len() {
            self.world.hosts[host].set_wall_start(self.world.knobs.wall_start_ns);
        }
        self.world.choose_clocks();
        self.world.net().plan_partition();
        self.world.net().plan_swizzle(0);
        let Sim { world, engine, .. } = self;
        stack::enter(world, || {
            drive(engine);
            with(|w| w.check_end());
        });
    }

    /// How many processors each host has, where that is fuzzed.
    fn choose_processors(&mut self) {
        for host in 0..self.world.hosts.len() {
            let name = format!("{}:cpus", self.world.hosts[host].name());
            match self.choose_knob(&name) {
                0 => {}
                cpus => self.world.hosts[host].set_processors(cpus as usize),
            }
        }
    }

    /// Unwinds whatever still has a stack, and gathers what is left.
    fn finish(mut self) -> (RunReport, Engine) {
        if let Some(external) = self.external.take() {
            return (external.report(), self.engine);
        }
        let Sim { world, engine, .. } = &mut self;
        stack::enter(world, || {
            let threads = with(|w| w.scheduler.len() as u32);
            for thread in 0..threads {
                end_thread(engine, thread);
            }
            drop_handlers();
        });
        let mut w = self.world;
        // Of a thread that was still unwinding when the run ended.
        w.run.check_panics();
        self.engine.recycled = w.move_out();
        let report = w.run.into_report();
        (report, self.engine)
    }
}

/// `name`, or the first of `name-2`, `name-3` and so on that is not `taken`: choices are keyed by names.
fn unique(name: String, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    (2..).map(|number: u64| format!("{name}-{number}")).find(|name| !taken(name)).unwrap_or(name)
}

/// Runs a spec: see the [example](crate). The report is a function of the spec, and of nothing else.
pub fn run(spec: &RunSpec, engine: &mut Engine) -> RunReport {
    run_body(spec, engine, &mut |sim| (spec.scenario.body)(sim))
}

/// As [`run`], with a body that the scenario does not name: for a tool that makes its programs as it goes. The run is a
/// function of `spec` only as far as the body is.
pub fn run_body(spec: &RunSpec, engine: &mut Engine, body: &mut dyn FnMut(&mut Sim)) -> RunReport {
    crate::panic::install_hook();
    crate::allocator::begin_run();
    let mut sim = Sim::new(spec, Engine::take(engine));
    let outcome = crate::panic::captured(|| {
        catch_unwind(AssertUnwindSafe(|| {
            body(&mut sim);
            sim.run();
        }))
    });
    if let Some(external) = &sim.external
        && outcome.is_ok()
    {
        // A task may have panicked, and its runtime kept that to itself.
        external.panicked("");
    }
    if let Err(payload) = outcome {
        let panic = crate::panic::take(&*payload);
        sim.fail(Oracle::Assertion, &panic.place, panic.message);
    }
    let unread = sim.unread();
    let (mut report, used) = sim.finish();
    report.unread = unread;
    *engine = used;
    crate::allocator::end_run();
    report
}
