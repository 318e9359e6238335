//! Takes its leave and stays: says `QUIT`, sees the server's end, and does not end its own side. The server waits for that, so
//! that a reset does not destroy its last bytes, but not for ever.

use super::{Client, Context, End, Idled, Runtime};
use crate::checker::idle::{self, SLACK};
use crate::resp::encode;
use crate::workload::Request;
use std::time::Duration;

/// How often it looks whether anybody is still there.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn leaver<R: Runtime>(context: &Context<R>, linger: Duration) -> Result<(), End> {
    let runtime = &context.runtime;
    let mut client = Client::connect(context, 0).await;
    client.ask(&Request::Ping(b"hello".to_vec())).await?;
    let asked = runtime.now();
    client.send(&encode(&[b"QUIT"])).await?;
    let mut bytes = [0; 64];
    while client.replies.read(&mut bytes).await.map_err(End::Broken)? > 0 {}
    let answered = runtime.now();
    // Who has closed answers what still comes with a reset, which the send behind it sees.
    let limit = answered + linger + SLACK + LOOK * 4;
    while client.send(b"x").await.is_ok() && runtime.now() < limit {
        runtime.sleep(LOOK).await;
    }
    if let Some((site, message)) = idle::check(Idled { asked, answered, until: runtime.now() }, linger) {
        runtime.fail("O11", site, format!("the server lingered: {message}"));
    }
    Ok(())
}
