//! A steady client that is sooner or later served, whatever becomes of its connections meanwhile.

use super::steady::steady;
use super::{Context, End, Runtime};
use std::time::Duration;

pub(super) async fn reconnecting<R: Runtime>(
    context: &Context<R>,
    connections: u64,
    rounds: u64,
    timeout: Duration,
) {
    let Context { runtime, number, .. } = context;
    for connection in 0..connections {
        match runtime.timeout(timeout, steady(context, connection, rounds)).await {
            Some(Ok(())) => return,
            Some(Err(End::Closed)) | None => {}
            Some(Err(end)) => runtime.sometimes(eagain_sim::mark!("a connection was reset"), end.is_reset()),
        }
        runtime.sleep(Duration::from_millis(10)).await;
    }
    let message = format!("client {number} was never served, long after everything had healed");
    runtime.fail("O6", "not served", message);
}
