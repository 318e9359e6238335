//! Every line that is printed about a failure runs as it is, however the crate is laid out: several binaries, one named unlike
//! its package, tests beside a `main.rs`, no `main.rs`, a path with a space, cargo started elsewhere; so do those that `merge`,
//! `bisect` and `--stop-at` print. Cargo builds the crates, which takes a minute or two:
//! `cargo test -p eagain-sim --test layouts -- --ignored`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A scenario that fails at some seeds.
const SCENARIO: &str = r#"
eagain_sim::scenarios! {
    /// All there are.
    pub const SCENARIOS;
    /// Fails now and then.
    fails(sim, seeds = 50, knobs = KNOBS) {
        let host = sim.host("h");
        sim.client(host, "c", |kernel| {
            eagain_net::sleep(kernel, std::time::Duration::from_millis(1));
            if eagain_sim::choose("n", 0, 3) == 2 {
                eagain_sim::fail("O2", "here", "it is two".into());
            }
        });
    }
}
const KNOBS: &[eagain_sim::run::Knob] = &[eagain_sim::run::Knob {
    name: "kind",
    about: "of nothing",
    values: eagain_sim::run::KnobValues::Words(&["plain", "other"]),
}];
"#;
const MAIN: &str = "fn main() -> std::process::ExitCode { eagain_sim::cli::main(SCENARIOS) }\n";

/// A workspace whose folder has a space in its name.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new() -> Workspace {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let workspace = Workspace { folder: tempfile::Builder::new().prefix("lay outs").tempdir().unwrap() };
        let (net, sim) = (root.join("net"), root.join("sim"));
        workspace.file(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = [\"*-crate\"]\n\
                 [workspace.dependencies]\neagain-net = {{ path = {net:?} }}\neagain-sim = {{ path = {sim:?} }}\n\
                 [profile.dev]\ndebug = false\n"
            ),
        );
        // The versions that are there already.
        fs::copy(root.join("Cargo.lock"), workspace.path().join("Cargo.lock")).unwrap();
        workspace
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn package(&self, name: &str, more: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
             [dependencies]\neagain-net.workspace = true\neagain-sim.workspace = true\n{more}"
        );
        self.file(&format!("{name}-crate/Cargo.toml"), &manifest);
    }

    /// A command as somebody types it in `folder`.
    fn shell(&self, folder: &Path, line: &str) -> Output {
        let mut command = Command::new("sh");
        // The variables that this test was started with are not theirs.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_") && name != "CARGO_HOME" || name.starts_with("EAGAIN_") {
                command.env_remove(name);
            }
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layouts");
        command.args(["-c", line]).current_dir(folder);
        // What a crate pins is for its users; here the compiler of this test is used.
        command.env("RUSTUP_TOOLCHAIN", std::env::var_os("RUSTUP_TOOLCHAIN").unwrap_or("stable".into()));
        command.env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true").output().unwrap()
    }

    /// What is typed in `folder` fails, and so does every line that it prints, each with the same message.
    fn fails(&self, folder: &Path, typed: &str) -> Vec<String> {
        let output = self.shell(folder, typed);
        let said = text(&output);
        assert!(!output.status.success() && said.contains("it is two"), "{typed}\n{said}");
        let mut lines = Vec::new();
        for head in ["reproduce  ", "replay     "] {
            let found = said.lines().find_map(|line| line.trim().strip_prefix(head));
            let line = found.unwrap_or_else(|| panic!("no line `{head}`: {typed}\n{said}"));
            let again = self.shell(folder, line);
            let said = text(&again);
            assert!(!again.status.success() && said.contains("it is two"), "{typed}\n{line}\n{said}");
            lines.push(line.to_owned());
        }
        lines
    }

    /// What `merge`, `bisect` and `run --stop-at` print runs too; `reproduce` is the line of a failure.
    fn other_commands_print_lines_that_run(&self, folder: &Path, reproduce: &str) {
        let said = |line: &str| text(&self.shell(folder, line));
        let after = |said: &str, head: &str| {
            let found = said.lines().find_map(|line| line.trim().strip_prefix(head));
            found.unwrap_or_else(|| panic!("no line `{head}`:\n{said}")).to_owned()
        };
        let (command, _) = reproduce.rsplit_once(" run ").unwrap();

        said(&format!("{command} explore fails --seeds 50 --shard 0/2 --json sweep-0.json"));
        let part = said(&format!("{command} merge sweep-0.json"));
        assert!(part.contains("shard 1/2 is missing"), "{part}");
        said(&after(&part, "run again  "));
        let whole = said(&format!("{command} merge sweep-0.json sweep-1.json"));
        assert!(whole.contains(" 50 seeds, ") && !whole.contains("incomplete"), "{whole}");

        let bisected = said(&reproduce.replace(" run fails --seed ", " bisect fails --bad "));
        let below = |head: &str| {
            let at = bisected.lines().position(|line| line.starts_with(head));
            let line = at.and_then(|at| bisected.lines().nth(at + 1));
            line.unwrap_or_else(|| panic!("nothing below `{head}`:\n{bisected}")).trim()
        };
        assert!(said(below("with it ")).contains("it is two"), "{bisected}");
        let held = self.shell(folder, below("without it "));
        assert!(held.status.success(), "{bisected}\n{}", text(&held));

        // Without a debugger, which not every machine has, it is the same run.
        let stopped = said(&format!("{reproduce} --stop-at '#1'"));
        let line = after(&stopped, "gdb ");
        let (_, program) = line.split_once(" --args ").unwrap_or_else(|| panic!("no program in {line}"));
        assert!(said(program).contains("it is two"), "{line}");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
#[ignore = "builds crates with cargo: a minute or two; a job of CI.yml"]
fn every_printed_line_runs() {
    let workspace = Workspace::new();
    let code = format!("{SCENARIO}{MAIN}");
    // Two binaries, one named unlike the package, neither the default.
    workspace.package(
        "several",
        "[[bin]]\nname = \"one\"\npath = \"src/main.rs\"\n[[bin]]\nname = \"two\"\npath = \"src/two.rs\"\n",
    );
    workspace.file("several-crate/src/main.rs", &code);
    workspace.file("several-crate/src/two.rs", "fn main() {}\n");
    // One binary, the usual layout, with tests beside it, one in a file with a hyphen.
    workspace.package("beside", "");
    workspace.file("beside-crate/src/main.rs", &code);
    workspace.file("beside-crate/tests/slow-sweeps.rs", SCENARIO);
    // A library, and no program.
    workspace.package("library", "");
    workspace.file("library-crate/src/lib.rs", &format!("pub mod sweeps {{ {SCENARIO} }}\n"));

    let here = workspace.path().to_owned();
    let lines = workspace.fails(&here, "cargo run -q -p several --bin one -- explore --seeds 50");
    assert!(lines[0].starts_with("cargo run -p several --bin one -- run fails --seed 0x"), "{lines:?}");
    workspace.other_commands_print_lines_that_run(&here, &lines[0]);
    let lines = workspace.fails(&here, "cargo run -q -p beside -- explore --seeds 50 --set kind=other");
    assert!(lines[0].starts_with("cargo run -p beside -- run fails --seed 0x"), "{lines:?}");
    assert!(lines[0].ends_with(" --set kind=other"), "{lines:?}");

    let lines = workspace.fails(&here, "cargo test -q -p beside --bin beside");
    assert!(lines[0].ends_with(" cargo test -p beside --bin beside fails::holds -- --exact"), "{lines:?}");
    let lines = workspace.fails(&here, "EAGAIN_SET=kind=other cargo test -q -p beside --test slow-sweeps");
    assert!(
        lines[0].contains(" EAGAIN_SET=kind=other cargo test -p beside --test slow-sweeps "),
        "{lines:?}"
    );
    let lines = workspace.fails(&here, "cargo test -q -p library");
    assert!(lines[0].ends_with(" cargo test -p library --lib sweeps::fails::holds -- --exact"), "{lines:?}");

    // From outside, with the manifest named.
    let elsewhere = tempfile::tempdir().unwrap();
    let manifest = here.join("several-crate/Cargo.toml");
    let typed =
        format!("cargo run -q --manifest-path '{}' --bin one -- explore --seeds 50", manifest.display());
    let lines = workspace.fails(elsewhere.path(), &typed);
    assert!(lines[0].starts_with("cargo run --manifest-path '"), "{lines:?}");

    // A copy under another name, found on PATH.
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("layouts/debug/one");
    fs::copy(built, elsewhere.path().join("my-sweep")).unwrap();
    let typed = "PATH=.:$PATH; export PATH; my-sweep explore --seeds 50";
    let output = workspace.shell(elsewhere.path(), typed);
    let said = text(&output);
    assert!(said.contains("reproduce  my-sweep run fails --seed 0x"), "{said}");
}

/// The `run:` steps of a workflow, by job.
fn steps(workflow: &str, job: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let (mut inside, mut folded) = (false, false);
    for line in workflow.lines() {
        let depth = line.len() - line.trim_start().len();
        if depth == 2 && line.trim_end().ends_with(':') {
            inside = line.trim() == format!("{job}:");
        }
        if !inside {
            continue;
        }
        match line.trim().strip_prefix("- run:") {
            Some(text) => {
                folded = text.trim() == ">";
                steps.push(if folded { String::new() } else { text.trim().to_owned() });
            }
            None if folded && depth >= 10 => {
                let last = steps.last_mut().unwrap();
                last.push_str(&format!("{} ", line.trim()));
            }
            None => folded = false,
        }
    }
    steps
}

/// `eagain new` and `eagain init` write crates whose tests pass and whose CI workflow runs, step by step.
#[test]
#[ignore = "builds crates with cargo: a minute or two; a job of CI.yml"]
fn what_new_and_init_write_works_as_it_is() {
    let workspace = Workspace::new();
    workspace.package("command", "");
    workspace.file("command-crate/src/main.rs", &format!("{SCENARIO}{MAIN}"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = |folder: &Path, line: &str| {
        let output = workspace.shell(folder, line);
        assert!(output.status.success(), "{line}\n{}", text(&output));
        text(&output)
    };
    run(workspace.path(), "cargo build -q -p command");
    let command = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layouts/debug/command");
    let eagain = |line: &str| format!("'{}' {line} --path '{}'", command.display(), root.display());

    let nowhere = workspace
        .shell(out.path(), &format!("'{}' new other --path '{}'", command.display(), out.path().display()));
    assert!(
        nowhere.status.code() == Some(2) && text(&nowhere).contains("not a checkout of eagain"),
        "{}",
        text(&nowhere)
    );
    let made = out.path().join("my-server");
    run(out.path(), &eagain("new my-server"));
    let again = workspace.shell(out.path(), &eagain("new my-server"));
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    // A crate that is there, below the root of its repository.
    let repository = out.path().join("repository");
    let kept = repository.join("crates/kept");
    for (path, file) in [
        ("Cargo.toml", "[package]\nname = \"kept\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
        ("src/lib.rs", "\n"),
    ] {
        fs::create_dir_all(kept.join(path).parent().unwrap()).unwrap();
        fs::write(kept.join(path), file).unwrap();
    }
    run(&repository, "git init -q && echo /target >crates/kept/.gitignore");
    assert!(run(&kept, &eagain("init")).contains("\nchanged .gitignore: "));
    let again = workspace.shell(&kept, &eagain("init"));
    assert!(
        again.status.code() == Some(2) && text(&again).contains("nothing was written"),
        "{}",
        text(&again)
    );

    run(&made, "git init -q");
    for (folder, root_of, file) in
        [(&made, &made, "eagain.yml"), (&kept, &repository, "eagain-crates-kept.yml")]
    {
        // The versions that are there.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        run(folder, "git add -A :/ && git -c user.name=a -c user.email=a@b commit -qm a");
        let workflow = fs::read_to_string(root_of.join(".github/workflows").join(file)).unwrap();
        assert!(
            !["run", "folder", "defaults", "workspace", "checkout"]
                .iter()
                .any(|name| workflow.contains(&format!("{{{name}}}"))),
            "{workflow}"
        );
        assert_eq!(workflow.contains("    working-directory: 'crates/kept'"), folder == &kept, "{workflow}");
        let page = out.path().join("page.md");
        for (job, shards) in [("test", 1), ("sweep", 4), ("merge", 1)] {
            // The checkout is there.
            let steps: Vec<_> =
                steps(&workflow, job).into_iter().filter(|step| step.starts_with("cargo ")).collect();
            assert_eq!(steps.len(), 1, "{job}: {workflow}");
            for shard in 0..shards {
                let step = steps[0].replace("${{ matrix.shard }}", &shard.to_string());
                // Fewer seeds, and a build that is there already.
                let step = step.replace(" --release", "");
                let variables = format!(
                    "export EAGAIN_OUT=failures SEEDS=40 GITHUB_RUN_NUMBER=3 GITHUB_STEP_SUMMARY='{}'",
                    page.display()
                );
                let said = run(folder, &format!("{variables}; {step}"));
                assert!(job != "merge" || said.contains("1 scenario, 40 seeds, 0 failures"), "{said}");
                assert!(job == "test" || said.contains("; seeds from 0x78 on"), "{said}");
            }
        }
        let summary = fs::read_to_string(&page).unwrap();
        fs::remove_file(page).unwrap();
        assert_eq!(summary.matches("## eagain: held").count(), 5, "each shard, and all of them: {summary}");
        assert!(summary.contains("1 scenario, 40 seeds, 0 failures"), "{summary}");
        assert!(fs::read_to_string(folder.join("sweep-all.xml")).unwrap().contains("shouting"));
        // What a failure leaves is in its folder, and git sees none of it.
        fs::create_dir_all(folder.join("failures/shouting-0x1")).unwrap();
        fs::write(folder.join("failures/shouting-0x1/report.md"), "").unwrap();
        assert_eq!(run(root_of, "git status --porcelain | grep '^??' || true"), "");
    }
}
