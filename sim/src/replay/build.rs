//! Which program makes a run: its git commit, and the hash of its file. A replay file names both.

use std::process::Command;
use std::sync::OnceLock;

/// The git commit of the current folder, in full; `+` behind it: with uncommitted changes. Asked once.
pub fn commit() -> Option<String> {
    static COMMIT: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let head = git(&["rev-parse", "HEAD"])?;
        let changed =
            git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
        Some(if changed { head + "+" } else { head })
    };
    COMMIT.get_or_init(ask).clone()
}

/// A seed made of the current git commit, so that CI explores new ground with every commit and a commit is enough to run
/// it again. The error is a line for people.
pub fn commit_seed() -> Result<u64, String> {
    let head = git(&["rev-parse", "HEAD"]);
    let digits = head.as_deref().and_then(|head| head.get(..16));
    let seed = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    seed.ok_or_else(|| "the seed `commit` needs a git commit, and there is none here".to_owned())
}

/// What git says to these arguments, without the line's end; `None` outside of git or without it.
pub(crate) fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// The identity of the running program: the hash of its file. Two builds of the same source by the same compiler may share
/// it, and then they are the same program. `unknown` (no build at all) where the file cannot be read.
pub fn build_id() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let bytes = std::env::current_exe().and_then(std::fs::read);
        bytes.map_or_else(
            |_| "unknown".to_owned(),
            |bytes| {
                let mut hash = crate::trace::TraceHash::default();
                hash.bytes(&bytes);
                format!("{:#018x}", hash.value())
            },
        )
    })
}
