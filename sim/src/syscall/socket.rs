//! Sockets: the order of the checks is that of net/ipv4/af_inet.c and tcp.c.

use super::SendProgress;
use super::descriptor::check_flags;
use crate::kernel::Step;
use crate::object::{Listen, Object, Options, Port, RCV, SEND, SHUT, Sock, SocketState, Tcp};
use crate::world::{NONE, World};
use eagain_net::{
    Domain, Errno, Events, Fd, RecvFlags, Result, SendFlags, ShutdownHow, SigCode, SigInfo, Signal,
    SocketAddr, SocketFlags, SocketOption, SocketOptionName,
};

/// `SOCK_MIN_SNDBUF` and `SOCK_MIN_RCVBUF`, as `getsockopt` shows them.
const SEND_BUFFER_MIN: u32 = 4608;
const RECV_BUFFER_MIN: u32 = 2304;

impl Sock {
    pub fn new(host: u32, domain: Domain, options: Options) -> Sock {
        Sock {
            file: NONE,
            host,
            domain,
            state: SocketState::Unconnected,
            tcp: Tcp::Close,
            local: None,
            remote: None,
            port: Port::default(),
            conn: None,
            listen: None,
            parent: NONE,
            error: None,
            shutdown: 0,
            done: false,
            no_space: false,
            orphan: false,
            options,
        }
    }
}

fn unspecified(domain: Domain) -> SocketAddr {
    match domain {
        Domain::Inet => SocketAddr::from(([0, 0, 0, 0], 0)),
        Domain::Inet6 => SocketAddr::from(([0_u16; 8], 0)),
    }
}

fn check_family(domain: Domain, address: SocketAddr) -> Result<()> {
    match (domain, address) {
        (Domain::Inet, SocketAddr::V6(_)) => Err(Errno::EAFNOSUPPORT),
        (Domain::Inet6, SocketAddr::V4(_)) => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}

impl World {
    /// The socket behind a descriptor: `EBADF`, then `ENOTSOCK`.
    pub fn sock(&self, fd: Fd) -> Result<(u32, u32)> {
        let file = self.file(fd)?;
        match self.files[file as usize].object {
            Object::Socket(sock) => Ok((file, sock)),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    fn add_sock(&mut self, sock: u32, flags: SocketFlags) -> Fd {
        let fd = self.open_file(Object::Socket(sock), flags.contains(SocketFlags::NONBLOCK));
        if let Ok(file) = self.file(fd) {
            self.socks[sock as usize].file = file;
        }
        fd
    }

    pub fn sys_socket(&mut self, domain: Domain, flags: SocketFlags) -> Result<Fd> {
        check_flags(flags)?;
        self.check_fd_free()?;
        let process = self.my_process();
        let host = self.processes[process as usize].host;
        let options = Options {
            reuse_addr: false,
            reuse_port: false,
            no_delay: false,
            keep_alive: false,
            linger: None,
            low_at: 1,
            send_buffer: self.knobs.send_buffer,
            recv_buffer: self.knobs.recv_buffer,
            send_buffer_set: false,
            recv_buffer_set: false,
            recv_timeout: None,
            send_timeout: None,
        };
        let sock = self.socks.insert(Sock::new(host, domain, options)) as u32;
        Ok(self.add_sock(sock, flags))
    }

    pub fn sys_bind(&mut self, fd: Fd, address: SocketAddr) -> Result<()> {
        let (_, sock) = self.sock(fd)?;
        let s = &self.socks[sock as usize];
        let host = s.host;
        check_family(s.domain, address)?;
        if self.host_of(host, address.ip()) != Some(host) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let s = &self.socks[sock as usize];
        if s.tcp != Tcp::Close || s.port.held {
            return Err(Errno::EINVAL);
        }
        let local = match self.bind_port(sock, address) {
            Ok(local) => local,
            Err(errno) => {
                let s = &mut self.socks[sock as usize];
                let nowhere = unspecified(s.domain).ip();
                s.local.iter_mut().for_each(|local| local.set_ip(nowhere));
                return Err(errno);
            }
        };
        let s = &mut self.socks[sock as usize];
        s.local = Some(local);
        s.remote = None;
        s.port.address_locked |= !address.ip().is_unspecified();
        // A port of the kernel's choice is not the program's: it goes with the connection.
        s.port.port_locked |= address.port() != 0;
        Ok(())
    }

    pub fn sys_listen(&mut self, fd: Fd, backlog: i32) -> Result<()> {
        let (_, sock) = self.sock(fd)?;
        let s = &self.socks[sock as usize];
        if s.state != SocketState::Unconnected || !matches!(s.tcp, Tcp::Close | Tcp::Listen) {
            return Err(Errno::EINVAL);
        }
        if s.tcp == Tcp::Close {
            let (host, reuse, reuse_port) = (s.host, s.options.reuse_addr, s.options.reuse_port);
            match s.local.filter(|_| s.port.held) {
                Some(local) if !self.port_is_free(host, &local, reuse, reuse_port, sock) => {
                    return Err(Errno::EADDRINUSE);
                }
                Some(_) => {}
                None => {
                    let locked = s.local.filter(|_| s.port.address_locked).map(|local| local.ip());
                    let any = SocketAddr::new(locked.unwrap_or(unspecified(s.domain).ip()), 0);
                    let local = self.bind_port(sock, any)?;
                    self.socks[sock as usize].local = Some(local);
                }
            }
        }
        // A negative one is a very large one, as in Linux, where it is compared unsigned.
        let most = self.knobs.somaxconn;
        let backlog = usize::try_from(backlog).map_or(most, |asked| asked.min(most));
        let (backlog, cause) = self.grant_backlog(fd, backlog);
        let s = &mut self.socks[sock as usize];
        s.tcp = Tcp::Listen;
        let listen = s.listen.get_or_insert_with(|| {
            Box::new(Listen { backlog: 0, short_backlog_cause: 0, queue: Default::default(), half_open: 0 })
        });
        listen.backlog = backlog;
        listen.short_backlog_cause = cause;
        Ok(())
    }

    pub fn sys_accept(&mut self, fd: Fd, flags: SocketFlags) -> Step<(Fd, SocketAddr)> {
        // The descriptor is reserved before the queue is looked at, so EMFILE leaves the connection where it is.
        let mut attempt = || -> Result<(u32, u32)> {
            self.file(fd)?;
            check_flags(flags)?;
            self.check_fd_free()?;
            self.sock(fd)
        };
        let (file, sock) = match attempt() {
            Ok(found) => found,
            Err(errno) => return Step::Done(Err(errno)),
        };
        let s = &mut self.socks[sock as usize];
        let Some(listen) = &mut s.listen else { return Step::Done(Err(Errno::EINVAL)) };
        let Some(child) = listen.queue.pop_front() else {
            if self.files[file as usize].nonblocking() {
                return Step::Done(Err(Errno::EAGAIN));
            }
            self.wait_for_file(file, Events::IN, true, None);
            return Step::Wait;
        };
        let c = &mut self.socks[child as usize];
        c.parent = NONE;
        let peer = c.remote.unwrap_or(unspecified(c.domain));
        let fd = self.add_sock(child, flags);
        self.progress();
        Step::Done(Ok((fd, peer)))
    }

    pub fn sys_connect(&mut self, fd: Fd, address: SocketAddr) -> Step<()> {
        match self.try_connect(fd, address) {
            Err(Errno::EINPROGRESS) | Err(Errno::EALREADY)
                if self.file(fd).is_ok_and(|file| !self.files[file as usize].nonblocking()) =>
            {
                let Ok(file) = self.file(fd) else { return Step::Done(Err(Errno::EBADF)) };
                self.wait_for_file(file, Events::OUT, false, None);
                Step::Wait
            }
            result => Step::Done(result),
        }
    }

    /// `__inet_stream_connect`.
    fn try_connect(&mut self, fd: Fd, address: SocketAddr) -> Result<()> {
        let (_, sock) = self.sock(fd)?;
        let s = &self.socks[sock as usize];
        let mut pending = Errno::EALREADY;
        match s.state {
            SocketState::Connected => return Err(Errno::EISCONN),
            SocketState::Disconnecting => return Err(Errno::EINVAL),
            SocketState::Connecting => {}
            SocketState::Unconnected => {
                if s.tcp != Tcp::Close {
                    return Err(Errno::EISCONN);
                }
                check_family(s.domain, address)?;
                let local = self.source_address(sock, address)?;
                self.send_syn(sock, local, address)?;
                self.socks[sock as usize].state = SocketState::Connecting;
                pending = Errno::EINPROGRESS;
                self.progress();
            }
        }
        let s = &mut self.socks[sock as usize];
        match s.tcp {
            Tcp::SynSent | Tcp::SynRecv => Err(pending),
            Tcp::Close => {
                // The attempt is over: the error, once; then the socket can be used again.
                let error = s.error.take().unwrap_or(Errno::ECONNABORTED);
                self.disconnect(sock);
                Err(error)
            }
            _ => {
                s.state = SocketState::Connected;
                Ok(())
            }
        }
    }

    pub fn sys_recv(
        &mut self,
        fd: Fd,
        buffer: &mut [u8],
        flags: RecvFlags,
        deadline: &mut Option<u64>,
    ) -> Step<usize> {
        let (file, sock) = match self.sock(fd) {
            Ok(found) => found,
            Err(errno) => return Step::Done(Err(errno)),
        };
        let s = &mut self.socks[sock as usize];
        if s.tcp == Tcp::Listen {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if flags.contains(RecvFlags::OOB) {
            return Step::Done(self.recv_urgent(sock, buffer, flags));
        }
        let nonblocking = self.files[file as usize].nonblocking() || flags.contains(RecvFlags::DONTWAIT);
        if let Some((conn, side)) = s.conn {
            let incoming = 1 - side as usize;
            let f = &mut self.conns[conn as usize].flows[incoming];
            let (mut available, mut peeked_over) = (f.readable() as usize, 0);
            if buffer.is_empty() && available > 0 {
                self.acknowledge_what_was_read(conn, incoming, false, false);
                return Step::Done(Ok(0));
            }
            if f.urgent.is_some() {
                let (to_mark, skipped) = f.readable_to_mark();
                available = to_mark as usize;
                if skipped > 0 && flags.contains(RecvFlags::PEEK) {
                    peeked_over = skipped as usize;
                } else if skipped > 0 && !buffer.is_empty() {
                    f.skip_mark();
                }
            }
            let over = s.done || s.error.is_some() || s.shutdown & RCV != 0 || s.tcp == Tcp::Close;
            let enough =
                !flags.contains(RecvFlags::WAITALL) || available >= buffer.len() || over || nonblocking;
            // SO_RCVLOWAT makes a blocking read wait, and nothing else.
            let low = (s.options.low_at as usize).min(buffer.len());
            let enough = enough && (available >= low || over || nonblocking);
            if available > 0 && enough {
                return Step::Done(Ok(self.take_received(
                    conn,
                    incoming,
                    buffer,
                    available,
                    peeked_over,
                    flags,
                )));
            }
        }
        if s.done {
            if let Some((conn, side)) = s.conn {
                self.acknowledge_what_was_read(conn, 1 - side as usize, false, true);
            }
            self.progress();
            return Step::Done(Ok(0));
        }
        if let Some(error) = s.error.take() {
            self.progress();
            return Step::Done(Err(error));
        }
        if s.shutdown & RCV != 0 {
            return Step::Done(Ok(0));
        }
        if s.tcp == Tcp::Close {
            return Step::Done(Err(Errno::ENOTCONN));
        }
        if nonblocking || deadline.is_some_and(|at| self.run.now() >= at) {
            if let Some((conn, side)) = s.conn {
                let cause = self.conns[conn as usize].flows[1 - side as usize].cause();
                self.run.blame(cause);
            }
            return Step::Done(Err(Errno::EAGAIN));
        }
        if deadline.is_none()
            && let Some(timeout) = s.options.recv_timeout
        {
            *deadline = Some(self.run.now().saturating_add(timeout));
        }
        self.wait_for_file(file, Events::IN, false, *deadline);
        Step::Wait
    }

    fn take_received(
        &mut self,
        conn: u32,
        incoming: usize,
        buffer: &mut [u8],
        available: usize,
        peeked_over: usize,
        flags: RecvFlags,
    ) -> usize {
        let World { conns, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[incoming];
        let mut n = available.min(buffer.len());
        if flags.contains(RecvFlags::TRUNC) {
            f.bytes.skip(n);
        } else {
            n = if peeked_over == 0 {
                f.bytes.peek(buffer, n)
            } else {
                buffer[..n].copy_from_slice(&f.bytes.bytes()[peeked_over..peeked_over + n]);
                n
            };
            run.payload(scheduler.current(), &buffer[..n], false);
            if !flags.contains(RecvFlags::PEEK) {
                f.bytes.skip(n);
            }
        }
        if n < buffer.len() {
            run.blame(f.cause());
        }
        if !flags.contains(RecvFlags::PEEK) {
            f.read += n as u64;
            self.progress();
            self.open_window(conn, incoming);
        }
        let beyond = n < buffer.len() && !flags.contains(RecvFlags::PEEK);
        self.acknowledge_what_was_read(conn, incoming, n > 0, beyond);
        n
    }

    /// The receiver has read: a sender that found the window closed may send again, once half of it is open.
    fn open_window(&mut self, conn: u32, side: usize) {
        let c = &mut self.conns[conn as usize];
        let f = &mut c.flows[side];
        if f.window_closed
            && f.recv_buffer - (f.sent - f.read).min(f.recv_buffer) >= (f.recv_buffer / 2).max(1)
        {
            f.window_closed = false;
            if !f.pumping {
                f.pumping = true;
                let (at, generation) = (self.run.now() + c.latency, c.generation);
                self.scheduler.plan(at, crate::scheduler::Event::Transmit(conn, generation, side as u8));
            }
        }
    }

    /// `tcp_sendmsg_locked`.
    pub fn sys_send(
        &mut self,
        fd: Fd,
        buffers: &[&[u8]],
        flags: SendFlags,
        progress: &mut SendProgress,
    ) -> Step<usize> {
        let (file, sock) = match self.sock(fd) {
            Ok(found) => found,
            Err(errno) => return Step::Done(Err(errno)),
        };
        let nonblocking = self.files[file as usize].nonblocking() || flags.contains(SendFlags::DONTWAIT);
        let expired = progress.deadline.is_some_and(|at| self.run.now() >= at);
        let s = &mut self.socks[sock as usize];
        if !matches!(s.tcp, Tcp::Established | Tcp::CloseWait) {
            let connecting = matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv);
            if s.error.is_none() && connecting {
                if nonblocking || expired {
                    return Step::Done(Err(Errno::EAGAIN));
                }
                self.wait_for_file(file, Events::OUT, false, progress.deadline);
                return Step::Wait;
            }
            return Step::Done(self.send_error(sock, flags, progress.sent));
        }
        if s.error.is_some() || s.shutdown & SEND != 0 {
            return Step::Done(self.send_error(sock, flags, progress.sent));
        }
        let Some((conn, side)) = s.conn else { return Step::Done(Err(Errno::EPIPE)) };
        let side = side as usize;
        self.settle_acks(conn, side);
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let pushed = self.push_bytes(conn, side, buffers, progress.sent);
        progress.sent += pushed;
        if pushed > 0 && flags.contains(SendFlags::OOB) {
            self.conns[conn as usize].flows[side].mark_urgent();
        }
        if pushed > 0 {
            self.pump(conn, side);
            self.progress();
        }
        if progress.sent == total {
            return Step::Done(Ok(total));
        }
        // The buffer is full.
        let f = &self.conns[conn as usize].flows[side];
        let cause = [f.small_buffer_cause, f.held_cause, f.bandwidth_cause].into_iter().max().unwrap_or(0);
        self.socks[sock as usize].no_space = true;
        self.await_space(conn, side);
        if nonblocking || expired {
            self.run.blame(cause);
            return Step::Done(if progress.sent > 0 { Ok(progress.sent) } else { Err(Errno::EAGAIN) });
        }
        if progress.deadline.is_none()
            && let Some(timeout) = self.socks[sock as usize].options.send_timeout
        {
            progress.deadline = Some(self.run.now().saturating_add(timeout));
        }
        self.wait_for_file(file, Events::OUT, false, progress.deadline);
        let me = self.scheduler.current();
        self.scheduler[me].no_restart |= progress.sent > 0;
        Step::Wait
    }

    /// Copies what fits of `buffers`, from `from` on, into the send buffer.
    fn push_bytes(&mut self, conn: u32, side: usize, buffers: &[&[u8]], from: usize) -> usize {
        let World { conns, run, scheduler, .. } = self;
        let f = &mut conns[conn as usize].flows[side];
        let mut room = f.free() as usize;
        let mut skip = from;
        let mut pushed = 0;
        for bytes in buffers {
            if skip >= bytes.len() && !bytes.is_empty() {
                skip -= bytes.len();
                continue;
            }
            let rest = &bytes[skip..];
            skip = 0;
            let n = rest.len().min(room);
            f.bytes.push(&rest[..n]);
            run.payload(scheduler.current(), &rest[..n], true);
            room -= n;
            pushed += n;
            if n < rest.len() {
                break;
            }
        }
        f.written += pushed as u64;
        pushed
    }

    /// `sk_stream_error`: what was sent; else the pending error, once; else `EPIPE`, with `SIGPIPE`.
    fn send_error(&mut self, sock: u32, flags: SendFlags, sent: usize) -> Result<usize> {
        if sent > 0 {
            return Ok(sent);
        }
        let error = self.socks[sock as usize].error.take().unwrap_or(Errno::EPIPE);
        if error == Errno::EPIPE && !flags.contains(SendFlags::NOSIGNAL) {
            let thread = self.scheduler.current();
            self.send_to_thread(thread, SigInfo::plain(Signal::SIGPIPE, SigCode::User));
        }
        Err(error)
    }

    /// `inet_shutdown`.
    pub fn sys_shutdown(&mut self, fd: Fd, how: ShutdownHow) -> Result<()> {
        let (_, sock) = self.sock(fd)?;
        let how = match how {
            ShutdownHow::Read => RCV,
            ShutdownHow::Write => SEND,
            ShutdownHow::Both => SHUT,
        };
        let s = &mut self.socks[sock as usize];
        if s.state == SocketState::Connecting {
            s.state = if matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv | Tcp::Close) {
                SocketState::Disconnecting
            } else {
                SocketState::Connected
            };
        }
        let mut result = Ok(());
        match s.tcp {
            Tcp::Close => {
                result = Err(Errno::ENOTCONN);
                s.shutdown |= how;
            }
            Tcp::Listen if how & RCV == 0 => {}
            Tcp::Listen | Tcp::SynSent => {
                self.disconnect(sock);
                self.socks[sock as usize].state = SocketState::Unconnected;
            }
            _ => s.shutdown |= how,
        }
        self.progress();
        self.shutdown_sock(sock, how);
        result
    }

    pub fn sys_getsockname(&mut self, fd: Fd) -> Result<SocketAddr> {
        let (_, sock) = self.sock(fd)?;
        let s = &self.socks[sock as usize];
        Ok(s.local.unwrap_or(unspecified(s.domain)))
    }

    pub fn sys_getpeername(&mut self, fd: Fd) -> Result<SocketAddr> {
        let (_, sock) = self.sock(fd)?;
        let s = &self.socks[sock as usize];
        match s.remote {
            Some(remote) if !matches!(s.tcp, Tcp::Close | Tcp::SynSent) => Ok(remote),
            _ => Err(Errno::ENOTCONN),
        }
    }

    pub fn sys_setsockopt(&mut self, fd: Fd, option: SocketOption) -> Result<()> {
        use SocketOption as O;
        let (_, sock) = self.sock(fd)?;
        let s = &mut self.socks[sock as usize];
        let o = &mut s.options;
        let nanoseconds = |d: Option<std::time::Duration>| d.map(|d| d.as_nanos() as u64).filter(|&n| n > 0);
        match option {
            O::ReuseAddr(on) => {
                let inherited = s.port.inherited;
                if inherited {
                    self.unbind(sock);
                }
                self.socks[sock as usize].options.reuse_addr = on;
                if inherited {
                    self.socks[sock as usize].port =
                        Port { held: true, inherited, ..self.socks[sock as usize].port };
                    self.inherit_port(sock);
                }
            }
            O::ReusePort(on) => o.reuse_port = on,
            O::NoDelay(on) => o.no_delay = on,
            O::KeepAlive(on) => o.keep_alive = on,
            // It is an `int`.
            O::Linger(seconds) => o.linger = seconds.map(|seconds| seconds.min(i32::MAX as u32)),
            O::RecvLowAt(bytes) => {
                // `tcp_set_rcvlowat`: at most half the buffer; what is enough now is told at once.
                o.low_at = bytes.min(o.recv_buffer / 2).max(1);
                let (file, enough) = (s.file, s.done || self.is_enough(sock));
                if enough {
                    self.notify(file, Events::IN, Some(SigCode::PollIn));
                }
            }
            O::RecvTimeout(d) => o.recv_timeout = nanoseconds(d),
            O::SendTimeout(d) => o.send_timeout = nanoseconds(d),
            O::SendBuffer(bytes) => {
                o.send_buffer = bytes.saturating_mul(2).max(SEND_BUFFER_MIN);
                o.send_buffer_set = true;
                let size = u64::from(o.send_buffer);
                if let Some((conn, side)) = s.conn {
                    self.conns[conn as usize].flows[side as usize].send_buffer = size;
                }
            }
            O::RecvBuffer(bytes) => {
                o.recv_buffer = bytes.saturating_mul(2).max(RECV_BUFFER_MIN);
                o.recv_buffer_set = true;
                let size = u64::from(o.recv_buffer);
                if let Some((conn, side)) = s.conn {
                    self.conns[conn as usize].flows[1 - side as usize].recv_buffer = size;
                }
            }
            O::Error(_) => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    pub fn sys_getsockopt(&mut self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        use SocketOption as O;
        use SocketOptionName as N;
        let (_, sock) = self.sock(fd)?;
        let s = &mut self.socks[sock as usize];
        let o = &s.options;
        let duration = |n: Option<u64>| n.map(std::time::Duration::from_nanos);
        Ok(match option {
            N::ReuseAddr => O::ReuseAddr(o.reuse_addr),
            N::ReusePort => O::ReusePort(o.reuse_port),
            N::NoDelay => O::NoDelay(o.no_delay),
            N::KeepAlive => O::KeepAlive(o.keep_alive),
            N::Linger => O::Linger(o.linger),
            N::RecvLowAt => O::RecvLowAt(o.low_at),
            N::RecvTimeout => O::RecvTimeout(duration(o.recv_timeout)),
            N::SendTimeout => O::SendTimeout(duration(o.send_timeout)),
            N::SendBuffer => O::SendBuffer(o.send_buffer),
            N::RecvBuffer => O::RecvBuffer(o.recv_buffer),
            N::Error => O::Error(s.error.take()),
        })
    }

    /// Whether as much has arrived as the low-water mark asks for.
    fn is_enough(&self, sock: u32) -> bool {
        let s = &self.socks[sock as usize];
        s.conn.is_some_and(|(conn, side)| {
            self.conns[conn as usize].flows[1 - side as usize].readable() >= u64::from(s.options.low_at)
        })
    }

    /// `tcp_poll`.
    pub fn poll_sock(&mut self, sock: u32) -> Events {
        let s = &mut self.socks[sock as usize];
        if let Some(listen) = s.listen.as_ref().filter(|_| s.tcp == Tcp::Listen) {
            return if listen.queue.is_empty() { Events::NONE } else { Events::IN };
        }
        let mut mask = Events::NONE;
        if s.shutdown == SHUT || s.tcp == Tcp::Close {
            mask |= Events::HUP;
        }
        if s.shutdown & RCV != 0 {
            mask |= Events::IN | Events::RDHUP;
        }
        if !matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv) {
            match s.conn {
                Some((conn, side)) => {
                    let side = side as usize;
                    let low = u64::from(s.options.low_at);
                    let sending = s.shutdown & SEND == 0;
                    let flows = &mut self.conns[conn as usize].flows;
                    if flows[1 - side].enough(low) {
                        mask |= Events::IN;
                    }
                    if flows[1 - side].has_urgent() {
                        mask |= Events::PRI;
                    }
                    flows[side].settle_acks(self.run.now());
                    if !sending || flows[side].writable() {
                        mask |= Events::OUT;
                    } else {
                        s.no_space = true;
                        if s.error.is_some() {
                            mask |= Events::ERR;
                        }
                        self.await_space(conn, side);
                        return mask;
                    }
                }
                None => mask |= Events::OUT,
            }
        }
        if s.error.is_some() {
            mask |= Events::ERR;
        }
        mask
    }
}
