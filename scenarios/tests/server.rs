//! Each scenario about one server as an ordinary test, and each file of them in the list.

use eagain_scenarios::SCENARIOS;
use eagain_scenarios::server::*;
use std::collections::BTreeSet;
use std::path::Path;

eagain_sim::scenario_tests! {
    steady_load_holds => steady_load::SCENARIO;
    pipelining_holds => pipelining::SCENARIO;
    slow_reader_holds => slow_reader::SCENARIO;
    half_closer_holds => half_closer::SCENARIO;
    one_byte_writer_holds => one_byte_writer::SCENARIO;
    connect_storm_holds => connect_storm::SCENARIO;
    reset_in_mid_request_holds => reset_in_mid_request::SCENARIO;
    idle_timeout_holds => idle_timeout::SCENARIO;
    fd_exhaustion_holds => fd_exhaustion::SCENARIO;
    graceful_stop_holds => graceful_stop::SCENARIO;
    idle_stop_holds => idle_stop::SCENARIO;
    flooder_holds => flooder::SCENARIO;
    wrong_clocks_holds => wrong_clocks::SCENARIO;
    black_holes_holds => black_holes::SCENARIO;
    swizzled_hosts_holds => swizzled_hosts::SCENARIO;
    silent_peers_holds => silent_peers::SCENARIO;
    lingering_peers_holds => lingering_peers::SCENARIO;
    never_reader_holds => never_reader::SCENARIO;
    nonblocking_ring_holds => nonblocking_ring::SCENARIO;
}

/// The scenarios of a folder's files: those that have a `SCENARIO`, by their file's name.
fn files(folder: &str, prefix: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut names = BTreeSet::new();
    for entry in folder.read_dir().expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a file has a name");
        if stem != "mod" && (text.contains("scenario!(") || text.contains("pub const SCENARIO")) {
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
