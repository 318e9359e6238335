//! A `select!` that gives up on a reply and goes on with the same connection (as redis-py did in 2023): the reply comes
//! after all, and is taken for that of the next question. Repaired: who gives up drops the connection.

use super::connector::{Connector, Program, Stream};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

super::planted_on_tokio!(
    super::LateReply,
    "late-reply",
    "B73",
    'o',
    ["O1"],
    "a reply that was given up is taken for that of the next question"
);

/// How long the client waits for a reply.
const TIMEOUT: Duration = Duration::from_millis(20);

struct LateReply;

impl Program for LateReply {
    async fn serve(mut stream: Stream, _: bool) -> io::Result<()> {
        while let Ok(question) = stream.read_u64().await {
            stream.write_u64(question).await?;
        }
        Ok(())
    }

    async fn client(connector: Connector, defect: bool) -> io::Result<()> {
        let mut pooled = None;
        for question in 0..4 {
            let mut stream = match pooled.take() {
                Some(stream) => stream,
                None => connector.connect().await?,
            };
            let answer = tokio::select! {
                biased;
                answer = ask(&mut stream, question) => Some(answer?),
                () = sleep(TIMEOUT) => None,
            };
            connector.layer.world().sometimes(eagain_sim::mark!("a reply was given up"), answer.is_none());
            if let Some(answer) = answer.filter(|&answer| answer != question) {
                let message = format!("question {question:#x} got the answer {answer:#x}");
                connector.layer.world().fail("O1", "wrong reply", message);
            }
            if answer.is_some() || defect {
                pooled = Some(stream);
            }
        }
        Ok(())
    }
}

async fn ask(stream: &mut Stream, question: u64) -> io::Result<u64> {
    stream.write_u64(question).await?;
    stream.read_u64().await
}
