//! mini-redis, server and client, as they are on crates.io.

use super::tokio_echo::{Flavor, runtime};
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The server, which takes no signal here: it runs until it is killed.
pub fn server() -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:6379").await?;
        mini_redis::server::run(listener, std::future::pending::<()>()).await.map_err(io::Error::other)
    })
}

/// Sets and gets ten keys of its own, and one that expires.
pub fn client(number: u32) -> mini_redis::Result<()> {
    runtime(Flavor::CurrentThread)?.block_on(async {
        let mut client = loop {
            match mini_redis::client::connect("server:6379").await {
                Ok(client) => break client,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        };
        for i in 0..10 {
            let key = format!("{number}-{i}");
            let value = bytes::Bytes::from(vec![b'x'; 1 + 200 * i]);
            client.set(&key, value.clone()).await?;
            assert!(client.get(&key).await? == Some(value), "{key} is not what was set");
        }
        let key = format!("{number}-expires");
        client.set_expires(&key, "1".into(), Duration::from_secs(2)).await?;
        sleep(Duration::from_secs(3)).await;
        assert!(client.get(&key).await?.is_none(), "{key} has not expired");
        Ok(())
    })
}
