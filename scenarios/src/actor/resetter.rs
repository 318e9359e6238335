//! Leaves in the middle of a request, and slams the door: a linger time of 0 makes close a reset.

use super::{Client, Stage, plan, tag};
use eagain_net::{Kernel, sleep};
use eagain_sim::{choose, sometimes};
use std::time::Duration;

/// `visits` connections, each cut somewhere within its last request.
pub fn resetter<K: Kernel>(k: K, stage: &Stage, number: u64, visits: u64) {
    for connection in 0..visits {
        let mut client = Client::connect(k, stage, number, tag(number, connection));
        let mut plan = plan(number, connection, 2000);
        let mut bytes = Vec::new();
        for _ in 0..choose("depth", 1, 4) {
            bytes.extend(client.begin(&plan.request()));
        }
        let cut = choose("cut", 1, bytes.len() as u64 - 1) as usize;
        let sent = client.send(&bytes[..cut]);
        sometimes("a request was cut by a reset", sent.is_ok());
        let pause = choose("pause", 0, 5);
        if pause > 0 {
            sleep(k, Duration::from_micros(pause * 50));
        }
        // It cannot fail on a stream; if it does, the close is an ordinary one.
        let _ = client.stream.set_linger(Some(0));
    }
}
