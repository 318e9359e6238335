//! A steady client that notices when it had to wait.

use super::steady::steady;
use super::{Context, End, Runtime};
use std::time::Duration;

pub(super) async fn timed<R: Runtime>(
    context: &Context<R>,
    connections: u64,
    rounds: u64,
    longer_than: Duration,
    mark: &'static str,
) -> Result<(), End> {
    for connection in 0..connections {
        let begun = context.runtime.now();
        steady(context, connection, rounds).await?;
        context.runtime.sometimes(mark, context.runtime.now() - begun > longer_than);
    }
    Ok(())
}
