//! A multishot accept that has ended (netty's io_uring transport 2025): a completion without the MORE flag, here for want
//! of descriptors, is the last one, and whoever does not submit again accepts nobody any more. Repaired: submitted again
//! a little later.

use crate::bugs::common::{allow, clients, listen, retry_when_full, visit};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "multishot-accept-ended",
    "B61",
    'l',
    ["O6", "O10"],
    "an error ends a multishot accept, and it is not submitted again"
);

const LISTENER: u64 = u64::MAX;
const BREATHER: u64 = u64::MAX - 1;
/// How long a repaired server leaves the listener alone.
const PAUSE: Duration = Duration::from_millis(10);

struct Server<K: Kernel> {
    kernel: K,
    ring: Ring<K>,
    listener: TcpListener<K>,
    streams: BTreeMap<u64, TcpStream<K>>,
    defect: bool,
}

impl<K: Kernel> Server<K> {
    /// Answers each line with the same line.
    fn run(&mut self) -> Result<()> {
        self.accept()?;
        let mut done = Vec::new();
        loop {
            match self.ring.enter(1, None) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
            self.ring.reap(&mut done);
            for completed in done.drain(..) {
                match completed.user_data {
                    LISTENER => self.accepted(&completed)?,
                    BREATHER => self.accept()?,
                    _ => self.received(completed)?,
                }
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        pushed(self.ring.accept_multishot(LISTENER, self.listener.fd(), SocketFlags::CLOEXEC))
    }

    fn receive(&mut self, id: u64) -> Result<()> {
        pushed(self.ring.recv(id, Fd(id as i32), vec![0; 64]))
    }

    fn accepted(&mut self, completed: &Completed) -> Result<()> {
        if let Ok(fd) = completed.value() {
            let stream = TcpStream::from(OwnedFd::from_raw(self.kernel, Fd(fd as i32)));
            self.streams.insert(fd as u64, stream);
            self.receive(fd as u64)?;
        }
        let has_ended = !completed.flags.contains(CompletedFlags::MORE);
        sometimes!("the multishot ended", has_ended);
        match has_ended && !self.defect {
            true => pushed(self.ring.timeout(BREATHER, PAUSE)),
            false => Ok(()),
        }
    }

    fn received(&mut self, completed: Completed) -> Result<()> {
        let id = completed.user_data;
        let (Some(stream), Ok(count @ 1..), Some(buffer)) =
            (self.streams.get(&id), completed.value(), &completed.buffer)
        else {
            self.streams.remove(&id);
            return Ok(());
        };
        // A line is short, and the client waits for it.
        if stream.write_all(&buffer[..count]).is_err() {
            self.streams.remove(&id);
            return Ok(());
        }
        self.receive(id)
    }
}

fn pushed(result: std::result::Result<(), (Errno, Submission)>) -> Result<()> {
    result.map_err(|(errno, _)| errno)
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let params = RingParams { entries: 32, cq_entries: 0, defer_taskrun: false };
    let ring = retry_when_full(k, || Ring::new(k, params))?;
    Server { kernel: k, ring, listener, streams: BTreeMap::new(), defect }.run()
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::FdLimit]);
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 4, move |k| visit(k, address, "O10", "not served"));
}
