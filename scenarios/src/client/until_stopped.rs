//! Counts until the server stops. Which of two counters it is says whether a request was lost or repeated.

use super::{Both, Client, Context, Runtime};
use crate::workload::Request;
use std::time::Duration;

/// Connections that are tried; the server is not there yet, or not any more.
const TRIES: Both<u64> = Both { kernel: 102, tokio: 100 };
/// Whether it sleeps after the last try too.
const SLEEPS_AFTER_THE_LAST: Both<bool> = Both { kernel: false, tokio: true };

pub(super) async fn until_stopped<R: Runtime>(context: &Context<R>) {
    let tries = R::pick(TRIES);
    for connection in 0..tries {
        let Ok(mut client) = Client::try_connect(context, connection).await else {
            if connection + 1 < tries || R::pick(SLEEPS_AFTER_THE_LAST) {
                context.runtime.sleep(Duration::from_millis(10)).await;
            }
            continue;
        };
        let tag = context.tag(connection);
        let mut request = 0_u64;
        while client.ask(&Request::Incr(format!("{tag}{}", request % 2))).await.is_ok() {
            request += 1;
        }
        context.runtime.sometimes(eagain_sim::mark!("a client was answered before the stop"), request > 0);
        return;
    }
}
