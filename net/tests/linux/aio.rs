//! POSIX AIO: completion by signal, one operation at a time for each descriptor, cancellation.

use crate::pair;
use eagain_net::{
    Aio, AioCancel, AioId, AioState, Errno, Fd, File, Linux, OpenFlags, ShutdownHow, SigAction, SigCode,
    SigEvent, Signal, Signals, Threads,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// The completion goes to the process: its main thread takes it, which no test runs on.
const DONE: Signal = Signal(Signal::SIGRTMIN.0 + 20);

#[test]
fn a_read_completes_by_a_signal_with_its_value() {
    let received = Arc::new(AtomicU64::new(0));
    let inside = received.clone();
    let handler = SigAction::handler(true, move |info| {
        if info.code == SigCode::AsyncIo {
            inside.store(info.value, SeqCst);
        }
    });
    Linux.sigaction(DONE, handler).unwrap();
    let (client, server) = pair();
    let id = Linux.aio_read(server.fd(), vec![0; 16], 0, SigEvent::Signal(DONE, 0xabcd_ef01_2345)).unwrap();
    assert_eq!(Linux.aio_error(id), Ok(AioState::InProgress));
    assert_eq!(Linux.aio_return(id).unwrap_err(), Errno::EINPROGRESS);
    client.write(b"hello").unwrap();
    Linux.aio_suspend(&[id], None).unwrap();
    assert_eq!(Linux.aio_error(id), Ok(AioState::Done));
    let (result, buffer) = Linux.aio_return(id).unwrap();
    assert_eq!((result, &buffer[..5]), (Ok(5), &b"hello"[..]));
    assert_eq!(Linux.aio_return(id).unwrap_err(), Errno::EINVAL);
    while received.load(SeqCst) == 0 {
        Linux.sched_yield();
    }
    assert_eq!(received.load(SeqCst), 0xabcd_ef01_2345);
}

#[test]
fn a_write_takes_a_part_of_its_buffer() {
    let (client, server) = pair();
    let id = Linux.aio_write(client.fd(), b"..part".to_vec(), 2, 0, SigEvent::None).unwrap();
    Linux.aio_suspend(&[id], None).unwrap();
    assert_eq!(Linux.aio_return(id).unwrap(), (Ok(4), b"..part".to_vec()));
    let mut read = [0; 4];
    assert_eq!(server.read_exact(&mut read), Ok(true));
    assert_eq!(&read, b"part");
    let (errno, back) = Linux.aio_write(client.fd(), vec![1], 2, 0, SigEvent::None).unwrap_err();
    assert_eq!((errno, back), (Errno::EINVAL, vec![1]));
}

#[test]
fn a_timeout_of_the_socket_ends_what_waits() {
    let (client, _server) = pair();
    client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let reading = Linux.aio_read(client.fd(), vec![0; 8], 0, SigEvent::None).unwrap();
    Linux.aio_suspend(&[reading], None).unwrap();
    assert_eq!(Linux.aio_error(reading), Ok(AioState::Failed(Errno::EAGAIN)));
    let writing = Linux.aio_write(client.fd(), vec![7; 64 << 20], 0, 0, SigEvent::None).unwrap();
    Linux.aio_suspend(&[writing], None).unwrap();
    let sent = Linux.aio_return(writing).unwrap().0.unwrap();
    assert!(sent > 0 && sent < 64 << 20, "as much as found room: {sent}");
}

#[test]
fn what_waits_behind_another_is_cancelled_and_what_runs_is_not() {
    let (client, server) = pair();
    let first = Linux.aio_read(server.fd(), vec![0; 4], 0, SigEvent::None).unwrap();
    let behind = Linux.aio_write(server.fd(), vec![0; 4], 0, 0, SigEvent::None).unwrap();
    assert_eq!(Linux.aio_error(behind), Ok(AioState::InProgress));
    assert_eq!(Linux.aio_cancel(server.fd(), Some(behind)), Ok(AioCancel::Canceled));
    assert_eq!(Linux.aio_error(behind), Ok(AioState::Failed(Errno::ECANCELED)));
    assert_eq!(Linux.aio_return(behind).unwrap(), (Err(Errno::ECANCELED), vec![0; 4]));
    // Through a duplicate a write does not wait.
    let duplicate = server.try_clone().unwrap();
    let write = Linux.aio_write(duplicate.fd(), b"x".to_vec(), 0, 0, SigEvent::None).unwrap();
    Linux.aio_suspend(&[write], None).unwrap();
    assert_eq!(Linux.aio_return(write).unwrap().0, Ok(1));
    let soon = Some(Duration::from_micros(10));
    match Linux.aio_error(first) {
        Ok(AioState::InProgress) => assert_eq!(Linux.aio_suspend(&[first], soon), Err(Errno::EAGAIN)),
        other => panic!("{other:?}"),
    }
    client.shutdown(ShutdownHow::Write).unwrap();
    Linux.aio_suspend(&[first], None).unwrap();
    assert_eq!(Linux.aio_return(first).unwrap().0, Ok(0));
    assert_eq!(Linux.aio_cancel(server.fd(), None), Ok(AioCancel::AllDone));
    assert_eq!(Linux.aio_error(first), Err(Errno::EINVAL));
}

#[test]
fn files_have_offsets_and_bad_descriptors_fail_later() {
    let path = format!("{}/aio-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let file = File::open(Linux, &path, OpenFlags::RDWR | OpenFlags::CREAT).unwrap();
    let id = Linux.aio_write(file.fd(), b"abc".to_vec(), 0, 5, SigEvent::None).unwrap();
    Linux.aio_suspend(&[id], None).unwrap();
    assert_eq!(Linux.aio_return(id).unwrap().0, Ok(3));
    assert_eq!(file.stat().unwrap().len, 8);
    std::fs::remove_file(path).unwrap();
    let id = Linux.aio_read(Fd(1 << 20), vec![0; 1], 0, SigEvent::None).unwrap();
    let _ = Linux.aio_suspend(&[id], None);
    assert_eq!(Linux.aio_error(id), Ok(AioState::Failed(Errno::EBADF)));
    assert_eq!(Linux.aio_return(id).unwrap(), (Err(Errno::EBADF), vec![0; 1]));
}

#[test]
fn a_handler_may_ask_for_an_operation_while_its_thread_does() {
    const SIGNALS: u64 = 1000;
    let signal = Signal(Signal::SIGRTMIN.0 + 21);
    let asked = Arc::new(AtomicU64::new(0));
    let inside = asked.clone();
    let handler = SigAction::handler(true, move |_| {
        inside.fetch_add((Linux.aio_error(AioId(u64::MAX)) == Err(Errno::EINVAL)) as u64, SeqCst);
    });
    Linux.sigaction(signal, handler).unwrap();
    let (victim, answered) = (Linux.gettid(), asked.clone());
    let sender = std::thread::spawn(move || {
        for sent in 1..=SIGNALS {
            Linux.tgkill(victim, signal).unwrap();
            // One at a time: each finds the thread somewhere else.
            while answered.load(SeqCst) < sent {
                Linux.sched_yield();
            }
        }
    });
    while asked.load(SeqCst) < SIGNALS {
        assert_eq!(Linux.aio_error(AioId(u64::MAX)), Err(Errno::EINVAL));
        // So that the handler's thread gets the lock, too.
        (0..100).for_each(|_| std::hint::spin_loop());
    }
    sender.join().unwrap();
}
