//! A `select!` between the next frame and a tick: when the tick comes first, the future that reads is dropped, and with it
//! the half of a frame that it had. What follows is read from the middle on, and the wrong thing is answered. Repaired:
//! what was read of a frame outlives the `select!`.

use super::connector::{Connector, Program, Stream};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::task::spawn_local;
use tokio::time::sleep;

super::planted_on_tokio!(
    super::HalfAFrame,
    "half-a-frame",
    "tokio",
    'c',
    ["O1"],
    "a select! drops a read that has half of a frame"
);

/// How often the server does its periodic work.
const TICK: Duration = Duration::from_millis(5);
/// A frame: the question, again and again.
const BYTES: usize = 256;

struct HalfAFrame;

/// What was read of a frame.
struct Frame {
    bytes: [u8; BYTES],
    got: usize,
}

impl Frame {
    fn new() -> Frame {
        Frame { bytes: [0; BYTES], got: 0 }
    }

    /// Reads what is missing. `None`: the stream ended.
    async fn fill(&mut self, stream: &mut Stream) -> io::Result<Option<u64>> {
        while self.got < self.bytes.len() {
            match stream.read(&mut self.bytes[self.got..]).await? {
                0 => return Ok(None),
                count => self.got += count,
            }
        }
        Ok(self.bytes.first_chunk().map(|&first| u64::from_be_bytes(first)))
    }
}

impl Program for HalfAFrame {
    async fn serve(mut stream: Stream, defect: bool) -> io::Result<()> {
        let mut frame = Frame::new();
        loop {
            if defect {
                frame = Frame::new();
            }
            let filled = tokio::select! {
                biased;
                filled = frame.fill(&mut stream) => filled?,
                () = sleep(TICK) => continue,
            };
            let Some(question) = filled else { return Ok(()) };
            stream.write_u64(question).await?;
            frame = Frame::new();
        }
    }

    async fn client(connector: Connector, _: bool) -> io::Result<()> {
        let questions: Vec<u64> = (1..=6).map(|n| n * 0x0101_0204_0810_2041).collect();
        let (mut read, mut write) = split(connector.connect().await?);
        let to_ask = questions.clone();
        let writer = spawn_local(async move {
            for question in to_ask {
                write.write_all(&question.to_be_bytes().repeat(BYTES / 8)).await?;
            }
            write.shutdown().await
        });
        for question in questions {
            let answer = read.read_u64().await.ok();
            if answer != Some(question) {
                let answer = answer.map_or("the end".to_owned(), |answer| format!("{answer:#x}"));
                let message = format!("question {question:#x} was answered by {answer}");
                connector.layer.world().fail("O1", "wrong reply", message);
                return Ok(());
            }
        }
        writer.await?
    }
}
