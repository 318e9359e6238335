//! What a command may answer instead of a result, and the few lines that the server says on its own. The words are
//! Redis 7.0's, because clients and test suites match on them.

use std::borrow::Cow;

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
