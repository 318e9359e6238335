//! The file of a sweep (`--json`): a line for each failure, then one object with the sums. `merge` joins the files of shards,
//! and the sums of all shards equal those of the whole.

use super::settings;
use super::shard::Shard;
use super::summary::{Fired, Sweep};
use crate::choice::parse_seed;
use crate::run::Settings;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the file.
pub const FORMAT: u32 = 1;

/// A line: a run that failed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FailureLine {
    /// The scenario.
    pub scenario: String,
    /// The seed, as `0x…`: not every reader of JSON keeps 64 bits.
    pub seed: String,
    /// The settings.
    pub settings: Settings,
    /// The oracle that broke.
    pub oracle: String,
    /// Where.
    pub site: String,
    /// What was seen.
    pub message: String,
    /// The simulated time, in nanoseconds.
    pub time_ns: u64,
    /// The hash of the run.
    pub hash: String,
    /// The command that makes the run again.
    pub repro: String,
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
    /// Runs in all.
    pub seeds: u64,
    /// Runs that failed.
    pub failures: u64,
    /// Runs in which the harness itself failed.
    pub harness_failures: u64,
    /// System calls made.
    pub calls: u64,
    /// Simulated seconds.
    pub simulated_s: f64,
    /// Real seconds; of merged files, those of the slowest.
    pub elapsed_s: f64,
    /// The wrapping sum over all runs.
    pub hash: String,
    /// Whether everything that was asked for ran.
    pub complete: bool,
    /// By fault family: runs in which it was on, and how often it changed something.
    pub faults: BTreeMap<String, FaultSum>,
    /// By scenario and name of a `sometimes`: in how many runs it was reached.
    pub sometimes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Scenarios left out, each with the reason.
    pub skipped: BTreeMap<String, String>,
}

/// How a fault family did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FaultSum {
    /// Runs in which it was on.
    pub enabled: u64,
    /// How often it changed something.
    pub fired: u64,
}

impl From<Fired> for FaultSum {
    fn from(Fired { enabled, fired }: Fired) -> FaultSum {
        FaultSum { enabled, fired }
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
    pub fn of(sweep: &Sweep, from: u64, shard: Shard) -> SweepFile {
        let failures = sweep.failed().map(|(scenario, failed)| FailureLine {
            scenario: scenario.to_owned(),
            seed: format!("{:#x}", failed.seed),
            settings: sweep.settings.clone(),
            oracle: failed.failure.oracle.code().to_owned(),
            site: failed.failure.site.clone(),
            message: failed.failure.message.clone(),
            time_ns: failed.failure.time,
            hash: format!("{:#018x}", failed.hash),
            repro: settings::repro(scenario, failed.seed, &sweep.settings),
        });
        let owned = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, reached)| ((*name).to_owned(), *reached)).collect::<BTreeMap<_, _>>()
        };
        let sometimes = sweep.stories.iter().filter(|(_, story)| !story.sometimes.is_empty());
        let refused = sweep.refused().into_iter().map(|(name, why)| (name.to_owned(), why.to_owned()));
        let ran = sweep.stories.iter().filter(|(_, story)| story.refused.is_none());
        let summary = Summary {
            format: FORMAT,
            scenarios: ran.map(|(name, _)| (*name).to_owned()).collect(),
            settings: sweep.settings.clone(),
            from: format!("{from:#x}"),
            shard: shard.to_string(),
            seeds: sweep.seeds(),
            failures: sweep.failures(),
            harness_failures: sweep.broken.len() as u64,
            calls: sweep.calls(),
            simulated_s: sweep.simulated(),
            elapsed_s: (sweep.elapsed * 1e3).round() / 1e3,
            hash: format!("{:#018x}", sweep.hash()),
            complete: sweep.complete,
            faults: sweep.faults().into_iter().map(|(name, sum)| (name.to_owned(), sum.into())).collect(),
            sometimes: sometimes.map(|(name, story)| ((*name).to_owned(), owned(&story.sometimes))).collect(),
            skipped: sweep.skipped.iter().cloned().chain(refused).collect(),
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

    /// Fault families that were on and never changed anything.
    pub fn vacuous(&self) -> Vec<&str> {
        let faults = self.summary.faults.iter();
        faults.filter(|(_, sum)| sum.fired == 0).map(|(name, _)| name.as_str()).collect()
    }

    /// The `sometimes` that no run reached: scenario and name.
    pub fn unreached(&self) -> Vec<(&str, &str)> {
        let mut unreached = Vec::new();
        for (scenario, names) in &self.summary.sometimes {
            for (name, _) in names.iter().filter(|(_, reached)| **reached == 0) {
                unreached.push((scenario.as_str(), name.as_str()));
            }
        }
        unreached
    }
}

/// Joins the files of the shards of one sweep. The error is a line for people.
pub fn merge(files: &[(String, SweepFile)]) -> Result<SweepFile, String> {
    let Some((_, first)) = files.first() else { return Err("nothing to merge".to_owned()) };
    let mut whole = SweepFile {
        failures: Vec::new(),
        summary: Summary {
            seeds: 0,
            failures: 0,
            harness_failures: 0,
            calls: 0,
            simulated_s: 0.0,
            elapsed_s: 0.0,
            shard: "0/1".to_owned(),
            faults: BTreeMap::new(),
            sometimes: BTreeMap::new(),
            ..first.summary.clone()
        },
    };
    let shard_of = |(name, file): &(String, SweepFile)| {
        Shard::parse(&file.summary.shard, |_| None).map_err(|line| format!("{name}: {line}"))
    };
    let count = shard_of(&files[0])?.count;
    let mut hash = 0_u64;
    let mut parts = BTreeSet::new();
    for entry @ (name, file) in files {
        let part = &file.summary;
        let shard = shard_of(entry)?;
        if !parts.insert(shard.index) {
            return Err(format!("{name}: shard {shard} is there twice"));
        }
        if (&part.settings, &part.from) != (&first.summary.settings, &first.summary.from)
            || shard.count != count
        {
            return Err(format!(
                "{name}: a part of another sweep (settings, first seed or number of shards differ)"
            ));
        }
        hash = hash.wrapping_add(parse_seed(&part.hash).map_err(|error| format!("{name}: hash: {error}"))?);
        whole.add(part);
        whole.failures.extend(file.failures.iter().cloned());
    }
    // As the whole orders them: by scenario as listed, then by seed.
    let order: BTreeMap<&str, usize> =
        whole.summary.scenarios.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    whole.failures.sort_by_cached_key(|line| {
        (order.get(line.scenario.as_str()).copied(), parse_seed(&line.seed).unwrap_or_default())
    });
    whole.summary.complete &= parts.len() as u64 == count;
    whole.summary.hash = format!("{hash:#018x}");
    Ok(whole)
}

impl SweepFile {
    fn add(&mut self, part: &Summary) {
        let sum = &mut self.summary;
        for scenario in &part.scenarios {
            if !sum.scenarios.contains(scenario) {
                sum.scenarios.push(scenario.clone());
            }
        }
        sum.seeds += part.seeds;
        sum.failures += part.failures;
        sum.harness_failures += part.harness_failures;
        sum.calls += part.calls;
        sum.simulated_s += part.simulated_s;
        sum.elapsed_s = sum.elapsed_s.max(part.elapsed_s);
        sum.complete &= part.complete;
        for (family, fired) in &part.faults {
            let all = sum.faults.entry(family.clone()).or_default();
            all.enabled += fired.enabled;
            all.fired += fired.fired;
        }
        for (scenario, names) in &part.sometimes {
            let all = sum.sometimes.entry(scenario.clone()).or_default();
            for (name, reached) in names {
                *all.entry(name.clone()).or_default() += reached;
            }
        }
        sum.skipped.extend(part.skipped.iter().map(|(name, why)| (name.clone(), why.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::explore::{Counters, Plan};
    use crate::runner::fake;

    fn file(index: u64, count: u64) -> SweepFile {
        let shard = Shard { index, count };
        let plan = Plan {
            scenarios: vec![fake::HOLDS, fake::FAILS],
            settings: Settings::new(),
            from: 0,
            seeds: Some(60),
            jobs: 1,
            shard,
            time: None,
        };
        let mut sweep = plan.explore(fake::make, &Counters::default());
        sweep.elapsed = 1.25;
        SweepFile::of(&sweep, 0, shard)
    }

    fn named(files: Vec<SweepFile>) -> Vec<(String, SweepFile)> {
        files.into_iter().enumerate().map(|(at, file)| (format!("s{at}.json"), file)).collect()
    }

    #[test]
    fn merged_shards_are_the_whole_to_the_byte() {
        let whole = file(0, 1).text();
        insta::assert_snapshot!(whole);
        let parts = (0..3).map(|index| {
            let text = file(index, 3).text();
            SweepFile::parse("s", &text).unwrap()
        });
        let merged = merge(&named(parts.collect())).unwrap();
        // Sums of seconds are rounded in another order.
        let mut expected = SweepFile::parse("whole", &whole).unwrap();
        assert!((expected.summary.simulated_s - merged.summary.simulated_s).abs() < 1e-9);
        expected.summary.simulated_s = merged.summary.simulated_s;
        assert_eq!(merged.text(), expected.text());
    }

    #[test]
    fn what_is_no_part_of_the_sweep_is_refused_in_a_line() {
        assert!(!merge(&named(vec![file(0, 3), file(2, 3)])).unwrap().summary.complete);
        assert_eq!(
            merge(&named(vec![file(0, 3), file(0, 3)])).unwrap_err(),
            "s1.json: shard 0/3 is there twice"
        );
        assert!(merge(&named(vec![file(0, 3), file(1, 2)])).unwrap_err().contains("another sweep"));
        for text in ["", "garbage", "{}", "[]"] {
            let line = SweepFile::parse("f", text).unwrap_err();
            assert!(line.starts_with("f: ") && !line.contains('\n'), "{line}");
        }
    }
}
