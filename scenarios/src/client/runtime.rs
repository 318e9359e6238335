//! What a client runs on: the simulated kernel, whose calls block, or tokio. A few values differ between the two, and are
//! pairs: a simulated call takes microseconds, a step of turmoil a millisecond.

use super::{Client, End};
use crate::history::History;
use crate::workload::Plan;
use eagain_net::Instant;
use std::future::Future;
use std::io;
use std::time::Duration;

/// What differs between the simulated kernel and tokio.
#[derive(Clone, Copy, Debug)]
pub struct Both<T> {
    /// On the simulated kernel.
    pub kernel: T,
    /// On tokio.
    pub tokio: T,
}

/// How the sockets of a client are set.
#[derive(Clone, Copy, Debug)]
pub enum SocketOption {
    /// `SO_RCVBUF` of so many bytes.
    ReceiveBuffer(u32),
    /// `TCP_NODELAY`.
    NoDelay,
    /// `O_NONBLOCK`.
    Nonblocking(bool),
    /// `SO_LINGER` with a time of 0: `close` resets the connection.
    ResetOnClose,
    /// `SO_RCVTIMEO` and `SO_SNDTIMEO`.
    Timeout(Duration),
}

/// Sockets, time and choices.
pub trait Runtime: Clone + 'static {
    /// The reading side of a connection.
    type Reader;
    /// Its writing side.
    type Writer;

    /// The value that holds here.
    fn pick<T>(both: Both<T>) -> T;
    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// A choice of client `client`.
    fn choose(&self, client: u64, name: &'static str, low: u64, high: u64) -> u64;
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
    /// `work`, or `None` where it took longer than `limit`. A blocking call cannot be given up: never on the simulated kernel.
    fn timeout<T>(&self, limit: Duration, work: impl Future<Output = T>) -> impl Future<Output = Option<T>>;
    /// A connection to the server, of client `client`.
    fn connect(&self, client: u64) -> impl Future<Output = io::Result<(Self::Reader, Self::Writer)>>;
    /// Sets an option where there is such a thing; tokio's streams have none of them.
    fn set(writer: &Self::Writer, option: SocketOption) -> io::Result<()>;
    /// `read(2)`, again after a signal.
    fn read(reader: &mut Self::Reader, bytes: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
    /// Writes all of it.
    fn write_all(writer: &mut Self::Writer, bytes: &[u8]) -> impl Future<Output = io::Result<()>>;
    /// Ends the writing side.
    fn shutdown(writer: &mut Self::Writer) -> impl Future<Output = io::Result<()>>;
    /// Sends all of `bytes`; receives meanwhile, where both ends could otherwise wait for each other. The client is
    /// non-blocking.
    fn send(client: &mut Client<Self>, bytes: &[u8]) -> impl Future<Output = Result<(), End>>;
    /// Sends all of `bytes` and receives every reply, whichever can be done; whether a write was short, if that can be seen.
    /// The client is non-blocking.
    fn exchange(client: &mut Client<Self>, bytes: &[u8]) -> impl Future<Output = Result<Option<bool>, End>>;
    /// The same, where `receive` takes what it likes of what is there.
    fn exchange_by(
        client: &mut Client<Self>,
        bytes: &[u8],
        receive: impl AsyncFnMut(&mut Client<Self>) -> Result<(), End>,
    ) -> impl Future<Output = Result<(), End>>;
    /// A path that some run of a sweep has to take.
    fn sometimes(&self, mark: &'static str, reached: bool);
    /// An oracle broke.
    fn fail(&self, oracle: &'static str, site: &str, message: String);
}

/// What a client works with.
#[derive(Clone, Debug)]
pub struct Context<R> {
    /// Where it runs.
    pub runtime: R,
    /// Which client it is, from 1.
    pub number: u64,
    /// Where everything is recorded.
    pub history: History,
    /// A connection may end in the middle of a reply, and in an orderly way: streams of tokio are reset, or hosts crash.
    pub ends_anywhere: bool,
}

/// A pause: a choice of 0 to `most`, times `unit`.
pub struct Pause {
    /// Of the choice.
    pub name: &'static str,
    /// The largest choice.
    pub most: Both<u64>,
    /// What one is.
    pub unit: Both<Duration>,
}

impl<R: Runtime> Context<R> {
    /// A choice of this client.
    pub fn choose(&self, name: &'static str, low: u64, high: u64) -> u64 {
        self.runtime.choose(self.number, name, low, high)
    }

    /// Pauses; no time at all where the choice is 0.
    pub async fn pause(&self, pause: &Pause) {
        let count = self.choose(pause.name, 0, R::pick(pause.most));
        if count > 0 {
            self.runtime.sleep(R::pick(pause.unit) * count as u32).await;
        }
    }

    /// What connection `connection` asks, with values of up to `value_max` bytes beyond the tag.
    pub fn plan(
        &self,
        connection: u64,
        value_max: u64,
    ) -> Plan<impl FnMut(&'static str, u64, u64) -> u64 + use<R>> {
        let (runtime, number) = (self.runtime.clone(), self.number);
        let draw = move |name, low, high| runtime.choose(number, name, low, high);
        Plan { tag: self.tag(connection), value_max, draw }
    }

    /// What every key and value of a connection begins with. A connection has keys of its own: what became of the
    /// requests of one that broke does not matter to the next.
    pub fn tag(&self, connection: u64) -> String {
        format!("<{}.{connection}>", self.number)
    }

    /// For scenarios in which no connection ends before its client does: an end is the server's fault.
    pub fn must(&self, done: Result<(), End>) {
        if let Err(end) = done {
            let message = format!("client {}: {end:?} with replies to come", self.number);
            self.runtime.fail("O1", "connection lost", message);
        }
    }
}
