//! What a page shows as printed is printed: its commands run one after the other, and each line of its blocks is looked for in what
//! they print and in the traces that they leave.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The lines inside blocks of this kind.
fn lines<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let blocks = page.split("```").skip(1).step_by(2);
    let inside = blocks.filter_map(|block| block.strip_prefix(kind)?.strip_prefix('\n'));
    inside.flat_map(str::lines).filter(|line| !line.is_empty()).collect()
}

/// Runs the commands of `page` that begin with `cargo run --release -p PACKAGE --`, as `program`. `parts` are of other pages, about
/// the same runs.
pub fn check(package: &str, program: &str, page: &str, parts: &[&str]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pages of {package}"));
    // A run of this test that was ended has left it.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let head = format!("$ cargo run --release -p {package} -- ");
    let (typed, mut shown): (Vec<_>, Vec<_>) =
        lines(page, "console").into_iter().partition(|line| line.starts_with("$ "));
    let mut said = String::new();
    for line in &typed {
        let arguments = line.strip_prefix(&head).unwrap_or_else(|| panic!("not of this page: {line}"));
        let mut command = Command::new(program);
        // As from a shell: the variables of cargo and of this test are not there.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_") || text.starts_with("EAGAIN_") {
                command.env_remove(&name);
            }
        }
        command.current_dir(&folder).env("EAGAIN_OUT", "target/eagain");
        let output = command.args(arguments.split(' ')).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{line}\n{text}");
        said += &text;
    }
    for entry in fs::read_dir(folder.join("target/eagain")).unwrap() {
        said += &fs::read_to_string(entry.unwrap().path().join("trace.txt")).unwrap();
    }
    shown.extend(lines(page, "text"));
    shown.extend(parts.iter().flat_map(|part| lines(part, "text")));
    assert!(!typed.is_empty() && shown.len() > 10, "{shown:?}");
    for line in shown {
        let is_said = match line {
            // How it was started is another matter.
            _ if line.starts_with("reproduce") => said.contains(line.split_once(" -- ").unwrap().1),
            // What comes behind is of this machine.
            _ if line.contains(" simulated in ") => {
                said.contains(line.split_once(" s simulated in ").unwrap().0)
            }
            _ => said.lines().any(|other| other == line),
        };
        assert!(is_said, "`{line}` is not printed, but:\n{said}");
    }
    let prose = page.replace('\n', " ");
    for (before, _) in prose.match_indices(" of 1,000 fail").map(|(at, _)| prose.split_at(at)) {
        let count = before.rsplit(' ').next().unwrap();
        assert!(said.contains(&format!("1,000 seeds, {count} failures")), "{count} of 1,000:\n{said}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
