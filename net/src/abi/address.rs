//! Addresses of IP are std's; this names the one that tests ask for, and has those of AF_UNIX, which std has on Unix only.

use super::{Errno, Result};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// `127.0.0.1:0`: loopback, a port of the kernel's choice.
pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An address of an AF_UNIX socket (`unix(7)`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum UnixAddr {
    /// None: the socket is not bound. For `bind(2)`: an abstract name of the kernel's choice.
    #[default]
    Unnamed,
    /// A path of the file system, of 1 to 108 bytes without NUL.
    Path(String),
    /// A name that is in no file system, of up to 107 bytes.
    Abstract(Vec<u8>),
}

impl UnixAddr {
    /// Bytes of `sun_path`.
    pub const PATH_MAX: usize = 108;

    /// What `sun_path` holds. `EINVAL`: it does not fit, or a path is empty or has a NUL in it.
    pub fn sun_path(&self) -> Result<Vec<u8>> {
        let bytes = match self {
            UnixAddr::Unnamed => Vec::new(),
            UnixAddr::Path(path) if path.is_empty() || path.contains('\0') => return Err(Errno::EINVAL),
            UnixAddr::Path(path) => path.as_bytes().to_vec(),
            UnixAddr::Abstract(name) => [&[0], name.as_slice()].concat(),
        };
        if bytes.len() > Self::PATH_MAX { Err(Errno::EINVAL) } else { Ok(bytes) }
    }

    /// The address of which `sun_path` holds these bytes. `EINVAL`: a path that is not UTF-8.
    pub fn from_sun_path(bytes: &[u8]) -> Result<UnixAddr> {
        match bytes {
            [] => Ok(UnixAddr::Unnamed),
            [0, name @ ..] => Ok(UnixAddr::Abstract(name.to_vec())),
            path => {
                let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
                let path = std::str::from_utf8(&path[..end]).map_err(|_| Errno::EINVAL)?;
                Ok(UnixAddr::Path(path.to_owned()))
            }
        }
    }
}

/// As `ss(8)` writes it: a path, `@name`, or `*`.
impl fmt::Display for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixAddr::Unnamed => f.write_str("*"),
            UnixAddr::Path(path) => f.write_str(path),
            UnixAddr::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}

#[test]
fn unix_address_is_what_its_bytes_say() {
    let named = |text: &str| UnixAddr::Path(text.to_owned());
    for at in [UnixAddr::Unnamed, named("/run/a"), UnixAddr::Abstract(b"a\0b".to_vec())] {
        assert_eq!(UnixAddr::from_sun_path(&at.sun_path().unwrap()), Ok(at));
    }
    assert_eq!(UnixAddr::from_sun_path(b"/a\0garbage"), Ok(named("/a")));
    assert!(named(&"x".repeat(108)).sun_path().is_ok());
    for wrong in [named(""), named("a\0b"), named(&"x".repeat(109)), UnixAddr::Abstract(vec![1; 108])] {
        assert_eq!(wrong.sun_path(), Err(Errno::EINVAL));
    }
}
