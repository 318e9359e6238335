//! What a command did to the data, in the form that an engine can keep: which key of which database is not what it
//! was. It names the key, not the change: the engine reads the key's new state when it takes the effect over, so that
//! an effect can be applied twice without harm, and needs no clock and no command to be understood.

use super::bytes::SmallBytes;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The key has a new value or a new lifetime.
    Stored {
        /// Which database.
        database: usize,
        /// Which key.
        key: SmallBytes,
    },
    /// The key is gone: deleted, expired or evicted.
    Removed {
        /// Which database.
        database: usize,
        /// Which key.
        key: SmallBytes,
    },
    /// All keys of the database are gone.
    Cleared {
        /// Which database.
        database: usize,
    },
}
