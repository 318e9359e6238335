//! What a command may answer instead of a result, the few lines that the server says on its own, and why it does not start. The words are
//! Redis 7.0's, because clients and test suites match on them.

use eagain_net::{Errno, SocketAddr};
use std::borrow::Cow;
use std::fmt;

/// Said to a connection beyond `maxclients`, which is then closed.
pub const TOO_MANY_CLIENTS: &[u8] = b"-ERR max number of clients reached\r\n";

/// Why a command has no result. `Display` (through [`CommandError::text`]) begins with the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The key holds another type.
    WrongType,
    /// The words do not make a command.
    Syntax,
    /// An argument or a value is no integer.
    NotAnInteger,
    /// An argument or a value is no floating-point number.
    NotAFloat,
    /// The key is not there.
    NoSuchKey,
    /// An index lies outside.
    IndexOutOfRange,
    /// There is no such database.
    NoSuchDatabase,
    /// A string would become larger than an argument may be.
    StringTooLong,
    /// Too few or too many words for this command.
    Arity(&'static str),
    /// A time to live that is none, for this command.
    InvalidExpire(&'static str),
    /// Anything else that is always said in the same words.
    Said(&'static str),
    /// Anything else.
    Text(String),
    /// Anything else, with bytes that somebody sent us.
    Bytes(Vec<u8>),
}

impl CommandError {
    /// The line after the minus.
    pub fn text(&self) -> Cow<'static, [u8]> {
        let text: &'static str = match self {
            CommandError::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            CommandError::Syntax => "ERR syntax error",
            CommandError::NotAnInteger => "ERR value is not an integer or out of range",
            CommandError::NotAFloat => "ERR value is not a valid float",
            CommandError::NoSuchKey => "ERR no such key",
            CommandError::IndexOutOfRange => "ERR index out of range",
            CommandError::NoSuchDatabase => "ERR DB index is out of range",
            CommandError::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            CommandError::Arity(name) => {
                return format!("ERR wrong number of arguments for '{name}' command").into_bytes().into();
            }
            CommandError::InvalidExpire(name) => {
                return format!("ERR invalid expire time in '{name}' command").into_bytes().into();
            }
            CommandError::Said(text) => text,
            CommandError::Text(text) => return text.clone().into_bytes().into(),
            CommandError::Bytes(text) => return text.clone().into(),
        };
        Cow::Borrowed(text.as_bytes())
    }
}

/// What a command has to say: nothing more than its reply, or why there is none.
pub type Outcome = Result<(), CommandError>;

/// Why a server did not start, or stopped.
#[derive(Debug)]
pub enum ServeError {
    /// The configuration makes no sense, or asks for what is not there.
    Refused(String),
    /// The storage is damaged, or not ours: a person has to decide.
    Damaged(String),
    /// The storage cannot be opened, or was not closed well.
    Storage(String),
    /// It cannot listen.
    Listen(SocketAddr, Errno),
    /// It cannot listen at a path.
    Path(String),
    /// A call of the loop itself failed.
    Kernel(Errno),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Refused(why)
            | ServeError::Damaged(why)
            | ServeError::Storage(why)
            | ServeError::Path(why) => f.write_str(why),
            ServeError::Listen(address, errno) => {
                write!(f, "cannot listen at {address}: {errno}")?;
                match *errno {
                    Errno::EADDRINUSE => {
                        f.write_str("; another program listens there: stop it, or choose another --port")
                    }
                    Errno::EACCES => {
                        f.write_str("; ports below 1024 are for the privileged: choose another --port")
                    }
                    Errno::EADDRNOTAVAIL => {
                        f.write_str("; this machine has no such address: choose another --bind")
                    }
                    _ => Ok(()),
                }
            }
            ServeError::Kernel(errno) => write!(f, "the event loop failed: {errno}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl ServeError {
    /// It cannot listen at this path.
    pub(crate) fn at_path(path: &str, errno: Errno) -> ServeError {
        let advice = match errno {
            Errno::EADDRINUSE => {
                "; another program listens there, or it is no socket: choose another --unixsocket"
            }
            Errno::ENOENT => "; the directory has to be there already",
            Errno::EINVAL => "; it is too long: a path of a socket has 108 bytes at most",
            _ => "",
        };
        ServeError::Path(format!("cannot listen at {path}: {errno}{advice}"))
    }
}
