//! The line that a person types to make a run again: it fits how this process was started.
//!
//! | started as | line |
//! |---|---|
//! | `cargo run` of a package's binary | `cargo run --release -p P --bin B -- run NAME --seed 0x…` |
//! | the alias `eagain` of this repository | `cargo eagain run NAME --seed 0x…` |
//! | a program by its path, or installed | `path/to/program run NAME --seed 0x…` |
//! | a test | `EAGAIN_SEED=0x… cargo test -p P --test T PATH -- --exact` |
//!
//! Whatever the shell would take apart is quoted.

use super::settings;
use crate::run::Settings;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The variable that says where the folders of failures lie.
pub const OUT: &str = "EAGAIN_OUT";

static COMMAND: OnceLock<String> = OnceLock::new();

/// By scenario: the command that runs its test. On the heap, as everything that a signal handler does not read.
static TESTS: Mutex<BTreeMap<&'static str, String>> = Mutex::new(BTreeMap::new());

/// The command line that this process is.
pub fn command() -> &'static str {
    COMMAND.get().map_or("cargo eagain", String::as_str)
}

/// This process is the command line `program` (its first argument).
pub fn set_command(program: &OsStr) {
    let text = |name: &str| std::env::var(name).ok();
    let start = Start {
        program: program.to_string_lossy().into_owned(),
        // Cargo sets them for what `cargo run` runs.
        manifest: text("CARGO_MANIFEST_DIR").map(PathBuf::from),
        package: text("CARGO_PKG_NAME"),
        here: std::env::current_dir().unwrap_or_default(),
    };
    // Set once; a second command line in one process would be a test's.
    let _ = COMMAND.set(start.command());
}

/// How a command line was started.
struct Start {
    program: String,
    manifest: Option<PathBuf>,
    package: Option<String>,
    here: PathBuf,
}

impl Start {
    fn command(&self) -> String {
        let (Some(manifest), Some(package)) = (&self.manifest, &self.package) else {
            return quoted(&self.program).into_owned();
        };
        let program = Path::new(&self.program);
        let name = program.file_name().map_or(Cow::Borrowed(""), OsStr::to_string_lossy);
        if name == "eagain" && has_alias(&self.here) {
            return "cargo eagain".to_owned();
        }
        let mut command = format!("cargo run{}", profile(program));
        if sees(&self.here, manifest) {
            command += &format!(" -p {package}");
        } else {
            command +=
                &format!(" --manifest-path {}", quoted(&manifest.join("Cargo.toml").to_string_lossy()));
        }
        let folder = program.parent().and_then(Path::file_name);
        if folder == Some(OsStr::new("examples")) {
            command += &format!(" --example {}", quoted(&name));
        } else if !is_only_binary(manifest, package, &name) {
            command += &format!(" --bin {}", quoted(&name));
        }
        command + " --"
    }
}

/// The flag of the profile, by the folder that a program lies in.
fn profile(program: &Path) -> String {
    let folders = program.parent().into_iter().flat_map(Path::ancestors);
    let mut names = folders.filter_map(|folder| folder.file_name()?.to_str());
    match names.find(|name| !["deps", "examples"].contains(name)) {
        None | Some("debug") => String::new(),
        Some("release") => " --release".to_owned(),
        Some(other) => format!(" --profile {}", quoted(other)),
    }
}

/// Whether cargo, started in `here`, finds the package in the folder `manifest` by its name: both are below one manifest.
fn sees(here: &Path, manifest: &Path) -> bool {
    here.ancestors().any(|above| above.join("Cargo.toml").is_file() && manifest.starts_with(above))
}

/// Whether `cargo run -p PACKAGE` runs this binary.
fn is_only_binary(manifest: &Path, package: &str, name: &str) -> bool {
    let text = std::fs::read_to_string(manifest.join("Cargo.toml")).unwrap_or_default();
    let is_default = text.lines().any(|line| {
        line.split_once('=')
            .is_some_and(|(key, value)| key.trim() == "default-run" && value.trim().trim_matches('"') == name)
    });
    is_default || name == package && !text.contains("[[bin]]") && !manifest.join("src/bin").is_dir()
}

/// Whether `cargo eagain` is an alias here.
fn has_alias(here: &Path) -> bool {
    let aliases = |text: String| text.lines().any(|line| line.trim_start().starts_with("eagain ="));
    let files = here.ancestors().map(|folder| folder.join(".cargo/config.toml"));
    files.filter_map(|file| std::fs::read_to_string(file).ok()).any(aliases)
}

/// Where a test is: what the macros know of it when it is compiled. [`site!`](crate::site) makes one.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The folder of its package.
    pub manifest: &'static str,
    /// Its package.
    pub package: &'static str,
    /// Its crate.
    pub crate_name: &'static str,
    /// The binary that it is in, if it is in one.
    pub binary: Option<&'static str>,
    /// Whether it is an integration test, in a file of its own in `tests/`.
    pub integration: bool,
    /// The path of its module.
    pub module: &'static str,
    /// The name of its function.
    pub function: &'static str,
}

impl Site {
    /// What libtest calls it: the path without the crate.
    pub fn path(&self) -> String {
        let function = self.function;
        self.module
            .split_once("::")
            .map_or_else(|| function.to_owned(), |(_, rest)| format!("{rest}::{function}"))
    }

    fn command(&self, program: &Path) -> String {
        let target = match self.binary {
            _ if self.integration => format!("--test {}", quoted(&self.file())),
            Some(binary) => format!("--bin {}", quoted(binary)),
            None => "--lib".to_owned(),
        };
        let profile = profile(program);
        format!("cargo test{profile} -p {} {target} {} -- --exact", self.package, quoted(&self.path()))
    }

    /// The name of the test target: that of its file, which may have hyphens where the crate has underscores.
    fn file(&self) -> String {
        let files = std::fs::read_dir(Path::new(self.manifest).join("tests"));
        let names = files
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|file| Some(Path::new(&file.file_name()).file_stem()?.to_str()?.to_owned()));
        let mut same: Vec<String> = names.filter(|name| name.replace('-', "_") == self.crate_name).collect();
        same.sort();
        same.pop().unwrap_or_else(|| self.crate_name.to_owned())
    }
}

/// This process runs the test at `site`, which is that of `scenario`.
pub fn set_test(scenario: &'static str, site: &Site) {
    let program = std::env::current_exe().unwrap_or_default();
    registered().insert(scenario, site.command(&program));
}

fn registered() -> std::sync::MutexGuard<'static, BTreeMap<&'static str, String>> {
    TESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line that makes a run again, before and after its seed.
pub fn around_seed(scenario: &str, settings: &Settings) -> [String; 2] {
    match registered().get(scenario) {
        Some(test) => {
            let set = settings::text(settings);
            let set = if set.is_empty() { set } else { format!(" EAGAIN_SET={}", quoted(&set)) };
            ["EAGAIN_SEED=".to_owned(), format!("{set} {test}")]
        }
        None => [format!("{} run {} --seed ", command(), quoted(scenario)), settings::flags(settings)],
    }
}

/// The line that makes a run again.
pub fn run(scenario: &str, seed: u64, settings: &Settings) -> String {
    let [before, after] = around_seed(scenario, settings);
    format!("{before}{seed:#x}{after}")
}

/// The line that replays a file.
pub fn replay(scenario: &str, file: &str) -> String {
    match registered().get(scenario) {
        Some(test) => format!("EAGAIN_REPLAY={} {test}", quoted(file)),
        None => format!("{} replay {}", command(), quoted(file)),
    }
}

/// The line that compares runs in two processes.
pub fn check(scenario: &str) -> String {
    match registered().get(scenario) {
        Some(test) => format!("EAGAIN_CHECK=1 {test}"),
        None => format!("{} check {}", command(), quoted(scenario)),
    }
}

/// A word for the shell.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        for (word, text) in [
            ("model=poll", "model=poll"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }

    #[test]
    fn without_cargo_the_program_is_what_was_typed() {
        let start = |program: &str| Start {
            program: program.to_owned(),
            manifest: None,
            package: None,
            here: PathBuf::new(),
        };
        assert_eq!(start("target/release/one").command(), "target/release/one");
        assert_eq!(start("/opt/my programs/one").command(), "'/opt/my programs/one'");
        assert_eq!(start("eagain").command(), "eagain");
    }

    #[test]
    fn the_profile_is_that_of_the_folder() {
        for (program, flag) in [
            ("target/debug/one", ""),
            ("target/release/one", " --release"),
            ("/t/quick/deps/one-0123", " --profile quick"),
            ("one", ""),
        ] {
            assert_eq!(profile(Path::new(program)), flag, "{program}");
        }
    }

    #[test]
    fn a_test_is_found_by_its_target_and_its_whole_path() {
        let site = Site {
            manifest: "/nowhere",
            package: "p",
            crate_name: "sweeps",
            binary: None,
            integration: true,
            module: "sweeps::slow_reader",
            function: "holds",
        };
        let command = |site: Site| site.command(Path::new("/t/debug/deps/sweeps-0123"));
        assert_eq!(command(site), "cargo test -p p --test sweeps slow_reader::holds -- --exact");
        let unit = Site { integration: false, ..site };
        assert_eq!(command(unit), "cargo test -p p --lib slow_reader::holds -- --exact");
        let main = Site { binary: Some("two"), module: "two", ..unit };
        assert_eq!(command(main), "cargo test -p p --bin two holds -- --exact");
    }
}
