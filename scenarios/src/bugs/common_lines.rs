//! Servers with a thread for each connection that answer a line with the same line, and what their clients want back.

use super::common::{Lines, PORT, pause};
use super::common_sessions::each_in_a_thread;
use eagain_net::*;
use eagain_sim::fail;
use std::time::Duration;

/// Answers each line with the same line, after a while of up to `work`.
pub fn echo<K: Kernel>(k: K, work: Duration) -> Result<()> {
    each_in_a_thread(k, PORT, move |stream| echo_lines(k, &stream, work))
}

/// The same for one connection, until it ends.
pub fn echo_lines<K: Kernel>(k: K, stream: &TcpStream<K>, work: Duration) {
    let mut lines = Lines::default();
    while let Ok(Some(line)) = lines.read(stream) {
        pause(k, "work", work);
        if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
            break;
        }
    }
}

/// Asks a question, and waits for the line that answers it. `None`: the connection ends before, or its time is over.
pub fn ask<K: Kernel>(stream: &TcpStream<K>, question: &str) -> Option<String> {
    stream.write_all(format!("{question}\n").as_bytes()).ok()?;
    Lines::default().read(stream).ok().flatten()
}

/// Asks all of these at once, and breaks O1 where the answers are not the same, in their order. Whether they are.
pub fn ask_all<K: Kernel>(stream: &TcpStream<K>, lines: &mut Lines, questions: &[String]) -> bool {
    let asked = stream.write_all((questions.join("\n") + "\n").as_bytes());
    for question in questions {
        let answer = asked.and_then(|()| lines.read(stream));
        if answer.as_ref().ok().and_then(|line| line.as_ref()) != Some(question) {
            fail("O1", "wrong answer", format!("{question:?} was answered by {answer:?}"));
            return false;
        }
    }
    true
}
