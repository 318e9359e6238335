//! A client that finds the callback of each reply as it parses (hiredis 2022): what it found for the reply before stays in a
//! variable outside of the loop, and is called again with a message that nobody has asked for. Repaired: the variable is set
//! anew for each reply.

use crate::bugs::common::{Lines, PORT, clients, connect, pause};
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::VecDeque;
use std::time::Duration;

crate::bugs::planted!(
    "callback-of-the-reply-before",
    "B75",
    'o',
    ["O1", "O7"],
    "a message without a callback goes to the callback of the reply before it"
);

/// What a reply is for: the question.
type Callback = String;

/// A connection on which questions are asked without waiting.
struct Client<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    callbacks: VecDeque<Callback>,
    defect: bool,
}

impl<K: Kernel> Client<K> {
    fn ask(&mut self, question: String) -> Result<()> {
        self.stream.write_all(format!("{question}\n").as_bytes())?;
        self.callbacks.push_back(question);
        Ok(())
    }

    /// Reads once, and calls back whoever is answered.
    fn turn(&mut self) -> Result<()> {
        let mut bytes = [0; 512];
        let n = match self.stream.read(&mut bytes) {
            Err(Errno::EINTR) => return Ok(()),
            n => n?,
        };
        self.lines.feed(&bytes[..n]);
        let mut callback: Option<Callback> = None;
        while let Some(line) = self.lines.next() {
            if !self.defect {
                callback = None;
            }
            // News are for those who have subscribed, and nobody has.
            if line.starts_with('>') {
                sometimes!("news came with a reply before it", self.callbacks.len() < 4);
            } else {
                callback = self.callbacks.pop_front();
            }
            if let Some(callback) = &callback {
                answered(callback, &line);
            }
        }
        Ok(())
    }
}

/// The callback.
fn answered(question: &str, answer: &str) {
    if question != answer {
        fail("O1", "wrong answer", format!("{question:?} was answered by {answer:?}"));
    }
}

/// Answers each line with the same line, and publishes news now and then.
fn serve<K: Kernel>(k: K) -> Result<()> {
    each_in_a_thread(k, PORT, move |stream| {
        let mut lines = Lines::default();
        let mut news = 0;
        while let Ok(Some(line)) = lines.read(&stream) {
            let mut answer = format!("{line}\n");
            if choose("news", 0, 7) == 7 {
                pause(k, "between", Duration::from_millis(1));
                news += 1;
                answer += &format!(">news {news}\n");
            }
            if stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    })
}

fn ask<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let stream = connect(k, server);
    let mut client = Client { stream, lines: Lines::default(), callbacks: VecDeque::new(), defect };
    for round in 0..4 {
        for question in 0..choose("questions", 1, 4) {
            client.ask(format!("round {round} question {question}"))?;
        }
        while !client.callbacks.is_empty() {
            client.turn()?;
        }
        pause(k, "think", Duration::from_millis(2));
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k).unwrap());
    clients(sim, 2, move |k| ask(k, address, defect).unwrap());
}
