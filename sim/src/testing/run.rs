//! What a test runs, and what it says.

use super::environment::{CHECK_FILE, Environment, note, warn};
use crate::count::count;
use crate::marks;
use crate::near::near;
use crate::replay::{ReplayFile, Verdict, regressions};
use crate::report::{self, folder, text as report_text};
use crate::run::{Empty, Record, RunSpec, Scenario, Settings};
use crate::runner::check::{Line, Order, Problem, Range, first_difference, in_one_process};
use crate::runner::explore::Plan;
use crate::runner::guided::explore::Find;
use crate::runner::summary::{Failed, unread_line};
use crate::runner::unsettle::{await_another_clock, unsettle, unsettle_this_process};
use crate::runner::{MakeExecutor, Worker, invocation, settings};
use crate::shrink::Limits;
use crate::trace::text;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How much a failure is shrunk.
const BUDGET: Limits = Limits { runs: 10_000, time: Some(Duration::from_secs(5)) };

/// A scenario as a test.
pub struct Test {
    /// The scenario.
    pub scenario: Scenario,
    /// The folder of its crate.
    pub manifest: PathBuf,
    /// How libtest calls it.
    pub path: String,
    /// What runs it.
    pub executor: MakeExecutor,
}

impl Test {
    /// What is printed before anything runs: whatever happens then, this much is known.
    pub fn begins(&self, environment: &Environment) -> Result<String, String> {
        let name = self.scenario.name;
        let flags = settings::flags(&environment.settings);
        Ok(match (&environment.replay, environment.seed) {
            (Some(file), _) => format!("{name}: replays {}", file.display()),
            (None, Some(seed)) => format!("{name}: seed {seed:#x}{flags}"),
            (None, None) => {
                let seeds = environment.seeds.unwrap_or(self.scenario.seeds);
                format!("{name}: {seeds} seeds from 0x0{flags}")
            }
        })
    }

    /// Runs what the environment asks for. Both results are texts for people; the error fails the test.
    pub fn run(&self, environment: &Environment) -> Result<String, String> {
        let mut settings = environment.settings.clone();
        if !settings.is_empty()
            && let Err(line) = settings::select(&[self.scenario], &mut settings)
        {
            return self.skip(&settings, line);
        }
        if let Some(file) = &environment.check_file {
            return self.other_process(environment, &settings, file);
        }
        if let Some(path) = &environment.replay {
            return self.replay_one(path);
        }
        if let Some(seed) = environment.seed {
            return self.one(environment, &settings, seed);
        }
        let mut said = self.regressions()?;
        said.push_str(&self.sweep(environment, &settings)?);
        if environment.check {
            said.push_str(&self.check(environment, &settings)?);
        }
        Ok(said)
    }

    /// A scenario that has no such knob is skipped; one that has it, or nearly so, is not tested by mistake.
    fn skip(&self, settings: &Settings, line: String) -> Result<String, String> {
        let unknown = |key: &&String| self.scenario.knobs.iter().all(|knob| knob.name != key.as_str());
        let Some(key) = settings.keys().find(unknown) else { return Err(format!("EAGAIN_SET: {line}")) };
        if let Some(near) = near(key, self.scenario.knobs.iter().map(|knob| knob.name)) {
            return Err(format!("EAGAIN_SET: no knob `{key}` (did you mean `{near}`?)"));
        }
        warn(&format!("skipped: {line}"));
        Ok(format!("skipped: {line}\n"))
    }

    fn spec(&self, settings: &Settings, seed: u64, record: Record) -> RunSpec {
        RunSpec { record, ..RunSpec::seeded(self.scenario, settings.clone(), seed) }
    }

    /// A path as the lines of a report have it: they are typed in the folder of the workspace, where cargo keeps its lock, while a test
    /// runs in that of the crate.
    fn seen(&self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        match path.strip_prefix(&self.manifest) {
            Ok(below) if self.manifest.join("Cargo.lock").is_file() => below.to_path_buf(),
            _ => path,
        }
    }

    /// The folder of regression files.
    fn kept(&self) -> PathBuf {
        self.manifest.join("regressions")
    }

    /// The replay files beside the crate, each of a failure that was repaired.
    fn regressions(&self) -> Result<String, String> {
        let (mut said, mut held) = (String::new(), 0);
        for path in regressions::files(&self.kept()) {
            let file = ReplayFile::read(&path).map_err(|error| error.to_string())?;
            if file.scenario == self.scenario.name {
                // As the test finds it wherever cargo is started, and on any machine: from the package's folder.
                let seen = path.strip_prefix(&self.manifest).unwrap_or(&path);
                let again = || invocation::replay(self.scenario.name, &seen.to_string_lossy());
                let text = self.replay(&file).map_err(|text| {
                    format!("FAILED regression {}\n{text}\n\nreproduce  {}\n", seen.display(), again())
                })?;
                said.push_str(&text);
                held += 1;
            }
        }
        if held > 0 {
            said.push_str(&format!("{} held\n", count(held, "regression")));
        }
        Ok(said)
    }

    /// A saved failure. A test that passes is silent: that this one holds now is said where it is seen.
    fn replay_one(&self, path: &Path) -> Result<String, String> {
        let path = &below_or_above(path);
        let file = ReplayFile::read(path).map_err(|error| {
            let hint = if path.is_relative() { "; a test runs in the folder of its package" } else { "" };
            format!("EAGAIN_REPLAY: {error}{hint}")
        })?;
        if file.scenario != self.scenario.name {
            return Ok(format!("skipped: the file is of `{}`\n", file.scenario));
        }
        let said = self.replay(&file)?;
        note(&self.holds_now(&file, path));
        Ok(said)
    }

    /// What is said of a saved failure that is none any more.
    pub(super) fn holds_now(&self, file: &ReplayFile, path: &Path) -> String {
        let keep = regressions::keep(file, path, &self.seen(&self.kept()));
        let keep = keep.map(|line| format!("\nkeep it, so that it stays so  {line}")).unwrap_or_default();
        format!("{}: {} no longer fails{keep}", self.scenario.name, path.display())
    }

    fn replay(&self, file: &ReplayFile) -> Result<String, String> {
        match regressions::replay(file, &[self.scenario], &mut Worker::new(self.executor))? {
            (Verdict::Holds, said) => Ok(said),
            (_, said) => Err(said),
        }
    }

    /// One seed, with its trace.
    fn one(&self, environment: &Environment, settings: &Settings, seed: u64) -> Result<String, String> {
        let mut worker = Worker::new(self.executor);
        let report = worker.try_run(&self.spec(settings, seed, Record::Trace)).map_err(broken)?;
        if let Some(line) = report.refused {
            return if report.mistaken { Err(line) } else { Ok(format!("skipped: {line}\n")) };
        }
        for setting in &report.unread {
            warn(&unread_line(self.scenario.name, setting));
        }
        let mut bytes = Vec::new();
        if let Some(log) = &report.trace {
            // Writing to memory does not fail.
            let _ = text::write(log, &mut bytes);
        }
        let mut said = String::from_utf8_lossy(&bytes).into_owned();
        said.push_str(&report.output);
        match report.failure {
            None => Ok(said + &format!("held, trace {:#018x}\n", report.hash)),
            Some(_) => Err(said + &self.explain(environment, settings, seed, report.hash)),
        }
    }

    fn sweep(&self, environment: &Environment, settings: &Settings) -> Result<String, String> {
        let plan = Plan {
            scenarios: vec![self.scenario],
            settings: settings.clone(),
            from: 0,
            seeds: Some(environment.seeds.unwrap_or(self.scenario.seeds)),
            jobs: environment.jobs,
            shard: environment.shard,
            time: None,
        };
        let counters = std::sync::Arc::default();
        let (mut sweep, finds) = if environment.guided {
            let guided = plan.guided(self.executor, &counters, plan.searches())?;
            (guided.sweep, guided.finds)
        } else {
            (plan.explore(self.executor, &counters), Vec::new())
        };
        if let Some((_, what)) = sweep.mistakes.first() {
            return Err(what.clone());
        }
        if let Some((_, line)) = sweep.refused.first() {
            return Ok(format!("skipped: {line}\n"));
        }
        if let Some(first) = sweep.broken.first() {
            let repro = invocation::run(self.scenario.name, first.seed, settings);
            return Err(format!("{}\n{repro}", broken(first.text.clone())));
        }
        for line in &sweep.unread {
            warn(line);
        }
        let sums = &sweep.sums;
        if let Some((first, others)) = sweep.kinds.split_first() {
            let mut text = self.explain(environment, settings, first.shortest.seed, first.shortest.hash);
            for kind in others {
                let Failed { seed, failure, .. } = &kind.shortest;
                let (seeds, repro) =
                    (count(kind.count, "seed"), invocation::run(self.scenario.name, *seed, settings));
                text.push_str(&format!("also: {}, {seeds}: {repro}\n", failure.headline()));
            }
            return Err(format!("{} of {} seeds fail\n{text}", sums.failures, sums.seeds));
        }
        if let Some(Find { spec, hash, .. }) = finds.first() {
            let text = self.explain_run(environment, spec, *hash);
            return Err(format!("{} of {} runs fail\n{text}", sums.failures, sums.seeds));
        }
        marks::add_unpassed_of(&mut sweep.sums, self.scenario.name);
        for line in sweep.sums.unreached() {
            warn(&line);
        }
        match sweep.empty.values().next() {
            Some(Empty::NoClient) => return Err(format!("nothing was tested: {}", Empty::NoClient)),
            Some(why) => warn(&format!("`{}` tested nothing: {why}", self.scenario.name)),
            None => {}
        }
        Ok(format!("held: {}, hash {:#018x}\n", count(sweep.sums.calls, "call"), sweep.sums.hash))
    }

    fn explain(&self, environment: &Environment, settings: &Settings, seed: u64, hash: u64) -> String {
        self.explain_run(environment, &self.spec(settings, seed, Record::Hash), hash)
    }

    fn explain_run(&self, environment: &Environment, spec: &RunSpec, hash: u64) -> String {
        match report::explain(&mut Worker::new(self.executor), spec, hash, BUDGET) {
            Ok(explained) => {
                let root = environment.out.clone().unwrap_or_else(folder::root);
                let folder = folder::write(&root, &explained).ok();
                let folder = folder.map(|path| self.seen(&path).display().to_string());
                report_text::failure(&explained, folder.as_deref(), &self.seen(&self.kept()))
            }
            Err(not_the_same) => not_the_same.text(spec),
        }
    }

    fn range(&self, environment: &Environment, settings: &Settings) -> Range {
        let seeds = environment.seeds.unwrap_or(self.scenario.seeds);
        Range { scenario: self.scenario, settings: settings.clone(), from: 0, seeds }
    }

    /// This test again, in another process that differs in whatever a run must not depend on.
    fn check(&self, environment: &Environment, settings: &Settings) -> Result<String, String> {
        let range = self.range(environment, settings);
        let here = range.run(self.executor, 1, Order::Up).map_err(|problem| problem.to_string())?;
        let exe = std::env::current_exe().map_err(|error| error.to_string())?;
        let folder = environment.out.clone().unwrap_or_else(folder::root);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // The other process has another working directory.
        let folder =
            std::path::absolute(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let file = folder.join(format!("check-{}-{}.txt", self.scenario.name, std::process::id()));
        let mut command = Command::new(exe);
        command.args(["--exact", &self.path, "--nocapture"]).env(CHECK_FILE, &file);
        unsettle(&mut command, None);
        await_another_clock();
        let output = command.output().map_err(|error| format!("the other process: {error}"))?;
        let lines = std::fs::read_to_string(&file);
        let _ = std::fs::remove_file(&file);
        let Ok(lines) = lines else {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("the other process wrote nothing: {error}"));
        };
        let there: Vec<Line> = lines.lines().map(Line::from).collect();
        match first_difference(range.from, &here, &there) {
            None => Ok(format!("the same in another process: {} seeds\n", range.seeds)),
            Some((seed, mine, theirs)) => Err(format!(
                "NONDETERMINISM {} seed {seed:#x}\n  here          {mine}\n  other process {theirs}\n{}\
                 the traces of that seed differ: {}",
                self.scenario.name,
                in_one_process(self.executor, &range, seed)?,
                invocation::run(self.scenario.name, seed, settings)
            )),
        }
    }

    fn other_process(
        &self,
        environment: &Environment,
        settings: &Settings,
        file: &Path,
    ) -> Result<String, String> {
        unsettle_this_process();
        let lines = match self.range(environment, settings).run(self.executor, 2, Order::Down) {
            Ok(lines) => lines,
            Err(Problem::Refused(_)) => Vec::new(),
            Err(problem) => return Err(problem.to_string()),
        };
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(String::new())
    }
}

/// A path as it was typed: in the current folder, which is that of the package, or in one above, such as the workspace's.
pub(super) fn below_or_above(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().skip(1).map(|above| above.join(path)).find(|path| path.exists());
    match found {
        Some(above) if path.is_relative() && !path.exists() => above,
        _ => path.to_path_buf(),
    }
}

fn broken(text: String) -> String {
    format!("the harness failed: {text}")
}
