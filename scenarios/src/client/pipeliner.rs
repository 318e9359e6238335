//! Asks many things at once: writes as far as there is room, and reads meanwhile, so that neither side waits for the other.

use super::{Client, Context, End, Runtime, SocketOption};

pub(super) async fn pipeliner<R: Runtime>(context: &Context<R>, bursts: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(context, 0).await;
    let mut plan = context.plan(0, 400);
    client.set(SocketOption::Nonblocking(true))?;
    for _ in 0..bursts {
        let mut bytes = Vec::new();
        for _ in 0..context.choose("depth", 1, depth) {
            bytes.extend(client.begin(&plan.request()));
        }
        if let Some(short) = R::exchange(&mut client, &bytes).await? {
            context.runtime.sometimes(eagain_sim::mark!("a client's write was short"), short);
        }
    }
    Ok(())
}
