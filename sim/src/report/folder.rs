//! The folder of a failure: `target/eagain/<scenario>-<seed>[-<configuration>]/`, what a CI job uploads.

use super::{Explained, markdown, text};
use crate::choice::{Base, Overrides};
use crate::replay::ReplayFile;
use crate::run::RunSpec;
use crate::runner::invocation::OUT;
use crate::runner::settings;
use crate::trace::{Form, Heads};
use crate::whole_file::{plain, put};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder's own name.
pub fn name(spec: &RunSpec) -> String {
    let seed = match spec.base {
        Base::Seed(seed) => format!("{seed:#x}"),
        // Several failures of a scenario may have been found without a seed.
        Base::Zero if !spec.overrides.is_empty() => format!("choices-{:08x}", digest(&spec.overrides)),
        Base::Zero => "saved".to_owned(),
    };
    let mut name = format!("{}-{seed}", spec.scenario.name);
    if !spec.settings.is_empty() {
        name.push('-');
        name.push_str(&settings::text(&spec.settings));
    }
    plain(&name)
}

fn digest(overrides: &Overrides) -> u32 {
    let mut hash = crate::trace::TraceHash::default();
    for (key, value) in overrides {
        hash.bytes(key.to_string().as_bytes());
        hash.words(*value, 0);
    }
    hash.value() as u32
}

/// Where the folders lie: as the variable [`OUT`] says, or `eagain` in cargo's target folder.
pub fn root() -> PathBuf {
    #[cfg(test)]
    if let Some(own) = OWN_ROOT.with_borrow(Clone::clone) {
        return own;
    }
    if let Some(out) = std::env::var_os(OUT).filter(|out| !out.is_empty()) {
        return PathBuf::from(out);
    }
    // Cargo marks its target folder, and the program lies somewhere in it; the current folder may be any.
    let exe = std::env::current_exe().unwrap_or_default();
    let target = exe.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = target.map_or_else(|| PathBuf::from("target"), Path::to_path_buf);
    let here = std::env::current_dir().unwrap_or_default();
    target.strip_prefix(&here).unwrap_or(&target).join("eagain")
}

#[cfg(test)]
thread_local! {
    /// Instead of the common root, for a test that reads what was written: other tests write the same failures.
    pub static OWN_ROOT: std::cell::RefCell<Option<PathBuf>> = const { std::cell::RefCell::new(None) };
}

/// Writes the folder below `root` and says where it is. One that the same build has left there about the same run, and that
/// has fewer choices, stays: it was shrunk further. The error names the path.
pub fn write(root: &Path, explained: &Explained) -> io::Result<PathBuf> {
    let folder = root.join(name(&explained.spec));
    let replay = explained.replay_file();
    if is_further(&folder, &replay) {
        return Ok(folder);
    }
    write_into(folder, &replay, explained)
}

/// The same for the run as it was found, which was asked for: beside the folder that was shrunk further, where there is one.
pub fn write_as_found(root: &Path, explained: &Explained) -> io::Result<PathBuf> {
    let name = name(&explained.spec);
    let folder = root.join(&name);
    let replay = explained.replay_file();
    let folder = if is_further(&folder, &replay) { root.join(name + "-as-found") } else { folder };
    write_into(folder, &replay, explained)
}

fn write_into(folder: PathBuf, replay: &ReplayFile, explained: &Explained) -> io::Result<PathBuf> {
    let is_new = !folder.exists();
    let write_all = || {
        create(&folder)?;
        put(&folder.join("report.md"), |out| {
            out.write_all(markdown::failure(explained, &folder).as_bytes())
        })?;
        put(&folder.join("texts.txt"), |out| out.write_all(texts(explained).as_bytes()))?;
        put(&folder.join("replay.json"), |out| out.write_all(replay.to_json().as_bytes()))?;
        let log = &explained.trace;
        let failed = Some(explained.failure.event);
        let heads = Heads { title: &text::title(&explained.spec), verdict: &head(explained), failed };
        for form in Form::ALL {
            put(&folder.join(form.file()), |out| form.write(log, heads, out))?;
        }
        Ok(())
    };
    let written: io::Result<()> = write_all();
    if written.is_err() && is_new {
        // A folder with a part of the files would look like one with all of them.
        let _ = fs::remove_dir_all(&folder);
    }
    written.map(|()| folder)
}

/// Whether the folder holds the same failure, of the same build, with fewer choices.
fn is_further(folder: &Path, new: &ReplayFile) -> bool {
    ReplayFile::read(&folder.join("replay.json")).is_ok_and(|kept| {
        (&kept.build, &kept.seed, &kept.settings) == (&new.build, &new.seed, &new.settings)
            && kept.failure.as_ref().zip(new.failure.as_ref()).is_some_and(|(kept, new)| kept.is_same(new))
            && kept.overrides.len() < new.overrides.len()
    })
}

/// Every text in full: the messages, and what the programs printed.
fn texts(explained: &Explained) -> String {
    let Explained { found, failure, output, .. } = explained;
    let mut texts = format!("{}\n", found.message);
    if failure.message != found.message {
        texts.push_str(&format!("\nthe shrunk run\n{}\n", failure.message));
    }
    if !output.is_empty() {
        texts.push_str(&format!("\nprinted\n{output}"));
    }
    texts
}

/// Writes the folder of a failure that cannot be explained: what is said of it, and where it is. The error names the path.
pub fn write_lost(root: &Path, spec: &RunSpec, text: &str) -> io::Result<PathBuf> {
    let folder = root.join(name(spec));
    create(&folder)?;
    put(&folder.join("report.md"), |out| out.write_all(text.as_bytes()))?;
    Ok(folder)
}

/// Makes the folder, if it is not there. The error names the path.
fn create(folder: &Path) -> io::Result<()> {
    let made = fs::create_dir_all(folder);
    made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))
}

/// The head of the page: what broke, and the choices that it takes.
fn head(explained: &Explained) -> String {
    let choices = match explained.choices.is_empty() {
        true => String::new(),
        false => explained.choices.table().text("  "),
    };
    let (broke, message) = (explained.failure.headline(), &explained.failure.message);
    format!("{broke}\n{message}\n{}\n{choices}", explained.outcome.line())
}
