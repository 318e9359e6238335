//! Asks, waits for the reply, pauses, asks again.

use super::{Both, Client, Context, End, Pause, Runtime};
use std::time::Duration;

const THINK: Pause = Pause {
    name: "think",
    most: Both { kernel: 3, tokio: 2 },
    unit: Both { kernel: Duration::from_micros(100), tokio: Duration::from_millis(1) },
};

pub(super) async fn steady<R: Runtime>(
    context: &Context<R>,
    connection: u64,
    rounds: u64,
) -> Result<(), End> {
    let mut client = Client::connect(context, connection).await;
    let mut plan = context.plan(connection, 200);
    for _ in 0..rounds {
        client.ask(&plan.request()).await?;
        context.pause(&THINK).await;
    }
    Ok(())
}
