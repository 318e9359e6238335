//! What a loop needs of the kernel before it can begin: a listening socket and a model. Both are made by the thread that
//! runs the loop, since rings and signals belong to threads; and before the server has any other thread, since POSIX AIO
//! completes by signals to the process, which all threads have to be born with blocked.

use super::acceptor::Acceptor;
use super::loop_context::LISTENER;
use crate::config::Config;
use crate::error::ServeError;
use eagain_net::model::{AnyCompleter, AnyPoller, Completer, ModelKind, Poller, Refusal, Waker};
use eagain_net::{Errno, Kernel, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// What a ring has room for before it has to be entered.
const RING_ENTRIES: u32 = 1024;
/// Threads of the C library that do POSIX AIO.
const AIO_THREADS: u32 = 256;

/// The listening sockets, and the model beside them.
pub(crate) struct LoopSetup<K: Kernel> {
    pub(super) acceptors: Acceptors<K>,
    /// Where the first of them is.
    at: SocketAddr,
    pub(super) model: Model<K>,
    /// Peers that the model can serve at a time.
    pub(super) peers_max: usize,
}

/// The listening sockets of a loop; the token of each is its place behind [`LISTENER`].
pub(super) struct Acceptors<K: Kernel>(pub(super) Vec<Acceptor<K>>);

impl<K: Kernel> Acceptors<K> {
    /// How many.
    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The one with this token.
    pub(super) fn get(&self, token: u64) -> Option<&Acceptor<K>> {
        self.0.get(usize::try_from(token.checked_sub(LISTENER)?).ok()?)
    }

    /// That one, and its socket as long as it is open.
    pub(super) fn open(&self, token: u64) -> Option<(&Acceptor<K>, Arc<TcpListener<K>>)> {
        self.get(token).and_then(|acceptor| Some((acceptor, acceptor.listener()?)))
    }
}

/// A model, made.
#[allow(clippy::large_enum_variant)] // there is one a loop
pub(super) enum Model<K: Kernel> {
    /// Calls wait by themselves.
    None,
    Poller(AnyPoller<K>),
    Completer(AnyCompleter<K>),
}

impl<K: Kernel> LoopSetup<K> {
    /// As the configuration says.
    pub(crate) fn new(kernel: K, config: &Config) -> Result<LoopSetup<K>, ServeError> {
        let refused = |refusal: Refusal| ServeError::Refused(refusal.to_string());
        let kind = config.model;
        let mut peers_max = usize::MAX;
        let model = if config.model == ModelKind::Blocking {
            Model::None
        } else if kind.is_completion() {
            let depth = match (config.depth, kind) {
                (0, ModelKind::Aio) => AIO_THREADS,
                (0, _) => RING_ENTRIES,
                (depth, _) => depth,
            };
            if kind == ModelKind::Aio {
                // Each needs two threads: one that waits for its data, one that sends.
                peers_max = (depth as usize / 2).max(1);
            }
            Model::Completer(AnyCompleter::new(kernel, kind, depth).map_err(refused)?)
        } else {
            let mut poller = AnyPoller::new(kernel, kind).map_err(refused)?;
            // Workers need the processor more.
            poller.set_busy_polls(if config.workers == 0 { config.busy_polls } else { 0 });
            Model::Poller(poller)
        };
        let listen = config.listen;
        let acceptor = bind_with_retries(kernel, || Acceptor::new(kernel, config))
            .map_err(|errno| ServeError::Listen(listen, errno))?;
        let unix = match config.unix_socket.as_str() {
            "" => None,
            path => {
                let unix = bind_with_retries(kernel, || Acceptor::unix(kernel, config));
                Some(unix.map_err(|errno| ServeError::at_path(path, errno))?)
            }
        };
        let at = acceptor.local_addr().unwrap_or(listen);
        let acceptors = Acceptors(std::iter::once(acceptor).chain(unix).collect());
        Ok(LoopSetup { acceptors, at, model, peers_max })
    }

    /// Lets clients in.
    pub(super) fn listen(&self) -> Result<(), ServeError> {
        self.acceptors.0.iter().try_for_each(Acceptor::listen)
    }

    /// Where it listens, or will.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.at
    }

    /// What ends the model's waiting.
    pub(super) fn waker(&self) -> Option<Waker<K>> {
        match &self.model {
            Model::None => None,
            Model::Poller(poller) => Some(poller.waker()),
            Model::Completer(completer) => Some(completer.waker()),
        }
    }
}

/// Binds again for half a second where somebody else has the address: it may be a process that was killed, whose ring the kernel ends
/// a while after it, and the ring's listener with it.
fn bind_with_retries<K: Kernel, T>(kernel: K, bind: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..50 {
        match bind() {
            Err(Errno::EADDRINUSE) => _ = kernel.nanosleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    bind()
}
