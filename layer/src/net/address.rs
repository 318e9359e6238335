//! What `bind` and `connect` take: the types that `tokio::net::ToSocketAddrs` is for. Names are resolved by turmoil inside a
//! simulation, else by the system.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An address that is known, or a name and a port.
#[doc(hidden)]
#[derive(Debug)]
pub enum Target {
    Addresses(Vec<SocketAddr>),
    Name(String, u16),
}

mod sealed {
    pub trait Sealed {}
}

/// Whatever `tokio::net::ToSocketAddrs` is implemented for.
pub trait ToSocketAddrs: sealed::Sealed {
    #[doc(hidden)]
    fn target(&self) -> io::Result<Target>;
}

impl Target {
    /// The addresses to try, in their order, where the system resolves names.
    ///
    /// # Errors
    ///
    /// What getaddrinfo(3) says.
    pub(super) async fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Target::Addresses(addresses) => Ok(addresses),
            Target::Name(name, port) => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
        }
    }
}

macro_rules! addresses {
    ($($type:ty),* $(,)?) => { $(
        impl sealed::Sealed for $type {}
        impl ToSocketAddrs for $type {
            fn target(&self) -> io::Result<Target> {
                Ok(Target::Addresses(vec![SocketAddr::from(*self)]))
            }
        }
    )* };
}

addresses!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl sealed::Sealed for &[SocketAddr] {}
impl ToSocketAddrs for &[SocketAddr] {
    fn target(&self) -> io::Result<Target> {
        Ok(Target::Addresses(self.to_vec()))
    }
}

impl sealed::Sealed for (&str, u16) {}
impl ToSocketAddrs for (&str, u16) {
    fn target(&self) -> io::Result<Target> {
        let (name, port) = *self;
        Ok(match name.parse::<IpAddr>() {
            Ok(address) => Target::Addresses(vec![SocketAddr::new(address, port)]),
            Err(_) => Target::Name(name.to_owned(), port),
        })
    }
}

impl sealed::Sealed for (String, u16) {}
impl ToSocketAddrs for (String, u16) {
    fn target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).target()
    }
}

impl sealed::Sealed for str {}
impl ToSocketAddrs for str {
    fn target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Ok(Target::Addresses(vec![address]));
        }
        let invalid = |message| io::Error::new(io::ErrorKind::InvalidInput, message);
        let (name, port) = self.rsplit_once(':').ok_or_else(|| invalid("invalid socket address"))?;
        (name, port.parse().map_err(|_| invalid("invalid port value"))?).target()
    }
}

impl sealed::Sealed for String {}
impl ToSocketAddrs for String {
    fn target(&self) -> io::Result<Target> {
        self.as_str().target()
    }
}

impl<T: ToSocketAddrs + ?Sized> sealed::Sealed for &T {}
impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn target(&self) -> io::Result<Target> {
        (**self).target()
    }
}
