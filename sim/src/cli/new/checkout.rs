//! `--path DIR`: how CI comes by the checkout of eagain that the dependencies name. What lies in the repository comes with it; anything
//! else a step of the workflow has to put where Cargo.toml says.

use crate::replay::build::git;
use crate::runner::invocation::quoted;
use std::path::Path;

/// Where it comes from.
pub(super) enum Source {
    /// A submodule of the repository.
    Submodule,
    /// Another repository, which anybody can clone.
    Clone {
        /// Its URL, without who has cloned it.
        url: String,
        /// The commit of the checkout.
        commit: String,
        /// Where Cargo.toml has it, from the crate's folder.
        path: String,
    },
    /// Nobody knows: there is no remote, or it is in a place that no other machine has.
    Unknown {
        /// Where Cargo.toml has it.
        path: String,
    },
}

impl Source {
    /// That of the checkout in `root`, `path` from the crate's folder; `None`: it is a part of the crate's repository.
    pub(super) fn of(root: &Path, path: &Path, repository: &Path) -> Option<Source> {
        let is_own = root.join(".git").exists();
        if root.starts_with(repository) {
            if !is_own {
                return None;
            }
            if repository.join(".gitmodules").is_file() {
                return Some(Source::Submodule);
            }
        }
        let shown = path.display().to_string();
        let of_git = |arguments: &[&str]| {
            git(&[&["-C", root.to_str()?], arguments].concat()).filter(|_| is_own && path.is_relative())
        };
        let url = of_git(&["remote", "get-url", "origin"]).and_then(|url| public(&url));
        Some(match url.zip(of_git(&["rev-parse", "HEAD"])) {
            Some((url, commit)) => Source::Clone { url, commit, path: shown },
            None => Source::Unknown { path: shown },
        })
    }

    /// The lines behind `actions/checkout`: what it is to fetch too, or the step that does.
    pub(super) fn steps(&self) -> String {
        match self {
            Source::Submodule => "        with:\n          submodules: true\n".to_owned(),
            Source::Clone { url, commit, path } => {
                let path = quoted(path);
                format!(
                    "      # The checkout of eagain that Cargo.toml names.\n      \
                     - run: git clone --quiet {url} {path} && git -C {path} checkout --quiet {commit}\n"
                )
            }
            Source::Unknown { path } => format!(
                "      # Cargo.toml names a checkout of eagain that is not in this repository. Put it there instead of this line.\n      \
                 - run: echo {} >&2; exit 1\n",
                quoted(&format!("no step puts eagain at {path} yet"))
            ),
        }
    }

    /// What is left to do.
    pub(super) fn note(&self) -> String {
        match self {
            Source::Submodule => "it fetches the submodules".to_owned(),
            Source::Clone { url, commit, .. } => {
                format!("it clones {url}\nand takes commit {commit}, which must be there")
            }
            Source::Unknown { path } => format!(
                "first write the step that puts eagain at {path}:\nit fails until then, since no other machine has that folder"
            ),
        }
    }
}

/// The same remote for everybody: by https, without a name or a password. `None`: it is a place of this machine.
fn public(url: &str) -> Option<String> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("ssh" | "https", rest)) => ("https", rest),
        Some((scheme @ ("http" | "git"), rest)) => (scheme, rest),
        Some(_) => return None,
        None => {
            let (host, path) = url.split_once(':').filter(|(host, _)| !host.contains('/'))?;
            return public(&format!("ssh://{host}/{path}"));
        }
    };
    let (host, path) = rest.split_once('/')?;
    let host = host.rsplit('@').next()?;
    // A port is that of ssh.
    let host = if url.starts_with("ssh:") { host.split(':').next()? } else { host };
    let url = format!("{scheme}://{host}/{path}");
    let is_plain = url.chars().all(|c| c.is_ascii_alphanumeric() || ":/.-_~+".contains(c));
    (is_plain && !host.is_empty() && !host.starts_with('-')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_the_same_for_everybody_and_names_nobody() {
        for (url, shown) in [
            ("https://example.org/a/eagain.git", Some("https://example.org/a/eagain.git")),
            ("https://me:secret@example.org:8443/eagain", Some("https://example.org:8443/eagain")),
            ("git@example.org:a/eagain.git", Some("https://example.org/a/eagain.git")),
            ("ssh://git@example.org:22/a/eagain", Some("https://example.org/a/eagain")),
            ("/home/me/eagain", None),
            ("../eagain", None),
            ("file:///home/me/eagain", None),
            ("https://example.org/$(id)", None),
        ] {
            assert_eq!(public(url).as_deref(), shown, "{url}");
        }
    }
}
