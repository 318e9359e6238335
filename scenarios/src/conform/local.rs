//! The calls of a program on pipes, Unix sockets and datagrams, and those that give a descriptor another number.

use super::call::{CONTROLS, Call, OFF, Op};
use super::machine::{Calls, Machine, digest};
use super::outcome::Outcome;
use eagain_net::{
    Control, Domain, Errno, Fd, FileLock, LockOwner, NumberOption, RecordLock, RecvFlags, Resource, Result,
    Rlimit, SendFlags, SocketFlags, SocketOptionName, UnixAddr,
};
use std::net::Ipv4Addr;

const NONBLOCK: SocketFlags = SocketFlags::NONBLOCK;
/// What a program receives at most.
const MOST: usize = 10_000;

fn kind(datagrams: u64) -> SocketFlags {
    if datagrams == 0 { NONBLOCK } else { NONBLOCK | SocketFlags::DGRAM }
}

impl<K: Calls> Machine<K> {
    pub(super) fn local_call(&mut self, call: &Call) -> Outcome {
        let (k, [a, b, c]) = (self.k, call.args);
        let fd = self.slots[a as usize];
        let with_name = matches!(
            call.op,
            Op::UnixBind
                | Op::UnixConnect
                | Op::UnixAccept
                | Op::UnixSendto
                | Op::UnixRecvfrom
                | Op::UnixPeer
        );
        let of_internet = matches!(call.op, Op::Recvfrom | Op::Sendto | Op::SendControl | Op::RecvControl);
        if of_internet && k.unix_getsockname(fd).is_ok() {
            return Outcome::Text("elsewhere".to_owned());
        }
        // A socket of IP takes no such address, and each of its calls says so in its own way.
        if with_name && k.unix_getsockname(fd) == Err(Errno::EAFNOSUPPORT) {
            return Outcome::Text("elsewhere".to_owned());
        }
        match call.op {
            Op::Pipe => self.put_both(a, b, k.pipe2(NONBLOCK)),
            Op::PipeSize => k.fcntl_getpipe_sz(fd).map_or_else(Outcome::Err, |n| Outcome::Count(n as u64)),
            Op::SetPipeSize => {
                k.fcntl_setpipe_sz(fd, b as _).map_or_else(Outcome::Err, |n| Outcome::Count(n as u64))
            }
            Op::Disconnect => Outcome::of(k.disconnect(fd)),
            Op::UnixPair => self.put_both(a, b, k.socketpair(kind(c))),
            Op::UnixSocket => self.put(a, k.socket(Domain::Unix, kind(b))),
            Op::UnixBind => {
                let name = self.unix_name(a);
                Outcome::of(k.unix_bind(fd, &name))
            }
            Op::UnixConnect => Outcome::of(k.unix_connect(fd, &self.unix_name(b))),
            Op::UnixAccept => match k.unix_accept(fd, NONBLOCK) {
                Err(errno) => Outcome::Err(errno),
                Ok((new, from)) => {
                    self.put(b, Ok(new));
                    self.unix_address(Ok(from))
                }
            },
            Op::UnixSendto => {
                let (bytes, name) = (self.next_bytes(c), self.unix_name(b));
                let sent = k.unix_sendto(fd, bytes, SendFlags::NOSIGNAL, &name);
                self.wrote(sent)
            }
            Op::UnixRecvfrom => {
                let mut buffer = vec![0; self.count(b).min(MOST)];
                let received = k.unix_recvfrom(fd, &mut buffer, RecvFlags(c as i32));
                let from = received.clone().map(|(_, from)| from);
                let from = self.unix_address(from);
                self.received(received.map(|(n, _)| n), &buffer, &from.to_string())
            }
            Op::UnixName => self.unix_address(k.unix_getsockname(fd)),
            Op::UnixPeer => self.unix_address(k.unix_getpeername(fd)),
            // One that is passed to itself is for a worker to find (`unix_gc`).
            Op::Pass | Op::PassMany if k.unix_getsockname(self.slots[b as usize]).is_ok() => {
                Outcome::Text("elsewhere".to_owned())
            }
            Op::Pass | Op::PassMany => {
                let (bytes, times) = if call.op == Op::Pass { (c, 1) } else { (1, c as usize) };
                let fds = vec![self.slots[b as usize]; times];
                let sent = k.unix_send_fds(fd, self.next_bytes(bytes), &fds, SendFlags::NOSIGNAL);
                self.wrote(sent)
            }
            Op::TakeFds | Op::PeekFds => {
                let mut buffer = vec![0; 500];
                let flags = if call.op == Op::TakeFds { RecvFlags::NONE } else { RecvFlags::PEEK };
                match k.unix_recv_fds(fd, &mut buffer, c as usize, flags) {
                    Err(errno) => Outcome::Err(errno),
                    Ok(got) => {
                        // Of IP it is the time of what came that may have no room.
                        let truncated = got.truncated && k.unix_getsockname(fd).is_ok();
                        let rest = format!("{} descriptors {truncated}", got.fds.len());
                        for (at, &new) in got.fds.iter().enumerate() {
                            match at {
                                0 => drop(self.put(b, Ok(new))),
                                _ => drop(k.close(new)),
                            }
                        }
                        self.received(Ok(got.len), &buffer, &rest)
                    }
                }
            }
            Op::Udp => self.put(a, k.socket(Domain::Inet, NONBLOCK | SocketFlags::DGRAM)),
            Op::Sendto => {
                let Some(to) = self.bound[b as usize] else { return Outcome::Text("nowhere".to_owned()) };
                let bytes = self.next_bytes(c);
                let sent = k.sendto(fd, bytes, SendFlags::NOSIGNAL, to);
                self.note_port(a);
                self.wrote(sent)
            }
            Op::SendControl => {
                let Some(to) = self.bound[b as usize] else { return Outcome::Text("nowhere".to_owned()) };
                let (bytes, control) = (self.next_bytes(3), CONTROLS[c as usize].1);
                let sent = k.sendmsg_control(fd, bytes, SendFlags::NOSIGNAL, Some(to), &[control]);
                self.note_port(a);
                self.wrote(sent)
            }
            // When what a stream receives came is not simulated.
            Op::RecvControl if k.getsockopt(fd, SocketOptionName::NoDelay).is_ok() => {
                Outcome::Text("elsewhere".to_owned())
            }
            Op::RecvControl => {
                let mut buffer = vec![0; self.count(b).min(MOST)];
                match k.recvmsg_control(fd, &mut buffer, RecvFlags(c as i32)) {
                    Err(errno) => Outcome::Err(errno),
                    Ok(message) => {
                        let from = message
                            .from
                            .map_or("nobody".to_owned(), |from| self.address(Ok(from)).to_string());
                        let control: Vec<String> =
                            message.control.iter().map(|one| self.control(one)).collect();
                        self.received(Ok(message.len), &buffer, &format!("{from} {}", control.join(" ")))
                    }
                }
            }
            Op::Recvfrom => {
                let mut buffer = vec![0; self.count(b).min(MOST)];
                let received = k.recvfrom(fd, &mut buffer, RecvFlags(c as i32));
                let from = match received {
                    Ok((_, Some(from))) => self.address(Ok(from)).to_string(),
                    _ => "nobody".to_owned(),
                };
                self.received(received.map(|(n, _)| n), &buffer, &from)
            }
            Op::Dup3 => {
                let to = self.slots[b as usize];
                if to.0 < 0 {
                    Outcome::Text("nothing there".to_owned())
                } else {
                    Outcome::of(k.dup3(fd, to).map(drop))
                }
            }
            // A number that is far from those of the harness.
            _ => {
                let least = 600 + c as i32;
                let new = k.fcntl_dupfd(fd, least);
                let given = new.map(|new| new.0 - least);
                match (self.put(b, new), given) {
                    (Outcome::Ok, Ok(above)) => Outcome::Count(above as u64),
                    (other, _) => other,
                }
            }
        }
    }

    /// A limit as it was before the program changed it, to which it is put back in the end.
    fn at_first(&mut self, resource: Resource) -> Result<Rlimit> {
        if let Some((_, limit)) = self.limits.iter().find(|(of, _)| *of == resource) {
            return Ok(*limit);
        }
        let limit = self.k.getrlimit(resource)?;
        self.limits.push((resource, limit));
        Ok(limit)
    }

    /// No signal has a place in the queue, or as many as at first: between these Linux counts those of the user, of all programs.
    pub(super) fn places(&mut self, count: u64) -> Result<()> {
        let at_first = self.at_first(Resource::PendingSignals)?;
        let soft = if count == 0 { 0 } else { at_first.soft };
        self.k.setrlimit(Resource::PendingSignals, Rlimit { soft, ..at_first })
    }

    /// Room for so many descriptors more.
    pub(super) fn room(&mut self, count: u64) -> Result<String> {
        let k = self.k;
        let at_first = self.at_first(Resource::Files)?;
        k.setrlimit(Resource::Files, at_first)?;
        let soft = match count {
            OFF => return Ok("as at first".to_owned()),
            0 => 0,
            _ => {
                let free: Vec<Fd> = (0..count).map_while(|_| k.eventfd(0, NONBLOCK).ok()).collect();
                let last = free.last().ok_or(Errno::EMFILE)?.0;
                free.into_iter().try_for_each(|fd| k.close(fd))?;
                last as u64 + 1
            }
        };
        // What the numbers above do depends on how many there are below, and those of the harness are among these.
        if soft > 0 && self.slots.iter().any(|fd| fd.0 as i64 >= soft as i64) {
            return Ok("elsewhere".to_owned());
        }
        k.setrlimit(Resource::Files, Rlimit { soft, ..at_first })?;
        Ok("set".to_owned())
    }

    /// A lock of what only the program has: the inode of counters, timers, signalfds and sets is the whole machine's.
    pub(super) fn lock_call(&mut self, call: &Call) -> Outcome {
        let (k, [a, b, start]) = (self.k, call.args);
        let fd = self.slots[a as usize];
        if k.getsockname(fd) == Err(Errno::ENOTSOCK) && k.fcntl_getpipe_sz(fd).is_err() {
            return Outcome::Text("elsewhere".to_owned());
        }
        let kind = [FileLock::Unlock, FileLock::Shared, FileLock::Exclusive][b as usize % 3];
        let owner = match call.op {
            Op::SetLock | Op::GetLock => LockOwner::Process,
            _ => LockOwner::OpenFile,
        };
        let lock = RecordLock { kind, owner, start, len: 10 };
        match call.op {
            Op::Flock => Outcome::of(k.flock(fd, kind)),
            Op::SetLock | Op::SetOpenLock => Outcome::of(k.fcntl_setlk(fd, lock)),
            _ => match k.fcntl_getlk(fd, lock) {
                Err(errno) => Outcome::Err(errno),
                Ok(None) => Outcome::Text("free".to_owned()),
                Ok(Some((RecordLock { kind, owner, start, len }, _))) => {
                    Outcome::Text(format!("{kind:?} {owner:?} {start} {len}"))
                }
            },
        }
    }

    /// Control data without the time, and with addresses of the program's own as one.
    fn control(&self, control: &Control) -> String {
        match *control {
            Control::Timestamp(_) => "Timestamp".to_owned(),
            Control::TimestampNs(_) => "TimestampNs".to_owned(),
            Control::PktInfo { local, to, .. } => {
                let mine = |ip: Ipv4Addr| if self.ip == ip { "mine".to_owned() } else { ip.to_string() };
                format!("to {} {}", mine(local), mine(to))
            }
            other => format!("{other:?}"),
        }
    }

    /// When what a Unix socket receives came is not simulated.
    pub(super) fn is_time_elsewhere(&self, fd: Fd, option: NumberOption) -> bool {
        let is_time = matches!(option, NumberOption::Timestamp | NumberOption::TimestampNs);
        is_time && self.k.unix_getsockname(fd).is_ok()
    }

    /// Urgent data of Unix sockets (`CONFIG_AF_UNIX_OOB`) is not simulated.
    pub(super) fn is_urgent_elsewhere(&self, fd: Fd, flags: u64) -> bool {
        SendFlags(flags as i32).contains(SendFlags::OOB) && self.k.unix_getsockname(fd).is_ok()
    }

    /// Whether it is a socket of datagrams, or may be one where no descriptor is free: once that is shut a worker of the kernel receives for a ring, when it likes.
    pub(super) fn is_datagram(&self, fd: Fd) -> bool {
        let refused = |accepted: Result<Fd>| {
            matches!(accepted.and_then(|new| self.k.close(new)), Err(Errno::EOPNOTSUPP | Errno::EMFILE))
        };
        match self.k.unix_getsockname(fd) {
            _ if self.k.getsockopt(fd, SocketOptionName::NoDelay).is_ok() => false,
            Ok(_) => refused(self.k.unix_accept(fd, NONBLOCK).map(|(new, _)| new)),
            Err(_) => refused(self.k.accept4(fd, NONBLOCK).map(|(new, _)| new)),
        }
    }

    fn put_both(&mut self, one: u64, other: u64, made: Result<(Fd, Fd)>) -> Outcome {
        match made {
            Err(errno) => Outcome::Err(errno),
            Ok((first, second)) => {
                self.put(one, Ok(first));
                self.put(other, Ok(second))
            }
        }
    }

    /// The abstract name that a slot is bound to: another one for each program.
    fn unix_name(&self, slot: u64) -> UnixAddr {
        let name = format!("eagain-{}-{}-{slot}", self.k.getpid(), self.ip);
        UnixAddr::Abstract(name.into_bytes())
    }

    fn unix_address(&self, result: Result<UnixAddr>) -> Outcome {
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(UnixAddr::Unnamed) => Outcome::Address(None),
            Ok(name) => match (0..26).find(|&slot| self.unix_name(slot) == name) {
                Some(slot) => Outcome::Address(Some(super::outcome::Owner::Slot(slot as u8))),
                None => Outcome::Text(format!("{name:?}")),
            },
        }
    }

    fn received(&self, result: Result<usize>, buffer: &[u8], rest: &str) -> Outcome {
        match result {
            Err(errno) => Outcome::Err(errno),
            Ok(n) => Outcome::Text(format!("{n}:{:x} {rest}", digest(&buffer[..n.min(buffer.len())]))),
        }
    }
}
