//! A flag that is set after it was asked for (netty 2016): with edge-triggered epoll and reads on request, the transport
//! remembers whether a read may have left something, and makes up a wakeup for the next request. The flag is set after the
//! callback; a callback that requests the next read sees the old one, and gets neither an edge nor a made-up wakeup. Repaired:
//! the flag is set before the callback.

use crate::bugs::common::{clients, reply};
use crate::bugs::common_replies::{Load, ask, asked, server};
use crate::bugs::epoll_server::{Peer, answer};
use eagain_net::*;
use eagain_sim::{Sim, sometimes};

crate::bugs::planted!(
    "more-data-flag-late",
    "B05",
    'a',
    ["O6"],
    "a read requested inside the callback sees the flag of the read before"
);

/// Bytes of one read.
const READ: usize = 64;

/// The transport's side of a connection.
#[derive(Clone, Default)]
struct Channel {
    /// The last read may have left something.
    more: bool,
    /// The application wants to be called with what is read next.
    requested: bool,
    /// A wakeup without an event is due.
    wakeup: bool,
}

impl Channel {
    /// The application wants one more read.
    fn request(&mut self) {
        self.requested = true;
        self.wakeup = self.more;
    }
}

impl<K: Kernel> Peer<K, Channel> {
    /// There may be something to read: one read for each request. `false`: the peer has ended.
    fn readable(&mut self, defect: bool) -> Result<bool> {
        while std::mem::take(&mut self.own.requested) {
            let mut bytes = [0; READ];
            let n = match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(false),
                Err(Errno::EAGAIN) => {
                    // An edge will come.
                    (self.own.more, self.own.requested) = (false, true);
                    return Ok(true);
                }
                n => n?,
            };
            let more = n == READ;
            if !defect {
                self.own.more = more;
            }
            self.received(&bytes[..n])?;
            self.own.more = more;
            sometimes!("a read was requested where there may be more", more);
            if !std::mem::take(&mut self.own.wakeup) {
                break;
            }
        }
        Ok(true)
    }

    /// The application: answers lines with a number by that many bytes, and asks for more.
    fn received(&mut self, bytes: &[u8]) -> Result<()> {
        self.lines.feed(bytes);
        while let Some(line) = self.lines.next() {
            self.pending.extend(reply(asked(&line)));
        }
        self.own.request();
        self.send_pending()
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let both = Events::IN | Events::OUT | Events::ET;
    let first = Channel { requested: true, ..Channel::default() };
    answer(k, both, first, |peer, fired| {
        if fired.intersects(Events::OUT) {
            peer.send_pending()?;
        }
        let open = !fired.intersects(Events::IN) || peer.readable(defect)?;
        Ok(open.then_some(both))
    })
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    let load = Load { rounds: 4, at_once: 4, longest: 1000, filler: 100 };
    clients(sim, 2, move |k| ask(k, address, load));
}
