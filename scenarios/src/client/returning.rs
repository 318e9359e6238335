//! A steady client whose connection the network may reset: then it is made anew. Nothing else may end one.

use super::steady::steady;
use super::{Context, End, Runtime};

pub(super) async fn returning<R: Runtime>(
    context: &Context<R>,
    connections: u64,
    rounds: u64,
) -> Result<(), End> {
    for connection in 0..connections {
        match steady(context, connection, rounds).await {
            // On tokio a reset at the server's end may look like an orderly one from here: the layer closes what is below it.
            Err(end) if end.is_reset() || context.ends_anywhere => {
                context.runtime.sometimes(eagain_sim::mark!("a connection was reset"), true);
            }
            done => return done,
        }
    }
    Ok(())
}
