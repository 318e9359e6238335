//! `eagain new NAME`: a crate with a server, a scenario, a command and a CI workflow. `eagain init`: the same as a test and an
//! example of the crate in the current folder. Nothing that is there is overwritten.

use super::args::{InitArgs, NewArgs};
use super::console::{Console, write_file};
use super::{Done, Exit, Stop};
use std::path::{Path, PathBuf};
use std::process::Command;

const WORKFLOW: &str = include_str!("new/workflow.yml");
const SERVER: &str = include_str!("new/server.rs.txt");
const SCENARIOS: &str = include_str!("new/scenarios.rs.txt");
const WORKFLOW_PATH: &str = ".github/workflows/eagain.yml";

/// What the steps of the workflow leave behind.
const IGNORED: [&str; 2] = ["/failures", "/sweep-*"];

/// A file to write, and its text.
type File = (PathBuf, String);

/// Where the crate is.
struct Place {
    /// Its folder.
    folder: PathBuf,
    /// The root of its git repository, where CI looks for workflows; its own folder where there is none.
    repository: PathBuf,
    /// The checkout that `--path` names.
    checkout: Option<PathBuf>,
}

impl Place {
    fn new(folder: &Path, checkout: Option<&Path>) -> Result<Place, Stop> {
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
    fn workflow(&self, run: &str) -> File {
        let text = WORKFLOW.replace("{run}", run);
        let Ok(below) = self.folder.strip_prefix(&self.repository) else {
            return (WORKFLOW_PATH.into(), text);
        };
        if below.as_os_str().is_empty() {
            return (
                self.repository.join(WORKFLOW_PATH),
                text.replace("{defaults}", "").replace("{folder}", ""),
            );
        }
        let shown = below.display();
        let defaults = format!("defaults:\n  run:\n    working-directory: '{shown}'\n\n");
        let file = WORKFLOW_PATH
            .replace("eagain.yml", &format!("eagain-{}.yml", below.to_string_lossy().replace('/', "-")));
        (
            self.repository.join(file),
            text.replace("{defaults}", &defaults).replace("{folder}", &format!("{shown}/")),
        )
    }

    /// The toolchain, unless it is pinned in the crate's folder or above it.
    fn toolchain(&self) -> Option<File> {
        let is_pinned = |above: &Path| {
            ["rust-toolchain.toml", "rust-toolchain"].iter().any(|name| above.join(name).exists())
        };
        let pinned =
            self.folder.ancestors().take_while(|above| above.starts_with(&self.repository)).any(is_pinned);
        (!pinned).then(|| (self.folder.join("rust-toolchain.toml"), toolchain()))
    }

    /// The lines of the two dependencies: a release, or the checkout, by a path that holds wherever both are.
    fn dependencies(&self) -> String {
        let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
        let line = |package: &str, part: &str| match &self.checkout {
            None => format!("{package} = \"{version}\"\n"),
            // A literal of TOML: nothing in it is escaped but its quote, which it cannot hold.
            Some(root) => {
                format!("{package} = {{ path = '{}' }}\n", relative(&self.folder, &root.join(part)).display())
            }
        };
        line("eagain-net", "net") + &line("eagain-sim", "sim")
    }

    /// What is left to do for CI.
    fn note(&self) -> &'static str {
        match &self.checkout {
            Some(root) if !root.starts_with(&self.repository) => {
                "\nnote: Cargo.toml names a folder outside of this repository: the CI workflow needs it at the same place\n"
            }
            _ => "",
        }
    }
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

pub(super) fn new(args: &NewArgs, console: &mut Console) -> Done {
    let folder = &args.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
        return Err(Stop::usage(format!(
            "invalid crate name `{name}`: expected a letter, then letters, digits, `-` and `_`"
        )));
    }
    if folder.exists() {
        return Err(Stop::usage(format!("{}: it exists; `eagain init` adds to a crate", folder.display())));
    }
    let place = Place::new(folder, args.path.as_deref())?;
    let run = "cargo run --release --";
    let fill = |text: &str| {
        text.replace("{name}", name)
            .replace("{crate}", &name.replace('-', "_"))
            .replace("{dependencies}\n", &place.dependencies())
            .replace("{server}", "crate::server")
            .replace("{run}", run)
    };
    let mut files: Vec<File> = [
        ("Cargo.toml", include_str!("new/crate.toml")),
        (".gitignore", "/target\n"),
        ("src/lib.rs", include_str!("new/lib.rs.txt")),
        ("src/main.rs", include_str!("new/main.rs.txt")),
        ("src/bin/serve-on-linux.rs", include_str!("new/bin.rs.txt")),
        ("src/server.rs", SERVER),
        ("src/scenarios.rs", SCENARIOS),
    ]
    .map(|(path, text)| (folder.join(path), fill(text)))
    .into();
    files.push(place.workflow(run));
    files.extend(place.toolchain());
    write(&files, || ignore(folder), console).inspect_err(|_| {
        // It was not there before.
        let _ = std::fs::remove_dir_all(folder);
    })?;
    console.out(&format!(
        "{}\ncd {}\ncargo test\n{run} explore --seeds 1000\n",
        place.note(),
        crate::runner::invocation::quoted(&folder.to_string_lossy())
    ));
    Ok(Exit::Held)
}

pub(super) fn init(args: &InitArgs, console: &mut Console) -> Done {
    let here = Path::new(".");
    let manifest = here.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .map_err(|error| Stop::usage(format!("Cargo.toml: {error}: run it in the folder of a crate")))?;
    let place = Place::new(here, args.path.as_deref())?;
    let run = "cargo run --release --example eagain --";
    let mut files: Vec<File> = [
        ("tests/eagain/main.rs", include_str!("new/test.rs.txt")),
        ("tests/eagain/scenarios.rs", SCENARIOS),
        ("tests/eagain/server.rs", SERVER),
        ("examples/eagain.rs", include_str!("new/example.rs.txt")),
    ]
    .map(|(path, text)| (here.join(path), text.replace("{server}", "crate::server").replace("{run}", run)))
    .into();
    files.push(place.workflow(run));
    files.extend(place.toolchain());
    let depends = text.contains("eagain-sim");
    let change = || {
        ignore(here)?;
        match depends {
            true => Ok(()),
            false => write_file(&manifest, with_dependencies(&text, &place.dependencies()).as_bytes()),
        }
    };
    write(&files, change, console)?;
    if !depends {
        console.out("changed Cargo.toml: eagain-net and eagain-sim are dev-dependencies\n");
    }
    console.out(&format!("{}\ncargo test --test eagain\n{run} explore --seeds 1000\n", place.note()));
    Ok(Exit::Held)
}

/// Adds what the steps of the workflow leave behind to the folder's .gitignore.
fn ignore(folder: &Path) -> Result<(), Stop> {
    let path = folder.join(".gitignore");
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in IGNORED {
        if !text.lines().any(|other| other == line) {
            text = text + line + "\n";
        }
    }
    write_file(&path, text.as_bytes())
}

/// Writes all of them and does the rest. Where one is there already, or something fails, none is left, so that it can be tried again.
fn write(files: &[File], rest: impl FnOnce() -> Result<(), Stop>, console: &mut Console) -> Result<(), Stop> {
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Stop::usage(format!("{}: it exists, and nothing was written", path.display())));
    }
    let all = files.iter().try_for_each(|(path, text)| {
        if let Some(parent) = path.parent() {
            let made = std::fs::create_dir_all(parent);
            made.map_err(|error| Stop::usage(format!("{}: {error}", parent.display())))?;
        }
        write_file(path, text.as_bytes())
    });
    all.and_then(|()| rest()).inspect_err(|_| {
        for (path, _) in files {
            let _ = std::fs::remove_file(path);
        }
    })?;
    for (path, _) in files {
        console.out(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}

/// A manifest with these lines below `[dev-dependencies]`.
fn with_dependencies(manifest: &str, lines: &str) -> String {
    const HEAD: &str = "[dev-dependencies]";
    let mut text = String::new();
    let mut added = false;
    for line in manifest.lines() {
        text += line;
        text.push('\n');
        if line.trim() == HEAD {
            text += lines;
            added = true;
        }
    }
    if !added {
        text += &format!("\n{HEAD}\n{lines}");
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_go_below_their_head() {
        assert_eq!(with_dependencies("[package]\n", "a = 1\n"), "[package]\n\n[dev-dependencies]\na = 1\n");
        let text = with_dependencies("[dev-dependencies]\nb = 2\n[features]\n", "a = 1\n");
        assert_eq!(text, "[dev-dependencies]\na = 1\nb = 2\n[features]\n");
    }
}
