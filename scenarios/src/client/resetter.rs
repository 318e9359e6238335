//! Leaves somewhere within its last request, with whatever has come unread: a linger time of 0 makes close a reset.

use super::{Both, Client, Context, Pause, Runtime, SocketOption};
use std::time::Duration;

const PAUSE: Pause = Pause {
    name: "pause",
    most: Both { kernel: 5, tokio: 5 },
    unit: Both { kernel: Duration::from_micros(50), tokio: Duration::from_millis(1) },
};

pub(super) async fn resetter<R: Runtime>(context: &Context<R>, connections: u64) {
    for connection in 0..connections {
        let mut client = Client::connect(context, connection).await;
        let mut plan = context.plan(connection, 2000);
        let mut bytes = Vec::new();
        for _ in 0..context.choose("depth", 1, 4) {
            bytes.extend(client.begin(&plan.request()));
        }
        let cut = context.choose("cut", 1, bytes.len() as u64 - 1) as usize;
        let sent = client.send(&bytes[..cut]).await;
        context.runtime.sometimes(eagain_sim::mark!("a request was cut"), sent.is_ok());
        context.pause(&PAUSE).await;
        // It cannot fail on a stream; if it does, the close is an ordinary one.
        let _ = client.set(SocketOption::ResetOnClose);
    }
}
