//! Each scenario is a file of its name, and each file of one is in the list. The tests of those about one server are in their
//! files.

use eagain_scenarios::SCENARIOS;
use std::collections::BTreeSet;
use std::path::Path;

/// The scenarios of a folder's files: those that have a `SCENARIO`, by their file's name.
fn files(folder: &str, prefix: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut names = BTreeSet::new();
    for entry in path.read_dir().expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a file has a name");
        let tested = ["scenario!(", "scenario_tests!"].iter().any(|test| text.contains(test));
        if stem != "mod" && (text.contains("scenario!(") || text.contains("pub const SCENARIO")) {
            // What runs on turmoil takes long; `tests/tokio.rs` has it.
            assert!(tested || folder != "server" || stem == "crash_and_partition", "{stem} has no test");
            names.insert(format!("{prefix}{}", stem.replace('_', "-")));
        }
    }
    names
}

#[test]
fn each_scenario_is_a_file_of_its_name_and_each_file_is_listed() {
    let named = |prefix: &str| {
        let names = SCENARIOS.iter().map(|scenario| scenario.name.to_owned());
        names.filter(|name| name.starts_with(prefix)).collect::<BTreeSet<_>>()
    };
    let (durability, cluster) = (files("durability", "durability-"), files("cluster", "cluster-"));
    assert_eq!(named("durability-"), durability);
    assert_eq!(named("cluster-"), cluster);
    let all = named("");
    let server: BTreeSet<_> =
        all.difference(&durability).filter(|name| !cluster.contains(*name)).cloned().collect();
    assert_eq!(server, files("server", ""));
}
