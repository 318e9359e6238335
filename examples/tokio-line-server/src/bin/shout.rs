//! The server on real sockets: `cargo run -p tokio-line-server --bin shout-on-tokio -- 127.0.0.1:7000`, then
//! `nc 127.0.0.1 7000`.

use eagain_layer::net::TcpListener;
use std::process::ExitCode;
use tokio_line_server::server::{Version, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: shout-on-tokio ADDRESS, such as 127.0.0.1:7000");
        return ExitCode::from(2);
    };
    let served = async { run(TcpListener::bind(&address).await?, Version::Fixed).await };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shout-on-tokio: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}
