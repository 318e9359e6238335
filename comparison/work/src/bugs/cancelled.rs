//! A read that is given up midway (`read_exact` in a `select!`): what it had taken from the stream is gone, and the rest
//! of the frame is taken for the next. Repaired: what has come so far is kept outside of what may be given up.

use super::kit::{connect, each_connection, pause, reply, send, within};
use crate::net::Net;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Answers each byte `b` by a frame: two bytes that say how long it is, and so many.
pub async fn serve<N: Net>(n: N) {
    each_connection(n, |n, mut stream| async move {
        let mut question = [0];
        while let Ok(1) = stream.read(&mut question).await {
            let body = reply(usize::from(question[0]));
            if send(&mut stream, &(body.len() as u16).to_be_bytes()).await.is_err() {
                break;
            }
            pause(&n, "work", 5000).await;
            if send(&mut stream, &body).await.is_err() {
                break;
            }
        }
    })
    .await;
}

/// A frame on its way.
#[derive(Default)]
struct Frame {
    bytes: Vec<u8>,
}

impl Frame {
    /// Goes on until the frame is whole. What has come stays here when this is given up.
    async fn read<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<Vec<u8>> {
        loop {
            let want = match self.bytes.first_chunk() {
                Some(&length) => 2 + usize::from(u16::from_be_bytes(length)),
                None => 2,
            };
            if self.bytes.len() == want && want > 2 {
                return Ok(self.bytes.split_off(2));
            }
            let mut bytes = [0; 256];
            let most = (want - self.bytes.len()).min(bytes.len());
            match stream.read(&mut bytes[..most]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                got => self.bytes.extend_from_slice(&bytes[..got]),
            }
        }
    }
}

/// Asks some questions, and looks up from waiting now and then.
pub async fn ask<N: Net>(n: N, defect: bool) -> Result<(), String> {
    let mut stream = connect(&n).await;
    for _ in 0..6 {
        let question = n.choose("question", 1, 255) as u8;
        send(&mut stream, &[question]).await?;
        let mut frame = Frame::default();
        let got = loop {
            let timeout = Duration::from_micros(n.choose("patience", 1000, 20_000));
            if let Some(got) = within(&n, timeout, frame.read(&mut stream)).await {
                break got.map_err(|error| error.to_string())?;
            }
            if defect {
                frame = Frame::default();
            }
        };
        if got != reply(usize::from(question)) {
            return Err("another frame".to_owned());
        }
    }
    Ok(())
}
