//! Planted bugs of programs on streams, by their mechanism: the defect behind one switch, the twin the same program with
//! the switch off. Those that `eagain bugs` has under the same name are the same program here, in async.
//!
//! | bug | what goes wrong |
//! |---|---|
//! | [`short_write`] | `write` where `write_all` is meant |
//! | [`read_once`] | one read counts as one request |
//! | [`pipelined`] | what was read with a request is not looked at when that one's reply had to wait |
//! | [`write_all`] | a pipeline is written before any reply is read |
//! | [`pooled`] | a connection with a reply to come is used for the next question |
//! | [`cancelled`] | a read that is given up midway loses what it had |

pub mod cancelled;
pub mod kit;
pub mod pipelined;
pub mod pooled;
pub mod read_once;
pub mod short_write;
pub mod write_all;

use crate::net::Net;

/// Which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the table above")]
pub enum Bug {
    ShortWrite,
    ReadOnce,
    Pipelined,
    WriteAll,
    Pooled,
    Cancelled,
}

impl Bug {
    /// All of them.
    pub const ALL: &[Bug] =
        &[Bug::ShortWrite, Bug::ReadOnce, Bug::Pipelined, Bug::WriteAll, Bug::Pooled, Bug::Cancelled];

    /// How it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Bug::ShortWrite => "scripted-send-incomplete",
            Bug::ReadOnce => "read-once-framing",
            Bug::Pipelined => "pipelined-request-forgotten",
            Bug::WriteAll => "write-all-before-reading",
            Bug::Pooled => "pooled-after-timeout",
            Bug::Cancelled => "cancelled-read",
        }
    }

    /// The class of the catalogue.
    pub const fn class(self) -> char {
        match self {
            Bug::ShortWrite => 'd',
            Bug::ReadOnce | Bug::Pipelined => 'c',
            Bug::WriteAll => 'i',
            Bug::Cancelled => 'j',
            Bug::Pooled => 'o',
        }
    }

    /// How many clients play.
    pub const fn clients(self) -> usize {
        match self {
            Bug::ShortWrite | Bug::WriteAll | Bug::Pooled => 1,
            Bug::ReadOnce | Bug::Pipelined | Bug::Cancelled => 2,
        }
    }

    /// The server, with the defect where it has one.
    pub async fn server<N: Net>(self, n: N, defect: bool) {
        match self {
            Bug::ShortWrite => short_write::serve(n).await,
            Bug::ReadOnce => read_once::serve(n, defect).await,
            Bug::Pipelined => pipelined::serve(n, defect).await,
            Bug::WriteAll => write_all::serve(n).await,
            Bug::Pooled => pooled::serve(n).await,
            Bug::Cancelled => cancelled::serve(n).await,
        }
    }

    /// A client. An error is the finding: a wrong reply, none at all.
    pub async fn client<N: Net>(self, n: N, _which: usize, defect: bool) -> Result<(), String> {
        match self {
            Bug::ShortWrite => short_write::check(n, defect).await,
            Bug::ReadOnce => read_once::ask(n).await,
            Bug::Pipelined => pipelined::ask(n).await,
            Bug::WriteAll => write_all::ask(n, defect).await,
            Bug::Pooled => pooled::call(n, defect).await,
            Bug::Cancelled => cancelled::ask(n, defect).await,
        }
    }
}
