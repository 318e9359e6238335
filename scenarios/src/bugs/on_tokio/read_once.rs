//! A read that is assumed to return one whole request: a request that comes in two parts is answered twice, and wrongly.
//! Repaired: the server reads on until it has as many bytes as the request's head says.

use super::connector::{Connector, Program, Stream};
use crate::bugs::common::reply;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

super::planted_on_tokio!(
    super::ReadOnce,
    "read-once",
    "tokio",
    'c',
    ["O1"],
    "what one read brings is taken for a whole request"
);

struct ReadOnce;

/// What a request comes to: its length and the sum of its bytes.
fn digest(request: &[u8]) -> [u8; 8] {
    let sum: u32 = request.iter().map(|&byte| u32::from(byte)).sum();
    (u64::from(sum) << 32 | request.len() as u64).to_be_bytes()
}

impl Program for ReadOnce {
    async fn serve(mut stream: Stream, defect: bool) -> io::Result<()> {
        let mut buffer = [0; 2048];
        loop {
            let mut count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            while !defect && (count < 2 || count < whole(&buffer)) {
                match stream.read(&mut buffer[count..]).await? {
                    0 => return Ok(()),
                    more => count += more,
                }
            }
            stream.write_all(&digest(&buffer[..count])).await?;
        }
    }

    async fn client(connector: Connector, _: bool) -> io::Result<()> {
        let mut stream = connector.connect().await?;
        for _ in 0..connector.layer.choose("questions", 1, 6) {
            let length = connector.layer.choose("length", 0, 1000) as u16;
            let mut request = length.to_be_bytes().to_vec();
            request.extend(reply(length.into()));
            stream.write_all(&request).await?;
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).await?;
            if answer != digest(&request) {
                let got = u32::from_be_bytes([answer[4], answer[5], answer[6], answer[7]]);
                let message = format!("{got} bytes of a request of {} were answered", request.len());
                connector.layer.world().fail("O1", "wrong answer", message);
            }
        }
        Ok(())
    }
}

/// The length of the request that begins in `buffer`, with its head.
fn whole(buffer: &[u8]) -> usize {
    2 + usize::from(u16::from_be_bytes([buffer[0], buffer[1]]))
}
