//! Sends every byte by itself, sometimes with a pause behind it.

use super::{Both, Client, Context, End, Runtime, SocketOption};
use std::time::Duration;

const PAUSE: Both<Duration> = Both { kernel: Duration::from_micros(200), tokio: Duration::from_millis(1) };

pub(super) async fn one_byte_writer<R: Runtime>(context: &Context<R>, rounds: u64) -> Result<(), End> {
    let mut client = Client::connect(context, 0).await;
    let mut plan = context.plan(0, 30);
    client.set(SocketOption::NoDelay)?;
    for _ in 0..rounds {
        for byte in client.begin(&plan.request()) {
            client.send(&[byte]).await?;
            if context.choose("pause", 0, 7) > 6 {
                context.runtime.sleep(R::pick(PAUSE)).await;
            }
        }
        client.receive_all().await?;
    }
    Ok(())
}
