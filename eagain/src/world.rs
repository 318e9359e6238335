//! A world of unmodified programs: hosts by name, and what runs on them.

use eagain_native::{Program, register, start};
use eagain_sim::fault::Family;
use eagain_sim::{HostId, ProcessId, Sim};
use std::collections::BTreeMap;
use std::process::{ExitCode, Termination};

/// Calls of a thread in a row without any progress before it counts as spinning. Programs that were not written for the
/// simulator spin a while before they sleep, and read clocks as they like.
const SPIN_LIMIT: u32 = 1_000_000;

/// By when every client has ended: faults stop after a minute of virtual time.
const ENDS_BY_NS: u64 = 300_000_000_000;

/// A world that is being built; it runs when the function that builds it returns, or earlier by [`World::run`].
pub struct World<'a> {
    sim: &'a mut Sim,
    hosts: BTreeMap<String, HostId>,
    /// How many processes each host has.
    processes: BTreeMap<String, u32>,
}

impl World<'_> {
    /// Builds a world by `scenario`, and runs it. Called by [`scenario`](crate::scenario).
    pub fn build(sim: &mut Sim, scenario: fn(&mut World<'_>)) {
        sim.knobs().spin_limit = SPIN_LIMIT;
        sim.knobs().ends_by_ns = ENDS_BY_NS;
        let mut world = World { sim, hosts: BTreeMap::new(), processes: BTreeMap::new() };
        scenario(&mut world);
        world.run();
    }

    /// The host of this name, made the first time it is asked for. Programs find its address by its name.
    pub fn host(&mut self, name: impl Into<String>) -> Host<'_> {
        let name = name.into();
        let id = *self.hosts.entry(name.clone()).or_insert_with(|| self.sim.host(&name));
        let number = self.processes.entry(name.clone()).or_default();
        Host {
            sim: self.sim,
            id,
            number,
            environment: vec![
                ("HOME".into(), "/".into()),
                ("HOSTNAME".into(), name.clone()),
                ("PATH".into(), "/bin".into()),
            ],
            name,
            arguments: Vec::new(),
            may_panic: false,
        }
    }

    /// Fault families that runs of this world may switch on, besides the usual ones. See [`faults`](crate::faults).
    pub fn may(&mut self, families: impl IntoIterator<Item = Family>) {
        let families: Vec<Family> = families.into_iter().collect();
        self.sim.also(&families);
    }

    /// A knob that takes words: what `--set` gave, or the default.
    pub fn word(&self, knob: &str) -> String {
        self.sim.word(knob)
    }

    /// A knob that takes a number.
    pub fn number(&self, knob: &str) -> u64 {
        self.sim.number(knob)
    }

    /// Runs the world until every client has ended. What is checked after it must not be in statics: those are the programs'.
    pub fn run(&mut self) {
        self.sim.run();
        eagain_native::end_world();
    }

    /// The world without programs: knobs of the kernel, what `eagain_sim` offers.
    pub fn sim(&mut self) -> &mut Sim {
        self.sim
    }
}

/// A host of a world, and what the next process on it begins with.
#[must_use = "a host without a process does nothing: end with server, restarting or client"]
pub struct Host<'a> {
    sim: &'a mut Sim,
    id: HostId,
    number: &'a mut u32,
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    may_panic: bool,
}

impl Host<'_> {
    /// A variable of the process's environment, which has nothing of this process's own.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value));
        self
    }

    /// An argument of the process, after its name.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// A panic of the process, or an exit status other than 0, is no failure.
    pub fn may_panic(mut self) -> Self {
        self.may_panic = true;
        self
    }

    /// A process that runs for as long as the world. The run does not wait for its end.
    pub fn server<T: Termination>(self, main: impl Fn() -> T + 'static) -> ProcessId {
        self.begin(main, |sim, host, name| sim.server(host, name, start))
    }

    /// A server that begins again, with fresh statics, after it was killed, has panicked, or its host has lost power. The
    /// families `process.kill` and `host.power` concern only such servers.
    pub fn restarting<T: Termination>(self, main: impl Fn() -> T + 'static) -> ProcessId {
        self.begin(main, |sim, host, name| sim.server_restarting(host, name, |kernel, _| start(kernel)))
    }

    /// A process whose end the run waits for. The run is over when all of these have ended.
    pub fn client<T: Termination>(self, main: impl Fn() -> T + 'static) -> ProcessId {
        self.begin(main, |sim, host, name| sim.client(host, name, start))
    }

    fn begin<T: Termination>(
        self,
        main: impl Fn() -> T + 'static,
        process: impl FnOnce(&mut Sim, HostId, &str) -> ProcessId,
    ) -> ProcessId {
        *self.number += 1;
        let host = self.name.replace(' ', "-");
        let name = if *self.number == 1 { host } else { format!("{host}:{}", self.number) };
        let arguments = [name.clone()].into_iter().chain(self.arguments).collect();
        let main = Box::new(move || main().report() == ExitCode::SUCCESS);
        register(&name, Program { arguments, environment: self.environment, main });
        let id = process(self.sim, self.id, &name);
        if self.may_panic {
            self.sim.may_panic(id);
        }
        id
    }
}
