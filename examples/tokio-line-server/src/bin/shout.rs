//! The server on real sockets: `cargo run -p tokio-line-server --bin shout-on-tokio -- 127.0.0.1:7000`, then
//! `nc 127.0.0.1 7000`.

use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio_line_server::server::{Version, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: shout-on-tokio ADDRESS, such as 127.0.0.1:7000");
        return ExitCode::from(2);
    };
    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("shout-on-tokio: {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, Version::Fixed))),
            Err(error) => eprintln!("shout-on-tokio: {error}"),
        }
    }
}
