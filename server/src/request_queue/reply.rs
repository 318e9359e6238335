//! The way back: the replies to one batch of requests, as bytes in the order of the requests.

/// What becomes of the connection once the reply is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    #[default]
    KeepOpen,
    /// It goes on, and its peer has just said who it is: the small limits for strangers end.
    Trust,
    /// It goes on, and its peer is a stranger again.
    Distrust,
    /// It ends when this reply has left; requests behind this one are not answered.
    Close,
}

/// The replies to consecutive requests of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyBatch {
    /// Number of the first request that is answered here.
    pub first: u64,
    /// How many requests are answered here; at least 1.
    pub count: u64,
    /// Their replies, one after the other.
    pub bytes: Vec<u8>,
    /// What follows.
    pub after: After,
}
