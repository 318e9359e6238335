//! The calls of a program that set and ask options, flags and timers.

use super::machine::{Calls, Machine};
use super::outcome::Outcome;
use eagain_net::{Events, PollFd, Result, SocketOption, SocketOptionName, StatusFlags, TimerSpec};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

impl<K: Calls> Machine<K> {
    pub(super) fn option(&mut self, slot: u64, option: SocketOption) -> Outcome {
        Outcome::of(self.k.setsockopt(self.slots[slot as usize], option))
    }

    pub(super) fn options(&mut self, slot: u64) -> Outcome {
        let fd = self.slots[slot as usize];
        use SocketOptionName as N;
        // Buffer sizes are shown only where the program has set them: the defaults are each machine's own.
        let names =
            [N::ReuseAddr, N::RecvLowAt, N::Linger, N::NoDelay, N::KeepAlive, N::RecvTimeout, N::SendTimeout];
        let mut text = Vec::new();
        for name in names {
            match self.k.getsockopt(fd, name) {
                Err(errno) => return Outcome::Err(errno),
                Ok(option) => text.push(format!("{option:?}")),
            }
        }
        Outcome::Text(text.join(" "))
    }

    pub(super) fn buffer_size(&mut self, slot: u64, option: SocketOption) -> Outcome {
        let fd = self.slots[slot as usize];
        match self.k.setsockopt(fd, option).and_then(|()| self.k.getsockopt(fd, option.name())) {
            Ok(SocketOption::SendBuffer(n) | SocketOption::RecvBuffer(n)) => Outcome::Count(u64::from(n)),
            Ok(_) => Outcome::Ok,
            Err(errno) => Outcome::Err(errno),
        }
    }

    pub(super) fn set_flags(&mut self, slot: u64, change: impl Fn(StatusFlags) -> StatusFlags) -> Outcome {
        let fd = self.slots[slot as usize];
        Outcome::of(self.k.fcntl_getfl(fd).and_then(|old| self.k.fcntl_setfl(fd, change(old))))
    }

    pub(super) fn set_time(&mut self, slot: u64, when: u64, interval: u64) -> Outcome {
        let fd = self.slots[slot as usize];
        let value = match when {
            0 => Duration::ZERO,
            1 => Duration::from_nanos(1),
            _ => HOUR,
        };
        let spec = TimerSpec { value, interval: HOUR * interval as u32 };
        let outcome = self.time(self.k.timerfd_settime(fd, spec, when == 1));
        if when == 1 && !matches!(outcome, Outcome::Err(_)) {
            // The real timer fires by an interrupt, very soon.
            let _ = self.k.poll(&mut [PollFd::new(fd, Events::IN)], Some(Duration::from_secs(1)), None);
        }
        outcome
    }

    pub(super) fn time(&self, result: Result<TimerSpec>) -> Outcome {
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(spec) => {
                let armed = if spec.value.is_zero() { "off" } else { "armed" };
                Outcome::Text(format!("{armed}/{}", spec.interval.as_secs() / 3600))
            }
        }
    }
}
