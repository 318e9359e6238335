//! A world of unmodified programs: hosts by name, and what runs on them.

use eagain_native::{Main, Program, register, start};
use eagain_sim::fault::Family;
use eagain_sim::{HostId, ProcessId, Sim};
use std::collections::BTreeMap;
use std::process::{ExitCode, Termination};
use std::time::SystemTime;

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
        sim.knobs().signals_have_meaning = true;
        let mut world = World { sim, hosts: BTreeMap::new(), processes: BTreeMap::new() };
        scenario(&mut world);
        world.run();
    }

    /// The host of this name, made the first time it is asked for. Programs find its address by its name.
    #[track_caller]
    pub fn host(&mut self, name: impl Into<String>) -> Host<'_> {
        let name = name.into();
        let id = match self.hosts.get(&name) {
            Some(id) => *id,
            None => self.sim.host(&name),
        };
        self.hosts.insert(name.clone(), id);
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
        let mut families: Vec<Family> = families.into_iter().collect();
        if families.contains(&Family::HostPower) {
            // A disk that had written everything in time would make the failure of power a kill.
            families.push(Family::DiskTorn);
        }
        self.sim.also(&families);
    }

    /// What the wall clocks of the hosts show when the world begins; 2026-01-01 unless this is said. For certificates and
    /// tokens that are made for a time.
    pub fn begins_at(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.sim.knobs().wall_start_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    }

    /// The value of the knob `knob`, which takes words: what `--set` gave, or the default.
    pub fn word(&self, knob: &str) -> String {
        self.sim.word(knob)
    }

    /// The value of the knob `knob`, which takes a number.
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

impl<'a> Host<'a> {
    /// A variable of the process's environment. Beside those that are given there are `HOME`, `HOSTNAME` and `PATH`, and none of the
    /// test's own.
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

    /// The host's disk has this directory from the beginning. Its name is durable: what a program makes itself is once it has synced
    /// the directory above.
    pub fn directory(self, path: &str) -> Self {
        self.sim.install(self.id, path, None);
        self
    }

    /// The host's disk has this file from the beginning: a configuration.
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.sim.install(self.id, path, Some(contents.as_ref()));
        self
    }

    /// A panic of the process, or an exit status other than 0, is no failure.
    pub fn may_panic(mut self) -> Self {
        self.may_panic = true;
        self
    }

    /// A process that runs for as long as the world. The run does not wait for its end. A panic, or an exit status other than 0, is a
    /// failure (O16).
    ///
    /// ```no_run
    /// # fn scenario(world: &mut eagain::World<'_>) {
    /// world.host("db").arg("--verbose").env("PORT", "80").file("/etc/db.toml", "sync = true").server(|| {
    ///     let listener = std::net::TcpListener::bind("0.0.0.0:80").unwrap();
    ///     // ...
    /// });
    /// # }
    /// ```
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

    /// An executable of this machine, with arguments after its name: dynamically linked, for glibc, position independent. Its files are
    /// those of the host's simulated disk. One that cannot be run ends the run with a sentence that says why.
    ///
    /// ```no_run
    /// # fn scenario(world: &mut eagain::World<'_>) {
    /// world.host("cache").binary("/usr/bin/redis-server", ["--port", "6379"]).restarting();
    /// # }
    /// ```
    pub fn binary(
        self,
        path: impl Into<String>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Binary<'a> {
        let path = path.into();
        let host = arguments.into_iter().fold(self, Host::arg);
        Binary { host, path }
    }

    fn begin<T: Termination>(
        self,
        main: impl Fn() -> T + 'static,
        process: impl FnOnce(&mut Sim, HostId, &str) -> ProcessId,
    ) -> ProcessId {
        let main = move || main().report() == ExitCode::SUCCESS;
        let name = self.next_name();
        self.begin_as(&name, name.clone(), Main::Function(Box::new(main)), process)
    }

    fn next_name(&self) -> String {
        let host = self.name.replace(' ', "-");
        if *self.number == 0 { host } else { format!("{host}:{}", *self.number + 1) }
    }

    /// The process `name`, whose first argument is `called`.
    fn begin_as(
        self,
        name: &str,
        called: String,
        main: Main,
        process: impl FnOnce(&mut Sim, HostId, &str) -> ProcessId,
    ) -> ProcessId {
        *self.number += 1;
        let arguments = [called].into_iter().chain(self.arguments).collect();
        register(name, Program { arguments, environment: self.environment, main });
        let id = process(self.sim, self.id, name);
        if self.may_panic {
            self.sim.may_panic(id);
        }
        id
    }
}

/// A process in a file of its own, made by [`Host::binary`].
#[must_use = "it does nothing: end with server, restarting or client"]
pub struct Binary<'a> {
    host: Host<'a>,
    path: String,
}

impl Binary<'_> {
    /// As [`Host::server`].
    pub fn server(self) -> ProcessId {
        self.begin(|sim, host, name| sim.server(host, name, start))
    }

    /// As [`Host::restarting`].
    pub fn restarting(self) -> ProcessId {
        self.begin(|sim, host, name| sim.server_restarting(host, name, |kernel, _| start(kernel)))
    }

    /// As [`Host::client`].
    pub fn client(self) -> ProcessId {
        self.begin(|sim, host, name| sim.client(host, name, start))
    }

    fn begin(self, process: impl FnOnce(&mut Sim, HostId, &str) -> ProcessId) -> ProcessId {
        let name = self.host.next_name();
        let main = match Main::binary(&self.path) {
            Ok(main) => main,
            Err(line) => {
                // The run is refused: the process takes its place without doing anything.
                self.host.sim.refuse(line);
                Main::Function(Box::new(|| true))
            }
        };
        self.host.begin_as(&name, self.path, main, process)
    }
}
