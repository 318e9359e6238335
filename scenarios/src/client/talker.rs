//! Asks from time to time, before the server takes it for idle.

use super::{Client, Context, End, Runtime};
use crate::workload::Request;
use std::time::Duration;

pub(super) async fn talker<R: Runtime>(
    context: &Context<R>,
    rounds: u64,
    silence_max: Duration,
) -> Result<(), End> {
    let mut client = Client::connect(context, 0).await;
    for round in 0..rounds {
        let silence = context.choose("silence", 0, silence_max.as_millis() as u64);
        context.runtime.sleep(Duration::from_millis(silence)).await;
        client.ask(&Request::Ping(round.to_string().into_bytes())).await?;
    }
    Ok(())
}
