//! The comparison's worlds as an unmodified program: the same source on tokio itself, its real runtime, driver and sockets,
//! whose system calls eagain's simulated kernel answers. `speed MILLISECONDS` measures, as the peers' programs do; `costs` says
//! what calls and switches cost; the rest is the `eagain` command, with `bugs` over the peers' very programs.

mod bugs;
mod costs;
mod speed;

use comparison_work::net::Net;
use eagain::sim::cli::{Extra, Registry, main_with};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// The first host of a world has this address.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7);

/// tokio as it is.
#[derive(Clone)]
struct Tokio;

impl Net for Tokio {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind(("0.0.0.0", SERVER.port())).await
    }

    async fn accept(&self, listener: &TcpListener) -> io::Result<TcpStream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(SERVER).await
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn choose(&self, name: &'static str, low: u64, high: u64) -> u64 {
        eagain::choose(name, low, high)
    }
}

/// The program of a process: a runtime of one thread, as the peers have.
fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(task)
}

fn main() -> ExitCode {
    main_with(&Registry {
        scenarios: &[speed::echo::SCENARIO, speed::bulk::SCENARIO],
        bugs: bugs::PLANTED,
        extras: &[
            Extra { name: "speed", about: "Measure", run: speed::main },
            Extra { name: "costs", about: "Measure calls, switches and memory", run: costs::main },
        ],
        regressions: "regressions",
        executor: eagain::executor,
    })
}
