//! `eagain new NAME`: a crate with a server, a scenario, a command and a CI workflow. `eagain init`: the same as a test and an
//! example of the crate in the current folder. Nothing that is there is overwritten.

mod checkout;
mod place;

use super::args::{InitArgs, NewArgs};
use super::console::{Console, write_file};
use super::{Done, Exit, Stop};
use place::Place;
use std::path::{Path, PathBuf};

const SERVER: &str = include_str!("new/server.rs.txt");
const SCENARIOS: &str = include_str!("new/scenarios.rs.txt");

/// What the steps of the workflow leave behind.
const IGNORED: [&str; 2] = ["/failures", "/sweep-*"];

/// A file to write, and its text.
type File = (PathBuf, String);

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
            .replace("{profile}\n", &place.profile())
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
        "\n{}{}{}cd {}\ncargo test\n{run} explore --seeds 1000\n\n{}",
        place.note_of_release(),
        place.note_of_lines(),
        place.note_of_cargo(),
        crate::runner::invocation::quoted(&folder.to_string_lossy()),
        place.note_of_ci()
    ));
    Ok(Exit::Held)
}

pub(super) fn init(args: &InitArgs, console: &mut Console) -> Done {
    init_in(Path::new("."), args, console)
}

fn init_in(here: &Path, args: &InitArgs, console: &mut Console) -> Done {
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
    let ignores = here.join(".gitignore").exists();
    let change = || {
        if depends {
            return ignore(here);
        }
        write_file(&manifest, with_dependencies(&text, &place.dependencies()).as_bytes())?;
        ignore(here).inspect_err(|_| {
            // It could be written a moment ago.
            let _ = write_file(&manifest, text.as_bytes());
        })
    };
    write(&files, change, console)?;
    match ignores {
        true => console.out("changed .gitignore: what the steps of the workflow leave behind is ignored\n"),
        false => console.out("wrote .gitignore\n"),
    }
    if !depends {
        console.out("changed Cargo.toml: eagain-net and eagain-sim are dev-dependencies\n");
    }
    console.out(&format!(
        "\n{}{}cargo test --test eagain\n{run} explore --seeds 1000\n\n{}",
        place.note_of_release(),
        place.note_of_lines(),
        place.note_of_ci()
    ));
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
        console.out(&format!("wrote {}\n", place::seen(path).display()));
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

#[cfg(test)]
mod tests;
