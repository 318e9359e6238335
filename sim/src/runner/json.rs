//! The file of a sweep (`--json`): a line for each failure, then one object with the sums. [`merge`](super::merge) joins the
//! files of shards, and the sums of all shards equal those of the whole.

use super::explore::{Plan, TIME_OVER};
use super::invocation;
use super::shard::Shard;
use super::summary::{Sums, Sweep};
use crate::count::count;
use crate::oracles::headline;
use crate::run::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The version of the file.
pub const FORMAT: u32 = 2;

/// A line: a run that failed. Of each kind, those with the lowest seeds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FailureLine {
    /// The scenario.
    pub scenario: String,
    /// The seed, as `0x…`: not every reader of JSON keeps 64 bits.
    pub seed: String,
    /// The settings.
    pub settings: Settings,
    /// The code of the oracle that broke.
    pub oracle: String,
    /// Where.
    pub site: String,
    /// The thread or process that it concerns ([`Failure::thread`](crate::run::Failure)); empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thread: String,
    /// What was seen.
    pub message: String,
    /// The simulated time, in nanoseconds.
    pub time_ns: u64,
    /// The hash of the run.
    pub hash: String,
    /// The command that makes the run again.
    pub repro: String,
}

/// Runs that failed in the same way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KindLine {
    /// The scenario.
    pub scenario: String,
    /// The code of the oracle that broke.
    pub oracle: String,
    /// Its name.
    pub name: String,
    /// Where.
    pub site: String,
    /// How many runs.
    pub count: u64,
    /// The lowest seed.
    pub first_seed: String,
    /// The calls of the run that failed in the fewest.
    pub calls: u64,
    /// Its seed.
    pub seed: String,
    /// The thread or process that it concerns in that run; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub thread: String,
    /// What was seen in that run.
    pub message: String,
    /// The command that makes that run again.
    pub repro: String,
    /// Its folder, where one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What stands where a run has no seed: it is made of others.
pub const NO_SEED: &str = "-";

impl KindLine {
    /// How many runs failed so, and the lowest seed. The line that makes it again has another: that of the shortest run.
    pub fn seeds(&self) -> String {
        match (self.count, self.first_seed.as_str()) {
            (runs, NO_SEED) => format!("{} made of others", count(runs, "run")),
            (1, seed) => format!("seed {seed}"),
            (seeds, lowest) => format!("{}, the lowest {lowest}", count(seeds, "seed")),
        }
    }

    /// What broke, in a line. Runs of one kind may have failed in several threads: none is named.
    pub fn headline(&self) -> String {
        headline(&self.oracle, &self.name, &self.site, "")
    }
}

/// The last line: the sums.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenarios that ran.
    pub scenarios: Vec<String>,
    /// The settings of all runs.
    pub settings: Settings,
    /// The first seed.
    pub from: String,
    /// Which part this is: `I/N`.
    pub shard: String,
    /// What the whole sweep was asked for, of which this is a part.
    pub asked: Asked,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
    /// What failed: by scenario as listed, then by first seed.
    #[serde(default)]
    pub kinds: Vec<KindLine>,
    /// Real seconds; of merged files, those of the slowest.
    pub elapsed_s: f64,
    /// Real seconds of all runs of a scenario, those of every thread and shard added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub times_s: BTreeMap<String, f64>,
    /// Whether everything that was asked for ran.
    pub complete: bool,
    /// How many runs were asked for, where that is known.
    #[serde(default)]
    pub planned: Option<u64>,
    /// Why not all of them ran, each reason: `interrupted`, or `--time 3s`.
    #[serde(default)]
    pub stopped: Vec<String>,
    /// The line that runs the sweep again, without its shard and its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// By flag, or variable ([`OUT`](invocation::OUT)): the files and folders of its own that it was to write.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Regression files that fail again, each with the line that runs it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regressions: BTreeMap<String, String>,
    /// Of merged files: the line for each shard that is missing or was interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<String>,
    /// Scenarios left out, each with the reason.
    pub skipped: BTreeMap<String, String>,
    /// Of a guided sweep, by scenario: what it has seen, and what it has not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guided: BTreeMap<String, GuidedLine>,
}

/// What all shards of a sweep have in common besides settings, first seed and number of shards. How long each may take is its own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    /// The scenarios: which runs are a shard's depends on all of them.
    pub scenarios: Vec<String>,
    /// Seeds of each; `None`: as many as the time allows.
    pub seeds: Option<u64>,
    /// Whether half of the runs are made of others.
    #[serde(default)]
    pub guided: bool,
    /// The program ([`build_id`](crate::replay::build::build_id)), where the command has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The commit where it ran, if nothing was changed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Asked {
    /// How many runs that is, where it is known.
    pub fn runs(&self) -> Option<u64> {
        Some(self.seeds?.saturating_mul(self.scenarios.len() as u64))
    }

    /// Whether it is the same program: each machine may have built its own of one commit, and somebody may have committed while the
    /// shards of one program ran.
    pub fn is_program_of(&self, other: &Asked) -> bool {
        self.build == other.build || self.commit.is_some() && self.commit == other.commit
    }
}

/// What a guided sweep knows of a scenario.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct GuidedLine {
    /// Runs.
    pub runs: u64,
    /// Of these, plain runs of seeds.
    pub plain: u64,
    /// Features that were seen.
    pub features: u64,
    /// Of these, in one run only.
    pub once: u64,
    /// How many features that no plain run has shown the next one is to be expected to show (Good and Turing).
    pub next: f64,
    /// How many there are at least that no plain run has shown (Chao).
    pub unseen: f64,
}

/// Nanoseconds as seconds.
pub(super) mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(nanoseconds: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*nanoseconds as f64 / 1e9)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        // What is not a whole number of seconds is rounded to the nearest.
        Ok((f64::deserialize(deserializer)? * 1e9).round() as u128)
    }
}

/// A hash as `0x` and 16 digits.
pub(super) mod hash {
    use crate::choice::parse_seed;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:#018x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        parse_seed(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A whole file.
#[derive(Clone, Debug)]
pub struct SweepFile {
    /// Its lines.
    pub failures: Vec<FailureLine>,
    /// Its last line.
    pub summary: Summary,
}

impl SweepFile {
    /// The file of a sweep.
    pub fn of(sweep: &Sweep, plan: &Plan) -> SweepFile {
        let repro = |scenario, seed| invocation::run(scenario, seed, &sweep.settings);
        let failures = sweep.failed().into_iter().map(|(scenario, failed)| FailureLine {
            scenario: scenario.to_owned(),
            seed: format!("{:#x}", failed.seed),
            settings: sweep.settings.clone(),
            oracle: failed.failure.oracle.code().to_owned(),
            site: failed.failure.site.clone(),
            thread: failed.failure.thread.clone(),
            message: failed.failure.message.clone(),
            time_ns: failed.failure.time,
            hash: format!("{:#018x}", failed.hash),
            repro: repro(scenario, failed.seed),
        });
        let kinds = sweep.kinds.iter().map(|kind| KindLine {
            scenario: kind.scenario.to_owned(),
            oracle: kind.shortest.failure.oracle.code().to_owned(),
            name: kind.shortest.failure.oracle.name().to_owned(),
            site: kind.shortest.failure.site.clone(),
            count: kind.count,
            first_seed: format!("{:#x}", kind.first_seed()),
            calls: kind.shortest.calls,
            seed: format!("{:#x}", kind.shortest.seed),
            thread: kind.shortest.failure.thread.clone(),
            message: kind.shortest.failure.message.clone(),
            repro: repro(kind.scenario, kind.shortest.seed),
            folder: None,
        });
        let is_refused = |name: &str| sweep.refused.iter().any(|(refused, _)| *refused == name);
        let ran = sweep.scenarios.iter().filter(|name| !is_refused(name));
        let refused = sweep.refused.iter().map(|(name, why)| ((*name).to_owned(), why.clone()));
        let summary = Summary {
            format: FORMAT,
            scenarios: ran.map(|name| (*name).to_owned()).collect(),
            settings: sweep.settings.clone(),
            from: format!("{:#x}", plan.from),
            shard: plan.shard.to_string(),
            asked: Asked {
                scenarios: sweep.scenarios.iter().map(|name| (*name).to_owned()).collect(),
                seeds: plan.seeds,
                ..Asked::default()
            },
            sums: sweep.sums.clone(),
            kinds: kinds.collect(),
            elapsed_s: (sweep.elapsed * 1e3).round() / 1e3,
            times_s: sweep
                .times
                .iter()
                .map(|(name, time)| ((*name).to_owned(), milliseconds(*time)))
                .collect(),
            complete: sweep.stopped.is_none(),
            planned: sweep.planned,
            stopped: sweep.stopped.iter().cloned().collect(),
            command: None,
            files: BTreeMap::new(),
            regressions: BTreeMap::new(),
            again: Vec::new(),
            skipped: sweep.skipped.iter().cloned().chain(refused).collect(),
            guided: BTreeMap::new(),
        };
        SweepFile { failures: failures.collect(), summary }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Maps and texts: there is nothing that could fail.
        for line in &self.failures {
            text.push_str(&serde_json::to_string(line).unwrap_or_default());
            text.push('\n');
        }
        text.push_str(&serde_json::to_string(&self.summary).unwrap_or_default());
        text.push('\n');
        text
    }

    /// Reads the text of the file called `name`. The error is a line for people.
    pub fn parse(name: &str, text: &str) -> Result<SweepFile, String> {
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.pop().ok_or_else(|| format!("{name}: empty"))?;
        let bad = |error: serde_json::Error| format!("{name}: not the JSON file of a sweep: {error}");
        let summary: Summary = serde_json::from_str(last).map_err(bad)?;
        if summary.format != FORMAT {
            return Err(format!("{name}: sweep format {}; this build reads {FORMAT}", summary.format));
        }
        let failures = lines.into_iter().map(|line| serde_json::from_str(line).map_err(bad));
        Ok(SweepFile { failures: failures.collect::<Result<_, _>>()?, summary })
    }
}

/// In seconds, to the millisecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

impl Summary {
    /// Runs per second of real time.
    pub fn rate(&self) -> u64 {
        (self.sums.seeds as f64 / self.elapsed_s.max(1e-3)).round() as u64
    }

    /// `, shard I/N`; nothing where it is the whole.
    pub fn part(&self) -> String {
        let is_whole = self.shard == Shard::ALL.to_string();
        if is_whole { String::new() } else { format!(", shard {}", self.shard) }
    }

    /// Whether something failed.
    pub fn fails(&self) -> bool {
        self.sums.failures + self.sums.harness_failures > 0 || !self.regressions.is_empty()
    }

    /// Whether `--time`, and nothing else, has kept runs from being made. That was asked for: it is said, and is no failure.
    pub fn is_out_of_time(&self) -> bool {
        !self.complete
            && !self.stopped.is_empty()
            && self.stopped.iter().all(|why| why.starts_with(TIME_OVER))
    }

    /// Whether runs were not made that nobody has given up: what did not run did not hold.
    pub fn lacks_runs(&self) -> bool {
        !self.complete && !self.is_out_of_time()
    }

    /// What every page is headed with.
    pub fn verdict(&self) -> &'static str {
        match (self.fails(), self.complete) {
            (true, _) => "failed",
            (false, true) => "held",
            (false, false) if self.is_out_of_time() => "held as far as it ran",
            (false, false) => "incomplete",
        }
    }

    /// What did not run, in a line; `None`: nothing.
    pub fn incomplete(&self) -> Option<String> {
        let planned = self.planned.map(|planned| format!(" of {planned}")).unwrap_or_default();
        let why = if self.stopped.is_empty() { "unknown".to_owned() } else { self.stopped.join("; ") };
        (!self.complete)
            .then(|| format!("incomplete: stopped after {}{planned} seeds ({why})", self.sums.seeds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::fake::file;

    proptest::proptest! {
        /// A file comes from another machine: whatever is in it, it is read or refused in a line.
        #[test]
        fn no_bytes_make_it_panic(text: String, at in 0_usize..4000, byte in 0_u8..128) {
            let _ = SweepFile::parse("f", &text);
            let mut bytes = file(0, 1).text().into_bytes();
            let length = bytes.len();
            bytes[at % length] = byte;
            let damaged = String::from_utf8_lossy(&bytes);
            match SweepFile::parse("f", &damaged) {
                Ok(read) => drop(crate::runner::merge::merge(&[("f".to_owned(), read)])),
                Err(line) => assert!(line.starts_with("f: ") && !line.contains('\n'), "{line}"),
            }
        }
    }

    #[test]
    fn what_is_no_file_of_a_sweep_is_refused_in_a_line() {
        for text in ["", "garbage", "{}", "[]"] {
            let line = SweepFile::parse("f", text).unwrap_err();
            assert!(line.starts_with("f: ") && !line.contains('\n'), "{line}");
        }
    }
}
