//! The calls at the end of a report name the lines of the program that made them: of threads of std, and of tasks of tokio, where it is
//! the line that waits in the innermost `async fn` of the program's own.

use std::path::Path;
use std::process::Command;

/// Calls at the end of the reports of a planted bug, each with the line of the source that it names.
fn calls(scenario: &str) -> Vec<(String, String)> {
    let out = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unmodified"));
    command.args(["explore", scenario, "--seeds", "200", "--jobs", "2", "--set", "version=broken"]);
    let output = command.env("EAGAIN_OUT", out.path()).current_dir(out.path()).output();
    let text = String::from_utf8_lossy(&output.expect("the command starts").stdout).into_owned();
    let reports = text.split("last events of").skip(1);
    let tails = reports.flat_map(|report| report.lines().skip(1).take_while(|line| !line.is_empty()));
    let calls: Vec<_> = tails.filter(|line| line.contains(" recv(") || line.contains(" send(")).collect();
    assert!(!calls.is_empty(), "{text}");
    calls.into_iter().map(|call| (call.to_owned(), source_of(call))).collect()
}

fn source_of(call: &str) -> String {
    let Some((_, place)) = call.rsplit_once("  at ") else { panic!("no place: {call}") };
    let (file, line) = place.rsplit_once(':').expect("file:line");
    // Paths in debug information begin at the workspace, or are whole.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    source.lines().nth(line.parse::<usize>().expect("a number") - 1).expect("a line").to_owned()
}

#[test]
fn calls_at_the_end_of_a_report_name_the_lines_that_made_them() {
    for scenario in ["hasty", "forgotten-select"] {
        for (call, source) in calls(scenario) {
            let (reads, writes) = (source.contains("read"), source.contains("write"));
            let is_right = if call.contains(" recv(") { reads } else { writes };
            assert!(is_right, "{call}\n{source}");
        }
    }
}
