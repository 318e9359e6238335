//! `merge`: the files of a sweep's shards, joined into the file of the whole. What has not run is named, with the line that runs it
//! alone and puts its files where they belong, so that the same `merge` then has all of them.

use super::explore::INTERRUPTION;
use super::invocation::{OUT, quoted};
use super::json::{KindLine, Summary, SweepFile};
use super::shard::Shard;
use super::summary::{FAILURES_KEPT, Sums};
use crate::choice::parse_seed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// So many shards are named of those that one thing is said of.
const SHOWN: usize = 10;

/// Joins the files of the shards of one sweep, each with its path. The error is a line for people.
pub fn merge(files: &[(String, SweepFile)]) -> Result<SweepFile, String> {
    let Some((first_name, first)) = files.first() else { return Err("nothing to merge".to_owned()) };
    let mut whole = SweepFile {
        failures: Vec::new(),
        summary: Summary {
            shard: Shard::ALL.to_string(),
            sums: Sums::default(),
            kinds: Vec::new(),
            elapsed_s: 0.0,
            times_s: BTreeMap::new(),
            planned: first.summary.asked.runs(),
            stopped: Vec::new(),
            files: BTreeMap::new(),
            regressions: BTreeMap::new(),
            again: Vec::new(),
            // Estimates of parts do not add up.
            guided: BTreeMap::new(),
            ..first.summary.clone()
        },
    };
    let shard_of = |(name, file): &(String, SweepFile)| {
        Shard::parse(&file.summary.shard, |_| None).map_err(|line| format!("{name}: {line}"))
    };
    let count = shard_of(&files[0])?.count;
    let mut parts = BTreeMap::new();
    for entry @ (name, file) in files {
        let part = &file.summary;
        let shard = shard_of(entry)?;
        let mut differs = part.differs(&first.summary);
        differs.extend((shard.count != count).then_some("number of shards"));
        if !differs.is_empty() {
            let what = differs.join(", ");
            return Err(format!("{name}: a part of another sweep than {first_name}, with another {what}"));
        }
        if parts.insert(shard.index, (name.as_str(), part)).is_some() {
            return Err(format!("{name}: shard {shard} is there twice"));
        }
        whole.add(file);
    }
    whole.summary.say_what_is_left(&parts, count);
    whole.order();
    Ok(whole)
}

/// The shards that there are, by index: the path of each, and its sums.
type Parts<'a> = BTreeMap<u64, (&'a str, &'a Summary)>;

impl Summary {
    /// What it was asked for otherwise than another part of the same sweep.
    fn differs(&self, other: &Summary) -> Vec<&'static str> {
        let (asked, same) = (&self.asked, &other.asked);
        let what = [
            ("list of settings", self.settings == other.settings),
            ("first seed", self.from == other.from),
            ("list of scenarios", asked.scenarios == same.scenarios),
            ("number of seeds", asked.seeds == same.seeds),
            ("way of searching (--guided)", asked.guided == same.guided),
            ("program", asked.is_program_of(same)),
        ];
        what.into_iter().filter(|(_, is_same)| !is_same).map(|(what, _)| what).collect()
    }

    /// Says why not everything ran, and the lines that run what nobody has given up.
    fn say_what_is_left(&mut self, parts: &Parts, count: u64) {
        let missing = count - parts.len() as u64;
        let mut unfinished: BTreeSet<u64> = BTreeSet::new();
        let mut why = Vec::new();
        if missing > 0 {
            self.complete = false;
            // Somebody may have typed any number of shards.
            let some = (0..count).filter(|index| !parts.contains_key(index)).take(SHOWN);
            unfinished.extend(some);
            let shards = named(unfinished.iter(), missing, count);
            why.push(format!("{shards} {} missing", if missing == 1 { "is" } else { "are" }));
        }
        let mut stopped: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (index, (_, part)) in parts {
            for why in &part.stopped {
                stopped.entry(why).or_default().push(*index);
            }
        }
        for (reason, shards) in stopped {
            let named = named(shards.iter(), shards.len() as u64, count);
            why.push(match reason {
                // The whole sweep, not a part of it.
                _ if count == 1 => reason.to_owned(),
                INTERRUPTION if shards.len() == 1 => format!("{named} was interrupted"),
                INTERRUPTION => format!("{named} were interrupted"),
                _ => format!("{reason} in {named}"),
            });
            if reason == INTERRUPTION {
                unfinished.extend(shards);
            }
        }
        self.stopped = why;
        if let Some(command) = &self.command {
            let line = |index: &u64| {
                let (out, files) = (out(*index, parts), outputs(*index, parts));
                format!("{out}{command} --shard {index}/{count}{files}")
            };
            self.again = unfinished.iter().take(SHOWN).map(line).collect();
        }
    }
}

/// `shard 1/4`, `shards 1/4, 3/4 and 7 more`, of so many.
fn named<'a>(shards: impl Iterator<Item = &'a u64>, number: u64, count: u64) -> String {
    let shown: Vec<String> = shards.take(SHOWN).map(|index| format!("{index}/{count}")).collect();
    let more = number - shown.len() as u64;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("shard{} {}{more}", if number == 1 { "" } else { "s" }, shown.join(", "))
}

/// The flags for the files of a shard, named as those of the others are, in the folder of those that were merged.
fn outputs(index: u64, parts: &Parts) -> String {
    let parent = |path: &str| Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
    let paths = parts.iter().map(|(index, (path, _))| (*index, (*path).to_owned())).collect();
    let is_beside = |json: &String| parts.values().any(|(path, _)| parent(path) == parent(json));
    let json = name_of(index, &paths).filter(is_beside).unwrap_or_else(|| {
        let folder = paths.values().next().map(|path| parent(path)).unwrap_or_default();
        let mut name = format!("shard-{index}.json");
        loop {
            let path = folder.join(&name).to_string_lossy().into_owned();
            if !paths.values().any(|taken| *taken == path) {
                return path;
            }
            name.insert_str(0, "missing-");
        }
    });
    let folder = parent(&json);
    let mut flags = vec![("--json", json)];
    let others: BTreeSet<&str> =
        parts.values().flat_map(|(_, part)| part.files.keys().map(String::as_str)).collect();
    for flag in others.into_iter().filter(|flag| !["--json", OUT].contains(flag)) {
        let of = |(index, (_, part)): (&u64, &(&str, &Summary))| {
            Some((*index, Path::new(part.files.get(flag)?).file_name()?.to_string_lossy().into_owned()))
        };
        let name = name_of(index, &parts.iter().filter_map(of).collect());
        flags.extend(name.map(|name| (flag, folder.join(name).to_string_lossy().into_owned())));
    }
    flags.into_iter().map(|(flag, path)| format!(" {flag} {}", quoted(&path))).collect()
}

/// The variable for the folders of failures, as the other shards had it.
fn out(index: u64, parts: &Parts) -> String {
    let of = |(index, (_, part)): (&u64, &(&str, &Summary))| Some((*index, part.files.get(OUT)?.clone()));
    let known: BTreeMap<u64, String> = parts.iter().filter_map(of).collect();
    let shared = known.values().next().filter(|first| known.values().all(|other| other == *first)).cloned();
    let path = shared.or_else(|| name_of(index, &known));
    path.map(|path| format!("{OUT}={} ", quoted(&path))).unwrap_or_default()
}

/// What a shard's file is called where those of others are called so: their names differ in a number, which is the shard's index or, in
/// an array that is numbered from 1, one more.
fn name_of(index: u64, known: &BTreeMap<u64, String>) -> Option<String> {
    if let Some(own) = known.get(&index) {
        return Some(own.clone());
    }
    let (&first, name) = known.iter().next()?;
    let is_digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    // The last number first: a name may begin with a date.
    let mut end = name.len();
    loop {
        while end > 0 && !is_digit(end - 1) {
            end -= 1;
        }
        let mut start = end;
        while start > 0 && is_digit(start - 1) {
            start -= 1;
        }
        if start == end {
            return None;
        }
        let digits = &name[start..end];
        let width = if digits.starts_with('0') { digits.len() } else { 1 };
        if let Ok(number) = digits.parse::<u64>() {
            let called = |index: u64| {
                let number = number.checked_add(index)?.checked_sub(first)?;
                Some(format!("{}{number:0width$}{}", &name[..start], &name[end..]))
            };
            if known.iter().all(|(index, name)| called(*index).as_ref() == Some(name)) {
                return called(index);
            }
        }
        end = start;
    }
}

impl SweepFile {
    fn add(&mut self, file: &SweepFile) {
        let (sum, part) = (&mut self.summary, &file.summary);
        for scenario in &part.scenarios {
            if !sum.scenarios.contains(scenario) {
                sum.scenarios.push(scenario.clone());
            }
        }
        sum.sums.merge(&part.sums);
        for kind in &part.kinds {
            sum.add_kind(kind);
        }
        sum.elapsed_s = sum.elapsed_s.max(part.elapsed_s);
        for (name, time) in &part.times_s {
            *sum.times_s.entry(name.clone()).or_default() += time;
        }
        sum.complete &= part.complete;
        sum.regressions.extend(part.regressions.iter().map(|(file, line)| (file.clone(), line.clone())));
        sum.skipped.extend(part.skipped.iter().map(|(name, why)| (name.clone(), why.clone())));
        self.failures.extend(file.failures.iter().cloned());
    }

    /// As the whole orders and cuts them: by scenario as listed, then by seed, and of each kind so many.
    fn order(&mut self) {
        let order: BTreeMap<&str, usize> =
            self.summary.scenarios.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let key =
            |scenario: &str, seed: &str| (order.get(scenario).copied(), parse_seed(seed).unwrap_or_default());
        self.failures.sort_by_cached_key(|line| key(&line.scenario, &line.seed));
        self.summary.kinds.sort_by_cached_key(|kind| key(&kind.scenario, &kind.first_seed));
        let mut kept: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        self.failures.retain(|line| {
            let kind = (line.scenario.clone(), line.oracle.clone(), line.site.clone());
            let number = kept.entry(kind).or_default();
            *number += 1;
            *number <= FAILURES_KEPT
        });
    }
}

impl Summary {
    fn add_kind(&mut self, other: &KindLine) {
        let same = |kind: &&mut KindLine| {
            (&kind.scenario, &kind.oracle, &kind.site) == (&other.scenario, &other.oracle, &other.site)
        };
        let number = |seed: &str| parse_seed(seed).unwrap_or_default();
        let Some(kind) = self.kinds.iter_mut().find(same) else { return self.kinds.push(other.clone()) };
        let count = kind.count + other.count;
        let first_seed = number(&kind.first_seed).min(number(&other.first_seed));
        if (other.calls, number(&other.seed)) < (kind.calls, number(&kind.seed)) {
            *kind = other.clone();
        }
        (kind.count, kind.first_seed) = (count, format!("{first_seed:#x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::fake::file;

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
        assert_eq!(merged.text(), whole);
    }

    #[test]
    fn what_is_no_part_of_the_sweep_is_refused_in_a_line() {
        let part = merge(&named(vec![file(0, 3), file(2, 3)])).unwrap();
        assert!(!part.summary.complete);
        assert!(part.summary.incomplete().unwrap().ends_with(" (shard 1/3 is missing)"));
        assert_eq!(
            merge(&named(vec![file(0, 3), file(0, 3)])).unwrap_err(),
            "s1.json: shard 0/3 is there twice"
        );
    }

    /// Also where both have the same place: that is said of parts of one sweep alone.
    #[test]
    fn a_part_of_another_sweep_is_not_called_there_twice() {
        let refused = |index, count, change: fn(&mut Summary)| {
            let (mut one, mut other) = (file(0, 3), file(index, count));
            one.summary.asked.build = Some("a".to_owned());
            other.summary.asked.build = Some("a".to_owned());
            change(&mut other.summary);
            let said = merge(&named(vec![one, other])).err()?;
            let (_, what) =
                said.split_once("s1.json: a part of another sweep than s0.json, with another ")?;
            Some(what.to_owned())
        };
        assert_eq!(refused(0, 4, |_| {}).as_deref(), Some("number of shards"));
        for index in [0, 1] {
            let refused = |change| refused(index, 3, change).unwrap_or_default();
            assert_eq!(refused(|part| part.asked.seeds = Some(20)), "number of seeds");
            assert_eq!(refused(|part| part.asked.seeds = None), "number of seeds");
            assert_eq!(refused(|part| drop(part.asked.scenarios.pop())), "list of scenarios");
            assert_eq!(refused(|part| part.asked.guided = true), "way of searching (--guided)");
            assert_eq!(refused(|part| part.asked.build = Some("b".to_owned())), "program");
            let several = |part: &mut Summary| {
                part.from = "0x1".to_owned();
                drop(part.settings.insert("model".to_owned(), "poll".to_owned()));
            };
            assert_eq!(refused(several), "list of settings, first seed");
        }
    }

    #[test]
    fn two_machines_may_build_one_commit_and_one_program_run_at_two_commits() {
        let merged = |programs: [(&str, Option<&str>); 2]| {
            let part = |(index, (build, commit)): (u64, (&str, Option<&str>))| {
                let mut file = file(index, 2);
                file.summary.asked.build = Some(build.to_owned());
                file.summary.asked.commit = commit.map(str::to_owned);
                file
            };
            merge(&named((0..).zip(programs).map(part).collect())).is_ok()
        };
        assert!(merged([("a", Some("1")), ("b", Some("1"))]));
        assert!(merged([("a", Some("1")), ("a", Some("2"))]));
        assert!(!merged([("a", Some("1")), ("b", Some("2"))]));
        assert!(!merged([("a", None), ("b", None)]), "nothing is known of either commit");
    }

    /// How many runs there were to be is known of the others.
    #[test]
    fn a_missing_shard_leaves_the_number_that_was_asked_for() {
        let part = merge(&named(vec![file(0, 3), file(2, 3)])).unwrap().summary;
        assert_eq!(part.planned, Some(120));
        assert_eq!(
            part.incomplete().unwrap(),
            "incomplete: stopped after 80 of 120 seeds (shard 1/3 is missing)"
        );
    }

    /// The parts of a sweep of four, each stopped for a reason or not at all.
    fn parts(which: &[(u64, &str, Option<&str>)]) -> Vec<(String, SweepFile)> {
        let part = |(index, path, stopped): &(u64, &str, Option<&str>)| {
            let mut file = file(*index, 4);
            file.summary.command = Some("eagain explore --from 0x0 --seeds 40".to_owned());
            file.summary.stopped = stopped.iter().map(|why| (*why).to_owned()).collect();
            file.summary.complete = stopped.is_none();
            file.summary.files = [("--json", "json"), ("--junit", "xml")]
                .map(|(flag, end)| (flag.to_owned(), path.replace("json", end)))
                .into();
            file.summary.files.insert(OUT.to_owned(), "failures".to_owned());
            ((*path).to_owned(), file)
        };
        which.iter().map(part).collect()
    }

    #[test]
    fn everything_that_did_not_run_is_named_and_each_shard_with_its_line() {
        let merged = merge(&parts(&[
            (0, "s-0.json", Some("interrupted")),
            (2, "s-2.json", Some("--time 10m")),
            (3, "s-3.json", Some("interrupted")),
        ]));
        let summary = merged.unwrap().summary;
        assert_eq!(
            summary.incomplete().unwrap().split_once(" (").unwrap().1,
            "shard 1/4 is missing; --time 10m in shard 2/4; shards 0/4, 3/4 were interrupted)"
        );
        let line = |index| {
            format!(
                "EAGAIN_OUT=failures eagain explore --from 0x0 --seeds 40 --shard {index}/4 --json s-{index}.json --junit s-{index}.xml"
            )
        };
        assert_eq!(summary.again, [0, 1, 3].map(line));
        assert!(summary.lacks_runs());
    }

    #[test]
    fn what_only_time_cut_off_was_asked_for() {
        let one = |index: u64| (index, ["a", "b", "c", "d"][index as usize], Some("--time 10m"));
        let summary = merge(&parts(&[one(0), one(1), one(2), (3, "d", None)])).unwrap().summary;
        assert!(summary.is_out_of_time() && !summary.lacks_runs() && summary.again.is_empty());
        assert!(summary.incomplete().unwrap().ends_with(" (--time 10m in shards 0/4, 1/4, 2/4)"));
    }

    #[test]
    fn where_each_shard_has_its_own_folder_of_failures_so_has_the_line_of_a_missing_one() {
        let mut parts = parts(&[(0, "s-0.json", None), (1, "s-1.json", None), (3, "s-3.json", None)]);
        let mut begins = |folders: [Option<&str>; 3]| {
            for ((_, file), folder) in parts.iter_mut().zip(folders) {
                file.summary.files.remove(OUT);
                let own = folder.map(|folder| (OUT.to_owned(), folder.to_owned()));
                file.summary.files.extend(own);
            }
            let [line] = &merge(&parts).unwrap().summary.again[..] else { panic!("one is missing") };
            line.split_once("eagain explore").unwrap().0.to_owned()
        };
        assert_eq!(begins([Some("f-1"), Some("f-2"), Some("f-4")]), "EAGAIN_OUT=f-3 ");
        assert_eq!(begins([Some("my f"), None, Some("my f")]), "EAGAIN_OUT='my f' ");
        assert_eq!(begins([Some("a"), Some("b"), None]), "");
        assert_eq!(begins([None; 3]), "");
    }

    #[test]
    fn the_worst_reason_decides() {
        let lacks = |reasons: [Option<&'static str>; 4]| {
            let part = |(index, why)| (index, ["a", "b", "c", "d"][index as usize], why);
            let parts: Vec<_> = (0..).zip(reasons).map(part).collect();
            merge(&self::parts(&parts)).unwrap().summary.lacks_runs()
        };
        let (late, ended) = (Some("--time 1s"), Some("interrupted"));
        assert!(lacks([None, ended, late, None]));
        assert!(lacks([late, late, late, ended]));
        assert!(lacks([late, None, None, Some("a run that makes no call")]));
        assert!(!lacks([late, None, Some("--time 2s"), None]));
    }

    #[test]
    fn files_of_a_missing_shard_are_named_as_those_of_the_others() {
        let name = |index: u64, known: &[(u64, &str)]| {
            name_of(index, &known.iter().map(|(index, name)| (*index, (*name).to_owned())).collect())
        };
        for (index, known, expected) in [
            (1, &[(0, "sweep-0.json"), (2, "sweep-2.json")][..], Some("sweep-1.json")),
            (0, &[(1, "sweep-2.json"), (3, "sweep-4.json")], Some("sweep-1.json")),
            (9, &[(0, "s-01.json"), (1, "s-02.json")], Some("s-10.json")),
            (1, &[(0, "2026-11-30-0")], Some("2026-11-30-1")),
            (1, &[(0, "0-of-3.json"), (2, "2-of-3.json")], Some("1-of-3.json")),
            (2, &[(0, "v2-0-of-3"), (1, "v2-1-of-3")], Some("v2-2-of-3")),
            (1, &[(0, "ä"), (2, "b")], None),
            (0, &[(1, "sweep-0.json")], None),
            (1, &[(0, "s-99999999999999999999999")], None),
        ] {
            assert_eq!(name(index, known).as_deref(), expected, "{known:?}");
        }
    }

    #[test]
    fn the_line_of_a_shard_writes_beside_the_merged_files_and_over_none() {
        let again = |which: &[(u64, &str, Option<&str>)]| merge(&parts(which)).unwrap().summary.again;
        let lines = again(&[(1, "/results/sweep-2.json", None), (3, "/results/sweep-4.json", None)]);
        assert!(
            lines[0].ends_with(" --shard 0/4 --json /results/sweep-1.json --junit /results/sweep-1.xml"),
            "{lines:?}"
        );
        // A folder each: that of a missing one is not there.
        let lines = again(&[(0, "part-0/s.json", Some("interrupted")), (2, "part-2/s.json", None)]);
        assert!(lines[0].ends_with(" --shard 0/4 --json part-0/s.json --junit part-0/s.xml"), "{lines:?}");
        assert!(lines[1].ends_with(" --shard 1/4 --json part-0/shard-1.json"), "{lines:?}");
        let lines = again(&[(0, "shard-1.json", None), (2, "b", None)]);
        assert!(lines[0].contains(" --shard 1/4 --json missing-shard-1.json"), "{lines:?}");
        let lines = again(&[(0, "my parts/one", None)]);
        assert!(lines[0].ends_with(" --shard 1/4 --json 'my parts/shard-1.json'"), "{lines:?}");
    }
}
