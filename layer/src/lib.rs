//! What a socket does to a program, for programs on tokio: reads that give a part, writes that take a part, `EAGAIN` as
//! `Pending`, stalls, resets in mid-write. The layer wraps any `AsyncRead + AsyncWrite`; what it does is one keyed
//! choice after another, so that a failure is a seed, replays, and shrinks to the few choices that matter.
//!
//! ```
//! use eagain_layer::Layer;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> std::io::Result<()> {
//! let layer = Layer::seeded(7);
//! let (here, there) = tokio::io::duplex(64);
//! let (mut here, mut there) = (layer.stream("client", here), layer.stream("server", there));
//! here.write_all(b"in pieces, perhaps").await?;
//! drop(here);
//! let mut all = String::new();
//! there.read_to_string(&mut all).await?;
//! assert_eq!(all, "in pieces, perhaps");
//! # Ok(())
//! # }
//! ```
//!
//! Legal by construction: the rest of a short read stays in the stream below and comes with the next poll; after a short
//! write the stream is writable; whatever is pending is woken, at once or by a timer. So a correct program is never
//! blamed, and one that is blamed would fail over TCP some day.
//!
//! A server of one's own under turmoil, its bug found and shrunk: the tutorial in `examples/tokio-line-server`. What the layer
//! cannot express, and how far it was swept: `docs/TOKIO.md`.
//!
//! | file | holds |
//! |---|---|
//! | [`layer`](mod@layer) | the handle: a seed or recorded choices in, streams and a report out |
//! | [`stream`] | one stream: what it does to each call |
//! | `direction` | when a direction is not ready, and who wakes it |
//! | [`listener`] | the same for accepted streams |
//! | [`net`] | `TcpListener` and `TcpStream` with the methods of `tokio::net`: a program changes its imports |
//! | [`runtime`] | a scenario of `eagain_sim` whose world is tokio with paused time |
//! | `turmoil` (a feature) | a scenario whose world is turmoil, its partitions, holds and crashes made by our choices |

#![forbid(unsafe_code)]

mod direction;
pub mod layer;
pub mod listener;
pub mod net;
pub mod runtime;
pub mod stream;
#[cfg(feature = "turmoil")]
pub mod turmoil;

pub use layer::{Entered, FAULTS, Layer};
pub use listener::{Accept, LayeredListener};
pub use runtime::{on_tokio, on_tokio_with};
pub use stream::Layered;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
