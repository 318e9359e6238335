//! What commands write: where, what stays of before, and what cannot be written.

use super::*;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[test]
fn a_report_that_was_shrunk_is_not_overwritten_by_one_that_was_not() {
    let _root = own_root();
    let (_, out, _) = eagain("run lost-reply --seed 8");
    let line = out.lines().find_map(|line| line.strip_prefix("report     ")).unwrap();
    let report = std::fs::read_to_string(line).unwrap();
    let (code, out, _) = eagain("run lost-reply --seed 8 --no-shrink");
    assert!(
        code == 1 && out.contains(" choices, not shrunk\n") && out.contains("\nlast events of the run\n"),
        "{out}"
    );
    assert_eq!(std::fs::read_to_string(line).unwrap(), report);
    let as_found = out.lines().find_map(|line| line.strip_prefix("report     ")).unwrap();
    assert!(as_found.ends_with("lost-reply-0x8-as-found/report.md"), "{as_found}");
    let lengths = [line, as_found].map(|report| {
        let file = std::path::Path::new(report).with_file_name("replay.json");
        crate::replay::ReplayFile::read(&file).unwrap().overrides.len()
    });
    assert!(lengths[0] < lengths[1], "{lengths:?}");
}

/// Says no to every byte.
struct Refuses(io::ErrorKind);

impl Write for Refuses {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_standard_output_does_not_take_is_an_error_unless_nobody_reads() {
    let to = |kind, line: &str| {
        let err = Memory::default();
        let mut console = Console::new(Box::new(Refuses(kind)), Box::new(err.clone()));
        let code =
            run(&REGISTRY, ["eagain"].into_iter().chain(line.split(' ')).map(OsString::from), &mut console);
        let said = String::from_utf8(err.0.borrow().clone()).unwrap();
        (code, said)
    };
    let (code, said) = to(io::ErrorKind::StorageFull, "list");
    assert!(code == 2 && said.starts_with("error: standard output: "), "{said}");
    assert_eq!(to(io::ErrorKind::StorageFull, "run lost-reply --seed 8").0, 1);
    assert_eq!(to(io::ErrorKind::BrokenPipe, "list"), (0, String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_hides_no_failure_and_no_other_file() {
    let _root = own_root();
    let folder = tempfile::tempdir().unwrap();
    let junit = folder.path().join("x").display().to_string();
    let files = format!("--seeds 40 --json /dev/full --summary /dev/full --junit {junit}");
    for (scenario, verdict) in [("lost-reply", 1), ("plain", 2)] {
        let (code, out, err) = eagain(&format!("explore {scenario} {files}"));
        assert!(code == verdict && out.contains("\nhash 0x"), "{code} {out}");
        assert_eq!(err.matches("error: /dev/full: No space left on device").count(), 2, "{err}");
        assert!(std::fs::read_to_string(&junit).unwrap().contains(scenario));
        std::fs::remove_file(&junit).unwrap();
    }
    // A folder that cannot be made is said before the first run.
    let (code, out, err) = eagain("explore plain --seeds 1 --html /dev/null/page");
    assert!((code, out.as_str()) == (2, "") && err.starts_with("error: /dev/null/page: "), "{err}");
}

#[test]
fn a_sweep_has_a_page_with_its_failures_beside_it_and_so_have_joined_shards() {
    let out = tempfile::tempdir().unwrap();
    let within = |name: &str| out.path().join(name).display().to_string();
    let link = |folder: &str| {
        let page = std::fs::read_to_string(Path::new(folder).join("index.html")).unwrap();
        let (_, link) = page.split_once("<a href=\"").unwrap();
        Path::new(folder).join(link.split_once('"').unwrap().0)
    };
    for shard in 0..2 {
        let (page, json) = (within(&format!("page-{shard}")), within(&format!("{shard}.json")));
        let files = format!("--html {page} --json {json}");
        assert_eq!(code(&format!("explore lost-reply --seeds 80 --shard {shard}/2 {files}")), 1);
        assert!(link(&page).starts_with(&page) && link(&page).is_file(), "{:?}", link(&page));
    }
    let whole = within("whole");
    assert_eq!(code(&format!("merge {} {} --html {whole}", within("0.json"), within("1.json"))), 1);
    assert!(link(&whole).is_file(), "{:?}", link(&whole));
}

#[test]
fn a_folder_that_is_not_there_is_said_first() {
    let (code, out, err) = eagain("explore plain --seeds 1 --json /no/such/folder/x.json");
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: /no/such/folder/x.json: there is no folder `/no/such/folder`\n");
    let (code, _, err) = eagain("explore plain --seeds 1 --json /dev/null/x.json");
    assert_eq!((code, err.as_str()), (2, "error: /dev/null/x.json: `/dev/null` is a file, not a folder\n"));
    // Those of merge too.
    let (code, _, err) = eagain("merge no.json --junit /no/such/folder/x.xml");
    assert!(code == 2 && err.ends_with("there is no folder `/no/such/folder`\n"), "{err}");
}

/// Looks, when a failure is printed, whether a file is there.
struct Looks {
    file: PathBuf,
    found: Rc<Cell<Option<bool>>>,
}

impl Write for Looks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(bytes).contains("FAILED") && self.found.get().is_none() {
            self.found.set(Some(self.file.is_file()));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Explaining them takes a while, in which whoever cancels a sweep may lose patience.
#[test]
fn results_are_written_before_failures_are_explained() {
    let _root = own_root();
    let out = tempfile::tempdir().unwrap();
    for flag in ["--json", "--junit"] {
        let (file, found) = (out.path().join(flag), Rc::default());
        let looks = Looks { file: file.clone(), found: Rc::clone(&found) };
        let mut console = Console::new(Box::new(looks), Box::new(Memory::default()));
        let line = format!("eagain explore lost-reply --seeds 40 {flag} {}", file.display());
        assert_eq!(run(&REGISTRY, line.split(' ').map(OsString::from), &mut console), 1);
        assert_eq!(found.get(), Some(true), "{flag}");
    }
}
