//! Asks for a lot, and reads it in small pieces, with pauses between them.

use super::{Both, Client, Context, End, Runtime, SocketOption};
use crate::workload::{Request, value};
use std::time::Duration;

const SIP_MIN: Both<u64> = Both { kernel: 1, tokio: 64 };
const PAUSE_MAX: Both<u64> = Both { kernel: 5, tokio: 2 };
const PAUSE_UNIT: Both<Duration> =
    Both { kernel: Duration::from_micros(400), tokio: Duration::from_millis(1) };

pub(super) async fn slow_reader<R: Runtime>(
    context: &Context<R>,
    (shortest, longest): (u64, u64),
    times: u64,
) -> Result<(), End> {
    let length = if shortest < longest { context.choose("length", shortest, longest) } else { longest };
    let mut client = Client::connect(context, 0).await;
    // Before anything is received: the window is small from the start.
    client.set(SocketOption::ReceiveBuffer(2048))?;
    let tag = context.tag(0);
    let key = format!("{tag}large");
    client.ask(&Request::Set(key.clone(), value(&tag, length as usize))).await?;
    let mut bytes = Vec::new();
    for _ in 0..times {
        bytes.extend(client.begin(&Request::Get(key.clone())));
    }
    client.set(SocketOption::Nonblocking(true))?;
    R::exchange_by(&mut client, &bytes, async |client| {
        client.receive(context.choose("sip", R::pick(SIP_MIN), 4096) as usize).await?;
        let pause = context.choose("pause", 0, R::pick(PAUSE_MAX));
        context.runtime.sleep(R::pick(PAUSE_UNIT) * pause as u32).await;
        Ok(())
    })
    .await
}
