//! Clients on the simulated kernel. Its calls block, so the futures made of them never wait: [`wait`] polls one once.

use super::{Both, Client, End, Runtime, SocketOption};
use eagain_net::*;
use eagain_sim::{SimKernel, choose, fail, sometimes};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A client's thread on the simulated kernel.
#[derive(Clone, Copy, Debug)]
pub struct OnKernel {
    /// Its calls.
    pub k: SimKernel,
    /// Where the server listens.
    pub server: SocketAddr,
}

/// What a future of this runtime comes to.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a blocking call returns when it is done"),
    }
}

impl Runtime for OnKernel {
    type Reader = Arc<TcpStream<SimKernel>>;
    type Writer = Arc<TcpStream<SimKernel>>;

    fn pick<T>(both: Both<T>) -> T {
        both.kernel
    }

    fn now(&self) -> Instant {
        now(self.k)
    }

    fn choose(&self, _: u64, name: &'static str, low: u64, high: u64) -> u64 {
        choose(name, low, high)
    }

    async fn sleep(&self, duration: Duration) {
        sleep(self.k, duration);
    }

    async fn timeout<T>(&self, _: Duration, work: impl Future<Output = T>) -> Option<T> {
        Some(work.await)
    }

    async fn connect(&self, _: u64) -> io::Result<(Self::Reader, Self::Writer)> {
        let stream = Arc::new(TcpStream::connect(self.k, self.server).map_err(io_error)?);
        Ok((stream.clone(), stream))
    }

    fn set(writer: &Self::Writer, option: SocketOption) -> io::Result<()> {
        let set = match option {
            SocketOption::ReceiveBuffer(bytes) => writer.set_recv_buffer(bytes),
            SocketOption::NoDelay => writer.set_nodelay(true),
            SocketOption::Nonblocking(on) => writer.set_nonblocking(on),
            SocketOption::ResetOnClose => writer.set_linger(Some(0)),
            SocketOption::Timeout(limit) => {
                writer.set_read_timeout(Some(limit)).and(writer.set_write_timeout(Some(limit)))
            }
        };
        set.map_err(io_error)
    }

    async fn read(reader: &mut Self::Reader, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match reader.read(bytes) {
                Err(Errno::EINTR) => {}
                done => return done.map_err(io_error),
            }
        }
    }

    async fn write_all(writer: &mut Self::Writer, bytes: &[u8]) -> io::Result<()> {
        writer.write_all(bytes).map_err(io_error)
    }

    async fn shutdown(writer: &mut Self::Writer) -> io::Result<()> {
        writer.shutdown(ShutdownHow::Write).map_err(io_error)
    }

    async fn send(client: &mut Client<Self>, bytes: &[u8]) -> Result<(), End> {
        send_by(client, bytes, &mut async |client| client.receive(4096).await).await.map(drop)
    }

    async fn exchange(client: &mut Client<Self>, bytes: &[u8]) -> Result<Option<bool>, End> {
        let mut receive = async |client: &mut Client<Self>| client.receive(4096).await;
        let short = send_by(client, bytes, &mut receive).await?;
        receive_the_rest(client, &mut receive).await?;
        Ok(Some(short))
    }

    async fn exchange_by(
        client: &mut Client<Self>,
        bytes: &[u8],
        mut receive: impl AsyncFnMut(&mut Client<Self>) -> Result<(), End>,
    ) -> Result<(), End> {
        send_by(client, bytes, &mut receive).await?;
        receive_the_rest(client, &mut receive).await
    }

    fn sometimes(&self, mark: &'static str, reached: bool) {
        sometimes(mark, reached);
    }

    fn fail(&self, oracle: &'static str, site: &str, message: String) {
        fail(oracle, site, message);
    }
}

/// Sends all of `bytes`, as far as there is room, and receives what comes meanwhile. `true`: a write was short.
async fn send_by(
    client: &mut Client<OnKernel>,
    bytes: &[u8],
    receive: &mut impl AsyncFnMut(&mut Client<OnKernel>) -> Result<(), End>,
) -> Result<bool, End> {
    let mut short = false;
    let mut rest = bytes;
    while !rest.is_empty() {
        wait_for(client, Events::IN | Events::OUT)?;
        match client.writer.write(rest) {
            Ok(n) => {
                short |= n < rest.len();
                rest = &rest[n..];
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(End::Broken(io_error(errno))),
        }
        unless_empty(receive(client).await)?;
    }
    Ok(short)
}

async fn receive_the_rest(
    client: &mut Client<OnKernel>,
    receive: &mut impl AsyncFnMut(&mut Client<OnKernel>) -> Result<(), End>,
) -> Result<(), End> {
    while client.outstanding() > 0 {
        wait_for(client, Events::IN)?;
        unless_empty(receive(client).await)?;
    }
    Ok(())
}

fn wait_for(client: &Client<OnKernel>, events: Events) -> Result<(), End> {
    let stream = &client.writer;
    match stream.kernel().poll(&mut [PollFd::new(stream.fd(), events)], None, None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(End::Broken(io_error(errno))),
    }
}

/// `EAGAIN` is no end.
fn unless_empty(received: Result<(), End>) -> Result<(), End> {
    match received {
        Err(End::Broken(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        other => other,
    }
}

/// The numbers of an [`Errno`] are Linux's; the kind is the same everywhere.
fn io_error(errno: Errno) -> io::Error {
    let kind = match errno {
        Errno::EAGAIN => io::ErrorKind::WouldBlock,
        Errno::ECONNRESET => io::ErrorKind::ConnectionReset,
        Errno::EPIPE => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, errno.to_string())
}
