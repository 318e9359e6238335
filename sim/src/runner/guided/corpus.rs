//! The folder of a corpus: the runs that showed something new, a file each, named by what it makes. So the corpora of shards
//! are joined by putting their files into one folder.
//!
//! ```text
//!   corpus.json            the format, the settings, and how many plain seeds each scenario has had
//!   SCENARIO/0123….json    how one run is made
//! ```
//!
//! Features are not saved: the runs are made again, and say of this build what they show.

use super::recipe::Recipe;
use super::search::Search;
use crate::choice::{Key, Mix, Overrides, parse_seed};
use crate::run::Settings;
use crate::runner::explore::Plan;
use crate::runner::settings;
use crate::trace::TraceHash;
use crate::whole_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the folder. Another one is refused, in words.
pub const FORMAT: u32 = 1;
/// What all of it has in common.
const HEAD: &str = "corpus.json";

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    settings: Settings,
    /// By scenario, then by the first seed and the distance of two: how many plain seeds there were.
    plain: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedRun {
    format: u32,
    scenario: String,
    seed: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    families: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    actors: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forks: Vec<(u64, String)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    overrides: BTreeMap<String, u64>,
    /// A hash over all of the above.
    digest: String,
}

/// What was in a folder.
pub struct Saved {
    /// By scenario of the plan: the runs, by name of the file.
    pub recipes: Vec<Vec<Recipe>>,
    /// By scenario of the plan: how many of its plain seeds there were.
    pub plain: Vec<u64>,
    /// A line for each file that was set aside.
    pub damaged: Vec<String>,
}

/// Reads the folder, which need not exist, for the scenarios and settings of `plan`. Damaged files are set aside. The error is
/// a line for people.
pub fn read(folder: &Path, plan: &Plan) -> Result<Saved, String> {
    let count = plan.scenarios.len();
    let mut saved = Saved { recipes: vec![Vec::new(); count], plain: vec![0; count], damaged: Vec::new() };
    let Some(head) = read_head(folder)? else { return Ok(saved) };
    let shown = folder.display();
    if head.settings != plan.settings {
        let text = |set: &Settings| if set.is_empty() { "none".to_owned() } else { settings::text(set) };
        let (there, here) = (text(&head.settings), text(&plan.settings));
        return Err(format!("{shown}: a corpus of other settings: {there}, and here {here}"));
    }
    let is_here = |name: &String| plan.scenarios.iter().any(|scenario| scenario.name == name.as_str());
    if let Some(other) = head.plain.keys().find(|name| !is_here(name)) {
        return Err(format!("{shown}: a corpus of `{other}`, which is not in this sweep"));
    }
    for (place, scenario) in plan.scenarios.iter().enumerate() {
        let counts = head.plain.get(scenario.name);
        saved.plain[place] = counts.and_then(|counts| counts.get(&part(plan, place))).copied().unwrap_or(0);
        for path in files(&folder.join(scenario.name))? {
            match read_run(&path, scenario.name) {
                Ok(recipe) => saved.recipes[place].push(recipe),
                Err(why) => {
                    let aside = path.with_extension("damaged");
                    let done = match std::fs::rename(&path, &aside) {
                        Ok(()) => format!("set aside as {}", aside.display()),
                        Err(error) => format!("left out; it cannot be set aside: {error}"),
                    };
                    saved.damaged.push(format!("{}: {why}; {done}", path.display()));
                }
            }
        }
    }
    Ok(saved)
}

/// Which plain seeds a part of a sweep takes.
fn part(plan: &Plan, place: usize) -> String {
    format!("{:#x}+{}", plan.from.wrapping_add(plan.shard.first(place)), plan.shard.count)
}

fn read_head(folder: &Path) -> Result<Option<Head>, String> {
    #[derive(Deserialize)]
    struct OnlyFormat {
        format: u64,
    }
    let path = folder.join(HEAD);
    let shown = path.display();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let is_empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
            return if is_empty {
                Ok(None)
            } else {
                Err(format!("{}: not a corpus: it has no {HEAD}", folder.display()))
            };
        }
        Err(error) => return Err(format!("{shown}: {error}")),
    };
    let bad = |error: serde_json::Error| format!("{shown}: not the head of a corpus: {}", plain_text(&error));
    let OnlyFormat { format } = serde_json::from_slice(&bytes).map_err(bad)?;
    if format != u64::from(FORMAT) {
        return Err(format!("{shown}: corpus format {format}; this build reads format {FORMAT}"));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(bad)
}

/// A text may come from anywhere and be shown on a terminal.
fn plain_text(error: &serde_json::Error) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The files of runs in a folder, by name.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

fn read_run(path: &Path, scenario: &str) -> Result<Recipe, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let run: SavedRun =
        serde_json::from_slice(&bytes).map_err(|error| format!("damaged: {}", plain_text(&error)))?;
    if run.format != FORMAT {
        return Err(format!("format {}; this build reads format {FORMAT}", run.format));
    }
    if run.scenario != scenario {
        return Err("a run of another scenario".to_owned());
    }
    if run.digest != run.made_digest() {
        return Err("damaged: its digest is of other content".to_owned());
    }
    run.recipe().ok_or_else(|| "damaged: a seed or a key in it cannot be read".to_owned())
}

impl SavedRun {
    fn of(recipe: &Recipe, scenario: &str) -> SavedRun {
        let seed = |seed: u64| format!("{seed:#x}");
        let named = |seeds: &[(String, u64)]| {
            seeds.iter().map(|(name, number)| (name.clone(), seed(*number))).collect()
        };
        let mut run = SavedRun {
            format: FORMAT,
            scenario: scenario.to_owned(),
            seed: seed(recipe.seed),
            families: named(&recipe.mix.domains),
            actors: named(&recipe.mix.actors),
            forks: recipe.mix.forks.iter().map(|&(call, number)| (call, seed(number))).collect(),
            overrides: recipe.overrides.iter().map(|(key, value)| (key.to_string(), *value)).collect(),
            digest: String::new(),
        };
        run.digest = run.made_digest();
        run
    }

    fn made_digest(&self) -> String {
        let run = SavedRun { digest: String::new(), ..self.clone() };
        let mut hash = TraceHash::default();
        hash.bytes(serde_json::to_string(&run).unwrap_or_default().as_bytes());
        format!("{:#018x}", hash.value())
    }

    fn recipe(&self) -> Option<Recipe> {
        let seed = |text: &String| parse_seed(text).ok();
        let named = |seeds: &[(String, String)]| {
            seeds.iter().map(|(name, text)| Some((name.clone(), seed(text)?))).collect::<Option<Vec<_>>>()
        };
        let key = |(text, value): (&String, &u64)| Some((text.parse::<Key>().ok()?, *value));
        let mix = Mix {
            domains: named(&self.families)?,
            actors: named(&self.actors)?,
            forks: self.forks.iter().map(|(call, text)| Some((*call, seed(text)?))).collect::<Option<_>>()?,
        };
        if !mix.forks.is_sorted_by(|a, b| a.0 < b.0) {
            return None;
        }
        let overrides = self.overrides.iter().map(key).collect::<Option<Overrides>>()?;
        Some(Recipe { seed: seed(&self.seed)?, mix, overrides })
    }
}

/// Adds what `searches` have kept to the folder. The error is a line for people.
pub fn write(folder: &Path, plan: &Plan, searches: &[Search]) -> Result<(), String> {
    let mut head = match read_head(folder)? {
        Some(head) => head,
        None => {
            let head = Head { format: FORMAT, settings: plan.settings.clone(), plain: BTreeMap::new() };
            // First, so that whoever is ended in the middle leaves a corpus.
            put_head(folder, &head)?;
            head
        }
    };
    for (place, (scenario, search)) in plan.scenarios.iter().zip(searches).enumerate() {
        let counts = head.plain.entry(scenario.name.to_owned()).or_default();
        let count = counts.entry(part(plan, place)).or_default();
        *count = (*count).max(search.plain());
        for entry in search.corpus() {
            put_run(folder, scenario.name, &entry.recipe)?;
        }
    }
    put_head(folder, &head)
}

fn put_run(folder: &Path, scenario: &str, recipe: &Recipe) -> Result<(), String> {
    let own = folder.join(scenario);
    std::fs::create_dir_all(&own).map_err(|error| format!("{}: {error}", own.display()))?;
    let run = SavedRun::of(recipe, scenario);
    let name = run.digest.trim_start_matches("0x");
    put(&own.join(format!("{name}.json")), &run)
}

fn put_head(folder: &Path, head: &Head) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    put(&folder.join(HEAD), head)
}

fn put(path: &Path, value: &impl Serialize) -> Result<(), String> {
    // Maps of texts and numbers: there is nothing that could fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    whole_file::put(path, |out| out.write_all(text.as_bytes())).map_err(|error| error.to_string())
}

/// Joins the corpora of `folders`, which have to be of the same settings, in the folder `into`. The error is a line for people.
pub fn merge(into: &Path, folders: &[impl AsRef<Path>]) -> Result<u64, String> {
    let mut whole = read_head(into)?;
    let mut runs = 0;
    for folder in folders {
        let folder = folder.as_ref();
        let head = read_head(folder)?.ok_or_else(|| format!("{}: no corpus", folder.display()))?;
        if whole.is_none() {
            let empty = Head { plain: BTreeMap::new(), ..head.clone() };
            put_head(into, &empty)?;
            whole = Some(empty);
        }
        let Some(all) = &mut whole else { continue };
        if all.settings != head.settings {
            return Err(format!("{}: a corpus of other settings than the first", folder.display()));
        }
        for (scenario, counts) in &head.plain {
            // It becomes the name of a folder.
            if !scenario.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c)) {
                return Err(format!(
                    "{}: not a corpus: a scenario has no such name",
                    folder.join(HEAD).display()
                ));
            }
            let sums = all.plain.entry(scenario.clone()).or_default();
            for (part, &count) in counts {
                let sum = sums.entry(part.clone()).or_default();
                *sum = (*sum).max(count);
            }
            for path in files(&folder.join(scenario))? {
                let recipe = read_run(&path, scenario).map_err(|why| format!("{}: {why}", path.display()))?;
                put_run(into, scenario, &recipe)?;
                runs += 1;
            }
        }
    }
    if let Some(head) = &whole {
        put_head(into, head)?;
    }
    Ok(runs)
}
