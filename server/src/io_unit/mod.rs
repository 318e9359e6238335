//! The I/O unit: bytes in, requests out; replies in, bytes out.
//!
//! [`connection`] is the one state machine under every I/O model and pattern, with [`inbox`] and [`outbox`] as its
//! two buffers. It knows neither sockets nor clocks: a driver hands it bytes and the time, and asks it what it wants.
//!
//! The drivers are written over the kernel's traits, and chosen when the server starts:
//!
//! | driver | models | who does what |
//! |---|---|---|
//! | `reactor` | readiness | the main thread waits; workers read, handle and write |
//! | [`proactor::emulated`] | readiness | the main thread reads and writes; workers handle |
//! | [`proactor::completion`] | completion | the kernel reads and writes; workers handle |
//! | `blocking` | blocking | a thread per connection does all of it |
//! | [`crate::tokio_driver`] | tokio | a task per connection does all of it, on one thread |
//!
//! What they share:
//!
//! | file | what |
//! |---|---|
//! | `loops` | starts one event loop or several, each a `main_loop` |
//! | `loop_setup` | what a loop needs before it begins: its listeners and its I/O model |
//! | `loop_context` | what a loop has while it runs: its [`peers`] and their [`deadlines`] |
//! | `poll_set` | a poller with the sockets of a loop in it |
//! | [`acceptor`] | a listening socket |
//! | `peer`, `turn` | a connection with its socket, and what is done with it when the socket is ready |
//! | `service` | has requests executed, on this thread or by workers |
//! | `signals` | what SIGTERM and SIGINT do |
//! | `order_queue` | what commands and the storage ask of the loops |
//! | `awaiting_durability` | the replies that wait for the storage |
//! | [`units`] | what the threads of a server share |

pub mod acceptor;
pub(crate) mod awaiting_durability;
mod blocking;
pub mod connection;
pub mod deadlines;
pub mod inbox;
mod loop_context;
mod loop_setup;
mod loops;
mod main_loop;
mod order_queue;
pub mod outbox;
mod peer;
pub mod peers;
mod poll_set;
pub mod proactor;
mod reactor;
mod scratch;
mod service;
mod signals;
mod turn;
pub mod units;
mod window;

pub use connection::{CloseReason, Connection, Phase};
pub(crate) use loop_setup::LoopSetup;
pub use peer::Peer;
pub use window::Window;

use crate::error::ServeError;
use crate::storage_unit::Storage;
use eagain_net::{Kernel, SocketAddr};
use std::sync::Arc;
use units::Units;

/// Serves, as the configuration says, until a stop is asked for. `ready` is called with the address at which it listens.
pub(crate) fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    setup: LoopSetup<K>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    units.listen_to_storage();
    let at = setup.local_addr();
    match setup.waker() {
        Some(waker) => loops::run(units, setup, waker, || ready(at)),
        None => {
            setup.listen()?;
            blocking::run(units, setup.acceptors.0, || ready(at)).map_err(ServeError::Kernel)
        }
    }
}
