//! The stories with `model=tokio`: the same server as tasks of tokio, on `turmoil::net` with the stream layer over every
//! connection, at both ends. What goes wrong, on streams and between hosts, is made of the run's choices; so hash, replay,
//! shrinking and reports are the same as everywhere.
//!
//! | file | holds |
//! |---|---|
//! | `play` | the world of a story: server, clients, operator, auditor |
//! | `client` | a connection of a client, as tasks have it |
//! | `cast` | clients with a character, as in `crate::actor` |
//! | `told` | the stories |
//! | `sockets` | the same on `tokio::net` and real sockets, where a run is not a function of its seed |
//! | [`cluster`] | a story of its own: access, logic and storage servers, each on a host |
//! | `customer` | a client of the cluster |
//! | [`weather`] | a story of its own: hosts crash, the network breaks, and clients come again |

mod cast;
mod client;
pub mod cluster;
mod customer;
mod play;
mod sockets;
mod told;
pub mod weather;

use eagain_sim::Sim;

pub use sockets::tell_on_sockets;

/// Tells the story `name` on turmoil, where it can be told there.
pub fn tell(sim: &mut Sim, name: &str) {
    match told::ALL.iter().find(|story| story.name == name) {
        Some(story) => play::play(sim, story),
        None => sim.refuse(format!("tokio: `{name}` is about what this model's world does not have")),
    }
}
