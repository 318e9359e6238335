//! That nothing is left out: each numbered row of what Linux does has a test whose name begins with its number, and so has
//! each statement of the parts that have no numbers.

use std::collections::BTreeSet;
use std::path::Path;

/// The rows, as they are numbered where they were first written down: E and X epoll, P poll masks and select, C connect,
/// A and B listening, R and M ends, W transfers, I, N and S signals, G SIGIO, T and V timers and counters, F futexes,
/// U rings, K AIO (k6 and k7: native AIO, where a read blocks inside `io_submit`, and a poll does not).
const ROWS: &str = "
    e1 e1b e1c e2 e2b e3 e4 e5 e6 e6b e6c e8 e8b e8c e9 e9b e9c e9d e9e e10 e11 e11b e11c e12 e12b e13 e14 e15 e15b e15c
    e17 x1 x2 c7 t5 v1
    p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 p15
    c1 c1b c2 c3 c4 c6 c8 c9 c9b
    a1 a2 a3 a4 a5 a6 a7 b1
    r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 r13 r14 m9 m10
    w1 w2 w3 w4 w5 w6 w8 w9 w10
    i1 i2 i3 i4 i5 i6 i7 n1 n2 s1 s2 s3
    g1 g2 g3 g4 g5 g6 g7 g8 g9 g10
    t1 t2 t3 t4 t6 v2 v3 f1 f2 f3
    u2 u3 u4 u5 u6 u6c u7 u8 u9 u10 u11 u12 u13 u15 u16 u17
    k1 k2 k3 k4 k5 k6 k7";

/// Rows without a test of their own name, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("e15b", "the second half of e15_the_peers_shut_wr_is_one_edge"),
    ("c9b", "a connect that its own SIGIO interrupts is c9 with another signal; g6 and g7 have its parts"),
    ("k6", "native AIO (`io_submit`) is not among the calls of the traits: neither kernel offers it"),
    ("k7", "native AIO, as k6"),
];

/// The names of all rows in the files beside this one whose name begins with `prefix`.
fn names(prefix: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder of this file") {
        let entry = entry.expect("an entry");
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("fn ");
            let name: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if line.starts_with(&format!("{name}: \"")) || line.starts_with(&format!("{name}<")) {
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn every_row_has_a_test() {
    let names = names("");
    assert!(names.len() > 200, "{names:?}");
    let has = |row: &str| names.iter().any(|name| name.starts_with(&format!("{row}_")));
    let missing: Vec<&str> = ROWS.split_whitespace().filter(|row| !has(row)).collect();
    let excepted: Vec<&str> = ELSEWHERE.iter().map(|(row, _)| *row).collect();
    assert_eq!(missing, excepted);
    assert!(ELSEWHERE.iter().all(|(_, reason)| reason.len() > 10));
}

/// What `docs/CONFORMANCE.md` says was found is there, each as a row.
#[test]
fn every_difference_of_the_record_has_its_row() {
    let docs =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("docs/CONFORMANCE.md");
    let docs = std::fs::read_to_string(docs).expect("the record");
    let (_, found) = docs.split_once("\n## What was found\n").expect("the record has this part");
    let listed = found.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    assert_eq!(listed, names("differences"));
    let generator = format!("generator {}", eagain_scenarios::conform::generate::GENERATOR);
    assert!(docs.contains(&generator), "no record of {generator}");
}
