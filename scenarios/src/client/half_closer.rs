//! Asks, ends its writing side, and expects every reply all the same, then the server's end.

use super::{Client, Context, End, Runtime, SocketOption};

pub(super) async fn half_closer<R: Runtime>(
    context: &Context<R>,
    connection: u64,
    depth: u64,
) -> Result<(), End> {
    let mut client = Client::connect(context, connection).await;
    let mut plan = context.plan(connection, 400);
    let mut bytes = Vec::new();
    for _ in 0..context.choose("depth", 1, depth) {
        bytes.extend(client.begin(&plan.request()));
    }
    client.set(SocketOption::Nonblocking(true))?;
    R::send(&mut client, &bytes).await?;
    client.set(SocketOption::Nonblocking(false))?;
    client.shutdown().await?;
    client.receive_all().await?;
    match client.receive(64).await {
        Err(End::Closed) => Ok(()),
        Err(end) => Err(end),
        Ok(()) => {
            let message = format!("client {}: more than was asked for", context.number);
            context.runtime.fail("O1", "reply to nobody", message);
            Ok(())
        }
    }
}
