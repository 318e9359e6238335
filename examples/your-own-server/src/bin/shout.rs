//! The server on Linux: `cargo run -p your-own-server --bin shout -- 127.0.0.1:7000`, then `nc 127.0.0.1 7000`.

use eagain_net::Linux;
use std::process::ExitCode;
use your_own_server::server::{Version, serve};

fn main() -> ExitCode {
    let Some(Ok(address)) = std::env::args().nth(1).map(|text| text.parse()) else {
        eprintln!("usage: shout ADDRESS, such as 127.0.0.1:7000");
        return ExitCode::from(2);
    };
    match serve(Linux, address, Version::Fixed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(errno) => {
            eprintln!("shout: {errno}");
            ExitCode::FAILURE
        }
    }
}
