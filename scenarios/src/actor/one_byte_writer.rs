//! Sends every byte by itself, sometimes with a pause behind it.

use super::{Client, End, Stage, plan, tag};
use eagain_net::{Kernel, sleep};
use eagain_sim::choose;
use std::time::Duration;

/// `rounds` requests, a byte at a time.
pub fn one_byte_writer<K: Kernel>(k: K, stage: &Stage, number: u64, rounds: u64) -> Result<(), End> {
    let mut client = Client::connect(k, stage, number, tag(number, 0));
    let mut plan = plan(number, 0, 30);
    client.stream.set_nodelay(true).map_err(End::Broken)?;
    for _ in 0..rounds {
        for byte in client.begin(&plan.request()) {
            client.send(&[byte])?;
            let pause = choose("pause", 0, 7);
            if pause > 6 {
                sleep(k, Duration::from_micros(200));
            }
        }
        client.receive_all()?;
    }
    Ok(())
}
