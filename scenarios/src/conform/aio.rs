//! The calls of a program that start a read or a write and learn of its end: waited for, since how long the threads of
//! the C library take is nobody's to say.

use super::machine::{Calls, Machine, digest};
use super::outcome::Outcome;
use eagain_net::{AioId, Errno, SigEvent};
use std::time::Duration;

/// Nothing on a non-blocking descriptor takes so long.
const TIMEOUT: Duration = Duration::from_secs(10);

impl<K: Calls> Machine<K> {
    pub(super) fn aio_read(&mut self, slot: u64, count: u64) -> Outcome {
        let buffer = vec![0; self.count(count)];
        let fd = self.slots[slot as usize];
        let started = self.k.aio_read(fd, buffer, 0, SigEvent::None);
        let socket = self.k.getsockname(fd) != Err(Errno::ENOTSOCK);
        match self.ended(started.map_err(|(errno, _)| errno), true) {
            // A record of a signal names its sender, which differs.
            Outcome::Data(n, _) if !socket => Outcome::Count(n),
            outcome => outcome,
        }
    }

    pub(super) fn aio_write(&mut self, slot: u64, count: u64) -> Outcome {
        let bytes = self.next_bytes(count).to_vec();
        let started = self.k.aio_write(self.slots[slot as usize], bytes, 0, 0, SigEvent::None);
        let outcome = self.ended(started.map_err(|(errno, _)| errno), false);
        if let Outcome::Count(n) = outcome {
            self.sent += n as usize;
        }
        outcome
    }

    fn ended(&mut self, started: Result<AioId, Errno>, reads: bool) -> Outcome {
        let id = match started {
            Ok(id) => id,
            Err(errno) => return Outcome::Err(errno),
        };
        while let Err(errno) = self.k.aio_suspend(&[id], Some(TIMEOUT)) {
            if errno != Errno::EINTR {
                return Outcome::Text(format!("aio_suspend: {errno:?}"));
            }
        }
        let said = self.k.aio_error(id);
        let outcome = match self.k.aio_return(id) {
            Err(errno) => Outcome::Text(format!("aio_return: {errno:?}")),
            Ok((Err(errno), _)) => Outcome::Err(errno),
            Ok((Ok(n), buffer)) if reads => Outcome::Data(n as u64, digest(&buffer[..n])),
            Ok((Ok(n), _)) => Outcome::Count(n as u64),
        };
        let again = self.k.aio_return(id).map(|_| ());
        match (said, again) {
            (Ok(_), Err(Errno::EINVAL)) => outcome,
            odd => Outcome::Text(format!("{odd:?}")),
        }
    }
}
