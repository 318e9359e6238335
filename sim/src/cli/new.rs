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

/// A file to write, and its text.
type File = (&'static str, String);

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
    let fill = |text: &str| {
        text.replace("{name}", name)
            .replace("{crate}", &name.replace('-', "_"))
            .replace("{dependencies}", &dependencies(args.path.as_deref()))
            .replace("{server}", "crate::server")
            .replace("{run}", "cargo run --release --")
    };
    let files: Vec<File> = vec![
        ("Cargo.toml", fill(include_str!("new/crate.toml"))),
        ("rust-toolchain.toml", toolchain()),
        (".gitignore", "/target\n/failures\n/sweep-*\n".to_owned()),
        ("src/lib.rs", fill(include_str!("new/lib.rs.txt"))),
        ("src/main.rs", fill(include_str!("new/main.rs.txt"))),
        ("src/bin/server.rs", fill(include_str!("new/bin.rs.txt"))),
        ("src/server.rs", SERVER.to_owned()),
        ("src/scenarios.rs", fill(SCENARIOS)),
        (WORKFLOW_PATH, fill(WORKFLOW)),
    ];
    write(folder, &files, console)?;
    console.out(&format!(
        "\ncd {}\ncargo test\ncargo run --release -- explore --seeds 1000\n",
        crate::runner::invocation::quoted(&folder.to_string_lossy())
    ));
    Ok(Exit::Held)
}

pub(super) fn init(args: &InitArgs, console: &mut Console) -> Done {
    let here = Path::new(".");
    let manifest = here.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .map_err(|error| Stop::usage(format!("Cargo.toml: {error}: run it in the folder of a crate")))?;
    let fill = |text: &str| {
        text.replace("{server}", "crate::server").replace("{run}", "cargo run --release --example eagain --")
    };
    let mut files: Vec<File> = vec![
        ("tests/eagain/main.rs", include_str!("new/test.rs.txt").to_owned()),
        ("tests/eagain/scenarios.rs", fill(SCENARIOS)),
        ("tests/eagain/server.rs", SERVER.to_owned()),
        ("examples/eagain.rs", include_str!("new/example.rs.txt").to_owned()),
        (WORKFLOW_PATH, fill(WORKFLOW)),
    ];
    // Pinned already, or by a folder above.
    if !["rust-toolchain.toml", "rust-toolchain"].iter().any(|name| here.join(name).exists()) {
        files.push(("rust-toolchain.toml", toolchain()));
    }
    write(here, &files, console)?;
    if !text.contains("eagain-sim") {
        write_file(&manifest, with_dependencies(&text, &dependencies(args.path.as_deref())).as_bytes())?;
        console.out("changed Cargo.toml: eagain-net and eagain-sim are dev-dependencies\n");
    }
    console.out("\ncargo test --test eagain\ncargo run --release --example eagain -- explore --seeds 1000\n");
    Ok(Exit::Held)
}

/// Writes all of them, or none where one is there already.
fn write(folder: &Path, files: &[File], console: &mut Console) -> Result<(), Stop> {
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| folder.join(path)).collect();
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        return Err(Stop::usage(format!("{}: it exists, and nothing was written", path.display())));
    }
    for (path, (_, text)) in paths.iter().zip(files) {
        if let Some(parent) = path.parent() {
            let made = std::fs::create_dir_all(parent);
            made.map_err(|error| Stop::usage(format!("{}: {error}", parent.display())))?;
        }
        write_file(path, text.as_bytes())?;
        console.out(&format!("wrote {}\n", path.display()));
    }
    Ok(())
}

/// The lines of the two dependencies: a release, or a checkout in the folder `path`.
fn dependencies(path: Option<&Path>) -> String {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    let line = |package: &str, folder: &str| match path {
        None => format!("{package} = \"{version}\"\n"),
        Some(root) => {
            let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
            // A literal of TOML: nothing in it is escaped but its quote, which it cannot hold.
            format!("{package} = {{ path = '{}' }}\n", root.join(folder).display())
        }
    };
    line("eagain-net", "net") + &line("eagain-sim", "sim")
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
    format!("[toolchain]\nchannel = \"{channel}\"\n")
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
