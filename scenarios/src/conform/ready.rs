//! The calls of a program that ask what is ready: epoll, poll, select, all without waiting.

use super::machine::{Calls, Machine, NOW, SLOTS};
use super::outcome::Outcome;
use eagain_net::{EpollEvent, EpollOp, Errno, Events, Fd, FdSet, PollFd, SigSet};

impl<K: Calls> Machine<K> {
    pub(super) fn epoll_ctl(&mut self, epoll: u64, op: EpollOp, slot: u64, mask: u64) -> Outcome {
        let (set, fd) = (self.slots[epoll as usize], self.slots[slot as usize]);
        Outcome::of(self.k.epoll_ctl(set, op, fd, Events(mask as u32), slot))
    }

    pub(super) fn wait(&mut self, epoll: u64, most: u64, mask: Option<SigSet>) -> Outcome {
        let mut events = [EpollEvent::default(); 32];
        let room = &mut events[..(most as usize).min(32)];
        match self.k.epoll_wait(self.slots[epoll as usize], room, NOW, mask) {
            Err(errno) => Outcome::Err(errno),
            Ok(n) => Outcome::Events(events[..n].iter().map(|e| (e.data as u8, e.events)).collect()),
        }
    }

    pub(super) fn poll(&mut self, fd: Fd, asked: u64, mask: Option<SigSet>) -> Outcome {
        let mut fds = [PollFd::new(fd, Events(asked as u32))];
        match self.k.poll(&mut fds, NOW, mask) {
            Err(errno) => Outcome::Err(errno),
            Ok(_) => Outcome::Mask(fds[0].revents),
        }
    }

    pub(super) fn poll_all(&mut self, mask: u64) -> Outcome {
        let open = (0..SLOTS as u8).filter(|&slot| self.slots[slot as usize].0 >= 0);
        let slots: Vec<u8> = open.collect();
        let entry = |&slot: &u8| PollFd::new(self.slots[slot as usize], Events(mask as u32));
        let mut fds: Vec<PollFd> = slots.iter().map(entry).collect();
        match self.k.poll(&mut fds, NOW, None) {
            Err(errno) => Outcome::Err(errno),
            Ok(_) => Outcome::Masks(slots.into_iter().zip(fds.into_iter().map(|fd| fd.revents)).collect()),
        }
    }

    pub(super) fn select(&mut self, slots: &[u8], mask: Option<SigSet>) -> Outcome {
        let mut sets = [FdSet::default(), FdSet::default(), FdSet::default()];
        let mut nfds = 0;
        for &slot in slots {
            let fd = self.slots[slot as usize];
            nfds = nfds.max(fd.0 + 1);
            if !sets.iter_mut().all(|set| set.insert(fd)) {
                return Outcome::Err(Errno::EBADF);
            }
        }
        let [read, write, except] = &mut sets;
        match self.k.select(nfds, Some(read), Some(write), Some(except), NOW, mask) {
            Err(errno) => Outcome::Err(errno),
            Ok(_) => {
                let bits = |fd| [sets[0].contains(fd), sets[1].contains(fd), sets[2].contains(fd)];
                let sets = slots.iter().map(|&slot| (slot, bits(self.slots[slot as usize])));
                Outcome::Sets(sets.filter(|(_, bits)| *bits != [false; 3]).collect())
            }
        }
    }
}
