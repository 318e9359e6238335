//! The proactor on a completion model. The eight steps are those of [the module](super).
//!
//! Sockets are blocking, since nobody calls them but the kernel. A connection ends in three steps: it is shut down, what
//! the kernel has of it comes back, and only then its descriptor is closed; else the kernel would go on with a
//! descriptor that may be somebody else's by then.

use crate::io_unit::acceptor::{AcceptError, Acceptor, REST_NS};
use crate::io_unit::blocking::TIMEOUT_MIN;
use crate::io_unit::connection::CloseReason;
use crate::io_unit::loop_context::LoopContext;
use crate::io_unit::loop_setup::Acceptors;
use crate::io_unit::main_loop::{self, MainLoop};
use crate::io_unit::peer::Peer;
use crate::io_unit::scratch::Scratch;
use crate::io_unit::service::{Service, Workers};
use crate::io_unit::units::Now;
use crate::storage_unit::Storage;
use eagain_net::model::{AnyCompleter, Completer, Finish, Finished, ModelKind};
use eagain_net::{Errno, Fd, Kernel, OwnedFd, RecvFlags, ShutdownHow, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// An operation that the model had no room for is tried again after so long.
const AGAIN_NS: u64 = 1_000_000;

/// The main thread's.
struct Completion<K: Kernel, S: Storage> {
    context: Arc<LoopContext<K, S>>,
    io: Io<K>,
    acceptors: Acceptors<K>,
    service: Service<K>,
    finished: Vec<Finished>,
}

/// The model, and memory for its operations.
struct Io<K: Kernel> {
    completer: AnyCompleter<K>,
    scratch: Scratch,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(in crate::io_unit) fn run<K: Kernel, S: Storage + 'static>(
    context: LoopContext<K, S>,
    completer: AnyCompleter<K>,
    acceptors: Acceptors<K>,
) -> Result<(), Errno> {
    let workers = Workers::start(&context.units)?;
    let service = workers.service(context.units.kernel, Some(context.waker.clone()));
    let context = Arc::new(context);
    let io = Io { completer, scratch: Scratch::new() };
    let mut proactor = Completion { context, io, acceptors, service, finished: Vec::new() };
    let result = main_loop::run(&mut proactor);
    workers.end();
    result
}

impl<K: Kernel, S: Storage> MainLoop<K, S> for Completion<K, S> {
    fn context(&self) -> &Arc<LoopContext<K, S>> {
        &self.context
    }

    /// Steps 2 and 6: other things, which is whatever ends next.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<Now, Errno> {
        self.io.completer.wait(&mut self.finished, timeout)?;
        self.context.awake();
        let now = Now::of(self.context.units.kernel);
        let mut finished = std::mem::take(&mut self.finished);
        for &mut Finished { token, ref mut what } in &mut finished {
            match what {
                Finish::Accepted(Ok(fd)) => self.accepted(token, *fd, now),
                Finish::Accepted(Err(errno)) => self.not_accepted(token, *errno, now)?,
                // Step 3.
                Finish::Received(result, buffer) => self.received(token, *result, buffer, now),
                // Step 7.
                Finish::Sent(result, buffer) => self.sent(token, *result, std::mem::take(buffer), now),
            }
        }
        // The model has its buffers back with the next wait.
        self.finished = finished;
        // Step 5, for what workers have done.
        let Completion { context, io, service, .. } = self;
        service.collect(context, now, |service, peer| next(context, io, service, peer, now));
        Ok(now)
    }

    fn resume(&mut self, peer: &mut Peer<K>, now: Now) {
        next(&self.context, &mut self.io, &mut self.service, peer, now);
    }

    fn listeners(&self) -> u64 {
        self.acceptors.len()
    }

    fn start_accepting(&mut self, token: u64) -> Result<(), Errno> {
        match self.acceptors.open(token) {
            Some((_, listener)) => self.io.completer.accept(listener.fd(), token),
            None => Ok(()),
        }
    }

    fn stop_accepting(&mut self) {
        self.acceptors.0.iter().for_each(Acceptor::close);
    }
}

impl<K: Kernel, S: Storage> Completion<K, S> {
    fn accepted(&mut self, token: u64, fd: Fd, now: Now) {
        let stream = TcpStream::from(OwnedFd::from_raw(self.context.units.kernel, fd));
        let Completion { context, io, acceptors, service, .. } = self;
        let mut is_in = false;
        // ENOTCONN: it has gone already.
        if let Some(acceptor) = acceptors.get(token)
            && let Ok(from) = acceptor.peer_of(&stream)
        {
            acceptor.take_in(context, stream, &from, now, &mut |peer| {
                is_in = true;
                set_send_timeout(context, peer);
                next(context, io, service, peer, now);
                Ok(())
            });
        }
        if !is_in {
            io.completer.forget(fd);
        }
    }

    /// Nothing is accepted until it is asked for again.
    fn not_accepted(&mut self, token: u64, errno: Errno, now: Now) -> Result<(), Errno> {
        if AcceptError::of(errno) == AcceptError::NoRoom {
            if let Some(acceptor) = self.acceptors.get(token) {
                acceptor.rest(&self.context.units.config.log, errno);
            }
            self.context.look_at(token, now.mono_ns + REST_NS);
            return Ok(());
        }
        // EINVAL: the listener was shut down, because the server stops.
        if errno == Errno::EINVAL { Ok(()) } else { self.start_accepting(token) }
    }

    /// Step 3: the data is in the buffer; step 4: its requests are handled.
    fn received(&mut self, token: u64, result: Result<usize, Errno>, buffer: &[u8], now: Now) {
        let Some(shared) = self.context.peers.get(token) else { return };
        let mut peer = shared.lock();
        peer.flight.receiving = false;
        let Completion { context, io, service, .. } = self;
        peer.connection.borrow_buffers(&mut io.scratch.buffers);
        match result {
            // It was ended for the stop.
            Ok(0) | Err(Errno::ECANCELED) if peer.flight.stops => {}
            Ok(0) => peer.connection.end_of_input(now.mono_ns),
            Ok(n) if n < buffer.len() => service.serve(&context.units, &mut peer, &buffer[..n], now),
            // There is more, or there was no buffer for any of it: it is there already.
            Ok(_) | Err(Errno::ENOBUFS) => {
                let (bytes, n) = (&mut io.scratch.bytes, buffer.len());
                bytes[..n].copy_from_slice(buffer);
                // Nothing more, an end or an error: the next receive says which.
                let more = peer.stream.recv(&mut bytes[n..], RecvFlags::DONTWAIT).unwrap_or(0);
                service.serve(&context.units, &mut peer, &bytes[..n + more], now);
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => peer.connection.close(CloseReason::SocketFailed),
        }
        next(context, io, service, &mut peer, now);
    }

    /// Step 7: the data was written, or a part of it.
    fn sent(&mut self, token: u64, result: Result<usize, Errno>, mut buffer: Vec<u8>, now: Now) {
        let Some(shared) = self.context.peers.get(token) else { return };
        let mut peer = shared.lock();
        peer.flight.sending = false;
        match result {
            Ok(n) => peer.connection.sent(n, now.mono_ns),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => peer.connection.close(CloseReason::SocketFailed),
        }
        if peer.connection.output_lent() > 0 {
            peer.flight.unsent = Some(Box::new(buffer));
        } else {
            buffer.clear();
            self.io.scratch.buffers.keep_output(&mut buffer);
        }
        next(&self.context, &mut self.io, &mut self.service, &mut peer, now);
    }
}

/// POSIX AIO's write is a blocking one, which ends when all is sent: a peer that takes its replies slowly would seem to
/// take none. With a timeout it ends before a peer counts as stalled, and says how much was sent.
fn set_send_timeout<K: Kernel, S: Storage>(context: &LoopContext<K, S>, peer: &Peer<K>) {
    let stall = Duration::from_nanos(context.units.config.limits.write_stall_timeout_ns);
    if context.units.config.model == ModelKind::Aio && !stall.is_zero() {
        let _ = peer.stream.set_write_timeout(Some((stall / 2).max(TIMEOUT_MIN)));
    }
}

/// Step 8: what comes after.
fn next<K: Kernel, S: Storage>(
    context: &LoopContext<K, S>,
    io: &mut Io<K>,
    service: &mut Service<K>,
    peer: &mut Peer<K>,
    now: Now,
) {
    peer.connection.borrow_buffers(&mut io.scratch.buffers);
    if peer.flight.stops {
        stop(context, io, service, peer, now);
    }
    context.ask_storage(peer, now);
    loop {
        while service.takes(peer) {
            service.serve(&context.units, peer, &[], now);
        }
        write(context, io, peer, now);
        if !context.ask_storage(peer, now) {
            break;
        }
    }
    peer.announce_end(now);
    if !peer.connection.is_closed() {
        read(context, io, peer, now);
    }
    peer.connection.return_buffers(&mut io.scratch.buffers);
    if peer.connection.is_closed() {
        end(context, &mut io.completer, peer);
    } else {
        context.arm_deadline(peer);
    }
}

/// The server stops. Once nothing of the peer is under way, which may be what it has waited for, what has come is served and the
/// connection drains.
fn stop<K: Kernel, S: Storage>(
    context: &LoopContext<K, S>,
    io: &mut Io<K>,
    service: &mut Service<K>,
    peer: &mut Peer<K>,
    now: Now,
) {
    if peer.connection.is_closed() || peer.flight.sending {
        return;
    }
    if peer.flight.receiving {
        if io.completer.stop_receiving(peer.stream.fd(), peer.token).is_err() {
            // There is no room for it at the moment.
            context.look_at(peer.token, now.mono_ns + AGAIN_NS);
        }
        return;
    }
    peer.flight.stops = false;
    if peer.connection.wants_last_read() {
        let bytes = &mut io.scratch.bytes;
        // Nothing, an end or an error: the next receive says which.
        let n = peer.stream.recv(bytes, RecvFlags::DONTWAIT).unwrap_or(0);
        service.serve(&context.units, peer, &bytes[..n], now);
    }
    peer.connection.drain(now.mono_ns);
}

/// Step 1: which socket; the model has the buffer.
fn read<K: Kernel, S: Storage>(context: &LoopContext<K, S>, io: &mut Io<K>, peer: &mut Peer<K>, now: Now) {
    if peer.flight.receiving || peer.flight.stops || !peer.connection.wants_read() {
        return;
    }
    match io.completer.recv(peer.stream.fd(), peer.token) {
        Ok(()) => peer.flight.receiving = true,
        Err(errno) => refused(context, peer, errno, now),
    }
}

/// Step 5: which socket, from which buffer.
fn write<K: Kernel, S: Storage>(context: &LoopContext<K, S>, io: &mut Io<K>, peer: &mut Peer<K>, now: Now) {
    if peer.flight.sending || peer.connection.is_closed() {
        return;
    }
    let (buffer, from) = match peer.flight.unsent.take() {
        Some(buffer) => {
            let from = buffer.len() - peer.connection.output_lent();
            (*buffer, from)
        }
        None if peer.connection.wants_write() => peer.connection.take_output(Vec::new()),
        None => return,
    };
    match io.completer.send(peer.stream.fd(), peer.token, buffer, from) {
        Ok(()) => peer.flight.sending = true,
        Err((errno, buffer)) => {
            peer.flight.unsent = Some(Box::new(buffer));
            refused(context, peer, errno, now);
        }
    }
}

/// The model has not taken an operation: for the moment, or for good.
fn refused<K: Kernel, S: Storage>(context: &LoopContext<K, S>, peer: &mut Peer<K>, errno: Errno, now: Now) {
    if matches!(errno, Errno::EBUSY | Errno::EAGAIN | Errno::EINTR) {
        context.look_at(peer.token, now.mono_ns + AGAIN_NS);
    } else if AcceptError::of(errno) == AcceptError::NoRoom {
        // POSIX AIO needs a second descriptor for each connection.
        context.look_at(peer.token, now.mono_ns + REST_NS);
    } else {
        peer.connection.close(CloseReason::SocketFailed);
    }
}

/// The connection is over: shut down, until all that is in flight has come back; then closed.
fn end<K: Kernel, S: Storage>(
    context: &LoopContext<K, S>,
    completer: &mut AnyCompleter<K>,
    peer: &mut Peer<K>,
) {
    if peer.flight.receiving || peer.flight.sending {
        if !peer.flight.shut {
            peer.flight.shut = true;
            // ENOTCONN: it was reset, which ends them too.
            let _ = peer.stream.shutdown(ShutdownHow::Both);
        }
        return;
    }
    // With a worker, who gives it back.
    if peer.session.is_some() {
        completer.forget(peer.stream.fd());
        context.release(peer);
    }
}
