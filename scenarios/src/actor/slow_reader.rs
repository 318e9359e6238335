//! Asks for a lot, and takes it in sips, with pauses between them.

use super::pipeliner::exchange_by;
use super::{Client, End, Stage, tag};
use crate::workload::{Request, value};
use eagain_net::{Kernel, sleep};
use eagain_sim::choose;
use std::time::Duration;

/// Stores one value of `length` bytes, and asks for it `times` at once.
pub fn slow_reader<K: Kernel>(
    k: K,
    stage: &Stage,
    number: u64,
    length: usize,
    times: u64,
) -> Result<(), End> {
    let tag = tag(number, 0);
    let mut client = Client::connect(k, stage, number, tag.clone());
    // Before anything is received: the window is small from the start.
    client.stream.set_recv_buffer(2048).map_err(End::Broken)?;
    let key = format!("{tag}large");
    client.ask(&Request::Set(key.clone(), value(&tag, length)))?;
    let mut bytes = Vec::new();
    for _ in 0..times {
        bytes.extend(client.begin(&Request::Get(key.clone())));
    }
    // Nothing is sent without reading: where buffers are tight, a server that holds back would wait for us, and we for it.
    client.stream.set_nonblocking(true).map_err(End::Broken)?;
    exchange_by(k, &mut client, &bytes, |client| {
        client.receive(choose("sip", 1, 4096) as usize)?;
        sleep(k, Duration::from_micros(choose("pause", 0, 5) * 400));
        Ok(())
    })?;
    Ok(())
}
