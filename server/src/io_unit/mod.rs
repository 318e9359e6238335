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
//! What they share: `loops` runs one `main_loop` or several, each on a `front` made of a listener and a model; a `home` is what one loop has, its [`peers`] and their
//! [`deadlines`]; a `peer` is a connection with its socket, and `turn` what is done with it when that is ready; `service` has requests executed here or by workers; `watch` is
//! a poller with the loop's sockets in it; [`acceptor`] the listening socket; `signals` what SIGTERM does; an `order_queue`
//! brings what commands ask for and what the storage has to say, and `awaiting_durability` has the replies that wait for it; and [`units`] is what the threads of a server share.

pub mod acceptor;
pub(crate) mod awaiting_durability;
mod blocking;
pub mod connection;
pub mod deadlines;
mod front;
mod home;
pub mod inbox;
mod loops;
mod main_loop;
mod order_queue;
pub mod outbox;
mod peer;
pub mod peers;
pub mod proactor;
mod reactor;
mod service;
mod signals;
mod turn;
pub mod units;
mod watch;
mod window;

pub use connection::{CloseReason, Connection, Phase};
pub(crate) use front::Front;
pub use peer::Peer;
pub use window::Window;

use crate::error::ServeError;
use crate::storage_unit::Storage;
use eagain_net::{Kernel, SocketAddr};
use std::sync::Arc;
use units::Units;

/// Serves, as the configuration says, until a stop is asked for. `ready` is told where it listens.
pub(crate) fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    front: Front<K>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    units.listen_to_storage();
    let at = front.local_addr();
    match front.waker() {
        Some(waker) => loops::run(units, front, waker, || ready(at)),
        None => {
            front.listen()?;
            blocking::run(units, front.acceptors.0, || ready(at)).map_err(ServeError::Kernel)
        }
    }
}
