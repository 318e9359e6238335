//! Where `new` and `init` write: the crate's folder, its repository, and the checkout of eagain that it may depend on. What depends on
//! these: the workflow, the dependencies, the toolchain.

use super::checkout::Source;
use super::{File, Stop};
use std::path::{Path, PathBuf};
use std::process::Command;

const WORKFLOW: &str = include_str!("workflow.yml");
const WORKFLOW_PATH: &str = ".github/workflows/eagain.yml";

/// The release that a crate depends on without `--path`.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// What makes a report of a sweep say at which line each call was made, as that of a test does.
const LINES: &str = "[profile.release]\ndebug = \"line-tables-only\"\n";

/// Where the crate is.
pub(super) struct Place {
    /// Its folder.
    folder: PathBuf,
    /// The root of its git repository, where CI looks for workflows; its own folder where there is none.
    repository: PathBuf,
    /// The checkout that `--path` names.
    checkout: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(folder: &Path, checkout: Option<&Path>) -> Result<Place, Stop> {
        if let Some(path) = checkout
            && let Some(missing) =
                ["net/Cargo.toml", "sim/Cargo.toml"].iter().find(|file| !path.join(file).is_file())
        {
            return Err(Stop::usage(format!(
                "--path {}: not a checkout of eagain: it has no {missing}",
                path.display()
            )));
        }
        let folder = real(folder);
        let repository = folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&folder);
        Ok(Place { repository: repository.to_path_buf(), checkout: checkout.map(real), folder })
    }

    /// The workflow, for a crate whose command is run by `run`: below a repository's root it names the crate's folder.
    pub(super) fn workflow(&self, run: &str) -> File {
        // The repository is the folder or above it.
        let below = |folder: &Path| match folder.strip_prefix(&self.repository) {
            Ok(below) if !below.as_os_str().is_empty() => format!("{}/", below.display()),
            _ => String::new(),
        };
        let folder = below(&self.folder);
        let (defaults, name) = match folder.strip_suffix('/') {
            None => (String::new(), "eagain.yml".to_owned()),
            Some(shown) => (
                format!("defaults:\n  run:\n    working-directory: '{shown}'\n\n"),
                format!("eagain-{}.yml", shown.replace('/', "-")),
            ),
        };
        let text = WORKFLOW
            .replace("{run}", run)
            .replace("{defaults}", &defaults)
            .replace("{folder}", &folder)
            .replace("{workspace}", &below(self.workspace()))
            .replace("{checkout}", &self.source().map(|source| source.steps()).unwrap_or_default());
        (self.repository.join(WORKFLOW_PATH.replace("eagain.yml", &name)), text)
    }

    /// The folder of the workspace that the crate is in, where cargo keeps `target`; its own where it is in none.
    fn workspace(&self) -> &Path {
        let is_workspace = |above: &&Path| {
            let manifest = std::fs::read_to_string(above.join("Cargo.toml")).unwrap_or_default();
            manifest.lines().any(|line| line.trim() == "[workspace]")
        };
        let within = self.folder.ancestors().take_while(|above| above.starts_with(&self.repository));
        within.into_iter().find(is_workspace).unwrap_or(&self.folder)
    }

    /// Where CI gets the checkout from that the dependencies name; `None`: there is none, or it is a part of the repository.
    fn source(&self) -> Option<Source> {
        let root = self.checkout.as_ref()?;
        Source::of(root, &relative(&self.folder, root), &self.repository)
    }

    /// The toolchain, unless it is pinned in the crate's folder or above it.
    pub(super) fn toolchain(&self) -> Option<File> {
        let is_pinned = |above: &Path| {
            ["rust-toolchain.toml", "rust-toolchain"].iter().any(|name| above.join(name).exists())
        };
        let pinned =
            self.folder.ancestors().take_while(|above| above.starts_with(&self.repository)).any(is_pinned);
        (!pinned).then(|| (self.folder.join("rust-toolchain.toml"), toolchain()))
    }

    /// The lines of the two dependencies: a release, or the checkout, by a path that holds wherever both are.
    pub(super) fn dependencies(&self) -> String {
        let line = |package: &str, part: &str| match &self.checkout {
            None => format!("{package} = \"{VERSION}\"\n"),
            // A literal of TOML: nothing in it is escaped but its quote, which it cannot hold.
            Some(root) => {
                format!("{package} = {{ path = '{}' }}\n", relative(&self.folder, &root.join(part)).display())
            }
        };
        line("eagain-net", "net") + &line("eagain-sim", "sim")
    }

    /// The lines of the profile that a sweep is built with: only a workspace's root has profiles.
    pub(super) fn profile(&self) -> String {
        if self.workspace() != self.folder {
            return String::new();
        }
        format!(
            "\n# So that a report of a sweep says at which line each call was made, as that of a test does.\n{LINES}"
        )
    }

    /// Where that profile is another's, what is to be added to it.
    pub(super) fn note_of_lines(&self) -> String {
        let manifest = self.workspace().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap_or_default();
        if text.contains("[profile.release]") && text.contains("debug = ") {
            return String::new();
        }
        format!(
            "For the line of each call in reports of release builds, add to {}:\n{LINES}\n",
            seen(&manifest).display()
        )
    }

    /// What is to be known where the crate depends on a release.
    pub(super) fn note_of_release(&self) -> String {
        match self.checkout {
            Some(_) => String::new(),
            None => format!(
                "Cargo.toml depends on release {VERSION} of eagain. Until there is one, name a checkout instead: --path DIR.\n\n"
            ),
        }
    }

    /// What is left to do where cargo finds a workspace above the crate that does not have it.
    pub(super) fn note_of_cargo(&self) -> String {
        let root = self.workspace();
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]).current_dir(&self.folder);
        let said = cargo.output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        match self.folder.strip_prefix(root) {
            Ok(below) if said.unwrap_or_default().contains("believes it's in a workspace when it's not") => {
                let manifest = seen(&root.join("Cargo.toml"));
                format!("First add '{}' to `members` in {}.\n\n", below.display(), manifest.display())
            }
            _ => String::new(),
        }
    }

    /// What is left to do for CI.
    pub(super) fn note_of_ci(&self) -> String {
        let workflow = "CI: the workflow runs where the repository is pushed to GitHub";
        match self.source() {
            None => format!("{workflow}\n"),
            Some(source) => format!("{workflow}; {}\n", source.note()),
        }
    }
}

/// A path as it is seen from the current folder.
pub(super) fn seen(path: &Path) -> PathBuf {
    relative(&real(Path::new(".")), &real(path))
}

/// The same place without links and `..`; what does not exist yet is below what does.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = path.ancestors().find_map(|above| {
        Some(above.canonicalize().ok()?.join(path.strip_prefix(above).ok()?).components().collect())
    });
    found.unwrap_or(path)
}

/// `to` as seen from the folder `from`; as it is where they share nothing but `/`.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if shared <= 1 {
        return to.to_path_buf();
    }
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// The toolchain of this machine, so that a seed is built by the same compiler everywhere; without one the oldest that works.
fn toolchain() -> String {
    let version = Command::new("rustc").arg("--version").output().ok();
    let text = version.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let number =
        text.split_whitespace().nth(1).filter(|word| word.chars().all(|c| c.is_ascii_digit() || c == '.'));
    let channel = number.unwrap_or(env!("CARGO_PKG_RUST_VERSION"));
    format!(
        "# The compiler that made this crate, so that CI has the same; any from {} on works.\n[toolchain]\nchannel = \"{channel}\"\n",
        env!("CARGO_PKG_RUST_VERSION")
    )
}
