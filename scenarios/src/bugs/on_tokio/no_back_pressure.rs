//! An echo that queues without a bound what its peer does not take (Appwrite 2026 among many): a reader task feeds a
//! writer task, and one peer that stalls makes the process grow. Repaired: the queue has a bound, so that the reader waits,
//! and with it the peer.
//!
//! It is checked from outside: what the client has got rid of and not got back is in the pipes, whose size is known, or in
//! the server.

use super::connector::{Connector, PIPE_BYTES, Program, Stream};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;

super::planted_on_tokio!(
    super::BackPressure,
    "no-back-pressure",
    "B43",
    'i',
    ["O4"],
    "what a slow peer does not take is queued without a bound"
);

/// A message.
const BYTES: usize = 1 << 10;
/// How many the client sends.
const MESSAGES: usize = 64;
/// What the queue may hold, in messages.
const QUEUE: usize = 4;
/// What fits into a connection of turmoil, in messages.
const SEGMENTS: usize = PIPE_BYTES / BYTES;
/// What the pipes may hold, there and back.
const IN_PIPES: usize = 2 * PIPE_BYTES;
/// What may be on its way: the pipes, the queue, a message that the server has read and not yet written, for each, and two more.
const ALLOWED: usize = IN_PIPES + (QUEUE + 4) * BYTES;

struct BackPressure;

impl Program for BackPressure {
    const SEGMENTS: usize = SEGMENTS;

    async fn serve(stream: Stream, defect: bool) -> io::Result<()> {
        let (mut read, mut write) = split(stream);
        let bound = if defect { Semaphore::MAX_PERMITS } else { QUEUE };
        let (queue, mut queued) = mpsc::channel::<Vec<u8>>(bound);
        let writer = spawn_local(async move {
            while let Some(bytes) = queued.recv().await {
                write.write_all(&bytes).await?;
            }
            write.shutdown().await
        });
        let mut buffer = [0; BYTES];
        loop {
            let count = read.read(&mut buffer).await?;
            if count == 0 || queue.send(buffer[..count].to_vec()).await.is_err() {
                break;
            }
        }
        drop(queue);
        writer.await?
    }

    async fn client(connector: Connector, _: bool) -> io::Result<()> {
        let world = connector.layer.world().clone();
        let (mut read, mut write) = split(connector.connect().await?);
        let under_way = Rc::new(Cell::new(0));
        let sent = under_way.clone();
        let writer = spawn_local(async move {
            for _ in 0..MESSAGES {
                write.write_all(&[b'x'; BYTES]).await?;
                sent.set(sent.get() + BYTES);
                if sent.get() > ALLOWED {
                    let message = format!("{} bytes are on their way, {ALLOWED} may be", sent.get());
                    world.fail("O4", "queue", message);
                }
                sleep(Duration::from_millis(1)).await;
            }
            // It stays open until all is back.
            Ok::<_, io::Error>(write)
        });
        let mut left = MESSAGES * BYTES;
        let mut buffer = [0; BYTES];
        while left > 0 {
            match read.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    left -= count;
                    under_way.set(under_way.get().saturating_sub(count));
                }
            }
        }
        drop(writer.await?);
        Ok(())
    }
}
