//! Asks, ends its writing side, and expects every reply all the same, then the server's end.

use super::pipeliner::send_by;
use super::{Client, End, Stage, plan, tag};
use eagain_net::{Kernel, ShutdownHow};
use eagain_sim::{choose, fail};

/// A connection with up to `depth` requests in front of its end.
pub fn half_closer<K: Kernel>(
    k: K,
    stage: &Stage,
    number: u64,
    connection: u64,
    depth: u64,
) -> Result<(), End> {
    let mut client = Client::connect(k, stage, number, tag(number, connection));
    let mut plan = plan(number, connection, 400);
    let mut bytes = Vec::new();
    for _ in 0..choose("depth", 1, depth) {
        bytes.extend(client.begin(&plan.request()));
    }
    // Nothing is sent without reading: where buffers are tight, a thread that writes would wait for us, and we for it.
    client.stream.set_nonblocking(true).map_err(End::Broken)?;
    send_by(k, &mut client, &bytes, |client| client.receive(4096))?;
    client.stream.set_nonblocking(false).map_err(End::Broken)?;
    client.stream.shutdown(ShutdownHow::Write).map_err(End::Broken)?;
    client.receive_all()?;
    match client.receive(64) {
        Err(End::Closed) => Ok(()),
        Err(end) => Err(end),
        Ok(()) => {
            fail("O1", "reply to nobody", format!("client {number}: more than was asked for"));
            Ok(())
        }
    }
}
