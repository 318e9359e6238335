//! What clients of a server that keeps its data ask and see, and how it is checked: the same on the simulated kernel and on
//! tokio.

use crate::checker::linearizable::{self, Answer, Ask, Operation};
use crate::resp::Frame;
use eagain_sim::Sim;
use std::sync::{Arc, Mutex};

/// Values are longer than a sector of a disk, so that half of one can be lost.
const PADDING: usize = 2500;
/// Keys below are set, read and removed; those above are counted.
pub const SET_KEYS: u64 = 2;
/// One key that counts.
pub const COUNT_KEY: u64 = SET_KEYS;

/// What all clients asked and saw.
pub type History = Arc<Mutex<Vec<Operation>>>;

fn note(history: &History, operation: Operation) {
    // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
    history.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(operation);
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was answered.
    Answered(Frame),
    /// It was refused, and has had no effect.
    Refused(String),
    /// Nobody knows.
    Unknown,
}

/// An operation of a workload, and the key that it is on. `value` is one that nobody else ever sets.
pub fn draw(value: u64, mut choose: impl FnMut(&'static str, u64, u64) -> u64) -> (u64, Ask) {
    let key = choose("key", 0, COUNT_KEY);
    let ask = match (key, choose("what", 0, 5)) {
        (COUNT_KEY, 0..=3) => Ask::Incr,
        (COUNT_KEY, _) | (_, 3 | 4) => Ask::Get,
        (_, 5) => Ask::Del,
        _ => Ask::Set(value),
    };
    (key, ask)
}

/// An operation on the key of this name, in words.
pub fn in_words(name: &str, ask: Ask) -> Vec<Vec<u8>> {
    let command = match ask {
        Ask::Set(_) => "SET",
        Ask::Get => "GET",
        Ask::Incr => "INCR",
        Ask::Del => "DEL",
    };
    let mut words = vec![command.as_bytes().to_vec(), name.as_bytes().to_vec()];
    if let Ask::Set(value) = ask {
        words.push(padded(value));
    }
    words
}

/// What an error that a server reports says about the outcome.
pub fn failed(text: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(text).into_owned();
    let unknown = text.contains("unknown") || text.starts_with("UNKNOWN") || text.starts_with("PARTIAL");
    if unknown { Outcome::Unknown } else { Outcome::Refused(text) }
}

/// Records what became of an operation; whether it was answered. `Err`: with what makes no sense.
pub fn record(
    history: &History,
    mut operation: Operation,
    outcome: Outcome,
    now: impl FnOnce() -> u64,
) -> Result<bool, String> {
    match outcome {
        Outcome::Refused(_) => return Ok(false),
        Outcome::Unknown => note(history, operation),
        Outcome::Answered(frame) => {
            let Operation { ask, key, .. } = operation;
            let answer =
                answer(&frame).ok_or_else(|| format!("{ask:?} of key {key} was answered by {frame:?}"))?;
            operation.returned = Some((now(), answer));
            note(history, operation);
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number as text, with so much behind it that it spans sectors, each byte of which is known. Counters are short.
fn padded(value: u64) -> Vec<u8> {
    let mut text = format!("{value}:").into_bytes();
    text.extend((0..PADDING).map(|at| b'a' + ((value as usize + at) % 26) as u8));
    text
}

fn answer(frame: &Frame) -> Option<Answer> {
    match frame {
        Frame::Simple(text) if text == b"OK" => Some(Answer::Done),
        Frame::Integer(count) => u64::try_from(*count).ok().map(Answer::Count),
        Frame::Null => Some(Answer::Value(None)),
        Frame::Bulk(text) => {
            let digits = text.split(|byte| *byte == b':').next()?;
            let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
            (*text == padded(value) || digits.len() == text.len()).then_some(Answer::Value(Some(value)))
        }
        _ => None,
    }
}

/// What has to hold in the end.
pub fn check(sim: &mut Sim, history: &History) {
    if sim.failed() {
        return;
    }
    let history = history.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    if let Err(verdict) = linearizable::check(&history) {
        sim.fail("O8", "not linearizable", verdict.to_string());
    }
}
