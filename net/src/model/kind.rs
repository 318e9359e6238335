//! The names of the models, as a person types them.

use crate::{Advice, Aio, Completion};
use std::fmt;
use std::str::FromStr;

/// Which I/O model. Its names are part of the command line's contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum ModelKind {
    /// `blocking`: calls wait; a thread per connection.
    Blocking,
    /// `nonblocking`: every descriptor is tried in turn.
    Nonblocking,
    /// `select`: `select(2)`, for descriptors below 1024.
    Select,
    /// `poll`: `poll(2)`.
    Poll,
    /// `epoll`: `epoll(7)`, level-triggered. The usual one.
    #[default]
    Epoll,
    /// `epoll-edge`: with `EPOLLET`.
    EpollEdge,
    /// `epoll-oneshot`: with `EPOLLONESHOT`.
    EpollOneshot,
    /// `sigio`: `F_SETOWN`, `F_SETSIG` and `O_ASYNC`.
    Sigio,
    /// `aio`: POSIX AIO, notified by a signal.
    Aio,
    /// `io_uring`.
    IoUring,
    /// `tokio`: tokio's own runtime, outside of this crate.
    Tokio,
}

/// A name that is no model's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownModel(pub String);

impl ModelKind {
    /// Every model, in the order of the table above.
    pub const ALL: [ModelKind; 11] = [
        ModelKind::Blocking,
        ModelKind::Nonblocking,
        ModelKind::Select,
        ModelKind::Poll,
        ModelKind::Epoll,
        ModelKind::EpollEdge,
        ModelKind::EpollOneshot,
        ModelKind::Sigio,
        ModelKind::Aio,
        ModelKind::IoUring,
        ModelKind::Tokio,
    ];

    /// What a person types.
    pub const fn name(self) -> &'static str {
        match self {
            ModelKind::Blocking => "blocking",
            ModelKind::Nonblocking => "nonblocking",
            ModelKind::Select => "select",
            ModelKind::Poll => "poll",
            ModelKind::Epoll => "epoll",
            ModelKind::EpollEdge => "epoll-edge",
            ModelKind::EpollOneshot => "epoll-oneshot",
            ModelKind::Sigio => "sigio",
            ModelKind::Aio => "aio",
            ModelKind::IoUring => "io_uring",
            ModelKind::Tokio => "tokio",
        }
    }

    /// Whether it reports readiness, so that an [`AnyPoller`](crate::model::AnyPoller) can be made of it.
    pub const fn is_readiness(self) -> bool {
        use ModelKind as M;
        matches!(
            self,
            M::Nonblocking | M::Select | M::Poll | M::Epoll | M::EpollEdge | M::EpollOneshot | M::Sigio
        )
    }

    /// Whether it reports completion.
    pub const fn is_completion(self) -> bool {
        matches!(self, ModelKind::Aio | ModelKind::IoUring)
    }

    /// Whether the kernel has it; if not, why.
    pub fn probe<K: Completion + Aio>(self, kernel: K) -> Advice {
        match self {
            ModelKind::Aio => kernel.aio_probe(),
            ModelKind::IoUring => kernel.io_uring_probe(),
            _ => Advice::Available,
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ModelKind {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<ModelKind, UnknownModel> {
        ModelKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownModel(name.to_string()))
    }
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown I/O model {:?}: expected one of", self.0)?;
        for (at, kind) in ModelKind::ALL.into_iter().enumerate() {
            write!(f, "{} {kind}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownModel {}
