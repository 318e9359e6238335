//! POSIX AIO on sockets, row by row of what glibc does; and under faults.

#[macro_use]
mod common;

use common::{pair, sweep};
use eagain_net::*;
use eagain_sim::{Sim, SimKernel};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(1);

fn write(k: SimKernel, fd: Fd, bytes: &[u8]) -> AioId {
    k.aio_write(fd, bytes.to_vec(), 0, 0, SigEvent::None).unwrap()
}

fn read(k: SimKernel, fd: Fd, len: usize) -> AioId {
    k.aio_read(fd, vec![0; len], 0, SigEvent::None).unwrap()
}

row!(a_write_behind_a_pending_read_on_the_same_number_waits, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let reading = read(k, b, 8);
    let writing = write(k, b, b"hello");
    k.nanosleep(SOON).unwrap();
    assert_eq!(k.aio_error(reading), Ok(AioState::InProgress));
    assert_eq!(k.aio_error(writing), Ok(AioState::InProgress), "although the socket is writable");
    let other = write(k, k.dup(b).unwrap(), b"through a dup");
    k.aio_suspend(&[other], None).unwrap();
    assert_eq!(k.aio_return(other).unwrap().0, Ok(13));
    k.send(a, b"x", SendFlags::NONE).unwrap();
    k.aio_suspend(&[writing], None).unwrap();
    let (result, buffer) = k.aio_return(reading).unwrap();
    assert_eq!((result, buffer), (Ok(1), b"x\0\0\0\0\0\0\0".to_vec()));
    assert_eq!(k.aio_return(reading), Err(Errno::EINVAL), "once");
});

row!(cancel_takes_what_is_queued_and_not_what_runs, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    let (first, second) = (read(k, b, 8), read(k, b, 8));
    k.nanosleep(SOON).unwrap();
    assert_eq!(k.aio_cancel(b, Some(second)), Ok(AioCancel::Canceled));
    assert_eq!(k.aio_error(second), Ok(AioState::Failed(Errno::ECANCELED)));
    assert_eq!(k.aio_cancel(b, Some(first)), Ok(AioCancel::NotCanceled));
    assert_eq!(k.aio_error(first), Ok(AioState::InProgress));
    assert_eq!(k.aio_cancel(b, Some(second)), Ok(AioCancel::AllDone));
    assert_eq!(k.aio_cancel(Fd(77), None), Err(Errno::EBADF));
    let third = read(k, b, 8);
    assert_eq!(k.aio_cancel(b, None), Ok(AioCancel::NotCanceled), "the first runs");
    assert_eq!(k.aio_error(third), Ok(AioState::Failed(Errno::ECANCELED)));
    assert_eq!(
        k.aio_return(third).map(|(result, buffer)| (result, buffer.len())),
        Ok((Err(Errno::ECANCELED), 8))
    );
});

row!(two_queued_reads_fill_in_order, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let ids = [read(k, b, 2), read(k, b, 2)];
    k.send(a, b"ABCD", SendFlags::NONE).unwrap();
    k.aio_suspend(&ids[1..], None).unwrap();
    assert_eq!(ids.map(|id| k.aio_return(id).unwrap().1), [b"AB".to_vec(), b"CD".to_vec()]);
});

row!(a_nonblocking_descriptor_gives_eagain, |k| {
    let (_a, b) = pair(k, SocketFlags::NONBLOCK);
    let id = read(k, b, 8);
    k.aio_suspend(&[id], None).unwrap();
    assert_eq!(k.aio_error(id), Ok(AioState::Failed(Errno::EAGAIN)));
});

row!(a_wrong_descriptor_is_found_out_later, |k| {
    let id = read(k, Fd(77), 8);
    k.nanosleep(SOON).unwrap();
    assert_eq!(k.aio_error(id), Ok(AioState::Failed(Errno::EBADF)));
});

row!(a_blocking_write_goes_on_until_all_is_written, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let id = write(k, a, &[7; 2 << 20]);
    k.nanosleep(SOON).unwrap();
    assert_eq!(k.aio_error(id), Ok(AioState::InProgress));
    let (mut got, mut buffer) = (0, vec![0; 65536]);
    while got < 2 << 20 {
        got += k.recv(b, &mut buffer, RecvFlags::NONE).unwrap();
    }
    k.aio_suspend(&[id], None).unwrap();
    assert_eq!(k.aio_return(id).unwrap().0, Ok(2 << 20));
});

row!(a_timeout_of_the_socket_ends_what_waits, |k| {
    let (a, _b) = pair(k, SocketFlags::NONE);
    k.setsockopt(a, SocketOption::SendTimeout(Some(SOON))).unwrap();
    k.setsockopt(a, SocketOption::RecvTimeout(Some(SOON))).unwrap();
    let reading = read(k, a, 8);
    k.aio_suspend(&[reading], None).unwrap();
    assert_eq!(k.aio_error(reading), Ok(AioState::Failed(Errno::EAGAIN)));
    let writing = write(k, a, &[7; 8 << 20]);
    k.aio_suspend(&[writing], None).unwrap();
    let sent = k.aio_return(writing).unwrap().0.unwrap();
    assert!(sent > 0 && sent < 8 << 20, "as much as found room: {sent}");
});

row!(no_more_than_the_limit_run_at_once, |k| {
    k.aio_init(1);
    let (_a, b) = pair(k, SocketFlags::NONE);
    let (c, _d) = pair(k, SocketFlags::NONE);
    let stuck = read(k, b, 8);
    let waits = write(k, c, b"x");
    k.nanosleep(SOON).unwrap();
    assert_eq!(k.aio_error(waits), Ok(AioState::InProgress), "the only thread reads");
    assert_eq!(k.aio_cancel(b, Some(stuck)), Ok(AioCancel::NotCanceled));
    k.shutdown(b, ShutdownHow::Read).unwrap();
    k.aio_suspend(&[waits], None).unwrap();
    assert_eq!(k.aio_return(stuck).unwrap().0, Ok(0));
});

row!(the_end_is_a_queued_signal_with_its_value, |k| {
    let done = Signal::SIGRTMIN;
    k.sigprocmask(MaskHow::Block, SigSet::of(&[done])).unwrap();
    let (a, _b) = pair(k, SocketFlags::NONE);
    for value in [7, 8] {
        k.aio_write(a, b"x".to_vec(), 0, 0, SigEvent::Signal(done, value)).unwrap();
    }
    for value in [7, 8] {
        let info = k.sigtimedwait(SigSet::of(&[done]), None).unwrap();
        assert_eq!((info.signal, info.code, info.value), (done, SigCode::AsyncIo, value));
    }
});

#[test]
fn where_the_signal_queue_is_full_the_signal_is_lost_and_aio_error_has_the_result() {
    fn body(k: SimKernel) {
        let done = Signal::SIGRTMIN;
        k.sigprocmask(MaskHow::Block, SigSet::of(&[done])).unwrap();
        let (a, _b) = pair(k, SocketFlags::NONE);
        let ids: Vec<_> =
            (0..5).map(|i| k.aio_write(a, b"x".to_vec(), 0, 0, SigEvent::Signal(done, i)).unwrap()).collect();
        k.nanosleep(SOON).unwrap();
        let mut reported = 0;
        while k.sigtimedwait(SigSet::of(&[done]), Some(Duration::ZERO)).is_ok() {
            reported += 1;
        }
        assert_eq!(reported, 2);
        assert!(ids.iter().all(|&id| k.aio_error(id) == Ok(AioState::Done)));
    }
    common::check(|sim| {
        sim.knobs().sigpending_limit = 2;
        sim.faults(&[]);
        let host = sim.host("host");
        sim.client(host, "main", body);
    });
}

row!(suspend_says_what_ended_it, |k| {
    let (_a, b) = pair(k, SocketFlags::NONE);
    let id = read(k, b, 8);
    assert_eq!(k.aio_suspend(&[id], Some(SOON)), Err(Errno::EAGAIN));
    k.sigaction(Signal::SIGUSR1, SigAction::handler(true, |_| {})).unwrap();
    let (me, kernel) = (k.gettid(), k);
    k.spawn(
        "killer",
        Box::new(move || {
            kernel.nanosleep(Duration::from_micros(500)).unwrap();
            kernel.tgkill(me, Signal::SIGUSR1).unwrap();
        }),
    )
    .unwrap();
    assert_eq!(k.aio_suspend(&[id], Some(Duration::from_secs(1))), Err(Errno::EINTR));
});

row!(a_running_read_survives_the_close_of_its_descriptor, |k| {
    let (a, b) = pair(k, SocketFlags::NONE);
    let id = read(k, b, 8);
    k.nanosleep(SOON).unwrap();
    k.close(b).unwrap();
    k.send(a, b"late", SendFlags::NONE).unwrap();
    k.aio_suspend(&[id], None).unwrap();
    assert_eq!(k.aio_return(id).unwrap().0, Ok(4));
});

/// A proactor as the seed has it: a signal reports each end, and what is lost is found by asking.
fn serve(k: SimKernel, port: u16) {
    let done = Signal::SIGRTMIN;
    k.sigprocmask(MaskHow::Block, SigSet::of(&[done])).unwrap();
    let l = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
    k.bind(l, SocketAddr::from(([0, 0, 0, 0], port))).unwrap();
    k.listen(l, 16).unwrap();
    let (fd, _) = loop {
        match k.accept4(l, SocketFlags::NONE) {
            Err(Errno::EINTR) => continue,
            accepted => break accepted.unwrap(),
        }
    };
    loop {
        let wait = || loop {
            match k.sigtimedwait(SigSet::of(&[done]), None) {
                Err(Errno::EINTR) => continue,
                info => return info.unwrap(),
            }
        };
        let id = k.aio_read(fd, vec![0; 64], 0, SigEvent::Signal(done, 1)).unwrap();
        assert_eq!(wait().value, 1);
        let (n, mut buffer) = k.aio_return(id).unwrap();
        let n = n.unwrap();
        if n == 0 {
            return;
        }
        buffer.truncate(n);
        let id = k.aio_write(fd, buffer, 0, 0, SigEvent::Signal(done, 2)).unwrap();
        assert_eq!(wait().value, 2);
        assert_eq!(k.aio_return(id).unwrap().0, Ok(n));
    }
}

fn echo(sim: &mut Sim) {
    let host = sim.host("server");
    let server = sim.address(host, 7);
    sim.server(host, "server", |k| serve(k, 7));
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let fd = loop {
            let fd = k.socket(Domain::Inet, SocketFlags::NONE).unwrap();
            if k.connect(fd, server).is_ok() {
                break fd;
            }
            k.close(fd).unwrap();
            k.nanosleep(SOON).unwrap();
        };
        for round in 0..10_u8 {
            let sent = [round; 100];
            assert_eq!(k.send(fd, &sent, SendFlags::NOSIGNAL), Ok(100));
            let mut got = Vec::new();
            while got.len() < sent.len() {
                let mut buffer = [0; 64];
                let n = k.recv(fd, &mut buffer, RecvFlags::NONE).unwrap();
                assert_ne!(n, 0);
                got.extend_from_slice(&buffer[..n]);
            }
            assert_eq!(got, sent);
        }
    });
}

#[test]
fn an_echo_server_on_aio_holds_under_faults() {
    sweep(echo, 0..200, &["aio.late"]);
}
