//! The variables that say what a test runs. Whatever is wrong in them is reported; none is ignored in silence.

use crate::choice::parse_seed;
use crate::near::near;
use crate::replay::build;
use crate::run::Settings;
use crate::runner::shard::Shard;
use crate::runner::{settings, watchdog};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Once;

/// How they begin.
const PREFIX: &str = "EAGAIN_";

/// The variables that are read, here or elsewhere.
const KNOWN: &[&str] = &[
    "EAGAIN_SEED",
    "EAGAIN_SEEDS",
    "EAGAIN_SET",
    "EAGAIN_REPLAY",
    "EAGAIN_CHECK",
    "EAGAIN_GUIDED",
    "EAGAIN_SHARD",
    "EAGAIN_JOBS",
    "EAGAIN_OUT",
    watchdog::VARIABLE,
    "EAGAIN_BLESS",
    "EAGAIN_SEQUENCES",
];

/// Those that tests read and a command does not, with what is typed there.
const OF_TESTS: &[(&str, &str)] = &[
    ("EAGAIN_SEED", "run SCENARIO --seed SEED"),
    ("EAGAIN_SEEDS", "--seeds N"),
    ("EAGAIN_SET", "--set KEY=VALUE"),
    ("EAGAIN_REPLAY", "replay FILE"),
    ("EAGAIN_CHECK", "check SCENARIO"),
    ("EAGAIN_GUIDED", "explore --guided"),
    ("EAGAIN_SHARD", "--shard I/N"),
    ("EAGAIN_JOBS", "--jobs N"),
];

/// Those that `check` sets for its other process.
pub(super) const CHECK_FILE: &str = "EAGAIN_UNSETTLED_FILE";
const UNSETTLED: &str = "EAGAIN_UNSETTLED_";

/// What the variables say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Environment {
    /// Just this seed.
    pub seed: Option<u64>,
    /// How many seeds.
    pub seeds: Option<u64>,
    /// The settings.
    pub settings: Settings,
    /// The file to replay.
    pub replay: Option<PathBuf>,
    /// Whether every seed runs in another process too.
    pub check: bool,
    /// Whether half of the runs are made of others that showed something new.
    pub guided: bool,
    /// Which part of the seeds.
    pub shard: Shard,
    /// Threads of each test.
    pub jobs: usize,
    /// Where the folders of failures go; without, to cargo's target folder.
    pub out: Option<PathBuf>,
    /// This is the other process: where it writes what its runs came to.
    pub(super) check_file: Option<PathBuf>,
}

impl Environment {
    /// Reads that of this process, and warns of misspelt names, once.
    pub fn of_process() -> Result<Environment, String> {
        warn_of_unknown();
        // An empty variable is one that is not set, as CI systems write it.
        Environment::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads what `variable` gives. The error is a line for people.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Environment, String> {
        let number = |name: &str| match variable(name) {
            None => Ok(None),
            Some(text) if text == "commit" && name == "EAGAIN_SEED" => {
                build::commit_seed().map(Some).map_err(|line| format!("{name}: {line}"))
            }
            Some(text) => parse_seed(&text).map(Some).map_err(|error| format!("{name}: {error}")),
        };
        let texts: Vec<String> =
            variable("EAGAIN_SET").iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
        let at_least_one = |name: &str| match number(name)? {
            Some(0) => Err(format!("{name}: 0 tests nothing")),
            number => Ok(number),
        };
        let shard = variable("EAGAIN_SHARD").map_or(Ok(Shard::ALL), |text| Shard::parse(&text, &variable));
        watchdog::read(&variable)?;
        Ok(Environment {
            seed: number("EAGAIN_SEED")?,
            seeds: at_least_one("EAGAIN_SEEDS")?,
            settings: settings::parse(&texts).map_err(|line| format!("EAGAIN_SET: {line}"))?,
            replay: variable("EAGAIN_REPLAY").map(PathBuf::from),
            check: variable("EAGAIN_CHECK").is_some_and(|text| text != "0"),
            guided: variable("EAGAIN_GUIDED").is_some_and(|text| text != "0"),
            shard: shard.map_err(|line| format!("EAGAIN_SHARD: {line}"))?,
            jobs: at_least_one("EAGAIN_JOBS")?.map_or(1, |jobs| jobs.min(1024) as usize),
            out: variable("EAGAIN_OUT").map(PathBuf::from),
            check_file: variable(CHECK_FILE).map(PathBuf::from),
        })
    }
}

/// Warns of variables that begin like ours and are none, once a process: on standard error itself, since libtest keeps what
/// `eprintln` writes in a test that passes.
pub(crate) fn warn_of_unknown() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for line in misspelt(names) {
            warn(&line);
        }
    });
}

/// Warns a command's user of variables that it does not heed.
pub(crate) fn warn_of_unheeded() {
    for line in unheeded(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        warn(&line);
    }
}

fn unheeded(is_set: impl Fn(&str) -> bool) -> Vec<String> {
    let set = OF_TESTS.iter().filter(|(name, _)| is_set(name));
    set.map(|(name, typed)| format!("`{name}` is for tests, and has no effect here: it is `{typed}`"))
        .collect()
}

/// A warning on standard error itself.
pub(super) fn warn(line: &str) {
    note(&format!("warning: {line}"));
}

/// A line on standard error itself.
pub(super) fn note(line: &str) {
    // Nobody may be reading any more.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line for each name that begins like ours and is none.
fn misspelt(names: impl Iterator<Item = String>) -> Vec<String> {
    let ours = |name: &String| {
        name.starts_with(PREFIX) && !name.starts_with(UNSETTLED) && !KNOWN.contains(&name.as_str())
    };
    let hint = |name: String| {
        // The part that is theirs: what all have in common makes nothing near.
        let known = KNOWN.iter().filter_map(|known| known.strip_prefix(PREFIX));
        match near(&name[PREFIX.len()..], known) {
            Some(near) => format!("unknown variable `{name}` (did you mean `{PREFIX}{near}`?)"),
            None => format!("unknown variable `{name}`: expected one of {}", KNOWN.join(", ")),
        }
    };
    names.filter(ours).map(hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, String> {
        Environment::read(|name| {
            pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_are_read_and_what_is_wrong_in_them_is_said() {
        let environment = read(&[
            ("EAGAIN_SEED", "0x2a"),
            ("EAGAIN_SEEDS", "500"),
            ("EAGAIN_SET", "model=poll,workers=4"),
            ("EAGAIN_CHECK", "1"),
            ("EAGAIN_SHARD", "1/3"),
        ])
        .unwrap();
        assert_eq!((environment.seed, environment.seeds, environment.jobs), (Some(42), Some(500), 1));
        assert_eq!(settings::text(&environment.settings), "model=poll,workers=4");
        assert!(environment.check && environment.shard == Shard { index: 1, count: 3 });
        assert!(!read(&[("EAGAIN_CHECK", "0")]).unwrap().check);
        for (name, value) in [
            ("EAGAIN_SEED", "1x"),
            ("EAGAIN_SEEDS", "-1"),
            ("EAGAIN_SET", "model"),
            ("EAGAIN_SHARD", "auto"),
            ("EAGAIN_SEEDS", "0"),
            ("EAGAIN_JOBS", "0"),
            ("EAGAIN_WATCHDOG", "1s"),
        ] {
            let line = read(&[(name, value)]).unwrap_err();
            assert!(line.starts_with(name) && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn what_a_command_does_not_heed_is_warned_about() {
        let lines = unheeded(|name| ["EAGAIN_SET", "EAGAIN_OUT"].contains(&name));
        assert_eq!(lines, ["`EAGAIN_SET` is for tests, and has no effect here: it is `--set KEY=VALUE`"]);
        assert!(OF_TESTS.iter().all(|(name, _)| KNOWN.contains(name)));
    }

    #[test]
    fn misspelt_names_are_warned_about() {
        let names =
            ["EAGAIN_SEDE", "EAGAIN_VERBOSITY", "EAGAIN_OUT", "EAGAIN_UNSETTLED_3", "PATH", "eagain_seed"];
        let lines = misspelt(names.into_iter().map(str::to_owned));
        assert_eq!(lines[0], "unknown variable `EAGAIN_SEDE` (did you mean `EAGAIN_SEED`?)");
        assert!(lines[1].starts_with("unknown variable `EAGAIN_VERBOSITY`: expected one of"));
        assert_eq!(lines.len(), 2);
    }
}
