//! Reading what is there and writing what there is room for. How much a TCP connection takes is Linux's to decide anew each time: of
//! one that is full nothing is logged but that it is.

use super::*;

/// What is written to a TCP connection at once until it takes no more.
const PIECE: usize = 16 << 10;
/// Linux may acknowledge so late what has arrived (`TCP_DELACK_MIN`, 40 ms), and then there is room again.
const ACKNOWLEDGED: Duration = Duration::from_millis(50);
/// Twice such a low-water mark is more than the buffer that a socket has (`tcp_set_rcvlowat`).
const ENLARGES: u32 = 50_000;
/// By then a sender has probed, of which the buffer became full a second ago at most (`tcp_probe_timer`: after 200 ms, 600 and 1400).
const PROBED: Duration = Duration::from_millis(1000);
/// What `SO_RCVBUF` is set to. Linux doubles it, and counts what a segment takes in memory.
const SMALL: u32 = 4096;

impl<K: Kernel> Program<K> {
    /// Whether what is in a slot is a pipe or a Unix socket: how much they take is a number.
    pub(super) fn is_local(&self, slot: Slot) -> bool {
        matches!(self.kind(slot), "pipe" | "unix")
    }

    pub(super) fn is(&self, slot: Slot, what: Events) -> bool {
        let mut fds = [PollFd::new(self.slots[slot as usize], what)];
        self.k.poll(&mut fds, NOW, None).is_ok() && fds[0].revents.contains(what)
    }

    /// Whether a worker moves bytes meanwhile: how much there is, or is room for, would be a race.
    pub(super) fn moves(&self) -> bool {
        self.workers.iter().any(|worker| worker.call.is_some_and(|(step, _)| consumes(step)))
    }

    pub(super) fn drain(&mut self, slot: Slot, len: usize) -> String {
        if !self.is(slot, Events::IN) {
            return "empty".to_owned();
        }
        // A pipe is read in one piece, however much a writer adds.
        if len > 100 && self.kind(slot) != "pipe" && self.moves() {
            return "clashes".to_owned();
        }
        let mut buffer = vec![0; len.max(8)];
        of(self.k.read(self.slots[slot as usize], &mut buffer), |n| bytes(&buffer, n)).text
    }

    pub(super) fn fill(&mut self, slot: Slot, len: usize) -> String {
        if !self.is_local(slot) || len > 100 && self.moves() {
            return "clashes".to_owned();
        }
        let fd = self.slots[slot as usize];
        match self.k.send(fd, &pattern(len), SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            // A pipe that says so takes as much as is written whole.
            Err(Errno::ENOTSOCK) if self.is(slot, Events::OUT) => {
                of(self.k.write(fd, &pattern(len.min(4096))), |n| (n.to_string(), "")).text
            }
            Err(Errno::ENOTSOCK) => "full".to_owned(),
            sent => of(sent, |n| (n.to_string(), "")).text,
        }
    }

    /// Whether a worker moves bytes at this end.
    fn consumes_of(&self, object: u32) -> bool {
        self.workers.iter().any(|worker| worker.call.is_some_and(|(step, of)| consumes(step) && of == object))
    }

    /// An end of a TCP connection, and the other one, as objects.
    fn ends(&self, slot: Slot) -> Option<(u32, u32)> {
        let object = self.objects[slot as usize];
        self.peers.get(&object).map(|&peer| (object, peer))
    }

    /// Makes the receive buffer small, so that it is full below a low-water mark.
    pub(super) fn tighten(&mut self, slot: Slot) -> String {
        let Some((object, _)) = self.ends(slot).filter(|(object, _)| !self.full.contains(object)) else {
            return "elsewhere".to_owned();
        };
        self.tight.insert(object);
        self.option(slot, SocketOption::RecvBuffer(SMALL))
    }

    /// Sets the low-water mark. Where that enlarges a full buffer, which it does if its size was not set, the window opens at the next
    /// probe.
    pub(super) fn low_water(&mut self, slot: Slot, bytes: u32) -> String {
        let object = self.objects[slot as usize];
        let opens = bytes > ENLARGES && self.full.contains(&object) && !self.tight.contains(&object);
        if opens && self.is_small_and_full() {
            return "clashes".to_owned();
        }
        let said = self.option(slot, SocketOption::RecvLowAt(bytes));
        if opens {
            let _ = self.k.nanosleep(PROBED);
        }
        said
    }

    /// Whether some receive buffer that was made small is full: after its sender has probed, one more byte may fit or not
    /// (`tcp_try_rmem_schedule`).
    fn is_small_and_full(&self) -> bool {
        self.full.intersection(&self.tight).next().is_some()
    }

    /// Lets the timeouts be over.
    pub(super) fn later(&mut self) -> String {
        match self.is_small_and_full() {
            true => "clashes".to_owned(),
            false => said(self.k.nanosleep(LATER)),
        }
    }

    /// Writes zeros to a TCP connection until it takes no more.
    pub(super) fn flood(&mut self, slot: Slot) -> String {
        let Some((object, peer)) = self.ends(slot) else { return "elsewhere".to_owned() };
        if self.consumes_of(object) {
            return "clashes".to_owned();
        }
        let (fd, zeros) = (self.slots[slot as usize], vec![0; PIECE]);
        loop {
            match self.k.send(fd, &zeros, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                // A reset that answers is for whoever waits on the socket to find first.
                Ok(_) if self.is(slot, Events::ERR) => return "reset".to_owned(),
                Ok(_) => _ = self.full.insert(peer),
                Err(Errno::EAGAIN) => {
                    let mut fds = [PollFd::new(fd, Events::OUT)];
                    let writable = self.k.poll(&mut fds, Some(ACKNOWLEDGED), None) != Ok(0);
                    // Linux takes what fits into the last segment, whatever poll says.
                    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                    if !writable && self.k.send(fd, &zeros[..1], flags) == Err(Errno::EAGAIN) {
                        return "full".to_owned();
                    }
                }
                Err(errno) => return format!("{errno:?}"),
            }
        }
    }

    /// Shuts a socket. One that is shut both ways is reset by the next byte, and whether one more fits into a buffer that is full is
    /// Linux's to decide: the sender's grows with any segment that comes (`tcp_check_space`).
    pub(super) fn shut(&mut self, slot: Slot, how: ShutdownHow) -> String {
        let object = self.objects[slot as usize];
        let before = self.shut.get(&object).copied().unwrap_or([false; 2]);
        let [reads, writes] = [how != ShutdownHow::Write, how != ShutdownHow::Read];
        let shut = [before[0] | reads, before[1] | writes];
        if shut == [true; 2] && self.full.contains(&object) {
            return "clashes".to_owned();
        }
        self.shut.insert(object, shut);
        said(self.k.shutdown(self.slots[slot as usize], how))
    }

    /// Reads all that was written to a TCP connection.
    pub(super) fn empty(&mut self, slot: Slot) -> String {
        let Some((object, _)) = self.ends(slot) else { return "elsewhere".to_owned() };
        if self.consumes_of(object) {
            return "clashes".to_owned();
        }
        // What fits into both buffers of a connection is Linux's to say. Whose peer's buffer became less than half of the largest
        // window goes on when it sends again or probes, 200 ms later and more (`tcp_bound_to_half_wnd`, `tcp_snd_wnd_test`).
        let unread = self.full.contains(&object) && self.shut.get(&object).is_some_and(|shut| shut[0]);
        if self.full.contains(&object) && (unread || self.tight.contains(&object)) {
            return "clashes".to_owned();
        }
        let (fd, mut buffer, mut calm) = (self.slots[slot as usize], vec![0; PIECE], 0);
        let end = loop {
            match self.k.recv(fd, &mut buffer, RecvFlags::DONTWAIT) {
                Ok(0) => break "the end".to_owned(),
                Ok(_) => calm = 0,
                Err(Errno::EAGAIN) if calm == 2 => break "empty".to_owned(),
                // A worker that waited for room may write more.
                Err(Errno::EAGAIN) => {
                    calm += 1;
                    self.wait_until_idle();
                }
                Err(errno) => break format!("{errno:?}"),
            }
        };
        self.full.remove(&object);
        end
    }
}
