//! `TcpListener` and `TcpStream` with the methods of `tokio::net`, so that a program changes its imports and nothing else:
//!
//! ```diff
//! -use tokio::net::{TcpListener, TcpStream};
//! +use eagain_layer::net::{TcpListener, TcpStream};
//! ```
//!
//! | where the program runs | its streams are | faults |
//! |---|---|---|
//! | under turmoil, in `turmoil::on_turmoil` (feature `turmoil`) | turmoil's | those of the scenario |
//! | on a thread that has [entered](crate::Layer::enter) a layer | tokio's, real sockets | those of the layer |
//! | anywhere else | turmoil's inside a simulation, else tokio's | none |
//!
//! ```
//! use eagain_layer::Layer;
//! use eagain_layer::net::{TcpListener, TcpStream};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let _entered = Layer::seeded(7).enter();
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (server, _) = listener.accept().await?;
//! let (mut read, _write) = server.into_split();
//! client.write_all(b"in pieces, perhaps").await?;
//! drop(client);
//! let mut all = String::new();
//! read.read_to_string(&mut all).await?;
//! assert_eq!(all, "in pieces, perhaps");
//! # Ok(())
//! # }
//! ```
//!
//! The choices about a stream are keyed by the two hosts and an ordinal: `server<client-0#1` is the second connection that
//! `server` accepted from `client-0`, `client-0>server#1` the other end. A host is its name under turmoil, else its IP address.
//!
//! Not here: `TcpSocket`, `try_io`, `async_io`, `poll_accept` and raw descriptors, which turmoil does not have either. Options
//! ([`TcpStream::set_nodelay`] and its like) reach a real socket and do nothing under turmoil.

mod address;
mod any;
#[cfg(feature = "axum")]
mod axum;
mod listener;
mod split;
mod stream;
mod wakers;

pub use address::ToSocketAddrs;
pub use listener::TcpListener;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::TcpStream;
