//! A write that is assumed to have written all: where the buffer had less room, the end of the reply is lost. Repaired:
//! `write_all`.

use super::connector::{Connector, Program, Stream};
use crate::bugs::common::reply;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::task::spawn_local;

super::planted_on_tokio!(
    super::ShortWrite,
    "short-write",
    "tokio",
    'b',
    ["O2"],
    "the count of bytes that a write took is not looked at"
);

struct ShortWrite;

impl Program for ShortWrite {
    async fn serve(mut stream: Stream, defect: bool) -> io::Result<()> {
        while let Ok(length) = stream.read_u32().await {
            let reply = reply(length as usize);
            if defect {
                let _ = stream.write(&reply).await?;
            } else {
                stream.write_all(&reply).await?;
            }
        }
        Ok(())
    }

    async fn client(connector: Connector, _: bool) -> io::Result<()> {
        let lengths: Vec<u64> = (0..connector.layer.choose("questions", 1, 6))
            .map(|_| connector.layer.choose("length", 2, 1000))
            .collect();
        let expected: Vec<u8> = lengths.iter().flat_map(|&length| reply(length as usize)).collect();
        let (mut read, mut write) = split(connector.connect().await?);
        let writer = spawn_local(async move {
            for &length in &lengths {
                write.write_u32(length as u32).await?;
            }
            write.shutdown().await
        });
        let mut got = Vec::new();
        read.read_to_end(&mut got).await?;
        writer.await??;
        if got != expected {
            let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
            let message =
                format!("{} bytes of {}, and from byte {same} on others", got.len(), expected.len());
            connector.layer.world().fail("O2", "reply differs", message);
        }
        Ok(())
    }
}
