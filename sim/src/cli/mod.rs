//! The command line, as a library: a crate with scenarios of its own has its `eagain` command in a five-line main.
//!
//! ```no_run
//! use eagain_sim::{cli, run::Scenario};
//! const SCENARIOS: &[Scenario] = &[];
//! fn main() -> std::process::ExitCode {
//!     cli::main(SCENARIOS)
//! }
//! ```
//!
//! | file | command |
//! |---|---|
//! | [`args`] | arguments |
//! | [`console`] | standard output and standard error |
//! | `list`, `run`, `explore`, `replay`, `shrink`, `bisect`, `trace`, `check`, `faults`, `bugs`, `merge` | one each |
//! | `stop` | `--stop-at` of `run` and `replay` |
//! | `new` | `new` and `init`: a crate, or a test of one, with a scenario and a CI workflow |
//!
//! Exit status: 0 held; 1 a scenario failed; 2 usage, or standard output could not be written; 3 nondeterminism; 4 the harness
//! itself failed; 130 interrupted, and nothing failed until then. The most severe code is used. What `--time` cuts off of a sweep fails
//! with `--strict` alone; a shard that `merge` misses, or that was interrupted, is 1. `replay --git-bisect` has its own.
#![allow(
    clippy::disallowed_methods,
    reason = "progress and time limits are for people; nothing of them reaches a run"
)]

pub mod args;
mod bisect;
mod bugs;
mod check;
mod compare;
pub mod console;
mod explore;
mod faults;
mod guided;
mod list;
mod merge;
mod new;
mod replay;
mod run;
mod shrink;
mod stop;
mod trace;

use crate::PlantedBug;
use crate::near::near;
use crate::replay::regressions;
use crate::run::{Scenario, Settings};
use crate::runner::{MakeExecutor, engine, invocation, settings, watchdog};
use args::{Arguments, Command};
use clap::{CommandFactory, FromArgMatches};
use console::Console;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended; the later, the more severe, but for usage, which ends a command before anything ran.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// Everything held.
    Held,
    /// Wrong arguments.
    Usage,
    /// It was interrupted, and nothing failed until then.
    Interrupted,
    /// A scenario failed.
    Failed,
    /// The same run was not the same twice.
    Nondeterminism,
    /// The harness itself failed.
    Harness,
    /// `replay --git-bisect`: this commit cannot be tested (125).
    Skips,
}

impl Exit {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Nondeterminism => 3,
            Exit::Harness => 4,
            Exit::Skips => 125,
            // As a shell says it of a program that SIGINT ended.
            Exit::Interrupted => 130,
        }
    }
}

/// Why a command did not get as far as a verdict: a line for people, and how it ends.
#[derive(Debug)]
pub struct Stop {
    line: String,
    exit: Exit,
}

impl Stop {
    /// Wrong arguments.
    pub(crate) fn usage(line: impl Into<String>) -> Stop {
        Stop { line: line.into(), exit: Exit::Usage }
    }

    /// Nothing is wrong with the question, but it cannot be answered.
    pub(crate) fn harness(line: impl Into<String>) -> Stop {
        Stop { line: line.into(), exit: Exit::Harness }
    }
}

/// What a command comes to.
pub(crate) type Done = Result<Exit, Stop>;

/// A command that a caller adds.
#[derive(Clone, Copy)]
pub struct Extra {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Runs it with the arguments after its name; returns the exit status.
    pub run: fn(&[OsString]) -> u8,
}

/// What the commands work on.
#[derive(Clone, Copy)]
pub struct Registry<'a> {
    /// What a sweep runs.
    pub scenarios: &'a [Scenario],
    /// What `bugs` looks for. They are in no sweep, but can be run by name.
    pub bugs: &'a [PlantedBug],
    /// Commands of the caller's own.
    pub extras: &'a [Extra],
    /// The folder of regression files, which a sweep runs before any seed, from that of the package; it need not exist.
    pub regressions: &'a str,
    /// What runs a world.
    pub executor: MakeExecutor,
}

/// The `eagain` command over these scenarios, with the folder `regressions` of their package; of the current directory, where the command
/// is not started by cargo.
pub fn main(scenarios: &[Scenario]) -> ExitCode {
    main_with(&Registry {
        scenarios,
        bugs: &[],
        extras: &[],
        regressions: "regressions",
        executor: engine::make,
    })
}

/// The `eagain` command over all of `registry`, with the arguments of this process.
pub fn main_with(registry: &Registry) -> ExitCode {
    if let Err(line) = watchdog::read(|name| std::env::var(name).ok()) {
        Console::standard().err(&format!("error: {line}\n"));
        return ExitCode::from(Exit::Usage.code());
    }
    watchdog::start();
    crate::testing::warn_of_unknown();
    crate::testing::warn_of_unheeded();
    if let Some(program) = std::env::args_os().next() {
        invocation::set_command(&program);
    }
    // Cargo sets it for what `cargo run` runs.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let folder = regressions::of_package(registry.regressions, package.as_deref(), &here);
    let registry = &Registry { regressions: &folder.to_string_lossy(), ..*registry };
    ExitCode::from(run(registry, std::env::args_os(), &mut Console::standard()))
}

/// Does what `arguments` ask for (the first is the program's name); the exit status.
pub fn run(registry: &Registry, arguments: impl IntoIterator<Item = OsString>, console: &mut Console) -> u8 {
    // `--seed -1` is a wrong number, not an unknown flag `-1`.
    let mut command = Arguments::command().mut_subcommands(|command| {
        command.mut_args(|argument| match argument.get_action().takes_values() && !argument.is_positional() {
            true => argument.allow_negative_numbers(true),
            false => argument,
        })
    });
    for extra in registry.extras {
        // What comes after the name is the extra's own to read.
        let rest = clap::Arg::new("arguments")
            .num_args(..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
            .value_parser(clap::value_parser!(OsString));
        command = command
            .subcommand(clap::Command::new(extra.name).about(extra.about).disable_help_flag(true).arg(rest));
    }
    let matches = match command.try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error, console),
    };
    if let Some((name, matches)) = matches.subcommand()
        && let Some(extra) = registry.extras.iter().find(|extra| extra.name == name)
    {
        let rest: Vec<OsString> =
            matches.get_many("arguments").map(|values| values.cloned().collect()).unwrap_or_default();
        return (extra.run)(&rest);
    }
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, console),
    };
    let done = registry.check_names().and_then(|()| dispatch(registry, arguments.command, console));
    let code = match done {
        Ok(exit) => exit.code(),
        Err(Stop { line, exit }) => {
            console.err(&format!("error: {line}\n"));
            exit.code()
        }
    };
    match console.unwritten() {
        Some(error) => {
            console.err(&format!("error: standard output: {error}\n"));
            if code == Exit::Held.code() { Exit::Usage.code() } else { code }
        }
        None => code,
    }
}

/// What clap says: help is asked for and is no error.
fn usage(error: &clap::Error, console: &mut Console) -> u8 {
    if error.use_stderr() {
        console.err(&error.to_string());
        Exit::Usage.code()
    } else {
        console.out(&error.to_string());
        Exit::Held.code()
    }
}

fn dispatch(registry: &Registry, command: Command, console: &mut Console) -> Done {
    match command {
        Command::List(args) => list::list(registry, &args, console),
        Command::Run(args) => run::run(registry, &args, console),
        Command::Explore(args) => explore::explore(registry, &args, console),
        Command::Replay(args) => replay::replay(registry, &args, console),
        Command::Shrink(args) => shrink::shrink(registry, &args, console),
        Command::Bisect(args) => bisect::bisect(registry, &args, console),
        Command::Trace(args) => trace::trace(registry, &args, console),
        Command::Check(args) => check::check(registry, &args, console),
        Command::Faults(args) => faults::faults(registry, &args, console),
        Command::Bugs(args) => bugs::bugs(registry, &args, console),
        Command::Merge(args) => merge::merge(registry, &args, console),
        Command::New(args) => new::new(&args, console),
        Command::Init(args) => new::init(&args, console),
        Command::CheckChild(args) => check::child(registry, &args, console),
    }
}

impl Registry<'_> {
    /// Every scenario that can be run by name, also those of planted bugs.
    pub(crate) fn all(&self) -> Vec<Scenario> {
        let planted = self.bugs.iter().flat_map(|bug| [bug.defect, bug.twin]);
        self.scenarios.iter().copied().chain(planted).collect()
    }

    /// A name stands for one scenario: replay files and hashes rely on it.
    fn check_names(&self) -> Result<(), Stop> {
        let mut names: Vec<_> = self.all().iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Stop::harness(format!("two scenarios are called `{}`", pair[0]))),
            None => Ok(()),
        }
    }

    /// The scenario called `name`.
    pub(crate) fn find(&self, name: &str) -> Result<Scenario, Stop> {
        let all = self.all();
        if let Some(scenario) = all.iter().find(|scenario| scenario.name == name) {
            return Ok(*scenario);
        }
        let hint = match near(name, all.iter().map(|scenario| scenario.name)) {
            Some(other) => format!("did you mean `{other}`?"),
            None => "see `eagain list`".to_owned(),
        };
        Err(Stop::usage(format!("unknown scenario `{name}` ({hint})")))
    }

    /// One scenario with settings that it takes.
    pub(crate) fn one(&self, name: &str, sets: &[String]) -> Result<(Scenario, Settings), Stop> {
        let scenario = self.find(name)?;
        let mut settings = settings::parse(sets).map_err(Stop::usage)?;
        settings::select(&[scenario], &mut settings).map_err(Stop::usage)?;
        Ok((scenario, settings))
    }

    /// The scenarios called `names`, all of the sweep's without any, that take the settings; and the others.
    pub(crate) fn several(
        &self,
        names: &[String],
        sets: &[String],
    ) -> Result<(settings::Selection, Settings), Stop> {
        let mut chosen = Vec::new();
        for name in names {
            let scenario = self.find(name)?;
            if !chosen.iter().any(|other: &Scenario| other.name == scenario.name) {
                chosen.push(scenario);
            }
        }
        if names.is_empty() {
            chosen = self.scenarios.to_vec();
        }
        if chosen.is_empty() {
            return Err(Stop::usage("there are no scenarios"));
        }
        let mut settings = settings::parse(sets).map_err(Stop::usage)?;
        let selection = settings::select(&chosen, &mut settings).map_err(Stop::usage)?;
        Ok((selection, settings))
    }
}

#[cfg(test)]
mod tests;
