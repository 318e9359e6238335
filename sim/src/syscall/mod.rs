//! What each call does to the state of the world: arguments checked in Linux's order, errno values as Linux returns them.
//! One file a family, under the same name as its trait in `eagain_net::kernel`. A function is an attempt: it may say that
//! it waits, and is attempted again when the thread is woken.

pub(crate) mod aio;
pub(crate) mod clock;
pub(crate) mod descriptor;
mod device;
pub(crate) mod epoll;
pub(crate) mod family;
pub(crate) mod file;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod ring;
pub(crate) mod signal;
pub(crate) mod socket;
mod stopping;
pub(crate) mod thread;
pub(crate) mod timer;
pub(crate) mod udp;
pub(crate) mod unix;

pub(crate) use ring::Entering;
