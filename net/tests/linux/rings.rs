//! The completion ring. Where io_uring is forbidden, each test says so and why.

use crate::pair;
use eagain_net::{
    Advice, Completed, CompletedFlags, Completion, Errno, Events, Fd, File, Linux, MaskHow, OpenFlags,
    Operation, RecvFlags, Ring, RingParams, SendFlags, ShutdownHow, SigAction, SigSet, Signal, Signals,
    SocketFlags, Submission, SubmissionFlags, TcpListener, TcpStream, Threads, any_port,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// Both ways of running a ring, or none where there is none.
fn on_each_ring(test: fn(Ring<Linux>)) {
    if let Advice::Unavailable(reason) = Linux.io_uring_probe() {
        return crate::skipped(&reason);
    }
    for defer_taskrun in [false, true] {
        test(Ring::new(Linux, RingParams { entries: 8, cq_entries: 0, defer_taskrun }).unwrap());
    }
}

/// Enters until `count` completions are there.
fn completions(ring: &mut Ring<Linux>, count: usize) -> Vec<Completed> {
    let mut done = Vec::new();
    while done.len() < count {
        ring.enter((count - done.len()) as u32, None).unwrap();
        ring.reap(&mut done);
    }
    assert_eq!(done.len(), count);
    done
}

fn one(ring: &mut Ring<Linux>) -> Completed {
    completions(ring, 1).remove(0)
}

fn result_of(done: &[Completed], user_data: u64) -> i32 {
    done.iter().find(|done| done.user_data == user_data).unwrap().result
}

#[test]
fn a_receive_waits_for_its_bytes_and_gives_its_buffer_back() {
    on_each_ring(|mut ring| {
        let (client, server) = pair();
        // Also on a non-blocking socket: the ring waits, not the call.
        server.set_nonblocking(true).unwrap();
        ring.recv(5, server.fd(), vec![0; 16]).unwrap();
        assert_eq!(ring.enter(0, None), Ok(1));
        assert_eq!(ring.reap(&mut Vec::new()), 0);
        client.write(b"hello").unwrap();
        let done = one(&mut ring);
        assert_eq!((done.user_data, done.value(), done.flags), (5, Ok(5), CompletedFlags::NONE));
        assert_eq!(&done.buffer.unwrap()[..5], b"hello");
        ring.send(6, server.fd(), b"-back".to_vec(), 1).unwrap();
        let done = one(&mut ring);
        assert_eq!((done.value(), done.buffer), (Ok(4), Some(b"-back".to_vec())));
        let mut back = [0; 4];
        assert_eq!(client.read_exact(&mut back), Ok(true));
        assert_eq!(&back, b"back");
    });
}

#[test]
fn connections_are_accepted_and_made() {
    on_each_ring(|mut ring| {
        let listener = TcpListener::bind(Linux, any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        ring.accept_multishot(1, listener.fd(), SocketFlags::CLOEXEC).unwrap();
        let clients =
            [TcpStream::connect(Linux, address).unwrap(), TcpStream::connect(Linux, address).unwrap()];
        for done in completions(&mut ring, 2) {
            assert_eq!((done.user_data, done.flags), (1, CompletedFlags::MORE));
            ring.close(2, Fd(done.result)).unwrap();
        }
        assert!(completions(&mut ring, 2).iter().all(|done| done.value() == Ok(0)));
        for client in clients {
            assert_eq!(client.read(&mut [0; 1]), Ok(0));
        }
        ring.cancel(3, 1).unwrap();
        let done = completions(&mut ring, 2);
        assert_eq!(result_of(&done, 3), 0);
        assert_eq!(result_of(&done, 1), -Errno::ECANCELED.0);
        assert!(done.iter().all(|done| done.flags == CompletedFlags::NONE));
        let stream = TcpStream::connect(Linux, address).unwrap();
        ring.connect(4, stream.fd(), address).unwrap();
        assert_eq!(one(&mut ring).value(), Err(Errno::EISCONN));
    });
}

#[test]
fn a_group_of_buffers_is_filled_and_runs_out() {
    on_each_ring(|mut ring| {
        let (client, server) = pair();
        ring.provide(1, 9, vec![vec![0; 8], vec![0; 8]], 40).unwrap();
        assert_eq!(one(&mut ring).value(), Ok(0));
        client.write(&[7; 20]).unwrap();
        ring.recv_multishot(2, server.fd(), 9).unwrap();
        let done = completions(&mut ring, 3);
        for (done, id) in done.iter().zip([40, 41]) {
            assert_eq!((done.value(), done.buffer_id), (Ok(8), id));
            assert_eq!(done.flags, CompletedFlags::MORE | CompletedFlags::BUFFER);
            assert_eq!(done.buffer.as_deref(), Some(&[7; 8][..]));
        }
        assert_eq!((done[2].value(), done[2].flags), (Err(Errno::ENOBUFS), CompletedFlags::NONE));
        // One comes back, and a single receive takes the rest.
        ring.provide(3, 9, vec![vec![0; 64]], 40).unwrap();
        let operation = Operation::RecvGroup { fd: server.fd(), group: 9, multishot: false };
        ring.push(Submission { user_data: 4, operation, flags: SubmissionFlags::NONE }).unwrap();
        let done = completions(&mut ring, 2);
        assert_eq!((done[1].buffer_id, done[1].buffer.as_deref()), (40, Some(&[7; 4][..])));
        // An id that is inside, and more than fit.
        ring.provide(5, 9, vec![vec![0; 8]], 41).unwrap();
        ring.provide(6, 9, vec![vec![0; 8]], 41).unwrap();
        ring.provide(7, 9, vec![Vec::new(); 5000], 100).unwrap();
        let done = completions(&mut ring, 3);
        assert_eq!(result_of(&done, 6), -Errno::EEXIST.0);
        assert_eq!(result_of(&done, 7), -Errno::E2BIG.0);
    });
}

#[test]
fn a_cancelled_operation_gives_its_buffer_back() {
    on_each_ring(|mut ring| {
        let (_client, server) = pair();
        ring.recv(1, server.fd(), vec![3; 4]).unwrap();
        ring.enter(0, None).unwrap();
        ring.cancel(2, 1).unwrap();
        ring.cancel(3, 77).unwrap();
        let done = completions(&mut ring, 3);
        assert_eq!((result_of(&done, 2), result_of(&done, 3)), (0, -Errno::ENOENT.0));
        let cancelled = done.into_iter().find(|done| done.user_data == 1).unwrap();
        assert_eq!((cancelled.value(), cancelled.buffer), (Err(Errno::ECANCELED), Some(vec![3; 4])));
    });
}

#[test]
fn a_link_timeout_ends_what_takes_too_long() {
    on_each_ring(|mut ring| {
        let (_client, server) = pair();
        let operation = Operation::Recv { fd: server.fd(), buffer: vec![0; 4], flags: RecvFlags::NONE };
        ring.push(Submission { user_data: 1, operation, flags: SubmissionFlags::LINK }).unwrap();
        let operation = Operation::LinkTimeout { after: Duration::from_micros(100) };
        ring.push(Submission { user_data: 2, operation, flags: SubmissionFlags::NONE }).unwrap();
        let done = completions(&mut ring, 2);
        assert_eq!(result_of(&done, 1), -Errno::ECANCELED.0);
        assert_eq!(result_of(&done, 2), -Errno::ETIME.0);
    });
}

#[test]
fn a_broken_link_cancels_what_follows() {
    on_each_ring(|mut ring| {
        let operation = Operation::Shutdown { fd: Fd(-1), how: ShutdownHow::Both };
        ring.push(Submission { user_data: 1, operation, flags: SubmissionFlags::LINK }).unwrap();
        ring.push(Submission { user_data: 2, operation: Operation::Nop, flags: SubmissionFlags::NONE })
            .unwrap();
        let done = completions(&mut ring, 2);
        assert_eq!((result_of(&done, 1), result_of(&done, 2)), (-Errno::EBADF.0, -Errno::ECANCELED.0));
    });
}

#[test]
fn a_full_submission_queue_gives_the_submission_back() {
    on_each_ring(|mut ring| {
        let nop =
            |user_data| Submission { user_data, operation: Operation::Nop, flags: SubmissionFlags::NONE };
        (0..8).for_each(|at| ring.push(nop(at)).unwrap());
        let (errno, back) = ring.push(nop(8)).unwrap_err();
        assert_eq!((errno, back.user_data), (Errno::EBUSY, 8));
        // More completions than the queue of 16 holds: none is lost.
        for _ in 0..5 {
            ring.enter(0, None).unwrap();
            (0..8).for_each(|at| ring.push(nop(at)).unwrap());
        }
        assert_eq!(completions(&mut ring, 48).len(), 48);
    });
}

#[test]
fn waits_end_in_time() {
    on_each_ring(|mut ring| {
        assert_eq!(ring.enter(1, Some(Duration::from_micros(10))), Err(Errno::ETIME));
        ring.timeout(1, Duration::from_micros(10)).unwrap();
        assert_eq!(one(&mut ring).value(), Err(Errno::ETIME));
        let (client, server) = pair();
        ring.poll_add(2, server.fd(), Events::IN).unwrap();
        client.write(b"x").unwrap();
        assert_eq!(one(&mut ring).result as u32, Events::IN.0);
        let sent =
            Operation::Send { fd: server.fd(), buffer: vec![1; 4], from: 9, flags: SendFlags::NOSIGNAL };
        ring.push(Submission { user_data: 3, operation: sent, flags: SubmissionFlags::NONE }).unwrap();
        assert_eq!(one(&mut ring).value(), Ok(0));
    });
}

#[test]
fn files_are_written_synced_and_read() {
    on_each_ring(|mut ring| {
        let path = format!("{}/ring-{}", env!("CARGO_TARGET_TMPDIR"), ring.fd());
        let flags = OpenFlags::RDWR | OpenFlags::CREAT | OpenFlags::TRUNC;
        let file = File::open(Linux, &path, flags).unwrap();
        ring.write_at(1, file.fd(), b"durable".to_vec(), 3).unwrap();
        assert_eq!(one(&mut ring).value(), Ok(7));
        ring.fsync(2, file.fd(), true).unwrap();
        assert_eq!(one(&mut ring).value(), Ok(0));
        ring.read_at(3, file.fd(), vec![0; 64], 3).unwrap();
        let done = one(&mut ring);
        assert_eq!((done.value(), &done.buffer.unwrap()[..7]), (Ok(7), &b"durable"[..]));
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_ring_ends_with_operations_in_flight() {
    on_each_ring(|mut ring| {
        let (client, server) = pair();
        ring.provide(1, 1, vec![vec![0; 64]], 0).unwrap();
        ring.recv_multishot(2, server.fd(), 1).unwrap();
        ring.recv(3, client.fd(), vec![0; 64]).unwrap();
        ring.enter(0, None).unwrap();
        // Pushed, but never entered.
        ring.recv(4, client.fd(), vec![0; 64]).unwrap();
        drop(ring);
        client.write(b"nobody").unwrap();
        assert_eq!(server.read(&mut [0; 8]), Ok(6));
    });
}

#[test]
fn a_ring_says_why_it_cannot_be_made() {
    let refused = Ring::<Linux>::new(Linux, RingParams { entries: 0, cq_entries: 0, defer_taskrun: false });
    match Linux.io_uring_probe() {
        Advice::Available => assert_eq!(refused.unwrap_err(), Errno::EINVAL),
        Advice::Unavailable(reason) => assert!(!reason.is_empty()),
    }
}

#[test]
fn the_mask_of_a_wait_lets_a_signal_in_and_goes_with_it() {
    on_each_ring(|mut ring| {
        let signal = Signal(Signal::SIGRTMIN.0 + 17);
        let seen = Arc::new(AtomicBool::new(false));
        let inside = seen.clone();
        Linux.sigaction(signal, SigAction::handler(false, move |_| inside.store(true, SeqCst))).unwrap();
        let before = Linux.sigprocmask(MaskHow::Block, SigSet::of(&[signal])).unwrap();
        // It stays blocked through a wait with the same mask.
        Linux.tgkill(Linux.gettid(), signal).unwrap();
        ring.push(Submission { user_data: 1, operation: Operation::Nop, flags: SubmissionFlags::NONE })
            .unwrap();
        assert_eq!(ring.enter_masked(1, None, SigSet::of(&[signal])), Ok(1));
        assert!(!seen.load(SeqCst));
        assert_eq!(ring.reap(&mut Vec::new()), 1);
        // It comes in when the wait's mask is without it, and only for the wait.
        assert_eq!(ring.enter_masked(1, None, before), Err(Errno::EINTR));
        assert!(seen.load(SeqCst));
        assert!(Linux.sigprocmask(MaskHow::SetMask, before).unwrap().contains(signal));
    });
}
