//! HTTP: hyper's server and client by themselves, and a key-value service on axum with a client on reqwest.

use super::tokio_echo::{Flavor, connect, in_time, runtime};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    Ok(Response::new(Full::new(request.into_body().collect().await?.to_bytes())))
}

/// Echoes bodies, on hyper.
pub fn hyper_server() -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo)));
        }
    })
}

/// Whether a request waits until the connection takes it, as hyper asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// `ready().await` before each request.
    Awaited,
    /// None.
    Assumed,
}

/// Sends `count` bodies over one connection, which is made anew where it is lost.
pub fn hyper_client(server: &str, count: u8, readiness: Readiness) -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        let mut sender = open(server).await;
        let mut done = 0;
        while done < count {
            if readiness == Readiness::Awaited && sender.ready().await.is_err() {
                sender = open(server).await;
                continue;
            }
            let body = Bytes::from(vec![b'a' + done % 26; 10 + 700 * usize::from(done % 5)]);
            let answer = timed(&mut sender, body.clone()).await;
            match answer {
                Ok(received) => {
                    assert!(received == body, "body {done} came back changed");
                    done += 1;
                }
                Err(Some(error)) if error.is_canceled() && !sender.is_closed() => {
                    panic!("a request was refused on a connection that is open: {error}")
                }
                Err(_) => sender = open(server).await,
            }
        }
        println!("{done} bodies came back");
        Ok(())
    })
}

async fn open(server: &str) -> SendRequest<Full<Bytes>> {
    loop {
        let stream = connect(server).await;
        if let Ok((sender, connection)) = handshake(TokioIo::new(stream)).await {
            tokio::spawn(connection);
            return sender;
        }
    }
}

/// `Err(None)`: not in time.
async fn timed(sender: &mut SendRequest<Full<Bytes>>, body: Bytes) -> Result<Bytes, Option<hyper::Error>> {
    let request = Request::post("/echo").header("host", "server").body(Full::new(body)).expect("it is valid");
    let answer = async { sender.send_request(request).await?.into_body().collect().await };
    match tokio::time::timeout(Duration::from_secs(5), answer).await {
        Ok(answer) => answer.map(|body| body.to_bytes()).map_err(Some),
        Err(_) => Err(None),
    }
}

type Values = Arc<Mutex<BTreeMap<String, String>>>;

/// Values by key, on axum.
pub fn axum_server() -> io::Result<()> {
    async fn value(State(values): State<Values>, Path(key): Path<String>) -> String {
        values.lock().expect("no handler panics").get(&key).cloned().unwrap_or_default()
    }
    async fn set_value(State(values): State<Values>, Path(key): Path<String>, body: String) -> &'static str {
        values.lock().expect("no handler panics").insert(key, body);
        "ok"
    }
    runtime(Flavor::MultiThread)?.block_on(async {
        let app = Router::new().route("/{key}", get(value).put(set_value)).with_state(Values::default());
        axum::serve(TcpListener::bind("0.0.0.0:80").await?, app).await
    })
}

/// Sets and gets four keys of its own, on reqwest. Each key has one value: a request that was given up and arrives late, after
/// others, changes nothing.
pub fn reqwest_client(number: u32) -> io::Result<()> {
    runtime(Flavor::MultiThread)?.block_on(async {
        let client = reqwest::Client::new();
        for round in 0..4 {
            let url = format!("http://server/{number}-{round}");
            let value = format!("{number}-").repeat(1 + round * 300);
            loop {
                let answer =
                    in_time(async { client.put(&url).body(value.clone()).send().await?.text().await });
                if answer.await.is_some_and(|text| text == "ok") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let received = loop {
                match in_time(async { client.get(&url).send().await?.text().await }).await {
                    Some(text) => break text,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            assert!(received == value, "key {number}-{round} has lost what was set");
        }
        println!("4 values were set and read");
        Ok(())
    })
}
