//! What the network says upwards: of which open file something may be so now. It keeps a list and wakes nobody; whoever
//! acts on it delivers the list afterwards (`crate::world`), so that nothing here knows who watches.

use eagain_net::{Events, SigCode};

/// A key that concerns everybody: the state of the file changed as a whole.
pub(crate) const ALL: Events = Events(0x3fff);

/// A change of one open file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notice {
    /// Something of `events` may be so; `signal`: what the owner of the descriptor is sent, if it asked to be.
    Ready { file: u32, events: Events, signal: Option<SigCode> },
    /// The same change is reported a second time, as the end of a stream and a reset are (`tcp_fin`, `tcp_reset`).
    Again { file: u32, events: Events },
    /// Urgent data has arrived: the owner is sent `SIGURG`, also without `O_ASYNC` (`sk_send_sigurg`).
    Urgent { file: u32 },
}
