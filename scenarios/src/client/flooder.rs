//! Asks without a pause, as fast as it can, and reads as fast as it can.

use super::{Client, Context, End, Runtime, SocketOption};
use crate::workload::{Request, value};

pub(super) async fn flooder<R: Runtime>(context: &Context<R>, bursts: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(context, 0).await;
    client.set(SocketOption::Nonblocking(true))?;
    let tag = context.tag(0);
    for burst in 0..bursts {
        let mut bytes = Vec::new();
        for at in 0..depth {
            bytes.extend(client.begin(&Request::Ping(value(&tag, ((burst + at) % 64) as usize))));
        }
        R::exchange(&mut client, &bytes).await?;
    }
    Ok(())
}
