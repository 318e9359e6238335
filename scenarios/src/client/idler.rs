//! Says nothing after one request, and notes when the server ends the connection.

use super::{Client, Context, End, Runtime};
use crate::checker::idle;
use crate::workload::Request;
use eagain_net::Instant;
use std::time::Duration;

/// What an idler has seen.
#[derive(Clone, Copy, Debug)]
pub struct Idled {
    /// When it last asked: the server heard of it later.
    pub asked: Instant,
    /// When the reply came: the server sent it earlier.
    pub answered: Instant,
    /// When the server ended the connection.
    pub until: Instant,
}

pub(super) async fn idler<R: Runtime>(context: &Context<R>, at_least: Duration) -> Result<(), End> {
    let runtime = &context.runtime;
    let mut client = Client::connect(context, 0).await;
    let asked = runtime.now();
    client.ask(&Request::Ping(b"still here".to_vec())).await?;
    let answered = runtime.now();
    loop {
        match client.receive(64).await {
            Ok(()) => {}
            Err(End::Closed) => break,
            Err(end) => return Err(end),
        }
    }
    if let Some((site, message)) = idle::check(Idled { asked, answered, until: runtime.now() }, at_least) {
        runtime.fail("O11", site, message);
    }
    Ok(())
}
