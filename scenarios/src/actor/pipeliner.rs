//! Asks many things at once: writes as far as there is room, and reads meanwhile, so that neither side waits for the other.

use super::{Client, End, Stage, plan, tag};
use eagain_net::*;
use eagain_sim::{choose, sometimes};

/// `bursts` pipelines of up to `depth` requests each.
pub fn pipeliner<K: Kernel>(k: K, stage: &Stage, number: u64, bursts: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(k, stage, number, tag(number, 0));
    let mut plan = plan(number, 0, 400);
    client.stream.set_nonblocking(true).map_err(End::Broken)?;
    for _ in 0..bursts {
        let mut bytes = Vec::new();
        for _ in 0..choose("depth", 1, depth) {
            bytes.extend(client.begin(&plan.request()));
        }
        let short = exchange(k, &mut client, &bytes)?;
        sometimes("a client's write was short", short);
    }
    Ok(())
}

/// Sends all of `bytes` and receives every reply, whichever can be done. `true`: a write was short.
pub(super) fn exchange<K: Kernel>(k: K, client: &mut Client<K>, bytes: &[u8]) -> Result<bool, End> {
    exchange_by(k, client, bytes, |client| client.receive(4096))
}

/// The same, where `receive` takes what it likes of what is there. The client is non-blocking.
pub(super) fn exchange_by<K: Kernel>(
    k: K,
    client: &mut Client<K>,
    bytes: &[u8],
    mut receive: impl FnMut(&mut Client<K>) -> Result<(), End>,
) -> Result<bool, End> {
    let short = send_by(k, client, bytes, &mut receive)?;
    while client.outstanding() > 0 {
        wait_for(k, client, Events::IN)?;
        taken(receive(client))?;
    }
    Ok(short)
}

/// Sends all of `bytes`, and receives what comes meanwhile. The client is non-blocking. `true`: a write was short.
pub(super) fn send_by<K: Kernel>(
    k: K,
    client: &mut Client<K>,
    bytes: &[u8],
    mut receive: impl FnMut(&mut Client<K>) -> Result<(), End>,
) -> Result<bool, End> {
    let mut short = false;
    let mut rest = bytes;
    while !rest.is_empty() {
        wait_for(k, client, Events::IN | Events::OUT)?;
        match client.stream.write(rest) {
            Ok(n) => {
                short |= n < rest.len();
                rest = &rest[n..];
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(End::Broken(errno)),
        }
        taken(receive(client))?;
    }
    Ok(short)
}

fn wait_for<K: Kernel>(k: K, client: &Client<K>, wanted: Events) -> Result<(), End> {
    match k.poll(&mut [PollFd::new(client.stream.fd(), wanted)], None, None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(End::Broken(errno)),
    }
}

/// Nothing was there: the next time.
fn taken(received: Result<(), End>) -> Result<(), End> {
    match received {
        Err(End::Broken(Errno::EAGAIN)) => Ok(()),
        other => other,
    }
}
