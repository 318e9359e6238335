//! Asks, waits for the reply, thinks a little, asks again.

use super::{Client, End, Stage, plan, tag};
use eagain_net::{Kernel, sleep};
use eagain_sim::choose;
use std::time::Duration;

/// `rounds` requests over one connection. How it ended, where it ended before.
pub fn steady<K: Kernel>(k: K, stage: &Stage, number: u64, connection: u64, rounds: u64) -> Result<(), End> {
    let mut client = Client::connect(k, stage, number, tag(number, connection));
    let mut plan = plan(number, connection, 200);
    for _ in 0..rounds {
        client.ask(&plan.request())?;
        let pause = choose("think", 0, 3);
        if pause > 0 {
            sleep(k, Duration::from_micros(pause * 100));
        }
    }
    Ok(())
}
