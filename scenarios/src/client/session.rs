//! A connection on which a client asks whatever it likes, one request at a time: for promises that the model of
//! `crate::workload` does not know.

use super::{Context, End, Runtime};
use crate::resp::{Decoder, Frame, encode};
use std::io;
use std::time::Duration;

/// A connection.
pub struct Session<R: Runtime> {
    reader: R::Reader,
    writer: R::Writer,
    decoder: Decoder,
}

impl<R: Runtime> Session<R> {
    /// Connects, again after a while where nobody listens yet.
    pub async fn connect(context: &Context<R>) -> Session<R> {
        loop {
            if let Ok((reader, writer)) = context.runtime.connect(context.number).await {
                return Session { reader, writer, decoder: Decoder::default() };
            }
            context.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a request, and waits for its reply.
    pub async fn ask(&mut self, words: &[&str]) -> Result<Frame, End> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.send(&encode(&words)).await?;
        self.reply().await
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        R::write_all(&mut self.writer, bytes).await.map_err(End::Broken)
    }

    /// Waits for the next reply.
    pub async fn reply(&mut self) -> Result<Frame, End> {
        loop {
            match self.decoder.next_reply() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(why) => return Err(End::Broken(io::Error::other(why.to_string()))),
            }
            let mut bytes = vec![0; 4096];
            match R::read(&mut self.reader, &mut bytes).await.map_err(End::Broken)? {
                0 => return Err(End::Closed),
                count => self.decoder.feed(&bytes[..count]),
            }
        }
    }
}
