//! A link to a server behind as a task: connecting, reading, writing. What it means is [`PermanentConnection`]'s business.
//!
//! [`PermanentConnection`]: crate::cluster::permanent_connection::PermanentConnection

use super::Connector;
use super::shared::Shared;
use super::timer::DeadlineTimer;
use super::upstream::Upstream;
use crate::storage_unit::Storage;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads of one link before the others have their turn.
const READS_PER_TURN_MAX: usize = 8;

/// A link.
pub(super) struct Link<C: Connector, S> {
    shared: Rc<Shared<S>>,
    upstream: Rc<Upstream>,
    connector: Rc<C>,
    server: usize,
    address: SocketAddr,
    socket: Socket<C::Stream>,
    timer: DeadlineTimer,
}

enum Socket<T> {
    /// None, until it is time to connect again.
    Absent,
    /// It is being connected. Dropped when that takes too long.
    Coming(Pin<Box<dyn Future<Output = io::Result<T>>>>),
    There(T),
}

/// Whether there is more to do at once.
#[derive(PartialEq, Eq)]
enum Next {
    Again,
    Later,
    /// The link is at its end.
    Lost,
}

impl<C: Connector + 'static, S: Storage> Link<C, S> {
    pub fn new(
        shared: Rc<Shared<S>>,
        upstream: Rc<Upstream>,
        connector: Rc<C>,
        server: usize,
        address: SocketAddr,
    ) -> Self {
        Link {
            shared,
            upstream,
            connector,
            server,
            address,
            socket: Socket::Absent,
            timer: DeadlineTimer::new(),
        }
    }

    /// Runs until the server stops.
    pub async fn run(mut self) {
        poll_fn(|cx| {
            self.turn(cx);
            Poll::Pending
        })
        .await
    }

    /// One turn: what is late, what can be connected, sent and read, until nothing moves any more.
    fn turn(&mut self, cx: &mut Context<'_>) {
        self.upstream.at_turn(self.server, cx.waker());
        let mut reads = 0;
        loop {
            let now_ns = self.shared.now().mono_ns;
            if !self.upstream.proxy.borrow_mut().tick(self.server, now_ns) {
                self.lose(now_ns);
            }
            let next = match &mut self.socket {
                Socket::Absent => self.connect(now_ns),
                Socket::Coming(connecting) => match connecting.as_mut().poll(cx) {
                    Poll::Pending => Next::Later,
                    Poll::Ready(Err(_)) => Next::Lost,
                    Poll::Ready(Ok(stream)) => {
                        self.socket = Socket::There(stream);
                        self.upstream.proxy.borrow_mut().connected(self.server, now_ns);
                        Next::Again
                    }
                },
                Socket::There(_) if reads == READS_PER_TURN_MAX => {
                    cx.waker().wake_by_ref();
                    break;
                }
                Socket::There(_) => {
                    reads += 1;
                    self.carry(cx, now_ns)
                }
            };
            match next {
                Next::Again => {}
                Next::Lost => self.lose(now_ns),
                Next::Later => {
                    let deadline_ns = self.upstream.proxy.borrow().deadline_of(self.server);
                    if !self.timer.expired(cx, deadline_ns, |at| self.shared.instant(at)) {
                        break;
                    }
                }
            }
        }
        self.upstream.looked(self.server);
        self.upstream.stir(&self.shared);
    }

    fn connect(&mut self, now_ns: u64) -> Next {
        let mut proxy = self.upstream.proxy.borrow_mut();
        if !proxy.wants_connect(self.server, now_ns) {
            return Next::Later;
        }
        proxy.link(self.server).begin_connect(now_ns);
        let (connector, address) = (self.connector.clone(), self.address);
        self.socket = Socket::Coming(Box::pin(async move { connector.connect(address).await }));
        Next::Again
    }

    /// Closes the socket; the proxy decides what becomes of what it carried.
    fn lose(&mut self, now_ns: u64) {
        self.socket = Socket::Absent;
        self.upstream.proxy.borrow_mut().lost(self.server, now_ns);
    }

    /// Writes until all is sent or the stream is full, and reads once.
    fn carry(&mut self, cx: &mut Context<'_>, now_ns: u64) -> Next {
        let Socket::There(stream) = &mut self.socket else { return Next::Later };
        let mut proxy = self.upstream.proxy.borrow_mut();
        let link = proxy.link(self.server);
        while !link.output().is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, link.output()) {
                Poll::Pending => break,
                Poll::Ready(Ok(count)) if count > 0 => link.sent(count),
                // It takes nothing: it never will.
                Poll::Ready(Ok(_) | Err(_)) => return Next::Lost,
            }
        }
        let mut scratch = self.shared.scratch.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch[..]);
        match Pin::new(stream).poll_read(cx, &mut buf) {
            Poll::Pending => Next::Later,
            Poll::Ready(Err(_)) => Next::Lost,
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Next::Lost,
            Poll::Ready(Ok(())) => match proxy.received(self.server, buf.filled(), now_ns) {
                Ok(()) => Next::Again,
                Err(_) => Next::Lost,
            },
        }
    }
}
