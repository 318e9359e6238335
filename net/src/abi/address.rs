//! Addresses are std's; this only names the one that tests ask for.

use std::net::{Ipv4Addr, SocketAddr};

/// `127.0.0.1:0`: loopback, a port of the kernel's choice.
pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}
