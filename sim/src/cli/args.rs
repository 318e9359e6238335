//! What can be typed. Scripts rely on it.

use crate::choice::parse_seed;
use crate::knobs::STUCK_AFTER;
use crate::runner::cores;
use crate::trace::Form;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Runs scenarios in a simulated kernel: a failure is a seed, a seed replays byte for byte and shrinks to the few choices
/// that matter.
#[derive(Parser)]
#[command(name = "eagain", version, max_term_width = 100)]
#[command(after_help = "Numbers are decimal or 0x…. Exit status: 0 held, 1 a scenario failed, 2 usage, \
                        3 nondeterminism, 4 the harness itself failed, 130 interrupted without a failure; the \
                        most severe code is used.")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// List the scenarios
    List(ListArgs),
    /// Run one seed of a scenario
    Run(RunArgs),
    /// Run many seeds of many scenarios
    Explore(ExploreArgs),
    /// Run a saved failure again
    Replay(ReplayArgs),
    /// Find the smallest set of choices that keeps a failure
    Shrink(ShrinkArgs),
    /// Find the choice without which a failing run holds
    Bisect(BisectArgs),
    /// Show what happens in a run
    Trace(TraceArgs),
    /// Prove that the same seed is the same run, in another process too
    Check(CheckArgs),
    /// Show the fault families: what each does, whether it is on, how to switch it on
    Faults(FaultsArgs),
    /// Search for the planted bugs
    Bugs(BugsArgs),
    /// Join the JSON files of a sweep's shards; status 1 where a shard is missing or was interrupted
    Merge(MergeArgs),
    /// Write a crate with a server, a scenario and a CI workflow
    New(NewArgs),
    /// Add a scenario as a test, a command and a CI workflow to the crate in this folder
    Init(InitArgs),
    /// The other process of `check`
    #[command(hide = true)]
    CheckChild(CheckChildArgs),
}

/// `list`
#[derive(Args)]
pub struct ListArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `faults`
#[derive(Args)]
pub struct FaultsArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Run every scenario for a moment, and say in which of them each family fires
    #[arg(long)]
    pub fires: bool,
}

/// The settings of a run
#[derive(Args)]
pub struct SetArgs {
    /// Set a knob of the scenario; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How long a client may achieve nothing in virtual time, once faults have stopped (O6), in whole seconds or as 60s, 5m
    /// or 1h; the same as `--set stuck-after=SECONDS` [default: what the scenario says, or 120s]
    #[arg(long, value_name = "TIME", value_parser = whole_seconds, allow_hyphen_values = true)]
    pub stuck_after: Option<Duration>,
}

impl SetArgs {
    /// All of them as `key=value`.
    pub fn texts(&self) -> Vec<String> {
        let stuck_after = self.stuck_after.map(|time| format!("{STUCK_AFTER}={}", time.as_secs()));
        self.set.iter().cloned().chain(stuck_after).collect()
    }
}

/// Which run
#[derive(Args)]
pub struct OneArgs {
    /// The scenario, as `list` names it
    pub scenario: String,
    /// The seed: a number, or `commit`: made of the current git commit
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = seed)]
    pub seed: Seed,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
}

/// `run`
#[derive(Args)]
pub struct RunArgs {
    /// Which.
    #[command(flatten)]
    pub one: OneArgs,
    /// Print the trace
    #[arg(long)]
    pub trace: bool,
    /// Do not shrink a failure
    #[arg(long)]
    pub no_shrink: bool,
    /// Write the stacks of all threads at this event of the trace that `--trace` shows, and raise SIGTRAP under a debugger. The numbers
    /// of a report are those of its shrunk run: `replay FILE --stop-at`
    #[arg(long, value_name = "#EVENT", value_parser = event)]
    pub stop_at: Option<u64>,
}

/// `explore`
#[derive(Args)]
pub struct ExploreArgs {
    /// The scenarios [default: all]
    pub scenarios: Vec<String>,
    /// How many seeds of each scenario [default: 1000; with --time, until the time is over]
    #[arg(long, value_name = "N", value_parser = number)]
    pub seeds: Option<u64>,
    /// The first seed, or `commit`
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = seed)]
    pub from: Seed,
    /// How many threads
    #[arg(long, short, value_name = "N", default_value_t = cores() as u64, value_parser = jobs)]
    pub jobs: u64,
    /// Only this part of the sweep: I/N with I from 0, or `auto`: as Kubernetes or Slurm say
    #[arg(long, value_name = "I/N", allow_hyphen_values = true)]
    pub shard: Option<String>,
    /// Stop after this time, such as 500ms, 60s, 5m or 1h. Where --seeds asked for more, that is said (`incomplete`), and the exit
    /// status is that of what ran; with --strict it is 1
    #[arg(long, value_parser = duration, allow_hyphen_values = true)]
    pub time: Option<Duration>,
    /// Write JSON: a line for each failure, then the sums
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Append a Markdown summary, for the page of a CI job
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Write a page about the sweep, `DIR/index.html`, and the folders of failures beside it
    #[arg(long, value_name = "DIR")]
    pub html: Option<PathBuf>,
    /// Faults that never fire, `sometimes` that are never reached, runs that test nothing, and seeds for which --time left none are
    /// failures
    #[arg(long)]
    pub strict: bool,
    /// Do not shrink failures
    #[arg(long)]
    pub no_shrink: bool,
    /// Learn from what runs do: half of them are of seeds, half are made of runs that showed something new
    #[arg(long)]
    pub guided: bool,
    /// Keep the runs that showed something new in this folder, and go on from those that are there
    #[arg(long, value_name = "DIR", requires = "guided")]
    pub corpus: Option<PathBuf>,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
}

/// `replay`
#[derive(Args)]
pub struct ReplayArgs {
    /// The file: `replay.json` of a failure's folder
    pub file: PathBuf,
    /// Print the trace
    #[arg(long)]
    pub trace: bool,
    /// Exit as `git bisect run` wants it: 0 no longer fails, 1 the same failure, 125 anything else, where the commit says nothing
    #[arg(long)]
    pub git_bisect: bool,
    /// Write the stacks of all threads at this event of the saved run, as its report shows it, and raise SIGTRAP under a debugger
    #[arg(long, value_name = "#EVENT", value_parser = event, conflicts_with = "git_bisect")]
    pub stop_at: Option<u64>,
}

/// `shrink`
#[derive(Args)]
pub struct ShrinkArgs {
    /// Which.
    #[command(flatten)]
    pub one: OneArgs,
    /// At most this many runs
    #[arg(long, value_name = "N", default_value = "100000", value_parser = number)]
    pub runs: u64,
    /// Stop after this time, such as 500ms, 60s, 5m or 1h
    #[arg(long, default_value = "60s", value_parser = duration, allow_hyphen_values = true)]
    pub time: Duration,
    /// Where to write the replay file [default: the failure's folder]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `bisect`
#[derive(Args)]
pub struct BisectArgs {
    /// The scenario, as `list` names it
    pub scenario: String,
    /// The run that fails: a seed, `commit`, or a replay file
    #[arg(long, value_name = "RUN")]
    pub bad: String,
    /// The run that holds: a seed, `commit`, a replay file, or `zero`, in which nothing is chosen and nothing goes wrong
    #[arg(long, value_name = "RUN", default_value = "zero")]
    pub good: String,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
}

/// `trace`
#[derive(Args)]
pub struct TraceArgs {
    /// Which.
    #[command(flatten)]
    pub one: OneArgs,
    /// The format
    #[arg(long, value_enum, default_value_t = Form::Text)]
    pub format: Form,
    /// The file to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `check`
#[derive(Args)]
pub struct CheckArgs {
    /// The scenarios [default: all]
    pub scenarios: Vec<String>,
    /// How many seeds of each
    #[arg(long, value_name = "N", default_value = "100", value_parser = number)]
    pub seeds: u64,
    /// The first seed, or `commit`
    #[arg(long, value_name = "SEED", default_value = "0", value_parser = seed)]
    pub from: Seed,
    /// How many threads; the other process uses another number
    #[arg(long, short, value_name = "N", default_value_t = cores() as u64, value_parser = jobs)]
    pub jobs: u64,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
}

/// The other process of `check`
#[derive(Args)]
pub struct CheckChildArgs {
    /// Which scenario.
    pub scenario: String,
    /// The first seed.
    #[arg(long, value_parser = number)]
    pub from: u64,
    /// How many.
    #[arg(long, value_parser = number)]
    pub seeds: u64,
    /// How many threads.
    #[arg(long, value_parser = jobs)]
    pub jobs: u64,
    /// Print the trace of this seed instead, after all that come before it.
    #[arg(long, value_parser = number)]
    pub trace: Option<u64>,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
}

/// `bugs`
#[derive(Args)]
pub struct BugsArgs {
    /// Only these [default: all]
    pub names: Vec<String>,
    /// Settings.
    #[command(flatten)]
    pub settings: SetArgs,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Compare the plain sweep with the guided search: how long each takes to find the bug, in processor time
    #[arg(long, conflicts_with = "all")]
    pub guided: bool,
    /// Print the whole table in Markdown: the plain sweep and the guided search
    #[arg(long)]
    pub all: bool,
    /// From how many first seeds each bug is searched for
    #[arg(long, value_name = "N", default_value = "20", value_parser = number)]
    pub bases: u64,
    /// After how many seeds a bug counts as missed
    #[arg(long, value_name = "N", default_value = "10000", value_parser = number)]
    pub seeds: u64,
    /// How many seeds of each fixed version must hold
    #[arg(long, value_name = "N", default_value = "500", value_parser = number)]
    pub twin_seeds: u64,
    /// How many threads
    #[arg(long, short, value_name = "N", default_value_t = cores() as u64, value_parser = jobs)]
    pub jobs: u64,
}

/// `merge`
#[derive(Args)]
pub struct MergeArgs {
    /// The JSON files of the shards; with `--corpus`, their corpora
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Join corpora of guided sweeps in this folder instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["html", "json", "junit", "summary", "strict"])]
    pub corpus: Option<PathBuf>,
    /// Write a page about the joined sweep, `DIR/index.html`, which links to the folders of failures where the shards left them
    #[arg(long, value_name = "DIR")]
    pub html: Option<PathBuf>,
    /// Write the joined sweep as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Append a Markdown summary, for the page of a CI job
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Faults that never fire, `sometimes` that are never reached, runs that test nothing, and seeds for which --time left none are
    /// failures
    #[arg(long)]
    pub strict: bool,
}

/// `new`
#[derive(Args)]
pub struct NewArgs {
    /// The folder to make; its name is that of the crate
    pub name: PathBuf,
    /// Depend on the checkout of eagain in this folder, instead of a release
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
}

/// `init`
#[derive(Args)]
pub struct InitArgs {
    /// Depend on the checkout of eagain in this folder, instead of a release
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
}

/// A seed as it is typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seed {
    /// A number.
    Number(u64),
    /// Made of the current git commit.
    Commit,
}

impl Seed {
    /// The number.
    pub fn number(self) -> Result<u64, super::Stop> {
        match self {
            Seed::Number(number) => Ok(number),
            Seed::Commit => crate::replay::build::commit_seed().map_err(super::Stop::usage),
        }
    }
}

fn seed(text: &str) -> Result<Seed, String> {
    if text == "commit" {
        return Ok(Seed::Commit);
    }
    number(text).map(Seed::Number)
}

fn number(text: &str) -> Result<u64, String> {
    parse_seed(text).map_err(|error| error.to_string())
}

/// `#26`, or `26`.
fn event(text: &str) -> Result<u64, String> {
    match text.strip_prefix('#').unwrap_or(text).parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected the number of an event, such as #26".to_owned()),
    }
}

fn jobs(text: &str) -> Result<u64, String> {
    number(text).and_then(|jobs| match jobs {
        1..=1024 => Ok(jobs),
        _ => Err("expected a number from 1 to 1024".to_owned()),
    })
}

/// `500ms`, `60s`, `5m`, `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let Some(unit_ms) = unit_ms.filter(|_| !digits.is_empty()) else {
        return Err("expected a time such as 500ms, 60s, 5m or 1h".to_owned());
    };
    let ms = digits.parse().ok().and_then(|number: u64| number.checked_mul(unit_ms));
    ms.map(Duration::from_millis).ok_or_else(|| "too long: at most 2^64-1 ms".to_owned())
}

/// The same, where a part of a second means nothing.
fn whole_seconds(text: &str) -> Result<Duration, String> {
    duration(text)
        .ok()
        .filter(|time| time.subsec_millis() == 0 && !time.is_zero())
        .ok_or_else(|| "expected a whole number of seconds, 1 at least, such as 60s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let ms = |text| duration(text).map(|duration| duration.as_millis()).ok();
        assert_eq!(
            ["60s", "5m", "1h", "500ms", "7"].map(ms),
            [60_000, 300_000, 3_600_000, 500, 7_000].map(Some)
        );
        assert_eq!(["", "s", "1d", "-1s", "99999999999999999999s"].map(ms), [None; 5]);
    }
}
