//! What a loop needs of the kernel before it can begin: a listening socket and a model. Both are made by the thread that
//! runs the loop, since rings and signals belong to threads; and before the server has any other thread, since POSIX AIO
//! is told by signals of the process, which all threads have to be born with blocked.

use super::acceptor::Acceptor;
use crate::config::Config;
use crate::server::ServeError;
use eagain_net::model::{AnyCompleter, AnyPoller, Completer, ModelKind, Poller, Refusal, Waker};
use eagain_net::{Kernel, SocketAddr};

/// What a ring has room for before it has to be entered.
const RING_ENTRIES: u32 = 1024;
/// Threads of the C library that do POSIX AIO.
const AIO_THREADS: u32 = 256;

/// A listening socket, and the model beside it.
pub(crate) struct Front<K: Kernel> {
    pub(super) acceptor: Acceptor<K>,
    pub(super) machine: Machine<K>,
    /// Peers that the model can serve at a time.
    pub(super) peers_max: usize,
}

/// A model, made.
#[allow(clippy::large_enum_variant)] // there is one a loop
pub(super) enum Machine<K: Kernel> {
    /// Calls wait by themselves.
    None,
    Poller(AnyPoller<K>),
    Completer(AnyCompleter<K>),
}

impl<K: Kernel> Front<K> {
    /// As the configuration says.
    pub(crate) fn new(kernel: K, config: &Config) -> Result<Front<K>, ServeError> {
        let refused = |refusal: Refusal| ServeError::Refused(refusal.to_string());
        let kind = config.model;
        let mut peers_max = usize::MAX;
        let machine = if config.model == ModelKind::Blocking {
            Machine::None
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
            Machine::Completer(AnyCompleter::new(kernel, kind, depth).map_err(refused)?)
        } else {
            Machine::Poller(AnyPoller::new(kernel, kind).map_err(refused)?)
        };
        let listen = config.listen;
        let acceptor = Acceptor::new(kernel, listen, config.model.is_readiness(), config.loops > 1)
            .map_err(|errno| ServeError::Listen(listen, errno))?;
        Ok(Front { acceptor, machine, peers_max })
    }

    /// Lets clients in.
    pub(super) fn listen(&self) -> Result<(), ServeError> {
        let at = self.local_addr();
        self.acceptor.listen().map_err(|errno| ServeError::Listen(at, errno))
    }

    /// Where it listens, or will.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.acceptor.local_addr()
    }

    /// What ends the model's waiting.
    pub(super) fn waker(&self) -> Option<Waker<K>> {
        match &self.machine {
            Machine::None => None,
            Machine::Poller(poller) => Some(poller.waker()),
            Machine::Completer(completer) => Some(completer.waker()),
        }
    }
}
