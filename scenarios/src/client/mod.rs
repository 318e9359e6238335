//! What clients do. Each behaviour is an async function, a file of its name, over a [`Runtime`]: written once, for the
//! simulated kernel and for tokio. [`Client`] is the connection under all of them.

mod connection;
mod flooder;
mod half_closer;
mod idler;
mod leaver;
pub mod line;
mod never_reader;
mod on_kernel;
mod on_tokio;
mod one_byte_writer;
mod pipeliner;
mod reconnecting;
mod resetter;
mod returning;
mod runtime;
mod session;
mod slow_reader;
mod steady;
mod talker;
mod timed;
mod until_stopped;

pub use connection::{Client, End};
pub use idler::Idled;
pub use on_kernel::{OnKernel, wait};
pub use on_tokio::{Connector, Io, OnTokio};
pub use runtime::{Both, Context, Pause, Runtime, SocketOption};
pub use session::Session;

use std::time::Duration;

/// What a client does, from its first connection to its end.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Asks, waits for the reply, pauses, and asks again.
    Steady {
        /// Requests.
        rounds: u64,
    },
    /// As a steady client, and then nothing, with the connection closed.
    SteadyThenSilent {
        /// Requests.
        rounds: u64,
        /// For how long it does nothing.
        silence: Duration,
    },
    /// A steady client that reaches `mark` where a connection with its requests took longer than that.
    Timed {
        /// Connections, one after the other.
        connections: u64,
        /// Requests on each.
        rounds: u64,
        /// Takes longer than the requests do, unless it had to wait.
        longer_than: Duration,
        /// For `sometimes`.
        mark: &'static str,
    },
    /// A steady client that connects again where the network reset its connection.
    Returning {
        /// Connections at most.
        connections: u64,
        /// Requests, all on one connection.
        rounds: u64,
    },
    /// A steady client that connects again, whatever became of its connection, until it is served.
    Reconnecting {
        /// Connections at most.
        connections: u64,
        /// Requests, all on one connection.
        rounds: u64,
        /// How long a connection may take.
        timeout: Duration,
    },
    /// Asks many things at once, and reads while it writes.
    Pipeliner {
        /// Pipelines, one after the other.
        bursts: u64,
        /// Requests in each, at most.
        depth: u64,
    },
    /// Asks for a lot, and reads it in small pieces.
    SlowReader {
        /// Bytes of the value: a range.
        length: (u64, u64),
        /// How often it is asked for, at once.
        times: u64,
    },
    /// Asks, ends its writing side, and expects every reply all the same.
    HalfCloser {
        /// Connections, one after the other.
        connections: u64,
        /// Requests on each, at most.
        depth: u64,
    },
    /// Sends every byte by itself.
    OneByteWriter {
        /// Requests.
        rounds: u64,
    },
    /// Leaves in the middle of a request, with a reset.
    Resetter {
        /// Connections, one after the other.
        connections: u64,
    },
    /// Says nothing until the server ends the connection.
    Idler {
        /// After less than that the server may not end it.
        at_least: Duration,
    },
    /// Says `QUIT`, and does not end its side.
    Leaver {
        /// How long the server may wait for that.
        linger: Duration,
    },
    /// Asks for a lot, and takes nothing.
    NeverReader {
        /// Bytes of the value.
        length: u64,
        /// How often it is asked for, at once.
        times: usize,
        /// After so long the server has to give it up.
        stall: Duration,
    },
    /// Asks from time to time.
    Talker {
        /// Requests.
        rounds: u64,
        /// Between two of them at most.
        silence_max: Duration,
    },
    /// Asks without a pause, as fast as it can.
    Flooder {
        /// Pipelines, one after the other.
        bursts: u64,
        /// Requests in each.
        depth: u64,
    },
    /// Asks until the server stops.
    UntilStopped,
}

impl Behaviour {
    /// Does it. `Err`: a connection ended that should not have.
    pub async fn run<R: Runtime>(self, context: &Context<R>) -> Result<(), End> {
        match self {
            Behaviour::Steady { rounds } => steady::steady(context, 0, rounds).await,
            Behaviour::SteadyThenSilent { rounds, silence } => {
                let done = steady::steady(context, 0, rounds).await;
                context.runtime.sleep(silence).await;
                done
            }
            Behaviour::Timed { connections, rounds, longer_than, mark } => {
                timed::timed(context, connections, rounds, longer_than, mark).await
            }
            Behaviour::Returning { connections, rounds } => {
                returning::returning(context, connections, rounds).await
            }
            Behaviour::Reconnecting { connections, rounds, timeout } => {
                reconnecting::reconnecting(context, connections, rounds, timeout).await;
                Ok(())
            }
            Behaviour::Pipeliner { bursts, depth } => pipeliner::pipeliner(context, bursts, depth).await,
            Behaviour::SlowReader { length, times } => slow_reader::slow_reader(context, length, times).await,
            Behaviour::HalfCloser { connections, depth } => {
                for connection in 0..connections {
                    half_closer::half_closer(context, connection, depth).await?;
                }
                Ok(())
            }
            Behaviour::OneByteWriter { rounds } => one_byte_writer::one_byte_writer(context, rounds).await,
            Behaviour::Resetter { connections } => {
                resetter::resetter(context, connections).await;
                Ok(())
            }
            Behaviour::Idler { at_least } => idler::idler(context, at_least).await,
            Behaviour::Leaver { linger } => leaver::leaver(context, linger).await,
            Behaviour::NeverReader { length, times, stall } => {
                never_reader::never_reader(context, length, times, stall).await
            }
            Behaviour::Talker { rounds, silence_max } => talker::talker(context, rounds, silence_max).await,
            Behaviour::Flooder { bursts, depth } => flooder::flooder(context, bursts, depth).await,
            Behaviour::UntilStopped => {
                until_stopped::until_stopped(context).await;
                Ok(())
            }
        }
    }
}
