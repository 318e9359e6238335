//! Clients with a character, as in `crate::actor`, for tasks.

use super::client::{Client, End, Stage};
use crate::actor::Idled;
use crate::workload::{Request, value};

/// Asks, waits for the reply, thinks a little, asks again.
pub(super) async fn steady(stage: &Stage, number: u64, connection: u64, rounds: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, connection).await;
    let mut plan = stage.plan(number, &client.tag(), 200);
    for _ in 0..rounds {
        client.ask(&plan.request()).await?;
        stage.pause(number, "think", 2).await;
    }
    Ok(())
}

/// `bursts` pipelines of up to `depth` requests each.
pub(super) async fn pipeliner(stage: &Stage, number: u64, bursts: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, 0).await;
    let mut plan = stage.plan(number, &client.tag(), 400);
    for _ in 0..bursts {
        let mut bytes = Vec::new();
        for _ in 0..stage.choose(number, "depth", 1, depth) {
            bytes.extend(client.begin(&plan.request()));
        }
        client.exchange(&bytes).await?;
    }
    Ok(())
}

/// Stores one value of `length` bytes, asks for it `times` at once, and takes it in sips.
pub(super) async fn slow_reader(stage: &Stage, number: u64, length: usize, times: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, 0).await;
    let key = format!("{}large", client.tag());
    let large = value(&client.tag(), length);
    client.ask(&Request::Set(key.clone(), large)).await?;
    let mut bytes = Vec::new();
    for _ in 0..times {
        bytes.extend(client.begin(&Request::Get(key.clone())));
    }
    client.writer.send(&bytes).await?;
    while client.reader.outstanding() > 0 {
        client.reader.receive(stage.choose(number, "sip", 64, 4096) as usize).await?;
        stage.pause(number, "pause", 2).await;
    }
    Ok(())
}

/// Up to `depth` requests, then the end of the writing side; every reply, and the server's end.
pub(super) async fn half_closer(stage: &Stage, number: u64, connection: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, connection).await;
    let mut plan = stage.plan(number, &client.tag(), 400);
    let mut bytes = Vec::new();
    for _ in 0..stage.choose(number, "depth", 1, depth) {
        bytes.extend(client.begin(&plan.request()));
    }
    client.writer.send(&bytes).await?;
    client.writer.shutdown().await?;
    client.reader.receive_all().await?;
    match client.reader.receive(64).await {
        Err(End::Closed) => Ok(()),
        // `receive` has said so: a reply to nobody.
        done => done,
    }
}

/// `rounds` requests, a byte at a time.
pub(super) async fn one_byte_writer(stage: &Stage, number: u64, rounds: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, 0).await;
    let mut plan = stage.plan(number, &client.tag(), 30);
    for _ in 0..rounds {
        for byte in client.begin(&plan.request()) {
            client.writer.send(&[byte]).await?;
            if stage.choose(number, "pause", 0, 7) > 6 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
        client.reader.receive_all().await?;
    }
    Ok(())
}

/// `visits` connections, each left somewhere within its last request, with whatever has come unread.
pub(super) async fn leaver(stage: &Stage, number: u64, visits: u64) {
    for connection in 0..visits {
        let mut client = Client::connect(stage, number, connection).await;
        let mut plan = stage.plan(number, &client.tag(), 2000);
        let mut bytes = Vec::new();
        for _ in 0..stage.choose(number, "depth", 1, 4) {
            bytes.extend(client.begin(&plan.request()));
        }
        let cut = stage.choose(number, "cut", 1, bytes.len() as u64 - 1) as usize;
        let sent = client.writer.send(&bytes[..cut]).await;
        stage.layer.world().sometimes("a request was cut", sent.is_ok());
        stage.pause(number, "pause", 5).await;
    }
}

/// One request, and then silence until the server ends the connection.
pub(super) async fn idler(stage: &Stage, number: u64) -> Result<Idled, End> {
    let mut client = Client::connect(stage, number, 0).await;
    let asked = stage.now();
    client.ask(&Request::Ping(b"still here".to_vec())).await?;
    let answered = stage.now();
    loop {
        match client.reader.receive(64).await {
            Ok(()) => {}
            Err(End::Closed) => return Ok(Idled { asked, answered, until: stage.now() }),
            Err(end) => return Err(end),
        }
    }
}

/// `bursts` pipelines of `depth` requests each, one behind the other.
pub(super) async fn flooder(stage: &Stage, number: u64, bursts: u64, depth: u64) -> Result<(), End> {
    let mut client = Client::connect(stage, number, 0).await;
    for burst in 0..bursts {
        let mut bytes = Vec::new();
        for at in 0..depth {
            let payload = value(&client.tag(), ((burst + at) % 64) as usize);
            bytes.extend(client.begin(&Request::Ping(payload)));
        }
        client.exchange(&bytes).await?;
    }
    Ok(())
}
