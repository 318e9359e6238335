//! The file: JSON that a person can read and a later build can still run. It maps keys to values, so that an edit of the
//! program leaves it meaningful: what the edit added is benign, what it removed is listed.
//!
//! ```json
//! {
//!   "format": 1,
//!   "scenario": "slow-reader", "settings": { "model": "epoll" },
//!   "base": "zero",
//!   "overrides": { "wire.split client-1#1>10.0.0.1:6379/up 4": 3 },
//!   "hash": "0x0123456789abcdef",
//!   "failure": { "oracle": "O1", "site": "reply-pairing", "thread": "client-1/0", "message": "…" },
//!   "seed": "0x2a", "commit": "…", "build": "0x…", "digest": "0x…"
//! }
//! ```

use crate::choice::{Base, Overrides, parse_seed};
use crate::run::{Failure, Settings};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The version of the file. Another one is refused, in words.
pub const FORMAT: u32 = 1;

/// A saved run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayFile {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its settings.
    #[serde(default)]
    pub settings: Settings,
    /// Where the choices come from that are not fixed.
    pub base: SavedBase,
    /// The fixed choices.
    #[serde(serialize_with = "write_overrides", deserialize_with = "read_overrides")]
    pub overrides: Overrides,
    /// The hash that the saving build saw.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_number")]
    pub hash: u64,
    /// What broke.
    pub failure: Option<SavedFailure>,
    /// The seed that it was found with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The git commit, where it is known; `+` behind it: with uncommitted changes.
    #[serde(default)]
    pub commit: Option<String>,
    /// The identity of the build: see [`crate::replay::build::build_id`].
    pub build: String,
    /// A hash over all of the above, by which an edited file is recognised; [`ReplayFile::to_json`] makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The base, as it is written: `zero`, or a seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SavedBase(pub Base);

impl From<SavedBase> for Base {
    fn from(base: SavedBase) -> Base {
        base.0
    }
}

/// What broke.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SavedFailure {
    /// Which oracle.
    pub oracle: String,
    /// Where.
    pub site: String,
    /// The thread or process that it concerns; empty: none. A file that an earlier build saved does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// What was seen.
    #[serde(default)]
    pub message: String,
}

impl From<&Failure> for SavedFailure {
    fn from(failure: &Failure) -> SavedFailure {
        let Failure { oracle, site, thread, message, .. } = failure;
        SavedFailure {
            oracle: oracle.code().to_owned(),
            site: site.clone(),
            thread: Some(thread.clone()),
            message: message.clone(),
        }
    }
}

impl SavedFailure {
    /// Whether it is the same failure, as [`Failure::fingerprint`] says, as far as both say what they are of.
    pub fn is_same(&self, other: &SavedFailure) -> bool {
        let threads = self.thread.as_ref().zip(other.thread.as_ref());
        (&self.oracle, &self.site) == (&other.oracle, &other.site)
            && threads.is_none_or(|(thread, other)| thread == other)
    }
}

/// Why a file cannot be replayed. Each is one line.
#[derive(Debug)]
pub enum ReplayError {
    /// It cannot be read.
    Unreadable(String, std::io::Error),
    /// It is no replay file, or a damaged one.
    Damaged(String, String),
    /// It is of another format version.
    Format(String, u64),
    /// Its scenario is not one of those here.
    Scenario(String),
    /// Its scenario does not take its settings.
    Settings(String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayError::Unreadable(path, error) => write!(f, "{path}: {error}"),
            ReplayError::Damaged(path, what) => {
                write!(f, "{path}: not a replay file, or a damaged one: {what}")
            }
            ReplayError::Format(path, found) => {
                write!(f, "{path}: replay format {found}; this build reads format {FORMAT}")
            }
            ReplayError::Scenario(name) => {
                write!(f, "the file is of scenario `{name}`, which is not one of those here")
            }
            ReplayError::Settings(line) => write!(f, "the file's settings: {line}"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl ReplayFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<ReplayFile, ReplayError> {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => ReplayFile::parse(&name, &bytes),
            Err(error) => Err(ReplayError::Unreadable(name, error)),
        }
    }

    /// Reads the bytes of the file called `name`.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<ReplayFile, ReplayError> {
        #[derive(Deserialize)]
        struct OnlyFormat {
            format: u64,
        }
        // A text may come from anywhere and be shown on a terminal: one line, without control characters.
        let damaged = |error: serde_json::Error| {
            let text: String = error.to_string().chars().filter(|c| !c.is_control()).take(300).collect();
            ReplayError::Damaged(name.to_owned(), text)
        };
        // The version first: another one may have other fields.
        let OnlyFormat { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != u64::from(FORMAT) {
            return Err(ReplayError::Format(name.to_owned(), format));
        }
        let mut file: ReplayFile = serde_json::from_slice(bytes).map_err(damaged)?;
        // What was saved has a digest: without one it was written by hand.
        file.digest.get_or_insert_default();
        Ok(file)
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let file = ReplayFile { digest: Some(self.digest()), ..self.clone() };
        // Maps of texts and numbers: there is nothing that could fail.
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }

    /// Whether somebody has changed it since it was saved.
    pub fn is_edited(&self) -> bool {
        self.digest.as_ref().is_some_and(|digest| *digest != self.digest())
    }

    fn digest(&self) -> String {
        let file = ReplayFile { digest: None, ..self.clone() };
        let mut hash = crate::trace::TraceHash::default();
        hash.bytes(serde_json::to_string(&file).unwrap_or_default().as_bytes());
        format!("{:#018x}", hash.value())
    }
}

impl Serialize for SavedBase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Base::Zero => serializer.serialize_str("zero"),
            Base::Seed(seed) => serializer.collect_str(&format_args!("{seed:#x}")),
        }
    }
}

impl<'de> Deserialize<'de> for SavedBase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SavedBase, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "zero" {
            return Ok(SavedBase(Base::Zero));
        }
        parse_seed(&text).map(|seed| SavedBase(Base::Seed(seed))).map_err(serde::de::Error::custom)
    }
}

fn write_overrides<S: Serializer>(overrides: &Overrides, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(overrides.iter().map(|(key, value)| (key.to_string(), value)))
}

fn read_overrides<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Overrides, D::Error> {
    let texts: BTreeMap<String, u64> = BTreeMap::deserialize(deserializer)?;
    let keys = texts.into_iter().map(|(text, value)| Ok((text.parse()?, value)));
    keys.collect::<Result<_, crate::choice::KeyError>>().map_err(serde::de::Error::custom)
}

fn write_hash<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{hash:#018x}"))
}

fn read_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    parse_seed(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}
