//! What `new` and `init` write, short of building it (`sim/tests/layouts.rs`).

use super::*;
use crate::cli::tests::eagain;
use std::fs;

#[test]
fn dependencies_go_below_their_head() {
    assert_eq!(with_dependencies("[package]\n", "a = 1\n"), "[package]\n\n[dev-dependencies]\na = 1\n");
    let text = with_dependencies("[dev-dependencies]\nb = 2\n[features]\n", "a = 1\n");
    assert_eq!(text, "[dev-dependencies]\na = 1\nb = 2\n[features]\n");
}

#[test]
fn a_crate_that_cannot_be_written_is_not_there_and_can_be_tried_again() {
    let repository = tempfile::tempdir().unwrap();
    fs::create_dir(repository.path().join(".git")).unwrap();
    let folder = repository.path().join("crates/mine");
    let new = format!("new {}", folder.display());
    // The workflow is at the root, and comes behind the crate's own files.
    let workflows = repository.path().join(".github");
    fs::write(&workflows, "").unwrap();
    let (code, out, err) = eagain(&new);
    assert!((code, out.as_str()) == (2, "") && err.contains(".github/workflows"), "{out}{err}");
    assert!(!folder.exists());
    fs::remove_file(&workflows).unwrap();
    let (code, out, err) = eagain(&new);
    assert!(code == 0 && out.contains("wrote ") && folder.join("src/server.rs").is_file(), "{out}{err}");
}

#[test]
fn init_that_fails_leaves_the_crate_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"mine\"\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    // It is written last, and this cannot be.
    let ignored = folder.path().join(".gitignore");
    fs::create_dir(&ignored).unwrap();
    let init = || {
        let mut console = Console::new(Box::new(std::io::sink()), Box::new(std::io::sink()));
        init_in(folder.path(), &InitArgs { path: None }, &mut console).is_ok()
    };
    let written = |path: &str| folder.path().join(path).exists();
    let now = || fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
    assert!(!init());
    assert_eq!(now(), manifest);
    let paths = ["tests/eagain/main.rs", "examples/eagain.rs", ".github/workflows/eagain.yml"];
    assert!(!paths.into_iter().any(written));
    fs::remove_dir(&ignored).unwrap();
    assert!(init() && now().contains("eagain-sim") && paths.into_iter().all(written));
}

/// A folder with a checkout of eagain, as far as `new` looks at it, in a repository with this remote.
fn checkout(out: &Path, remote: Option<&str>) -> PathBuf {
    let root = out.join("eagain");
    for part in ["net", "sim"] {
        fs::create_dir_all(root.join(part)).unwrap();
        fs::write(root.join(part).join("Cargo.toml"), "").unwrap();
    }
    shell(&root, "git init -q && git add . && git -c user.name=a -c user.email=a@b commit -qm a");
    if let Some(remote) = remote {
        shell(&root, &format!("git remote add origin {remote}"));
    }
    root
}

/// What a line says, and whether it succeeds; git finds `https://example.org/` in `/` of this machine.
fn tried(folder: &Path, line: &str) -> (bool, String) {
    let mut command = std::process::Command::new("bash");
    command.args(["-ec", line]).current_dir(folder);
    let git = [("COUNT", "1"), ("KEY_0", "url.file:///.insteadOf"), ("VALUE_0", "https://example.org/")];
    command.envs(git.map(|(name, value)| (format!("GIT_CONFIG_{name}"), value)));
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn shell(folder: &Path, line: &str) -> String {
    let (held, said) = tried(folder, line);
    assert!(held, "{line}\n{said}");
    said.trim().to_owned()
}

/// The steps of a workflow between `actions/checkout` and the cache, one for each job.
fn steps(workflow: &str) -> Vec<&str> {
    let from = |part: &'static str| move |text| str::split(text, part).next().unwrap();
    let behind = workflow.split("actions/checkout@v4\n").skip(1);
    behind.map(from("      - uses: Swatinem")).map(from("      # rust-toolchain")).collect()
}

fn workflow(folder: &Path) -> String {
    fs::read_to_string(folder.join(".github/workflows/eagain.yml")).unwrap()
}

#[test]
fn the_workflow_puts_the_checkout_where_cargo_looks_for_it() {
    let out = tempfile::tempdir().unwrap();
    let bare = out.path().join("bare.git").display().to_string();
    let root = checkout(out.path(), Some(&format!("https://me:secret@example.org{bare}")));
    shell(&root, &format!("git clone -q --bare . {bare}"));
    let commit = shell(&root, "git rev-parse HEAD");
    // What comes later is not what the crate was made with.
    shell(&root, "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m b");
    shell(&root, &format!("git push -q {bare} HEAD && git checkout -q {commit}"));
    let folder = out.path().join("here/my-server");
    let (code, said, err) = eagain(&format!("new {} --path {}", folder.display(), root.display()));
    assert!(code == 0 && said.contains(&format!("takes commit {commit}")), "{said}{err}");
    let text = workflow(&folder);
    assert!(!text.contains("secret"), "{text}");

    // Another machine: the repository alone.
    let elsewhere = out.path().join("elsewhere");
    fs::create_dir_all(elsewhere.join("work")).unwrap();
    shell(&elsewhere, &format!("cp -r {} work/my-server", folder.display()));
    let steps = steps(&text);
    assert_eq!(steps.len(), 3, "{text}");
    for step in steps {
        let (_, line) = step.split_once("- run: ").unwrap_or_else(|| panic!("{text}"));
        shell(&elsewhere.join("work/my-server"), line);
        assert_eq!(shell(&elsewhere.join("eagain"), "git rev-parse HEAD"), commit);
        fs::remove_dir_all(elsewhere.join("eagain")).unwrap();
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("path = '../../eagain/net'"), "{manifest}");
}

#[test]
fn a_checkout_that_no_other_machine_has_is_said_and_fails_there() {
    let out = tempfile::tempdir().unwrap();
    let root = checkout(out.path(), None);
    let folder = out.path().join("my-server");
    let (code, said, err) = eagain(&format!("new {} --path {}", folder.display(), root.display()));
    assert!(code == 0 && said.contains("first write the step that puts eagain at ../eagain"), "{said}{err}");
    let text = workflow(&folder);
    for step in steps(&text) {
        let (_, line) = step.split_once("- run: ").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(tried(&folder, line), (false, "no step puts eagain at ../eagain yet\n".to_owned()));
    }
}

#[test]
fn new_says_where_a_workspace_does_not_list_the_crate() {
    let out = tempfile::tempdir().unwrap();
    fs::write(out.path().join("Cargo.toml"), "[workspace]\nmembers = [\"crates/*\"]\n").unwrap();
    shell(out.path(), "git init -q");
    let new = |name: &str| eagain(&format!("new {}", out.path().join(name).display())).1;
    let said = new("crates/mine");
    assert!(!said.contains("First add"), "{said}");
    let said = new("servers/mine");
    assert!(
        said.contains("\n\nFirst add 'servers/mine' to `members` in ") && said.contains("Cargo.toml.\n\ncd "),
        "{said}"
    );
}

#[test]
fn what_is_in_the_repository_or_released_needs_no_step() {
    let out = tempfile::tempdir().unwrap();
    let released = out.path().join("released");
    let (code, said, err) = eagain(&format!("new {}", released.display()));
    assert!(
        code == 0 && said.contains("Until there is one, name a checkout instead: --path DIR."),
        "{said}{err}"
    );
    // Reports of a release build say the lines too, unless the profile is that of a workspace above.
    let profile = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("{profile}"), "{manifest}");
        manifest.contains("\n[profile.release]\ndebug = \"line-tables-only\"\n")
    };
    assert!(profile(&released) && !said.contains("For the line of each call"), "{said}");
    let text = workflow(&released);
    assert_eq!(steps(&text), ["", "", ""], "{text}");

    let repository = out.path().join("repository");
    let root = checkout(&repository, Some("https://example.org/eagain"));
    fs::write(repository.join("Cargo.toml"), "[workspace]\nmembers = [\"crates/*\"]\n").unwrap();
    shell(&repository, "git init -q");
    let new = |name: &str| {
        let folder = repository.join("crates").join(name);
        let (code, said, _) = eagain(&format!("new {} --path {}", folder.display(), root.display()));
        assert!(code == 0 && !said.contains("First add") && !said.contains("Until there is"), "{said}");
        assert!(!fs::read_to_string(folder.join("Cargo.toml")).unwrap().contains("[profile"));
        assert!(said.contains("/Cargo.toml:\n[profile.release]\ndebug = \"line-tables-only\"\n"), "{said}");
        fs::read_to_string(repository.join(format!(".github/workflows/eagain-crates-{name}.yml"))).unwrap()
    };
    fs::write(repository.join(".gitmodules"), "").unwrap();
    let text = new("a");
    assert_eq!(steps(&text), ["        with:\n          submodules: true\n"; 3], "{text}");
    assert!(text.contains("workspaces: ./\n") && text.contains("path: crates/a/failures"), "{text}");
    fs::remove_dir_all(root.join(".git")).unwrap();
    let text = new("b");
    assert_eq!(steps(&text), ["", "", ""], "{text}");
}
