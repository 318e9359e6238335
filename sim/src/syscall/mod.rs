//! What each call does to the state of the world: arguments checked in Linux's order, errno values as Linux returns them.
//! One file a family, under the same name as its trait in `eagain_net::kernel`. A function is an attempt: it may say that
//! it waits, and is attempted again when the thread is woken.

mod aio;
mod clock;
pub(crate) mod descriptor;
mod epoll;
mod file;
mod poll;
mod recv_all;
mod ring;
mod signal;
pub(crate) mod socket;
mod thread;
mod timer;

pub(crate) use recv_all::received;
pub(crate) use ring::Entering;
