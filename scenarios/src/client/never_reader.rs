//! Asks for far more than buffers hold, and reads nothing for so long that the server has to have given up; then it takes what
//! is there.

use super::{Client, Context, End, Runtime, SocketOption};
use crate::checker::idle::SLACK;
use crate::workload::{Request, value};
use std::time::Duration;

pub(super) async fn never_reader<R: Runtime>(
    context: &Context<R>,
    length: u64,
    times: usize,
    stall: Duration,
) -> Result<(), End> {
    let runtime = &context.runtime;
    let mut client = Client::connect(context, 0).await;
    // Before anything is received: the window is small from the start.
    client.set(SocketOption::ReceiveBuffer(2048))?;
    let tag = context.tag(0);
    let key = format!("{tag}large");
    client.ask(&Request::Set(key.clone(), value(&tag, length as usize))).await?;
    // Where the server reads no more of it, it waits here.
    match client.send(&Request::Get(key).encode().repeat(times)).await {
        Err(end) if end.is_reset() => return Ok(()),
        sent => sent?,
    }
    runtime.sleep(stall + SLACK).await;
    let (mut taken, mut bytes) = (0, vec![0; 64 << 10]);
    loop {
        match client.replies.read(&mut bytes).await.map_err(End::Broken) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(end) if end.is_reset() => break,
            Err(end) => return Err(end),
        }
        if taken as u64 >= length * times as u64 {
            let message = format!("a client that took nothing for {:?} was kept", stall + SLACK);
            runtime.fail("O11", "stalled write late", message);
            break;
        }
    }
    Ok(())
}
