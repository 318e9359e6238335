//! `eagain explore`: a sweep, its summary, and an explanation of each distinct failure.

use super::args::ExploreArgs;
use super::console::{Console, append_file, write_file};
use super::run::{BUDGET, explain, lost};
use super::{Done, Exit, Registry, Stop, guided};
use crate::count::{count, duration, thousands};
use crate::marks;
use crate::replay::{ReplayFile, Verdict, build, regressions};
use crate::report::{folder, markdown, page};
use crate::run::{RunSpec, Scenario, Settings};
use crate::runner::explore::{Counters, HANGS, Plan};
use crate::runner::json::{KindLine, SweepFile};
use crate::runner::samples::Sample;
use crate::runner::shard::Shard;
use crate::runner::summary::Sweep;
use crate::runner::{Worker, interrupt, invocation, junit, progress, settings};
use crate::shrink::Limits;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// Seeds of each scenario where neither a number nor a time is given.
const SEEDS: u64 = 1000;
/// How many distinct failures are explained; the summary lists all.
pub(super) const EXPLAINED_MAX: usize = 5;

pub(super) fn explore(registry: &Registry, args: &ExploreArgs, console: &mut Console) -> Done {
    let (selection, settings) = registry.several(&args.scenarios, &args.settings.texts())?;
    let plan = plan(args, selection.chosen, settings)?;
    let files = Files { html: &args.html, json: &args.json, junit: &args.junit, summary: &args.summary };
    files.check()?;
    if let Some(folder) = &args.corpus {
        make_folder(folder)?;
    }
    for (name, reason) in &selection.skipped {
        console.err(&format!("skipped: {name} {reason}\n"));
    }
    files.remove_old(&[]);
    // Before the first run, so that an interruption is never early.
    let counters = Arc::new(Counters { stop: interrupt::flag(), ..Counters::default() });
    let (regressed, regressions) = run_regressions(registry, &plan.scenarios, console)?;
    let (mut sweep, learned) = if args.guided {
        let (sweep, learned) = guided::sweep(registry, args, &plan, &counters, console)?;
        (sweep, Some(learned))
    } else {
        (progress::shown(&counters, plan.runs(), || plan.explore(registry.executor, &counters)), None)
    };
    sweep.skipped = selection.skipped;
    report_untested(&sweep, console)?;
    let mut file = SweepFile::of(&sweep, &plan);
    let asked = &mut file.summary.asked;
    (asked.guided, asked.build) = (args.guided, Some(build::build_id().to_owned()));
    asked.commit = build::commit().filter(|commit| !commit.ends_with('+'));
    if plan.shard == Shard::ALL {
        add_unpassed(registry, &mut file);
    }
    file.summary.command = Some(command(args, &plan));
    file.summary.files = own_files(args);
    file.summary.regressions = regressions;
    // To explain failures takes a while, in which this process may be ended: what is known is written first.
    let _ = files.write(&file, &[], args.strict);
    let mut nondeterminism = explain_failures(registry, args, &sweep, &mut file, console);
    if let Some(learned) = &learned {
        nondeterminism = nondeterminism.max(learned.explain(registry, args, &mut file, console));
    }
    for broken in &sweep.broken {
        console.err(&format!(
            "the harness failed: {}\n  {}\n",
            broken.text,
            invocation::run(broken.scenario, broken.seed, &sweep.settings)
        ));
    }
    console.out(&listed(&file));
    let kinds = file.summary.kinds.len();
    if kinds > EXPLAINED_MAX {
        console.out(&format!(
            "{EXPLAINED_MAX} of {kinds} are explained above, each folder has the report of one\n"
        ));
    }
    if let Some(learned) = &learned {
        learned.conclude(&mut file, console);
    }
    let samples = counters.samples.lock().unwrap_or_else(PoisonError::into_inner);
    let concluded = conclude(&file, samples.all(), &files, args.strict, Exit::Interrupted, console);
    let kept = learned.map_or(Ok(()), |learned| learned.kept);
    Ok(concluded.max(unwritten(kept, console)).max(nondeterminism).max(regressed))
}

/// The sweep that the arguments ask for.
fn plan(args: &ExploreArgs, scenarios: Vec<Scenario>, settings: Settings) -> Result<Plan, Stop> {
    let variable = |name: &str| std::env::var(name).ok();
    let shard = args.shard.as_deref().map_or(Ok(Shard::ALL), |text| Shard::parse(text, variable));
    if args.seeds == Some(0) {
        return Err(Stop::usage("`--seeds 0` tests nothing"));
    }
    if args.time.is_some_and(|time| time.is_zero()) {
        return Err(Stop::usage("`--time 0s` tests nothing"));
    }
    Ok(Plan {
        scenarios,
        settings,
        from: args.from.number()?,
        seeds: args.seeds.or_else(|| args.time.is_none().then_some(SEEDS)),
        jobs: args.jobs as usize,
        shard: shard.map_err(Stop::usage)?,
        time: args.time,
    })
}

/// Says which scenarios were not tested; where none was, or one is wrong, that ends the command.
fn report_untested(sweep: &Sweep, console: &mut Console) -> Result<(), Stop> {
    if let Some((name, what)) = sweep.mistakes.first() {
        return Err(Stop::usage(format!("`{name}`: {what}")));
    }
    if let (Some((_, line)), true) = (sweep.refused.first(), sweep.refused.len() == sweep.scenarios.len()) {
        return Err(Stop::usage(line));
    }
    for (name, why) in &sweep.empty {
        console.err(&format!("warning: `{name}` tested nothing: {why}\n"));
    }
    for line in &sweep.unread {
        console.err(&format!("warning: {line}\n"));
    }
    for (name, line) in &sweep.refused {
        console.err(&format!("skipped: {name} refuses: {line}\n"));
    }
    Ok(())
}

/// What no run passed. Of a shard it is known when all shards are merged.
pub(super) fn add_unpassed(registry: &Registry, file: &mut SweepFile) {
    let swept = file.summary.scenarios.iter().map(String::as_str).collect();
    let planted: Vec<Scenario> = registry.bugs.iter().flat_map(|bug| [bug.defect, bug.twin]).collect();
    marks::add_unpassed(&mut file.summary.sums, &swept, registry.scenarios, &planted);
}

/// The line that runs the sweep again, without its shard and its files. It names the scenarios that were typed: which runs are a
/// shard's depends on all of them.
fn command(args: &ExploreArgs, plan: &Plan) -> String {
    let mut line = format!("{} explore", invocation::command());
    for name in &args.scenarios {
        // Writing to a String does not fail.
        let _ = write!(line, " {}", invocation::quoted(name));
    }
    let guided = if args.guided { " --guided" } else { "" };
    let _ = write!(line, "{}{guided} --from {:#x}", settings::flags(&plan.settings), plan.from);
    if let Some(seeds) = plan.seeds {
        let _ = write!(line, " --seeds {seeds}");
    }
    if let Some(time) = plan.time {
        let _ = write!(line, " --time {}", duration(time));
    }
    line
}

/// What a sweep is to write that no other shard writes too.
fn own_files(args: &ExploreArgs) -> BTreeMap<String, String> {
    // With a page, the folders of failures lie beside it.
    let out = std::env::var_os(invocation::OUT).filter(|out| !out.is_empty() && args.html.is_none());
    let out = out.map(PathBuf::from);
    let files = [
        (invocation::OUT, &out),
        ("--corpus", &args.corpus),
        ("--html", &args.html),
        ("--json", &args.json),
        ("--junit", &args.junit),
    ];
    let text = |(name, path): (&str, &Option<PathBuf>)| {
        Some((name.to_owned(), path.as_ref()?.display().to_string()))
    };
    files.into_iter().filter_map(text).collect()
}

/// Failures that were repaired are looked at first: how that ends, and those that fail again.
fn run_regressions(
    registry: &Registry,
    chosen: &[Scenario],
    console: &mut Console,
) -> Result<(Exit, BTreeMap<String, String>), Stop> {
    let mut worker = Worker::new(registry.executor);
    let (mut exit, mut held, mut back) = (Exit::Held, 0, BTreeMap::new());
    for path in regressions::files(Path::new(registry.regressions)) {
        let shown = path.display();
        let usage = |why: String| Stop::usage(format!("{shown}: {why}"));
        let file = ReplayFile::read(&path).map_err(|error| Stop::usage(error.to_string()))?;
        if !registry.all().iter().any(|scenario| scenario.name == file.scenario) {
            return Err(usage(format!("unknown scenario `{}`: the file tests nothing", file.scenario)));
        }
        if !chosen.iter().any(|scenario| scenario.name == file.scenario) {
            continue;
        }
        let (verdict, text) = regressions::replay(&file, chosen, &mut worker).map_err(usage)?;
        if verdict == Verdict::Holds && !text.is_empty() {
            console.err(&format!("{shown}\n{text}"));
        }
        exit = exit.max(match verdict {
            Verdict::Holds => {
                held += 1;
                continue;
            }
            Verdict::Nondeterministic => Exit::Nondeterminism,
            Verdict::StillFails | Verdict::FailsOtherwise => Exit::Failed,
        });
        let again = invocation::replay(&file.scenario, &path.to_string_lossy());
        console.out(&format!("FAILED regression {shown}\n{text}\n  {again}\n"));
        back.insert(shown.to_string(), again);
    }
    if held > 0 {
        console.err(&format!("{} held\n", count(held, "regression")));
    }
    Ok((exit, back))
}

/// One failure of each kind is run again and leaves its folder; the first few are shrunk and printed. A failure may turn out
/// not to happen again.
fn explain_failures(
    registry: &Registry,
    args: &ExploreArgs,
    sweep: &Sweep,
    file: &mut SweepFile,
    console: &mut Console,
) -> Exit {
    let mut exit = Exit::Held;
    if sweep.kinds.is_empty() {
        return exit;
    }
    let mut worker = Worker::new(registry.executor);
    let all = registry.all();
    let root = args.html.clone().unwrap_or_else(folder::root);
    for (number, (kind, line)) in sweep.kinds.iter().zip(&mut file.summary.kinds).enumerate() {
        let Some(scenario) = all.iter().find(|scenario| scenario.name == kind.scenario) else { continue };
        let spec = RunSpec::seeded(*scenario, sweep.settings.clone(), kind.shortest.seed);
        if kind.shortest.failure.site == HANGS {
            // Not again: it would never come back.
            line.folder = lost(&spec, kind.shortest.seed, &kind.shortest.failure, &root, console);
            exit = exit.max(Exit::Failed);
            continue;
        }
        let shown = number < EXPLAINED_MAX;
        let limits = if args.no_shrink || !shown { Limits { runs: 1, time: None } } else { BUDGET };
        let explained =
            explain(&mut worker, &spec, kind.shortest.hash, limits, shown, registry.folders(&root), console);
        line.folder = explained.folder;
        exit = exit.max(explained.exit);
    }
    exit
}

/// Each kind of failure: how many seeds, the run that fails in the fewest calls, and its folder.
pub(super) fn listed(file: &SweepFile) -> String {
    if file.summary.kinds.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nfailures, each with the seed that fails in the fewest calls\n");
    for kind in &file.summary.kinds {
        let KindLine { scenario, repro, .. } = kind;
        // Writing to a String does not fail.
        let _ = writeln!(text, "  {scenario}: {}, {}\n    {repro}", kind.headline(), kind.seeds());
        if let Some(folder) = &kind.folder {
            let _ = writeln!(text, "    {folder}");
        }
    }
    text
}

/// Where the results of a sweep are written.
pub(super) struct Files<'a> {
    pub html: &'a Option<PathBuf>,
    pub json: &'a Option<PathBuf>,
    pub junit: &'a Option<PathBuf>,
    pub summary: &'a Option<PathBuf>,
}

impl Files<'_> {
    /// A folder that is not there is said before an hour of runs, not behind it.
    pub(super) fn check(&self) -> Result<(), Stop> {
        for path in [self.json, self.junit, self.summary].into_iter().flatten() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                let (path, folder_text) = (path.display(), folder.display());
                return Err(Stop::usage(match folder.exists() {
                    true => format!("{path}: `{folder_text}` is a file, not a folder"),
                    false => format!("{path}: there is no folder `{folder_text}`"),
                }));
            }
        }
        self.html.as_deref().map_or(Ok(()), make_folder)
    }

    /// Writes each anew, but for the summary, which is added to.
    fn write(&self, file: &SweepFile, samples: &[Sample], strict: bool) -> [Result<(), Stop>; 3] {
        let page = |folder: &PathBuf| {
            let text = page::sweep(file, samples, &folder.to_string_lossy());
            write_file(&folder.join("index.html"), text.as_bytes())
        };
        let json = |path: &PathBuf| write_file(path, file.text().as_bytes());
        let junit = |path: &PathBuf| write_file(path, junit::text(file, strict).as_bytes());
        [
            self.html.as_ref().map_or(Ok(()), page),
            self.json.as_ref().map_or(Ok(()), json),
            self.junit.as_ref().map_or(Ok(()), junit),
        ]
    }

    /// What an earlier sweep has left there is no result of this one: if this one is killed, it is to have none. What is no ordinary
    /// file stays, and so does what is still to be `read`; the summary is added to.
    pub(super) fn remove_old(&self, read: &[PathBuf]) {
        let is_read = |path: &PathBuf| {
            let path = path.canonicalize().ok();
            path.is_some() && read.iter().any(|read| read.canonicalize().ok() == path)
        };
        for path in [self.json, self.junit].into_iter().flatten() {
            if std::fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) && !is_read(path) {
                // A file that cannot be removed cannot be replaced later either, which is said then.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), Stop> {
    let made = std::fs::create_dir_all(folder);
    made.map_err(|error| Stop::usage(format!("{}: {error}", folder.display())))
}

/// Prints the summary, writes the files, and says how it ends; `unfinished` where a part did not run that was to run, which what
/// `--time` cuts off is only with `--strict`.
pub(super) fn conclude(
    file: &SweepFile,
    samples: &[Sample],
    files: &Files,
    strict: bool,
    unfinished: Exit,
    console: &mut Console,
) -> Exit {
    // First what cannot fail to be seen, whatever becomes of the files.
    console.out(&text(file));
    let appended = files.summary.as_ref().map_or(Ok(()), |path| append_file(path, &markdown::sweep(file)));
    let written = files.write(file, samples, strict).into_iter().chain([appended]);
    let unwritten = written.map(|written| unwritten(written, console)).max();
    let summary = &file.summary;
    let sums = &summary.sums;
    if sums.seeds == 0 {
        console.err("warning: no seed ran: nothing was tested\n");
    }
    let strictly_held = sums.warnings().is_empty() && !summary.is_out_of_time();
    let exit = if sums.harness_failures > 0 {
        Exit::Harness
    } else if summary.fails() || strict && !strictly_held {
        Exit::Failed
    } else if summary.lacks_runs() {
        unfinished
    } else {
        Exit::Held
    };
    exit.max(unwritten.unwrap_or(Exit::Held))
}

/// A file that cannot be written is said, and hides nothing that is more severe, nor the other files.
fn unwritten(written: Result<(), Stop>, console: &mut Console) -> Exit {
    match written {
        Ok(()) => Exit::Held,
        Err(Stop { line, exit }) => {
            console.err(&format!("error: {line}\n"));
            exit
        }
    }
}

/// The summary on a terminal.
fn text(file: &SweepFile) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write_text(&mut out, file);
    out
}

fn write_text(out: &mut String, file: &SweepFile) -> std::fmt::Result {
    let summary = &file.summary;
    writeln!(out)?;
    let sums = &summary.sums;
    let fired = sums.faults.iter().filter(|(_, sum)| sum.fired > 0);
    let fired: Vec<_> = fired.map(|(family, sum)| format!("{family} {}", sum.fired)).collect();
    if !fired.is_empty() {
        writeln!(out, "faults fired  {}", fired.join(", "))?;
    }
    for line in sums.warnings() {
        writeln!(out, "warning: {line}")?;
    }
    for file in summary.regressions.keys() {
        writeln!(out, "regression {file} fails again")?;
    }
    if let Some(line) = summary.incomplete() {
        writeln!(out, "{line}")?;
    }
    for line in &summary.again {
        writeln!(out, "run again  {line}")?;
    }
    writeln!(
        out,
        "{}, {}, {}; {}, {:.1} s simulated in {:.1} s, {} seeds/s; seeds from {} on",
        count(summary.scenarios.len() as u64, "scenario"),
        count(sums.seeds, "seed"),
        count(sums.failures, "failure"),
        count(sums.calls, "call"),
        sums.simulated as f64 / 1e9,
        summary.elapsed_s,
        thousands(summary.rate()),
        summary.from
    )?;
    writeln!(out, "hash {:#018x}", sums.hash)
}
