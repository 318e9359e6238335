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
    /// There is no reply yet; requests behind this one wait too.
    Wait(Wait),
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// What others do: it was executed, and its reply will be delivered. When so many milliseconds are over (0: never) the
    /// logic unit is to be asked for it.
    Reply(u64),
    /// The server is paused: it is to be executed again after so many milliseconds, or when the pause is ended.
    Pause(u64),
}

/// The replies to consecutive requests of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyBatch {
    /// Number of the first request that is answered here.
    pub first: u64,
    /// How many requests are answered here; 0 only where the first of them waits.
    pub count: u64,
    /// Their replies, one after the other.
    pub bytes: Vec<u8>,
    /// What follows.
    pub after: After,
    /// What the request behind the last of them waits for.
    pub wait: Option<Wait>,
}

impl ReplyBatch {
    /// The reply to one request.
    pub fn one(number: u64, bytes: Vec<u8>, after: After) -> ReplyBatch {
        ReplyBatch { first: number, count: 1, bytes, after, wait: None }
    }

    /// A request that waits for what others do, for as long as that takes.
    pub fn waiting(number: u64) -> ReplyBatch {
        ReplyBatch { first: number, wait: Some(Wait::Reply(0)), ..ReplyBatch::default() }
    }
}
