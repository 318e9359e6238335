//! Architecture rules that the compiler does not check: who may name whom, where unsafe code lives, which files agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// Every Rust file below `folder`, as (path from the root, text).
fn rust_files(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.sort();
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(&path).expect("a source file is text"))
    };
    files.into_iter().map(text).collect()
}

#[test]
fn both_copies_of_the_workflow_are_the_same() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect(path);
    let (given, run) = (read("CI.yml"), read(".github/workflows/CI.yml"));
    let differs = given.lines().zip(run.lines()).find(|(given, run)| given != run);
    assert!(given == run, "cp CI.yml .github/workflows/CI.yml: {differs:?}");
}

/// A value without quotes ends at `: ` and at ` #`: with the first the file is no YAML, and the second cuts a command short.
#[test]
fn values_of_yaml_that_need_quotes_have_them() {
    for path in
        ["CI.yml", "sim/src/cli/new/workflow.yml", "deploy/kubernetes.yaml", "deploy/kubernetes-merge.yaml"]
    {
        let text = fs::read_to_string(root().join(path)).expect(path);
        // What `new` fills in is lines of its own.
        let text = text.replace("{defaults}", "").replace("{checkout}", "");
        // What is indented further than this is a text over several lines, in which anything may stand.
        let mut block = None;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let depth = line.len() - line.trim_start().len();
            if block.is_some_and(|above| depth > above) {
                continue;
            }
            let entry = line.trim().trim_start_matches("- ");
            let whole = entry.strip_suffix(':').unwrap_or(entry);
            let value = entry.split_once(": ").map_or(whole, |(_, value)| value);
            block = ["|", ">"].contains(&value).then_some(depth);
            let has_quotes = ["\"", "'", "#", "{ ", "["].iter().any(|open| value.starts_with(open));
            let is_plain = !value.contains(": ") && !value.ends_with(':') && !value.contains(" #");
            assert!(has_quotes || is_plain, "{path}: {line}");
        }
    }
}

/// Where nobody reads any more, `println!` panics: a command prints by the console of `cli`, `conform` by `say!`.
#[test]
fn commands_do_not_print_by_println() {
    for folder in ["sim/src/cli", "sim/src/runner", "scenarios/src"] {
        for (path, text) in rust_files(folder) {
            let prints = |line: &str| line.contains(" println!(") || line.contains(" print!(");
            assert!(!text.lines().any(prints), "{path}");
        }
    }
}

#[test]
fn unsafe_code_has_four_addresses() {
    let at_home = |path: &str| {
        path.starts_with("net/src/linux")
            || path.starts_with("sim/src/stack")
            || path == "sim/src/allocator.rs"
            || path.starts_with("native/src")
    };
    let keyword = concat!("uns", "afe");
    let folders =
        ["net", "sim", "server", "scenarios", "native", "eagain", "eagain-macros", "layer", "examples"];
    for folder in folders {
        for (path, text) in rust_files(folder) {
            let has = |form: &str| text.contains(&format!("{keyword} {form}"));
            let found = has("{") || has("fn") || has("impl") || has("extern");
            assert!(!found || at_home(&path), "{path} has code that is not safe");
        }
    }
}

#[test]
fn the_arrows_between_the_packages_point_one_way() {
    let forbidden = [
        ("server/src", "eagain_sim"),
        ("server/src", "eagain_native"),
        ("sim/src", "eagain_server"),
        ("sim/src", "eagain_native"),
        ("net/src", "eagain_sim"),
        ("net/src", "eagain_server"),
        ("net/src", "eagain_native"),
        // What the server sends is checked by a decoder that is not its own.
        ("scenarios/src/checker", "eagain_server::resp"),
        ("scenarios/src/client", "eagain_server::resp"),
        ("scenarios/src/cluster", "eagain_server::resp"),
        ("scenarios/src/durability", "eagain_server::resp"),
    ];
    for (folder, name) in forbidden {
        for (path, text) in rust_files(folder) {
            assert!(!text.contains(name), "{path} names {name}");
        }
    }
    for (path, text) in rust_files("server/src") {
        let names_linux =
            text.contains("Linux>") || text.contains("eagain_net::Linux") || text.contains("net::linux");
        // Unit tests that need a real disk or socket are in `server/tests/unit`.
        assert!(!names_linux || path == "server/src/main.rs", "{path} picks a kernel");
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for folder in [
        "net/src",
        "sim/src",
        "server/src",
        "scenarios/src",
        "native/src",
        "eagain/src",
        "eagain-macros/src",
        "layer/src",
    ] {
        for (path, text) in rust_files(folder) {
            assert!(text.starts_with("//!"), "{path} begins without a word");
        }
    }
}

/// A walk by file names leads to files that are there.
#[test]
fn the_architecture_names_files_that_exist() {
    let packages = ["net", "sim", "server", "scenarios", "native", "eagain", "eagain-macros", "layer"];
    let files: Vec<String> =
        packages.into_iter().flat_map(rust_files).map(|(path, _)| format!("/{path}")).collect();
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    let named: Vec<String> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.ends_with(".rs"))
        .map(|name| format!("/{name}"))
        .collect();
    assert!(named.len() > 60, "{named:?}");
    let missing: Vec<_> =
        named.iter().filter(|name| !files.iter().any(|path| path.ends_with(*name))).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

/// The files of `conform` build on one another, from `call` and `outcome` up to `command`.
#[test]
fn no_modules_of_conform_import_each_other_in_a_circle() {
    let files: BTreeMap<String, String> = rust_files("scenarios/src/conform")
        .into_iter()
        .filter_map(|(path, text)| Some((Path::new(&path).file_stem()?.to_str()?.to_owned(), text)))
        .filter(|(stem, _)| stem != "mod")
        .collect();
    assert_eq!(in_a_circle(&files, &["super"]), BTreeSet::<&String>::new());
}

/// The folders of the server build on one another, and so do the files of its I/O unit. Tests and remarks may name anything.
#[test]
fn no_modules_of_the_server_import_each_other_in_a_circle() {
    let (mut folders, mut io_unit) = (BTreeMap::<String, String>::new(), BTreeMap::<String, String>::new());
    for (path, text) in rust_files("server/src").into_iter().filter(|(path, _)| !path.contains("tests")) {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let below = path.split("server/src/").last().unwrap_or(&path);
        let mut parts = below.split('/').map(|part| part.trim_end_matches(".rs"));
        let (folder, file) = (parts.next().unwrap_or_default(), parts.next());
        // What wires all of it together stands above.
        if !matches!(folder, "lib" | "main" | "program") {
            folders.entry(folder.to_owned()).or_default().push_str(&code.join("\n"));
        }
        if let ("io_unit", Some(file)) = (folder, file)
            && file != "mod"
        {
            io_unit.entry(file.to_owned()).or_default().push_str(&code.join("\n"));
        }
    }
    assert!(folders.len() > 5 && io_unit.len() > 10, "{folders:?} {io_unit:?}");
    assert_eq!(in_a_circle(&folders, &["crate"]), BTreeSet::<&String>::new());
    assert_eq!(in_a_circle(&io_unit, &["super", "crate::io_unit"]), BTreeSet::<&String>::new());
}

/// The folders of the simulator, lowest first, as `sim/src/lib.rs` draws them. Those of one line are one layer.
const LAYERS: [&[&str]; 13] = [
    &["choice"],
    &["calls", "fault"],
    &["trace"],
    &["run"],
    &["object", "scheduler", "network"],
    &["world", "syscall"],
    &["stack"],
    &["kernel"],
    &["runner"],
    &["shrink"],
    &["replay"],
    &["report"],
    &["testing", "cli"],
];

/// What lies lower in the simulator names nothing that lies higher. Tests and remarks may name anything.
#[test]
fn no_module_of_the_simulator_names_one_above_it() {
    let layer = |folder: &str| LAYERS.iter().position(|layer| layer.contains(&folder));
    let mut upward = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, text) in rust_files("sim/src") {
        let Some((folder, file)) = path.trim_start_matches("sim/src/").split_once('/') else { continue };
        let own = layer(folder).unwrap_or_else(|| panic!("{folder} has no place among the layers"));
        seen.insert(folder.to_owned());
        if file.contains("tests") {
            continue;
        }
        // Tests of a file are its end.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        // A stop for a debugger is asked for where events are kept; it knows nothing of the simulator.
        let code = code.join("\n").replace("use crate::stack::stop;", "");
        let names = named_below(&code, "crate");
        let higher = names.into_iter().filter(|&name| layer(name).is_some_and(|other| other > own));
        upward.extend(higher.map(|name| format!("{path} names {name}")));
    }
    assert_eq!(seen.len(), LAYERS.concat().len(), "{seen:?}");
    assert_eq!(upward, Vec::<String>::new());
}

/// What a text names below a path: `PATH::name`, and each name of `PATH::{name::…, other}`.
fn named_below<'a>(text: &'a str, path: &str) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    let begins = |rest: &'a str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
    for rest in text.split(&format!("{path}::")).skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(begins(rest));
            continue;
        };
        let mut depth = 0_usize;
        for part in list.split_inclusive([',', '{', '}']) {
            if depth == 0 {
                names.insert(begins(part.trim_start()));
                names.remove("");
            }
            match part.chars().next_back() {
                Some('{') => depth += 1,
                Some('}') if depth == 0 => break,
                Some('}') => depth -= 1,
                _ => {}
            }
        }
    }
    names
}

#[test]
fn names_in_lists_are_found() {
    let text = "use super::{a::{x, y}, b,\n    c::Z};\nuse super::d::E;\nuse other::{f};";
    assert_eq!(named_below(text, "super"), BTreeSet::from(["a", "b", "c", "d"]));
}

/// Modules that are in a circle, or above one. They name each other below one of these paths.
fn in_a_circle<'a>(files: &'a BTreeMap<String, String>, paths: &[&str]) -> BTreeSet<&'a String> {
    let named = |text: &'a String| paths.iter().flat_map(|path| named_below(text, path)).collect();
    let named: BTreeMap<&String, BTreeSet<&str>> =
        files.iter().map(|(stem, text)| (stem, named(text))).collect();
    let mut left: BTreeSet<&String> = files.keys().collect();
    // What imports nothing that is left is in no circle.
    while let Some(&free) = left
        .iter()
        .find(|&&stem| !left.iter().any(|&other| other != stem && named[stem].contains(other.as_str())))
    {
        left.remove(free);
    }
    left
}

/// The page of variables and flags has each flag that the help of a command has; those of `conform` have a page of their own.
#[test]
fn every_flag_is_in_the_documents() {
    let page = |name: &str| fs::read_to_string(root().join("docs").join(name)).expect("the page");
    let (flags, conformance) = (page("ENVIRONMENT.md"), page("CONFORMANCE.md"));
    let help = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_eagain")).args(arguments).output();
        String::from_utf8(output.expect("the command runs").stdout).expect("help is text")
    };
    let all = help(&["--help"]);
    let commands =
        all.split_once("Commands:\n").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a list").0;
    let mut missing = Vec::new();
    let mut seen = 0;
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()) {
        if command == "help" {
            continue;
        }
        let page = if command == "conform" { &conformance } else { &flags };
        let text = help(&[command, "--help"]);
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        for flag in words.filter(|word| word.starts_with("--") && word.len() > 2 && *word != "--help") {
            seen += 1;
            if ![format!("`{flag}`"), format!("`{flag} ")].iter().any(|form| page.contains(form)) {
                missing.push(format!("{command} {flag}"));
            }
        }
    }
    assert!(seen > 50, "{seen} flags");
    assert_eq!(missing, Vec::<String>::new());
}

/// Each dependency has a licence that `deny.toml` allows, as far as `cargo tree` shows it: those of this platform. `cargo deny` checks all
/// of them in CI.
#[test]
fn dependencies_have_permitted_licences() {
    let rules = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let allowed = rules.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).expect("a list").0;
    let allowed: BTreeSet<&str> = allowed.split(',').map(|name| name.trim().trim_matches('"')).collect();
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none", "--format", "{l}|{p}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("cargo prints UTF-8");
    // SPDX: one side of `A OR B` is enough, `A AND B` needs both. Old manifests write `A/B` for `A OR B`.
    let permitted = |licence: &str| {
        licence.split(" AND ").all(|part| {
            let part = part.trim_matches(['(', ')']).replace('/', " OR ");
            part.split(" OR ").any(|name| allowed.contains(name.trim()))
        })
    };
    let all: BTreeSet<(&str, &str)> = tree.lines().filter_map(|line| line.split_once('|')).collect();
    assert!(all.len() > 50, "{tree}");
    let refused: Vec<_> = all.into_iter().filter(|(licence, _)| !permitted(licence)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(!permitted("GPL-3.0") && !permitted("MIT AND GPL-3.0") && permitted("GPL-3.0 OR MIT"));
}
