//! Asks without a pause, as fast as it can, and reads as fast as it can.

use super::pipeliner::exchange;
use super::{Client, End, Stage, tag};
use crate::workload::{Request, value};
use eagain_net::Kernel;

/// `bursts` pipelines of `depth` requests each, one behind the other.
pub fn flooder<K: Kernel>(k: K, stage: &Stage, number: u64, bursts: u64, depth: u64) -> Result<(), End> {
    let tag = tag(number, 0);
    let mut client = Client::connect(k, stage, number, tag.clone());
    client.stream.set_nonblocking(true).map_err(End::Broken)?;
    for burst in 0..bursts {
        let mut bytes = Vec::new();
        for at in 0..depth {
            bytes.extend(client.begin(&Request::Ping(value(&tag, ((burst + at) % 64) as usize))));
        }
        exchange(k, &mut client, &bytes)?;
    }
    Ok(())
}
